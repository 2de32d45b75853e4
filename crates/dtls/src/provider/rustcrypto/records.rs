//! AEADs and record-number masks.

use std::fmt;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::aead::AeadInOut;
use chacha20::cipher::{KeyIvInit, StreamCipherCore};
use chacha20::variants::Ietf;
use chacha20::{ChaChaCore, R20};
use zeroize::Zeroizing;

use crate::provider::{Aead, AeadKey, CryptoError, NONCE_LENGTH, RecordNumberKey, TAG_LENGTH};

pub(super) fn aead(algorithm: Aead, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
    let invalid = |_| CryptoError::InvalidKey;
    Ok(match algorithm {
        Aead::Aes128Gcm => Box::new(RecordKey(aes_gcm::Aes128Gcm::new_from_slice(key).map_err(invalid)?)),
        Aead::Aes256Gcm => Box::new(RecordKey(aes_gcm::Aes256Gcm::new_from_slice(key).map_err(invalid)?)),
        Aead::ChaCha20Poly1305 => {
            Box::new(RecordKey(chacha20poly1305::ChaCha20Poly1305::new_from_slice(key).map_err(invalid)?))
        }
    })
}

struct RecordKey<A>(A);

impl<A> AeadKey for RecordKey<A>
where
    A: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16> + Send,
{
    fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        aad: &[u8],
        payload_and_tag: &mut [u8],
    ) -> Result<(), CryptoError> {
        let (payload, room) =
            payload_and_tag.split_last_chunk_mut::<TAG_LENGTH>().ok_or(CryptoError::ProviderFailed)?;
        let tag = self.0.encrypt_inout_detached(nonce.into(), aad, payload.into());
        *room = tag.map_err(|_| CryptoError::ProviderFailed)?.into();
        Ok(())
    }

    fn open_in_place(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let (payload, tag) =
            ciphertext_and_tag.split_last_chunk_mut::<TAG_LENGTH>().ok_or(CryptoError::BadRecord)?;
        let length = payload.len();
        let opened = self.0.decrypt_inout_detached(nonce.into(), aad, payload.into(), (&*tag).into());
        opened.map(|()| length).map_err(|_| CryptoError::BadRecord)
    }
}

impl<A> fmt::Debug for RecordKey<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey")
    }
}

pub(super) fn record_number_key(
    algorithm: Aead,
    key: &[u8],
) -> Result<Box<dyn RecordNumberKey>, CryptoError> {
    let invalid = |_| CryptoError::InvalidKey;
    Ok(match algorithm {
        Aead::Aes128Gcm => Box::new(AesMask(aes::Aes128::new_from_slice(key).map_err(invalid)?)),
        Aead::Aes256Gcm => Box::new(AesMask(aes::Aes256::new_from_slice(key).map_err(invalid)?)),
        Aead::ChaCha20Poly1305 => {
            let key: [u8; 32] = key.try_into().map_err(|_| CryptoError::InvalidKey)?;
            Box::new(ChaChaMask(Zeroizing::new(key)))
        }
    })
}

/// One block of AES over the sample.
struct AesMask<C>(C);

impl<C> RecordNumberKey for AesMask<C>
where
    C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16> + Send,
{
    fn mask(&self, sample: &[u8; 16]) -> [u8; 5] {
        let mut block = (*sample).into();
        self.0.encrypt_block(&mut block);
        let [a, b, c, d, e, ..] = <[u8; 16]>::from(block);
        [a, b, c, d, e]
    }
}

impl<C> fmt::Debug for AesMask<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesMask")
    }
}

/// One block of ChaCha20; the sample is its counter and its nonce.
struct ChaChaMask(Zeroizing<[u8; 32]>);

impl RecordNumberKey for ChaChaMask {
    fn mask(&self, sample: &[u8; 16]) -> [u8; 5] {
        let [c0, c1, c2, c3, nonce @ ..] = *sample;
        let mut core = ChaChaCore::<R20, Ietf>::new((&*self.0).into(), (&nonce).into());
        // The core itself counts without the stream's length check: the last block is as good as any.
        core.set_block_pos(u32::from_le_bytes([c0, c1, c2, c3]));
        let mut block = [0; 64].into();
        core.write_keystream_block(&mut block);
        [block[0], block[1], block[2], block[3], block[4]]
    }
}

impl fmt::Debug for ChaChaMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChaChaMask")
    }
}

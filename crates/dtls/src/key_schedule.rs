//! The key schedule of DTLS 1.3: from one shared secret to every key (RFC 8446 §7, RFC 9147 §5.9).
//!
//! Problem: each key must depend on the key exchange *and* on every message that led to it, and a key that
//! leaks must not give away the keys before it.
//! How: secrets flow down by extraction, and sideways, with the transcript hash, by expansion.
//!
//! ```text
//!   0 -> Extract(0) = early secret
//!            | "derived"
//!   (EC)DHE -> Extract = handshake secret --"c hs traffic" | "s hs traffic"--> epoch 2     ..ServerHello
//!            | "derived"
//!   0 ----> Extract = master secret ------"c ap traffic" | "s ap traffic"--> epoch 3     ..server Finished
//!                                   `-----"exp master"---------------------> exporter
//!
//!   traffic secret --"key"|"iv"|"sn"--> record keys     --"traffic upd"--> the next epoch's secret
//!                  --"finished"--> MAC key of Finished
//! ```
//! Labels begin with `dtls13` where TLS has `tls13 ` (with a space): no key of one serves the other.
//! More: RFC 5869 (HKDF); docs/dtls-crypto.md, "Keys of 1.3".

use std::fmt;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use crate::provider::{
    Aead, AeadKey, CryptoError, Digest, Hash, HmacKey, NONCE_LENGTH, Provider, RecordNumberKey,
};

/// What labels begin with (RFC 9147 §5.9).
const PREFIX: &[u8] = b"dtls13";

/// The longest `HkdfLabel` (RFC 8446 §7.1): lengths, label and context.
const LONGEST_INFO: usize = 2 + 1 + 255 + 1 + 255;

/// The hashes of nothing.
const EMPTY_SHA256: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];
const EMPTY_SHA384: [u8; 48] = [
    0x38, 0xb0, 0x60, 0xa7, 0x51, 0xac, 0x96, 0x38, 0x4c, 0xd9, 0x32, 0x7e, 0xb1, 0xb1, 0xe3, 0x6a, 0x21,
    0xfd, 0xb7, 0x11, 0x14, 0xbe, 0x07, 0x43, 0x4c, 0x0c, 0xc7, 0xbf, 0x63, 0xf6, 0xe1, 0xda, 0x27, 0x4e,
    0xde, 0xbf, 0xe7, 0x6f, 0x65, 0xfb, 0xd5, 0x1a, 0xd2, 0xf1, 0x48, 0x98, 0xb9, 0x5b,
];

/// See [`Hkdf::salt_of_handshake`].
const SALT_SHA256: [u8; 32] = [
    0xb1, 0x7b, 0xce, 0x94, 0x51, 0xee, 0x8b, 0xc6, 0xe8, 0xae, 0xbc, 0x0a, 0xa9, 0xe9, 0x82, 0x95, 0x67,
    0x7a, 0x4a, 0x6a, 0x91, 0xf7, 0x84, 0x40, 0x83, 0x31, 0x46, 0xe4, 0x65, 0xf2, 0xff, 0x95,
];
const SALT_SHA384: [u8; 48] = [
    0x27, 0x00, 0x86, 0x05, 0xd3, 0x39, 0x6f, 0x88, 0x44, 0x19, 0x75, 0x65, 0xca, 0xec, 0xc5, 0x92, 0xb3,
    0xe5, 0x8f, 0x2e, 0xae, 0x55, 0xf8, 0x41, 0xb5, 0x77, 0xcf, 0xbc, 0xab, 0xb4, 0x7e, 0x22, 0x1f, 0x67,
    0x4e, 0xd3, 0xa6, 0x8a, 0xa8, 0x93, 0x43, 0x9c, 0xf5, 0x57, 0xf1, 0x11, 0xc0, 0xfc,
];

/// HKDF (RFC 5869) with the hash of the suite and the labels of DTLS 1.3.
#[derive(Debug, Clone)]
pub struct Hkdf {
    provider: Arc<dyn Provider>,
    hash: Hash,
    prefix: &'static [u8],
}

impl Hkdf {
    /// For one suite's hash.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>, hash: Hash) -> Self {
        Self { provider, hash, prefix: PREFIX }
    }

    /// The labels of TLS, to check the schedule against published traces of TLS.
    #[cfg(test)]
    fn with_tls_labels(provider: Arc<dyn Provider>, hash: Hash) -> Self {
        Self { provider, hash, prefix: b"tls13 " }
    }

    /// The hash of the suite.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// HKDF-Extract: one HMAC (RFC 5869 §2.2).
    #[must_use]
    pub fn extract(&self, salt: &[u8], input: &[u8]) -> Digest {
        self.provider.hmac(self.hash, salt).sign(&[input])
    }

    /// HKDF-Expand-Label (RFC 8446 §7.1). Labels and contexts of ours are short: their lengths fit one byte,
    /// longer ones are cut.
    pub fn expand_label(&self, secret: &[u8], label: &[u8], context: &[u8], out: &mut [u8]) {
        self.expander(secret).label(label, context, out);
    }

    /// For several labels under one secret: half of the work of a label is in the HMAC key.
    #[must_use]
    pub fn expander(&self, secret: &[u8]) -> Expander<'_> {
        Expander { hkdf: self, key: self.provider.hmac(self.hash, secret) }
    }

    /// Derive-Secret with the transcript hash computed already (RFC 8446 §7.1).
    #[must_use]
    pub fn derive_secret(&self, secret: &[u8], label: &[u8], transcript_hash: &[u8]) -> Digest {
        self.expander(secret).secret(label, transcript_hash)
    }

    /// Hash of nothing: the context of "derived".
    fn empty_hash(&self) -> Digest {
        match self.hash {
            Hash::Sha256 => Digest::new(&EMPTY_SHA256),
            Hash::Sha384 => Digest::new(&EMPTY_SHA384),
            Hash::Sha512 => self.provider.hash(self.hash).fork_finish(),
        }
    }

    /// What the shared secret is extracted with. It hangs on the early secret alone, and that, without a pre-shared
    /// key, is the same in every connection.
    fn salt_of_handshake(&self) -> Digest {
        match (self.prefix, self.hash) {
            (PREFIX, Hash::Sha256) => Digest::new(&SALT_SHA256),
            (PREFIX, Hash::Sha384) => Digest::new(&SALT_SHA384),
            _ => self.compute_salt_of_handshake(),
        }
    }

    fn compute_salt_of_handshake(&self) -> Digest {
        let zeros = Digest::zeros(self.hash.length());
        self.derive_secret(&self.extract(&zeros, &zeros), b"derived", &self.empty_hash())
    }
}

/// A secret with its HMAC key prepared.
#[derive(Debug)]
pub struct Expander<'h> {
    hkdf: &'h Hkdf,
    key: Box<dyn HmacKey>,
}

impl Expander<'_> {
    /// See [`Hkdf::expand_label`].
    pub fn label(&self, label: &[u8], context: &[u8], out: &mut [u8]) {
        let (prefix, hash) = (self.hkdf.prefix, self.hkdf.hash);
        let label = &label[..label.len().min(255 - prefix.len())];
        let context = &context[..context.len().min(255)];
        let length = u16::try_from(out.len()).unwrap_or(u16::MAX).to_be_bytes();
        let label_length = [u8::try_from(prefix.len() + label.len()).unwrap_or(u8::MAX)];
        let context_length = [u8::try_from(context.len()).unwrap_or(u8::MAX)];
        // In one piece, for each piece is a call into a library. The counter stands behind it.
        let (mut info, mut end) = ([0; LONGEST_INFO + 1], 0);
        for part in [&length[..], &label_length, prefix, label, &context_length, context] {
            info[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        let mut previous: Option<Digest> = None;
        for (counter, chunk) in (1_u8..=255).zip(out.chunks_mut(hash.length())) {
            info[end] = counter;
            let info = &info[..=end];
            let block = match &previous {
                None => self.key.sign(&[info]),
                Some(previous) => self.key.sign(&[previous, info]),
            };
            chunk.copy_from_slice(&block[..chunk.len()]);
            previous = Some(block);
        }
    }

    /// See [`Hkdf::derive_secret`].
    #[must_use]
    pub fn secret(&self, label: &[u8], transcript_hash: &[u8]) -> Digest {
        let mut secret = Digest::zeros(self.hkdf.hash.length());
        self.label(label, transcript_hash, secret.bytes_mut());
        secret
    }
}

/// What the key exchange and both hellos give.
#[derive(Debug)]
pub struct HandshakeSecrets {
    /// Epoch 2 of the client.
    pub client: TrafficSecret,
    /// Epoch 2 of the server.
    pub server: TrafficSecret,
    master: Digest,
}

impl HandshakeSecrets {
    /// `transcript_hash` covers ClientHello to ServerHello. The early and handshake secrets are not kept.
    #[must_use]
    pub fn derive(hkdf: &Hkdf, shared_secret: &[u8], transcript_hash: &[u8]) -> Self {
        let zeros = Digest::zeros(hkdf.hash.length());
        let handshake = hkdf.expander(&hkdf.extract(&hkdf.salt_of_handshake(), shared_secret));
        let master = hkdf.extract(&handshake.secret(b"derived", &hkdf.empty_hash()), &zeros);
        let traffic = |label| TrafficSecret(handshake.secret(label, transcript_hash));
        Self { client: traffic(b"c hs traffic"), server: traffic(b"s hs traffic"), master }
    }

    /// `transcript_hash` covers ClientHello to the server's Finished.
    #[must_use]
    pub fn application(&self, hkdf: &Hkdf, transcript_hash: &[u8]) -> ApplicationSecrets {
        let master = hkdf.expander(&self.master);
        let derive = |label| master.secret(label, transcript_hash);
        ApplicationSecrets {
            client: TrafficSecret(derive(b"c ap traffic")),
            server: TrafficSecret(derive(b"s ap traffic")),
            exporter: ExporterSecret(derive(b"exp master")),
        }
    }
}

/// What the whole handshake gives.
#[derive(Debug)]
pub struct ApplicationSecrets {
    /// Epoch 3 of the client.
    pub client: TrafficSecret,
    /// Epoch 3 of the server.
    pub server: TrafficSecret,
    /// For keying material of others.
    pub exporter: ExporterSecret,
}

/// The secret of one direction and epoch; wiped on drop, never printed.
#[derive(Clone)]
pub struct TrafficSecret(Digest);

impl TrafficSecret {
    /// The secret of a connection that somebody else made.
    #[must_use]
    pub fn from_key_log(bytes: &[u8]) -> Self {
        Self(Digest::new(bytes))
    }

    /// The secret itself, for a key log only.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret of the next epoch (RFC 8446 §7.2).
    #[must_use]
    pub fn next(&self, hkdf: &Hkdf) -> Self {
        Self(hkdf.derive_secret(&self.0, b"traffic upd", &[]))
    }

    /// What a Finished under this secret contains (RFC 8446 §4.4.4).
    #[must_use]
    pub fn verify_data(&self, hkdf: &Hkdf, transcript_hash: &[u8]) -> Digest {
        let key = hkdf.derive_secret(&self.0, b"finished", &[]);
        hkdf.provider.hmac(hkdf.hash, &key).sign(&[transcript_hash])
    }

    /// Keys for records and for their numbers (RFC 8446 §7.3, RFC 9147 §4.2.3).
    ///
    /// # Errors
    /// Those of the provider; the lengths are right by construction.
    pub fn record_keys(&self, hkdf: &Hkdf, aead: Aead) -> Result<RecordKeys, CryptoError> {
        let mut key = Zeroizing::new([0; 32]);
        let key = &mut key[..aead.key_length()];
        let secret = hkdf.expander(&self.0);
        secret.label(b"key", &[], key);
        let record = hkdf.provider.aead(aead, key)?;
        secret.label(b"sn", &[], key);
        let number = hkdf.provider.record_number_key(aead, key)?;
        let mut iv = [0; NONCE_LENGTH];
        secret.label(b"iv", &[], &mut iv);
        Ok(RecordKeys { record, number, iv })
    }
}

impl fmt::Debug for TrafficSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrafficSecret(..)")
    }
}

/// What protects the records of one direction and epoch.
#[derive(Debug)]
pub struct RecordKeys {
    /// Seals or opens.
    pub record: Box<dyn AeadKey>,
    /// Hides the record numbers.
    pub number: Box<dyn RecordNumberKey>,
    /// XORed with the record number into the nonce.
    pub iv: [u8; NONCE_LENGTH],
}

impl Drop for RecordKeys {
    fn drop(&mut self) {
        self.iv.zeroize();
    }
}

/// The source of keying material for others (RFC 8446 §7.5).
#[derive(Clone)]
pub struct ExporterSecret(Digest);

impl ExporterSecret {
    /// The secret itself, for a key log only.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Fills `out`. No context and an empty one are the same here, unlike in 1.2.
    pub fn export(&self, hkdf: &Hkdf, label: &[u8], context: &[u8], out: &mut [u8]) {
        let secret = hkdf.derive_secret(&self.0, label, &hkdf.empty_hash());
        let mut hash = hkdf.provider.hash(hkdf.hash);
        hash.update(context);
        hkdf.expand_label(&secret, b"exporter", &hash.fork_finish(), out);
    }
}

impl fmt::Debug for ExporterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExporterSecret(..)")
    }
}

#[cfg(all(test, any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs")))]
mod tests {
    use super::*;
    use crate::provider::test_providers;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect::<Option<_>>()
            .expect("the vectors below are hexadecimal")
    }

    /// The values of RFC 8448 §3: X25519 secret, hash up to ServerHello, hash up to the server's Finished.
    fn traced(hkdf: &Hkdf) -> (HandshakeSecrets, ApplicationSecrets) {
        let shared = hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
        let server_hello = hex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
        let server_finished = hex("9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13");
        let handshake = HandshakeSecrets::derive(hkdf, &shared, &server_hello);
        let application = handshake.application(hkdf, &server_finished);
        (handshake, application)
    }

    #[test]
    fn what_is_the_same_in_every_connection_is_what_the_schedule_computes() {
        for provider in test_providers() {
            for hash in [Hash::Sha256, Hash::Sha384] {
                let hkdf = Hkdf::new(provider.clone(), hash);
                assert_eq!(hkdf.empty_hash().to_vec(), provider.hash(hash).fork_finish().to_vec());
                assert_eq!(hkdf.salt_of_handshake().to_vec(), hkdf.compute_salt_of_handshake().to_vec());
            }
        }
    }

    #[test]
    fn the_secrets_of_the_published_trace_are_reproduced() {
        for provider in test_providers() {
            let hkdf = Hkdf::with_tls_labels(provider, Hash::Sha256);
            let (handshake, application) = traced(&hkdf);
            for (secret, expected) in [
                (
                    handshake.client.bytes(),
                    "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
                ),
                (
                    handshake.server.bytes(),
                    "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38",
                ),
                (
                    application.client.bytes(),
                    "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
                ),
                (
                    application.server.bytes(),
                    "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
                ),
                (
                    application.exporter.bytes(),
                    "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50",
                ),
            ] {
                assert_eq!(secret, hex(expected));
            }
        }
    }

    #[test]
    fn the_clients_finished_of_the_published_trace_is_reproduced() {
        for provider in test_providers() {
            let hkdf = Hkdf::with_tls_labels(provider, Hash::Sha256);
            let transcript = hex("9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13");
            let verify_data = traced(&hkdf).0.client.verify_data(&hkdf, &transcript);
            assert_eq!(
                verify_data.to_vec(),
                hex("a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61")
            );
        }
    }

    #[test]
    fn the_record_keys_of_the_published_trace_open_its_record() {
        // The client's Finished as TLS sent it: 5 bytes of header (the additional data), ciphertext, tag.
        let record = hex(concat!(
            "170303003575ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46deb384bd",
            "1caeacab6867d726c40546",
        ));
        for provider in test_providers() {
            let hkdf = Hkdf::with_tls_labels(provider, Hash::Sha256);
            let keys = traced(&hkdf).0.client.record_keys(&hkdf, Aead::Aes128Gcm).expect("lengths fit");
            assert_eq!(keys.iv.to_vec(), hex("5bd3c71b836e0b76bb73265f"));
            let (header, body) = record.split_at(5);
            let mut body = body.to_vec();
            let length =
                keys.record.open_in_place(&keys.iv, header, &mut body).expect("the record is genuine");
            assert_eq!(body[..4], [0x14, 0, 0, 0x20]);
            assert_eq!(body[length - 1], 22, "the inner content type");
        }
    }

    #[test]
    fn dtls_labels_give_other_keys_than_tls_labels() {
        for provider in test_providers() {
            let tls = traced(&Hkdf::with_tls_labels(Arc::clone(&provider), Hash::Sha256));
            let dtls = traced(&Hkdf::new(provider, Hash::Sha256));
            assert_ne!(tls.0.client.bytes(), dtls.0.client.bytes());
        }
    }

    #[test]
    fn each_key_update_gives_a_new_secret() {
        for provider in test_providers() {
            let hkdf = Hkdf::new(provider, Hash::Sha384);
            let first = HandshakeSecrets::derive(&hkdf, &[1; 32], &[2; 48]).client;
            let second = first.next(&hkdf);
            assert_eq!(second.bytes().len(), 48);
            assert_ne!(first.bytes(), second.bytes());
            assert_ne!(second.bytes(), second.next(&hkdf).bytes());
        }
    }

    #[test]
    fn an_exporter_fills_more_than_one_hash() {
        for provider in test_providers() {
            let hkdf = Hkdf::new(provider, Hash::Sha256);
            let exporter = traced(&hkdf).1.exporter;
            let (mut short, mut long) = ([0; 32], [0; 100]);
            exporter.export(&hkdf, b"EXPORTER-test", &[], &mut short);
            exporter.export(&hkdf, b"EXPORTER-test", &[], &mut long);
            assert_ne!(short, long[..32], "the length is part of the derivation");
            assert_ne!(long[..32], long[32..64]);
        }
    }
}

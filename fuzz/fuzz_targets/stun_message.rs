//! Any bytes as a STUN message; what parses must survive every accessor.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plywood_stun::IntegrityKey;
use plywood_stun::wire::MessageView;

fn run(bytes: &[u8]) {
    let Ok(message) = MessageView::parse(bytes) else { return };
    let key = IntegrityKey::from_password("0123456789012345678901");
    let _ = (message.verify(&key), message.verify_sha256(&key));
    let _ = (message.username(), message.xor_mapped_address(), message.error_code());
    assert!(message.attributes().count() <= bytes.len() / 4);
    assert!(
        message.attributes().all(|attribute| attribute.offset + 4 + attribute.value.len() <= bytes.len())
    );
}

fuzz_target!(|bytes: &[u8]| run(bytes));

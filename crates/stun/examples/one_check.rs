//! One ICE check, written, taken apart and forged. Run: `cargo run -p plywood-stun --example one_check`
#![expect(clippy::print_stdout, reason = "an example shows")]

use plywood_stun::IntegrityKey;
use plywood_stun::wire::{AttributeType, Class, MessageBuilder, MessageView, Method, TransactionId};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = IntegrityKey::from_password("VOkJxbRl1RmTxUk/WvJxBt");
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, Class::Request, Method::BINDING, TransactionId(*b"random12byte"))
        .bytes(AttributeType::USERNAME, b"evtj:h6vY")
        .u64(AttributeType::ICE_CONTROLLING, 0x932f_f9b1_5126_3b36)
        .flag(AttributeType::USE_CANDIDATE)
        .u32(AttributeType::PRIORITY, 0x6e00_01ff)
        .integrity(&key)
        .fingerprint()
        .finish()?;

    println!("{} bytes. The header:", out.len());
    println!("  {:02x?}  class and method folded together, then the length of what follows", &out[..4]);
    println!("  {:02x?}  the magic cookie: no other protocol on this port begins so", &out[4..8]);
    println!("  {:02x?}  the transaction id: the answer must repeat it", &out[8..20]);
    let message = MessageView::parse(&out)?;
    println!("The attributes, each padded to four bytes:");
    for attribute in message.attributes() {
        let must =
            if attribute.kind.is_comprehension_required() { "must be understood" } else { "may be skipped" };
        println!(
            "  at {:3}  type {:#06x} ({must})  {:02x?}",
            attribute.offset, attribute.kind.0, attribute.value
        );
    }
    println!("Under the right password: {:?}", message.verify(&key));
    println!("Under another:            {:?}", message.verify(&IntegrityKey::from_password("guessed")));

    // An attacker on the way turns a bit. FINGERPRINT is no secret, so it can be made right again: only
    // MESSAGE-INTEGRITY notices.
    let mut forged = out.clone();
    forged[24] ^= 0x20;
    println!("With a bit turned:        {:?}", MessageView::parse(&forged).map(|_| ()));
    Ok(())
}

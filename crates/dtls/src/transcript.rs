//! The transcript: every handshake message that both sides must have seen alike.
//!
//! Problem: a middleman could cut or change the hellos, which nothing protects. Finished and
//! CertificateVerify are computed over all messages, so that it is noticed.
//! How: messages are kept as they would stand in one piece, whatever fragments they came in:
//!
//! ```text
//!   1.2   type 1 | length 3 | message_seq 2 | 0 3 | length 3 | body      (RFC 6347 §4.2.6)
//!   1.3   type 1 | length 3 | body                                       (RFC 9147 §5.2)
//! ```
//!
//! Until the ServerHello a client does not know which of the two it is, so they are kept raw. 1.2 signs the
//! messages themselves, so they stay until the handshake is over; it is a few kilobytes. 1.3 signs their hash:
//! once it is chosen, `start_13` feeds a running hash and forgets the messages.

use plywood_octets::Put;

use crate::provider::{Digest, Hash, HashContext, Provider};
use crate::wire::{HandshakeHeader, HandshakeType};

/// The messages so far.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    messages: Vec<Entry>,
    bytes_12: Vec<u8>,
    running_13: Option<Box<dyn HashContext>>,
}

/// The type of the message that stands for a first ClientHello (RFC 8446 §4.4.1).
const MESSAGE_HASH: u8 = 254;

/// One message in `bytes_12`, so that 1.3 can take it out again without its fragment fields.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
}

impl Transcript {
    /// Appends a message.
    pub(crate) fn add(&mut self, message_type: HandshakeType, message_seq: u16, body: &[u8]) {
        // Bodies are bounded far below 2^24, ours and theirs.
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let header = HandshakeHeader {
            message_type,
            length,
            message_seq,
            fragment_offset: 0,
            fragment_length: length,
        };
        if let Some(running) = &mut self.running_13 {
            running.update(&header.encode()[..4]);
            running.update(body);
            return;
        }
        self.messages.push(Entry { start: self.bytes_12.len() });
        self.bytes_12.put_slice(&header.encode());
        self.bytes_12.put_slice(body);
    }

    /// Forgets everything: a first ClientHello and its HelloVerifyRequest do not count (RFC 6347 §4.2.1).
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        self.bytes_12.clear();
    }

    /// The messages in the form of 1.2: what a CertificateVerify signs.
    pub(crate) fn bytes_12(&self) -> &[u8] {
        &self.bytes_12
    }

    /// The hash of the messages in the form of 1.2.
    pub(crate) fn hash_12(&self, provider: &dyn Provider, hash: Hash) -> Digest {
        let mut context = provider.hash(hash);
        context.update(&self.bytes_12);
        context.fork_finish()
    }

    /// 1.3 was chosen, with this hash: from now on only the hash is kept.
    pub(crate) fn start_13(&mut self, provider: &dyn Provider, hash: Hash) {
        let mut running = provider.hash(hash);
        for (header, body) in self.messages_13() {
            running.update(header);
            running.update(body);
        }
        *self = Self { running_13: Some(running), ..Self::default() };
    }

    /// Like `start_13`, where a HelloRetryRequest comes next: the first ClientHello counts by its hash only, so
    /// that a server without memory can put it into the cookie (RFC 8446 §4.4.1).
    pub(crate) fn start_13_with_retry(&mut self, provider: &dyn Provider, hash: Hash) {
        self.start_13(provider, hash);
        let first = self.hash_13();
        self.restore_13_with_retry(provider, hash, &first);
    }

    /// The same, where the hash of the first ClientHello comes out of a cookie.
    pub(crate) fn restore_13_with_retry(&mut self, provider: &dyn Provider, hash: Hash, first: &[u8]) {
        let mut running = provider.hash(hash);
        let length = u8::try_from(first.len()).unwrap_or(u8::MAX);
        running.update(&[MESSAGE_HASH, 0, 0, length]);
        running.update(first);
        *self = Self { running_13: Some(running), ..Self::default() };
    }

    /// The hash of the messages in the form of 1.3; of nothing before `start_13`.
    pub(crate) fn hash_13(&self) -> Digest {
        self.running_13.as_ref().map_or_else(|| Digest::new(&[]), |running| running.fork_finish())
    }

    /// The messages in the form of 1.3, each without `message_seq` and fragment fields.
    fn messages_13(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let ends = self.messages.iter().skip(1).map(|entry| entry.start).chain([self.bytes_12.len()]);
        self.messages.iter().zip(ends).filter_map(|(entry, end)| {
            let message = self.bytes_12.get(entry.start..end)?;
            Some((message.get(..4)?, message.get(HandshakeHeader::LENGTH..)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_as_if_it_had_come_in_one_piece() {
        let mut transcript = Transcript::default();
        transcript.add(HandshakeType::SERVER_HELLO_DONE, 5, &[]);
        transcript.add(HandshakeType::FINISHED, 6, &[0xaa]);
        assert_eq!(
            transcript.bytes_12(),
            [14, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 20, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 1, 0xaa]
        );
        let short: Vec<_> = transcript.messages_13().map(|(header, body)| [header, body].concat()).collect();
        assert_eq!(short, [vec![14, 0, 0, 0], vec![20, 0, 0, 1, 0xaa]]);
    }
}

//! A dissector and a capture writer: every byte of the stack named.
//!
//! Problem: a packet is a row of numbers, and the rule that gives each its meaning is spread over a dozen
//! RFCs.
//! How: [`dissect()`] turns a datagram into a tree of [`Node`]s. Each node has its range of bytes, the name
//! that the RFC gives it, where the RFC says so, the value, and what it means here. The leaves cover the
//! datagram without gap or overlap, whatever it holds: what cannot be read is a node that says why.
//! [`Capture`] writes datagrams as a pcapng file with the keys inside, which packet analysers decrypt;
//! [`read_capture`] and [`Conversations`] read such files, open the records of both versions of DTLS with the keys,
//! and name what was in them.
//!
//! ```text
//!  first byte (RFC 7983, RFC 9443)
//!    0..=3    STUN (RFC 8489)            20..=63  DTLS (RFC 6347, RFC 9147)
//!    64..=79  TURN ChannelData (8656)    else     not of this stack
//!  inside DTLS: SCTP (RFC 9260); inside its DATA: DCEP (RFC 8832) or the application
//! ```
//!
//! ```
//! let request = [
//!     0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
//! ];
//! let tree = plywood_inspect::dissect(&request);
//! assert_eq!(tree.children[0].field, "STUN Message Type");
//! assert_eq!(tree.children[0].value, "Binding request");
//! println!("{}", plywood_inspect::annotate(&tree, &request));
//! ```
//!
//! More: docs/inspect.md.

mod capture;
mod conversation;
mod dissect;
mod node;
mod pcapng;
mod render;
mod summary;

pub use capture::Capture;
pub use conversation::{Conversations, Explained, OpenedRecord};
pub use dissect::{dcep, dissect, dtls, sctp, stun};
pub use node::Node;
pub use pcapng::{CaptureError, CaptureFile, Packet, read_capture};
pub use render::annotate;

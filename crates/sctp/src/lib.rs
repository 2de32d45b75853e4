//! SCTP (RFC 9260) over DTLS (RFC 8261): an association; sans-IO.

pub mod congestion;

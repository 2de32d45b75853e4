//! STUN (RFC 8489): messages, integrity, transactions; sans-IO.

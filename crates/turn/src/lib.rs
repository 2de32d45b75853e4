//! TURN (RFC 8656): client and relay core; sans-IO.

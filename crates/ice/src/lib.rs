//! ICE agent (RFC 8445): candidates, checks, nomination, consent; sans-IO.

//! Dissector and capture writer: every byte of the stack named.

//! DTLS 1.2 (RFC 6347) and 1.3 (RFC 9147): records, handshakes, exporters; sans-IO.

//! Code points by the names that scenarios use.

/// Chunk types (RFC 9260 §3.2, RFC 3758, RFC 6525, RFC 8260).
const CHUNKS: [(&str, u8); 19] = [
    ("DATA", 0),
    ("INIT", 1),
    ("INIT_ACK", 2),
    ("SACK", 3),
    ("HEARTBEAT", 4),
    ("HEARTBEAT_ACK", 5),
    ("ABORT", 6),
    ("SHUTDOWN", 7),
    ("SHUTDOWN_ACK", 8),
    ("ERROR", 9),
    ("COOKIE_ECHO", 10),
    ("COOKIE_ACK", 11),
    ("ECNE", 12),
    ("CWR", 13),
    ("SHUTDOWN_COMPLETE", 14),
    ("I_DATA", 0x40),
    ("RECONFIG", 0x82),
    ("FORWARD_TSN", 0xc0),
    ("I_FORWARD_TSN", 0xc2),
];

/// Parameters of INIT, INIT ACK, HEARTBEAT and RE-CONFIG.
const PARAMETERS: [(&str, u16); 18] = [
    ("HEARTBEAT_INFORMATION", 1),
    ("IPV4_ADDRESS", 5),
    ("IPV6_ADDRESS", 6),
    ("STATE_COOKIE", 7),
    ("UNRECOGNIZED_PARAMETER", 8),
    ("COOKIE_PRESERVATIVE", 9),
    ("HOSTNAME_ADDRESS", 11),
    ("SUPPORTED_ADDRESS_TYPES", 12),
    ("OUTGOING_SSN_RESET", 13),
    ("INCOMING_SSN_RESET", 14),
    ("SSN_TSN_RESET", 15),
    ("RECONFIG_RESPONSE", 16),
    ("ADD_OUTGOING_STREAMS", 17),
    ("ADD_INCOMING_STREAMS", 18),
    ("ECN_CAPABLE", 0x8000),
    ("ZERO_CHECKSUM_ACCEPTABLE", 0x8001),
    ("SUPPORTED_EXTENSIONS", 0x8008),
    ("FORWARD_TSN_SUPPORTED", 0xc000),
];

/// Error causes (RFC 9260 §3.3.10).
const CAUSES: [(&str, u16); 13] = [
    ("INVALID_STREAM_IDENTIFIER", 1),
    ("MISSING_MANDATORY_PARAMETER", 2),
    ("STALE_COOKIE_ERROR", 3),
    ("OUT_OF_RESOURCES", 4),
    ("UNRESOLVABLE_ADDRESS", 5),
    ("UNRECOGNIZED_CHUNK_TYPE", 6),
    ("INVALID_MANDATORY_PARAMETER", 7),
    ("UNRECOGNIZED_PARAMETERS", 8),
    ("NO_USER_DATA", 9),
    ("COOKIE_RECEIVED_WHILE_SHUTDOWN", 10),
    ("RESTART_WITH_NEW_ADDRESSES", 11),
    ("USER_INITIATED_ABORT", 12),
    ("PROTOCOL_VIOLATION", 13),
];

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|entry| entry.0 == name).map(|entry| entry.1)
}

pub(crate) fn chunk(name: &str) -> Option<u8> {
    find(&CHUNKS, name)
}

pub(crate) fn chunk_name(kind: u8) -> Option<&'static str> {
    CHUNKS.iter().find(|entry| entry.1 == kind).map(|entry| entry.0)
}

pub(crate) fn parameter(name: &str) -> Option<u16> {
    find(&PARAMETERS, name)
}

pub(crate) fn cause(name: &str) -> Option<u16> {
    find(&CAUSES, name)
}

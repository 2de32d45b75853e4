//! WebRTC data channels (RFC 8831) and DCEP (RFC 8832); sans-IO.

//! WebRTC data channels for tokio: the whole stack in pure Rust.

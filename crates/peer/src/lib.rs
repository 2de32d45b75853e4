//! A WebRTC peer connection for data channels: demultiplexer, pump, offer/answer; sans-IO.

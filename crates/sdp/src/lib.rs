//! SDP (RFC 8866): text model and data-channel offer/answer.

//! Any bytes as DCEP messages and as calls: what is read is written back, two sides never lose count.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use plywood_datachannel::{
    ChannelConfig, Channels, Config, DtlsRole, Event, Kind,
    wire::{Message, MessageType},
};

fn parse(bytes: &[u8]) {
    if let Ok(message) = Message::parse(bytes) {
        let mut out = Vec::new();
        message.encode(&mut out);
        assert_eq!(Message::parse(&out), Ok(message));
    }
}

fn drive(bytes: &[u8]) {
    let config =
        Config { max_channels: 16, max_partial_bytes: 64, max_message_size: 128, ..Config::default() };
    let mut channels = Channels::new(config);
    channels.set_dtls_role(DtlsRole::Server);
    channels.set_connected();
    for call in bytes.chunks(20) {
        let [code, stream, body @ ..] = call else { break };
        let stream = u16::from(stream % 24);
        match code % 8 {
            0..3 => {
                let mut message = vec![MessageType::OPEN.0];
                message.extend_from_slice(body);
                let _ = channels.handle_message(stream, 50, Bytes::from(message));
            }
            3 => {
                let ppid = 50 + u32::from(body.first().copied().unwrap_or(0) % 8);
                let _ = channels.handle_message(stream, ppid, Bytes::copy_from_slice(body));
            }
            4 => channels.handle_incoming_reset(stream),
            5 => channels.handle_outgoing_reset(stream),
            6 => {
                let negotiated = (code & 8 != 0).then_some(stream);
                let _ = channels.open(ChannelConfig { negotiated, ..ChannelConfig::default() });
            }
            _ => {
                if let Some(id) = channels.channel(stream) {
                    let _ = channels.send(id, Kind::Binary, Bytes::copy_from_slice(body));
                    let _ = channels.close(id);
                }
            }
        }
        while channels.poll_outgoing().is_some() || channels.poll_reset().is_some() {}
        while let Some(event) = channels.poll_event() {
            if let Event::Opened { id, .. } = event {
                assert!(channels.config(id).is_none() || channels.stream(id).is_some());
            }
        }
        assert!(channels.ids().count() <= 16);
    }
}

fn run(bytes: &[u8]) {
    parse(bytes);
    drive(bytes);
}

fuzz_target!(|bytes: &[u8]| run(bytes));

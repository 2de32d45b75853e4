//! INIT and INIT ACK: tags, windows, streams, capabilities (RFC 9260 §3.3.2, §3.3.3).
//! ```text
//! +---------------+---------------+-------------------------------+
//! |  type = 1, 2  |     flags     |            length             |
//! +---------------+---------------+-------------------------------+
//! |                         initiate tag                          |
//! +---------------------------------------------------------------+
//! |           advertised receiver window credit (a_rwnd)          |
//! +-------------------------------+-------------------------------+
//! |       outbound streams        |        inbound streams        |
//! +-------------------------------+-------------------------------+
//! |                          initial TSN                          |
//! +---------------------------------------------------------------+
//! |  parameters (wire/parameter.rs); INIT ACK must have a cookie  |
//! ```

use super::parameter::{ParameterType, Parameters, RawParameter, put_parameter};
use super::{ChunkType, RawChunk, put_chunk};
use crate::error::ParseError;
use plywood_octets::{Put, Reader};

/// Error Detection Method Identifier of DTLS in the Zero Checksum Acceptable parameter (RFC 9653 §6).
pub const ZERO_CHECKSUM_EDMID_DTLS: u32 = 1;

/// The smallest receive window that INIT and INIT ACK may announce (RFC 9260 §3.3.2, §3.3.3).
pub const LEAST_WINDOW_BYTES: u32 = 1500;

/// What an endpoint says it can do, over all parameters that announce an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// FORWARD-TSN (RFC 3758).
    pub forward_tsn: bool,
    /// RE-CONFIG (RFC 6525).
    pub reconfig: bool,
    /// I-DATA (RFC 8260).
    pub interleaving: bool,
    /// I-FORWARD-TSN: what FORWARD-TSN is where I-DATA is used (RFC 8260 §2.3.1).
    pub interleaved_forward_tsn: bool,
    /// Packets with a zero checksum are accepted over DTLS (RFC 9653).
    pub zero_checksum: bool,
}

impl Capabilities {
    /// What both `self` and `other` can do. Partial reliability needs the chunk that goes with the kind of DATA that is
    /// used (RFC 8260 §2.3.1).
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let interleaving = self.interleaving && other.interleaving;
        let interleaved_forward_tsn =
            interleaving && self.interleaved_forward_tsn && other.interleaved_forward_tsn;
        let forward_tsn =
            if interleaving { interleaved_forward_tsn } else { self.forward_tsn && other.forward_tsn };
        Self {
            forward_tsn,
            reconfig: self.reconfig && other.reconfig,
            interleaving,
            interleaved_forward_tsn,
            zero_checksum: self.zero_checksum && other.zero_checksum,
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        if self.forward_tsn {
            put_parameter(out, ParameterType::FORWARD_TSN_SUPPORTED, &[]);
        }
        if self.zero_checksum {
            let method = ZERO_CHECKSUM_EDMID_DTLS.to_be_bytes();
            put_parameter(out, ParameterType::ZERO_CHECKSUM_ACCEPTABLE, &method);
        }
        let mut types = [0; 4];
        let mut count = 0;
        let listed = [
            (self.reconfig, ChunkType::RE_CONFIG),
            (self.forward_tsn, ChunkType::FORWARD_TSN),
            (self.interleaving, ChunkType::I_DATA),
            (self.interleaved_forward_tsn, ChunkType::I_FORWARD_TSN),
        ];
        for (_, kind) in listed.iter().filter(|(can, _)| *can) {
            types[count] = kind.0;
            count += 1;
        }
        if count > 0 {
            put_parameter(out, ParameterType::SUPPORTED_EXTENSIONS, &types[..count]);
        }
    }

    fn learn(&mut self, parameter: &RawParameter<'_>) {
        match parameter.kind {
            ParameterType::FORWARD_TSN_SUPPORTED => self.forward_tsn = true,
            ParameterType::ZERO_CHECKSUM_ACCEPTABLE => {
                self.zero_checksum = parameter.value == ZERO_CHECKSUM_EDMID_DTLS.to_be_bytes();
            }
            ParameterType::SUPPORTED_EXTENSIONS => {
                let lists = |kind: ChunkType| parameter.value.contains(&kind.0);
                self.reconfig |= lists(ChunkType::RE_CONFIG);
                self.forward_tsn |= lists(ChunkType::FORWARD_TSN);
                self.interleaving |= lists(ChunkType::I_DATA);
                self.interleaved_forward_tsn |= lists(ChunkType::I_FORWARD_TSN);
            }
            _ => {}
        }
    }
}

/// The fixed part of INIT and INIT ACK with the capabilities: all that an association is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init {
    /// The tag that packets to this endpoint must carry; never 0.
    pub initiate_tag: u32,
    /// Receive window in bytes, at least [`LEAST_WINDOW_BYTES`].
    pub a_rwnd: u32,
    /// Streams that the sender wants to send on; never 0.
    pub outbound_streams: u16,
    /// Streams that the sender accepts; never 0.
    pub inbound_streams: u16,
    /// The first TSN that the sender will use.
    pub initial_tsn: u32,
    /// Extensions.
    pub capabilities: Capabilities,
}

/// A received INIT or INIT ACK.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedInit<'a> {
    /// The fixed part and the capabilities.
    pub init: Init,
    /// The State Cookie of an INIT ACK.
    pub cookie: Option<&'a [u8]>,
    /// All parameters, for those who report unknown ones.
    pub parameters: &'a [u8],
    /// A Host Name Address parameter stands there, which must be refused (RFC 9260 §3.3.2.1.4).
    pub has_host_name: bool,
}

impl<'a> ReceivedInit<'a> {
    /// Reads the value of an INIT or INIT ACK chunk.
    ///
    /// # Errors
    /// [`ParseError`] if fields or parameters are cut short, a tag or stream count is zero
    /// ([`ParseError::ZeroField`]), or the window too small ([`ParseError::SmallWindow`]; RFC 9260 §3.3.2).
    pub fn parse(chunk: &RawChunk<'a>) -> Result<Self, ParseError> {
        let mut reader = Reader::new(chunk.value);
        let init = Init {
            initiate_tag: reader.u32()?,
            a_rwnd: reader.u32()?,
            outbound_streams: reader.u16()?,
            inbound_streams: reader.u16()?,
            initial_tsn: reader.u32()?,
            capabilities: Capabilities::default(),
        };
        let mut received = Self { init, cookie: None, parameters: reader.rest(), has_host_name: false };
        if init.initiate_tag == 0 || init.outbound_streams == 0 || init.inbound_streams == 0 {
            return Err(ParseError::ZeroField);
        }
        if init.a_rwnd < LEAST_WINDOW_BYTES {
            return Err(ParseError::SmallWindow { bytes: init.a_rwnd });
        }
        for parameter in Parameters::new(received.parameters) {
            let parameter = parameter?;
            match parameter.kind {
                ParameterType::STATE_COOKIE => received.cookie = Some(parameter.value),
                ParameterType::HOST_NAME => received.has_host_name = true,
                // RFC 3758 §3.1: it has no value.
                ParameterType::FORWARD_TSN_SUPPORTED if !parameter.value.is_empty() => {
                    return Err(ParseError::ParameterLength { length: parameter.whole.len() });
                }
                kind if !is_known(kind) && kind.when_unknown().stop => break,
                _ => received.init.capabilities.learn(&parameter),
            }
        }
        Ok(received)
    }

    /// The unknown parameters that must be reported to the sender (RFC 9260 §3.2.1).
    pub fn to_report(&self) -> impl Iterator<Item = RawParameter<'a>> + use<'a> {
        let mut stopped = false;
        Parameters::new(self.parameters).map_while(Result::ok).filter(move |parameter| {
            let unknown = !is_known(parameter.kind);
            let report = unknown && !stopped && parameter.kind.when_unknown().report;
            stopped |= unknown && parameter.kind.when_unknown().stop;
            report
        })
    }
}

fn is_known(kind: ParameterType) -> bool {
    matches!(
        kind,
        ParameterType::IPV4_ADDRESS
            | ParameterType::IPV6_ADDRESS
            | ParameterType::STATE_COOKIE
            | ParameterType::UNRECOGNIZED
            | ParameterType::COOKIE_PRESERVATIVE
            | ParameterType::HOST_NAME
            | ParameterType::SUPPORTED_ADDRESS_TYPES
            | ParameterType::ECN_CAPABLE
            | ParameterType::ZERO_CHECKSUM_ACCEPTABLE
            | ParameterType::SUPPORTED_EXTENSIONS
            | ParameterType::FORWARD_TSN_SUPPORTED
    )
}

impl Init {
    /// Appends an INIT chunk.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_chunk(out, ChunkType::INIT, 0, |out| {
            self.put_fixed(out);
            self.capabilities.put(out);
        });
    }

    /// Appends an INIT ACK chunk with its cookie and the parameters that were not understood.
    pub fn encode_ack<'a>(
        &self,
        out: &mut Vec<u8>,
        cookie: &[u8],
        unrecognized: impl Iterator<Item = RawParameter<'a>>,
    ) {
        put_chunk(out, ChunkType::INIT_ACK, 0, |out| {
            self.put_fixed(out);
            put_parameter(out, ParameterType::STATE_COOKIE, cookie);
            self.capabilities.put(out);
            for parameter in unrecognized {
                put_parameter(out, ParameterType::UNRECOGNIZED, parameter.whole);
            }
        });
    }

    fn put_fixed(&self, out: &mut Vec<u8>) {
        out.put_u32(self.initiate_tag);
        out.put_u32(self.a_rwnd);
        out.put_u16(self.outbound_streams);
        out.put_u16(self.inbound_streams);
        out.put_u32(self.initial_tsn);
    }
}

//! From chunk text to bytes: the packets that a scenario feeds in.

use crate::codes;
use crate::packet::{length_of, pad, put_chunk, put_parameter};
use crate::symbols::{Symbols, low};
use crate::text::{Node, Value};

/// Appends the bytes of one chunk; an error names what this judge cannot write.
pub(crate) fn chunk(out: &mut Vec<u8>, node: &Node, symbols: &mut Symbols) -> Result<(), String> {
    let flags = flags(node)?;
    if node.name == "CHUNK" {
        let kind = code_point(node.field("type"), |name| codes::chunk(name).map(u16::from))?;
        let value = bytes(node.list("val"));
        let length = node.number("len").map_or_else(|| length_of(&value), |length| low(length) as u16);
        if kind == 1 {
            symbols.note_init(&value);
        }
        put_chunk(out, (kind & 0xff) as u8, flags, length, &value);
        return Ok(());
    }
    let kind = codes::chunk(&node.name).ok_or_else(|| format!("no chunk is called {}", node.name))?;
    let value = value(node, symbols)?;
    put_chunk(out, kind, flags, length_of(&value), &value);
    Ok(())
}

/// Letters are those of DATA (`I U B E`) and of the T bit; numbers are as they are.
pub(crate) fn flags(node: &Node) -> Result<u8, String> {
    match node.field("flgs") {
        None | Some(Value::Any) => Ok(0),
        Some(Value::Number(number)) => Ok((low(*number) & 0xff) as u8),
        Some(Value::Word(letters)) => letters.chars().try_fold(0, |flags, letter| match letter {
            'E' | 'T' => Ok(flags | 1),
            'B' => Ok(flags | 2),
            'U' => Ok(flags | 4),
            'I' => Ok(flags | 8),
            other => Err(format!("no flag is called {other}")),
        }),
        Some(other) => Err(format!("flags {other:?}")),
    }
}

fn value(node: &Node, symbols: &mut Symbols) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let number = |name: &str| low(node.number(name).unwrap_or(0));
    let put32 = |out: &mut Vec<u8>, number: u32| out.extend_from_slice(&number.to_be_bytes());
    let put16 = |out: &mut Vec<u8>, number: u32| out.extend_from_slice(&(number as u16).to_be_bytes());
    match node.name.as_str() {
        "INIT" | "INIT_ACK" => {
            symbols.offered_tag = number("tag");
            if node.name == "INIT_ACK" || symbols.peer_tag == 0 {
                symbols.peer_tag = symbols.offered_tag;
            }
            put32(&mut out, number("tag"));
            put32(&mut out, number("a_rwnd"));
            put16(&mut out, number("os"));
            put16(&mut out, number("is"));
            put32(&mut out, number("tsn"));
            parameters(&mut out, node, symbols)?;
        }
        "DATA" | "I_DATA" => {
            put32(&mut out, number("tsn"));
            put16(&mut out, number("sid"));
            if node.name == "DATA" {
                put16(&mut out, number("ssn"));
            } else {
                put16(&mut out, 0);
                put32(&mut out, number("mid"));
            }
            put32(&mut out, node.number("ppid").or(node.number("fsn")).map_or(0, low));
            let length = number("len") as usize;
            out.resize(length.saturating_sub(4).max(out.len()), 0x5a);
        }
        "SACK" => sack(&mut out, node, symbols)?,
        "SHUTDOWN" => put32(&mut out, symbols.tsn(number("cum_tsn").into())),
        "COOKIE_ECHO" => match node.field("val") {
            Some(Value::List(value)) => out = bytes(value),
            _ => {
                symbols.accept_offers();
                out.clone_from(&symbols.cookie);
            }
        },
        "FORWARD_TSN" | "I_FORWARD_TSN" => skipped(&mut out, node)?,
        "ERROR" | "ABORT" => causes(&mut out, node)?,
        "HEARTBEAT" | "HEARTBEAT_ACK" | "RECONFIG" => parameters(&mut out, node, symbols)?,
        "SHUTDOWN_ACK" | "SHUTDOWN_COMPLETE" | "COOKIE_ACK" => {}
        other => return Err(format!("this judge cannot write a {other}")),
    }
    Ok(out)
}

fn sack(out: &mut Vec<u8>, node: &Node, symbols: &Symbols) -> Result<(), String> {
    let number = |name: &str| node.number(name).unwrap_or(0);
    out.extend_from_slice(&symbols.tsn(number("cum_tsn")).to_be_bytes());
    out.extend_from_slice(&low(number("a_rwnd")).to_be_bytes());
    out.extend_from_slice(&(node.list("gaps").len() as u16).to_be_bytes());
    out.extend_from_slice(&(node.list("dups").len() as u16).to_be_bytes());
    for gap in node.list("gaps") {
        let (start, end) = range(gap)?;
        out.extend_from_slice(&(start as u16).to_be_bytes());
        out.extend_from_slice(&(end as u16).to_be_bytes());
    }
    for duplicate in node.list("dups") {
        out.extend_from_slice(&symbols.tsn(plain(duplicate)?).to_be_bytes());
    }
    Ok(())
}

/// FORWARD-TSN: `{stream, ssn}`; I-FORWARD-TSN: `{stream, unordered, mid}`.
fn skipped(out: &mut Vec<u8>, node: &Node) -> Result<(), String> {
    out.extend_from_slice(&low(node.number("cum_tsn").unwrap_or(0)).to_be_bytes());
    for skipped in node.list("ids") {
        let Value::Tuple(fields) = skipped else { return Err(format!("a skipped stream {skipped:?}")) };
        let fields = fields.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        for half in &fields[..fields.len().min(2)] {
            out.extend_from_slice(&(low(*half) as u16).to_be_bytes());
        }
        match fields[..] {
            [_, _] => {}
            [_, _, mid] => out.extend_from_slice(&low(mid).to_be_bytes()),
            _ => return Err(format!("a skipped stream of {} numbers", fields.len())),
        }
    }
    Ok(())
}

fn causes(out: &mut Vec<u8>, node: &Node) -> Result<(), String> {
    for cause in &node.nested {
        let code = codes::cause(&cause.name).ok_or_else(|| format!("no cause is called {}", cause.name))?;
        let value =
            cause.number("staleness").map_or_else(Vec::new, |number| low(number).to_be_bytes().to_vec());
        put_parameter(out, code, &value);
    }
    Ok(())
}

fn parameters(out: &mut Vec<u8>, node: &Node, symbols: &mut Symbols) -> Result<(), String> {
    for parameter in &node.nested {
        if parameter.name == "PARAMETER" {
            raw_parameter(out, parameter)?;
            continue;
        }
        let code = codes::parameter(&parameter.name)
            .ok_or_else(|| format!("no parameter is called {}", parameter.name))?;
        let value = parameter_value(parameter, symbols)?;
        put_parameter(out, code, &value);
    }
    Ok(())
}

/// `PARAMETER[type=.., len=.., val=[..]]`, whether it makes sense or not.
pub(crate) fn raw_parameter(out: &mut Vec<u8>, node: &Node) -> Result<(), String> {
    let kind = code_point(node.field("type"), codes::parameter)?;
    let value = bytes(node.list("val"));
    let length = node.number("len").map_or_else(|| length_of(&value), |length| low(length) as u16);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&value);
    pad(out);
    Ok(())
}

fn parameter_value(node: &Node, symbols: &mut Symbols) -> Result<Vec<u8>, String> {
    let number = |name: &str| low(node.number(name).unwrap_or(0));
    let mut out = Vec::new();
    match node.name.as_str() {
        "STATE_COOKIE" => {
            let length = node.number("len").map_or(4, |length| length.max(4) - 4);
            out = (0..length).map(|index| low(index * 7 + 1) as u8).collect();
            symbols.given_cookie.clone_from(&out);
        }
        "HEARTBEAT_INFORMATION" => {
            let length = node.number("len").map_or(8, |length| length.max(4) - 4);
            out = match node.field("val") {
                Some(Value::List(value)) => bytes(value),
                _ => (0..length).map(|index| low(index * 5 + 3) as u8).collect(),
            };
            symbols.heartbeat.clone_from(&out);
        }
        "SUPPORTED_EXTENSIONS" => {
            for kind in node.list("types") {
                let kind = code_point(Some(kind), |name| codes::chunk(name).map(u16::from))?;
                out.push((kind & 0xff) as u8);
            }
        }
        "SUPPORTED_ADDRESS_TYPES" => {
            for family in node.list("types") {
                let code = if *family == Value::Word("IPv6".to_owned()) { 6_u16 } else { 5 };
                out.extend_from_slice(&code.to_be_bytes());
            }
        }
        "COOKIE_PRESERVATIVE" => out.extend_from_slice(&number("incr").to_be_bytes()),
        "IPV4_ADDRESS" | "IPV6_ADDRESS" => address(&mut out, node)?,
        "HOSTNAME_ADDRESS" => {
            let Some(Value::Word(name)) = node.field("addr") else {
                return Err("a host without a name".to_owned());
            };
            out.extend_from_slice(name.trim_matches('"').as_bytes());
            out.push(0);
        }
        "UNRECOGNIZED_PARAMETER" => {
            for parameter in node.list("params") {
                let Value::Node(parameter) = parameter else {
                    return Err(format!("a parameter {parameter:?}"));
                };
                raw_parameter(&mut out, parameter)?;
            }
        }
        "FORWARD_TSN_SUPPORTED" => {}
        _ => return reset_value(node, symbols),
    }
    Ok(out)
}

/// The parameters of RE-CONFIG (RFC 6525 §4).
fn reset_value(node: &Node, symbols: &Symbols) -> Result<Vec<u8>, String> {
    let number = |name: &str| low(node.number(name).unwrap_or(0));
    let mut out = number("req_sn").to_be_bytes().to_vec();
    match node.name.as_str() {
        "OUTGOING_SSN_RESET" => {
            out.extend_from_slice(&symbols.tsn(number("resp_sn").into()).to_be_bytes());
            out.extend_from_slice(&number("last_tsn").to_be_bytes());
        }
        "INCOMING_SSN_RESET" | "SSN_TSN_RESET" => {}
        "RECONFIG_RESPONSE" => {
            out = symbols.tsn(number("resp_sn").into()).to_be_bytes().to_vec();
            out.extend_from_slice(&number("result").to_be_bytes());
        }
        "ADD_OUTGOING_STREAMS" | "ADD_INCOMING_STREAMS" => {
            out.extend_from_slice(&(number("number_of_new_streams") as u16).to_be_bytes());
            out.extend_from_slice(&[0; 2]);
        }
        other => return Err(format!("this judge cannot write a {other}")),
    }
    for stream in node.list("sids") {
        out.extend_from_slice(&(low(plain(stream)?) as u16).to_be_bytes());
    }
    Ok(out)
}

fn address(out: &mut Vec<u8>, node: &Node) -> Result<(), String> {
    let Some(Value::Word(text)) = node.field("addr") else { return Err("no address".to_owned()) };
    match text.parse() {
        Ok(std::net::IpAddr::V4(address)) => out.extend_from_slice(&address.octets()),
        Ok(std::net::IpAddr::V6(address)) => out.extend_from_slice(&address.octets()),
        Err(_) => return Err(format!("the address {text}")),
    }
    Ok(())
}

pub(crate) fn code_point(value: Option<&Value>, find: impl Fn(&str) -> Option<u16>) -> Result<u16, String> {
    match value {
        Some(Value::Number(number)) => Ok(low(*number) as u16),
        Some(Value::Word(name)) => find(name).ok_or_else(|| format!("nothing is called {name}")),
        other => Err(format!("a type {other:?}")),
    }
}

pub(crate) fn bytes(values: &[Value]) -> Vec<u8> {
    values.iter().filter_map(|value| plain(value).ok()).map(|byte| low(byte) as u8).collect()
}

pub(crate) fn plain(value: &Value) -> Result<u64, String> {
    match value {
        Value::Number(number) => Ok(*number),
        other => Err(format!("a number, not {other:?}")),
    }
}

/// `2:3`
pub(crate) fn range(value: &Value) -> Result<(u32, u32), String> {
    let Value::Word(text) = value else { return Err(format!("a range, not {value:?}")) };
    let parts = text.split_once(':').and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)));
    parts.ok_or_else(|| format!("the range {text}"))
}

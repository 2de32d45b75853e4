//! What the implementation sent, against what the scenario says that it must send.
//!
//! Chunk types, their order and their fixed fields are compared strictly. Parameters of INIT and INIT ACK may
//! come in any order and with others beside them, and an ABORT may carry a cause where the scenario names none.
//! The I bit of DATA is the sender's free choice (RFC 7053 §5.1), so it counts only where the scenario has it.

use crate::codes;
use crate::encode::{self, plain, range};
use crate::packet::{Chunk, Packet, Parameter, u16_at, u32_at};
use crate::symbols::{Symbols, low};
use crate::text::{Node, Value};

/// The first difference, in words.
type Difference = Result<(), String>;

/// Compares a packet with its text and learns the symbols that it defines.
pub(crate) fn packet(expected: &[Node], sent: &Packet, symbols: &mut Symbols, last_tag: u32) -> Difference {
    if expected.len() != sent.chunks.len() {
        return Err(format!(
            "{} chunks expected, {} sent: {}",
            expected.len(),
            sent.chunks.len(),
            describe(sent)
        ));
    }
    for (node, chunk) in expected.iter().zip(in_order_of(expected, &sent.chunks)) {
        compare(node, chunk, symbols)
            .map_err(|difference| format!("{difference}; sent {}", describe(sent)))?;
    }
    let first = &sent.chunks[0];
    let reflects = matches!(first.kind, 6 | 14) && first.flags & 1 != 0;
    let tag = match first.kind {
        1 => 0,
        2 => symbols.offered_tag,
        _ if reflects => last_tag,
        _ => symbols.peer_tag,
    };
    // An ERROR or ABORT may answer an INIT, or a cookie, that leads to no association.
    let to_offer = matches!(first.kind, 6 | 9) && sent.tag == symbols.offered_tag;
    if sent.tag == tag || to_offer {
        Ok(())
    } else {
        Err(format!("verification tag {:#x} expected, {:#x} sent", tag, sent.tag))
    }
}

/// The chunks in the order in which the scenario names them: among control chunks RFC 9260 §6.10 asks for none, it
/// only wants them before DATA.
fn in_order_of<'c>(expected: &[Node], sent: &'c [Chunk]) -> Vec<&'c Chunk> {
    let is_data = |chunk: &&Chunk| matches!(chunk.kind, 0 | 0x40);
    let mut control: Vec<&Chunk> = sent.iter().take_while(|chunk| !is_data(chunk)).collect();
    let data = &sent[control.len()..];
    let mut ordered = Vec::with_capacity(sent.len());
    for node in expected {
        let kind = codes::chunk(&node.name);
        if let Some(at) = control.iter().position(|chunk| Some(chunk.kind) == kind) {
            ordered.push(control.remove(at));
        }
    }
    ordered.extend(control);
    ordered.extend(data);
    ordered
}

pub(crate) fn describe(packet: &Packet) -> String {
    packet.chunks.iter().map(Chunk::describe).collect::<Vec<_>>().join("; ")
}

fn compare(node: &Node, chunk: &Chunk, symbols: &mut Symbols) -> Difference {
    let name = codes::chunk_name(chunk.kind).unwrap_or("unknown");
    if node.name != name {
        return Err(format!("{} expected, {name} sent", node.name));
    }
    compare_flags(node, chunk)?;
    let expect = |field: &str, live: u32, map: &dyn Fn(u64) -> u32| expect(node, field, live, map);
    let literal: &dyn Fn(u64) -> u32 = &low;
    match name {
        "INIT" | "INIT_ACK" => compare_init(node, chunk, symbols),
        "DATA" | "I_DATA" => {
            expect("len", chunk.value.len() as u32 + 4, literal)?;
            expect("tsn", chunk.u32(0), &|symbol| symbols.tsn(symbol))?;
            expect("sid", chunk.u16(4).into(), literal)?;
            expect("ssn", chunk.u16(6).into(), literal)?;
            expect("mid", chunk.u32(8), literal)?;
            let at = if name == "DATA" { 8 } else { 12 };
            expect("ppid", chunk.u32(at), literal)?;
            expect("fsn", chunk.u32(at), literal)
        }
        "SACK" => compare_sack(node, chunk),
        "SHUTDOWN" => expect("cum_tsn", chunk.u32(0), literal),
        "COOKIE_ECHO" if chunk.value != symbols.given_cookie => {
            Err("the cookie is not the one given".to_owned())
        }
        "FORWARD_TSN" | "I_FORWARD_TSN" => {
            expect("cum_tsn", chunk.u32(0), &|symbol| symbols.tsn(symbol))?;
            compare_skipped(node, chunk)
        }
        "ERROR" | "ABORT" => compare_causes(node, chunk),
        "HEARTBEAT_ACK" => match chunk.parameters(0).first() {
            Some(information) if information.kind == 1 && information.value == symbols.heartbeat => Ok(()),
            _ => Err("the heartbeat information did not come back as it was".to_owned()),
        },
        "RECONFIG" => compare_reset(node, chunk, symbols),
        _ => Ok(()),
    }
}

fn compare_flags(node: &Node, chunk: &Chunk) -> Difference {
    if matches!(node.field("flgs"), None | Some(Value::Any)) {
        return Ok(());
    }
    let expected = encode::flags(node)?;
    let mut sent = chunk.flags;
    if matches!(chunk.kind, 0 | 0x40) && expected & 8 == 0 {
        sent &= !8;
    }
    if expected == sent {
        Ok(())
    } else {
        Err(format!("{}: flags {expected:#x} expected, {sent:#x} sent", node.name))
    }
}

fn expect(node: &Node, field: &str, live: u32, map: &dyn Fn(u64) -> u32) -> Difference {
    match node.field(field) {
        Some(Value::Number(symbol)) if map(*symbol) != live => {
            // Shown in the scenario's numbers.
            let shown = low(*symbol).wrapping_add(live.wrapping_sub(map(*symbol)));
            Err(format!("{}: {field}={symbol} expected, {shown} sent", node.name))
        }
        _ => Ok(()),
    }
}

fn compare_init(node: &Node, chunk: &Chunk, symbols: &mut Symbols) -> Difference {
    symbols.learn((node.number("tag"), chunk.u32(0)), (node.number("tsn"), chunk.u32(12)));
    expect(node, "os", chunk.u16(8).into(), &low)?;
    expect(node, "is", chunk.u16(10).into(), &low)?;
    let sent = chunk.parameters(16);
    if let Some(cookie) = sent.iter().find(|parameter| parameter.kind == 7) {
        symbols.cookie.clone_from(&cookie.value);
    }
    let mut unrecognized: Vec<&Parameter> = sent.iter().filter(|parameter| parameter.kind == 8).collect();
    for expected in &node.nested {
        match expected.name.as_str() {
            // RFC 8261 §6: no address lists below DTLS.
            "SUPPORTED_ADDRESS_TYPES" => {}
            "UNRECOGNIZED_PARAMETER" => compare_unrecognized(expected, &mut unrecognized)?,
            "SUPPORTED_EXTENSIONS" => {
                let listed = sent.iter().find(|parameter| parameter.kind == 0x8008);
                let listed = listed.map(|parameter| parameter.value.as_slice()).unwrap_or_default();
                for kind in expected.list("types") {
                    let kind = encode::code_point(Some(kind), |name| codes::chunk(name).map(u16::from))?;
                    if !listed.iter().any(|other| u16::from(*other) == kind) {
                        return Err(format!("{}: extension {kind:#x} is not announced", node.name));
                    }
                }
            }
            name => {
                let code = codes::parameter(name).ok_or_else(|| format!("no parameter is called {name}"))?;
                if !sent.iter().any(|parameter| parameter.kind == code) {
                    return Err(format!("{}: {name} is missing", node.name));
                }
            }
        }
    }
    match unrecognized.first() {
        Some(extra) if !node.open => {
            Err(format!("a parameter reported as unrecognized: {:02x?}", extra.value))
        }
        _ => Ok(()),
    }
}

/// Takes the reports that the scenario wants out of those that were sent.
fn compare_unrecognized(expected: &Node, reports: &mut Vec<&Parameter>) -> Difference {
    for parameter in expected.list("params") {
        let Value::Node(parameter) = parameter else { return Err(format!("a parameter {parameter:?}")) };
        let mut wanted = Vec::new();
        encode::raw_parameter(&mut wanted, parameter)?;
        let trimmed =
            |bytes: &[u8]| bytes.iter().copied().take(usize::from(u16_at(bytes, 2))).collect::<Vec<u8>>();
        let found = reports.iter().position(|report| trimmed(&report.value) == trimmed(&wanted));
        let at = found.ok_or_else(|| format!("no report of the unrecognized parameter {wanted:02x?}"))?;
        reports.remove(at);
    }
    Ok(())
}

fn compare_sack(node: &Node, chunk: &Chunk) -> Difference {
    expect(node, "cum_tsn", chunk.u32(0), &low)?;
    let (gaps, duplicates) = (usize::from(chunk.u16(8)), usize::from(chunk.u16(10)));
    if let Some(Value::List(expected)) = node.field("gaps") {
        let expected = expected.iter().map(range).collect::<Result<Vec<_>, _>>()?;
        let block = |index: usize| (chunk.u16(12 + 4 * index).into(), chunk.u16(14 + 4 * index).into());
        let sent: Vec<(u32, u32)> = (0..gaps).map(block).collect();
        if expected != sent {
            return Err(format!("SACK: gaps {expected:?} expected, {sent:?} sent"));
        }
    }
    if let Some(Value::List(expected)) = node.field("dups") {
        let expected = expected.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        let number = |index: usize| u64::from(chunk.u32(12 + 4 * gaps + 4 * index));
        let sent: Vec<u64> = (0..duplicates).map(number).collect();
        if expected != sent {
            return Err(format!("SACK: duplicates {expected:?} expected, {sent:?} sent"));
        }
    }
    Ok(())
}

/// Streams in a FORWARD-TSN, in any order; the reference lists some twice.
fn compare_skipped(node: &Node, chunk: &Chunk) -> Difference {
    let Some(Value::List(expected)) = node.field("ids") else { return Ok(()) };
    let mut wanted = Vec::new();
    for skipped in expected {
        let Value::Tuple(fields) = skipped else { return Err(format!("a skipped stream {skipped:?}")) };
        wanted.push(fields.iter().map(plain).collect::<Result<Vec<_>, _>>()?);
    }
    let rest = chunk.value.get(4..).unwrap_or_default();
    let mut sent: Vec<Vec<u64>> = if node.name == "FORWARD_TSN" {
        rest.chunks(4).map(|entry| vec![u16_at(entry, 0).into(), u16_at(entry, 2).into()]).collect()
    } else {
        let entry =
            |entry: &[u8]| vec![u16_at(entry, 0).into(), u16_at(entry, 2).into(), u32_at(entry, 4).into()];
        rest.chunks(8).map(entry).collect()
    };
    wanted.sort();
    wanted.dedup();
    sent.sort();
    if wanted == sent {
        Ok(())
    } else {
        Err(format!("{}: streams {wanted:?} expected, {sent:?} sent", node.name))
    }
}

/// Causes by their codes, in order; a cause about a chunk or TSN by what it is about.
fn compare_causes(node: &Node, chunk: &Chunk) -> Difference {
    let sent = chunk.parameters(0);
    let mut at = 0;
    for expected in &node.nested {
        let code =
            codes::cause(&expected.name).ok_or_else(|| format!("no cause is called {}", expected.name))?;
        let Some(cause) = sent.get(at) else {
            return Err(format!("{}: cause {} is missing", node.name, expected.name));
        };
        if cause.kind != code {
            return Err(format!("{}: cause {} expected, {} sent", node.name, expected.name, cause.kind));
        }
        if let Some(Value::Node(about)) = expected.field("chk") {
            let kind = if about.name == "CHUNK" {
                encode::code_point(about.field("type"), |name| codes::chunk(name).map(u16::from))?
            } else {
                codes::chunk(&about.name)
                    .map(u16::from)
                    .ok_or_else(|| format!("no chunk is called {}", about.name))?
            };
            if cause.value.first().copied().map(u16::from) != Some(kind) {
                return Err(format!("{}: it is not about chunk {kind:#x}", expected.name));
            }
        }
        expect(expected, "tsn", u32_at(&cause.value, 0), &low)?;
        expect(expected, "sid", u16_at(&cause.value, 0).into(), &low)?;
        at += 1;
    }
    let exact = !node.open && !node.nested.is_empty();
    if exact && sent.len() > at { Err(format!("{}: more causes than expected", node.name)) } else { Ok(()) }
}

fn compare_reset(node: &Node, chunk: &Chunk, symbols: &Symbols) -> Difference {
    let sent = chunk.parameters(0);
    if sent.len() != node.nested.len() {
        return Err(format!("RECONFIG: {} parameters expected, {} sent", node.nested.len(), sent.len()));
    }
    let own = |symbol: u64| symbols.tsn(symbol);
    for (expected, parameter) in node.nested.iter().zip(&sent) {
        if codes::parameter(&expected.name) != Some(parameter.kind) {
            return Err(format!("RECONFIG: {} expected, parameter {} sent", expected.name, parameter.kind));
        }
        let field = |at: usize| u32_at(&parameter.value, at);
        let streams = match expected.name.as_str() {
            "RECONFIG_RESPONSE" => {
                expect(expected, "resp_sn", field(0), &low)?;
                expect(expected, "result", field(4), &low)?;
                continue;
            }
            "OUTGOING_SSN_RESET" => {
                expect(expected, "req_sn", field(0), &own)?;
                expect(expected, "resp_sn", field(4), &low)?;
                expect(expected, "last_tsn", field(8), &own)?;
                12
            }
            _ => {
                expect(expected, "req_sn", field(0), &own)?;
                4
            }
        };
        let mut wanted = expected.list("sids").iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        let rest = parameter.value.get(streams..).unwrap_or_default();
        let mut sent: Vec<u64> = rest.chunks(2).map(|entry| u16_at(entry, 0).into()).collect();
        wanted.sort_unstable();
        sent.sort_unstable();
        if wanted != sent {
            return Err(format!("{}: streams {wanted:?} expected, {sent:?} sent", expected.name));
        }
    }
    Ok(())
}

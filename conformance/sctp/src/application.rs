//! The calls of the application, as scenarios write them, on the association.
//!
//! Scenarios speak of sockets: `listen` on 3 gives 4, `connect` makes 3 the association. A graceful `close`
//! and `shutdown` are one procedure (RFC 9260 §9.2).

use std::time::Duration;

use bytes::Bytes;
use plywood_sctp::{CloseReason, Ppid, Reliability, SendOptions, StreamId};
use serde_json::{Map, Value};

use crate::run::Run;

/// Makes one call; an error says what came out otherwise than the scenario says.
pub(crate) fn call(run: &mut Run, call: &Map<String, Value>) -> Result<(), String> {
    let returned = call.get("ret").and_then(Value::as_str).unwrap_or("0");
    for (name, argument) in call {
        match name.as_str() {
            "connect" => {
                run.active = true;
                run.association.connect(run.now);
            }
            "accepted" => return accepted(run, returned),
            "send" => return send(run, argument, returned),
            "recv" => return receive(run, argument, returned),
            "shutdown" | "close" => close(run, name, argument),
            "get" => return get(run, argument),
            "reset_streams" => return reset(run, argument),
            "event" => return event(run, argument, call.get("streams")),
            "listen" | "set" | "ret" | "until" | "streams" => {}
            other => return Err(format!("no such call: {other}")),
        }
    }
    Ok(())
}

fn accepted(run: &Run, returned: &str) -> Result<(), String> {
    let expected = !returned.starts_with("-1");
    if run.connected == expected { Ok(()) } else { Err(format!("connected: {}", run.connected)) }
}

fn close(run: &mut Run, name: &str, argument: &Value) {
    // Closing the listening socket does nothing to the association.
    let concerned = run.active || name == "shutdown" || argument.as_str() != Some("3");
    if concerned && !run.shut_down {
        run.shut_down = true;
        run.association.shutdown(run.now);
    }
}

fn get(run: &Run, argument: &Value) -> Result<(), String> {
    let option = argument.get("opt").and_then(Value::as_str).unwrap_or_default();
    let value = argument.get("val").and_then(Value::as_str).unwrap_or_default();
    if option == "SCTP_STATUS" {
        return if run.connected && run.closed.is_none() {
            Ok(())
        } else {
            Err("it is not connected".to_owned())
        };
    }
    let found = match &run.closed {
        None | Some(CloseReason::Shutdown | CloseReason::Aborted) => "[0]",
        Some(CloseReason::HandshakeTimeout | CloseReason::PeerUnreachable) => "[ETIMEDOUT]",
        Some(_) => "[ECONNRESET]",
    };
    if found == value { Ok(()) } else { Err(format!("{found}: {:?}", run.closed)) }
}

/// What a scenario says of a message, in either of its two forms.
fn options(argument: &Value) -> Result<(usize, u16, u32, SendOptions), String> {
    let text = argument.to_string();
    let list = argument.get("args").and_then(Value::as_array);
    let word = |name: &str| -> Option<String> {
        if list.is_some() {
            let rest = &text[text.find(&format!("{name}="))? + name.len() + 1..];
            return Some(rest.chars().take_while(|c| !",}\"".contains(*c)).collect());
        }
        argument.get(name)?.as_str().map(str::to_owned)
    };
    let number = |name: &str| word(name).and_then(|text| digits(&text)).unwrap_or(0);
    let (length, stream, ppid, flags) = if list.is_some() {
        let length = list.and_then(|list| digits(list.first()?.as_str()?)).unwrap_or(0);
        (length, number("snd_sid"), number("snd_ppid"), word("snd_flags"))
    } else {
        (number("len"), number("stream"), number("ppid"), word("flags"))
    };
    let unordered = flags.is_some_and(|flags| flags.contains("SCTP_UNORDERED"));
    let reliability = match word("pr_policy").as_deref() {
        None => match number("ttl") {
            0 => Reliability::Reliable,
            millis => Reliability::MaxLifetime(Duration::from_millis(millis)),
        },
        Some("SCTP_PR_SCTP_RTX") => Reliability::MaxRetransmits(number("pr_value") as u32),
        Some("SCTP_PR_SCTP_TTL") => Reliability::MaxLifetime(Duration::from_millis(number("pr_value"))),
        Some(other) => return Err(format!("the policy {other}")),
    };
    Ok((length as usize, stream as u16, ppid as u32, SendOptions { unordered, reliability }))
}

/// The last number in `htonl(1234)`, `[{..., 1000}]` or `1000`.
fn digits(text: &str) -> Option<u64> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.filter(|run| !run.is_empty()).next_back()?.parse().ok()
}

fn send(run: &mut Run, argument: &Value, returned: &str) -> Result<(), String> {
    let (length, stream, ppid, options) = options(argument)?;
    let data = Bytes::from(vec![0x5a; length]);
    let result = run.association.send(run.now, StreamId(stream), Ppid(ppid), data, options);
    match (result, returned.starts_with("-1")) {
        (Err(error), false) => Err(format!("{error:?}")),
        (Ok(()), true) => Err("it was accepted".to_owned()),
        _ => Ok(()),
    }
}

fn receive(run: &mut Run, argument: &Value, returned: &str) -> Result<(), String> {
    let message = run.association.poll_message();
    let Some(message) = message else {
        return if returned.starts_with("-1") { Ok(()) } else { Err("there is no message".to_owned()) };
    };
    run.association.release(run.now, message.data.len());
    if returned.starts_with("-1") {
        return Err(format!("there is a message of {} bytes", message.data.len()));
    }
    if returned != "0" && digits(returned) != Some(message.data.len() as u64) {
        return Err(format!("a message of {} bytes", message.data.len()));
    }
    let text = argument.to_string();
    let check = |name: &str, found: u64| match text.find(&format!("{name}=")) {
        Some(at) => {
            let rest: String =
                text[at + name.len() + 1..].chars().take_while(|c| !",}".contains(*c)).collect();
            match digits(&rest) {
                Some(expected) if expected != found => Err(format!("{name}: {found}")),
                _ => Ok(()),
            }
        }
        None => Ok(()),
    };
    check("sinfo_stream", message.stream.0.into())?;
    check("sinfo_ppid", message.ppid.0.into())
}

fn streams(argument: Option<&Value>) -> Vec<StreamId> {
    let list = argument.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_u64).map(|stream| StreamId(stream as u16)).collect()
}

fn reset(run: &mut Run, argument: &Value) -> Result<(), String> {
    for stream in streams(Some(argument)) {
        run.association.reset_stream(run.now, stream).map_err(|error| format!("{error:?}"))?;
    }
    Ok(())
}

fn event(run: &Run, argument: &Value, wanted: Option<&Value>) -> Result<(), String> {
    let found = match argument.as_str() {
        Some("reset_done") => &run.resets_done,
        Some("reset_failed") => &run.resets_refused,
        other => return Err(format!("no such event: {other:?}")),
    };
    let missing: Vec<_> = streams(wanted).into_iter().filter(|stream| !found.contains(stream)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no such event for {missing:?}")) }
}

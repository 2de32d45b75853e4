//! `plywood serve` over raw HTTP: who is answered, and what.
#![expect(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use support::Process;

/// A server on a free port, and that port's address.
fn server() -> (Process, String) {
    let mut server = Process::start(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    let url = server.wait("listening")["url"].as_str().unwrap().to_owned();
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    (server, address)
}

/// Sends one request and returns status, headers and body as they came.
fn request(address: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let request = format!("{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer); // a refusal may come before the body is read: then a reset follows
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or(0), answer)
}

#[test]
fn the_page_is_whole_and_loads_nothing_from_elsewhere() {
    let (_server, address) = server();
    for (path, kind, words) in [
        ("/", "text/html", "<title>plywood"),
        ("/style.css", "text/css", ":root"),
        ("/app.js", "text/javascript", "RTCPeerConnection"),
    ] {
        let (status, answer) = request(&address, &format!("GET {path} HTTP/1.1\r\nHost: {address}"), "");
        assert_eq!(status, 200);
        assert!(answer.contains(kind) && answer.contains(words), "{path}");
        assert!(answer.to_lowercase().contains("content-security-policy: default-src 'none'"));
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        assert!(!body.replace("http://www.w3.org/2000/svg", "").contains("src=\"http"), "{path}");
    }
    let (status, answer) = request(&address, &format!("GET /api/info HTTP/1.1\r\nHost: {address}"), "");
    assert_eq!(status, 200);
    assert!(answer.contains("\"hasRoute\":"), "{answer}");
}

#[test]
fn foreign_hosts_and_origins_are_refused() {
    let (_server, address) = server();
    let port = address.rsplit(':').next().unwrap();
    let foreign = format!("GET / HTTP/1.1\r\nHost: rebound.example:{port}");
    assert_eq!(request(&address, &foreign, "").0, 421);
    let other_site = format!(
        "POST /api/offer HTTP/1.1\r\nHost: {address}\r\nOrigin: http://other.example\r\nContent-Type: application/json"
    );
    assert_eq!(request(&address, &other_site, "{}").0, 403);
    let websocket = format!(
        "GET /api/ws HTTP/1.1\r\nHost: {address}\r\nOrigin: http://other.example\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    );
    assert_eq!(request(&address, &websocket, "").0, 403);
    let ours = format!("GET /api/info HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}");
    assert_eq!(request(&address, &ours, "").0, 200);
}

#[test]
fn offers_that_cannot_be_used_are_refused_in_words() {
    let (_server, address) = server();
    let post = format!("POST /api/offer HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json");
    let (status, answer) = request(&address, &post, r#"{"sdp":"v=0\r\nnonsense\r\n"}"#);
    assert_eq!(status, 422);
    assert!(answer.contains("the offer cannot be used"), "{answer}");
    assert_eq!(request(&address, &post, "{").0, 400);
    assert_eq!(request(&address, &post, r#"{"spd":""}"#).0, 422);
    let untyped = format!("POST /api/offer HTTP/1.1\r\nHost: {address}\r\nContent-Type: text/plain");
    assert_eq!(request(&address, &untyped, "{}").0, 415);
    assert_eq!(request(&address, &post, &format!(r#"{{"sdp":"{}"}}"#, "x".repeat(70_000))).0, 413);
    assert_eq!(request(&address, &format!("GET /api/session/00 HTTP/1.1\r\nHost: {address}"), "").0, 404);
}

#[test]
fn new_sessions_are_limited_by_rate() {
    let (_server, address) = server();
    let post = format!("POST /api/offer HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json");
    let refused = (0..60).any(|_| request(&address, &post, r#"{"sdp":""}"#).0 == 429);
    assert!(refused);
}

#[test]
fn a_whole_offer_gets_a_whole_answer_and_the_peers_connect() {
    let (_server, address) = server();
    let mut peer = Process::start(&["peer", "--bind", "127.0.0.1"]);
    peer.wait("ready");
    peer.write(r#"{"type":"create-offer","channels":[{"ch":"c","label":"by hand"}]}"#);
    let mut offer = peer.wait("offer")["sdp"].as_str().unwrap().to_owned();
    loop {
        let line = peer.next();
        match line["type"].as_str().unwrap() {
            "candidate" => offer.push_str(&format!("a={}\r\n", line["candidate"].as_str().unwrap())),
            "end-of-candidates" => break,
            _ => {}
        }
    }
    let post = format!("POST /api/offer HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json");
    let (status, answer) = request(&address, &post, &serde_json::json!({ "sdp": offer }).to_string());
    assert_eq!(status, 200, "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert!(body["sdp"].as_str().unwrap().contains("a=candidate:"));
    peer.command(&serde_json::json!({ "type": "answer", "sdp": body["sdp"] }));
    peer.wait("open");
    peer.write(r#"{"type":"send","ch":"c","kind":"text","text":"echo me"}"#);
    assert_eq!(peer.wait("message")["len"], 7);
    let path = format!("/api/session/{}", body["session"].as_str().unwrap());
    let (status, log) = request(&address, &format!("GET {path} HTTP/1.1\r\nHost: {address}"), "");
    assert_eq!(status, 200);
    assert!(log.contains("channel open") && log.contains("by hand"), "{log}");
}

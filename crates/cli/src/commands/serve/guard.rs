//! Who may talk to the embedded server.
//!
//! Problem: a page of any site can send requests to 127.0.0.1, and with DNS rebinding (a name of theirs that
//! suddenly means 127.0.0.1) it can read the answers too.
//! How: a request is refused unless its `Host` is one of this server's own names, and its `Origin`, if it has
//! one (browsers always send it with POST and WebSocket), is a page of this server. Beyond loopback the API
//! also wants a token that only the terminal has shown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context as _;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ring::rand::SecureRandom as _;
use sha2::{Digest as _, Sha256};

use super::App;

/// The header in which scripts of the page send the token.
const TOKEN_HEADER: &str = "x-plywood-token";

/// Names of this server, and its token where one is needed.
#[derive(Debug)]
pub(super) struct Guard {
    hosts: Vec<String>,
    token: Option<String>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Host,
    Origin,
    Token,
}

impl Refusal {
    fn into_response(self) -> Response {
        let (status, words) = match self {
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "this server does not answer to that Host"),
            Self::Origin => (StatusCode::FORBIDDEN, "this server does not answer pages of that Origin"),
            Self::Token => (StatusCode::UNAUTHORIZED, "open the page with the token that the terminal shows"),
        };
        (status, words).into_response()
    }
}

impl Guard {
    /// For a server that listens on `address`.
    ///
    /// # Errors
    /// The operating system gave no randomness for the token.
    pub(super) fn new(address: SocketAddr, extra: &[String]) -> anyhow::Result<Self> {
        let ips = match address.ip() {
            ip if ip.is_unspecified() => super::local_addresses(),
            ip => vec![ip],
        };
        let mut hosts = Vec::new();
        if ips.iter().any(IpAddr::is_loopback) {
            add_host(&mut hosts, "localhost", address.port());
            add_host(&mut hosts, &Ipv4Addr::LOCALHOST.to_string(), address.port());
            add_host(&mut hosts, &format!("[{}]", Ipv6Addr::LOCALHOST), address.port());
        }
        for ip in &ips {
            let name = match ip {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            };
            add_host(&mut hosts, &name, address.port());
        }
        for name in extra {
            add_host(&mut hosts, &name.to_ascii_lowercase(), address.port());
        }
        let token = if address.ip().is_loopback() { None } else { Some(random_hex()?) };
        Ok(Self { hosts, token })
    }

    /// Where a browser finds the page.
    pub(super) fn url(&self, address: SocketAddr) -> String {
        let host = match address.ip() {
            ip if ip.is_unspecified() => self.hosts.last().cloned().unwrap_or_else(|| address.to_string()),
            _ => address.to_string(),
        };
        match &self.token {
            Some(token) => format!("http://{host}/?token={token}"),
            None => format!("http://{host}/"),
        }
    }

    fn admit(&self, path: &str, query: Option<&str>, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if !self.is_ours(host) {
            return Err(Refusal::Host);
        }
        if let Some(origin) = headers.get(header::ORIGIN) {
            let name = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            if !name.is_some_and(|name| self.is_ours(name)) {
                return Err(Refusal::Origin);
            }
        }
        match &self.token {
            Some(token) if path.starts_with("/api/") && !presents(token, query, headers) => {
                Err(Refusal::Token)
            }
            _ => Ok(()),
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host))
    }
}

fn add_host(hosts: &mut Vec<String>, name: &str, port: u16) {
    let mut add = |host: String| {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    };
    add(format!("{name}:{port}"));
    if port == 80 {
        add(name.to_owned()); // browsers leave the default port out
    }
}

fn presents(token: &str, query: Option<&str>, headers: &HeaderMap) -> bool {
    let in_header = headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
    let in_query =
        query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("token="));
    [in_header, in_query].into_iter().flatten().any(|presented| {
        // Equal hashes instead of equal texts: how long the comparison takes says nothing about the token.
        Sha256::digest(presented) == Sha256::digest(token)
    })
}

/// 128 bits that nobody can guess.
///
/// # Errors
/// The operating system gave no randomness.
pub(super) fn random_hex() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .ok()
        .context("the operating system gave no randomness")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Refuses strangers, and tells browsers to be strict with this page.
pub(super) async fn check(State(app): State<App>, request: Request<Body>, next: Next) -> Response {
    let uri = request.uri();
    let mut response = match app.guard.admit(uri.path(), uri.query(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let rules = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in rules {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    fn loopback() -> Guard {
        Guard::new("127.0.0.1:8080".parse().unwrap(), &[]).unwrap()
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let guard = loopback();
        for ours in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080"] {
            assert_eq!(guard.admit("/", None, &headers(ours, None)), Ok(()), "{ours}");
        }
        for other in ["evil.example:8080", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:8080", ""] {
            assert_eq!(guard.admit("/", None, &headers(other, None)), Err(Refusal::Host), "{other}");
        }
        assert_eq!(guard.admit("/", None, &HeaderMap::new()), Err(Refusal::Host));
    }

    #[test]
    fn only_our_own_pages_are_answered() {
        let guard = loopback();
        let from = |origin| guard.admit("/api/offer", None, &headers("localhost:8080", Some(origin)));
        assert_eq!(from("http://localhost:8080"), Ok(()));
        for other in ["http://evil.example", "https://localhost:8080", "http://localhost:9", "null"] {
            assert_eq!(from(other), Err(Refusal::Origin), "{other}");
        }
    }

    #[test]
    fn beyond_loopback_the_api_wants_the_token() {
        let guard = Guard::new("192.0.2.1:8080".parse().unwrap(), &[]).unwrap();
        let token = guard.token.clone().unwrap();
        let ours = headers("192.0.2.1:8080", None);
        assert_eq!(guard.admit("/", None, &ours), Ok(()));
        assert_eq!(guard.admit("/api/info", None, &ours), Err(Refusal::Token));
        assert_eq!(guard.admit("/api/info", Some("token=0"), &ours), Err(Refusal::Token));
        assert_eq!(guard.admit("/api/ws", Some(&format!("a=1&token={token}")), &ours), Ok(()));
        let mut with_header = ours;
        with_header.insert(TOKEN_HEADER, token.parse().unwrap());
        assert_eq!(guard.admit("/api/info", None, &with_header), Ok(()));
    }
}

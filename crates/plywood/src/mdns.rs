//! Browsers hide their host addresses behind names such as `238dad7e-f7ee-4f8f-9c88-d4d2edd29b5d.local`
//! (draft-ietf-mmusic-mdns-ice-candidates). This asks the local network who they are.
//!
//! Problem: a remote description could name any host, or thousands of names, and so make us query the network
//! on its behalf.
//! How: only names of exactly that shape, at most [`MAX_NAMES`] a connection, each for at most [`PATIENCE`]; and nothing
//! is started, no thread and no socket, before the first such name. The connection never waits for this: a
//! peer whose address stays hidden is found as peer-reflexive when its checks arrive.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use mdns_sd::{HostnameResolutionEvent, ServiceDaemon};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Names that one connection may ask for: a browser uses one an address.
const MAX_NAMES: usize = 16;
/// Addresses taken for one name.
const MAX_ADDRESSES: usize = 4;
/// How long a name is asked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// All connections of a process share one querier while any of them needs it.
static QUERIER: Mutex<Weak<Querier>> = Mutex::const_new(Weak::new());

/// A candidate whose name was found.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) candidate: String,
    pub(crate) ufrag: Option<String>,
    pub(crate) addresses: Vec<IpAddr>,
}

/// The names that one connection asks for.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    asked: usize,
    running: JoinSet<Resolved>,
}

impl Resolver {
    /// Asks for `name`, or does not: wrong shape, or too many.
    pub(crate) fn resolve(&mut self, name: &str, candidate: String, ufrag: Option<String>) {
        if !is_hidden_address(name) || self.asked >= MAX_NAMES {
            tracing::debug!(name, "candidate name not resolved");
            return;
        }
        self.asked += 1;
        let host = format!("{name}.");
        self.running.spawn(async move {
            let found = tokio::time::timeout(PATIENCE, query(&host)).await;
            Resolved { candidate, ufrag, addresses: found.unwrap_or_default() }
        });
    }

    /// The next candidate with its addresses (none if nobody answered).
    pub(crate) fn poll_resolved(&mut self, cx: &mut Context<'_>) -> Poll<Resolved> {
        loop {
            match self.running.poll_join_next(cx) {
                Poll::Ready(Some(Ok(resolved))) => return Poll::Ready(resolved),
                Poll::Ready(Some(Err(_))) => {} // a query that panicked: as one without an answer
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// `8-4-4-4-12` hexadecimal digits, then `.local`.
fn is_hidden_address(name: &str) -> bool {
    let Some(uuid) = name.strip_suffix(".local") else { return false };
    let groups: Vec<&str> = uuid.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Ends its thread and closes its sockets with its last user.
struct Querier(ServiceDaemon);

impl Drop for Querier {
    fn drop(&mut self) {
        // Refused only if it has ended already.
        let _ = self.0.shutdown();
    }
}

async fn shared_querier() -> Option<Arc<Querier>> {
    let mut shared = QUERIER.lock().await;
    if let Some(querier) = shared.upgrade() {
        return Some(querier);
    }
    match ServiceDaemon::new() {
        Ok(daemon) => {
            let querier = Arc::new(Querier(daemon));
            *shared = Arc::downgrade(&querier);
            Some(querier)
        }
        Err(error) => {
            tracing::warn!(%error, "no multicast DNS here: hidden candidates stay hidden");
            None
        }
    }
}

async fn query(host: &str) -> Vec<IpAddr> {
    let Some(querier) = shared_querier().await else { return Vec::new() };
    let patience = u64::try_from(PATIENCE.as_millis()).ok();
    let Ok(answers) = querier.0.resolve_hostname(host, patience) else { return Vec::new() };
    let mut addresses = Vec::new();
    while addresses.is_empty() {
        match answers.recv_async().await {
            Ok(HostnameResolutionEvent::AddressesFound(_, found)) => {
                addresses.extend(found.iter().map(mdns_sd::ScopedIp::to_ip_addr).take(MAX_ADDRESSES));
            }
            Ok(HostnameResolutionEvent::SearchTimeout(_) | HostnameResolutionEvent::SearchStopped(_))
            | Err(_) => {
                break;
            }
            Ok(_) => {}
        }
    }
    // Refused only if the search has ended already.
    let _ = querier.0.stop_resolve_hostname(host);
    addresses.sort_unstable(); // the answer is a hash set: its order means nothing
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_browsers_shape_are_asked_for() {
        assert!(is_hidden_address("238dad7e-f7ee-4f8f-9c88-d4d2edd29b5d.local"));
        for name in [
            "printer.local",
            "238dad7e-f7ee-4f8f-9c88-d4d2edd29b5d.example.org",
            "238dad7e-f7ee-4f8f-9c88-d4d2edd29b5d.local.",
            "238dad7ef7ee4f8f9c88d4d2edd29b5d.local",
            "238dad7e-f7ee-4f8f-9c88-d4d2edd29b5g.local",
            "238dad7e-f7ee-4f8f-9c88d4d2-edd29b5d.local",
            ".local",
            "",
        ] {
            assert!(!is_hidden_address(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_name_of_another_shape_starts_nothing() {
        let mut resolver = Resolver::default();
        resolver.resolve("printer.local", String::new(), None);
        assert!(resolver.running.is_empty());
        assert!(QUERIER.lock().await.upgrade().is_none());
    }
}

//! What two peers must be able to do together: the table of scenarios.
//!
//! docs/peer-contract.md, "What the runner demands", says each in a line; every function here is one of them.

use anyhow::Result;

use super::matrix::Stage;

mod channels;
mod ends;
mod lossy;
mod messages;
mod paths;
mod security;

/// A row of the matrix.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut Stage) -> Result<()>,
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn scenario(name: &'static str, run: fn(&mut Stage) -> Result<()>) -> Scenario {
    Scenario { name, run }
}

pub(crate) const ALL: &[Scenario] = &[
    scenario("basic", messages::basic),
    scenario("full-sdp", messages::full_sdp),
    scenario("role-active", messages::role_active),
    scenario("role-passive", messages::role_passive),
    scenario("multi", channels::multi),
    scenario("in-band", channels::in_band),
    scenario("unicode", channels::unicode),
    scenario("close-channel", channels::close_channel),
    scenario("close-flush", channels::close_flush),
    scenario("ice-restart", paths::ice_restart),
    scenario("close", ends::close),
    scenario("wrong-fingerprint", ends::wrong_fingerprint),
    scenario("dtls-1.3", security::dtls_13),
    scenario("dtls-1.2", security::dtls_12),
    scenario("ipv6", paths::ipv6),
    scenario("mdns", paths::mdns),
    scenario("lossy", lossy::lossy),
    scenario("large", messages::large),
];

pub(crate) fn names() -> String {
    ALL.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
}

/// What a peer cannot do, whoever meets it.
const CANNOT: &[(&str, &str, &str)] = &[
    (super::LIBDATACHANNEL, "ice-restart", "libdatachannel has no ICE restart"),
    (super::LIBDATACHANNEL, "dtls-1.3", "OpenSSL 3.0, which it is built with, has DTLS 1.2 only"),
    (super::LIBDATACHANNEL, "dtls-1.2", "it tells no version of DTLS; every other scenario runs with 1.2"),
];

/// Cells that cannot pass whatever we do.
pub(crate) fn known_hole(scenario: &str, offerer: &str, answerer: &str) -> Option<&'static str> {
    let cannot =
        |(peer, name, _): &&(&str, &str, &str)| *name == scenario && [offerer, answerer].contains(peer);
    if let Some((.., why)) = CANNOT.iter().find(cannot) {
        return Some(why);
    }
    let browsers = super::BROWSERS.contains(&offerer) && super::BROWSERS.contains(&answerer);
    (browsers && offerer != answerer && scenario == "ice-restart").then_some(
        "a restart by Chromium that Firefox answers stalls: they disagree about the old candidates",
    )
}

//! One file a command.

pub(crate) mod demo;
pub(crate) mod inspect;
pub(crate) mod lab;
pub(crate) mod peer;
pub(crate) mod serve;

use anyhow::Context as _;
use tokio::runtime::Runtime;

/// The runtime of a command: a thread a core, so that two peers of one process do not share one.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

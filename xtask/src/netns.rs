//! A network of its own for a test: this program starts itself again inside a fresh network namespace.
//!
//! Problem: browsers gather only addresses with a default route, and tests must not touch the machine's
//! network. How: `unshare` makes network and process namespaces together, so that nothing stays behind,
//! whatever happens: when the inner program ends, the kernel ends its browsers and takes the network away.
//! ```text
//!  xtask --unshare--> xtask (inside)     lo up; ply0 <-> ply1: a pair of virtual Ethernet ends
//!                        |               ply0: 192.0.2.2/24, fd00::2/64, default routes
//!                        `--> peers      (documentation addresses: RFC 5737 §3; local IPv6: RFC 4193)
//! ```

use std::env;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process;
use crate::report::Unavailable;

/// Set for the program that runs inside.
const MARK: &str = "PLYWOOD_NAMESPACE";

/// What `ip` is told, line by line.
const PLAN: &[&str] = &[
    "link set lo up",
    "link add ply0 type veth peer name ply1",
    "link set ply0 up",
    "link set ply1 up",
    "addr add 192.0.2.2/24 dev ply0",
    "-6 addr add fd00::2/64 dev ply0 nodad",
    "route add default via 192.0.2.1 dev ply0",
    "-6 route add default via fd00::1 dev ply0",
];

/// Whether this program runs in a namespace that [`enter`] made.
pub(crate) fn inside() -> bool {
    env::var_os(MARK).is_some()
}

/// Runs this very command line again, inside a new namespace, and waits for its end.
pub(crate) fn enter() -> Result<ExitStatus> {
    let rights = unshare_arguments()?;
    let program = env::current_exe().context("where is this program?")?;
    let mut command = Command::new("unshare");
    command.args(rights).arg("--").arg(program).args(env::args_os().skip(1)).env(MARK, "1");
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.status().context("cannot start unshare")
}

/// As root plainly; otherwise as root of a user namespace, where the machine allows it.
fn unshare_arguments() -> Result<&'static [&'static str]> {
    const ROOT: &[&str] = &["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const USER: &[&str] =
        &["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let mut refused = String::new();
    for arguments in [ROOT, USER] {
        let mut attempt = Command::new("unshare");
        attempt.args(arguments).args(["--", "ip", "link", "add", "ply0", "type", "veth"]);
        let captured = process::capture(&mut attempt, Duration::from_secs(20))?;
        if captured.ok() {
            return Ok(arguments);
        }
        refused += &captured.tail(2);
        refused.push('\n');
    }
    let reason = format!(
        "no rights to make a network namespace; root, or user namespaces switched on, are needed:\n{refused}"
    );
    Err(Unavailable { judge: "namespace", reason }.into())
}

/// Inside: gives the namespace its interfaces, addresses and routes.
pub(crate) fn furnish() -> Result<()> {
    for line in PLAN {
        let captured =
            process::capture(Command::new("ip").args(line.split_whitespace()), Duration::from_secs(20))?;
        if !captured.ok() {
            let reason = format!("ip {line}: {}", captured.tail(2));
            return Err(Unavailable { judge: "namespace", reason }.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_has_both_families_and_default_routes() {
        let plan = PLAN.join("\n");
        for needed in ["192.0.2.2/24", "fd00::2/64", "route add default via 192.0.2.1", "lo up"] {
            assert!(plan.contains(needed), "{needed}");
        }
    }
}

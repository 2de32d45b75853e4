//! Makes the judges ready: Debian's browsers and tools by apt-get, Node packages by the lock file.
//!
//! A judge that cannot be made ready is an [`Unavailable`] with its name, never a silent skip.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::report::Unavailable;
use crate::{process, workspace};

const MINUTES: Duration = Duration::from_secs(60);

/// A program that must be there, and the Debian package that brings it.
type Need = (&'static str, &'static str);

const NAMESPACE: &[Need] = &[("ip", "iproute2"), ("unshare", "util-linux")];
const CHROMIUM: Need = ("chromium", "chromium");
const FIREFOX: Need = ("firefox-esr", "firefox-esr");
const NODE: &[Need] = &[("node", "nodejs"), ("npm", "npm")];
const CC: &[Need] = &[("cc", "gcc")];
const CXX: &[Need] = &[("c++", "g++")];
/// What a crate needs that builds a C++ library.
const CMAKE: &[Need] = &[("cmake", "cmake"), ("clang", "clang"), ("c++", "g++")];
/// What a crate needs that builds a C library with autotools and reads its headers with libclang.
const AUTOTOOLS: &[Need] = &[
    ("autoreconf", "autoconf"),
    ("automake", "automake"),
    ("libtoolize", "libtool"),
    ("make", "make"),
    ("patch", "patch"),
    ("cc", "gcc"),
    ("clang", "clang"),
];

/// The oldest Node that can run conformance/browsers.
const NODE_AT_LEAST: u32 = 18;

/// What a test in a network namespace needs.
pub(crate) fn namespace_tools() -> Result<()> {
    debian("namespace", NAMESPACE)
}

/// What libFuzzer is compiled with.
pub(crate) fn fuzzer() -> Result<()> {
    debian("fuzz", CXX)
}

/// What a judge of the suite `dtls` needs: a program, or a library with its headers.
pub(crate) fn dtls_judge(judge: &str) -> Result<()> {
    match judge {
        "openssl" => debian("openssl", &[("openssl", "openssl")]),
        "gnutls" => debian("gnutls", &[("gnutls-cli", "gnutls-bin"), ("gnutls-serv", "gnutls-bin")]),
        "mbedtls" => library("mbedtls", CC, "/usr/include/mbedtls/ssl.h", "libmbedtls-dev"),
        "wolfssl" => library("wolfssl", CC, "/usr/include/wolfssl/ssl.h", "libwolfssl-dev"),
        // Debian packages Go libraries as sources.
        "pion" => {
            let source = "/usr/share/gocode/src/github.com/pion/dtls/v2/conn.go";
            library("pion", &[("go", "golang-go")], source, "golang-github-pion-dtls.v2-dev")
        }
        "wolfssl-sys" => debian("wolfssl-sys", AUTOTOOLS),
        "boringssl" => debian("boringssl", CMAKE),
        _ => Ok(()),
    }
}

/// What libdatachannel is built with, and a network for it.
pub(crate) fn libdatachannel() -> Result<()> {
    namespace_tools()?;
    library("libdatachannel", CMAKE, "/usr/include/openssl/ssl.h", "libssl-dev")
}

/// A compiler, and a library of which `file` is a header or a source.
fn library(judge: &'static str, compiler: &[Need], file: &str, package: &'static str) -> Result<()> {
    debian(judge, compiler)?;
    if Path::new(file).is_file() {
        return Ok(());
    }
    apt_get_install(judge, &[package], || Path::new(file).is_file())
}

/// Browsers among `peers`, Node, and the Node packages that drive them.
pub(crate) fn browsers(peers: &[&str]) -> Result<()> {
    let mut needs = NAMESPACE.to_vec();
    needs.extend(peers.contains(&"chromium").then_some(CHROMIUM));
    needs.extend(peers.contains(&"firefox").then_some(FIREFOX));
    // A Node that came from elsewhere brings its own npm, and Debian's npm package conflicts with it:
    // ask for both only where neither is.
    if process::exists("node") && process::exists("npm") {
        node_is_new_enough()?;
    } else {
        needs.extend(NODE);
    }
    debian("browsers", &needs)?;
    node_packages(&workspace::root().join("conformance/browsers"))
}

fn unavailable(judge: &'static str, reason: impl Into<String>) -> anyhow::Error {
    Unavailable { judge, reason: reason.into() }.into()
}

/// Installs the Debian packages of those programs that are not there.
fn debian(judge: &'static str, needs: &[Need]) -> Result<()> {
    let missing = |needs: &[Need]| -> Vec<&'static str> {
        needs.iter().filter(|(program, _)| !process::exists(program)).map(|(_, package)| *package).collect()
    };
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    apt_get_install(judge, &packages, || missing(needs).is_empty())
}

/// Installs `packages`, until `there` says that they are.
fn apt_get_install(judge: &'static str, packages: &[&str], there: impl Fn() -> bool) -> Result<()> {
    let names = packages.join(" ");
    if !process::exists("apt-get") {
        return Err(unavailable(judge, format!("not installed, and there is no apt-get: {names}")));
    }
    println!("  installing {names}");
    let mut said = String::new();
    for _attempt in 0..3 {
        let update = process::capture(apt_get().arg("update"), 5 * MINUTES)?;
        let mut install = apt_get();
        install.args(["install", "-y", "--no-install-recommends"]).args(packages);
        let installed = process::capture(&mut install, 15 * MINUTES)?;
        if installed.ok() && there() {
            return Ok(());
        }
        said = format!("{}\n{}", update.tail(2), installed.tail(4));
    }
    Err(unavailable(judge, format!("apt-get install {names} failed (are you root?):\n{said}")))
}

/// `apt-get` that asks nothing and waits for another one to finish; through sudo where we are not root.
fn apt_get() -> Command {
    let root =
        process::capture(Command::new("id").arg("-u"), MINUTES).is_ok_and(|id| id.stdout.trim() == "0");
    let mut command = if root || !process::exists("sudo") {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "DPkg::Lock::Timeout=600"]);
    command
}

fn node_is_new_enough() -> Result<()> {
    let captured = process::capture(Command::new("node").arg("--version"), MINUTES)?;
    match major(&captured.stdout) {
        Some(major) if major >= NODE_AT_LEAST => Ok(()),
        _ => {
            let reason = format!("node {} is too old: {NODE_AT_LEAST} or newer", captured.stdout.trim());
            Err(unavailable("browsers", reason))
        }
    }
}

/// `v20.20.2` is 20.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// `npm ci`, unless the lock file was installed already.
fn node_packages(folder: &Path) -> Result<()> {
    let lock = std::fs::read_to_string(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.installed-lock");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    println!("  installing the Node packages of {}", folder.display());
    let mut ending = String::new();
    for _attempt in 0..3 {
        let mut npm = Command::new("npm");
        npm.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        let captured = process::capture(&mut npm, 10 * MINUTES)?;
        if captured.ok() {
            std::fs::write(stamp, lock)?;
            return Ok(());
        }
        ending = captured.tail(6);
    }
    Err(unavailable("browsers", format!("npm ci failed in {}:\n{ending}", folder.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("garbage"), None);
    }

    #[test]
    fn a_machine_without_a_judge_says_its_name() {
        let error = unavailable("browsers", "no chromium");
        assert_eq!(error.downcast_ref::<Unavailable>().unwrap().judge, "browsers");
        assert!(error.to_string().contains("no chromium"));
    }
}

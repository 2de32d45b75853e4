//! usrsctp: the SCTP of FreeBSD in user space, from Debian, as a C program of its own (benches/usrsctp/pair.c).
//!
//! It is compiled when the bench starts, and left out by name where the library is not installed.

use std::path::Path;
use std::process::Command;

use super::Setup;

/// Compiles the program beside this one; why it could not.
pub fn compile() -> Result<std::path::PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("usrsctp/pair.c");
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = own.with_file_name("usrsctp-pair");
    let output = Command::new("cc")
        .args(["-O2", "-DINET", "-DINET6", "-o"])
        .args([&program, &source])
        .arg("-lusrsctp")
        .output()
        .map_err(|error| format!("no C compiler: {error}"))?;
    if output.status.success() {
        return Ok(program);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said.lines().find(|line| line.contains("error")).unwrap_or("it does not compile");
    Err(format!("is libusrsctp-dev installed? {reason}"))
}

/// A connected pair of sockets.
#[must_use]
pub fn command(program: &Path, setup: &Setup) -> Command {
    let numbers = [setup.mtu, setup.window, setup.message, usize::from(setup.streams)];
    let mut command = Command::new(program);
    command.args(numbers.map(|number| number.to_string()));
    command
}

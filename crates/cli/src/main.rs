//! `plywood`: one program, one file a command.

mod commands;
mod hash;
mod size;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// WebRTC data channels in pure Rust: see them work, serve them to browsers, drive them from a script.
#[derive(Debug, Parser)]
#[command(name = "plywood", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Connect two peers in this process over loopback UDP, show every step, move data; then serve the page.
    Demo(commands::demo::Args),
    /// Serve a page with which any browser opens data channels to this process.
    Serve(commands::serve::Args),
    /// One peer connection driven by JSON lines on stdin and stdout (docs/peer-contract.md).
    Peer(commands::peer::Args),
    /// Run a scenario on a simulated network, in virtual time.
    Lab(commands::lab::Args),
    /// Name every byte of a packet.
    Inspect(commands::inspect::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse(); // unknown flags: exit code 2
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = match &cli.command {
        Command::Demo(args) => commands::demo::run(args),
        Command::Serve(args) => commands::serve::run(args),
        Command::Peer(args) => commands::peer::run(args),
        Command::Lab(args) => commands::lab::run(args),
        Command::Inspect(args) => commands::inspect::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plywood: {error:#}");
            ExitCode::FAILURE
        }
    }
}

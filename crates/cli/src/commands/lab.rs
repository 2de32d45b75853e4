//! `plywood lab`: a scenario on a simulated network.

/// Run a scenario on a simulated network, in virtual time.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A scenario by name, or a TOML file.
    scenario: Option<String>,
}

/// Runs it.
///
/// # Errors
/// An unknown scenario.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    anyhow::bail!("scenario {:?}: not built yet (docs/roadmap.md)", args.scenario)
}

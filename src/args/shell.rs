//! What was typed for the commands that serve the shell: completions, man.

use clap_complete::Shell;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell that will read it
    pub shell: Shell,
}

#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Where the pages go, such as ~/.local/share/man/man1; made if missing
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

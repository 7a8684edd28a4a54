//! The command line of `burgrave baseline`.

use super::Format;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Which host, and whose state.
#[derive(Debug, Args)]
pub(crate) struct BaselineOf {
    /// A directory with a system in it, such as an image. Default: this machine.
    #[arg(long)]
    pub(crate) root: Option<PathBuf>,
    /// A configuration whose state is used, and whose folders are looked at as well. Default: none, and
    /// `/var/lib/burgrave`.
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
}

/// What web roots and configuration were when somebody accepted them.
#[derive(Debug, Subcommand)]
pub(crate) enum Baseline {
    /// Takes what is there now as accepted: web roots and `/etc`, each file with content, owner and mode.
    ///
    /// Prints a digest of it all. Note it elsewhere: with `check --digest` nobody on this machine can accept in secret.
    Accept {
        #[command(flatten)]
        of: BaselineOf,
        /// Only these folders. Default: all web roots and `/etc`.
        #[arg(long = "folder", value_name = "DIR")]
        folders: Vec<PathBuf>,
    },
    /// Shows what was accepted, when, and its digest. Exit 2: nothing was.
    Show {
        #[command(flatten)]
        of: BaselineOf,
        /// How it is shown.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Shows what is not as it was accepted: new, gone, content, owner, mode.
    ///
    /// Exit 0: nothing. 1: something. 2: nothing was accepted, or could not look.
    Check {
        #[command(flatten)]
        of: BaselineOf,
        /// The digest that `accept` has printed; another one is a difference.
        #[arg(long, value_name = "HEX")]
        digest: Option<String>,
        /// How it is shown.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

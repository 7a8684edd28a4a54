//! The command line of `burgrave ledger`.

use super::{CONFIG_DEFAULT, Format};
use clap::Subcommand;
use std::path::PathBuf;

/// Which ledger.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// A directory with a ledger's files, such as a copy. Default: that of the configuration's `state`.
    #[arg(value_name = "DIR", conflicts_with = "config")]
    pub(crate) folder: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, default_value = CONFIG_DEFAULT)]
    pub(crate) config: PathBuf,
    /// How the result is shown.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ledger {
    /// Shows what happened, oldest first. Exit 1: some lines are no sound rows.
    List {
        #[command(flatten)]
        which: Which,
        /// Only rows of this kind, as in `ban` or `ban.added`.
        #[arg(long)]
        kind: Option<String>,
        /// Only rows about this, such as an address or a job's name.
        #[arg(long)]
        subject: Option<String>,
        /// At most so many, the last ones.
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        last: usize,
    },
    /// Looks for rows that were changed, cut, inserted or moved. Works offline, on a copy as well.
    ///
    /// Exit 0: it is sound. 1: it is not, and what is wrong was told. 2: could not look.
    Verify {
        #[command(flatten)]
        which: Which,
        /// The public key to trust, as you keep it yourself. Default: `key.pub` beside the rows.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// A head that you noted at an earlier time: `ROW:HASH` as it is shown, or a copy of the file `HEAD`. With it
        /// even who holds the key cannot have rewritten what was before.
        #[arg(long, value_name = "HEAD")]
        since: Option<String>,
    },
}

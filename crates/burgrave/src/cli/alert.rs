//! The command line of `burgrave alert`.

use super::{CONFIG_DEFAULT, Format};
use clap::Subcommand;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum Alert {
    /// Shows what is the matter, who was told, what waits, and what is silenced. Exit 1: something is the matter.
    List {
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
        /// How it is shown.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Takes an alert on: nobody is told again, and nothing escalates.
    Ack {
        /// Its fingerprint, or at least the first four digits of it; `all`: everything that is the matter.
        which: String,
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
    },
    /// Keeps alerts from being told until a time.
    Silence {
        /// How their topic begins, as in `ban` or `backup.failed`. Default: all topics.
        #[arg(long)]
        topic: Option<String>,
        /// What they are about, such as an address or a job's name. Default: anything.
        #[arg(long)]
        subject: Option<String>,
        /// For how long, as in `30m`, `2h` or `7d`.
        #[arg(long = "for", value_name = "TIME", value_parser = super::time, required_unless_present = "end")]
        time: Option<Duration>,
        /// Why, for those who look later.
        #[arg(long, default_value = "by hand")]
        reason: String,
        /// Ends a silence now, by its id as `burgrave alert list` shows it.
        #[arg(long, value_name = "ID", conflicts_with_all = ["topic", "subject", "time"])]
        end: Option<String>,
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
    },
    /// Sends a test to each channel at once, and says what it answers. Exit 1: one did not take it.
    Test {
        /// Only this channel.
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
    },
}

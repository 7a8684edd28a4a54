//! The command line of `burgrave backup`.

use super::{CONFIG_DEFAULT, Format};
use clap::Subcommand;
use std::ffi::OsString;
use std::path::PathBuf;

/// Which job, and how it is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Job {
    /// The job's `name` in the configuration.
    #[arg(value_name = "JOB")]
    pub(crate) name: String,
    /// The configuration file.
    #[arg(long, default_value = CONFIG_DEFAULT)]
    pub(crate) config: PathBuf,
    /// How the result is shown.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Makes a backup now; the first run makes the repository.
    ///
    /// Exit 0: everything is in the snapshot. 1: there is a snapshot, but some files could not be read, the repository is
    /// damaged, or it is unlike those before. 2: there is no snapshot.
    Run {
        #[command(flatten)]
        job: Job,
    },
    /// Shows the snapshots, oldest first.
    List {
        #[command(flatten)]
        job: Job,
    },
    /// Looks for names in all snapshots, or in one. Exit 1: nothing matches.
    Find {
        #[command(flatten)]
        job: Job,
        /// As in `exclude`: `*.pdf`, `/srv/www/index.html`.
        pattern: String,
        /// Only in this one: `latest`, or the beginning of its name.
        #[arg(long)]
        snapshot: Option<String>,
    },
    /// Shows what differs between two snapshots. Exit 1: something does.
    Diff {
        #[command(flatten)]
        job: Job,
        /// The first: `latest`, or the beginning of its name.
        old: String,
        /// The second.
        #[arg(default_value = "latest")]
        new: String,
    },
    /// Restores files: below a directory, or in place.
    ///
    /// What is there and differs is moved to the state directory, and shown. Exit 1: some files could not be restored,
    /// each of which is named.
    Restore {
        #[command(flatten)]
        job: Job,
        /// Only these paths of the snapshot, with everything below them.
        paths: Vec<OsString>,
        /// The directory that becomes the snapshot's `/`.
        #[arg(
            long,
            value_name = "DIR",
            required_unless_present = "in_place",
            conflicts_with = "in_place"
        )]
        to: Option<PathBuf>,
        /// Where everything was.
        #[arg(long)]
        in_place: bool,
        /// Which one: `latest`, or the beginning of its name.
        #[arg(long, default_value = "latest")]
        snapshot: String,
        /// Only shows what would be done.
        #[arg(long)]
        dry_run: bool,
        /// For a base backup of PostgreSQL: the moment to restore to, as in `2026-11-21 02:42:18`, in UTC.
        #[arg(long, value_name = "TIME")]
        time: Option<String>,
    },
    /// Reads the repository back and compares it with its digests. Exit 1: something is missing or damaged; what it
    /// affects is named.
    Verify {
        #[command(flatten)]
        job: Job,
        /// Only a part of the data, as in `2/7`; `next`: the next of the configured parts. Default: everything.
        #[arg(long, value_name = "N/M")]
        share: Option<String>,
    },
    /// Restores the latest snapshot into a place of its own, compares it, starts and asks a database, and takes the time.
    /// Exit 1: it failed.
    Drill {
        #[command(flatten)]
        job: Job,
    },
    /// Forgets what `keep` does not keep and removes what nothing names then. Not with a writer's or reader's rights.
    Prune {
        #[command(flatten)]
        job: Job,
        /// Only shows what would be forgotten.
        #[arg(long)]
        dry_run: bool,
        /// Gives up this snapshot, whatever `keep` says. May be given more than once.
        #[arg(long, value_name = "ID")]
        forget: Vec<String>,
    },
    /// Shows the repository's keys, makes the key file, adds or removes a key.
    Key {
        #[command(flatten)]
        job: Job,
        /// Makes the job's key file, with a new random password.
        #[arg(long, conflicts_with_all = ["add", "remove"])]
        new: bool,
        /// Adds a key with the password in this file, such as a reader's.
        #[arg(long, value_name = "FILE", conflicts_with = "remove")]
        add: Option<PathBuf>,
        /// Removes the key with this name, or its beginning.
        #[arg(long, value_name = "ID")]
        remove: Option<String>,
    },
    /// Prints what a person needs to restore when nothing else is left: the key in words and as a QR code, and the steps.
    RecoverySheet {
        #[command(flatten)]
        job: Job,
    },
    /// Removes all locks, when it is known that nobody is at work.
    Unlock {
        #[command(flatten)]
        job: Job,
    },
    /// Does what is due, and goes on until it is ended, as `burgrave run` does beside serving.
    Schedule {
        /// The configuration file.
        #[arg(long, default_value = CONFIG_DEFAULT)]
        config: PathBuf,
        /// Is a child of the supervisor, and ends with it.
        #[arg(long, hide = true)]
        child: bool,
    },
}

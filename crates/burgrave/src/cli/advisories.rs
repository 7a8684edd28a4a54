//! The command lines of `burgrave advisories` and `burgrave sbom`.

use super::Format;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Advisories: taken from files, compared with what is installed.
#[derive(Debug, Subcommand)]
pub(crate) enum Advisories {
    /// Takes files of advisories; fetches nothing.
    ///
    /// OSV (JSON, a zip or a folder of them), the JSON of Debian's security tracker, CISA's catalogue of attacked
    /// holes (JSON) and EPSS (CSV); each may be packed by gzip. A file says itself which it is.
    Import {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// A configuration whose state is used. Default: none, and `/var/lib/burgrave`.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Shows the holes of what is installed, the most pressing first: exposure × attacked × likely × severity.
    ///
    /// Exit 0: none is known. 1: some are. 2: could not look, or no imported data covers this release.
    List {
        /// A directory with a system in it, such as an image. Default: this machine.
        #[arg(long)]
        root: Option<PathBuf>,
        /// A configuration whose state is used. Default: none, and `/var/lib/burgrave`.
        #[arg(long)]
        config: Option<PathBuf>,
        /// How it is shown.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// A list of what is installed.
#[derive(Debug, Args)]
pub(crate) struct Sbom {
    /// A directory with a system in it, such as an image. Default: this machine.
    #[arg(long)]
    pub(crate) root: Option<PathBuf>,
    /// The time that it bears, in seconds since 1970. Default: now.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=253_402_300_799))]
    pub(crate) timestamp: Option<i64>,
}

//! Facts about a host, read once and shared by all checks.
//!
//! Invariants: everything is read through [`System`], within bounds on sizes and numbers; a file
//! that is not there is a fact, one that cannot be read is [`Blind`] and never taken for absent.

mod accounts;
mod answers;
mod apache;
mod apt;
mod brought;
mod certificate;
mod commands;
mod cron;
mod domains;
mod exposure;
mod filter;
mod fstab;
mod host;
mod included;
pub mod ini;
mod iptables;
mod logs;
mod nftables;
mod nginx;
mod packages;
mod pam;
mod passwords;
mod process;
mod resemblance;
mod rpm;
mod secrets;
mod shell;
mod socket;
mod sqlite;
mod ssh;
mod sudoers;
mod sysctl;
mod text;
mod tree;
mod units;
mod web;
mod yaml;

pub use accounts::{Accounts, Group, Shadow, User};
pub use answers::{Answers, Asked, Engine, Row};
pub use apache::{Block as ApacheBlock, Directive as ApacheDirective};
pub use apt::{AptSetting, Source};
pub use burgrave_model::compare_versions;
pub(crate) use certificate::days;
pub use certificate::{Certificate, Key, KeyKind, pem, ssh_public};
pub use commands::{is_scratch, suspicion};
pub use cron::Job;
pub use domains::Records;
pub use exposure::{Listener, Reach};
pub use filter::{Filter, Opening};
pub use fstab::Mount;
pub use included::{Form, Included};
pub use logs::{Forward, Rotation};
pub(crate) use nginx::effective;
pub use nginx::{Directive, Server};
pub use packages::{Manager, Package, Packages};
pub use pam::PamLine;
pub use passwords::{Strength, is_guessable, strength};
pub use process::Process;
pub use resemblance::{Resemblance, resembles};
pub(crate) use secrets::secret_in;
pub use secrets::{Secret, secrets_in};
pub use shell::{Statement, statements};
pub use socket::Socket;
pub use ssh::{Keyword, SshConfig};
pub use sudoers::SudoRule;
pub use sysctl::Sysctl;
pub use text::{Line, Place, is_no, is_yes, joined, lines, text_of, uncommented, unquoted, words};
pub use tree::{Index, Node};
pub use units::Unit;
pub use web::{Site, WebRoot};
pub use yaml::flat as yaml;

use crate::evidence::{Evidence, shown_path};
use burgrave_sys::{Entry, Kind, Metadata, SysError, System, UnixTime};
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes of one configuration file.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Entries of one directory of configuration.
const ENTRIES_MAX: usize = 20_000;

/// What could not be looked at, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blind {
    /// The path or the source.
    pub what: String,
    /// In one sentence.
    pub why: String,
}

impl Blind {
    /// By an error of the system.
    pub fn because(path: &Path, error: &SysError) -> Self {
        Self { what: shown_path(path), why: crate::evidence::shown(&error.to_string()) }
    }

    /// By a reason of our own.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }

    /// As evidence of an unknown.
    pub fn evidence(&self) -> Evidence {
        Evidence { path: Some(self.what.clone()), text: self.why.clone(), ..Evidence::default() }
    }
}

/// What was looked at, or that it could not be.
pub type Seen<T> = Result<T, Blind>;

/// A text file that was read: its lines, or that there is none.
type Text = Seen<Option<Arc<Vec<Line>>>>;

/// Where the facts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A running machine: processes, sockets and the kernel can be asked.
    Running,
    /// A directory with a system in it.
    Tree,
}

/// The facts of one host.
pub struct Facts<'s> {
    /// The door.
    pub system: &'s dyn System,
    /// What can be asked.
    pub ground: Ground,
    /// Folders that a configuration of ours serves.
    pub served: Vec<PathBuf>,
    /// What was accepted of this host, if anything was.
    pub baseline: Seen<Option<crate::baseline::Baseline>>,
    /// Records of own domains, where they were given.
    pub domains: Option<Records>,
    /// What the database servers of this machine said, where they were asked.
    pub answers: Option<Answers>,
    now: UnixTime,
    files: Mutex<HashMap<PathBuf, Text>>,
    pub(crate) cells: Cells,
}

impl std::fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Facts").field("ground", &self.ground).finish_non_exhaustive()
    }
}

/// What was read already.
#[derive(Default)]
pub(crate) struct Cells {
    pub(crate) accounts: OnceLock<Seen<Accounts>>,
    pub(crate) shadow: OnceLock<Seen<Vec<Shadow>>>,
    pub(crate) sshd: OnceLock<Seen<Option<SshConfig>>>,
    pub(crate) nginx: OnceLock<Seen<Option<Vec<Directive>>>>,
    pub(crate) apache: OnceLock<Seen<Option<Vec<ApacheBlock>>>>,
    pub(crate) sites: OnceLock<Seen<Vec<Site>>>,
    pub(crate) sysctl: OnceLock<Seen<Vec<Sysctl>>>,
    pub(crate) units: OnceLock<Seen<Vec<Unit>>>,
    pub(crate) pam: OnceLock<Seen<Vec<PamLine>>>,
    pub(crate) sudo: OnceLock<Seen<Vec<SudoRule>>>,
    pub(crate) packages: OnceLock<Seen<Packages>>,
    pub(crate) apt: OnceLock<Seen<Vec<AptSetting>>>,
    pub(crate) index: OnceLock<Seen<Index>>,
    pub(crate) roots: OnceLock<Seen<Vec<WebRoot>>>,
    pub(crate) jobs: OnceLock<Seen<Vec<Job>>>,
    pub(crate) filter: OnceLock<Seen<Option<Filter>>>,
    pub(crate) loaded: OnceLock<Seen<Option<Filter>>>,
    pub(crate) processes: OnceLock<Seen<Vec<Process>>>,
    pub(crate) sockets: OnceLock<Seen<Vec<Socket>>>,
    pub(crate) listeners: OnceLock<Seen<Vec<Listener>>>,
    pub(crate) fstab: OnceLock<Seen<Option<Vec<Mount>>>>,
    pub(crate) rsyslog: OnceLock<Seen<Vec<ini::Setting>>>,
}

impl<'s> Facts<'s> {
    /// Facts that are read when they are asked for.
    pub fn new(system: &'s dyn System, ground: Ground) -> Self {
        Self {
            system,
            ground,
            served: Vec::new(),
            baseline: Ok(None),
            domains: None,
            answers: None,
            now: system.now(),
            files: Mutex::new(HashMap::new()),
            cells: Cells::default(),
        }
    }

    /// When the audit began.
    pub const fn now(&self) -> UnixTime {
        self.now
    }

    /// Whether processes and the kernel can be asked.
    pub fn is_running(&self) -> bool {
        self.ground == Ground::Running
    }

    /// Days between a time and the audit's beginning.
    pub const fn days_since(&self, time: UnixTime) -> i64 {
        (self.now.seconds() - time.seconds()).div_euclid(86_400)
    }

    /// Facts about a path; `None` where nothing is.
    pub fn metadata(&self, path: impl AsRef<Path>) -> Seen<Option<Metadata>> {
        let path = path.as_ref();
        match self.system.metadata(path) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(SysError::Missing(_)) => Ok(None),
            Err(error) => Err(Blind::because(path, &error)),
        }
    }

    /// Whether something is there, a closed door counting as a yes.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        !matches!(self.metadata(path), Ok(None))
    }

    /// The bytes of a file; `None` where no file is.
    pub fn bytes(&self, path: impl AsRef<Path>, bytes_max: u64) -> Seen<Option<Vec<u8>>> {
        let path = path.as_ref();
        match self.system.read(path, bytes_max) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(SysError::Missing(_) | SysError::WrongKind { .. }) => Ok(None),
            Err(error) => Err(Blind::because(path, &error)),
        }
    }

    /// The lines of a text file, read once; `None` where no file is.
    pub fn lines(&self, path: impl AsRef<Path>) -> Text {
        let path = path.as_ref();
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(path) {
            return known.clone();
        }
        let read = self
            .bytes(path, FILE_BYTES_MAX)
            .map(|bytes| bytes.map(|bytes| Arc::new(lines(path, &text_of(&bytes)))));
        files.insert(path.to_owned(), read.clone());
        read
    }

    /// The lines of a text file that is looked at once among many: not kept.
    pub fn glance(&self, path: impl AsRef<Path>) -> Seen<Option<Vec<Line>>> {
        let path = path.as_ref();
        let bytes = self.bytes(path, FILE_BYTES_MAX)?;
        Ok(bytes.map(|bytes| lines(path, &text_of(&bytes))))
    }

    /// The settings of a file; empty where no file is.
    pub fn settings(
        &self,
        path: impl AsRef<Path>,
        dialect: ini::Dialect,
    ) -> Seen<Vec<ini::Setting>> {
        let lines = self.lines(path)?;
        Ok(lines.map_or_else(Vec::new, |lines| ini::settings(&lines, dialect)))
    }

    /// The entries of a directory; empty where none is.
    pub fn list(&self, path: impl AsRef<Path>) -> Seen<Vec<Entry>> {
        let path = path.as_ref();
        match self.system.list(path, ENTRIES_MAX) {
            Ok(entries) => Ok(entries),
            Err(SysError::Missing(_) | SysError::WrongKind { .. }) => Ok(Vec::new()),
            Err(error) => Err(Blind::because(path, &error)),
        }
    }

    /// The files of a directory whose name ends so, sorted; links count as files.
    pub fn files_in(&self, path: impl AsRef<Path>, ending: &str) -> Seen<Vec<PathBuf>> {
        let entries = self.list(path)?;
        let named = |entry: &Entry| {
            let name = entry.path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
            name.ends_with(ending.as_bytes()) && !name.starts_with(b".")
        };
        let wanted =
            entries.into_iter().filter(|entry| entry.kind != Kind::Directory && named(entry));
        Ok(wanted.map(|entry| entry.path).collect())
    }

    /// The files that a pattern names; none when its directory is not there.
    pub fn glob(&self, pattern: impl AsRef<Path>) -> Seen<Vec<PathBuf>> {
        let pattern = pattern.as_ref();
        let found = self.system.glob(pattern, 2_000);
        found.map_err(|error| Blind::because(pattern, &error))
    }

    /// Facts about a path with links followed, as far as they lead; `None` where nothing is.
    pub fn followed(&self, path: impl AsRef<Path>) -> Seen<Option<(PathBuf, Metadata)>> {
        let mut path = path.as_ref().to_owned();
        for _ in 0..8 {
            let Some(metadata) = self.metadata(&path)? else { return Ok(None) };
            if metadata.kind != Kind::Link {
                return Ok(Some((path, metadata)));
            }
            let target = self.system.link(&path).map_err(|error| Blind::because(&path, &error))?;
            path = path.parent().unwrap_or(Path::new("/")).join(target);
        }
        Ok(None)
    }
}

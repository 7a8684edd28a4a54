//! The journal: what every change was before, on the disk before the change is made.
//!
//! One folder for each run below the state directory, `apply/0001` and so on: `about.json` says when
//! and what for, `0000.json` and so on how each path was, `0000.old` what it held, `0000.kept` what
//! was removed, `status` how it ended. A folder without a status is a run that was interrupted.
//!
//! Invariants: a record is complete and flushed before it has its name; nothing is ever deleted; a
//! folder that others could have written is not believed.

use crate::error::ApplyError;
use crate::facts::{Facts, Kind, Stamp};
use crate::host::Host;
use burgrave_model::Target;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Runs that are looked at.
const RUNS_MAX: usize = 100_000;

/// The number of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(pub(crate) u32);

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl std::str::FromStr for Id {
    type Err = ApplyError;

    fn from_str(text: &str) -> Result<Self, ApplyError> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| plain);
        number.map(Self).ok_or_else(|| ApplyError::NoSuchId(text.escape_debug().to_string()))
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It did not end: the program was killed, or the power failed.
    Interrupted,
    /// Everything was done and verified, and is taken back unless it is confirmed in time.
    OnTrial,
    /// Everything was done and verified.
    Applied,
    /// It was taken back by itself, since it could not be verified or was interrupted.
    RolledBack,
    /// It was taken back by an operator.
    Undone,
}

impl Status {
    /// The word in every output.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::OnTrial => "on-trial",
            Self::Applied => "applied",
            Self::RolledBack => "rolled-back",
            Self::Undone => "undone",
        }
    }
}

/// What a run was for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Of this form.
    pub version: u32,
    /// When, in seconds since 1970.
    pub time: i64,
    /// Ids of the checks that it mends.
    pub checks: Vec<String>,
    /// What it changes, in order.
    pub targets: Vec<String>,
    /// Programs that were made to take it.
    pub programs: Vec<String>,
    /// Units that it has stopped, which ran before.
    #[serde(default)]
    pub stopped: Vec<String>,
}

/// What was done to a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Did {
    Write { sha256: String },
    Folder,
    Mode { mode: u32 },
    Owner { uid: u32, gid: u32 },
    Remove,
    Mask,
    Unlink { to: String },
}

/// One step's way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) target: String,
    pub(crate) did: Did,
    /// How it was; `None`: it was not there.
    pub(crate) before: Option<Facts>,
    /// The times of the directory around it.
    pub(crate) folder: (Stamp, Stamp),
}

/// The journal of one host.
#[derive(Debug)]
pub(crate) struct Journal<'h> {
    pub(crate) host: &'h Host,
    top: String,
}

/// A path below the state directory, which is a plain one.
pub(crate) fn target(text: &str) -> Result<Target, ApplyError> {
    Target::try_from(Path::new(text))
        .map_err(|bad| ApplyError::Damaged(text.escape_debug().to_string(), bad.to_string()))
}

impl<'h> Journal<'h> {
    /// Below `state`, which need not be there yet.
    pub(crate) fn new(host: &'h Host, state: &Target) -> Self {
        Self { host, top: format!("{}/apply", state.text()) }
    }

    /// Makes the folder with those above it.
    pub(crate) fn make(&self) -> Result<(), ApplyError> {
        let parts: Vec<&str> = self.top.split('/').filter(|part| !part.is_empty()).collect();
        for depth in 1..=parts.len() {
            let path = parts.get(..depth).unwrap_or_default().join("/");
            // The last two are ours alone; what lies above is the system's.
            let mode = if depth + 2 > parts.len() { 0o700 } else { 0o755 };
            self.host.make_folder(&target(&format!("/{path}"))?, mode)?;
        }
        self.trust()
    }

    /// Whether only we could have written here.
    pub(crate) fn trust(&self) -> Result<(), ApplyError> {
        let top = target(&self.top)?;
        let Some(opened) = self.host.look(&top)? else { return Ok(()) };
        opened.is(Kind::Folder, &top)?;
        let own = opened.owner().0 == rustix::process::geteuid().as_raw();
        if own && opened.mode() & 0o022 == 0 {
            return Ok(());
        }
        Err(ApplyError::Untrusted(self.top.clone()))
    }

    /// Where the lock is.
    pub(crate) fn lock(&self) -> Result<Target, ApplyError> {
        target(&format!("{}/lock", self.top))
    }

    /// A file of a run.
    pub(crate) fn file(&self, id: Id, name: &str) -> Result<Target, ApplyError> {
        target(&format!("{}/{id}/{name}", self.top))
    }

    /// All runs, the oldest first.
    pub(crate) fn runs(&self) -> Result<Vec<Id>, ApplyError> {
        let names = self.host.names(&target(&self.top)?, RUNS_MAX)?;
        let mut ids: Vec<Id> = names.iter().filter_map(|name| name.parse().ok()).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Begins a run.
    pub(crate) fn begin(&self, about: &About) -> Result<Id, ApplyError> {
        let last = self.runs()?.last().map_or(0, |id| id.0);
        let id = Id(last.saturating_add(1));
        self.host.make_folder(&target(&format!("{}/{id}", self.top))?, 0o700)?;
        self.write(id, "about.json", &json(about)?)?;
        Ok(id)
    }

    /// Writes a file of a run, whole and flushed.
    pub(crate) fn write(&self, id: Id, name: &str, content: &[u8]) -> Result<(), ApplyError> {
        let now = Stamp { secs: burgrave_sys::wall_clock().seconds(), nanos: 0 };
        let own = rustix::process::geteuid().as_raw();
        let facts = Facts {
            kind: Kind::File,
            mode: 0o600,
            uid: own,
            gid: rustix::process::getegid().as_raw(),
            accessed: now,
            modified: now,
            attributes: Vec::new(),
            sha256: None,
        };
        self.host.put(&self.file(id, name)?, content, &facts, &format!(".{name}.new"))
    }

    /// What a run was for; `None` when it was interrupted before it could say so.
    pub(crate) fn about(&self, id: Id) -> Result<Option<About>, ApplyError> {
        let file = self.file(id, "about.json")?;
        let Some(bytes) = self.host.read(&file)? else { return Ok(None) };
        parse(&file, &bytes).map(Some)
    }

    /// How a run ended.
    pub(crate) fn status(&self, id: Id) -> Result<Status, ApplyError> {
        let file = self.file(id, "status")?;
        match self.host.read(&file)? {
            Some(bytes) => parse(&file, &bytes),
            None => Ok(Status::Interrupted),
        }
    }

    /// Until when a run is on trial, in seconds since 1970.
    pub(crate) fn deadline(&self, id: Id) -> Result<i64, ApplyError> {
        let file = self.file(id, "trial.json")?;
        let missing = || ApplyError::Damaged(file.text().to_owned(), "it is not there".to_owned());
        parse(&file, &self.host.read(&file)?.ok_or_else(missing)?)
    }

    /// Says until when a run will be on trial.
    pub(crate) fn set_deadline(&self, id: Id, deadline: i64) -> Result<(), ApplyError> {
        self.write(id, "trial.json", &json(&deadline)?)
    }

    /// Says how it ended.
    pub(crate) fn end(&self, id: Id, status: Status) -> Result<(), ApplyError> {
        self.write(id, "status", &json(&status)?)
    }

    /// Writes a step's way back.
    pub(crate) fn record(&self, id: Id, step: usize, record: &Record) -> Result<(), ApplyError> {
        self.write(id, &format!("{step:04}.json"), &json(record)?)
    }

    /// The ways back of a run, with their numbers, in the order in which they were made.
    pub(crate) fn records(&self, id: Id) -> Result<Vec<(usize, Record)>, ApplyError> {
        let mut out = Vec::new();
        for step in 0_usize.. {
            let file = self.file(id, &format!("{step:04}.json"))?;
            let Some(bytes) = self.host.read(&file)? else { break };
            out.push((step, parse(&file, &bytes)?));
        }
        Ok(out)
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, ApplyError> {
    serde_json::to_vec_pretty(value)
        .map_err(|error| ApplyError::Damaged("a new record".to_owned(), error.to_string()))
}

fn parse<T: for<'d> Deserialize<'d>>(file: &Target, bytes: &[u8]) -> Result<T, ApplyError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApplyError::Damaged(file.text().to_owned(), error.to_string()))
}

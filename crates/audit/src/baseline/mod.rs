//! What web roots and configuration were when somebody accepted them, and what is not so any more.
//!
//! Invariants: taking and comparing only reads; a file that could not be read is unknown, never unchanged; the text that
//! is kept has a digest over all of it, and one that does not fit is refused.

mod entry;
mod take;

pub use entry::{Entry, EntryKind};
pub use take::{folders, take};

use crate::facts::Blind;
use burgrave_digest::{sha256, sha256_of_all};
use burgrave_sys::UnixTime;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const MAGIC: &str = "burgrave-baseline 1";

/// Paths with what they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// When it was taken.
    pub time: UnixTime,
    /// The folders that it is of.
    pub folders: Vec<PathBuf>,
    /// By path.
    pub entries: BTreeMap<PathBuf, Entry>,
}

/// What is different about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It was not there.
    New,
    /// It is not there any more.
    Gone,
    /// It is another kind of file.
    Kind,
    /// Its content, or where a link leads.
    Content,
    /// Owner or group.
    Owner,
    /// Permission bits.
    Mode,
}

impl What {
    /// For people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Kind => "kind",
            Self::Content => "content",
            Self::Owner => "owner",
            Self::Mode => "mode",
        }
    }
}

/// One path that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub path: PathBuf,
    /// In which ways.
    pub what: Vec<What>,
}

impl Difference {
    /// The path, whatever its bytes are.
    pub fn shown_path(&self) -> String {
        crate::evidence::shown_path(&self.path)
    }

    /// As `content, mode`.
    pub fn words(&self) -> String {
        self.what.iter().map(|what| what.word()).collect::<Vec<_>>().join(", ")
    }
}

impl Baseline {
    /// What is not as it was, by path; and what could not be compared.
    pub fn differences(&self, now: &Self) -> (Vec<Difference>, Vec<Blind>) {
        let (mut out, mut blind) = (Vec::new(), Vec::new());
        for (path, before) in &self.entries {
            let what = match now.entries.get(path) {
                None => vec![What::Gone],
                Some(after) => match before.differs(after) {
                    Ok(what) => what,
                    Err(why) => {
                        blind.push(Blind::new(crate::evidence::shown_path(path), why));
                        continue;
                    }
                },
            };
            if !what.is_empty() {
                out.push(Difference { path: path.clone(), what });
            }
        }
        let new = now.entries.keys().filter(|path| !self.entries.contains_key(*path));
        out.extend(new.map(|path| Difference { path: path.clone(), what: vec![What::New] }));
        out.sort_by(|a, b| a.path.cmp(&b.path));
        (out, blind)
    }

    /// As it is kept: a line for each path, and a digest over all of them.
    pub fn text(&self) -> String {
        let mut out = format!("{MAGIC}\t{}\n", self.time.0);
        for folder in &self.folders {
            out.push_str(&format!("folder\t{}\n", entry::escaped(folder)));
        }
        for (path, entry) in &self.entries {
            out.push_str(&entry.line(path));
            out.push('\n');
        }
        let digest = sha256(out.as_bytes());
        out.push_str(&format!("digest\t{digest}\n"));
        out
    }

    /// The digest over everything but the time: two hosts that are alike have the same.
    pub fn digest(&self) -> String {
        sha256_of_all(&mut self.entries.iter().map(|(path, entry)| entry.line(path) + "\n"))
    }

    /// What was kept; `None` where it is not whole or was changed.
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_suffix('\n')?;
        let (body, last) = body.rsplit_once('\n')?;
        let wanted = last.strip_prefix("digest\t")?;
        if sha256(format!("{body}\n").as_bytes()) != wanted {
            return None;
        }
        let mut lines = body.lines();
        let time = lines.next()?.strip_prefix(MAGIC)?.strip_prefix('\t')?.parse().ok()?;
        let mut out = Self { time: UnixTime(time), ..Self::default() };
        for line in lines {
            if let Some(folder) = line.strip_prefix("folder\t") {
                out.folders.push(entry::unescaped(folder)?);
            } else {
                let (path, entry) = Entry::parse(line)?;
                out.entries.insert(path, entry);
            }
        }
        Some(out)
    }

    /// How one path is not as it was; `None` where it is, or where it could not be looked at.
    pub fn look(&self, facts: &crate::facts::Facts<'_>, path: &Path) -> Option<Difference> {
        let what = match (self.entries.get(path), take::one(facts, path)?) {
            (None, None) => return None,
            (None, Some(_)) => vec![What::New],
            (Some(_), None) => vec![What::Gone],
            (Some(before), Some(after)) => before.differs(&after).ok()?,
        };
        (!what.is_empty()).then(|| Difference { path: path.to_owned(), what })
    }

    /// Whether a path lies in one of the folders.
    pub fn covers(&self, path: &Path) -> bool {
        self.folders.iter().any(|folder| path.starts_with(folder)) && !take::is_left_out(path)
    }
}

#[cfg(test)]
mod tests;

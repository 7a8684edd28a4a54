//! A directory of another machine by SFTP (version 3, draft-ietf-secsh-filexfer-02), over the machine's own `ssh`, with its
//! keys, its configuration and its list of known hosts.
//!
//! A file is written under a temporary name, flushed where the server can (`fsync@openssh.com`), and renamed.

mod session;

use super::{FileKind, Listed, Target, fault, is_name};
use crate::error::BackupError;
use crate::source::find;
use burgrave_sys::Invocation;
use session::{REMOVE, STATUS, Session, Wrong, strange};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// After a failure of the connection it is tried again so much later.
const AGAIN: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(8),
];

/// A repository on another machine.
pub(crate) struct Sftp {
    invocation: Invocation,
    path: String,
    name: String,
    session: Mutex<Option<Session>>,
    made: Mutex<HashSet<String>>,
}

/// Where to.
pub(crate) struct Host<'h> {
    pub(crate) user: Option<&'h str>,
    pub(crate) machine: &'h str,
    pub(crate) port: Option<u16>,
    pub(crate) path: &'h str,
    /// The private key.
    pub(crate) key: Option<&'h Path>,
}

impl Sftp {
    pub(crate) fn new(host: &Host<'_>, name: String) -> Result<Self, BackupError> {
        let mut invocation = Invocation::new(find(&["ssh"])?, Duration::from_mins(5), 0)?
            .args([
                "-o",
                "BatchMode=yes",
                "-o",
                "ServerAliveInterval=15",
                "-o",
                "ServerAliveCountMax=4",
            ])
            .variable("PATH", "/usr/local/bin:/usr/bin:/bin");
        if let Some(home) = std::env::var_os("HOME") {
            invocation = invocation.variable("HOME", home);
        }
        if let Some(agent) = std::env::var_os("SSH_AUTH_SOCK") {
            invocation = invocation.variable("SSH_AUTH_SOCK", agent);
        }
        if let Some(key) = host.key {
            // Hosts may be known beside the key as well, apart from the account's own.
            let mut known = std::ffi::OsString::from("UserKnownHostsFile=\"");
            known.push(key);
            known.push(".known_hosts\" ~/.ssh/known_hosts");
            invocation = invocation.arg("-o").arg(known);
            invocation = invocation.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        }
        if let Some(port) = host.port {
            invocation = invocation.args(["-p", &port.to_string()]);
        }
        if let Some(user) = host.user {
            invocation = invocation.args(["-l", user]);
        }
        let place = host.machine.trim_start_matches('[').trim_end_matches(']');
        invocation = invocation.args(["-s", "--", place, "sftp"]);
        let path = host.path.trim_end_matches('/').to_owned();
        Ok(Self { invocation, path, name, session: Mutex::default(), made: Mutex::default() })
    }

    fn folder(&self, kind: FileKind, name: &str) -> String {
        match kind {
            FileKind::Config => self.path.clone(),
            FileKind::Pack => {
                let two: String = name.chars().take(2).collect();
                format!("{}/data/{two}", self.path)
            }
            FileKind::Key | FileKind::Lock | FileKind::Snapshot | FileKind::Index => {
                format!("{}/{}", self.path, kind.folder())
            }
        }
    }

    /// Does something over a connection, again over a new one when it was lost.
    fn with<T>(&self, mut act: impl FnMut(&mut Session) -> Result<T, Wrong>) -> Result<T, Wrong> {
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pauses = AGAIN.iter();
        loop {
            let mut session = match kept.take() {
                Some(session) => Ok(session),
                None => Session::open(&self.invocation),
            };
            let done = session.as_mut().map_err(|_told_below| ()).map(&mut act);
            let lost = match (session, done) {
                (Ok(session), Ok(done)) => {
                    if let Err(Wrong::Lost(why)) = done {
                        drop(session);
                        why
                    } else {
                        *kept = Some(session);
                        return done;
                    }
                }
                (Err(Wrong::Lost(why)), _) => why,
                (Err(other), _) => return Err(other),
                (Ok(_), Err(())) => return Err(strange()),
            };
            let Some(pause) = pauses.next() else { return Err(Wrong::Lost(lost)) };
            std::thread::sleep(*pause);
        }
    }

    fn explain(&self, doing: &str, kind: FileKind, name: &str, wrong: Wrong) -> BackupError {
        match wrong {
            Wrong::Missing => BackupError::Missing {
                target: self.name(),
                object: format!("{} `{name}`", kind.word()),
            },
            Wrong::End => {
                BackupError::damaged(format!("{} `{name}`", kind.word()), "it is cut short")
            }
            Wrong::Refused(why) | Wrong::Lost(why) => fault(self, doing, kind, name, why),
        }
    }

    fn place(&self, kind: FileKind, name: &str) -> Result<String, BackupError> {
        if !is_name(kind, name) {
            return Err(fault(
                self,
                "naming",
                kind,
                name,
                "this is no name of a file of a repository",
            ));
        }
        Ok(format!("{}/{name}", self.folder(kind, name)))
    }
}

impl Target for Sftp {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn prepare(&self) -> Result<(), BackupError> {
        let mut folders = vec![self.path.clone()];
        folders.extend(FileKind::FOLDERS.map(|kind| format!("{}/{}", self.path, kind.folder())));
        folders.extend((0..=255_u8).map(|first| format!("{}/data/{first:02x}", self.path)));
        let made =
            self.with(|session| folders.iter().try_for_each(|folder| session.make_folder(folder)));
        made.map_err(|wrong| self.explain("making", FileKind::Config, "config", wrong))
    }

    fn list(&self, kind: FileKind) -> Result<Vec<Listed>, BackupError> {
        let top = format!("{}/{}", self.path, kind.folder());
        let listed = self.with(|session| {
            let mut all = session.list(&top)?;
            if kind == FileKind::Pack {
                let folders: Vec<Vec<u8>> = all.into_iter().map(|(name, ..)| name).collect();
                all = Vec::new();
                for folder in
                    folders.iter().filter(|name| name.len() == 2 && !name.starts_with(b"."))
                {
                    let path = format!("{top}/{}", folder.escape_ascii());
                    match session.list(&path) {
                        Ok(names) => all.extend(names),
                        Err(Wrong::Missing) => {}
                        Err(other) => return Err(other),
                    }
                }
            }
            Ok(all)
        });
        let all = match listed {
            Err(Wrong::Missing) => Vec::new(),
            other => other.map_err(|wrong| self.explain("listing", kind, "", wrong))?,
        };
        let file = |(name, bytes, mode): (Vec<u8>, u64, u32)| {
            let name = String::from_utf8(name).ok()?;
            let is_file = mode & 0o170_000 == 0o100_000 || mode == 0;
            (is_file && is_name(kind, &name)).then_some(Listed { name, bytes })
        };
        Ok(all.into_iter().filter_map(file).collect())
    }

    fn read(&self, kind: FileKind, name: &str, bytes_max: u64) -> Result<Vec<u8>, BackupError> {
        let path = self.place(kind, name)?;
        let read = self.with(|session| {
            let bytes = session.size(&path)?;
            if bytes > bytes_max {
                return Err(Wrong::Refused(format!(
                    "it has {bytes} bytes, where {bytes_max} is the most"
                )));
            }
            session.read(&path, 0, usize::try_from(bytes).unwrap_or(usize::MAX))
        });
        match read {
            Err(Wrong::Missing) if kind == FileKind::Config => {
                Err(BackupError::NoRepository(self.name()))
            }
            other => other.map_err(|wrong| self.explain("reading", kind, name, wrong)),
        }
    }

    fn read_part(
        &self,
        kind: FileKind,
        name: &str,
        offset: u64,
        bytes: usize,
    ) -> Result<Vec<u8>, BackupError> {
        let path = self.place(kind, name)?;
        let read = self.with(|session| session.read(&path, offset, bytes));
        read.map_err(|wrong| self.explain("reading", kind, name, wrong))
    }

    fn write(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let path = self.place(kind, name)?;
        let folder = self.folder(kind, name);
        let mut attempt = 0;
        let written = self.with(|session| {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            if made.insert(folder.clone()) {
                session.make_folder(&folder)?;
            }
            drop(made);
            // One that was cut off may have come through.
            let there = session.size(&path).ok();
            if there == u64::try_from(content.len()).ok() {
                return Ok(());
            }
            attempt += 1;
            let temporary = format!("{folder}/.burgrave-{}-{attempt}-{name}", std::process::id());
            session.write(&path, &temporary, content)
        });
        written.map_err(|wrong| self.explain("writing", kind, name, wrong))
    }

    fn overwrite(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let path = self.place(kind, name)?;
        let temporary =
            format!("{}/.burgrave-{}-{name}", self.folder(kind, name), std::process::id());
        let written = self.with(|session| {
            // Whoever may not rename over a file may still remove it first.
            session.ask(REMOVE, STATUS, |packet| packet.text(path.as_bytes()))?;
            session.write(&path, &temporary, content)
        });
        written.map_err(|wrong| self.explain("overwriting", kind, name, wrong))
    }

    /// Each file is flushed before it gets its name.
    fn barrier(&self) -> Result<(), BackupError> {
        Ok(())
    }

    fn remove(&self, kind: FileKind, name: &str) -> Result<bool, BackupError> {
        let path = self.place(kind, name)?;
        match self.with(|session| {
            session.ask(REMOVE, STATUS, |packet| packet.text(path.as_bytes())).map(drop)
        }) {
            Ok(()) => Ok(true),
            Err(Wrong::Missing) => Ok(false),
            Err(other) => Err(self.explain("removing", kind, name, other)),
        }
    }
}

impl Drop for Sftp {
    fn drop(&mut self) {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Session { input, output, program, .. }) = session {
            drop((input, output));
            // It ends when nothing comes any more.
            drop(program.finish(Duration::from_secs(2)));
        }
    }
}

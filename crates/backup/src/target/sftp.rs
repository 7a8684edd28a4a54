//! A directory of another machine by SFTP (version 3, draft-ietf-secsh-filexfer-02), over the machine's own `ssh`, with its
//! keys, its configuration and its list of known hosts.
//!
//! A file is written under a temporary name, flushed where the server can (`fsync@openssh.com`), and renamed.

use super::{FileKind, Listed, Target, fault, is_name};
use crate::error::BackupError;
use crate::source::find;
use burgrave_sys::{Invocation, Program};
use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Bytes of a read or write, which every server takes.
const PIECE: usize = 32 * 1024;
/// Requests that are sent before their answers are read.
const AHEAD: usize = 32;
/// No answer is longer.
const PACKET_BYTES_MAX: u32 = 256 * 1024;
/// Names of one directory.
const NAMES_MAX: usize = 10_000_000;
/// After a failure of the connection it is tried again so much later.
const AGAIN: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(8),
];

const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
const REMOVE: u8 = 13;
const MKDIR: u8 = 14;
const RENAME: u8 = 18;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;
const EXTENDED: u8 = 200;

/// What a server says instead of an answer.
#[derive(Debug)]
enum Wrong {
    /// End of file or of a directory.
    End,
    /// No such file.
    Missing,
    /// It will not, or cannot.
    Refused(String),
    /// The connection is of no more use.
    Lost(String),
}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

/// Fields of a packet, as they are read.
struct Fields<'p>(&'p [u8]);

impl<'p> Fields<'p> {
    fn number(&mut self) -> Result<u32, Wrong> {
        let (bytes, rest) = self.0.split_first_chunk::<4>().ok_or_else(strange)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    fn long(&mut self) -> Result<u64, Wrong> {
        let (bytes, rest) = self.0.split_first_chunk::<8>().ok_or_else(strange)?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*bytes))
    }

    fn text(&mut self) -> Result<&'p [u8], Wrong> {
        let length = usize::try_from(self.number()?).map_err(|_long| strange())?;
        let (text, rest) = self.0.split_at_checked(length).ok_or_else(strange)?;
        self.0 = rest;
        Ok(text)
    }

    /// Size and mode; the rest is read over.
    fn attributes(&mut self) -> Result<(u64, u32), Wrong> {
        let flags = self.number()?;
        let size = if flags & 1 != 0 { self.long()? } else { 0 };
        if flags & 2 != 0 {
            self.long()?;
        }
        let mode = if flags & 4 != 0 { self.number()? } else { 0 };
        if flags & 8 != 0 {
            self.long()?;
        }
        if flags & 0x8000_0000 != 0 {
            for _ in 0..self.number()?.min(1_000) {
                self.text()?;
                self.text()?;
            }
        }
        Ok((size, mode))
    }
}

fn strange() -> Wrong {
    Wrong::Lost("the server's answer is none of SFTP".to_owned())
}

/// A packet that is made.
struct Packet(Vec<u8>);

impl Packet {
    fn text(mut self, text: &[u8]) -> Self {
        self.0.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(text);
        self
    }

    fn number(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn long(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }
}

/// A connection.
struct Session {
    // Before the process: it ends when its input does.
    input: ChildStdin,
    output: ChildStdout,
    program: Program,
    next: u32,
    can_flush: bool,
}

impl Session {
    fn open(invocation: &Invocation) -> Result<Self, Wrong> {
        let lost = |error: burgrave_sys::SysError| Wrong::Lost(crate::archive::told(&error));
        let mut program = Program::start(invocation.clone()).map_err(lost)?;
        let (Some(input), Some(output)) = (program.take_input(), program.take_output()) else {
            return Err(Wrong::Lost("`ssh` has no pipes".to_owned()));
        };
        let mut session = Self { input, output, program, next: 0, can_flush: false };
        session.input.write_all(&[0, 0, 0, 5, 1, 0, 0, 0, 3])?;
        session.input.flush()?;
        let answer = match session.packet() {
            Ok(answer) => answer,
            Err(error) => return Err(session.last_words(error)),
        };
        let (2, rest) = answer.split_first().map_or((0, &[][..]), |(kind, rest)| (*kind, rest))
        else {
            return Err(strange());
        };
        let mut fields = Fields(rest);
        if fields.number()? < 3 {
            return Err(Wrong::Lost("the server speaks an older SFTP".to_owned()));
        }
        while !fields.0.is_empty() {
            let name = fields.text()?;
            fields.text()?;
            session.can_flush |= name == b"fsync@openssh.com";
        }
        Ok(session)
    }

    /// What `ssh` said when it gave up.
    fn last_words(self, error: Wrong) -> Wrong {
        let Self { input, output, program, .. } = self;
        drop((input, output));
        match program.finish(Duration::from_secs(2)) {
            Ok((ended, said)) => {
                Wrong::Lost(format!("ssh: {}", crate::source::failure(ended, &said)))
            }
            Err(_) => error,
        }
    }

    fn packet(&mut self) -> Result<Vec<u8>, Wrong> {
        let mut length = [0; 4];
        self.output.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length == 0 || length > PACKET_BYTES_MAX {
            return Err(strange());
        }
        let mut packet = vec![0; usize::try_from(length).map_err(|_long| strange())?];
        self.output.read_exact(&mut packet)?;
        Ok(packet)
    }

    fn send(&mut self, kind: u8, fields: impl FnOnce(Packet) -> Packet) -> Result<u32, Wrong> {
        self.next = self.next.wrapping_add(1);
        let packet = fields(Packet(vec![kind]).number(self.next)).0;
        let length = u32::try_from(packet.len()).map_err(|_long| strange())?;
        self.input.write_all(&length.to_be_bytes())?;
        self.input.write_all(&packet)?;
        Ok(self.next)
    }

    /// The next answer: to which request, of which kind, and its fields.
    fn receive(&mut self) -> Result<(u32, u8, Vec<u8>), Wrong> {
        self.input.flush()?;
        let packet = self.packet()?;
        let (kind, rest) = packet.split_first().ok_or_else(strange)?;
        let mut fields = Fields(rest);
        let id = fields.number()?;
        Ok((id, *kind, fields.0.to_vec()))
    }

    /// A request and its answer, which has to be of a kind.
    fn ask(
        &mut self,
        kind: u8,
        wanted: u8,
        fields: impl FnOnce(Packet) -> Packet,
    ) -> Result<Vec<u8>, Wrong> {
        let id = self.send(kind, fields)?;
        let (answered, got, fields) = self.receive()?;
        if answered != id {
            return Err(strange());
        }
        if got == STATUS {
            let said = status(&fields)?;
            return match said {
                None if wanted == STATUS => Ok(fields),
                None => Err(strange()),
                Some(wrong) => Err(wrong),
            };
        }
        if got == wanted { Ok(fields) } else { Err(strange()) }
    }

    fn handle(
        &mut self,
        kind: u8,
        fields: impl FnOnce(Packet) -> Packet,
    ) -> Result<Vec<u8>, Wrong> {
        let answer = self.ask(kind, HANDLE, fields)?;
        Ok(Fields(&answer).text()?.to_vec())
    }

    fn close(&mut self, handle: &[u8]) -> Result<(), Wrong> {
        self.ask(CLOSE, STATUS, |packet| packet.text(handle)).map(drop)
    }

    fn list(&mut self, path: &str) -> Result<Vec<(Vec<u8>, u64, u32)>, Wrong> {
        let handle = self.handle(OPENDIR, |packet| packet.text(path.as_bytes()))?;
        let mut all = Vec::new();
        loop {
            let answer = match self.ask(READDIR, NAME, |packet| packet.text(&handle)) {
                Err(Wrong::End) => break,
                other => other?,
            };
            let mut fields = Fields(&answer);
            for _ in 0..fields.number()? {
                let name = fields.text()?.to_vec();
                fields.text()?;
                let (size, mode) = fields.attributes()?;
                all.push((name, size, mode));
            }
            if all.len() > NAMES_MAX {
                return Err(Wrong::Refused("a directory has too many names".to_owned()));
            }
        }
        self.close(&handle)?;
        Ok(all)
    }

    fn size(&mut self, path: &str) -> Result<u64, Wrong> {
        let answer = self.ask(LSTAT, ATTRS, |packet| packet.text(path.as_bytes()))?;
        Ok(Fields(&answer).attributes()?.0)
    }

    fn read(&mut self, path: &str, offset: u64, bytes: usize) -> Result<Vec<u8>, Wrong> {
        let handle =
            self.handle(OPEN, |packet| packet.text(path.as_bytes()).number(1).number(0))?;
        let mut content = vec![0; bytes];
        let read = self.read_pieces(&handle, offset, &mut content);
        if !matches!(read, Err(Wrong::Lost(_))) {
            self.close(&handle)?;
        }
        read.map(|()| content)
    }

    fn read_pieces(&mut self, handle: &[u8], offset: u64, content: &mut [u8]) -> Result<(), Wrong> {
        let mut at = offset;
        for batch in content.chunks_mut(PIECE * AHEAD) {
            let mut ids = Vec::new();
            for piece in batch.chunks(PIECE) {
                let length = u32::try_from(piece.len()).map_err(|_long| strange())?;
                ids.push(self.send(READ, |packet| packet.text(handle).long(at).number(length))?);
                at = at.saturating_add(u64::from(length));
            }
            let mut wrong = None;
            let mut answers = Vec::new();
            for _ in &ids {
                answers.push(self.receive()?);
            }
            for (piece, id) in batch.chunks_mut(PIECE).zip(&ids) {
                let answer =
                    answers.iter().find(|(answered, ..)| answered == id).ok_or_else(strange)?;
                match answer {
                    (_, DATA, fields) => {
                        let data = Fields(fields).text()?;
                        // Servers give a piece of this length whole, but for the end of a file.
                        if data.len() == piece.len() {
                            piece.copy_from_slice(data);
                        } else {
                            wrong = wrong.or(Some(Wrong::End));
                        }
                    }
                    (_, STATUS, fields) => wrong = wrong.or(status(fields)?),
                    _ => return Err(strange()),
                }
            }
            if let Some(wrong) = wrong {
                return Err(wrong);
            }
        }
        Ok(())
    }

    fn write(&mut self, path: &str, temporary: &str, content: &[u8]) -> Result<(), Wrong> {
        // Write, create, and not over what is there.
        let flags = 0x02 | 0x08 | 0x20;
        let open = |packet: Packet| {
            packet.text(temporary.as_bytes()).number(flags).number(4).number(0o600)
        };
        let handle = self.handle(OPEN, open)?;
        let mut at = 0_u64;
        for batch in content.chunks(PIECE * AHEAD) {
            let mut count = 0;
            for piece in batch.chunks(PIECE) {
                self.send(WRITE, |packet| packet.text(&handle).long(at).text(piece))?;
                at = at.saturating_add(u64::try_from(piece.len()).unwrap_or(0));
                count += 1;
            }
            for _ in 0..count {
                let (_, kind, fields) = self.receive()?;
                if kind != STATUS {
                    return Err(strange());
                }
                if let Some(wrong) = status(&fields)? {
                    return Err(wrong);
                }
            }
        }
        if self.can_flush {
            self.ask(EXTENDED, STATUS, |packet| packet.text(b"fsync@openssh.com").text(&handle))?;
        }
        self.close(&handle)?;
        self.ask(RENAME, STATUS, |packet| packet.text(temporary.as_bytes()).text(path.as_bytes()))
            .map(drop)
    }

    fn make_folder(&mut self, path: &str) -> Result<(), Wrong> {
        if self.size(path).is_ok() {
            return Ok(());
        }
        let made =
            self.ask(MKDIR, STATUS, |packet| packet.text(path.as_bytes()).number(4).number(0o700));
        match made {
            // Somebody was faster.
            Err(Wrong::Refused(_)) if self.size(path).is_ok() => Ok(()),
            other => other.map(drop),
        }
    }
}

/// What a status means; `None` is well.
fn status(fields: &[u8]) -> Result<Option<Wrong>, Wrong> {
    let mut fields = Fields(fields);
    let code = fields.number()?;
    let said = fields.text().map(|text| text.escape_ascii().to_string()).unwrap_or_default();
    Ok(match code {
        0 => None,
        1 => Some(Wrong::End),
        2 => Some(Wrong::Missing),
        3 => Some(Wrong::Refused("permission denied".to_owned())),
        _ => Some(Wrong::Refused(format!("{said} ({code})"))),
    })
}

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
    pub(crate) host: &'h str,
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
            invocation = invocation.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        }
        if let Some(port) = host.port {
            invocation = invocation.args(["-p", &port.to_string()]);
        }
        if let Some(user) = host.user {
            invocation = invocation.args(["-l", user]);
        }
        let place = host.host.trim_start_matches('[').trim_end_matches(']');
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
            let done = session.as_mut().map_err(|_| ()).map(&mut act);
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

//! The thread that writes a log: the access log, and another one the audit log.
//!
//! Disk full, file gone, directory gone: said once on stderr, counted while it lasts, tried again
//! every second, and said again with the number of lost lines when it is over. A file that was
//! rotated away is noticed within a second, or at once after [`Sink::reopen`].

use burgrave_sys::{Access, Appender, SysError};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Pieces that wait for the writer.
const PIECES_MAX: usize = 256;
/// How often the file's place is checked, and a broken one tried again.
const CHECK_TIME: Duration = Duration::from_secs(1);

/// What a log is called, and what is said of its troubles.
#[derive(Debug)]
pub(crate) struct Words {
    name: &'static str,
    broken: &'static str,
    again: &'static str,
}

/// Of the access log.
pub(crate) static ACCESS: Words = Words {
    name: "access log",
    broken: "access log cannot be written",
    again: "access log is written again",
};

/// Of the audit log.
pub(crate) static AUDIT: Words = Words {
    name: "audit log",
    broken: "audit log cannot be written",
    again: "audit log is written again",
};

/// Some whole lines.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    pub(crate) lines: u64,
}

#[derive(Debug, Default)]
struct Shared {
    /// Whether lines are wanted at all.
    wanted: AtomicBool,
    lost: AtomicU64,
    reopen: AtomicBool,
}

#[derive(Debug)]
enum Message {
    Piece(Piece),
    /// A new configuration's file; `None` writes nothing.
    File(Option<(PathBuf, Appender)>),
    End,
}

/// Where event loops put their lines.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
}

impl Sink {
    /// Never waits: what does not fit is lost and counted.
    pub(crate) fn give(&self, piece: Piece) {
        let lines = piece.lines;
        if self.sender.try_send(Message::Piece(piece)).is_err() {
            self.shared.lost.fetch_add(lines, Ordering::Relaxed);
        }
    }

    /// Whether there is a file to write to.
    pub(crate) fn wanted(&self) -> bool {
        self.shared.wanted.load(Ordering::Relaxed)
    }

    /// Lines lost since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Opens the file again before the next line.
    pub(crate) fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Relaxed);
    }

    /// Goes on in another file.
    pub(crate) fn change(&self, file: Option<(PathBuf, Appender)>) {
        // An error means that the writer has ended, and then nothing is written anyway.
        drop(self.sender.send(Message::File(file)));
    }

    /// Writes what was given and ends the writer.
    pub(crate) fn end(&self) {
        drop(self.sender.send(Message::End));
    }
}

/// Opens the file of an access log.
pub(crate) fn open(path: Option<&PathBuf>) -> Result<Option<(PathBuf, Appender)>, SysError> {
    path.map(|path| Ok((path.clone(), Appender::open(path, Access::Group)?))).transpose()
}

/// Who opens a log anew when its file was rotated away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// This process.
    Own,
    /// Another one, which hands the file over: this process may have no right to.
    Other,
}

/// Starts the thread of a log.
pub(crate) fn start(
    words: &'static Words,
    file: Option<(PathBuf, Appender)>,
    keeper: Keeper,
) -> std::io::Result<(Sink, JoinHandle<()>)> {
    let (sender, receiver) = sync_channel(PIECES_MAX);
    let shared = Arc::new(Shared::default());
    let mut writer = Writer::new(words, Arc::clone(&shared), keeper);
    writer.change(file);
    let thread = std::thread::Builder::new()
        .name(words.name.to_owned())
        .spawn(move || writer.run(&receiver))?;
    Ok((Sink { sender, shared }, thread))
}

struct Writer {
    words: &'static Words,
    shared: Arc<Shared>,
    keeper: Keeper,
    path: Option<PathBuf>,
    file: Option<Appender>,
    checked: Instant,
    /// Lines lost since the trouble began; `None` without trouble.
    trouble: Option<u64>,
    /// The last write ended within a line, so that the next one begins with a line feed.
    torn: bool,
}

impl Writer {
    fn new(words: &'static Words, shared: Arc<Shared>, keeper: Keeper) -> Self {
        Self {
            words,
            shared,
            keeper,
            path: None,
            file: None,
            checked: Instant::now(),
            trouble: None,
            torn: false,
        }
    }

    fn change(&mut self, file: Option<(PathBuf, Appender)>) {
        self.shared.wanted.store(file.is_some(), Ordering::Relaxed);
        (self.path, self.file) = file.unzip();
        self.torn = false;
    }

    fn run(&mut self, receiver: &Receiver<Message>) {
        loop {
            match receiver.recv_timeout(CHECK_TIME) {
                Ok(Message::Piece(piece)) => self.write(&piece),
                Ok(Message::File(file)) => self.change(file),
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.check();
        }
    }

    /// Opens the file again when it is gone or asked for.
    fn check(&mut self) {
        if self.keeper == Keeper::Other {
            return;
        }
        let asked = self.shared.reopen.swap(false, Ordering::Relaxed);
        if !asked && self.checked.elapsed() < CHECK_TIME {
            return;
        }
        self.checked = Instant::now();
        let in_place = self.file.as_ref().is_some_and(Appender::in_place);
        if in_place && !asked {
            return;
        }
        if let Some(path) = &self.path {
            match Appender::open(path, Access::Group) {
                Ok(file) => {
                    self.file = Some(file);
                    self.torn = false;
                }
                Err(error) => {
                    self.file = None;
                    self.fail(&error, 0);
                }
            }
        }
    }

    fn write(&mut self, piece: &Piece) {
        if self.path.is_none() {
            return;
        }
        if self.file.is_none() {
            self.check();
        }
        let Some(file) = &mut self.file else {
            self.lose(piece.lines);
            return;
        };
        let start: &[u8] = if self.torn { b"\n" } else { b"" };
        match append(file, start).and_then(|()| append(file, &piece.bytes)) {
            Ok(()) => {
                self.torn = false;
                self.recover();
            }
            Err(error) => {
                self.torn = true;
                self.fail(&error, piece.lines);
            }
        }
    }

    fn fail(&mut self, error: &SysError, lines: u64) {
        if self.trouble.is_none() {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            say(&format!(
                "{} log.path=`{}` error={error} cause={}",
                self.words.broken,
                self.path.as_deref().unwrap_or(std::path::Path::new("")).display(),
                cause.unwrap_or_default(),
            ));
            self.trouble = Some(0);
        }
        self.lose(lines);
    }

    fn lose(&mut self, lines: u64) {
        self.shared.lost.fetch_add(lines, Ordering::Relaxed);
        if let Some(lost) = &mut self.trouble {
            *lost += lines;
        }
    }

    fn recover(&mut self) {
        if let Some(lost) = self.trouble.take() {
            say(&format!("{} lines.lost={lost}", self.words.again));
        }
    }
}

fn append(file: &mut Appender, mut bytes: &[u8]) -> Result<(), SysError> {
    while !bytes.is_empty() {
        let count = file.append(bytes)?;
        if count == 0 {
            return Err(SysError::Unsupported("a write that makes progress"));
        }
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// There is nowhere to report that stderr itself is gone.
pub(crate) fn say(sentence: &str) {
    drop(writeln!(std::io::stderr(), "{sentence}"));
}

#[cfg(test)]
#[path = "tests/writer.rs"]
mod tests;

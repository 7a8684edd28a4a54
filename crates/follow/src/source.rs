//! A log file that is followed: whole lines, from where reading ended, through rotation and truncation.
//!
//! Invariants: a file is read to its end before the next of its name begins; a file whose beginning has
//! changed is read anew; a line longer than the buffer is given once, cut, and its rest passed over. So
//! much at once and no more, so that one log cannot keep the others waiting.

use burgrave_sys::{
    Changes, Entry, Fate, FileId, Followed, Kind, Live, SysError, System as _, UnixTime,
};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Read at once, and the longest line that is looked at whole.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces in a turn.
const PIECES_MAX: usize = 32;
/// Names in a directory that are looked through for a log's older files.
const ENTRIES_MAX: usize = 10_000;
/// By so much of its beginning a file is known again.
const HEAD_BYTES: usize = 64;

/// Where reading ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    device: u64,
    inode: u64,
    offset: u64,
    head: Vec<u8>,
}

/// A followed log.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    file: Option<Followed>,
    offset: u64,
    head: Vec<u8>,
    /// What was there before anybody looked: up to here it is the past.
    past: u64,
    /// Whether the rest of a line that was too long is passed over.
    is_skipping: bool,
    /// A file between the one that was read and the one that has the name now.
    next: Option<PathBuf>,
    piece: Vec<u8>,
}

impl Source {
    /// Begins at the kept position, else at the end; a file that comes later is read from its beginning.
    pub fn open(path: &Path, kept: Option<&Position>) -> Self {
        let mut source = Self::beginning(path);
        let Some(kept) = kept else {
            if let Ok(file) = Followed::open(path) {
                source.offset = file.length().unwrap_or(0);
                source.begin(file);
            }
            return source;
        };
        // It may have been rotated while nobody looked, more than once.
        let id = FileId { device: kept.device, inode: kept.inode };
        let older = rotated(path).into_iter().map(|older| older.path);
        for name in std::iter::once(path.to_path_buf()).chain(older) {
            let Ok(file) = Followed::open(&name) else { continue };
            let is_it = file.id() == id
                && file.length().is_ok_and(|length| length >= kept.offset)
                && head_of(&file, kept.head.len()) == kept.head;
            if is_it {
                source.offset = kept.offset;
                source.head.clone_from(&kept.head);
                source.begin(file);
                return source;
            }
        }
        // Another file: all of it came since.
        if let Ok(file) = Followed::open(path) {
            source.begin(file);
        }
        source
    }

    /// Begins with the first line that the file will have, or has.
    pub fn beginning(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            file: None,
            offset: 0,
            head: Vec::new(),
            past: 0,
            is_skipping: false,
            next: None,
            piece: vec![0; PIECE_BYTES],
        }
    }

    /// Opens the file if it is there by now, so that its position is known before anything of it is read.
    pub fn find(&mut self) {
        if self.file.is_none()
            && let Ok(file) = Followed::open(&self.path)
        {
            self.begin(file);
        }
    }

    fn begin(&mut self, file: Followed) {
        self.past = file.length().unwrap_or(0);
        if self.head.is_empty() {
            self.head = head_of(&file, HEAD_BYTES);
        }
        self.file = Some(file);
    }

    /// Where reading has ended so far.
    pub fn position(&self) -> Option<Position> {
        let FileId { device, inode } = self.file.as_ref()?.id();
        Some(Position { device, inode, offset: self.offset, head: self.head.clone() })
    }

    /// The file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks for news of the file, and of the directory for the next one.
    pub fn watch(&self, changes: &Changes) {
        // Where there are none to be had it is looked at often anyway.
        drop(changes.add(&self.path));
        if let Some(folder) = self.path.parent() {
            drop(changes.add_directory(folder));
        }
    }

    /// Gives what is new, a line at a time, and whether it is of the past. Whether more is to be had at once.
    pub fn read(
        &mut self,
        changes: &Changes,
        mut each: impl FnMut(&[u8], bool),
    ) -> Result<bool, SysError> {
        for _ in 0..PIECES_MAX {
            let Some(file) = &self.file else {
                let next = self.next.take();
                match Followed::open(next.as_deref().unwrap_or(&self.path)) {
                    Ok(file) => {
                        self.begin(file);
                        self.watch(changes);
                        continue;
                    }
                    Err(SysError::Missing(_)) => return Ok(false),
                    Err(error) => return Err(error),
                }
            };
            if file.length()? < self.offset || head_of(file, self.head.len()) != self.head {
                // Truncated, or copied away and truncated: what is there now is new.
                (self.offset, self.is_skipping) = (0, false);
                self.head = head_of(file, HEAD_BYTES);
            } else if self.head.len() < HEAD_BYTES {
                self.head = head_of(file, HEAD_BYTES);
            }
            let fate = file.fate(&self.path);
            let count = file.read_at(&mut self.piece, self.offset)?;
            if self.lines(count, fate, &mut each) {
                continue;
            }
            match fate {
                Fate::Here(_) | Fate::Gone => return Ok(false),
                Fate::Replaced => {
                    self.next = self.file.as_ref().and_then(|file| next_after(&self.path, file));
                    self.file = None;
                    self.head.clear();
                    (self.offset, self.past, self.is_skipping) = (0, 0, false);
                }
            }
        }
        Ok(true)
    }

    /// Takes the whole lines of what was read. Whether there were any.
    fn lines(&mut self, count: usize, fate: Fate, each: &mut impl FnMut(&[u8], bool)) -> bool {
        let piece = self.piece.get(..count).unwrap_or_default();
        let is_past = self.offset < self.past;
        let mut whole = burgrave_watch::whole(piece);
        let is_cut = whole == 0 && (count == PIECE_BYTES || fate == Fate::Replaced);
        if is_cut {
            // Too long, or the last one of a file that nobody writes to any more.
            whole = count;
        }
        let mut lines = burgrave_watch::lines(piece.get(..whole).unwrap_or_default());
        if self.is_skipping && whole > 0 {
            lines.next();
        }
        if whole > 0 {
            self.is_skipping = is_cut;
        }
        lines.for_each(|line| each(line, is_past));
        self.offset = self.offset.saturating_add(u64::try_from(whole).unwrap_or(0));
        whole > 0
    }
}

/// A file that has had the name before.
struct Older {
    modified: UnixTime,
    path: PathBuf,
}

/// The files that were rotated away: the name with a number or a moment behind it, oldest first. What else lies there, a copy
/// somebody made or a compressed one, is not of the log.
fn rotated(path: &Path) -> Vec<Older> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let is_of_it = |entry: &Entry| {
        let own = entry.path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
        let rest = own.strip_prefix(name.as_encoded_bytes()).unwrap_or_default();
        let is_moment = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z' | b'-');
        entry.kind == Kind::File
            && matches!(rest, [b'.' | b'-', b'0'..=b'9', after @ ..] if after.iter().all(is_moment))
    };
    // Where the directory cannot be listed there is only the file itself.
    let entries = Live.list(folder, ENTRIES_MAX).unwrap_or_default();
    let older = entries.into_iter().filter(is_of_it).filter_map(|entry| {
        let modified = Live.metadata(&entry.path).ok()?.modified;
        Some(Older { modified, path: entry.path })
    });
    let mut older: Vec<Older> = older.collect();
    // Numbers grow with age, moments fall; what was written to at the same tick is told by them.
    let number = |older: &Older| {
        let suffix = older.path.extension().and_then(OsStr::to_str).unwrap_or_default();
        Reverse(
            Some(suffix).filter(|text| text.len() < 5).and_then(|text| text.parse::<u32>().ok()),
        )
    };
    older.sort_by(|one, two| {
        let key = |older: &Older| (older.modified, number(older));
        key(one).cmp(&key(two)).then_with(|| one.path.cmp(&two.path))
    });
    older
}

/// The oldest file of the name that was written to after this one; `None`: that is the one that has the name now.
fn next_after(path: &Path, read: &Followed) -> Option<PathBuf> {
    let older = rotated(path);
    let at = older
        .iter()
        .position(|older| Followed::open(&older.path).is_ok_and(|file| file.id() == read.id()))?;
    older.into_iter().nth(at + 1).map(|next| next.path)
}

fn head_of(file: &Followed, bytes: usize) -> Vec<u8> {
    let mut head = vec![0; bytes.min(HEAD_BYTES)];
    let count = file.read_at(&mut head, 0).unwrap_or(0);
    head.truncate(count);
    head
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests write the logs")]
mod tests {
    use super::*;
    use std::io::Write as _;

    struct Log {
        folder: tempfile::TempDir,
        source: Source,
        changes: Changes,
    }

    impl Log {
        fn new(text: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            std::fs::write(&path, text).unwrap();
            let source = Source::open(&path, None);
            Self { folder, source, changes: Changes::new().unwrap() }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("log")
        }

        fn add(&self, text: &str) {
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(self.path());
            file.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        }

        fn rotate(&self) {
            std::fs::rename(self.path(), self.folder.path().join("log.1")).unwrap();
        }

        fn check(&mut self, expected: &[&str]) {
            let mut lines = Vec::new();
            let each = |line: &[u8], _| lines.push(String::from_utf8(line.to_vec()).unwrap());
            self.source.read(&self.changes, each).unwrap();
            assert_eq!(lines, expected);
        }

        fn restart(&mut self) {
            let kept = self.source.position();
            self.source = Source::open(&self.path(), kept.as_ref());
        }
    }

    #[test]
    fn only_what_is_new_is_read_and_only_whole_lines() {
        let mut log = Log::new("old\n");
        log.check(&[]);
        log.add("one\ntw");
        log.check(&["one"]);
        log.add("o\n");
        log.check(&["two"]);
        log.check(&[]);
    }

    #[test]
    fn a_rotated_log_loses_no_line() {
        let mut log = Log::new("old\n");
        log.add("one\n");
        log.rotate();
        log.check(&["one"]);
        log.add("two\n");
        log.check(&["two"]);
        log.add("three\nlast");
        log.rotate();
        log.add("four\n");
        log.check(&["three", "last", "four"]);
    }

    #[test]
    fn a_log_that_was_rotated_several_times_loses_no_line() {
        // As logrotate does it, and as Burgrave itself does.
        for is_numbered in [true, false] {
            let mut log = Log::new("old\n");
            let mut count = 0;
            let mut rotate = |log: &Log| {
                count += 1;
                let at = |name: String| log.folder.path().join(name);
                let name = if is_numbered {
                    "log.1".into()
                } else {
                    format!("log.2026112{count}T060000Z")
                };
                for number in (1..count).rev() {
                    let shifted = std::fs::rename(
                        at(format!("log.{number}")),
                        at(format!("log.{}", number + 1)),
                    );
                    assert_eq!(shifted.is_ok(), is_numbered);
                }
                std::fs::rename(log.path(), at(name)).unwrap();
            };
            log.add("one\n");
            log.check(&["one"]);
            log.add("two\n");
            rotate(&log);
            log.add("three\n");
            // Neither is of it.
            std::fs::copy(log.path(), log.folder.path().join("log.copy")).unwrap();
            std::fs::copy(log.path(), log.folder.path().join("log.1.gz")).unwrap();
            rotate(&log);
            log.add("four\n");
            log.check(&["two", "three", "four"]);
            log.add("five\n");
            rotate(&log);
            log.add("six\n");
            rotate(&log);
            log.add("seven\n");
            log.restart();
            log.check(&["five", "six", "seven"]);
        }
    }

    #[test]
    fn a_truncated_log_is_read_anew() {
        let mut log = Log::new("old line\n");
        std::fs::write(log.path(), "a\n").unwrap();
        log.check(&["a"]);
        // Copied away, truncated, and longer than before already.
        std::fs::write(log.path(), "b\nmore than was there\n").unwrap();
        log.check(&["b", "more than was there"]);
    }

    #[test]
    fn what_came_while_nobody_looked_is_read() {
        let mut log = Log::new("old\n");
        log.add("one\n");
        log.check(&["one"]);
        log.add("two\n");
        log.restart();
        log.check(&["two"]);
        log.add("three\n");
        log.rotate();
        log.add("four\n");
        log.restart();
        log.check(&["three", "four"]);
        std::fs::write(log.path(), "five\n").unwrap();
        log.restart();
        log.check(&["five"]);
    }

    #[test]
    fn a_line_without_end_is_given_once() {
        let mut log = Log::new("old\n");
        log.add(&"x".repeat(PIECE_BYTES + 1_000));
        let mut lengths = Vec::new();
        log.source.read(&log.changes, |line, _| lengths.push(line.len())).unwrap();
        assert_eq!(lengths, [PIECE_BYTES]);
        log.add("y\nnext\n");
        log.check(&["next"]);
    }

    #[test]
    fn a_file_that_comes_later_is_read_from_its_beginning() {
        let mut log = Log::new("");
        std::fs::remove_file(log.path()).unwrap();
        log.source = Source::open(&log.path(), None);
        log.check(&[]);
        assert!(log.source.position().is_none());
        log.add("first\n");
        log.check(&["first"]);
    }
}

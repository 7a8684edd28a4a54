//! A machine made up by a test: files, links, faults, commands, clocks and randomness as told.

use crate::disk::wrong_kind;
use crate::{Entry, Invocation, Kind, Metadata, Moment, Output, SysError, System, UnixTime};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Links followed in one look-up, as many as Linux does (`path_resolution(7)`).
const LINKS_MAX: usize = 40;
/// When a new [`Fake`] begins: 2026-01-01 00:00 UTC.
const BEGINNING: UnixTime = UnixTime(1_767_225_600_000_000);

/// How a path answers that cannot be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No permission: neither its content nor anything below it.
    Denied,
    /// The disk fails.
    Io,
}

/// A machine in memory. Its setters take `&self`, so that a test can change it while it is looked
/// at; relative paths begin at `/`.
#[derive(Debug)]
pub struct Fake {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    nodes: BTreeMap<PathBuf, Node>,
    answers: BTreeMap<(PathBuf, Vec<OsString>), Output>,
    runs: Vec<Invocation>,
    now: UnixTime,
    moment: Duration,
    random: u64,
}

#[derive(Clone, Debug)]
struct Node {
    content: Content,
    mode: u32,
    owner: (u32, u32),
    modified: UnixTime,
    refusal: Option<Refusal>,
    capabilities: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Content {
    File(Vec<u8>),
    Directory,
    Link(PathBuf),
    Other,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// An empty machine: a root directory, clocks that stand still, no commands.
    pub fn new() -> Self {
        let state = State {
            nodes: BTreeMap::from([(PathBuf::from("/"), Node::new(Content::Directory))]),
            answers: BTreeMap::new(),
            runs: Vec::new(),
            now: BEGINNING,
            moment: Duration::ZERO,
            random: 0,
        };
        Self { state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, path: impl AsRef<Path>, content: Content) -> &Self {
        let path = lexical(path.as_ref());
        let mut state = self.state();
        for parent in path.ancestors().skip(1) {
            let directory = || Node::new(Content::Directory);
            state.nodes.entry(parent.to_owned()).or_insert_with(directory);
        }
        state.nodes.insert(path, Node::new(content));
        drop(state);
        self
    }

    fn change(&self, path: impl AsRef<Path>, change: impl FnOnce(&mut Node)) -> &Self {
        let path = lexical(path.as_ref());
        if !self.state().nodes.contains_key(&path) {
            self.file(&path, "");
        }
        if let Some(node) = self.state().nodes.get_mut(&path) {
            change(node);
        }
        self
    }

    /// Makes or replaces a file, mode 644, owned by root; its directories come with it.
    pub fn file(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> &Self {
        self.put(path, Content::File(bytes.into()))
    }

    /// Makes a directory, mode 755.
    pub fn directory(&self, path: impl AsRef<Path>) -> &Self {
        self.put(path, Content::Directory)
    }

    /// Makes a symbolic link.
    pub fn link(&self, path: impl AsRef<Path>, target: impl Into<PathBuf>) -> &Self {
        self.put(path, Content::Link(target.into()))
    }

    /// Makes a pipe, a socket or a device.
    pub fn other(&self, path: impl AsRef<Path>) -> &Self {
        self.put(path, Content::Other)
    }

    /// Takes a path away with all below it.
    pub fn remove(&self, path: impl AsRef<Path>) -> &Self {
        let path = lexical(path.as_ref());
        self.state().nodes.retain(|known, _| !known.starts_with(&path));
        self
    }

    /// Sets the permission bits of a path, which is made as an empty file if it is not there.
    pub fn mode(&self, path: impl AsRef<Path>, mode: u32) -> &Self {
        self.change(path, |node| node.mode = mode & 0o7777)
    }

    /// Sets user and group of a path, as [`Self::mode`] does.
    pub fn owner(&self, path: impl AsRef<Path>, uid: u32, gid: u32) -> &Self {
        self.change(path, |node| node.owner = (uid, gid))
    }

    /// Sets the time of the last change of a path, as [`Self::mode`] does.
    pub fn modified(&self, path: impl AsRef<Path>, time: UnixTime) -> &Self {
        self.change(path, |node| node.modified = time)
    }

    /// Makes a path answer with a fault, as [`Self::mode`] does.
    pub fn refuse(&self, path: impl AsRef<Path>, refusal: Refusal) -> &Self {
        self.change(path, |node| node.refusal = Some(refusal))
    }

    /// Gives a path file capabilities, as [`Self::mode`] does.
    pub fn capable(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> &Self {
        self.change(path, |node| node.capabilities = Some(bytes.into()))
    }

    /// What a program answers to these arguments, whatever its environment and input.
    pub fn answer(&self, program: impl Into<PathBuf>, arguments: &[&str], output: Output) -> &Self {
        let arguments = arguments.iter().map(OsString::from).collect();
        self.state().answers.insert((program.into(), arguments), output);
        self
    }

    /// Everything that was run, in order.
    pub fn runs(&self) -> Vec<Invocation> {
        self.state().runs.clone()
    }

    /// Sets the wall clock.
    pub fn set_now(&self, now: UnixTime) -> &Self {
        self.state().now = now;
        self
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) -> &Self {
        let mut state = self.state();
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        state.now = UnixTime(state.now.0.saturating_add(micros));
        state.moment = state.moment.saturating_add(by);
        drop(state);
        self
    }

    /// Sets where the sequence of random bytes begins.
    pub fn seed(&self, seed: u64) -> &Self {
        self.state().random = seed;
        self
    }
}

impl Node {
    const fn new(content: Content) -> Self {
        let mode = match content {
            Content::File(_) | Content::Other => 0o644,
            Content::Directory => 0o755,
            Content::Link(_) => 0o777,
        };
        Self {
            content,
            mode,
            owner: (0, 0),
            modified: BEGINNING,
            refusal: None,
            capabilities: None,
        }
    }

    const fn kind(&self) -> Kind {
        match self.content {
            Content::File(_) => Kind::File,
            Content::Directory => Kind::Directory,
            Content::Link(_) => Kind::Link,
            Content::Other => Kind::Other,
        }
    }

    fn check(&self, path: &Path, doing: &'static str) -> Result<(), SysError> {
        match self.refusal {
            None => Ok(()),
            Some(Refusal::Denied) => Err(SysError::Denied(path.to_owned())),
            Some(Refusal::Io) => {
                Err(io_error(doing, path, io::Error::other("the disk answers with an error")))
            }
        }
    }
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> SysError {
    SysError::Io { doing, path: path.to_owned(), source }
}

/// The absolute path without `.` and `..`, as if nothing in it were a link.
fn lexical(path: &Path) -> PathBuf {
    let mut whole = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => whole.push(name),
            Component::ParentDir => drop(whole.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    whole
}

/// Whether the last component of a path is followed when it is a link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Followed,
    AsItIs,
}

impl State {
    /// Walks a path as a kernel does: component by component, links in their place.
    fn resolve(&self, path: &Path, last: Last) -> Result<(PathBuf, &Node), SysError> {
        let missing = || SysError::Missing(path.to_owned());
        let mut todo: VecDeque<OsString> = parts(path).collect();
        let mut place = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = todo.pop_front() {
            let here = self.nodes.get(&place).ok_or_else(missing)?;
            if here.kind() != Kind::Directory {
                return Err(missing());
            }
            here.check(path, "opening")?;
            if name == "." {
                continue;
            }
            if name == ".." {
                place.pop();
                continue;
            }
            let next = place.join(&name);
            let node = self.nodes.get(&next).ok_or_else(missing)?;
            let Content::Link(target) = &node.content else {
                place = next;
                continue;
            };
            if todo.is_empty() && last == Last::AsItIs {
                return Ok((next, node));
            }
            links += 1;
            if links > LINKS_MAX {
                let looped = io::Error::other("too many levels of symbolic links");
                return Err(io_error("opening", path, looped));
            }
            if target.is_absolute() {
                place = PathBuf::from("/");
            }
            for part in parts(target).rev() {
                todo.push_front(part);
            }
        }
        let node = self.nodes.get(&place).ok_or_else(missing)?;
        Ok((place, node))
    }

    /// The next number of the sequence (Steele, Lea and Flood, "Fast splittable pseudorandom number
    /// generators", 2014).
    const fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

/// The components of a path, `.` and `..` as they stand. A closing slash asks for a directory, as a
/// closing `/.` does.
fn parts(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    let bytes = path.as_os_str().as_bytes();
    let closing = bytes.ends_with(b"/").then_some(&b"."[..]);
    let named = bytes.split(|&byte| byte == b'/').filter(|part| !part.is_empty());
    named.chain(closing).map(|part| OsStr::from_bytes(part).to_owned())
}

impl System for Fake {
    fn read(&self, path: &Path, bytes_max: u64) -> Result<Vec<u8>, SysError> {
        let state = self.state();
        let (_, node) = state.resolve(path, Last::Followed)?;
        let Content::File(bytes) = &node.content else {
            return Err(wrong_kind(path, Kind::File));
        };
        node.check(path, "reading")?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max) {
            return Ok(bytes.clone());
        }
        Err(SysError::TooLarge { path: path.to_owned(), limit: bytes_max })
    }

    fn head(&self, path: &Path, bytes: usize) -> Result<Vec<u8>, SysError> {
        let mut whole = self.read(path, u64::MAX)?;
        whole.truncate(bytes);
        Ok(whole)
    }

    fn metadata(&self, path: &Path) -> Result<Metadata, SysError> {
        let state = self.state();
        let (_, node) = state.resolve(path, Last::AsItIs)?;
        if node.refusal == Some(Refusal::Io) {
            node.check(path, "looking at")?;
        }
        let len = match &node.content {
            Content::File(bytes) => bytes.len(),
            Content::Link(target) => target.as_os_str().len(),
            Content::Directory | Content::Other => 0,
        };
        Ok(Metadata {
            kind: node.kind(),
            len: u64::try_from(len).unwrap_or(u64::MAX),
            mode: node.mode,
            uid: node.owner.0,
            gid: node.owner.1,
            modified: node.modified,
        })
    }

    fn list(&self, path: &Path, entries_max: usize) -> Result<Vec<Entry>, SysError> {
        let state = self.state();
        let (place, node) = state.resolve(path, Last::Followed)?;
        if node.kind() != Kind::Directory {
            return Err(wrong_kind(path, Kind::Directory));
        }
        node.check(path, "listing")?;
        let mut entries = Vec::new();
        for (known, node) in &state.nodes {
            if known.parent() != Some(&place) {
                continue;
            }
            if entries.len() >= entries_max {
                let limit = u64::try_from(entries_max).unwrap_or(u64::MAX);
                return Err(SysError::TooLarge { path: path.to_owned(), limit });
            }
            if let Some(name) = known.file_name() {
                entries.push(Entry { path: path.join(name), kind: node.kind() });
            }
        }
        Ok(entries)
    }

    fn link(&self, path: &Path) -> Result<PathBuf, SysError> {
        let state = self.state();
        let (_, node) = state.resolve(path, Last::AsItIs)?;
        match &node.content {
            Content::Link(target) => Ok(target.clone()),
            Content::File(_) | Content::Directory | Content::Other => {
                Err(wrong_kind(path, Kind::Link))
            }
        }
    }

    fn capabilities(&self, path: &Path) -> Result<Option<Vec<u8>>, SysError> {
        let state = self.state();
        let (_, node) = state.resolve(path, Last::AsItIs)?;
        node.check(path, "reading the capabilities of")?;
        Ok(node.capabilities.clone())
    }

    fn run(&self, invocation: &Invocation) -> Result<Output, SysError> {
        let mut state = self.state();
        state.runs.push(invocation.clone());
        let key = (invocation.program().to_owned(), invocation.arguments().to_vec());
        let output = state.answers.get(&key).cloned();
        let output = output.ok_or_else(|| SysError::Missing(invocation.program().to_owned()))?;
        let limit = invocation.output_bytes_max();
        if output.stdout.len().max(output.stderr.len()) > limit {
            return Err(SysError::Flooded { program: key.0, limit });
        }
        Ok(output)
    }

    fn now(&self) -> UnixTime {
        self.state().now
    }

    fn moment(&self) -> Moment {
        Moment(self.state().moment)
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), SysError> {
        let mut state = self.state();
        for piece in buffer.chunks_mut(8) {
            for (byte, drawn) in piece.iter_mut().zip(state.draw().to_le_bytes()) {
                *byte = drawn;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ended;

    #[test]
    fn refusals_answer_as_told() {
        let fake = Fake::new();
        fake.file("/etc/shadow", "x").refuse("/etc/shadow", Refusal::Denied);
        fake.file("/bad/disk", "x").refuse("/bad/disk", Refusal::Io);
        fake.file("/closed/inner", "x").refuse("/closed", Refusal::Denied);
        let read = |path: &str| fake.read(Path::new(path), 10).unwrap_err();
        assert!(matches!(read("/etc/shadow"), SysError::Denied(_)));
        assert!(matches!(read("/closed/inner"), SysError::Denied(_)));
        assert!(matches!(read("/bad/disk"), SysError::Io { .. }));
        assert!(fake.metadata(Path::new("/etc/shadow")).is_ok());
        assert!(fake.metadata(Path::new("/bad/disk")).is_err());
        assert!(fake.metadata(Path::new("/closed/inner")).is_err());
        assert!(matches!(fake.list(Path::new("/closed"), 9), Err(SysError::Denied(_))));
        fake.remove("/etc");
        assert!(matches!(read("/etc/shadow"), SysError::Missing(_)));
    }

    #[test]
    fn commands_answer_by_program_and_arguments() {
        let fake = Fake::new();
        let output = Output { ended: Ended::Exit(1), stdout: b"four".to_vec(), stderr: vec![] };
        fake.answer("/bin/x", &["-a"], output.clone());
        let run = |max| Invocation::new("/bin/x", Duration::from_secs(1), max).unwrap();
        assert_eq!(fake.run(&run(4).arg("-a")).unwrap(), output);
        assert!(matches!(fake.run(&run(3).arg("-a")), Err(SysError::Flooded { limit: 3, .. })));
        assert!(matches!(fake.run(&run(4).arg("-b")), Err(SysError::Missing(_))));
        assert_eq!(fake.runs().len(), 3);
    }

    #[test]
    fn clocks_and_randomness_are_the_tests_own() {
        let fake = Fake::new();
        assert_eq!(
            (fake.now().rfc3339().as_str(), fake.moment()),
            ("2026-01-01T00:00:00.000000Z", Moment::default())
        );
        fake.set_now(UnixTime(5)).advance(Duration::from_micros(7));
        assert_eq!((fake.now(), fake.moment()), (UnixTime(12), Moment(Duration::from_micros(7))));
        let draw = || {
            let mut bytes = [0; 11];
            fake.random(&mut bytes).unwrap();
            bytes
        };
        let (first, second) = (draw(), draw());
        fake.seed(0);
        assert_eq!(draw(), first);
        assert_ne!(first, second);
    }
}

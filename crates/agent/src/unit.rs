//! A unit of the journal, or the kernel's part of it, that is followed: `journalctl` says each entry as JSON, which becomes one line as
//! a log would hold it.
//!
//! The unit is told by the journal itself (`_SYSTEMD_UNIT`, `_TRANSPORT`), not by whoever wrote the entry, so that no
//! other account can have anybody banned. A message is one line whatever is in it. Reading goes on where it
//! ended, by the journal's own cursor; a `journalctl` that ends is started again.

use burgrave_sys::{Said, Spoken, SysError, UnixTime};
use serde::Deserialize;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where `journalctl` is.
pub const JOURNALCTL: [&str; 2] = ["/usr/bin/journalctl", "/bin/journalctl"];
/// What is asked of each entry.
const FIELDS: &str = "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_COMM,_PID,_HOSTNAME";
/// What is called so is no unit: whose type would follow a dot.
const KERNEL: &str = "kernel";
/// Read at once; a longer entry is passed over.
const PIECE_BYTES: usize = 64 * 1024;
const ENTRY_BYTES_MAX: usize = 256 * 1024;
/// Pieces in a turn.
const PIECES_MAX: usize = 64;
/// Between two starts.
const PAUSE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(crate) struct Unit {
    name: String,
    /// In place of the machine's journal.
    folder: Option<PathBuf>,
    running: Option<Spoken>,
    tried: Option<Instant>,
    cursor: Option<String>,
    started: UnixTime,
    held: Vec<u8>,
    is_skipping: bool,
    /// It ended, and what was started since has not shown that it stays.
    has_failed: bool,
    /// What one reading may fill.
    space: Vec<u8>,
}

/// An entry as `journalctl --output=json` writes it: texts, or bytes as numbers where they are no UTF-8.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    time: String,
    #[serde(rename = "MESSAGE", default)]
    message: Field,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: Field,
    #[serde(rename = "_COMM", default)]
    command: Field,
    #[serde(rename = "_PID", default)]
    process: Field,
    #[serde(rename = "_HOSTNAME", default)]
    host: Field,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    Bytes(Vec<u8>),
    /// Too large, or several of one name.
    Other(serde::de::IgnoredAny),
    #[default]
    None,
}

impl Field {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
            Self::Other(_) | Self::None => b"",
        }
    }

    /// A word of a line's header: without anything that would end it.
    fn word(&self) -> Vec<u8> {
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'[' | b']' | b':');
        self.bytes().iter().copied().filter(is_plain).take(64).collect()
    }
}

impl Unit {
    /// Begins after the kept cursor, else at the end.
    pub(crate) fn open(name: &str, folder: Option<&Path>, cursor: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            folder: folder.map(Path::to_path_buf),
            running: None,
            tried: None,
            cursor: cursor.map(str::to_owned),
            started: burgrave_sys::wall_clock(),
            held: Vec::new(),
            is_skipping: false,
            has_failed: false,
            space: vec![0; PIECE_BYTES],
        }
    }

    /// How it is called where positions are kept.
    pub(crate) fn name(&self) -> String {
        format!("journal:{}", self.name)
    }

    pub(crate) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// What to wait for, while it runs.
    pub(crate) fn descriptor(&self) -> Option<impl AsFd + '_> {
        self.running.as_ref()
    }

    fn start(&mut self) -> Result<(), SysError> {
        let unit = which(&self.name);
        let from = match &self.cursor {
            Some(cursor) => format!("--after-cursor={cursor}"),
            None => "--lines=0".to_owned(),
        };
        let mut arguments = vec!["--follow", "--quiet", "--output=json", FIELDS, &unit, &from];
        if self.cursor.is_some() {
            // What came before a reboot counts as well: to follow would be to follow this boot alone.
            arguments.extend(["--no-tail", "--boot=all"]);
        }
        let folder = self.folder.as_ref().map(|folder| format!("--directory={}", folder.display()));
        arguments.extend(folder.as_deref());
        let there = JOURNALCTL.iter().map(Path::new).find(|path| path.exists());
        let program =
            there.ok_or_else(|| SysError::Missing(PathBuf::from("/usr/bin/journalctl")))?;
        self.running = Some(Spoken::start(program, &arguments)?);
        (self.held, self.is_skipping) = (Vec::new(), false);
        Ok(())
    }

    /// Gives what is new, a line at a time, and whether it is of the past. Whether more is to be had at once.
    ///
    /// An error while `journalctl` does not run, and while one that was started again has neither spoken nor run for long:
    /// one that ends at each start is one trouble, not many.
    pub(crate) fn read(&mut self, mut each: impl FnMut(&[u8], bool)) -> Result<bool, SysError> {
        if self.running.is_none() {
            if self.tried.is_some_and(|tried| tried.elapsed() < PAUSE) {
                return Err(ended());
            }
            self.tried = Some(Instant::now());
            self.start()?;
        }
        for _ in 0..PIECES_MAX {
            let Some(running) = &mut self.running else { return Err(ended()) };
            match running.read(&mut self.space)? {
                Said::Nothing => {
                    let has_settled = self.tried.is_none_or(|tried| tried.elapsed() >= PAUSE);
                    self.has_failed &= !has_settled;
                    return if self.has_failed { Err(ended()) } else { Ok(false) };
                }
                Said::Ended => {
                    self.running = None;
                    self.has_failed = true;
                    return Err(ended());
                }
                Said::Bytes(count) => {
                    self.has_failed = false;
                    self.held.extend_from_slice(self.space.get(..count).unwrap_or_default());
                    self.entries(&mut each);
                }
            }
        }
        Ok(true)
    }

    /// Takes the whole entries of what is held.
    fn entries(&mut self, each: &mut impl FnMut(&[u8], bool)) {
        let held = std::mem::take(&mut self.held);
        let whole = burgrave_watch::whole(&held);
        let (entries, rest) = held.split_at_checked(whole).unwrap_or((&held, b""));
        for text in burgrave_watch::lines(entries) {
            if std::mem::take(&mut self.is_skipping) {
                continue;
            }
            // What makes no sense is no entry: `journalctl` writes others beside them.
            let Ok(entry) = serde_json::from_slice::<Entry>(text) else { continue };
            let time = UnixTime(entry.time.parse().unwrap_or(0));
            each(&line(&entry, time), time < self.started);
            self.cursor = Some(entry.cursor);
        }
        self.held = rest.to_vec();
        if self.held.len() > ENTRY_BYTES_MAX {
            self.held.clear();
            self.is_skipping = true;
        }
    }
}

/// The entries that are asked for.
fn which(name: &str) -> String {
    match name {
        KERNEL => "_TRANSPORT=kernel".to_owned(),
        unit => format!("--unit={unit}"),
    }
}

fn ended() -> SysError {
    let program = PathBuf::from("journalctl");
    SysError::from_io("reading the journal by", program, std::io::ErrorKind::UnexpectedEof.into())
}

/// An entry as a log would hold it.
fn line(entry: &Entry, time: UnixTime) -> Vec<u8> {
    let word = |field: &Field, other: &str| {
        let word = field.word();
        if word.is_empty() { other.as_bytes().to_vec() } else { word }
    };
    let command = word(&entry.command, "-");
    let identifier = entry.identifier.word();
    let identifier = if identifier.is_empty() { command } else { identifier };
    let mut out = time.rfc3339().into_bytes();
    out.push(b' ');
    out.extend(word(&entry.host, "localhost"));
    out.push(b' ');
    out.extend(identifier);
    out.push(b'[');
    out.extend(word(&entry.process, "0"));
    out.extend_from_slice(b"]: ");
    let one = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    out.extend(entry.message.bytes().iter().map(one));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit() -> Unit {
        Unit::open("ssh.service", None, None)
    }

    fn fed(unit: &mut Unit, text: &[u8]) -> Vec<(String, bool)> {
        let mut found = Vec::new();
        unit.held.extend_from_slice(text);
        unit.entries(&mut |line, is_past| {
            found.push((String::from_utf8(line.to_vec()).unwrap(), is_past));
        });
        found
    }

    #[test]
    fn an_entry_becomes_one_line() {
        for (entry, wanted) in [
            (
                r#"{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1795673790297827","MESSAGE":"Failed password for root from 192.0.2.1 port 1 ssh2","SYSLOG_IDENTIFIER":"sshd","_PID":"12","_HOSTNAME":"web1","_COMM":"sshd"}"#,
                "2026-11-26T06:16:30.297827Z web1 sshd[12]: Failed password for root from 192.0.2.1 port 1 ssh2",
            ),
            (
                r#"{"__CURSOR":"c2","__REALTIME_TIMESTAMP":"0","MESSAGE":[97,10,98,13],"_COMM":"x y","_PID":"1"}"#,
                "1970-01-01T00:00:00.000000Z localhost xy[1]: a b ",
            ),
            (
                r#"{"__CURSOR":"c3","__REALTIME_TIMESTAMP":"0","MESSAGE":null,"SYSLOG_IDENTIFIER":["a","b"]}"#,
                "1970-01-01T00:00:00.000000Z localhost -[0]: ",
            ),
        ] {
            let mut unit = unit();
            let found = fed(&mut unit, format!("{entry}\n").as_bytes());
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].0, wanted);
            assert!(unit.cursor().unwrap().starts_with('c'));
        }
    }

    #[test]
    fn what_is_no_entry_and_what_is_too_long_is_passed_over() {
        let entry = r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":"m"}"#;
        let mut unit = unit();
        assert!(fed(&mut unit, b"-- No entries --\n{\n[1]\n\xff\n\n").is_empty());
        let (first, second) = entry.split_at(20);
        assert!(fed(&mut unit, first.as_bytes()).is_empty());
        assert_eq!(fed(&mut unit, format!("{second}\n{entry}\n").as_bytes()).len(), 2);
        assert!(fed(&mut unit, &vec![b'x'; ENTRY_BYTES_MAX + 1]).is_empty());
        assert!(unit.held.is_empty());
        assert_eq!(fed(&mut unit, format!("rest\n{entry}\n").as_bytes()).len(), 1);
    }

    #[test]
    fn the_kernel_is_told_by_its_way_into_the_journal() {
        assert_eq!(which("ssh.service"), "--unit=ssh.service");
        assert_eq!(which("kernel"), "_TRANSPORT=kernel");
        assert_eq!(which("kernel.service"), "--unit=kernel.service");
        let entry = r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"0","MESSAGE":"[UFW BLOCK] IN=eth0 OUT= SRC=192.0.2.1 DST=198.51.100.7 PROTO=TCP SPT=1 DPT=2 SYN","SYSLOG_IDENTIFIER":"kernel"}"#;
        let found = fed(&mut unit(), format!("{entry}\n").as_bytes());
        let mut reader =
            burgrave_watch::Reader::new(burgrave_watch::by_name("firewall").unwrap(), false);
        assert_eq!(reader.line(found[0].0.as_bytes()).and_then(|event| event.port), Some(2));
    }

    #[test]
    fn entries_before_the_start_are_of_the_past() {
        let mut unit = unit();
        let at = |time: i64| {
            format!(
                "{{\"__CURSOR\":\"c\",\"__REALTIME_TIMESTAMP\":\"{time}\",\"MESSAGE\":\"m\"}}\n"
            )
        };
        let now = unit.started.0;
        let found = fed(&mut unit, (at(now - 1) + &at(now + 1)).as_bytes());
        assert_eq!(found.iter().map(|(_, past)| *past).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn one_that_ends_at_each_start_is_one_trouble() {
        let started = |unit: &mut Unit, program: &str, argument: &str| {
            unit.tried = Some(Instant::now());
            unit.running = Some(Spoken::start(Path::new(program), &[argument]).unwrap());
        };
        let mut unit = unit();
        started(&mut unit, "/bin/false", "");
        let end = Instant::now() + Duration::from_mins(1);
        while unit.read(|_, _| {}).is_ok() {
            assert!(Instant::now() < end, "it has ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(unit.read(|_, _| {}).is_err(), "nothing runs until the next start");
        started(&mut unit, "/bin/sleep", "60");
        assert!(unit.read(|_, _| {}).is_err(), "it has not shown that it stays");
        unit.tried = Instant::now().checked_sub(PAUSE);
        assert!(matches!(unit.read(|_, _| {}), Ok(false)), "it has stayed");
    }

    const REMOTE: &str = "/lib/systemd/systemd-journal-remote";

    /// Writes an entry into a file of a journal's folder.
    #[expect(clippy::disallowed_methods, reason = "the test writes the journal that is read")]
    fn write(folder: &Path, file: &str, unit: &str, message: &str) {
        use std::io::Write as _;
        let now = burgrave_sys::wall_clock().0;
        let entry = format!(
            "__REALTIME_TIMESTAMP={now}\n__MONOTONIC_TIMESTAMP={now}\n_BOOT_ID=0123456789abcdef0123456789abcdef\n\
             _SYSTEMD_UNIT={unit}\nSYSLOG_IDENTIFIER=sshd\n_PID=7\n_UID=0\n_HOSTNAME=web1\nMESSAGE={message}\n\n"
        );
        let mut child = std::process::Command::new(REMOTE)
            .arg(format!("--output={}", folder.join(file).display()))
            .arg("-")
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(entry.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Reads until a line contains a text.
    fn until(unit: &mut Unit, text: &str) -> Vec<String> {
        let end = Instant::now() + Duration::from_mins(1);
        let mut lines = Vec::new();
        while !lines.iter().any(|line: &String| line.contains(text)) {
            unit.read(|line, _| lines.push(String::from_utf8(line.to_vec()).unwrap())).unwrap();
            assert!(Instant::now() < end, "no `{text}` in {lines:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        lines
    }

    #[test]
    fn a_real_journal_is_followed_from_where_reading_ended() {
        if !Path::new(REMOTE).exists() || !JOURNALCTL.iter().any(|own| Path::new(own).exists()) {
            eprintln!("skipped: systemd-journal-remote is not installed");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        write(at, "a.journal", "ssh.service", "before anybody looked");
        let mut unit = Unit::open("ssh.service", Some(at), None);
        unit.read(|_, _| {}).unwrap();
        // It reads from the end, and nothing says when it has begun but that it hears.
        let (mut calls, mut is_heard) = (0, false);
        while !is_heard {
            calls += 1;
            assert!(calls < 300, "it hears nothing");
            write(at, &format!("a{calls}.journal"), "ssh.service", &format!("call {calls}"));
            std::thread::sleep(Duration::from_millis(200));
            unit.read(|line, _| is_heard |= line.windows(5).any(|part| part == b"call ")).unwrap();
        }
        write(at, "b.journal", "cron.service", "Failed password of another unit");
        write(at, "c.journal", "ssh.service", "Failed password one");
        let mut lines = until(&mut unit, "one");
        lines.retain(|line| !line.contains("call "));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with(" web1 sshd[7]: Failed password one"), "{lines:?}");
        let cursor = unit.cursor().map(str::to_owned);
        drop(unit);
        write(at, "d.journal", "ssh.service", "while nobody looked");
        let mut unit = Unit::open("ssh.service", Some(at), cursor.as_deref());
        let lines = until(&mut unit, "nobody");
        assert_eq!(lines.len(), 1, "{lines:?}");
        // Killed, it is started again and goes on.
        unit.running = None;
        unit.tried = None;
        write(at, "e.journal", "ssh.service", "after that");
        assert_eq!(until(&mut unit, "after that").len(), 1);
    }
}

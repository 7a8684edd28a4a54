//! A `psql` that runs: what is said to it, and what is heard from it, with a bound on every answer and its time.

use super::{CHANNEL_LINE, ENTRIES_MAX, ROW, Trouble};
use crate::ban::Entry;
use burgrave_config::Share;
use burgrave_sys::{Invocation, Program};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// A line of `psql`: an entry in hexadecimal digits, and words around it.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// Lines that wait to be looked at.
const LINES_MAX: usize = 10_000;
/// How long an answer is waited for.
const ANSWER_TIME: Duration = Duration::from_secs(30);
const TICK: &str = "burgrave-tick";

/// The real `psql`: what Debian puts on the path is a script that looks for it.
pub fn psql() -> Option<PathBuf> {
    let versions = (12..=30).rev().map(|version| format!("/usr/lib/postgresql/{version}/bin/psql"));
    let others = ["/usr/local/bin/psql", "/usr/bin/psql"].map(str::to_owned);
    versions.chain(others).map(PathBuf::from).find(|path| path.is_file())
}

/// A `psql` that runs.
#[derive(Debug)]
pub(super) struct Server {
    program: Option<Program>,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Server {
    pub(super) fn open(share: &Share) -> Result<Self, Trouble> {
        let wrong = |error: &dyn std::error::Error| Trouble::Server(burgrave_sys::chain(error));
        let path = psql().ok_or_else(|| {
            Trouble::Server("`psql` is missing: install the package postgresql-client".to_owned())
        })?;
        let invocation = invocation(&path, share).map_err(|error| wrong(&error))?;
        let mut program = Program::start(invocation).map_err(|error| wrong(&error))?;
        let gone = || Trouble::Server("`psql` has no pipes".to_owned());
        let (input, output) = (program.take_input(), program.take_output());
        let (input, output) = (input.ok_or_else(gone)?, output.ok_or_else(gone)?);
        let (sender, lines) = sync_channel(LINES_MAX);
        // Ends with the program, or when nobody listens any more.
        std::thread::spawn(move || {
            let mut reader = BufReader::new(output);
            let mut line = Vec::new();
            loop {
                line.clear();
                let read = (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
                let text = String::from_utf8(std::mem::take(&mut line)).unwrap_or_default();
                if !matches!(read, Ok(1..)) || sender.send(text).is_err() {
                    return;
                }
            }
        });
        Ok(Self { program: Some(program), input, lines })
    }

    /// Says something, and gives the entries that were heard until it was answered.
    pub(super) fn ask(&mut self, statements: &str) -> Result<Vec<Entry>, Trouble> {
        let text = format!("{statements}select '{TICK}';\n");
        if self.input.write_all(text.as_bytes()).and_then(|()| self.input.flush()).is_err() {
            return Err(self.ended());
        }
        let end = Instant::now() + ANSWER_TIME;
        let mut entries = Vec::new();
        let mut is_answered = false;
        loop {
            // Notifications come right behind the answer.
            let left = if is_answered { Duration::from_millis(2) } else { end - Instant::now() };
            match self.lines.recv_timeout(left) {
                Ok(line) if line.trim_end() == TICK => is_answered = true,
                Ok(line) if entries.len() < ENTRIES_MAX => entries.extend(heard(&line)),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) if is_answered => return Ok(entries),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Trouble::Server("the server does not answer".to_owned()));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
            }
        }
    }

    /// Why it has ended.
    fn ended(&mut self) -> Trouble {
        let finished = self.program.take().map(|program| program.finish(Duration::from_secs(2)));
        let said = match finished {
            Some(Ok((_, said))) => said.escape_ascii().to_string(),
            Some(Err(error)) => error.to_string(),
            None => String::new(),
        };
        let said: String = said.replace("\\n", " ").chars().take(300).collect();
        Trouble::Server(format!("`psql` ended: {}", said.trim()))
    }
}

fn invocation(path: &Path, share: &Share) -> Result<Invocation, burgrave_sys::SysError> {
    let port = share.port.to_string();
    let mut invocation = Invocation::new(path, ANSWER_TIME, 0)?
        .args(["-X", "-q", "-A", "-t", "-w", "--set=ON_ERROR_STOP=1", "-h", &share.host])
        .args(["-p", &port, "-U", &share.user, "-d", &share.database])
        .variable("LC_ALL", "C")
        .variable("PGCONNECT_TIMEOUT", "10")
        .variable("PGAPPNAME", "burgrave")
        .variable("PGOPTIONS", "-c client_min_messages=warning");
    if let Some(passfile) = &share.passfile {
        invocation = invocation.variable("PGPASSFILE", passfile);
    }
    if let Some(ca) = &share.ca {
        invocation = invocation.variable("PGSSLMODE", "verify-full").variable("PGSSLROOTCERT", ca);
    }
    Ok(invocation)
}

/// The entry of a line: a row, or `Asynchronous notification "…" with payload "…" received from …`.
pub(super) fn heard(line: &str) -> Option<Entry> {
    let told = || {
        let rest = line.strip_prefix(CHANNEL_LINE)?;
        Some(rest.strip_prefix("with payload \"")?.split_once('"')?.0)
    };
    let digits = line.strip_prefix(ROW).map(str::trim_end).or_else(told)?;
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(pair).collect();
    serde_json::from_slice(&bytes?).ok()
}

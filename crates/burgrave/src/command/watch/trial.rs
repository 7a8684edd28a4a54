//! `burgrave watch try`: what is seen in each line of a log.

use crate::cli::{Format, WatchTry};
use crate::command::Exit;
use crate::error::Error;
use crate::output;
use bstr::BStr;
use burgrave_sys::{Live, System};
use burgrave_watch::fail2ban::{Custom, load_filter};
use burgrave_watch::{Event, Reader, lines};
use serde_json::json;
use std::io::Read as _;
use std::path::Path;

/// Most of a log that is read.
const LOG_BYTES_MAX: u64 = 1 << 30;
/// Most of a file of fail2ban's configuration.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Written at once.
const CHUNK_BYTES: usize = 1 << 16;
/// Of a line that is shown to people.
const SHOWN_CHARS: usize = 160;

/// Reads the log and shows it line by line.
pub(super) fn run(trial: &WatchTry) -> Result<Exit, Error> {
    let mut reading = Reading::of(trial)?;
    let log = read(&Live, &trial.file)?;
    let mut shown = String::new();
    let (mut seen, mut all) = (0_u64, 0_u64);
    for (index, line) in lines(&log).enumerate() {
        let event = reading.line(line);
        all += 1;
        seen += u64::from(event.is_some());
        match trial.format {
            Format::Json => shown.push_str(&as_json(index + 1, event.as_ref())),
            Format::Text => shown.push_str(&as_text(index + 1, event.as_ref(), line)),
        }
        if shown.len() >= CHUNK_BYTES {
            output::text(&shown)?;
            shown.clear();
        }
    }
    if trial.format == Format::Text {
        shown.push_str(&format!("{seen} of {all} lines say something\n"));
    }
    output::text(&shown)?;
    Ok(Exit::Clean)
}

/// By what the lines are read.
enum Reading {
    Service(Box<Reader>),
    Filter(Box<Custom>),
}

impl Reading {
    fn of(trial: &WatchTry) -> Result<Self, Error> {
        if let Some(file) = &trial.filter {
            return filter(&Live, file, trial.strict).map(|filter| Self::Filter(Box::new(filter)));
        }
        let name = trial.service.as_deref().unwrap_or_default();
        let service = burgrave_watch::by_name(name)
            .ok_or_else(|| Error::UnknownService(name.to_owned(), nearest(name)))?;
        Ok(Self::Service(Box::new(Reader::new(service, trial.strict))))
    }

    fn line<'a>(&'a mut self, line: &'a [u8]) -> Option<Event<'a>> {
        match self {
            Self::Service(reader) => reader.line(line),
            Self::Filter(filter) => filter.line(line),
        }
    }
}

/// A filter of fail2ban; what it includes lies beside it.
fn filter(system: &dyn System, file: &Path, is_strict: bool) -> Result<Custom, Error> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let files = |path: &str| text(system, &folder.join(path.strip_prefix("filter.d/")?));
    let mode = is_strict.then(|| ("mode".to_owned(), "aggressive".to_owned()));
    load_filter(&files, name, &mode.into_iter().collect()).map_err(Error::Filter)
}

/// A file of fail2ban's configuration, if it is there and is text.
pub(super) fn text(system: &dyn System, path: &Path) -> Option<String> {
    String::from_utf8(system.read(path, FILE_BYTES_MAX).ok()?).ok()
}

fn read(system: &dyn System, path: &Path) -> Result<Vec<u8>, Error> {
    let unread =
        |why: Box<dyn std::error::Error + Send + Sync>| Error::Read(path.to_path_buf(), why);
    if path != Path::new("-") {
        return system.read(path, LOG_BYTES_MAX).map_err(|why| unread(Box::new(why)));
    }
    let mut bytes = Vec::new();
    let mut limited = std::io::stdin().lock().take(LOG_BYTES_MAX);
    limited.read_to_end(&mut bytes).map_err(|why| unread(Box::new(why)))?;
    Ok(bytes)
}

fn as_json(number: usize, event: Option<&Event<'_>>) -> String {
    let text = |bytes: &[u8]| BStr::new(bytes).to_string();
    let value = json!({
        "line": number,
        "event": event.map(|event| event.kind.name()),
        "client.ip": event.and_then(|event| event.ip).map(|ip| ip.to_string()),
        "client.host": event.and_then(|event| event.host).map(text),
        "user": event.and_then(|event| event.user).map(text),
        "count": event.map_or(0, |event| event.count),
    });
    format!("{value}\n")
}

fn as_text(number: usize, event: Option<&Event<'_>>, line: &[u8]) -> String {
    let shown: String = line.escape_ascii().to_string().chars().take(SHOWN_CHARS).collect();
    let Some(event) = event else { return format!("{number:>7}  -  {shown}\n") };
    let client = match (event.ip, event.host) {
        (Some(ip), _) => ip.to_string(),
        (None, Some(host)) => format!("host `{}`, no address", host.escape_ascii()),
        (None, None) => "no client".to_owned(),
    };
    let user =
        event.user.map(|user| format!(", user `{}`", user.escape_ascii())).unwrap_or_default();
    let times = if event.count > 1 { format!(", {} times", event.count) } else { String::new() };
    format!("{number:>7}  {}: {client}{user}{times}\n         {shown}\n", event.kind.name())
}

/// The services whose names look like it.
fn nearest(name: &str) -> String {
    let start: String = name.chars().take(3).collect();
    let like = burgrave_watch::all().map(|service| service.name).filter(|own| own.contains(&start));
    like.take(8).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(service: &str, line: &[u8]) -> (String, String) {
        let mut reader = Reader::new(burgrave_watch::by_name(service).unwrap(), false);
        let event = reader.line(line);
        (as_json(3, event.as_ref()), as_text(3, event.as_ref(), line))
    }

    #[test]
    fn every_line_has_the_same_keys() {
        let line =
            b"Nov 26 01:02:03 h sshd[1]: Failed password for a\xff from 192.0.2.1 port 2 ssh2";
        let (json, text) = event("sshd", line);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["client.ip"], "192.0.2.1");
        assert_eq!(value["user"], "a\u{fffd}");
        assert!(text.contains("auth.failure: 192.0.2.1, user `a\\xff`\n"), "{text}");
        let (nothing, text) = event("sshd", b"x\x1b[31m");
        let none: serde_json::Value = serde_json::from_str(&nothing).unwrap();
        assert_eq!(none["event"], serde_json::Value::Null);
        assert_eq!(none["count"], 0);
        let keys = |value: &serde_json::Value| {
            value.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(keys(&none), keys(&value));
        assert!(text.ends_with("x\\x1b[31m\n"), "nothing reaches the terminal as it is: {text}");
    }

    #[test]
    fn a_name_is_shown_as_one() {
        let line =
            b"Nov 26 01:02:03 h sshd[1]: error: PAM: Authentication failure for a from example.com";
        assert!(event("sshd", line).1.contains("host `example.com`, no address"));
        assert_eq!(
            nearest("nginx-x"),
            "nginx-http-auth, nginx-limit-req, nginx-forbidden, nginx-botsearch, nginx, nginx-bad-request"
        );
    }
}

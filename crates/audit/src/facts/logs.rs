//! Where logs go: rsyslog's configuration in both of its languages (rsyslog.conf(5)), the journal's,
//! and logrotate's.

use super::ini::{Setting, UNIT, settings};
use super::text::{Line, Place, joined, uncommented};
use super::{Facts, Seen};
use std::path::{Path, PathBuf};

/// Logs that leave the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Whereto.
    pub target: String,
    /// Over TLS.
    pub is_encrypted: bool,
    /// The line.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// One block of logrotate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Files, as patterns.
    pub patterns: Vec<String>,
    /// Its directives.
    pub directives: Vec<(String, Place)>,
    /// Where it begins.
    pub place: Place,
}

impl Facts<'_> {
    /// Every line of rsyslog that is no comment, each as one setting with an empty key.
    pub fn rsyslog(&self) -> &Seen<Vec<Setting>> {
        self.cells.rsyslog.get_or_init(|| {
            let mut out = Vec::new();
            self.rsyslog_file(Path::new("/etc/rsyslog.conf"), &mut out, 0)?;
            Ok(out)
        })
    }

    fn rsyslog_file(&self, path: &Path, out: &mut Vec<Setting>, depth: usize) -> Seen<()> {
        let Some(lines) = self.lines(path)? else { return Ok(()) };
        let mut open: Option<(String, Place)> = None;
        for line in joined(lines.to_vec()) {
            let text = uncommented(&line.text, "#").trim();
            let (mut whole, place) =
                open.take().unwrap_or_else(|| (String::new(), line.place.clone()));
            whole.push(' ');
            whole.push_str(text);
            let depth_of = |letter: char| whole.chars().filter(|c| *c == letter).count();
            if depth_of('(') > depth_of(')') && whole.len() < 10_000 {
                open = Some((whole, place));
                continue;
            }
            let whole = whole.trim().to_owned();
            if let Some(pattern) = included(&whole) {
                if depth < 8 {
                    for file in self.glob(PathBuf::from(pattern))? {
                        self.rsyslog_file(&file, out, depth + 1)?;
                    }
                }
            } else if !whole.is_empty() {
                out.push(Setting {
                    section: String::new(),
                    key: String::new(),
                    value: whole,
                    place,
                });
            }
        }
        Ok(())
    }

    /// Everything that sends logs to another host.
    pub fn forwards(&self) -> Seen<Vec<Forward>> {
        let all = self.rsyslog().as_ref().map_err(Clone::clone)?;
        let tls = all.iter().any(|line| {
            let lower = line.value.to_ascii_lowercase();
            (lower.contains("streamdriver") && (lower.contains("gtls") || lower.contains("ossl")))
                && !lower.contains("mode=\"0\"")
        });
        let mut out: Vec<Forward> = Vec::new();
        for line in all {
            if let Some((target, own_tls)) = forward(&line.value) {
                let is_encrypted = own_tls && tls;
                out.push(Forward {
                    target,
                    is_encrypted,
                    text: line.value.clone(),
                    place: line.place.clone(),
                });
            }
        }
        for path in ["/etc/systemd/journal-upload.conf", "/etc/systemd/journald.conf"] {
            for setting in self.settings(path, UNIT)? {
                if setting.key == "URL" || setting.key == "ForwardToSocket" {
                    let is_encrypted = setting.value.starts_with("https");
                    out.push(Forward {
                        target: setting.value.clone(),
                        is_encrypted,
                        text: format!("{}={}", setting.key, setting.value),
                        place: setting.place,
                    });
                }
            }
        }
        out.retain(|forward| !is_own(&forward.target));
        Ok(out)
    }

    /// The journal's settings with its drop-ins, the last counts.
    pub fn journald(&self) -> Seen<Vec<Setting>> {
        self.with_drop_ins("/etc/systemd/journald.conf")
    }

    /// The settings of one of systemd's own files and of its drop-ins.
    pub fn with_drop_ins(&self, path: &str) -> Seen<Vec<Setting>> {
        let mut out = self.settings(path, UNIT)?;
        let vendor = format!("/usr/lib/{}.d", path.trim_start_matches("/etc/"));
        for folder in [vendor, format!("{path}.d")] {
            for part in self.files_in(&folder, ".conf")? {
                if let Some(lines) = self.lines(&part)? {
                    out.extend(settings(&lines, UNIT));
                }
            }
        }
        Ok(out)
    }

    /// Every block of logrotate.
    pub fn rotations(&self) -> Seen<Vec<Rotation>> {
        let mut files = vec![PathBuf::from("/etc/logrotate.conf")];
        files.extend(self.files_in("/etc/logrotate.d", "")?);
        let mut out = Vec::new();
        for file in files {
            if let Some(lines) = self.lines(&file)? {
                rotations(&lines, &mut out);
            }
        }
        Ok(out)
    }
}

fn included(text: &str) -> Option<String> {
    let rest = text.strip_prefix("$IncludeConfig").map(str::trim);
    let modern = || {
        let inner = text.strip_prefix("include(")?;
        inner.split("file=\"").nth(1)?.split('"').next()
    };
    rest.or_else(modern).map(str::to_owned)
}

/// The target of a line that sends logs away, and whether it asks for TLS itself.
fn forward(text: &str) -> Option<(String, bool)> {
    let lower = text.to_ascii_lowercase();
    if lower.contains("action(")
        && (lower.contains("\"omfwd\"")
            || lower.contains("\"omrelp\"")
            || lower.contains("\"omhttp\"")
            || lower.contains("\"omelasticsearch\"")
            || lower.contains("\"omkafka\""))
    {
        let value = |name: &str| {
            lower
                .split(&format!("{name}=\""))
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .map(str::to_owned)
        };
        let encrypted = value("streamdrivermode").is_some_and(|mode| mode == "1")
            || value("tls").is_some_and(|tls| tls == "on")
            || value("usehttps").is_some_and(|on| on == "on");
        let target = value("target").or_else(|| value("server")).unwrap_or_default();
        return Some((
            target,
            encrypted || value("type").is_some_and(|kind| kind == "omelasticsearch"),
        ));
    }
    let (_, action) = text.split_once(char::is_whitespace)?;
    let action = action.trim();
    let target = action
        .strip_prefix("@@")
        .or_else(|| action.strip_prefix('@'))
        .or_else(|| action.strip_prefix(":omrelp:"))?;
    let target = target.trim_start_matches('(').split(';').next()?.to_owned();
    Some((target, action.starts_with("@@")))
}

fn is_own(target: &str) -> bool {
    ["127.", "localhost", "::1", "[::1]"].iter().any(|own| target.starts_with(own))
}

fn rotations(lines: &[Line], out: &mut Vec<Rotation>) {
    let mut open: Option<Rotation> = None;
    let mut patterns: Vec<String> = Vec::new();
    let mut in_script = false;
    for line in lines {
        let text = line.text.trim();
        if in_script {
            in_script = text != "endscript";
            continue;
        }
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        in_script =
            ["postrotate", "prerotate", "firstaction", "lastaction", "preremove"].contains(&text);
        if let Some(block) = &mut open {
            if text.starts_with('}') {
                out.extend(open.take());
            } else {
                block.directives.push((text.to_owned(), line.place.clone()));
            }
        } else {
            let (names, opens) =
                text.strip_suffix('{').map_or((text, false), |names| (names, true));
            if names.trim_start().starts_with(['/', '"']) {
                patterns.extend(super::text::words(names));
            }
            if opens {
                open = Some(Rotation {
                    patterns: std::mem::take(&mut patterns),
                    directives: Vec::new(),
                    place: line.place.clone(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn forwards_are_found_in_both_languages() {
        for (text, wanted) in [
            ("*.* @@logs.example:514", 1),
            ("# *.* @@logs.example", 0),
            ("*.* @127.0.0.1:514", 0),
            ("mail.* -/var/log/mail.log", 0),
            ("action(type=\"omfwd\"\n  target=\"logs.example\" port=\"6514\")", 1),
            ("action(type=\"omfile\" file=\"/var/log/x@y\")", 0),
        ] {
            let fake = Fake::new();
            fake.file("/etc/rsyslog.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\n")
                .file("/etc/rsyslog.d/1.conf", text);
            let facts = Facts::new(&fake, Ground::Tree);
            let found = facts.forwards().unwrap();
            assert_eq!(found.len(), wanted, "{text}: {found:?}");
            assert!(found.iter().all(|forward| !forward.is_encrypted));
        }
    }

    #[test]
    fn rotations_are_read_by_block() {
        let fake = Fake::new();
        fake.file("/etc/logrotate.conf", "weekly\n/var/log/a\n\"/var/log/b c\" {\n rotate 4\n postrotate\n  x {\n endscript\n}\n");
        let facts = Facts::new(&fake, Ground::Tree);
        let found = facts.rotations().unwrap();
        assert_eq!(found[0].patterns, ["/var/log/a", "/var/log/b c"]);
        assert_eq!(found[0].directives.len(), 2);
    }
}

//! apt's configuration (apt.conf(5)) and sources (sources.list(5), both forms).

use super::text::{Line, Place, uncommented};
use super::{Facts, Seen};
use std::path::PathBuf;

/// One value of apt's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AptSetting {
    /// In lower case, as `apt::periodic::unattended-upgrade`.
    pub key: String,
    /// The value.
    pub value: String,
    /// Where.
    pub place: Place,
}

/// One source of packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// As `https://deb.debian.org/debian`.
    pub uri: String,
    /// As `bookworm-security`.
    pub suite: String,
    /// `trusted=yes`: signatures are not asked for.
    pub is_trusted: bool,
    /// Where.
    pub place: Option<Place>,
}

impl Facts<'_> {
    /// Every value of the configuration, in order; later ones win.
    pub fn apt(&self) -> &Seen<Vec<AptSetting>> {
        self.cells.apt.get_or_init(|| {
            let mut files: Vec<PathBuf> = Vec::new();
            for path in self.files_in("/etc/apt/apt.conf.d", "")? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
                if plain && (!name.contains('.') || name.ends_with(".conf")) {
                    files.push(path);
                }
            }
            files.push(PathBuf::from("/etc/apt/apt.conf"));
            let mut out = Vec::new();
            for file in files {
                if let Some(lines) = self.lines(&file)? {
                    out.extend(configuration(&lines));
                }
            }
            Ok(out)
        })
    }

    /// The value of a key that counts.
    pub fn apt_value(&self, key: &str) -> Seen<Option<&AptSetting>> {
        let all = self.apt().as_ref().map_err(Clone::clone)?;
        let key = key.to_ascii_lowercase();
        Ok(all.iter().rev().find(|setting| setting.key == key))
    }

    /// Every source that is not switched off.
    pub fn sources(&self) -> Seen<Vec<Source>> {
        let mut out = Vec::new();
        let mut lists = vec![PathBuf::from("/etc/apt/sources.list")];
        lists.extend(self.files_in("/etc/apt/sources.list.d", ".list")?);
        for path in lists {
            if let Some(lines) = self.lines(&path)? {
                out.extend(lines.iter().filter_map(one_line));
            }
        }
        for path in self.files_in("/etc/apt/sources.list.d", ".sources")? {
            if let Some(lines) = self.lines(&path)? {
                out.extend(paragraphs(&lines));
            }
        }
        Ok(out)
    }
}

/// Nested blocks and values, `//`, `#` and `/* */` comments left out.
fn configuration(lines: &[Line]) -> Vec<AptSetting> {
    let (mut scope, mut out) = (Vec::<String>::new(), Vec::new());
    let (mut statement, mut in_comment) = (String::new(), false);
    for line in lines {
        let text = stripped(&line.text, &mut in_comment);
        let (mut quoted, mut before) = (false, ' ');
        for letter in text.chars() {
            if letter == '"' && before != '\\' {
                quoted = !quoted;
            }
            before = letter;
            match letter {
                '{' if !quoted => scope.push(std::mem::take(&mut statement).trim().to_owned()),
                '}' if !quoted => {
                    scope.pop();
                    statement.clear();
                }
                ';' if !quoted => {
                    out.extend(value(&scope, &std::mem::take(&mut statement), &line.place));
                }
                _ => statement.push(letter),
            }
        }
        statement.push(' ');
    }
    out
}

fn value(scope: &[String], statement: &str, place: &Place) -> Option<AptSetting> {
    let statement = statement.trim();
    let (name, value) = match statement.find('"') {
        Some(at) => statement.split_at_checked(at)?,
        None => statement.split_once(char::is_whitespace).unwrap_or((statement, "")),
    };
    let mut key = scope.join("::");
    let name = name.trim().trim_end_matches("::");
    if !name.is_empty() {
        key = if key.is_empty() { name.to_owned() } else { format!("{key}::{name}") };
    }
    let value = super::text::unquoted(value).replace("\\\"", "\"");
    (!key.is_empty()).then(|| AptSetting {
        key: key.to_ascii_lowercase(),
        value,
        place: place.clone(),
    })
}

fn stripped(line: &str, in_comment: &mut bool) -> String {
    let (mut out, mut quoted) = (String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        if quoted && letter == '\\' {
            out.push(letter);
            out.extend(letters.next());
            continue;
        }
        let next = letters.peek().copied();
        if *in_comment {
            if letter == '*' && next == Some('/') {
                letters.next();
                *in_comment = false;
            }
        } else if quoted || letter == '"' {
            quoted ^= letter == '"';
            out.push(letter);
        } else if letter == '/' && next == Some('*') {
            letters.next();
            *in_comment = true;
        } else if (letter == '/' && next == Some('/')) || (letter == '#' && next != Some('c')) {
            break;
        } else {
            out.push(letter);
        }
    }
    out
}

/// `deb [options] uri suite components`.
fn one_line(line: &Line) -> Option<Source> {
    let text = uncommented(&line.text, "#").trim();
    let rest = text.strip_prefix("deb ").or_else(|| text.strip_prefix("deb\t"))?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let uri = words.next()?.to_owned();
    let suite = words.next().unwrap_or_default().to_owned();
    let is_trusted =
        options.split_whitespace().any(|option| option.eq_ignore_ascii_case("trusted=yes"));
    Some(Source { uri, suite, is_trusted, place: Some(line.place.clone()) })
}

/// The form of paragraphs with `URIs:` and `Suites:`.
fn paragraphs(lines: &[Line]) -> Vec<Source> {
    let mut out = Vec::new();
    for paragraph in lines.split(|line| line.text.trim().is_empty()) {
        let field = |name: &str| {
            paragraph.iter().find_map(|line| {
                let (key, value) = line.text.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| (value.trim().to_owned(), line.place.clone()))
            })
        };
        let is = |name: &str, wanted: &str| {
            field(name).is_some_and(|(value, _)| value.eq_ignore_ascii_case(wanted))
        };
        let Some((uris, place)) = field("URIs") else { continue };
        if is("Enabled", "no")
            || !field("Types").is_none_or(|(types, _)| types.split_whitespace().any(|t| t == "deb"))
        {
            continue;
        }
        let suites = field("Suites").map(|(suites, _)| suites).unwrap_or_default();
        for uri in uris.split_whitespace() {
            for suite in suites.split_whitespace() {
                let place =
                    Some(field("Trusted").map_or_else(|| place.clone(), |(_, place)| place));
                out.push(Source {
                    uri: uri.to_owned(),
                    suite: suite.to_owned(),
                    is_trusted: is("Trusted", "yes"),
                    place,
                });
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn blocks_comments_and_order_are_apts() {
        let fake = Fake::new();
        fake.file("/etc/apt/apt.conf.d/10a", "APT::Periodic { Unattended-Upgrade \"1\"; };\n// APT::X \"1\";\n/* A \"b\";\n*/ Acquire::http::Proxy \"http://x/;\";\n");
        fake.file("/etc/apt/apt.conf.d/20b", "APT::Periodic::Unattended-Upgrade \"0\";\n");
        fake.file("/etc/apt/apt.conf.d/25d", "A::Invoke {\"sh -c \\\"x; y\\\"\";};\n");
        fake.file("/etc/apt/apt.conf.d/30c.bak", "APT::Periodic::Unattended-Upgrade \"1\";\n");
        let facts = Facts::new(&fake, Ground::Tree);
        let value = |key| facts.apt_value(key).unwrap().map(|setting| setting.value.as_str());
        assert_eq!(value("APT::Periodic::Unattended-Upgrade"), Some("0"));
        assert_eq!(value("Acquire::http::Proxy"), Some("http://x/;"));
        assert_eq!(value("A::Invoke"), Some("sh -c \"x; y\""));
        assert_eq!(value("APT::X"), None);
    }

    #[test]
    fn both_forms_of_sources_are_read() {
        let fake = Fake::new();
        fake.file("/etc/apt/sources.list", "# deb [trusted=yes] http://a x\ndeb [arch=amd64 trusted=yes] http://b y main\ndeb-src http://c z\n");
        fake.file("/etc/apt/sources.list.d/d.sources", "Types: deb\nURIs: https://d\nSuites: s s-security\nTrusted: yes\n\nTypes: deb\nURIs: https://e\nSuites: s\nEnabled: no\n");
        let facts = Facts::new(&fake, Ground::Tree);
        let all: Vec<_> =
            facts.sources().unwrap().into_iter().map(|s| (s.uri, s.suite, s.is_trusted)).collect();
        assert_eq!(
            all,
            [
                ("http://b".into(), "y".into(), true),
                ("https://d".into(), "s".into(), true),
                ("https://d".into(), "s-security".into(), true)
            ]
        );
    }
}

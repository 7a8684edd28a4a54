//! The form of fail2ban's files: sections, keys, values over several lines, includes.

use super::Files;

/// Most lines of one file.
const LINES_MAX: usize = 20_000;
/// Most files that one includes, over all levels.
const INCLUDES_MAX: usize = 64;

/// One key of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) section: String,
    pub(super) key: String,
    /// Its lines, trimmed; each with its number in the file.
    pub(super) lines: Vec<(usize, String)>,
    pub(super) file: String,
}

impl Entry {
    /// The value as one text.
    pub(super) fn value(&self) -> String {
        self.lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// The keys of a file and of what it includes; a later one counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Ini {
    pub(super) entries: Vec<Entry>,
}

impl Ini {
    /// The last value of a key.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.section == section && entry.key == key)
    }

    /// The value that a key of the section had before its last one, or has in the defaults:
    /// `%(known/…)s`.
    pub(super) fn known(&self, section: &str, key: &str) -> Option<&Entry> {
        let of = |section: &str, entry: &&Entry| entry.section == section && entry.key == key;
        let mut own = self.entries.iter().rev().filter(|entry| of(section, entry));
        own.nth(1).or_else(|| self.get("DEFAULT", key))
    }

    /// The sections, in the order in which they come.
    pub(super) fn sections(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for entry in &self.entries {
            if !names.contains(&entry.section.as_str()) {
                names.push(&entry.section);
            }
        }
        names
    }
}

/// Reads a file with all that it includes.
pub(super) fn read(files: Files<'_>, path: &str) -> Option<Ini> {
    let mut budget = INCLUDES_MAX;
    read_in(files, path, &mut budget)
}

fn read_in(files: Files<'_>, path: &str, budget: &mut usize) -> Option<Ini> {
    *budget = budget.checked_sub(1)?;
    let own = parse(&files(path)?, path);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut whole = Ini::default();
    let mut include = |key: &str, whole: &mut Ini| {
        let named = own.get("INCLUDES", key).map(Entry::value).unwrap_or_default();
        for name in
            named.split_whitespace().filter(|name| !name.contains("..") && !name.starts_with('/'))
        {
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if let Some(ini) = read_in(files, &path, budget) {
                whole.entries.extend(ini.entries);
            }
        }
    };
    include("before", &mut whole);
    whole.entries.extend(own.entries.iter().filter(|entry| entry.section != "INCLUDES").cloned());
    include("after", &mut whole);
    Some(whole)
}

fn parse(text: &str, file: &str) -> Ini {
    let mut ini = Ini::default();
    let mut section = String::new();
    for (index, raw) in text.lines().take(LINES_MAX).enumerate() {
        let line = raw.split(" ;").next().unwrap_or(raw).trim_end();
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if trimmed.len() < line.len() {
            if let Some(entry) = ini.entries.last_mut() {
                entry.lines.push((index + 1, trimmed.to_owned()));
            }
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            name.clone_into(&mut section);
            continue;
        }
        let Some(at) = line.find(['=', ':']) else { continue };
        let (key, value) =
            (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
        ini.entries.push(Entry {
            section: section.clone(),
            key: key.trim().to_owned(),
            lines: vec![(index + 1, value.trim().to_owned())],
            file: file.to_owned(),
        });
    }
    ini
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_on_in_lines_that_are_indented() {
        let ini = parse(
            "[Definition]\n# a comment\nfailregex = ^a <HOST>$\n            ^b <HOST>$\n\nmode=x  ; why\n",
            "f",
        );
        let failregex = ini.get("Definition", "failregex").unwrap();
        assert_eq!(failregex.lines, [(3, "^a <HOST>$".to_owned()), (4, "^b <HOST>$".to_owned())]);
        assert_eq!(ini.get("Definition", "mode").unwrap().value(), "x");
        assert_eq!(ini.sections(), ["Definition"]);
    }

    #[test]
    fn includes_come_before_and_after_and_end() {
        let files = |path: &str| match path {
            "filter.d/a.conf" => {
                Some("[INCLUDES]\nbefore = b.conf\nafter = c.conf a.conf\n[X]\nk = a\n".to_owned())
            }
            "filter.d/b.conf" => Some("[X]\nk = b\n".to_owned()),
            "filter.d/c.conf" => Some("[X]\nk = c\n".to_owned()),
            _ => None,
        };
        let ini = read(&files, "filter.d/a.conf").unwrap();
        assert_eq!(ini.entries.first().unwrap().value(), "b");
        assert!(ini.entries.len() <= 3 * INCLUDES_MAX);
        assert!(read(&files, "none").is_none());
    }
}

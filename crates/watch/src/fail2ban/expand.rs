//! What stands for something else in fail2ban's files: `%(name)s` and `<name>`.

use super::ini::Ini;
use std::collections::BTreeMap;

/// Substitutions in one value.
const STEPS_MAX: usize = 500;
/// Longest value.
const BYTES_MAX: usize = 200_000;

/// Where names are looked up: a section, then the defaults, with options from outside first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) ini: &'a Ini,
    pub(super) section: &'a str,
    pub(super) options: &'a BTreeMap<String, String>,
}

/// What could not be put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown(pub(super) String);

impl Names<'_> {
    fn plain(&self, name: &str) -> Option<String> {
        let from =
            |section: &str, key: &str| self.ini.get(section, key).map(super::ini::Entry::value);
        if let Some(key) = name.strip_prefix("known/") {
            return self.ini.known(self.section, key).map(super::ini::Entry::value);
        }
        if let Some((section, key)) = name.split_once('/') {
            return from(section, key).or_else(|| from("DEFAULT", key));
        }
        self.options
            .get(name)
            .cloned()
            .or_else(|| from(self.section, name))
            .or_else(|| from("Init", name))
            .or_else(|| from("DEFAULT", name))
    }

    /// The text with everything put in; tags that stand for what a line holds stay.
    pub(super) fn expand(&self, text: &str) -> Result<String, Unknown> {
        let mut text = text.to_owned();
        for _ in 0..STEPS_MAX {
            if text.len() > BYTES_MAX {
                return Err(Unknown("a value that grows without end".to_owned()));
            }
            if let Some(start) = interpolation(&text) {
                let rest = text.get(start + 2..).unwrap_or_default();
                let Some(end) = rest.find(")s") else { return Err(Unknown(text)) };
                let name = rest.get(..end).unwrap_or_default().to_owned();
                let value = self.plain(&name).ok_or_else(|| Unknown(format!("%({name})s")))?;
                text.replace_range(start..start + 2 + end + 2, &value);
                continue;
            }
            let Some((range, value)) = self.tag(&text) else { return Ok(text.replace("%%", "%")) };
            text.replace_range(range, &value);
        }
        Err(Unknown("substitutions that do not end".to_owned()))
    }

    /// The innermost tag that stands for a value, and its value.
    fn tag(&self, text: &str) -> Option<(std::ops::Range<usize>, String)> {
        let mut open = None;
        for (index, byte) in text.bytes().enumerate() {
            match byte {
                b'<' => open = Some(index),
                b'>' => {
                    let Some(start) = open.take() else { continue };
                    let name = text.get(start + 1..index)?;
                    if !is_of_lines(name)
                        && let Some(value) = self.plain(name)
                    {
                        return Some((start..index + 1, value));
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// The next `%(`, not one of `%%(`.
fn interpolation(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b'%', Some(b'%')) => at += 2,
            (b'%', Some(b'(')) => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// Tags that stand for a part of the line.
fn is_of_lines(name: &str) -> bool {
    let name = name.trim_start_matches('/');
    name.starts_with("F-")
        || ["HOST", "ADDR", "IP4", "IP6", "DNS", "CIDR", "SUBNET", "SKIPLINES"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fail2ban::ini;

    fn check(text: &str, expected: Result<&str, &str>) {
        let file = "[DEFAULT]\na = 1\nloop = <loop>x\n[Definition]\na = %(known/a)s0\nb = %(a)s2\nmode = normal\nmdre-normal = N\nmdre-hard = H\n[other]\nc = 3\n";
        let files = |path: &str| (path == "f").then(|| file.to_owned());
        let ini = ini::read(&files, "f").unwrap();
        let options = BTreeMap::from([("mode".to_owned(), "hard".to_owned())]);
        let names = Names { ini: &ini, section: "Definition", options: &options };
        let found = names.expand(text).map_err(|Unknown(what)| what);
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }

    #[test]
    fn names_are_put_in_from_the_inside() {
        check(
            "%(b)s <mdre-<mode>> <HOST> <F-USER>x</F-USER>",
            Ok("102 H <HOST> <F-USER>x</F-USER>"),
        );
        check("%(other/c)s %%Y", Ok("3 %Y"));
        check("<nothing>", Ok("<nothing>"));
    }

    #[test]
    fn what_is_not_there_or_does_not_end_is_told() {
        check("%(none)s", Err("%(none)s"));
        check("<loop>", Err("substitutions that do not end"));
    }
}

//! Files of keys and values, with or without sections: `key = value`, `key: value`, `key value`.
//!
//! One reader for the many dialects; which one a file speaks is said by [`Dialect`].

use super::text::{Line, Place, uncommented, unquoted};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Letters that begin a comment.
    pub comments: &'static str,
    /// Whether a comment may stand behind a value.
    pub trailing: bool,
    /// What stands between key and value; a space is any white space.
    pub separators: &'static str,
}

/// `[section]`, `key = value`, `;` and `#`: PHP, Samba, `MySQL`.
pub const INI: Dialect = Dialect { comments: "#;", trailing: true, separators: "=" };
/// systemd's files: comments only at the beginning of a line.
pub const UNIT: Dialect = Dialect { comments: "#;", trailing: false, separators: "=" };
/// `key = value` or `key value`: PostgreSQL, sysctl, `pwquality`, `faillock`.
pub const LOOSE: Dialect = Dialect { comments: "#", trailing: true, separators: "= " };
/// `key value`: Redis, `login.defs`.
pub const SPACED: Dialect = Dialect { comments: "#", trailing: true, separators: " " };

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The section that it stands in, empty in front of the first.
    pub section: String,
    /// As written.
    pub key: String,
    /// Without the quotes around it.
    pub value: String,
    /// Where.
    pub place: Place,
}

/// The settings of a file, in order.
pub fn settings(lines: &[Line], dialect: Dialect) -> Vec<Setting> {
    let mut section = String::new();
    let mut out = Vec::new();
    for line in lines {
        let text = line.text.trim();
        if text.is_empty() || text.starts_with(|letter| dialect.comments.contains(letter)) {
            continue;
        }
        if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            name.0.trim().clone_into(&mut section);
            continue;
        }
        let text = if dialect.trailing { uncommented(text, dialect.comments).trim() } else { text };
        let (key, value) = split(text, dialect.separators);
        out.push(Setting {
            section: section.clone(),
            key: key.to_owned(),
            value: unquoted(value).to_owned(),
            place: line.place.clone(),
        });
    }
    out
}

fn split<'t>(text: &'t str, separators: &str) -> (&'t str, &'t str) {
    let is_end = |letter: char| {
        separators.contains(letter) || (separators.contains(' ') && letter.is_whitespace())
    };
    let Some(at) = text.find(is_end) else { return (text, "") };
    let (key, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let rest = rest.trim_start();
    let rest = rest.strip_prefix(|letter| separators.contains(letter)).unwrap_or(rest);
    (key.trim(), rest.trim())
}

/// The last setting of a key, case not looked at: what counts where later lines win.
pub fn last<'s>(settings: &'s [Setting], section: Option<&str>, key: &str) -> Option<&'s Setting> {
    settings.iter().rev().find(|setting| is(setting, section, key))
}

/// The first setting of a key: what counts where earlier lines win.
pub fn first<'s>(settings: &'s [Setting], section: Option<&str>, key: &str) -> Option<&'s Setting> {
    settings.iter().find(|setting| is(setting, section, key))
}

fn is(setting: &Setting, section: Option<&str>, key: &str) -> bool {
    setting.key.eq_ignore_ascii_case(key)
        && section.is_none_or(|section| setting.section.eq_ignore_ascii_case(section))
}

#[cfg(test)]
mod tests {
    use super::super::text::lines;
    use super::*;
    use std::path::Path;

    fn read(text: &str, dialect: Dialect) -> Vec<(String, String, String)> {
        let all = settings(&lines(Path::new("/x"), text), dialect);
        all.into_iter().map(|s| (s.section, s.key, s.value)).collect()
    }

    #[test]
    fn each_dialect_is_read_as_its_program_reads_it() {
        let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            read("; c\n[A]\nk = v ; c\n# k = w\nq=\"a;b\"\n", INI),
            [row("A", "k", "v"), row("A", "q", "a;b")]
        );
        assert_eq!(read("[S]\nk=v # no comment\n", UNIT), [row("S", "k", "v # no comment")]);
        assert_eq!(
            read("a = 1\nb 2\nc='x'\nd\n", LOOSE),
            [row("", "a", "1"), row("", "b", "2"), row("", "c", "x"), row("", "d", "")]
        );
        assert_eq!(read("UMASK\t\t022 # x\n", SPACED), [row("", "UMASK", "022")]);
    }

    #[test]
    fn the_last_or_the_first_counts() {
        let all = settings(&lines(Path::new("/x"), "[a]\nk=1\n[b]\nK=2\n"), INI);
        assert_eq!(last(&all, None, "k").unwrap().value, "2");
        assert_eq!(first(&all, None, "k").unwrap().value, "1");
        assert_eq!(last(&all, Some("A"), "k").unwrap().value, "1");
        assert!(last(&all, Some("c"), "k").is_none());
    }
}

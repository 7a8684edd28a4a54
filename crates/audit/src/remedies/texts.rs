//! Changing files of keys and values: pure functions of a text.

use crate::facts::ini::{Dialect, settings};
use crate::facts::lines;
use std::path::Path;

/// A text with a key of a section set to a value, wherever it was set before; where it was not, at the
/// end of its section, which is made where it is missing. An empty section is the part in front of all.
pub(super) fn set(
    text: &str,
    dialect: Dialect,
    (section, key, value): (&str, &str, &str),
) -> String {
    let separator = if dialect.separators.contains('=') {
        if dialect.separators.contains(' ') { " = " } else { "=" }
    } else {
        " "
    };
    let line = format!("{key}{separator}{value}");
    let all = lines(Path::new("/"), text);
    let found: Vec<u32> = settings(&all, dialect)
        .into_iter()
        .filter(|s| s.key.eq_ignore_ascii_case(key))
        .filter(|s| section.is_empty() || s.section.eq_ignore_ascii_case(section))
        .map(|s| s.place.line)
        .collect();
    let mut out: Vec<String> = all.iter().map(|line| line.text.clone()).collect();
    if !found.is_empty() {
        for number in found {
            let at = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
            if let Some(slot) = out.get_mut(at) {
                slot.clone_from(&line);
            }
        }
    } else if let Some(at) = end_of(&out, section) {
        out.insert(at, line);
    } else {
        out.push(format!("[{section}]"));
        out.push(line);
    }
    out.join("\n") + "\n"
}

/// Where a section ends; of the part in front of all sections the first section's head.
fn end_of(lines: &[String], section: &str) -> Option<usize> {
    let head = |line: &String| line.trim().starts_with('[') && line.trim().ends_with(']');
    if section.is_empty() {
        return Some(lines.iter().position(head).unwrap_or(lines.len()));
    }
    let wanted = format!("[{section}]");
    let start = lines.iter().position(|line| line.trim().eq_ignore_ascii_case(&wanted))?;
    let after = lines.iter().skip(start + 1).position(head);
    Some(after.map_or(lines.len(), |after| start + 1 + after))
}

/// A text with a line at its end, which it did not have.
pub(super) fn appended(text: &str, line: &str) -> String {
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}{line}\n")
}

/// A line as a comment, so that it can still be seen what stood there.
pub(super) fn commented(line: &str) -> Option<String> {
    let bare = line.trim_start();
    (!bare.starts_with('#')).then(|| format!("# {bare}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ini::{INI, LOOSE, SPACED, UNIT};

    #[test]
    fn keys_are_set_where_they_stand_or_where_they_belong() {
        for (text, dialect, what, wanted) in [
            ("A 1\nB 2\n", SPACED, ("", "B", "3"), "A 1\nB 3\n"),
            ("#B 2\nA 1", SPACED, ("", "B", "3"), "#B 2\nA 1\nB 3\n"),
            ("b = 1\nB=2\n", LOOSE, ("", "b", "3"), "b = 3\nb = 3\n"),
            ("", LOOSE, ("", "b", "3"), "b = 3\n"),
            ("[X]\na=1\n[Y]\na=1\n", INI, ("Y", "a", "2"), "[X]\na=1\n[Y]\na=2\n"),
            ("[X]\nb=1\n[Y]\n", INI, ("X", "a", "2"), "[X]\nb=1\na=2\n[Y]\n"),
            ("[X]\n", UNIT, ("Y", "a", "2"), "[X]\n[Y]\na=2\n"),
            ("a=1\n[X]\n", INI, ("", "b", "2"), "a=1\nb=2\n[X]\n"),
        ] {
            assert_eq!(set(text, dialect, what), wanted, "{text:?}");
        }
    }

    #[test]
    fn lines_are_put_at_the_end_or_out_of_force() {
        assert_eq!(appended("a", "b"), "a\nb\n");
        assert_eq!(appended("", "b"), "b\n");
        assert_eq!(commented("  x y").unwrap(), "# x y");
    }
}

//! `docs/configuration.md`, made from the same entries that the reader uses.

use crate::keys::ROOT;
use crate::table::{AnyKey, Section};
use std::fmt::Write;

const OPENING: &str = "# Configuration

Burgrave reads one TOML file. Every key that it does not know is an error, and so is every value that
it would not act on; `burgrave check --config FILE` shows all errors at once, each with its line, and
exits 2 if there are any. An example with every section is `dist/burgrave.example.toml`.

This page is made from the entries that the reader itself works with.
";

/// All sections and keys as Markdown.
pub fn reference() -> String {
    let mut text = OPENING.to_owned();
    let mut sections: Vec<&'static Section> = vec![&ROOT];
    let mut next = 0;
    while let Some(section) = sections.get(next).copied() {
        next += 1;
        // Writing to a `String` does not fail.
        write_section(section, &mut text).ok();
        for nested in section.keys.iter().filter_map(|key| key.nested()) {
            if !sections.iter().any(|known| std::ptr::eq(*known, nested)) {
                sections.push(nested);
            }
        }
    }
    text
}

fn write_section(section: &Section, text: &mut String) -> std::fmt::Result {
    writeln!(text, "\n## `{}`\n\n{}\n", section.title, section.about)?;
    writeln!(text, "| key | value | default | |\n|---|---|---|---|")?;
    for key in section.keys {
        write_key(*key, text)?;
    }
    if !section.refused.is_empty() {
        writeln!(text, "\nKnown, and refused here:\n")?;
    }
    for (name, instead) in section.refused {
        writeln!(text, "- `{name}` {instead}.")?;
    }
    Ok(())
}

fn write_key(key: &dyn AnyKey, text: &mut String) -> std::fmt::Result {
    let default = match key.default() {
        "" => "needed".to_owned(),
        value if value.starts_with('"') || value.starts_with('[') || is_plain(value) => {
            format!("`{value}`")
        }
        words => words.to_owned(),
    };
    writeln!(text, "| `{}` | {} | {default} | {} |", key.name(), key.words(), key.about())
}

/// A number or a boolean.
fn is_plain(value: &str) -> bool {
    matches!(value, "true" | "false") || value.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_stands_there_once_with_its_keys() {
        let text = reference();
        for title in [
            "burgrave.toml",
            "[[listen]]",
            "[rules]",
            "[limits]",
            "[log]",
            "[[site]]",
            "[[site.route]]",
            "tls = { … }",
            "files = { … }",
            "limits = { … }",
            "limit = { … }",
            "access = { … }",
            "health = { … }",
            "fastcgi = { … }",
            "[[stream]]",
            "[[stream.fix]]",
            "[firewall]",
            "allow = [{ … }]",
            "networks = [{ … }]",
            "egress = [{ … }]",
            "[bans]",
            "lists = [{ … }]",
            "share = { … }",
            "crowdsec = [{ … }]",
            "bouncers = { … }",
            "clients = [{ … }]",
            "[administrators]",
            "[[alert]]",
            "[alerts]",
        ] {
            assert_eq!(text.matches(&format!("\n## `{title}`\n")).count(), 1, "{title}");
        }
        assert_eq!(text.matches("\n## ").count(), 47);
        for (key, count) in [("| `connections` |", 1), ("| `body_bytes` |", 2), ("| `mode` |", 3)] {
            assert_eq!(text.matches(key).count(), count, "{key}");
        }
    }

    #[test]
    fn values_are_code_and_words_are_not() {
        let text = reference();
        for piece in
            ["| `\"10s\"` |", "| needed |", "| `true` |", "| `64` |", "| the site's |", "| `[]` |"]
        {
            assert!(text.contains(piece), "{piece}");
        }
        assert!(text.contains("- `password` stands in a file of its own"));
        for line in text.lines().filter(|line| line.starts_with("| `")) {
            assert_eq!(line.matches(" | ").count(), 3, "a row of four cells: {line}");
        }
    }
}

//! The plain part of YAML that servers' settings are written in: nested keys and scalars, read into
//! `a.b.c` with their lines. Lists become one value a line under their key.
//!
//! It is no YAML parser: anchors, flow collections over lines and block scalars are not resolved,
//! their lines are kept as they stand.

use super::ini::Setting;
use super::text::{Line, uncommented, unquoted};

/// The settings of a file, keys joined by dots.
pub fn flat(lines: &[Line]) -> Vec<Setting> {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut out = Vec::new();
    for line in lines {
        let text = uncommented(&line.text, "#");
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed == "---" {
            continue;
        }
        let indent = text.len() - text.trim_start().len();
        while open.last().is_some_and(|(depth, _)| *depth >= indent && !trimmed.starts_with('-')) {
            open.pop();
        }
        let item = trimmed.strip_prefix('-').map(str::trim);
        let (key, value) = match item.unwrap_or(trimmed).split_once(':') {
            Some((key, value)) if value.is_empty() || value.starts_with(' ') => {
                (unquoted(key), value.trim())
            }
            _ => ("", item.unwrap_or(trimmed)),
        };
        let mut path: Vec<&str> = open.iter().map(|(_, name)| name.as_str()).collect();
        if !key.is_empty() {
            path.push(key);
        }
        out.push(Setting {
            section: String::new(),
            key: path.join("."),
            value: unquoted(value).to_owned(),
            place: line.place.clone(),
        });
        if value.is_empty() && !key.is_empty() && open.len() < 32 {
            open.push((indent, key.to_owned()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::text::lines;
    use super::*;
    use std::path::Path;

    #[test]
    fn keys_are_joined() {
        let text = "net:\n  port: 27017 # x\n  bindIp: \"0.0.0.0\"\n# security:\nsecurity:\n  authorization: disabled\na.b: [1]\nlist:\n- x\n- y: z\nlast: 1\n";
        let found = flat(&lines(Path::new("/x"), text));
        let found: Vec<_> = found
            .iter()
            .filter(|s| !s.value.is_empty())
            .map(|s| format!("{}={}", s.key, s.value))
            .collect();
        assert_eq!(
            found,
            [
                "net.port=27017",
                "net.bindIp=0.0.0.0",
                "security.authorization=disabled",
                "a.b=[1]",
                "list=x",
                "list.y=z",
                "last=1"
            ]
        );
    }
}

//! Servers that every address reaches listen for this machine alone: the line that counts is changed, and
//! where none is there one is put at the end.

use super::draft::{Draft, Refusal};
use super::texts::{appended, commented};
use super::way::{edit_places, places};
use crate::check::Finding;
use std::path::Path;

/// What a finding says is missing, and what is put at the end of the file.
const LACKS: [(&str, &str); 3] = [
    ("no bind", "bind 127.0.0.1 -::1"),
    ("no -l", "-l 127.0.0.1"),
    ("no bind-address", "[mysqld]\nbind-address = 127.0.0.1"),
];

/// Changes the lines that findings name, and adds what they lack.
pub(super) fn locally(draft: &Draft<'_>, faults: &[Finding]) -> Result<(), Refusal> {
    edit_places(draft, faults, loopback)?;
    for evidence in faults.iter().flat_map(|fault| &fault.evidence) {
        let lacks = LACKS.iter().find(|(says, _)| *says == evidence.text);
        let (Some(path), None, Some((_, line))) = (&evidence.path, evidence.line, lacks) else {
            continue;
        };
        let path = Path::new(path);
        let text = draft.text(path)?.unwrap_or_default();
        draft.write(path, appended(&text, line), 0o644)?;
    }
    Ok(())
}

/// Memcached listens on each address that is named, so that only one line may name this machine's.
pub(super) fn memcached(draft: &Draft<'_>, faults: &[Finding]) -> Result<(), Refusal> {
    let mut last = None;
    for (place, text) in places(faults) {
        if !names_address(&text) {
            continue;
        }
        let whole = draft.text(&place.path)?.unwrap_or_default();
        // What is narrow already stays, and so does the first line that was made narrow.
        let own = whole.lines().map(str::trim).any(|line| {
            names_address(line) && faults.iter().all(|f| f.evidence.iter().all(|e| e.text != line))
        });
        let is_first = last.as_ref() != Some(&place.path);
        draft.edit_line(&place, if own || !is_first { commented } else { loopback })?;
        last = Some(place.path);
    }
    let others: Vec<Finding> = faults
        .iter()
        .filter(|fault| !fault.evidence.iter().any(|evidence| names_address(&evidence.text)))
        .cloned()
        .collect();
    locally(draft, &others)
}

fn names_address(line: &str) -> bool {
    line.starts_with("-l") || line.starts_with("--listen")
}

/// A line that lets databases and caches listen on all addresses, or do what none should, in its narrow form.
fn loopback(line: &str) -> Option<String> {
    let bare = line.trim_start();
    let key = bare.split(|c: char| c.is_whitespace() || c == '=').next()?;
    let new = match key.replace('_', "-").to_ascii_lowercase().as_str() {
        "bind" => "bind 127.0.0.1 -::1",
        "protected-mode" => "protected-mode yes",
        "bind-address" => "bind-address = 127.0.0.1",
        "local-infile" => "local-infile = 0",
        "skip-grant-tables" => return commented(line),
        "listen-addresses" => "listen_addresses = 'localhost'",
        option if option.starts_with("-l") || option.starts_with("--listen") => "-l 127.0.0.1",
        option if option.starts_with("-u") || option.starts_with("--udp") => "-U 0",
        _ => return None,
    };
    Some(new.to_owned())
}

/// The same of files in YAML, where the indentation counts; an item of a list is an address.
pub(super) fn yaml(draft: &Draft<'_>, faults: &[Finding]) -> Result<(), Refusal> {
    edit_places(draft, faults, yaml_line)
}

fn yaml_line(line: &str) -> Option<String> {
    let bare = line.trim_start();
    let indent = line.strip_suffix(bare)?;
    if bare.starts_with("- ") {
        return Some(format!("{indent}- 127.0.0.1"));
    }
    let (key, _) = bare.split_once(':')?;
    let value = if key.ends_with("bindIpAll") { "false" } else { "127.0.0.1" };
    Some(format!("{indent}{key}: {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_narrow_in_their_own_form() {
        for (old, wanted) in [
            ("bind_address=0.0.0.0", Some("bind-address = 127.0.0.1")),
            ("bind 0.0.0.0 ::", Some("bind 127.0.0.1 -::1")),
            ("BIND * -::*", Some("bind 127.0.0.1 -::1")),
            ("-l 0.0.0.0", Some("-l 127.0.0.1")),
            ("-l0.0.0.0", Some("-l 127.0.0.1")),
            ("--listen=0.0.0.0", Some("-l 127.0.0.1")),
            ("-U 11211", Some("-U 0")),
            ("listen_addresses = '*'  # all", Some("listen_addresses = 'localhost'")),
            ("skip-grant-tables", Some("# skip-grant-tables")),
            ("requirepass short", None),
            ("", None),
        ] {
            assert_eq!(loopback(old).as_deref(), wanted, "{old}");
        }
    }

    #[test]
    fn yaml_keeps_its_indentation() {
        for (old, wanted) in [
            ("  bindIp: 0.0.0.0,::  # all", Some("  bindIp: 127.0.0.1")),
            ("  bindIpAll: true", Some("  bindIpAll: false")),
            ("network.host: [\"_local_\", \"0.0.0.0\"]", Some("network.host: 127.0.0.1")),
            ("    - 0.0.0.0", Some("    - 127.0.0.1")),
            ("---", None),
        ] {
            assert_eq!(yaml_line(old).as_deref(), wanted, "{old}");
        }
    }
}

//! Services of the unencrypted age are switched off where inetd and xinetd are told of them, and file servers
//! let nobody in without a name.

use super::draft::{Draft, Refusal};
use super::texts::{appended, commented};
use super::way::{edit_places, places};
use crate::check::Finding;
use std::path::Path;

/// What a finding says that vsftpd is not told.
const UNSAID: &str = "no anonymous_enable";

/// Switches off what findings name, from the end of each file, since a new line moves those below it.
pub(super) fn inetd(draft: &Draft<'_>, faults: &[Finding]) -> Result<(), Refusal> {
    let mut found = places(faults);
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    for (place, _) in found {
        let is_table = place.path.starts_with("/etc/inetd.d") || place.path.ends_with("inetd.conf");
        draft.edit_line(&place, if is_table { commented } else { disabled })?;
    }
    Ok(())
}

/// A line of a service of xinetd: what says whether it is disabled, else its opening brace.
fn disabled(line: &str) -> Option<String> {
    let bare = line.trim_start();
    let indent = line.strip_suffix(bare)?;
    if bare.starts_with("disable") {
        return Some(format!("{indent}disable = yes"));
    }
    (bare.trim_end() == "{").then(|| format!("{line}\n{indent}\tdisable = yes"))
}

/// Lets nobody in without a name.
pub(super) fn ftp(draft: &Draft<'_>, faults: &[Finding]) -> Result<(), Refusal> {
    edit_places(draft, faults, named_only)?;
    for evidence in faults.iter().flat_map(|fault| &fault.evidence) {
        if let (Some(path), None, UNSAID) = (&evidence.path, evidence.line, &*evidence.text) {
            let path = Path::new(path);
            let text = draft.text(path)?.unwrap_or_default();
            draft.write(path, appended(&text, "anonymous_enable=NO"), 0o644)?;
        }
    }
    Ok(())
}

fn named_only(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    match key.trim() {
        // No blanks: vsftpd takes them for a part of the value.
        "anonymous_enable" => Some("anonymous_enable=NO".to_owned()),
        "TFTP_OPTIONS" => {
            let bare = value.trim().trim_matches(['"', '\'']);
            let kept: Vec<&str> =
                bare.split_whitespace().filter(|one| *one != "--create").collect();
            Some(format!("TFTP_OPTIONS=\"{}\"", kept.join(" ")))
        }
        "TFTP_ADDRESS" => {
            let port = value.trim().trim_matches(['"', '\'']).rsplit(':').next()?;
            let port = port.parse::<u16>().ok().unwrap_or(69);
            Some(format!("TFTP_ADDRESS=\"127.0.0.1:{port}\""))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_xinetd_are_disabled_where_they_say_so_or_begin() {
        for (old, wanted) in [
            ("\tdisable = no", Some("\tdisable = yes")),
            ("disable=no # x", Some("disable = yes")),
            ("{", Some("{\n\tdisable = yes")),
            ("  { ", Some("  { \n  \tdisable = yes")),
            ("\tlog_on_failure += USERID HOST a b", None),
            ("service telnet", None),
        ] {
            assert_eq!(disabled(old).as_deref(), wanted, "{old}");
        }
    }

    #[test]
    fn file_servers_ask_for_names() {
        for (old, wanted) in [
            ("anonymous_enable=YES", Some("anonymous_enable=NO")),
            ("TFTP_OPTIONS=\"--secure --create\"", Some("TFTP_OPTIONS=\"--secure\"")),
            ("TFTP_ADDRESS=\":69\"", Some("TFTP_ADDRESS=\"127.0.0.1:69\"")),
            ("TFTP_ADDRESS='[::]:6969'", Some("TFTP_ADDRESS=\"127.0.0.1:6969\"")),
            ("TFTP_ADDRESS=0.0.0.0", Some("TFTP_ADDRESS=\"127.0.0.1:69\"")),
            ("local_enable=YES", None),
        ] {
            assert_eq!(named_only(old).as_deref(), wanted, "{old}");
        }
    }
}

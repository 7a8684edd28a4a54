//! Changing sshd's configuration (`sshd_config(5)`): the first value of a keyword counts, `Include`
//! stands in its place, and a `Match` block goes to the end of its file.

use super::draft::{Draft, Refusal};
use super::texts::{appended, commented};
use super::way::places;
use crate::check::Finding;
use crate::facts::{Facts, Keyword, Place};
use burgrave_model::Program;
use std::path::Path;
use std::sync::Arc;

const MAIN: &str = "/etc/ssh/sshd_config";
const OWN: &str = "/etc/ssh/sshd_config.d/00-burgrave.conf";

/// What must be so before a change, that nobody is locked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing.
    None,
    /// Somebody can log in by a key.
    Key,
    /// Somebody beside root can log in, or root has a key.
    Other,
}

/// Sets a keyword: for all, and in each block that a finding names.
pub(super) fn set(
    draft: &Draft<'_>,
    facts: &Facts<'_>,
    faults: &[Finding],
    (key, value): (&str, &str),
    guard: Guard,
) -> Result<(), Refusal> {
    guarded(facts, guard)?;
    draft.uses(Program::Sshd);
    let line = format!("{key} {value}");
    let mut for_all = false;
    for evidence in faults.iter().filter_map(|fault| fault.evidence.first()) {
        let in_block = evidence.text.starts_with("Match ");
        for_all |= !in_block;
        if let (true, Some(path), Some(number)) = (in_block, &evidence.path, evidence.line) {
            let place = Place { path: Arc::from(Path::new(path)), line: number };
            draft.edit_line(&place, |old| Some(indented(old, &line)))?;
        }
    }
    if !for_all {
        return Ok(());
    }
    let config = facts.sshd().as_ref().map_err(|blind| Refusal(blind.why.clone()))?;
    let now = config.as_ref().and_then(|config| config.global(key));
    let main = draft.text(Path::new(MAIN))?.unwrap_or_default();
    if includes_first(&main) {
        if let Some(early) = now.filter(|now| is_earlier(now)) {
            draft.edit_line(&early.place, |old| Some(indented(old, &line)))?;
        }
        return own(draft, key, &line);
    }
    match now {
        Some(now) => draft.edit_line(&now.place, |old| Some(indented(old, &line))).map(|_| ()),
        None => draft.write(Path::new(MAIN), format!("{line}\n{main}"), 0o644),
    }
}

/// The drop-in with the keyword set.
fn own(draft: &Draft<'_>, key: &str, line: &str) -> Result<(), Refusal> {
    let text = draft.text(Path::new(OWN))?.unwrap_or_else(|| "# Made by burgrave.\n".to_owned());
    let is_key = |old: &str| {
        old.split_whitespace().next().is_some_and(|first| first.eq_ignore_ascii_case(key))
    };
    let kept: Vec<&str> = text.lines().filter(|old| !is_key(old)).collect();
    draft.write(Path::new(OWN), appended(&(kept.join("\n") + "\n"), line), 0o644)
}

/// Whether the main file includes the drop-ins in front of everything else.
fn includes_first(main: &str) -> bool {
    let first = main.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(first) = first else { return false };
    let mut words = first.split_whitespace();
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("include"))
        && words.any(|word| {
            let word = word.trim_matches('"');
            word.strip_prefix("/etc/ssh/").unwrap_or(word) == "sshd_config.d/*.conf"
        })
}

/// Whether a keyword stands in a drop-in that is read before ours.
fn is_earlier(now: &Keyword) -> bool {
    now.place.path.starts_with("/etc/ssh/sshd_config.d") && *now.place.path < *Path::new(OWN)
}

fn indented(old: &str, new: &str) -> String {
    let indent: String = old.chars().take_while(|letter| letter.is_whitespace()).collect();
    format!("{indent}{new}")
}

/// Takes names out of the lists that findings name.
pub(super) fn without(draft: &Draft<'_>, faults: &[Finding], weak: &[&str]) -> Result<(), Refusal> {
    draft.uses(Program::Sshd);
    for (place, _) in places(faults) {
        draft.edit_line(&place, |old| without_weak(old, weak))?;
    }
    Ok(())
}

fn without_weak(old: &str, weak: &[&str]) -> Option<String> {
    let text = crate::facts::uncommented(old.trim(), "#").trim().replace('=', " ");
    let (key, value) = text.split_once(char::is_whitespace)?;
    let value = value.trim().trim_matches('"');
    let names = value.trim_start_matches(['+', '^']);
    let mark = value.strip_suffix(names).unwrap_or_default();
    let is_weak = |name: &str| weak.iter().any(|weak| name.to_ascii_lowercase().contains(weak));
    let kept: Vec<&str> =
        names.split(',').map(str::trim).filter(|name| !name.is_empty() && !is_weak(name)).collect();
    if kept.is_empty() {
        return commented(old);
    }
    Some(indented(old, &format!("{key} {mark}{}", kept.join(","))))
}

fn guarded(facts: &Facts<'_>, guard: Guard) -> Result<(), Refusal> {
    let homes = facts.homes().map_err(|blind| Refusal(blind.why))?;
    let has_key = |home: &Path| {
        let lines = facts.lines(home.join(".ssh/authorized_keys")).ok().flatten();
        lines.is_some_and(|lines| {
            lines.iter().any(|line| {
                let text = line.text.trim();
                !text.is_empty() && !text.starts_with('#')
            })
        })
    };
    let fine = match guard {
        Guard::None => true,
        Guard::Key => homes.iter().any(|(_, home)| has_key(home)),
        Guard::Other => homes.iter().any(|(user, home)| {
            user.uid != 0 && user.can_log_in() || user.uid == 0 && has_key(home)
        }),
    };
    let why = match guard {
        Guard::None | Guard::Key => {
            "nobody could log in any more: no account has a key in `.ssh/authorized_keys`"
        }
        Guard::Other => {
            "nobody could log in any more: root has no key, and there is no other account"
        }
    };
    if fine { Ok(()) } else { Err(Refusal(why.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_include_in_front_of_all_counts_first() {
        for (main, wanted) in [
            ("# x\n\nInclude /etc/ssh/sshd_config.d/*.conf\nPort 1\n", true),
            ("include sshd_config.d/*.conf", true),
            ("Port 1\nInclude /etc/ssh/sshd_config.d/*.conf\n", false),
            ("#Include /etc/ssh/sshd_config.d/*.conf\n", false),
            ("Include /etc/ssh/other/*.conf\n", false),
            ("", false),
        ] {
            assert_eq!(includes_first(main), wanted, "{main:?}");
        }
    }

    #[test]
    fn weak_names_are_taken_out_of_lists() {
        for (old, wanted) in [
            ("Ciphers aes128-cbc,aes256-ctr", "Ciphers aes256-ctr"),
            ("  Ciphers=aes256-ctr,3des-cbc # x", "  Ciphers aes256-ctr"),
            ("Ciphers +aes128-cbc,aes256-ctr", "Ciphers +aes256-ctr"),
            ("Ciphers aes128-cbc", "# Ciphers aes128-cbc"),
        ] {
            assert_eq!(without_weak(old, &["cbc"]).unwrap(), wanted);
        }
    }
}

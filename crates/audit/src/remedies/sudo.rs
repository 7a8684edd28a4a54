//! Changing sudo's rules (sudoers(5)): the last setting counts, names with a dot are not read.

use super::draft::{Draft, Refusal, refused};
use super::texts::appended;
use super::way::places;
use crate::check::Finding;
use crate::facts::Facts;
use burgrave_model::Program;
use std::path::Path;

const MAIN: &str = "/etc/sudoers";
const OWN: &str = "/etc/sudoers.d/zz-burgrave";

/// A setting for all, in a file of our own where sudo reads such files.
pub(super) fn default(draft: &Draft<'_>, text: &str) -> Result<(), Refusal> {
    draft.uses(Program::Sudo);
    let main = draft.text(Path::new(MAIN))?.unwrap_or_default();
    let includes = main.lines().any(|line| {
        let folder =
            line.trim().strip_prefix(['@', '#']).and_then(|l| l.strip_prefix("includedir"));
        folder.is_some_and(|folder| {
            folder.trim().trim_matches('"').trim_end_matches('/') == "/etc/sudoers.d"
        })
    });
    let path = Path::new(if includes { OWN } else { MAIN });
    let now = if includes { draft.text(path)?.unwrap_or_default() } else { main };
    if now.lines().any(|line| line.trim() == text) {
        return Ok(());
    }
    draft.write(path, appended(&now, text), 0o440)
}

/// Takes `NOPASSWD:` out of the lines that findings name.
pub(super) fn ask_for_passwords(
    draft: &Draft<'_>,
    facts: &Facts<'_>,
    faults: &[Finding],
) -> Result<(), Refusal> {
    draft.uses(Program::Sudo);
    let mut why = None;
    for (place, text) in places(faults) {
        let who = text.split_whitespace().next().unwrap_or_default().to_owned();
        match may_be_asked(facts, &who) {
            Ok(()) => {
                draft.edit_line(&place, |old| {
                    let new = old.replace("NOPASSWD: ", "").replace("NOPASSWD:", "");
                    Some(new.replace("!authenticate", "authenticate"))
                })?;
            }
            Err(refusal) => why = Some(refusal),
        }
    }
    why.map_or(Ok(()), Err)
}

/// Whether an account, or somebody of a group, has a password that sudo can ask for.
fn may_be_asked(facts: &Facts<'_>, who: &str) -> Result<(), Refusal> {
    let blind = |blind: &crate::facts::Blind| Refusal(blind.why.clone());
    let accounts = facts.accounts().as_ref().map_err(blind)?;
    let shadow = facts.shadow().as_ref().map_err(blind)?;
    let usable = |name: &str| {
        shadow
            .iter()
            .any(|entry| entry.name == name && entry.hash.starts_with('$') && entry.hash.len() > 1)
    };
    let locked_out = match who.strip_prefix('%') {
        Some(group) => accounts.group(group).is_some_and(|group| {
            !group.members.is_empty() && !group.members.iter().any(|name| usable(name))
        }),
        None => accounts.user(who).is_some() && !usable(who),
    };
    if locked_out {
        let why = format!("is left: {who} has no password that sudo could ask for");
        return Err(refused(Path::new(MAIN), &why));
    }
    Ok(())
}

//! Accounts: who can log in, by which password or key, and who can become root.

// Checks of this family.
pub(super) mod duplicate_ids;
pub(super) mod encrypt_method;
pub(super) mod guessable;
pub(super) mod hash_in_passwd;
pub(super) mod hash_rounds;
pub(super) mod keys_mode;
pub(super) mod keys_of_services;
pub(super) mod keys_weak;
pub(super) mod lockout;
pub(super) mod max_days;
pub(super) mod min_days;
pub(super) mod no_password;
pub(super) mod pam_nullok;
pub(super) mod pam_permit;
pub(super) mod password_quality;
pub(super) mod polkit;
pub(super) mod root_groups;
pub(super) mod root_keys;
pub(super) mod root_password;
pub(super) mod second_root;
pub(super) mod shared;
pub(super) mod su_for_all;
mod sudo;
pub(super) mod sudo_escape;
pub(super) mod sudo_forgets;
pub(super) mod sudo_log;
pub(super) mod sudo_nopasswd;
pub(super) mod sudo_pty;
pub(super) mod system_shell;
pub(super) mod trusted_hosts;
pub(super) mod user_max_days;
pub(super) mod warn_days;
pub(super) mod weak_hash;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, PamLine, Shadow};
use std::path::Path;

/// The lines of `shadow`, or a row that they cannot be read.
fn shadow<'f>(facts: &'f Facts<'_>, rows: &mut Rows) -> &'f [Shadow] {
    match facts.shadow() {
        Ok(all) => all,
        Err(blind) => {
            rows.unknown(blind.clone());
            &[]
        }
    }
}

/// A number of `login.defs`.
fn login_defs(
    facts: &Facts<'_>,
    rows: &mut Rows,
    key: &str,
    is_good: fn(i64) -> bool,
    words: &str,
) {
    let path = Path::new("/etc/login.defs");
    let Some(all) = rows.take(facts.settings(path, crate::facts::ini::SPACED)) else { return };
    if all.is_empty() {
        return;
    }
    match crate::facts::ini::last(&all, None, key) {
        Some(setting) if setting.value.parse::<i64>().is_ok_and(is_good) => {
            rows.looked(Evidence::at(&setting.place, format!("{key} {}", setting.value)));
        }
        Some(setting) => rows.fail(
            format!("login.defs: {key} {}: {words}", setting.value),
            Evidence::at(&setting.place, format!("{key} {}", setting.value)),
        ),
        None => rows.fail(
            format!("login.defs sets no {key}: {words}"),
            Evidence::path(path, format!("{key} is not set")),
        ),
    }
}

/// The lines of PAM's stacks, or a row that they cannot be read; each line of a shared file once.
fn pam<'f>(facts: &'f Facts<'_>, rows: &mut Rows) -> Vec<&'f PamLine> {
    match facts.pam() {
        Ok(all) => {
            let mut seen: Vec<&PamLine> = Vec::new();
            for line in all {
                if !seen.iter().any(|known| known.place == line.place) {
                    seen.push(line);
                }
            }
            seen
        }
        Err(blind) => {
            rows.unknown(blind.clone());
            Vec::new()
        }
    }
}

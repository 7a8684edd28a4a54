//! OpenSSH: what its server and its client are told, and its keys.

// Checks of this family.
pub(super) mod agent_forwarding;
pub(super) mod authorized_keys_command;
pub(super) mod authorized_keys_place;
pub(super) mod ciphers;
pub(super) mod client_forwards_agent;
pub(super) mod client_host_keys;
pub(super) mod config_mode;
pub(super) mod empty_passwords;
pub(super) mod gateway_ports;
pub(super) mod host_based;
pub(super) mod host_key_bits;
pub(super) mod host_key_mode;
pub(super) mod idle;
pub(super) mod key_algorithms;
pub(super) mod key_exchange;
pub(super) mod keyboard_interactive;
pub(super) mod log_level;
pub(super) mod login_grace;
pub(super) mod macs;
pub(super) mod max_auth_tries;
pub(super) mod max_sessions;
pub(super) mod max_startups;
pub(super) mod password_authentication;
pub(super) mod protocol;
pub(super) mod rhosts;
pub(super) mod root_login;
pub(super) mod socket_forwarding;
pub(super) mod strict_modes;
pub(super) mod tcp_forwarding;
pub(super) mod tunnel;
pub(super) mod use_pam;
pub(super) mod user_environment;
pub(super) mod who_may;
pub(super) mod x11_forwarding;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, SshConfig};
use std::path::Path;

/// Looks at a keyword of the server: what counts for all, and in each `Match` block that sets it.
/// Without the keyword its built-in value counts.
fn setting(
    facts: &Facts<'_>,
    rows: &mut Rows,
    key: &str,
    built_in: &str,
    is_bad: fn(&str) -> bool,
    words: &str,
) {
    let Some(Some(config)) = rows.take(facts.sshd().as_ref().map_err(Clone::clone)) else { return };
    match config.global(key) {
        Some(option) if is_bad(&option.value().to_ascii_lowercase()) => {
            rows.fail(
                format!("sshd: {key} {}: {words}", option.value()),
                Evidence::at(&option.place, option.line()),
            );
        }
        Some(option) => rows.looked(Evidence::at(&option.place, option.line())),
        None if is_bad(built_in) => {
            let text = format!("{key} is not set, so {built_in} counts");
            rows.fail(
                format!("sshd: {key} is {built_in} by default: {words}"),
                Evidence::path(Path::new("/etc/ssh/sshd_config"), text),
            );
        }
        None => rows.looked(Evidence::path(
            Path::new("/etc/ssh/sshd_config"),
            format!("{key} is {built_in} by default"),
        )),
    }
    in_blocks(config, rows, key, is_bad, words);
}

fn in_blocks(
    config: &SshConfig,
    rows: &mut Rows,
    key: &str,
    is_bad: fn(&str) -> bool,
    words: &str,
) {
    let loopback = |condition: &str| {
        let address = condition
            .split_whitespace()
            .skip_while(|word| !word.eq_ignore_ascii_case("address"))
            .nth(1);
        address
            .is_some_and(|list| list.split(',').all(|one| one.starts_with("127.") || one == "::1"))
    };
    for option in config.in_blocks(key) {
        if !loopback(&option.condition) && is_bad(&option.value().to_ascii_lowercase()) {
            let title =
                format!("sshd: {key} {} for Match {}: {words}", option.value(), option.condition);
            rows.fail(
                title,
                Evidence::at(
                    &option.place,
                    format!("Match {}: {}", option.condition, option.line()),
                ),
            );
        }
    }
}

/// Names of a list of algorithms that are weak. `-` takes away from the built-in list, `+` and `^` add.
fn algorithms(facts: &Facts<'_>, rows: &mut Rows, key: &str, weak: &[&str], what: &str) {
    let Some(Some(config)) = rows.take(facts.sshd().as_ref().map_err(Clone::clone)) else { return };
    let Some(option) = config.global(key) else {
        rows.looked(Evidence::path(
            Path::new("/etc/ssh/sshd_config"),
            format!("{key} is not set: the built-in list has no weak ones"),
        ));
        return;
    };
    let value = option.value();
    let names = if value.starts_with('-') { "" } else { value.trim_start_matches(['+', '^']) };
    let bad: Vec<&str> = names
        .split(',')
        .map(str::trim)
        .filter(|name| weak.iter().any(|weak| name.to_ascii_lowercase().contains(weak)))
        .collect();
    if bad.is_empty() {
        rows.looked(Evidence::at(&option.place, option.line()));
    } else {
        rows.fail(
            format!("sshd offers weak {what}: {}", bad.join(", ")),
            Evidence::at(&option.place, option.line()),
        );
    }
}

/// A number with a unit of time, as seconds; `None`: no number.
fn seconds(text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    let mut number = String::new();
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let factor = match letter.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        sum += std::mem::take(&mut number).parse::<u64>().ok()?.checked_mul(factor)?;
    }
    if number.is_empty() {
        (!text.is_empty()).then_some(sum)
    } else {
        Some(sum + number.parse::<u64>().ok()?)
    }
}

/// Private keys of the host: those that are named, else those that lie in the usual place.
fn host_keys(facts: &Facts<'_>, rows: &mut Rows) -> Vec<std::path::PathBuf> {
    let files = rows.take(facts.files_in("/etc/ssh", "_key")).unwrap_or_default();
    let mut keys: Vec<_> = files
        .into_iter()
        .filter(|path| path.to_str().is_some_and(|path| path.contains("ssh_host_")))
        .collect();
    if let Ok(Some(config)) = facts.sshd() {
        let named = config.all("hostkey").filter_map(|option| option.values.first());
        keys.extend(named.map(std::path::PathBuf::from));
    }
    keys.sort();
    keys.dedup();
    keys
}

/// Looks at a keyword of the client, for all hosts and in users' own files.
fn client(
    facts: &Facts<'_>,
    rows: &mut Rows,
    key: &str,
    is_bad: fn(&str) -> bool,
    name: &str,
    words: &str,
) {
    let mut files = vec![std::path::PathBuf::from("/etc/ssh/ssh_config")];
    let homes = rows.take(facts.homes()).unwrap_or_default();
    files.extend(homes.iter().map(|(_, home)| home.join(".ssh/config")));
    for path in files {
        let Some(Some(config)) = rows.take(facts.ssh_config(&path)) else { continue };
        let bad = config.options.iter().find(|option| {
            option.key == key
                && is_bad(&option.value().to_ascii_lowercase())
                && is_wide(&option.condition)
        });
        match bad {
            Some(option) => rows.fail(
                format!("{words}: {name} {}", option.value()),
                Evidence::at(&option.place, option.line()),
            ),
            None => rows.looked(Evidence::path(&path, format!("{name} is sound"))),
        }
    }
}

/// Whether a block is for more than a few named hosts.
fn is_wide(condition: &str) -> bool {
    condition.is_empty()
        || condition.split_whitespace().any(|pattern| {
            pattern == "*"
                || pattern == "all"
                || pattern.starts_with("*.")
                || pattern.ends_with(".*")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        for (text, wanted) in [
            ("30", Some(30)),
            ("2m", Some(120)),
            ("1h30m", Some(5_400)),
            ("0", Some(0)),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), wanted, "{text}");
        }
    }
}

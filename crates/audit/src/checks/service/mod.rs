//! Services: what is configured to listen, on which address, for whom, with which rights.

// Checks of this family.
pub(super) mod alias_traversal;
pub(super) mod application_address;
pub(super) mod body_limits;
pub(super) mod console;
pub(super) mod containers;
pub(super) mod directory;
pub(super) mod display;
pub(super) mod docker_api;
pub(super) mod elasticsearch;
pub(super) mod elasticsearch_address;
pub(super) mod ftp;
pub(super) mod inetd;
pub(super) mod legacy_packages;
pub(super) mod listener;
mod live;
pub(super) mod mail_relay;
pub(super) mod memcached;
pub(super) mod mongodb;
pub(super) mod mongodb_address;
pub(super) mod mysql;
pub(super) mod name_server;
pub(super) mod nfs;
pub(super) mod php_fpm;
pub(super) mod php_settings;
pub(super) mod postgresql_address;
pub(super) mod postgresql_trust;
pub(super) mod proxy;
pub(super) mod queue;
pub(super) mod redis;
pub(super) mod root_listener;
pub(super) mod rsync;
pub(super) mod runs_as_root;
pub(super) mod samba;
pub(super) mod sandbox;
pub(super) mod server_user;
pub(super) mod snmp;
pub(super) mod unguarded_headers;
pub(super) mod unit_capabilities;
pub(super) mod upload_runs;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, ini::Setting};
use burgrave_model::Severity;

/// Whether an address means more than the own machine.
pub(super) fn is_wide(address: &str) -> bool {
    let address = address.trim().trim_matches(['"', '\'', '[', ']']);
    !(address.starts_with("127.")
        || address == "::1"
        || address.eq_ignore_ascii_case("localhost")
        || address.starts_with('/')
        || address.starts_with("unix:")
        || address.starts_with("-::1")
        || address == "-"
        || address == "loopback"
        || address == "_local_")
}

/// Whether one of several addresses, separated by spaces or commas, is more than the own machine.
pub(super) fn any_wide(addresses: &str) -> bool {
    addresses.split([',', ' ']).filter(|one| !one.trim().is_empty()).any(is_wide)
}

/// A setting as evidence.
fn line(setting: &Setting) -> Evidence {
    Evidence::at(&setting.place, format!("{} {}", setting.key, setting.value))
}

/// Settings of the first file that is there, or of all that a pattern names.
fn settings(
    facts: &Facts<'_>,
    rows: &mut Rows,
    patterns: &[&str],
    dialect: crate::facts::ini::Dialect,
) -> Vec<Setting> {
    let mut out = Vec::new();
    for pattern in patterns {
        for path in rows.take(facts.glob(pattern)).unwrap_or_default() {
            out.extend(rows.take(facts.settings(&path, dialect)).unwrap_or_default());
        }
    }
    out
}

/// The same of files in YAML.
fn yaml(facts: &Facts<'_>, rows: &mut Rows, patterns: &[&str]) -> Vec<Setting> {
    let mut out = Vec::new();
    for pattern in patterns {
        for path in rows.take(facts.glob(pattern)).unwrap_or_default() {
            let lines = rows.take(facts.lines(&path)).flatten();
            out.extend(lines.map_or_else(Vec::new, |lines| crate::facts::yaml(&lines)));
        }
    }
    out
}

/// A weight by whether an address is more than the own machine.
const fn by_reach(wide: bool, severity: Severity) -> Severity {
    if wide { severity } else { Severity::Medium }
}

/// Whether a unit is the operator's own service: enabled, not from a package, and no getty.
fn own_service(facts: &Facts<'_>, unit: &crate::facts::Unit) -> bool {
    let packaged =
        facts.packages().as_ref().is_ok_and(|packages| packages.owner(&unit.path).is_some());
    let known = ["getty@", "serial-getty@", "user@", "dbus-", "ssh", "systemd-"]
        .iter()
        .any(|start| unit.name.starts_with(start));
    unit.name.ends_with(".service")
        && unit.is_enabled
        && unit.is_local()
        && !packaged
        && !known
        && !unit.commands().is_empty()
}

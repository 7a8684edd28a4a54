//! Environments: production kept apart from staging, test and development.

// Checks of this family.
pub(super) mod attack_tools;
pub(super) mod compiler;
pub(super) mod debug_mode;
pub(super) mod debug_settings;
pub(super) mod debuggers;
pub(super) mod mixed_hosts;
pub(super) mod php_errors;
pub(super) mod proxied_development;
pub(super) mod second_in_root;
pub(super) mod shared_database;
pub(super) mod staging_open;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, Node, ini::Setting};
use std::path::{Path, PathBuf};

/// Files of variables of applications: each with its settings.
fn variables(facts: &Facts<'_>, rows: &mut Rows) -> Vec<(PathBuf, Vec<Setting>)> {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return Vec::new();
    };
    let tops = ["/var/www", "/srv", "/opt", "/etc", "/home", "/root"];
    let is_env = |node: &&Node| {
        let name = node.name();
        let template =
            ["example", "sample", "template", "dist"].iter().any(|end| name.ends_with(end));
        node.is_file()
            && !template
            && node.metadata.len < 256 * 1024
            && (name == ".env" || name.starts_with(".env.") || name.ends_with(".env"))
            && !node.path.starts_with("/etc/apache2")
    };
    let mut out = Vec::new();
    for node in tops.iter().flat_map(|top| index.below(Path::new(top))).filter(is_env) {
        let all = rows.take(facts.settings(&node.path, crate::facts::ini::INI)).unwrap_or_default();
        out.push((
            node.path.clone(),
            all.into_iter()
                .map(|setting| Setting {
                    key: setting.key.trim_start_matches("export ").trim().to_owned(),
                    ..setting
                })
                .collect(),
        ));
    }
    for unit in rows
        .take(facts.units().as_ref().map_err(Clone::clone))
        .into_iter()
        .flatten()
        .filter(|unit| unit.is_local() && !unit.is_masked)
    {
        let mut all = Vec::new();
        for setting in unit.settings.iter().filter(|setting| setting.key == "Environment") {
            for word in crate::facts::words(&setting.value) {
                if let Some((key, value)) = word.split_once('=') {
                    all.push(Setting {
                        section: String::new(),
                        key: key.to_owned(),
                        value: value.to_owned(),
                        place: setting.place.clone(),
                    });
                }
            }
        }
        rows.looked(Evidence::path(&unit.path, "its variables were looked at"));
        if !all.is_empty() {
            out.push((unit.path.clone(), all));
        }
    }
    out
}

/// Whether a name speaks of another environment than production, as a whole word of it.
pub(super) fn is_other(name: &str) -> bool {
    let words = [
        "staging",
        "stage",
        "test",
        "testing",
        "dev",
        "devel",
        "development",
        "develop",
        "qa",
        "uat",
        "preprod",
        "sandbox",
        "integration",
        "int",
        "local",
    ];
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| {
        words.contains(&part.to_ascii_lowercase().trim_end_matches(|c: char| c.is_ascii_digit()))
    })
}

//! Changing files of configuration: drop-ins where a program reads them, a line in its place where not.

use super::draft::{Draft, Refusal};
use super::texts;
use super::way::places;
use crate::check::Finding;
use crate::facts::{Facts, ini::Dialect, ini::LOOSE};
use burgrave_model::Program;
use std::path::{Path, PathBuf};

const SYSCTL: &str = "/etc/sysctl.d/99-burgrave.conf";
const MODULES: &str = "/etc/modprobe.d/burgrave.conf";
const APT: &str = "/etc/apt/apt.conf.d/99burgrave";
const MADE: &str = "# Made by burgrave.\n";

/// Kernel settings. What the administrator's other files say of the same keys is put out of force, since
/// some of them are read after ours.
pub(super) fn sysctl(
    draft: &Draft<'_>,
    facts: &Facts<'_>,
    faults: &[Finding],
    wanted: &[(&str, &str)],
) -> Result<(), Refusal> {
    let named = |key: &str| {
        let start = format!("{key} is ");
        faults.iter().any(|fault| fault.title.starts_with(&start))
    };
    let any = wanted.iter().any(|(key, _)| named(key));
    let all = facts.sysctls().as_ref().map_err(|blind| Refusal(blind.why.clone()))?;
    for (key, value) in wanted.iter().filter(|(key, _)| !any || named(key)) {
        let others = all.iter().filter(|setting| {
            setting.key == *key
                && setting.value != *value
                && setting.place.path.starts_with("/etc")
                && *setting.place.path != *Path::new(SYSCTL)
        });
        for other in others {
            draft.edit_line(&other.place, texts::commented)?;
        }
        let text = draft.text(Path::new(SYSCTL))?.unwrap_or_else(|| MADE.to_owned());
        draft.write(Path::new(SYSCTL), texts::set(&text, LOOSE, ("", key, value)), 0o644)?;
        if facts.is_running() {
            let path = Path::new("/proc/sys").join(key.replace('.', "/"));
            draft.pretend(path, format!("{value}\n"));
        }
    }
    draft.uses(Program::Sysctl);
    Ok(())
}

/// Modules that findings name can no longer be loaded.
pub(super) fn modules(
    draft: &Draft<'_>,
    faults: &[Finding],
    modules: &[&str],
) -> Result<(), Refusal> {
    for module in modules {
        let named = |fault: &Finding| fault.title.split_whitespace().any(|word| word == *module);
        if faults.iter().any(named) {
            line(draft, Path::new(MODULES), &format!("install {module} /bin/false"), 0o644)?;
        }
    }
    Ok(())
}

/// A file has a line, or several; it is made where it is not there.
pub(super) fn line(draft: &Draft<'_>, path: &Path, wanted: &str, mode: u32) -> Result<(), Refusal> {
    let mut text = draft.text(path)?.unwrap_or_default();
    for wanted in wanted.lines() {
        if !text.lines().any(|line| line.trim() == wanted) {
            text = texts::appended(&text, wanted);
        }
    }
    draft.write(path, text, mode)
}

/// A key of a fixed file, or of every file that findings name.
pub(super) fn set(
    draft: &Draft<'_>,
    faults: &[Finding],
    file: &str,
    dialect: Dialect,
    what: (&str, &str, &str),
) -> Result<(), Refusal> {
    let mut files: Vec<PathBuf> = if file.is_empty() {
        let named = faults.iter().flat_map(|fault| &fault.evidence);
        named.filter_map(|evidence| evidence.path.as_ref().map(PathBuf::from)).collect()
    } else {
        vec![PathBuf::from(file)]
    };
    files.sort();
    files.dedup();
    for file in files {
        let text = draft.text(&file)?.unwrap_or_default();
        draft.write(&file, texts::set(&text, dialect, what), 0o644)?;
    }
    Ok(())
}

/// The protections that a service lacks, in a drop-in of its unit.
pub(super) fn sandbox(
    draft: &Draft<'_>,
    facts: &Facts<'_>,
    faults: &[Finding],
) -> Result<(), Refusal> {
    let units = facts.units().as_ref().map_err(|blind| Refusal(blind.why.clone()))?;
    for fault in faults {
        let Some(path) = fault.evidence.first().and_then(|evidence| evidence.path.as_ref()) else {
            continue;
        };
        let named = |unit: &&crate::facts::Unit| unit.path == Path::new(path);
        let Some(unit) = units.iter().find(named) else { continue };
        let lives_at_home = unit
            .settings
            .iter()
            .any(|setting| setting.value.contains("/home/") || setting.value.contains("/root/"));
        let home = if lives_at_home { "read-only" } else { "yes" };
        let mut lines = vec!["[Service]".to_owned()];
        for (key, value) in [
            ("NoNewPrivileges", "yes"),
            ("ProtectSystem", "full"),
            ("ProtectHome", home),
            ("PrivateTmp", "yes"),
        ] {
            let set = unit.value("Service", key);
            if set.is_none_or(|setting| crate::facts::is_no(&setting.value)) {
                lines.push(format!("{key}={value}"));
            }
        }
        let file = Path::new("/etc/systemd/system")
            .join(format!("{}.d", unit.name))
            .join("50-burgrave.conf");
        let text = format!("{MADE}{}\n", lines.join("\n"));
        draft.write(&file, text, 0o644)?;
    }
    draft.uses(Program::Systemd);
    Ok(())
}

/// Lists and upgrades by themselves: in a file that is read last, and where others say no.
pub(super) fn unattended(draft: &Draft<'_>, faults: &[Finding]) -> Result<(), Refusal> {
    for (place, _) in places(faults) {
        draft.edit_line(&place, |old| {
            let is_one = old.contains("APT::Periodic::") && old.matches(';').count() == 1;
            let (head, _) = old.split_once('"').filter(|_| is_one)?;
            Some(format!("{head}\"1\";"))
        })?;
    }
    let lines = "APT::Periodic::Enable \"1\";\nAPT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";";
    line(draft, Path::new(APT), lines, 0o644)
}

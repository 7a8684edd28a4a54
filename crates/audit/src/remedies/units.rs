//! Stopping what should not run: units are masked, and the links that would start them taken away.
//!
//! Invariants: a package is stopped with all of its units or left; what accounts may log in by, what another
//! machine uses now and what another unit needs is left, and said.

use super::draft::{Draft, Refusal};
use crate::check::Finding;
use crate::facts::{Facts, Unit};
use burgrave_model::{Program, UnitName};
use burgrave_sys::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// Servers that accounts may be known by: without them nobody might log in any more.
const ACCOUNTS: [&str; 3] = ["slapd", "nis", "ypserv"];
/// Settings by which a unit fails without another.
const NEEDS: [&str; 3] = ["Requires", "Requisite", "BindsTo"];
const FOLDER: &str = "/etc/systemd/system";

/// Units by package.
type Brought = BTreeMap<String, BTreeSet<String>>;

/// Masks the units of each package that findings name.
pub(super) fn mask(
    draft: &Draft<'_>,
    facts: &Facts<'_>,
    faults: &[Finding],
) -> Result<(), Refusal> {
    if !facts.has_systemd().map_err(|blind| Refusal(blind.why))? {
        return Err(Refusal("systemd is not there, whose units could be masked".to_owned()));
    }
    let (mut brought, mut why) = (Brought::new(), Vec::new());
    for package in faults.iter().filter_map(package_of) {
        match stoppable(facts, package) {
            Ok(units) => drop(brought.insert(package.to_owned(), units)),
            Err(refusal) => why.push(refusal),
        }
    }
    why.extend(leave_needed(facts, &mut brought)?);
    for units in brought.values() {
        let before = draft.mark();
        match mask_all(draft, facts, units) {
            Ok(()) => draft.uses(Program::Systemd),
            Err(refusal) => {
                draft.go_back(before);
                why.push(refusal);
            }
        }
    }
    why.into_iter().next().map_or(Ok(()), Err)
}

fn mask_all(draft: &Draft<'_>, facts: &Facts<'_>, units: &BTreeSet<String>) -> Result<(), Refusal> {
    for unit in units {
        let name = UnitName::try_from(unit.as_str())
            .map_err(|bad| Refusal(format!("the unit {unit} is left: {bad}")))?;
        unlink_starts(draft, facts, &name)?;
        draft.mask(&name)?;
    }
    Ok(())
}

/// The package that a finding is about.
fn package_of(fault: &Finding) -> Option<&str> {
    fault.evidence.first()?.text.split_whitespace().next()
}

/// A package's units, if it may be stopped.
fn stoppable(facts: &Facts<'_>, package: &str) -> Result<BTreeSet<String>, Refusal> {
    let left = |why: &str| Err(Refusal(format!("{package} is left: {why}")));
    if ACCOUNTS.contains(&package) {
        return left("accounts may be known by it, and nobody could log in without it");
    }
    let units = facts.brought_units(package).map_err(|blind| Refusal(blind.why))?;
    if units.is_empty() {
        return left("no unit starts it, so that it can only be removed");
    }
    if facts.is_running() {
        let listeners = facts.listeners().as_ref().map_err(|blind| Refusal(blind.why.clone()))?;
        let is_used = |listener: &&crate::facts::Listener| {
            listener.package.as_deref() == Some(package) && listener.has_peers
        };
        if let Some(used) = listeners.iter().find(is_used) {
            return left(&format!("another machine is connected to {} now", used.socket()));
        }
    }
    Ok(units.into_keys().collect())
}

/// Takes packages out that units need which go on running, until no more are; says which.
fn leave_needed(facts: &Facts<'_>, brought: &mut Brought) -> Result<Vec<Refusal>, Refusal> {
    let all = facts.units().as_ref().map_err(|blind| Refusal(blind.why.clone()))?;
    let mut why = Vec::new();
    loop {
        let stopped: BTreeSet<&String> = brought.values().flatten().collect();
        let others: Vec<&Unit> =
            all.iter().filter(|unit| !unit.is_masked && !stopped.contains(&unit.name)).collect();
        let needed = brought.iter().find_map(|(package, units)| {
            let other = others.iter().find(|other| needs(other, units))?;
            Some((package.clone(), other.name.clone()))
        });
        let Some((package, other)) = needed else { return Ok(why) };
        brought.remove(&package);
        why.push(Refusal(format!("{package} is left: {other} needs it")));
    }
}

/// Whether a unit fails without one of these, or starts it with itself.
fn needs(unit: &Unit, names: &BTreeSet<String>) -> bool {
    let wants = unit.is_enabled.then_some("Wants");
    NEEDS
        .into_iter()
        .chain(wants)
        .flat_map(|key| unit.values("Unit", key))
        .flat_map(|setting| setting.value.split_whitespace())
        .any(|name| names.contains(name))
}

/// Takes the administrator's links away that would start a unit.
fn unlink_starts(draft: &Draft<'_>, facts: &Facts<'_>, unit: &UnitName) -> Result<(), Refusal> {
    let blind = |blind: crate::facts::Blind| Refusal(blind.why);
    for folder in facts.list(FOLDER).map_err(blind)? {
        let is_list = [".wants", ".requires"].iter().any(|end| {
            folder.path.file_name().and_then(|name| name.to_str()).is_some_and(|n| n.ends_with(end))
        });
        if !is_list || folder.kind != Kind::Directory {
            continue;
        }
        for entry in facts.list(&folder.path).map_err(blind)? {
            let name = entry.path.file_name().and_then(|name| name.to_str());
            if entry.kind == Kind::Link && name.is_some_and(|name| starts(name, unit.text())) {
                draft.unlink(&entry.path)?;
            }
        }
    }
    Ok(())
}

/// Whether a link of this name starts the unit, or an instance of the template that it is.
fn starts(link: &str, unit: &str) -> bool {
    let instance = || {
        let (base, end) = unit.split_once("@.")?;
        let rest = link.strip_prefix(base)?.strip_prefix('@')?;
        Some(rest.strip_suffix(end)?.ends_with('.'))
    };
    link == unit || instance().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn links_start_units_and_instances() {
        for (link, unit, wanted) in [
            ("a.service", "a.service", true),
            ("a@x.service", "a@.service", true),
            ("a@.service", "a@.service", true),
            ("ab@x.service", "a@.service", false),
            ("a@x.socket", "a@.service", false),
            ("a.socket", "a.service", false),
        ] {
            assert_eq!(starts(link, unit), wanted, "{link} {unit}");
        }
    }

    fn host() -> Fake {
        let (fake, _) = crate::cases::host(&[]);
        let installed = "Status: install ok installed\nVersion: 1\n\n";
        let packages = ["cups", "cups-browsed", "rpcbind", "slapd", "telnetd"];
        let status: String =
            packages.iter().map(|name| format!("Package: {name}\n{installed}")).collect();
        fake.file("/var/lib/dpkg/status", status).file("/usr/lib/systemd/systemd", "");
        for (package, unit, text) in [
            ("cups", "cups.service", "[Unit]\n"),
            ("cups-browsed", "cups-browsed.service", "[Unit]\nRequires=cups.service\n"),
            ("rpcbind", "rpcbind.socket", "[Unit]\n"),
            ("slapd", "slapd.service", "[Unit]\n"),
        ] {
            let path = format!("/usr/lib/systemd/system/{unit}");
            fake.file(&path, text);
            fake.file(format!("/var/lib/dpkg/info/{package}.list"), format!("{path}\n"));
        }
        fake
    }

    /// What is masked, and why the first that is left is.
    fn tried(fake: &Fake) -> (Vec<String>, String) {
        let facts = Facts::new(fake, Ground::Tree);
        let check = crate::ALL.iter().find(|check| check.id == "service-legacy-packages").unwrap();
        let draft = Draft::new(fake);
        draft.begin(check.id);
        let mut faults = crate::look(check, &facts);
        faults.retain(|fault| fault.verdict == burgrave_model::Verdict::Fail);
        let answer = mask(&draft, &facts, &faults);
        let masked = draft.stops().iter().map(|unit| unit.text().to_owned()).collect();
        (masked, answer.map_or_else(|Refusal(why)| why, |()| String::new()))
    }

    #[test]
    fn what_is_needed_or_has_accounts_is_left() {
        let fake = host();
        let all = ["cups-browsed.service", "cups.service", "rpcbind.socket"];
        let (masked, why) = tried(&fake);
        assert_eq!(masked, all, "what needs it is stopped as well: {why}");
        assert!(
            why.contains("slapd is left: accounts") || why.contains("telnetd is left"),
            "{why}"
        );
        // Something of the machine's own needs it by itself, and something else through that.
        fake.file("/usr/lib/systemd/system/rpc.service", "[Unit]\nRequires=rpcbind.socket\n");
        fake.file(
            "/etc/systemd/system/own.service",
            "[Unit]\nBindsTo=x.service cups-browsed.service\n",
        );
        let (masked, _) = tried(&fake);
        assert_eq!(masked, Vec::<String>::new(), "cups too: cups-browsed goes on");
    }

    #[test]
    fn wishes_count_of_what_starts_only() {
        let fake = host();
        fake.file("/etc/systemd/system/own.service", "[Unit]\nWants=rpcbind.socket\n");
        assert!(tried(&fake).0.contains(&"rpcbind.socket".to_owned()));
        fake.link(
            "/etc/systemd/system/multi-user.target.wants/own.service",
            "/etc/systemd/system/own.service",
        );
        assert!(!tried(&fake).0.contains(&"rpcbind.socket".to_owned()));
    }

    #[test]
    fn without_systemd_nothing_is_masked() {
        let fake = host();
        fake.remove("/usr/lib/systemd/systemd");
        let (masked, why) = tried(&fake);
        assert!(masked.is_empty() && why.contains("systemd is not there"), "{why}");
    }
}

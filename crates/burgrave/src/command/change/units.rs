//! Units that a change masks are stopped, and those that it unmasks again are started.
//!
//! Invariants: what is done to a unit is what the disk says of it, so that a change and its way back ask for
//! the same; only a unit that ran when the change began is ever started; in a tree nothing runs.

use super::Place;
use super::programs::{PROGRAM_BYTES_MAX, PROGRAM_TIME, ran};
use burgrave_model::{MASK, UnitName};
use burgrave_sys::{Ended, Invocation, Kind, Live, SysError, System};
use std::path::Path;

const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// Where a mask counts before every unit of a package.
const MASKS: &str = "/etc/systemd/system";
/// What `systemctl is-active` ends with for a unit that does not run, and for one that is not there
/// (systemctl(1)).
const INACTIVE: [i32; 2] = [3, 4];

/// Of these units those that run now.
pub(super) fn running(place: &Place, units: Vec<UnitName>) -> Result<Vec<UnitName>, String> {
    if !has_systemd(place) {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    for unit in units {
        // A template runs only in its instances.
        if !unit.is_template() && is_active(&Live, &unit)? {
            out.push(unit);
        }
    }
    Ok(out)
}

/// Stops what is masked by now, and starts what is not any more.
pub(super) fn follow(place: &Place, units: &[UnitName]) -> Result<(), String> {
    if !has_systemd(place) {
        return Ok(());
    }
    for unit in units {
        ran(SYSTEMCTL, &[verb(&Live, unit)?, unit.text()])?;
    }
    Ok(())
}

/// Units by the names that a journal keeps.
pub(super) fn named(names: &[String]) -> Result<Vec<UnitName>, String> {
    let unit = |name: &String| {
        UnitName::try_from(name.as_str())
            .map_err(|bad| format!("the unit `{}` of the journal: {bad}", name.escape_debug()))
    };
    names.iter().map(unit).collect()
}

fn has_systemd(place: &Place) -> bool {
    !place.is_tree() && Live.metadata(Path::new("/run/systemd/system")).is_ok()
}

fn is_active(system: &dyn System, unit: &UnitName) -> Result<bool, String> {
    let name = format!("{SYSTEMCTL} is-active {}", unit.text());
    let invocation = Invocation::new(SYSTEMCTL, PROGRAM_TIME, PROGRAM_BYTES_MAX)
        .map_err(|error| error.to_string())?
        .args(["is-active", "--quiet", unit.text()]);
    let done = system.run(&invocation).map_err(|error| format!("`{name}`: {error}"))?;
    match done.ended {
        Ended::Exit(0) => Ok(true),
        Ended::Exit(code) if INACTIVE.contains(&code) => Ok(false),
        ended @ (Ended::Exit(_) | Ended::Signal(_)) => {
            Err(format!("`{name}` ended with {ended:?}"))
        }
    }
}

fn verb(system: &dyn System, unit: &UnitName) -> Result<&'static str, String> {
    let path = Path::new(MASKS).join(unit.text());
    match system.metadata(&path) {
        Ok(metadata) if metadata.kind == Kind::Link => {}
        Ok(_) | Err(SysError::Missing(_)) => return Ok("start"),
        Err(error) => return Err(error.to_string()),
    }
    let to = system.link(&path).map_err(|error| error.to_string())?;
    Ok(if to == Path::new(MASK) { "stop" } else { "start" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::{Fake, Output};

    fn unit() -> UnitName {
        UnitName::try_from("cups.service").unwrap()
    }

    #[test]
    fn what_is_masked_is_stopped_and_what_is_not_is_started() {
        let fake = Fake::new();
        assert_eq!(verb(&fake, &unit()), Ok("start"));
        fake.link("/etc/systemd/system/cups.service", "/lib/systemd/system/other.service");
        assert_eq!(verb(&fake, &unit()), Ok("start"));
        fake.link("/etc/systemd/system/cups.service", "/dev/null");
        assert_eq!(verb(&fake, &unit()), Ok("stop"));
    }

    #[test]
    fn whether_a_unit_runs_is_yes_no_or_an_error() {
        for (code, wanted) in [(0, Some(true)), (3, Some(false)), (4, Some(false)), (1, None)] {
            let fake = Fake::new();
            let ended = Ended::Exit(code);
            let output = Output { ended, stdout: Vec::new(), stderr: Vec::new() };
            fake.answer(SYSTEMCTL, &["is-active", "--quiet", "cups.service"], output);
            assert_eq!(is_active(&fake, &unit()).ok(), wanted, "{code}");
        }
        assert!(is_active(&Fake::new(), &unit()).is_err(), "no such program");
    }

    #[test]
    fn only_plain_names_come_out_of_a_journal() {
        assert_eq!(named(&["cups.service".to_owned()]), Ok(vec![unit()]));
        assert!(named(&["--force".to_owned()]).unwrap_err().contains("--force"));
    }
}

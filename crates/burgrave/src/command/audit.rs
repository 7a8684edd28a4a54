//! `burgrave audit`: the whole checklist on a host or on a tree.

use super::Exit;
use crate::cli::{Audit, AuditFormat};
use crate::error::Error;
use crate::{load, output};
use burgrave_audit::facts::{Records, text_of};
use burgrave_audit::{Change, Facts, Ground, Kept, News, Report, changes_json, changes_text};
use burgrave_config::Settings;
use burgrave_model::Severity;
use burgrave_sys::{
    Access, Live, SysError, System as _, make_own_directory, read_own, replace_own,
};
use std::io::IsTerminal as _;
use std::path::Path;

/// Looks and shows.
pub(super) fn run(arguments: &Audit) -> Result<Exit, Error> {
    let (system, ground) = load::host(arguments.root.as_deref())?;
    let mut facts = Facts::new(system.as_ref(), ground);
    let config = arguments.config.as_deref();
    let settings = config.map(|config| load::settings(&Live, config)).transpose()?;
    let state = settings.as_ref().map_or(Path::new(load::STATE_DEFAULT), |own| &own.state);
    facts.served = settings.as_ref().map(load::roots).unwrap_or_default();
    facts.baseline = super::baseline::kept(state, arguments.root.as_deref());
    facts.domains = arguments.domains.as_deref().map(domains).transpose()?;
    if arguments.services {
        return services(&facts, arguments);
    }
    // A difference to a report for which servers were asked is one for which they are asked again.
    let scheduled = settings.as_ref().and_then(|own| own.audit.as_ref());
    if arguments.connect || arguments.diff && scheduled.is_some_and(|own| own.connect) {
        facts.answers = Some(burgrave_audit::ask(&facts));
    }
    if arguments.diff {
        return difference(&facts, state, arguments);
    }
    if arguments.format == AuditFormat::Svg {
        return Err(Error::PictureFormat);
    }
    let report = burgrave_audit::audit(&facts);
    output::text(&shown(&facts, &report, arguments)?)?;
    Ok(exit(&report, arguments.fail_on.0))
}

/// Bytes of a file of records.
const RECORDS_BYTES_MAX: u64 = 8 * 1024 * 1024;

fn domains(file: &Path) -> Result<Records, Error> {
    let wrong = |error: SysError| Error::Read(file.to_path_buf(), Box::new(error));
    let bytes = Live.read(file, RECORDS_BYTES_MAX).map_err(wrong)?;
    let records = Records::parse(&text_of(&bytes));
    if records.domains().is_empty() {
        return Err(Error::NoRecords(file.to_path_buf()));
    }
    Ok(records)
}

fn shown(facts: &Facts<'_>, report: &Report, arguments: &Audit) -> Result<String, Error> {
    let all = arguments.all;
    Ok(match arguments.format {
        AuditFormat::Text => {
            let coloured = std::io::stdout().is_terminal();
            burgrave_audit::text(report, all, arguments.verbose, coloured)
        }
        AuditFormat::Json => burgrave_audit::json(report, all),
        AuditFormat::Sarif => burgrave_audit::sarif(report, all),
        AuditFormat::Html => {
            let rows = facts.is_running().then(|| burgrave_audit::services(facts).ok()).flatten();
            let picture = rows.map(|rows| burgrave_audit::services_svg(&report.host, &rows));
            burgrave_audit::html(report, all, picture.as_deref())
        }
        AuditFormat::Svg => return Err(Error::PictureFormat),
    })
}

/// The whole checklist on this machine, with what these settings add.
pub(crate) fn report(settings: &Settings) -> Report {
    let mut facts = Facts::new(&Live, Ground::Running);
    facts.served = load::roots(settings);
    facts.baseline = super::baseline::kept(&settings.state, None);
    if settings.audit.as_ref().is_some_and(|own| own.connect) {
        facts.answers = Some(burgrave_audit::ask(&facts));
    }
    burgrave_audit::audit(&facts)
}

/// Bytes of a kept report.
const KEPT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The last report that was kept; one that is not whole counts as none, and is written anew.
pub(crate) fn kept_report(state: &Path) -> Option<Kept> {
    read_own(&state.join("audit/report.json"), KEPT_BYTES_MAX).ok().and_then(|b| Kept::parse(&b))
}

/// Keeps a report in place of the last one.
pub(crate) fn keep(state: &Path, kept: &Kept) -> Result<(), SysError> {
    make_own_directory(&state.join("audit"))?;
    replace_own(&state.join("audit/report.json"), kept.text().as_bytes(), Access::Owner)
}

/// What is different since the last report that was kept; this one is not.
fn difference(facts: &Facts<'_>, state: &Path, arguments: &Audit) -> Result<Exit, Error> {
    let before = kept_report(state).ok_or(Error::NoReport)?;
    let report = burgrave_audit::audit(facts);
    if !report.saw_something() {
        return Ok(Exit::Unproven);
    }
    let changes = before.changes(&Kept::of(&report));
    output::text(&match arguments.format {
        AuditFormat::Text if changes.is_empty() => "nothing is different\n".to_owned(),
        AuditFormat::Text => changes_text(&changes),
        AuditFormat::Json => changes_json(&report.host, before.time, &changes),
        AuditFormat::Sarif | AuditFormat::Html | AuditFormat::Svg => {
            return Err(Error::DifferenceFormat);
        }
    })?;
    let is_worse = |change: &Change| {
        matches!(change.news, News::New | News::Heavier)
            && change.fault.weight() >= arguments.fail_on.0
    };
    Ok(if changes.iter().any(is_worse) { Exit::Findings } else { Exit::Clean })
}

/// An audit that saw nothing could not run, and is never clean.
fn exit(report: &Report, fail_on: Severity) -> Exit {
    if !report.saw_something() {
        Exit::Unproven
    } else if report.fails_at(fail_on) {
        Exit::Findings
    } else {
        Exit::Clean
    }
}

fn services(facts: &Facts<'_>, arguments: &Audit) -> Result<Exit, Error> {
    if facts.ground == Ground::Tree {
        return Err(Error::NothingRuns);
    }
    let rows =
        burgrave_audit::services(facts).map_err(|blind| Error::Blind(blind.what, blind.why))?;
    output::text(&match arguments.format {
        AuditFormat::Json => burgrave_audit::services_json(&facts.host_name(), &rows),
        AuditFormat::Text => burgrave_audit::services_text(&rows),
        AuditFormat::Svg => burgrave_audit::services_svg(&facts.host_name(), &rows),
        AuditFormat::Sarif | AuditFormat::Html => return Err(Error::ServicesFormat),
    })?;
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_audit::{ALL, Finding};
    use burgrave_model::Verdict;

    fn report(rows: &[(Verdict, Severity)]) -> Report {
        let check = ALL[0];
        let finding = |(verdict, severity): &(Verdict, Severity)| Finding {
            id: check.id,
            safeguard: check.safeguard,
            verdict: *verdict,
            severity: *severity,
            title: String::new(),
            evidence: Vec::new(),
            remedy: check.remedy,
            controls: check.controls,
        };
        let findings = rows.iter().map(finding).collect();
        Report { host: String::new(), time: burgrave_sys::UnixTime(0), findings }
    }

    #[test]
    fn exit_codes_follow_the_level_and_never_call_blindness_clean() {
        use Severity::{High, Low, Medium};
        use Verdict::{Fail, Pass, Unknown};
        for (rows, level, code) in [
            (&[(Pass, High)][..], Low, 0),
            (&[(Fail, Low), (Pass, High)], Low, 1),
            (&[(Fail, Low), (Pass, High)], Medium, 0),
            (&[(Fail, High)], Medium, 1),
            (&[(Unknown, High)], Low, 2),
            (&[], Low, 2),
        ] {
            assert_eq!(exit(&report(rows), level).code(), code, "{rows:?}");
        }
    }
}

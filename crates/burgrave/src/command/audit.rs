//! `burgrave audit`: the whole checklist on a host or on a tree.

use super::Exit;
use crate::cli::{Audit, AuditFormat};
use crate::error::Error;
use crate::{load, output};
use burgrave_audit::{Facts, Ground, Report};
use burgrave_model::Severity;
use burgrave_sys::Live;
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// Looks and shows.
pub(super) fn run(arguments: &Audit) -> Result<Exit, Error> {
    let (system, ground) = load::host(arguments.root.as_deref())?;
    let mut facts = Facts::new(system.as_ref(), ground);
    facts.served = served(arguments)?;
    if arguments.services {
        return services(&facts, arguments);
    }
    let report = burgrave_audit::audit(&facts);
    output::text(&shown(&report, arguments))?;
    Ok(exit(&report, arguments.fail_on.0))
}

/// Folders that a configuration of ours serves.
fn served(arguments: &Audit) -> Result<Vec<PathBuf>, Error> {
    let Some(config) = &arguments.config else { return Ok(Vec::new()) };
    let settings = load::settings(&Live, config)?;
    let sites = settings.sites.iter().filter_map(|site| site.files.as_ref());
    Ok(sites.map(|files| files.root.clone()).collect())
}

fn shown(report: &Report, arguments: &Audit) -> String {
    let all = arguments.all;
    match arguments.format {
        AuditFormat::Text => {
            let coloured = std::io::stdout().is_terminal();
            burgrave_audit::text(report, all, arguments.verbose, coloured)
        }
        AuditFormat::Json => burgrave_audit::json(report, all),
        AuditFormat::Sarif => burgrave_audit::sarif(report, all),
        AuditFormat::Html => burgrave_audit::html(report, all),
    }
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

//! Services do not own their own program.

use super::{ground, is_changeable, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-service-programs",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "services do not own their own program",
    why: "A service that can write its own program makes every hole in it permanent, and if \
              root starts it, root's. Programs belong to root.",
    remedy: "`chown root:root` the program and the directory that it lies in.",
    controls: &["PCI 6.4.3", "ISO 8.19"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/systemd/system/x.service", "[Service]\nExecStart=-/opt/x/run --a\n"),
            File("/opt/x/run", ""),
            Owner("/opt/x/run", 998, 998),
        ],
        pass: &[
            File("/etc/systemd/system/x.service", "[Service]\nExecStart=/opt/x/run\n"),
            File("/opt/x/run", ""),
        ],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    let mut commands: Vec<(PathBuf, String, Evidence)> = Vec::new();
    for unit in units.iter().filter(|unit| !unit.is_masked) {
        for command in unit.commands() {
            commands.push((
                program(&command.value),
                unit.name.clone(),
                Evidence::at(&command.place, &command.value),
            ));
        }
    }
    let jobs = rows
        .take(facts.jobs().as_ref().map_err(Clone::clone))
        .into_iter()
        .flatten()
        .filter(|job| job.user == "root");
    commands.extend(jobs.map(|job| {
        (program(&job.command), "cron".to_owned(), Evidence::at(&job.place, &job.command))
    }));
    for (path, by, evidence) in commands {
        let real = facts.followed(&path).ok().flatten().map_or(path, |(real, _)| real);
        match is_changeable(index, &real) {
            Some(why) => rows.fail(
                format!(
                    "{} is run by {by}, and others than root can change it: {why}",
                    real.display()
                ),
                vec![
                    evidence,
                    Evidence::path(
                        &real,
                        index.node(&real).map(|node| mode(node, accounts)).unwrap_or_default(),
                    ),
                ],
            ),
            None => rows.looked(evidence),
        }
    }
}

/// The program of a command line, systemd's marks in front of it taken off.
fn program(command: &str) -> PathBuf {
    let first = command.split_whitespace().next().unwrap_or_default();
    PathBuf::from(first.trim_start_matches(['-', '@', ':', '+', '!']))
}

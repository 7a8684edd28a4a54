//! No debugger waits for connections.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-debuggers",
    safeguard: Safeguard::Environments,
    severity: Severity::High,
    title: "no debugger waits for connections",
    why: "Java's, Node's and PHP's debuggers run whatever they are sent, without a password. \
              They are meant for the developer's own machine.",
    remedy: "Take `-agentlib:jdwp`, `--inspect` and `xdebug.mode=debug` out of production.",
    controls: &["PCI 6.5.5", "PCI 2.2.5", "ISO 8.31"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/systemd/system/x.service",
            "[Service]\nExecStart=/usr/bin/java -agentlib:jdwp=transport=dt_socket,server=y,address=*:5005 -jar x.jar\n",
        )],
        pass: &[File(
            "/etc/systemd/system/x.service",
            "[Service]\nExecStart=/usr/bin/java -jar x.jar\n",
        )],
        unknown: &[
            File("/etc/systemd/system/x.service", ""),
            Denied("/etc/systemd/system/x.service"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    let options = [
        "jdwp",
        "--inspect",
        "-Xrunjdwp",
        "debugpy",
        "--debug-brk",
        "pydevd",
        "jmxremote.authenticate=false",
        "rdebug-ide",
        "dlv exec",
        "dlv debug",
    ];
    for unit in units.iter().filter(|unit| unit.is_local()) {
        for setting in unit
            .settings
            .iter()
            .filter(|setting| setting.key.starts_with("Exec") || setting.key == "Environment")
        {
            match options.iter().find(|option| setting.value.contains(*option)) {
                Some(option) => rows.fail(
                    format!("the unit {} opens a debugger: {option}", unit.name),
                    Evidence::at(&setting.place, &setting.value),
                ),
                None => rows.looked(Evidence::at(&setting.place, &setting.key)),
            }
        }
    }
    for path in rows.take(facts.glob("/etc/php/*/*/conf.d/*xdebug*.ini")).unwrap_or_default() {
        let cli = path.to_str().is_some_and(|path| path.contains("/cli/"));
        if !cli {
            rows.fail_as(
                Severity::Medium,
                "the debugger Xdebug is loaded into the web server's PHP",
                Evidence::path(&path, "enabled"),
            );
        }
    }
    for process in facts.processes().as_ref().into_iter().flatten() {
        let line = process.command.join(" ");
        if let Some(option) = options.iter().find(|option| line.contains(*option)) {
            rows.fail(
                format!("{} runs with a debugger: {option}", process.name),
                Evidence::text(line).with_process(process.label(facts)),
            );
        }
    }
}

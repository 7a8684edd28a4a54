//! No server of the unencrypted age is there to be started.

use crate::checks::prelude::*;
use crate::facts::Seen;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-legacy-packages",
    safeguard: Safeguard::Services,
    severity: Severity::Medium,
    title: "no server of the unencrypted age is there to be started",
    why: "What is installed is started sooner or later, by hand or by an update. rsh, telnet, \
              NIS and talk have no place on a server.",
    remedy: "`apt purge` the package, or `systemctl mask --now` its units.",
    controls: &["CIS 2.1.6", "PCI 2.2.4"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/var/lib/dpkg/status",
            "Package: telnetd\nStatus: install ok installed\nVersion: 1\n",
        )],
        pass: &[File(
            "/var/lib/dpkg/status",
            "Package: nginx\nStatus: install ok installed\nVersion: 1\n",
        )],
        unknown: &[File("/var/lib/dpkg/status", ""), Denied("/var/lib/dpkg/status")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(packages) = rows.take(facts.packages().as_ref().map_err(Clone::clone)) else { return };
    if packages.is_empty() {
        return;
    }
    let status = packages.source.as_path();
    for (name, severity) in SERVERS {
        let Some(package) = packages.installed.get(name) else { continue };
        let Some(cannot_start) = rows.take(cannot_start(facts, name)) else { continue };
        let evidence = Evidence::path(status, format!("{name} {}", package.version));
        if cannot_start {
            rows.looked(Evidence { text: format!("{name}: its units are masked"), ..evidence });
        } else {
            rows.fail_as(severity, format!("the package {name} is installed, a service that servers rarely need or should not have"), evidence);
        }
    }
    rows.looked(Evidence::path(status, "installed packages were looked at"));
}

/// Whether each way in which a package is started is masked.
fn cannot_start(facts: &Facts<'_>, package: &str) -> Seen<bool> {
    let units = facts.brought_units(package)?;
    Ok(!units.is_empty() && units.values().all(|masked| *masked) && facts.has_systemd()?)
}

/// Packages, and what they weigh: those that ask for no password or send it in clear more than the rest.
const SERVERS: [(&str, Severity); 30] = [
    ("telnetd", Severity::Medium),
    ("inetutils-telnetd", Severity::Medium),
    ("telnetd-ssl", Severity::Medium),
    ("rsh-server", Severity::Medium),
    ("rsh-redone-server", Severity::Medium),
    ("rsh-client", Severity::Medium),
    ("talkd", Severity::Medium),
    ("nis", Severity::Medium),
    ("ypserv", Severity::Medium),
    ("fingerd", Severity::Medium),
    ("tftpd", Severity::Medium),
    ("tftpd-hpa", Severity::Medium),
    ("atftpd", Severity::Medium),
    ("rwhod", Severity::Medium),
    ("rusersd", Severity::Medium),
    ("xinetd", Severity::Low),
    ("openbsd-inetd", Severity::Low),
    ("inetutils-inetd", Severity::Low),
    ("vsftpd", Severity::Low),
    ("proftpd-core", Severity::Low),
    ("pure-ftpd", Severity::Low),
    ("xserver-xorg-core", Severity::Low),
    ("avahi-daemon", Severity::Low),
    ("cups", Severity::Low),
    ("cups-browsed", Severity::Low),
    ("rpcbind", Severity::Low),
    ("slapd", Severity::Low),
    ("ftp", Severity::Low),
    ("telnet", Severity::Low),
    ("inetutils-telnet", Severity::Low),
];

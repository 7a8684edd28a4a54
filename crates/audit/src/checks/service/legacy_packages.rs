//! No server of the unencrypted age is installed.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-legacy-packages",
    safeguard: Safeguard::Services,
    severity: Severity::Medium,
    title: "no server of the unencrypted age is installed",
    why: "What is installed is started sooner or later, by hand or by an update. rsh, telnet, \
              NIS and talk have no place on a server.",
    remedy: "`apt purge` the package.",
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
    for name in [
        "telnetd",
        "inetutils-telnetd",
        "telnetd-ssl",
        "rsh-server",
        "rsh-redone-server",
        "rsh-client",
        "talkd",
        "nis",
        "ypserv",
        "fingerd",
        "tftpd",
        "tftpd-hpa",
        "atftpd",
        "xinetd",
        "openbsd-inetd",
        "inetutils-inetd",
        "rwhod",
        "rusersd",
        "vsftpd",
        "proftpd-core",
        "pure-ftpd",
        "xserver-xorg-core",
        "avahi-daemon",
        "cups",
        "rpcbind",
        "slapd",
        "ftp",
        "telnet",
        "inetutils-telnet",
    ] {
        if let Some(package) = packages.installed.get(name) {
            let light = [
                "avahi-daemon",
                "cups",
                "rpcbind",
                "slapd",
                "xserver-xorg-core",
                "ftp",
                "telnet",
                "inetutils-telnet",
                "openbsd-inetd",
                "xinetd",
                "inetutils-inetd",
                "vsftpd",
                "proftpd-core",
                "pure-ftpd",
            ]
            .contains(&name);
            rows.fail_as(if light { Severity::Low } else { Severity::Medium }, format!("the package {name} is installed, a service that servers rarely need or should not have"), Evidence::path(Path::new("/var/lib/dpkg/status"), format!("{name} {}", package.version)));
        }
    }
    rows.looked(Evidence::path(
        Path::new("/var/lib/dpkg/status"),
        "installed packages were looked at",
    ));
}

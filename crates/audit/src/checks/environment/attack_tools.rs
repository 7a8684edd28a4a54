//! No tools for looking at networks are installed.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-attack-tools",
    safeguard: Safeguard::Environments,
    severity: Severity::Low,
    title: "no tools for looking at networks are installed",
    why: "A scanner or a sniffer on the server spares an intruder bringing one. They are \
              needed on the administrator's machine.",
    remedy: "`apt purge nmap tcpdump netcat-traditional …`.",
    controls: &["PCI 2.2.4", "ISO 8.18"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/usr/bin/nmap", "")],
        pass: &[Folder("/usr/bin")],
        unknown: &[Folder("/usr/bin"), Denied("/usr")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for name in [
        "nmap",
        "tcpdump",
        "tshark",
        "wireshark",
        "ncat",
        "nc.traditional",
        "socat",
        "gdb",
        "strace",
        "masscan",
        "hydra",
        "john",
        "hashcat",
        "sqlmap",
        "ettercap",
        "aircrack-ng",
        "dsniff",
        "nikto",
        "msfconsole",
        "gobuster",
        "responder",
        "hping3",
        "proxychains",
        "chisel",
        "mimikatz",
    ] {
        for folder in ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin", "/opt/bin"] {
            let path = Path::new(folder).join(name);
            if let Some(Some(_)) = rows.take(facts.metadata(&path))
                && !(folder == "/bin" && facts.exists(Path::new("/usr/bin").join(name)))
            {
                let severity = if [
                    "masscan",
                    "hydra",
                    "john",
                    "hashcat",
                    "sqlmap",
                    "ettercap",
                    "aircrack-ng",
                    "msfconsole",
                    "responder",
                    "chisel",
                    "mimikatz",
                ]
                .contains(&name)
                {
                    Severity::Medium
                } else {
                    Severity::Low
                };
                rows.fail_as(
                    severity,
                    format!(
                        "a tool for looking at networks or programs is installed: {}",
                        path.display()
                    ),
                    Evidence::path(&path, "installed"),
                );
            }
        }
    }
    if facts.exists("/usr/bin") {
        rows.looked(Evidence::path(Path::new("/usr/bin"), "tools were looked for"));
    }
}

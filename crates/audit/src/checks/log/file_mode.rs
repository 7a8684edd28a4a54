//! The log writer makes closed files.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-file-mode",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "the log writer makes closed files",
    why: "rsyslog gives every new log the mode that it is told. 0640 lets root and `adm` read.",
    remedy: "`$FileCreateMode 0640` in /etc/rsyslog.conf.",
    controls: &["CIS 6.2.3.4", "PCI 10.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/rsyslog.conf", "$FileCreateMode 0666\n")],
        pass: &[File("/etc/rsyslog.conf", "# $FileCreateMode 0666\n$FileCreateMode 0640\n")],
        unknown: &[Denied("/etc/rsyslog.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(all) = rows.take(facts.rsyslog().as_ref().map_err(Clone::clone)) else { return };
    for line in all {
        let lower = line.value.to_ascii_lowercase();
        let mode = lower
            .strip_prefix("$filecreatemode")
            .map(|rest| rest.trim().to_owned())
            .or_else(|| {
                lower
                    .split("filecreatemode=\"")
                    .nth(1)
                    .and_then(|rest| rest.split('"').next())
                    .map(str::to_owned)
            });
        let Some(mode) = mode else { continue };
        if u32::from_str_radix(&mode, 8).is_ok_and(|bits| bits & 0o027 != 0) {
            rows.fail(
                format!(
                    "rsyslog makes new logs with the mode {mode} (FileCreateMode in rsyslog.conf)"
                ),
                Evidence::at(&line.place, &line.value),
            );
        } else {
            rows.looked(Evidence::at(&line.place, &line.value));
        }
    }
}

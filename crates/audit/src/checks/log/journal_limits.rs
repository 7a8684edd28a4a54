//! The journal loses no lines and fills no disk.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-journal-limits",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "the journal loses no lines and fills no disk",
    why: "A tight rate limit drops what an attack writes, and no bound lets it fill the disk. \
              Both blind the operator.",
    remedy: "`SystemMaxUse=1G`, and leave `RateLimitBurst` as it is built in.",
    controls: &["ISO 8.15", "PCI 10.7.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/systemd/journald.conf", "[Journal]\nMaxLevelStore=crit\n")],
        pass: &[File(
            "/etc/systemd/journald.conf",
            "[Journal]\n#MaxLevelStore=crit\nSystemMaxUse=500M\n",
        )],
        unknown: &[File("/etc/systemd/journald.conf", ""), Denied("/etc/systemd/journald.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(all) = rows.take(facts.journald()) else { return };
    if let Some(first) = all.first() {
        rows.looked(Evidence::at(&first.place, "was read"));
    }
    for (key, bad, words) in [
        (
            "MaxLevelStore",
            &["emerg", "alert", "crit", "err", "error", "0", "1", "2", "3"][..],
            "drops everything but errors",
        ),
        (
            "MaxLevelSyslog",
            &["emerg", "alert", "crit", "err", "error", "0", "1", "2", "3"],
            "hands on only errors",
        ),
        ("ReadKMsg", &["no"], "leaves the kernel's messages out"),
        ("Seal", &["no"], "is not sealed"),
        ("ForwardToSyslog", &["never"], "is not handed on"),
        ("Audit", &["never"], "leaves out audit"),
    ] {
        if let Some(setting) = ini::last(&all, None, key)
            .filter(|setting| bad.contains(&setting.value.to_ascii_lowercase().as_str()))
        {
            rows.fail(
                format!("the journal {words}: {key}={}", setting.value),
                Evidence::at(&setting.place, format!("{key}={}", setting.value)),
            );
        }
    }
    if let Some(setting) = ini::last(&all, None, "RateLimitBurst")
        .filter(|setting| setting.value.parse::<u32>().is_ok_and(|burst| burst > 0 && burst < 200))
    {
        rows.fail(
            format!("the journal drops lines early: RateLimitBurst={}", setting.value),
            Evidence::at(&setting.place, &setting.value),
        );
    }
    for key in ["SystemMaxUse", "MaxRetentionSec", "MaxFileSec"] {
        let tiny = ini::last(&all, None, key).filter(|setting| {
            let value = setting.value.to_ascii_lowercase();
            key == "SystemMaxUse"
                && value
                    .trim_end_matches('m')
                    .parse::<u32>()
                    .is_ok_and(|size| value.ends_with('m') && size < 50)
                || key == "MaxRetentionSec"
                    && (value.ends_with('h')
                        || value == "1day"
                        || value
                            .trim_end_matches("day")
                            .parse::<u32>()
                            .is_ok_and(|days| days < 7 && value.ends_with("day"))
                        || value.parse::<u32>().is_ok_and(|secs| secs > 0 && secs < 604_800))
        });
        if let Some(setting) = tiny {
            rows.fail(
                format!("the journal keeps too little: {key}={}", setting.value),
                Evidence::at(&setting.place, format!("{key}={}", setting.value)),
            );
        }
    }
}

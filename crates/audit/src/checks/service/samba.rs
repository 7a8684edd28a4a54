//! Shares ask who is there.

use super::{line, settings};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-samba",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "shares ask who is there",
    why: "A share for guests that can be written is a drop for everybody's malware, and what \
              lies there is read by all. Old versions of the protocol have worms of their own.",
    remedy: "`guest ok = no`, `map to guest = never`, `server min protocol = SMB3` in smb.conf.",
    controls: &["CIS 2.1.14", "PCI 7.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/samba/smb.conf",
            "[drop]\npath = /srv/drop\nguest ok = yes\nwritable = yes\n",
        )],
        pass: &[File(
            "/etc/samba/smb.conf",
            "[global]\nworkgroup = X\n; guest ok = yes\n[docs]\npath = /srv/docs\nguest ok = no\n",
        )],
        unknown: &[File("/etc/samba/smb.conf", ""), Denied("/etc/samba/smb.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = settings(facts, rows, &["/etc/samba/smb.conf"], ini::INI);
    let Some(first) = all.first() else { return };
    let mut sections: Vec<&str> = all.iter().map(|setting| setting.section.as_str()).collect();
    sections.dedup();
    for section in sections {
        let value = |keys: &[&str]| {
            keys.iter()
                .find_map(|key| ini::last(&all, Some(section), key))
                .or_else(|| keys.iter().find_map(|key| ini::last(&all, Some("global"), key)))
        };
        let guest =
            value(&["guest ok", "public"]).filter(|setting| crate::facts::is_yes(&setting.value));
        let writable = value(&["writable", "writeable", "write ok"])
            .is_some_and(|s| crate::facts::is_yes(&s.value))
            || value(&["read only"]).is_some_and(|s| crate::facts::is_no(&s.value));
        if let Some(setting) = guest.filter(|_| section != "global" && section != "print$") {
            rows.fail_as(
                if writable { Severity::High } else { Severity::Medium },
                format!(
                    "the Samba share {section} is {} by guests",
                    if writable { "writable" } else { "readable" }
                ),
                Evidence::at(
                    &setting.place,
                    format!("[{section}] {} = {}", setting.key, setting.value),
                ),
            );
        }
    }
    for (key, bad, words) in [
        ("server min protocol", &["nt1", "core", "lanman1", "lanman2", "smb1"][..], "speaks SMB1"),
        ("min protocol", &["nt1", "core", "lanman1", "smb1"], "speaks SMB1"),
        ("null passwords", &["yes"], "takes empty passwords"),
        ("lanman auth", &["yes"], "takes LAN Manager hashes"),
        ("ntlm auth", &["yes", "ntlmv1-permitted"], "takes NTLMv1"),
        ("server signing", &["disabled", "no"], "signs nothing"),
    ] {
        if let Some(setting) = ini::last(&all, Some("global"), key)
            .filter(|setting| bad.contains(&setting.value.to_ascii_lowercase().as_str()))
        {
            rows.fail_as(
                Severity::Medium,
                format!("Samba {words}: {key} = {}", setting.value),
                line(setting),
            );
        }
    }
    rows.looked(line(first));
}

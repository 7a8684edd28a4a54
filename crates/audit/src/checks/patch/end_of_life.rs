//! The release still gets fixes.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-end-of-life",
    safeguard: Safeguard::Patches,
    severity: Severity::High,
    title: "the release still gets fixes",
    why: "After its end no hole of a release is fixed any more, and all of them are public. \
              The day is known years ahead.",
    remedy: "Upgrade to the next release.",
    controls: &["PCI 6.3.3", "PCI 12.3.4", "ISO 8.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/os-release", "ID=debian\nVERSION_ID=\"10\"\n")],
        pass: &[Folder("/etc")],
        unknown: &[Denied("/etc/os-release")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let (Some(id), Some(version)) = (
        rows.take(facts.release("ID")).flatten(),
        rows.take(facts.release("VERSION_ID")).flatten(),
    ) else {
        return;
    };
    let Some((.., day, what)) =
        ENDS.iter().find(|(own, number, ..)| *own == id && *number == version)
    else {
        return;
    };
    let today = facts.now().seconds().div_euclid(86_400);
    let text = format!("{id} {version}: {what}");
    if today > *day {
        rows.fail(
            format!("{id} {version} gets no fixes any more since {} days ({what})", today - day),
            Evidence::path(Path::new("/etc/os-release"), text),
        );
    } else {
        rows.looked(Evidence::path(Path::new("/etc/os-release"), text));
    }
}

/// Last day of long-term support, in days since 1970 (release pages of Debian LTS and Ubuntu).
const ENDS: [(&str, &str, i64, &str); 9] = [
    ("debian", "9", 19_173, "long-term support ended 2022-06-30"),
    ("debian", "10", 19_904, "long-term support ended 2024-06-30"),
    ("debian", "11", 20_696, "long-term support ends 2026-08-31"),
    ("debian", "12", 21_365, "long-term support ends 2028-06-30"),
    ("debian", "13", 22_095, "long-term support ends 2030-06-30"),
    ("ubuntu", "18.04", 19_508, "standard support ended 2023-05-31"),
    ("ubuntu", "20.04", 20_239, "standard support ended 2025-05-31"),
    ("ubuntu", "22.04", 20_970, "standard support ends 2027-06-01"),
    ("ubuntu", "24.04", 21_700, "standard support ends 2029-05-31"),
];

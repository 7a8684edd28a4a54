//! Apt asks the security archive.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-no-security-source",
    safeguard: Safeguard::Patches,
    severity: Severity::High,
    title: "apt asks the security archive",
    why: "Fixes come from their own archive. Without its line nothing waits and nothing is \
              fixed.",
    remedy: "`deb http://security.debian.org/debian-security bookworm-security main` in the \
              sources.",
    controls: &["PCI 6.3.3", "ISO 8.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/apt/sources.list",
            "deb http://deb.debian.org/debian bookworm main\n#deb http://security.debian.org/debian-security bookworm-security main\n",
        )],
        pass: &[File(
            "/etc/apt/sources.list",
            "deb http://security.debian.org/debian-security bookworm-security main\n",
        )],
        unknown: &[File("/etc/apt/sources.list", ""), Denied("/etc/apt/sources.list")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(sources) = rows.take(facts.sources()) else { return };
    let debian =
        rows.take(facts.release("ID")).flatten().is_some_and(|id| id == "debian" || id == "ubuntu");
    if sources.is_empty() && !facts.exists("/etc/apt") || !debian {
        return;
    }
    match sources.iter().find(|source| {
        source.suite.ends_with("-security")
            || source.suite.contains("/updates")
            || source.uri.contains("security")
    }) {
        Some(source) => rows.looked(source.place.as_ref().map_or_else(
            || Evidence::text(&source.uri),
            |place| Evidence::at(place, format!("{} {}", source.uri, source.suite)),
        )),
        None => rows.lacks(
            "apt does not ask the security archive: no source names it",
            Evidence::path(Path::new("/etc/apt/sources.list"), "no -security suite"),
        ),
    }
}

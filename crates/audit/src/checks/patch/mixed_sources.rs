//! Sources are of one release.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-mixed-sources",
    safeguard: Safeguard::Patches,
    severity: Severity::Medium,
    title: "sources are of one release",
    why: "Packages of another release come without its security updates, and mixed libraries \
              break on the day of a fix. A line for `testing` pulls all along.",
    remedy: "Remove the line, or pin it to the packages that you need.",
    controls: &["PCI 6.3.2", "ISO 8.19"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/apt/sources.list", "deb http://deb.debian.org/debian sid main\n")],
        pass: &[File("/etc/apt/sources.list", "deb http://deb.debian.org/debian bookworm main\n")],
        unknown: &[File("/etc/apt/sources.list", ""), Denied("/etc/apt/sources.list")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(sources) = rows.take(facts.sources()) else { return };
    let code = rows.take(facts.release("VERSION_CODENAME")).flatten().unwrap_or_default();
    let known = [
        "buzz",
        "potato",
        "woody",
        "sarge",
        "etch",
        "lenny",
        "squeeze",
        "wheezy",
        "jessie",
        "stretch",
        "buster",
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "sid",
        "unstable",
        "testing",
        "experimental",
        "oldstable",
        "oldoldstable",
        "stable",
        "xenial",
        "bionic",
        "focal",
        "jammy",
        "noble",
    ];
    for source in &sources {
        let suite = source.suite.split(['-', '/']).next().unwrap_or_default();
        let text = format!("{} {}", source.uri, source.suite);
        let evidence = source
            .place
            .as_ref()
            .map_or_else(|| Evidence::text(&text), |place| Evidence::at(place, &text));
        let of_release = ["debian", "ubuntu"].iter().any(|name| source.uri.contains(name));
        if of_release && known.contains(&suite) && !code.is_empty() && suite != code {
            rows.fail(format!("apt takes packages of {suite} on a {code} system"), evidence);
        } else {
            rows.looked(evidence);
        }
    }
}

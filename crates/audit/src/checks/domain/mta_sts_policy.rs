//! The policy of MTA-STS is in force, and names the servers that mail goes to (RFC 8461, 3.2).

use super::{each, tag};
use crate::checks::prelude::*;
use crate::facts::Blind;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "domain-mta-sts-policy",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "the policy of MTA-STS is in force and names the servers that mail goes to",
    why: "A policy that is only tried keeps nobody from reading mail, and one that is kept for hours can be waited for. One that does not name a server keeps mail from being delivered to it.",
    remedy: "`version: STSv1`, `mode: enforce`, an `mx:` line for each mail server and `max_age: 604800` or more at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`; a new `id` in the record with each change.",
    controls: &["ISO 5.14", "PCI 4.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Records(
            "a.example. IN MX 10 mx.a.example.\n_mta-sts.a.example. IN TXT \"v=STSv1; id=1\"\n;; policy of a.example\nversion: STSv1\nmode: testing\nmx: mx.a.example\nmax_age: 604800\n",
        )],
        pass: &[Records(
            "a.example. IN MX 10 mx.a.example.\n_mta-sts.a.example. IN TXT \"v=STSv1; id=1\"\n;; policy of a.example\nversion: STSv1\nmode: enforce\nmx: *.a.example\nmax_age: 604800\n",
        )],
        unknown: &[Records(
            "a.example. IN MX 10 mx.a.example.\n_mta-sts.a.example. IN TXT \"v=STSv1; id=1\"",
        )],
    },
};

/// A policy that is kept for less can be waited for.
const AGE_SECS_MIN: u64 = 86_400;
/// The longest that a policy may be kept.
const AGE_SECS_MAX: u64 = 31_557_600;

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, ("_mta-sts.", "TXT"), |records, domain, found, rows| {
        // Without the record there is no policy, which is another check's.
        if !found.iter().any(|text| tag(text, "v") == Some("STSv1")) {
            return;
        }
        match (records.policy(domain), records.of(domain, "MX")) {
            (Some(policy), Some(servers)) if !policy.is_empty() => {
                judge(domain, policy, servers, rows);
            }
            (_, None) => rows.unknown(Blind::new(domain, format!("where its mail goes was not asked: `dig {domain} MX`"))),
            (_, Some(_)) => rows.unknown(Blind::new(
                domain,
                format!("its policy was not given: a line `;; policy of {domain}`, and below it what is at `https://mta-sts.{domain}/.well-known/mta-sts.txt`"),
            )),
        }
    });
}

fn judge(domain: &str, policy: &str, servers: &[String], rows: &mut Rows) {
    let values = |key: &str| -> Vec<&str> {
        let pairs = policy.lines().filter_map(|line| line.split_once(':'));
        pairs.filter(|(own, _)| own.trim() == key).map(|(_, value)| value.trim()).collect()
    };
    let said = |key: &str| Evidence::text(format!("{key}: {}", values(key).join(", ")));
    if values("version").first() != Some(&"STSv1") {
        let title = format!("the MTA-STS policy of {domain} is none: it has no version STSv1");
        rows.fail(title, said("version"));
        return;
    }
    let mode = values("mode").first().copied().unwrap_or_default();
    if mode != "enforce" {
        let title = format!("the MTA-STS policy of {domain} is not in force: its mode is `{mode}`");
        rows.fail(title, said("mode"));
    }
    match values("max_age").first().and_then(|age| age.parse::<u64>().ok()) {
        Some(age) if (AGE_SECS_MIN..=AGE_SECS_MAX).contains(&age) => {}
        Some(age) if age < AGE_SECS_MIN => {
            let title = format!("the MTA-STS policy of {domain} is forgotten after {age} s");
            rows.fail_as(Severity::Low, title, said("max_age"));
        }
        Some(_) | None => {
            let title = format!("the MTA-STS policy of {domain} does not say how long it is kept");
            rows.fail(title, said("max_age"));
        }
    }
    let patterns = values("mx");
    let hosts = servers.iter().filter_map(|record| record.split_whitespace().last());
    for host in hosts.map(|host| host.trim_end_matches('.').to_ascii_lowercase()) {
        if !host.is_empty() && !patterns.iter().any(|pattern| matches(&host, pattern)) {
            rows.fail_as(
                Severity::High,
                format!("mail to {domain} is not delivered to {host}, which its MTA-STS policy does not name"),
                said("mx"),
            );
        }
    }
    rows.looked(Evidence::text(format!("{domain}: mode {mode}")));
}

/// Whether a server is meant: by its name, or by `*.` for one label.
fn matches(host: &str, pattern: &str) -> bool {
    let pattern = pattern.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(rest) => host.split_once('.').is_some_and(|(_, above)| above == rest),
        None => host == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_model::Verdict;

    fn titles(policy: &str, mx: &str) -> Vec<String> {
        let text = format!(
            "a.example. IN MX {mx}\n_mta-sts.a.example. IN TXT \"v=STSv1; id=1\"\n;; policy of A.example.\n{policy}\n"
        );
        let fake = burgrave_sys::Fake::new();
        let mut facts = Facts::new(&fake, crate::facts::Ground::Tree);
        facts.domains = Some(crate::facts::Records::parse(&text));
        let mut rows = Rows::default();
        look(&facts, &mut rows);
        let found = rows.findings(&CHECK).into_iter();
        found.filter(|one| one.verdict != Verdict::Pass).map(|one| one.title).collect()
    }

    #[test]
    fn policies_are_read_as_senders_read_them() {
        let whole = "version: STSv1\r\nmode: enforce\r\nmx: mx.a.example\r\nmax_age: 604800\r";
        for (policy, mx, wanted) in [
            (whole, "10 MX.a.example.", ""),
            (whole, "10 mx2.a.example.", "not delivered to mx2.a.example"),
            (
                "version: STSv1\nmode: enforce\nmx: *.a.example\nmax_age: 604800",
                "1 x.y.a.example.",
                "x.y.a.example",
            ),
            (
                "version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 60",
                "1 mx.a.example.",
                "forgotten after 60 s",
            ),
            (
                "version: STSv1\nmode: enforce\nmx: mx.a.example",
                "1 mx.a.example.",
                "how long it is kept",
            ),
            (
                "version: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 99999999",
                "1 mx.a.example.",
                "how long it is kept",
            ),
            ("version: STSv1\nmode: none\nmax_age: 86400", "0 .", "mode is `none`"),
            ("<html>\nmode: enforce", "1 mx.a.example.", "no version STSv1"),
            ("", "1 mx.a.example.", "was not given"),
        ] {
            let found = titles(policy, mx);
            let fine = match found.as_slice() {
                [] => wanted.is_empty(),
                [one] => !wanted.is_empty() && one.contains(wanted),
                _ => false,
            };
            assert!(fine, "{policy:?} {mx}: {found:?}");
        }
    }
}

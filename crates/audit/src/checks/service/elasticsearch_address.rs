//! Search servers listen where they are needed only.

use super::{line, yaml};
use crate::checks::prelude::*;
use crate::facts::Blind;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-elasticsearch-address",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "search servers listen where they are needed only",
    why: "A search server that every address reaches is one hole or one password from lost. By \
              itself it listens on this machine's own address; somebody has opened it.",
    remedy: "`network.host: 127.0.0.1`, or `_local_` and the one inner address, in its \
              configuration.",
    controls: &["PCI 1.4.4", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/elasticsearch/elasticsearch.yml",
            "cluster.name: shop\nnetwork.host: 0.0.0.0\nxpack.security.enabled: true\n",
        )],
        pass: &[File(
            "/etc/elasticsearch/elasticsearch.yml",
            "# network.host: 0.0.0.0\nnetwork.host: [_local_, 10.0.0.5]\n",
        )],
        unknown: &[
            File("/etc/elasticsearch/elasticsearch.yml", ""),
            Denied("/etc/elasticsearch/elasticsearch.yml"),
        ],
    },
};

const FILES: [&str; 3] = [
    "/etc/elasticsearch/elasticsearch.yml",
    "/etc/opensearch/opensearch.yml",
    "/opt/elasticsearch/config/elasticsearch.yml",
];

/// Settings that name where the interface for clients listens. The first of these that is there counts.
const KEYS: [&str; 4] = ["http.bind_host", "http.host", "network.bind_host", "network.host"];

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for file in FILES {
        let all = yaml(facts, rows, &[file]);
        let Some(first) = all.first() else { continue };
        let flow =
            all.iter().find(|s| ["network", "http"].contains(&&*s.key) && s.value.starts_with('{'));
        if let Some(flow) = flow {
            let why = format!("line {}: its addresses stand in braces", flow.place.line);
            rows.unknown(Blind::new(file, why));
            continue;
        }
        // An item of a list has the list's key.
        let named = |key: &str| -> Vec<&ini::Setting> {
            all.iter().filter(|s| s.key == key && !s.value.is_empty()).collect()
        };
        let counts = KEYS.into_iter().map(named).find(|found| !found.is_empty());
        let open: Vec<Evidence> = counts
            .unwrap_or_default()
            .into_iter()
            .filter(|s| is_everywhere(&s.value))
            .map(line)
            .collect();
        if open.is_empty() {
            rows.looked(line(first));
        } else {
            rows.fail("the search server listens on all interfaces", open);
        }
    }
}

fn is_everywhere(value: &str) -> bool {
    value
        .split([',', '[', ']'])
        .map(|one| one.trim().trim_matches(['"', '\'']))
        .any(|one| ["0.0.0.0", "::", "::0", "_global_"].contains(&one))
        || value.trim_matches(['"', '\'']) == "::"
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_model::Verdict;

    #[test]
    fn addresses_are_read_as_the_server_reads_them() {
        let check = |text: &'static str| {
            crate::cases::findings(&CHECK, &[File("/etc/opensearch/opensearch.yml", text)])
                .first()
                .map(|finding| finding.verdict)
        };
        for (text, wanted) in [
            ("network:\n  host: 0.0.0.0\n", Verdict::Fail),
            ("network.host:\n  - _local_\n  - \"0.0.0.0\"\n", Verdict::Fail),
            ("network.host: [\"_local_\", \"::\"]\n", Verdict::Fail),
            ("network.host: 0.0.0.0\nhttp.host: _local_\n", Verdict::Pass),
            ("network.host: 127.0.0.1\nhttp.host: \"::\"\n", Verdict::Fail),
            ("network.host: _site_\n", Verdict::Pass),
            ("cluster.name: a\n", Verdict::Pass),
            ("network: {host: 0.0.0.0}\n", Verdict::Unknown),
        ] {
            assert_eq!(check(text), Some(wanted), "{text}");
        }
    }
}

//! Search servers ask who is there.

use super::{any_wide, by_reach, line, yaml};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-elasticsearch",
    safeguard: Safeguard::Services,
    severity: Severity::Critical,
    title: "search servers ask who is there",
    why: "An open Elasticsearch or OpenSearch hands out and deletes every index by one \
              request. Data of millions leaked that way.",
    remedy: "`xpack.security.enabled: true` and `network.host: 127.0.0.1`.",
    controls: &["PCI 2.2.4", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/elasticsearch/elasticsearch.yml",
            "network.host: 0.0.0.0\nxpack.security.enabled: false\n",
        )],
        pass: &[File(
            "/etc/elasticsearch/elasticsearch.yml",
            "network.host: 127.0.0.1\nxpack.security.enabled: true\n",
        )],
        unknown: &[
            File("/etc/elasticsearch/elasticsearch.yml", ""),
            Denied("/etc/elasticsearch/elasticsearch.yml"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for pattern in [
        "/etc/elasticsearch/elasticsearch.yml",
        "/etc/opensearch/opensearch.yml",
        "/opt/elasticsearch/config/elasticsearch.yml",
    ] {
        let all = yaml(facts, rows, &[pattern]);
        let Some(first) = all.first() else { continue };
        let host = ["network.host", "http.host", "network.bind_host"]
            .iter()
            .find_map(|key| ini::last(&all, None, key));
        let wide = host.is_some_and(|setting| any_wide(&setting.value));
        let off =
            ["xpack.security.enabled", "opensearch_security.disabled", "plugins.security.disabled"]
                .iter()
                .find_map(|key| ini::last(&all, None, key))
                .filter(|setting| {
                    setting.value
                        == if setting.key.ends_with("disabled") { "true" } else { "false" }
                });
        match (off, wide) {
            (Some(off), wide) => rows.fail_as(
                by_reach(wide, Severity::Critical),
                "the search server answers without a login (security is off)",
                host.into_iter().chain([off]).map(line).collect::<Vec<_>>(),
            ),
            (None, _) => rows.looked(line(first)),
        }
    }
}

//! Browsers are told to come by HTTPS only.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-no-hsts",
    safeguard: Safeguard::WebServer,
    severity: Severity::Low,
    title: "browsers are told to come by HTTPS only",
    why: "Without `Strict-Transport-Security` the first request of every visit can be caught \
              in plain HTTP. Browsers remember the header for as long as it says.",
    remedy: "`add_header Strict-Transport-Security \"max-age=63072000\" always;`, also in \
              locations that add headers of their own.",
    controls: &["PCI 4.2.1", "ASVS 3.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { listen 443 ssl; server_name a; } }",
        )],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { listen 443 ssl; add_header Strict-Transport-Security \"max-age=63072000\" always; } }",
        )],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for server in rows
        .take(facts.nginx_servers())
        .unwrap_or_default()
        .into_iter()
        .filter(crate::facts::Server::is_tls)
    {
        let mut lacking = None;
        for chain in server.scopes() {
            let headers = crate::facts::effective(&chain, "add_header");
            let hsts = headers
                .iter()
                .find(|header| header.first().eq_ignore_ascii_case("Strict-Transport-Security"));
            let age = hsts.and_then(|header| {
                header
                    .arguments
                    .get(1)?
                    .split("max-age=")
                    .nth(1)?
                    .split([';', '"', ' '])
                    .next()?
                    .parse::<u64>()
                    .ok()
            });
            if age.is_none_or(|age| age < 2_592_000) {
                lacking = lacking.or(chain.last().copied());
            }
        }
        match lacking {
            Some(block) => rows.fail(
                format!(
                    "{} sends no Strict-Transport-Security (HSTS) in {}",
                    server.names().join(" "),
                    block.line()
                ),
                Evidence::at(
                    &block.place,
                    "no add_header Strict-Transport-Security of a month or more",
                ),
            ),
            None => {
                rows.looked(Evidence::at(&server.server.place, "sends Strict-Transport-Security"));
            }
        }
    }
    let Some(blocks) = rows.take(facts.apache().as_ref().map_err(Clone::clone)) else { return };
    for block in blocks.iter().flatten().filter(|block| {
        block.last("sslengine").is_some_and(|on| on.first().eq_ignore_ascii_case("on"))
    }) {
        let has = blocks
            .iter()
            .flatten()
            .filter(|other| other.sections.is_empty() || other.sections == block.sections)
            .flat_map(|other| &other.directives)
            .any(|d| {
                d.name == "header"
                    && d.line().to_ascii_lowercase().contains("strict-transport-security")
            });
        let place = block.directives.first().map(|directive| directive.place.clone());
        match place {
            Some(place) if !has => rows.fail(
                "an Apache site with TLS sends no Strict-Transport-Security (HSTS)",
                Evidence::at(&place, "no Header set Strict-Transport-Security"),
            ),
            Some(place) => rows.looked(Evidence::at(&place, "sends Strict-Transport-Security")),
            None => {}
        }
    }
}

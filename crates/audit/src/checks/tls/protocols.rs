//! Only TLS 1.2 and 1.3 are offered.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-protocols",
    safeguard: Safeguard::WebServer,
    severity: Severity::High,
    title: "only TLS 1.2 and 1.3 are offered",
    why: "SSL, TLS 1.0 and 1.1 can be broken into by those on the way, and no browser of today \
              needs them. An attacker makes both sides take the weakest.",
    remedy: "`ssl_protocols TLSv1.2 TLSv1.3;` (nginx), `SSLProtocol -all +TLSv1.2 +TLSv1.3` \
              (Apache).",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 12.1.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { listen 443 ssl; ssl_protocols TLSv1 TLSv1.2; } }",
        )],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { listen 443 ssl; # ssl_protocols TLSv1;\n ssl_protocols TLSv1.2 TLSv1.3; } }",
        )],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let old = ["sslv2", "sslv3", "tlsv1", "tlsv1.0", "tlsv1.1"];
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        for name in ["ssl_protocols", "proxy_ssl_protocols"] {
            for chain in server.scopes() {
                for directive in crate::facts::effective(&chain, name) {
                    let bad: Vec<&String> = directive
                        .arguments
                        .iter()
                        .filter(|word| old.contains(&word.to_ascii_lowercase().as_str()))
                        .collect();
                    if bad.is_empty() {
                        rows.looked(Evidence::at(&directive.place, directive.line()));
                    } else {
                        rows.fail(
                            format!(
                                "nginx offers old TLS for {}: {}",
                                server.names().join(" "),
                                directive.line()
                            ),
                            Evidence::at(&directive.place, directive.line()),
                        );
                    }
                }
            }
        }
    }
    let Some(blocks) = rows.take(facts.apache().as_ref().map_err(Clone::clone)) else { return };
    for directive in blocks
        .iter()
        .flatten()
        .flat_map(|block| &block.directives)
        .filter(|directive| directive.name == "sslprotocol")
    {
        let words: Vec<String> =
            directive.arguments.iter().map(|word| word.to_ascii_lowercase()).collect();
        let all = words.iter().any(|word| word == "all" || word == "+all");
        let has = |name: &str| {
            (all || words.iter().any(|word| word.trim_start_matches('+') == name))
                && !words.iter().any(|word| word.strip_prefix('-') == Some(name))
        };
        if ["sslv3", "tlsv1", "tlsv1.1"].iter().any(|name| has(name)) {
            rows.fail(
                format!("Apache offers old TLS: {}", directive.line()),
                Evidence::at(&directive.place, directive.line()),
            );
        } else {
            rows.looked(Evidence::at(&directive.place, directive.line()));
        }
    }
}

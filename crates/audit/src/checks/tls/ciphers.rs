//! No broken ciphers are offered.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-ciphers",
    safeguard: Safeguard::WebServer,
    severity: Severity::Medium,
    title: "no broken ciphers are offered",
    why: "RC4, 3DES, export and null ciphers and key exchange without authentication can be \
              read by those on the way. The built-in list of OpenSSL has none.",
    remedy: "A list of ECDHE with AES-GCM and ChaCha20, or none of your own.",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 12.1.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { listen 443 ssl; ssl_ciphers RC4-SHA:HIGH; } }",
        )],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { listen 443 ssl; ssl_ciphers HIGH:!aNULL:!MD5; } }",
        )],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let check = |list: &str| -> Option<String> {
        let bad = [
            "RC4",
            "3DES",
            "DES-CBC3",
            "DES",
            "MD5",
            "EXP",
            "EXPORT",
            "NULL",
            "eNULL",
            "aNULL",
            "ADH",
            "LOW",
            "ALL",
            "COMPLEMENTOFALL",
            "SEED",
            "IDEA",
            "CBC3",
            "MEDIUM",
        ];
        let parts: Vec<&str> =
            list.split([':', ',', ' ']).filter(|part| !part.is_empty()).collect();
        let removed: Vec<&str> =
            parts.iter().filter_map(|part| part.strip_prefix(['!', '-'])).collect();
        let kept = parts.iter().filter(|part| !part.starts_with(['!', '-', '@']));
        let weak = kept.filter(|part| {
            part.split(['-', '+']).any(|piece| bad.contains(&piece)) && !removed.contains(*part)
        });
        let weak: Vec<&str> = weak
            .filter(|part| {
                **part != "ALL"
                    || !(removed.contains(&"aNULL")
                        && removed.iter().any(|r| *r == "LOW" || *r == "3DES" || *r == "RC4"))
            })
            .copied()
            .collect();
        (!weak.is_empty()).then(|| weak.join(" "))
    };
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        for directive in crate::facts::effective(&[server.http, server.server], "ssl_ciphers") {
            match check(directive.first()) {
                Some(weak) => rows.fail(
                    format!("nginx offers weak ciphers for {}: {weak}", server.names().join(" ")),
                    Evidence::at(&directive.place, directive.line()),
                ),
                None => rows.looked(Evidence::at(&directive.place, directive.line())),
            }
        }
    }
    let Some(blocks) = rows.take(facts.apache().as_ref().map_err(Clone::clone)) else { return };
    for directive in blocks
        .iter()
        .flatten()
        .flat_map(|block| &block.directives)
        .filter(|directive| directive.name == "sslciphersuite")
    {
        match check(directive.arguments.last().map_or("", String::as_str)) {
            Some(weak) => rows.fail(
                format!("Apache offers weak ciphers: {weak}"),
                Evidence::at(&directive.place, directive.line()),
            ),
            None => rows.looked(Evidence::at(&directive.place, directive.line())),
        }
    }
}

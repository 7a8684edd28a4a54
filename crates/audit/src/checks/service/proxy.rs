//! The proxy works for its own only.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-proxy",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "the proxy works for its own only",
    why: "An open proxy hides everybody's attacks behind this address and reaches the inner \
              network. It is found within days.",
    remedy: "`http_access deny all` as the last rule and a narrow `acl localnet` in squid.conf.",
    controls: &["PCI 1.4.2", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/squid/squid.conf", "http_access allow all\nhttp_access deny all\n")],
        pass: &[File(
            "/etc/squid/squid.conf",
            "http_access allow localnet\nhttp_access deny all\nhttp_access allow all\n",
        )],
        unknown: &[File("/etc/squid/squid.conf", ""), Denied("/etc/squid/squid.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/squid/squid.conf")).unwrap_or_default() {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        rows.looked(Evidence::path(&path, "its rules were looked at"));
        let access: Vec<_> = lines
            .iter()
            .filter(|line| line.text.trim_start().starts_with("http_access "))
            .collect();
        let open = access
            .iter()
            .take_while(|line| {
                line.text.split_whitespace().collect::<Vec<_>>() != ["http_access", "deny", "all"]
            })
            .find(|line| {
                line.text.split_whitespace().collect::<Vec<_>>() == ["http_access", "allow", "all"]
            });
        if let Some(line) = open {
            rows.fail(
                "the proxy works for everybody: http_access allow all",
                Evidence::at(&line.place, line.text.trim()),
            );
        }
    }
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        for chain in server.scopes() {
            for directive in crate::facts::effective(&chain, "proxy_pass") {
                let target = directive.first();
                if target.contains("://$http_host")
                    || target.contains("://$host")
                        && !target.contains("$host:")
                        && target.ends_with("$host")
                    || target.contains("://$arg_")
                    || target.contains("$request_uri") && target.starts_with("http://$")
                {
                    rows.fail(
                        "nginx fetches whatever address a client names (open proxy)",
                        Evidence::at(&directive.place, directive.line()),
                    );
                } else {
                    rows.looked(Evidence::at(&directive.place, directive.line()));
                }
            }
        }
    }
}

//! No location of nginx leads out of its folder.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-alias-traversal",
    safeguard: Safeguard::Injection,
    severity: Severity::High,
    title: "no location of nginx leads out of its folder",
    why: "`location /x` without a closing slash and `alias /srv/x/` with one hand out \
              `/x../secret` from the folder above. One letter makes the difference.",
    remedy: "End both with a slash, or use `root`.",
    controls: &["PCI 6.2.4", "ASVS 5.3.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { location /files { alias /srv/files/; } } }",
        )],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { location /files/ { alias /srv/files/; } } }",
        )],
        unknown: &[File("/etc/nginx/nginx.conf", ""), Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        rows.looked(Evidence::at(&server.server.place, "its locations were looked at"));
        for chain in server.scopes() {
            let Some(location) = chain.last().filter(|last| last.name == "location") else {
                continue;
            };
            let prefix = match location.arguments.as_slice() {
                [path] => path.as_str(),
                [mark, path] if mark == "^~" => path.as_str(),
                _ => continue,
            };
            if let Some(alias) = location
                .own("alias")
                .find(|alias| !prefix.ends_with('/') && alias.first().ends_with('/'))
            {
                rows.fail(format!("nginx hands out the folder above {}: location {prefix} lacks its closing slash", alias.first()), Evidence::at(&alias.place, format!("location {prefix} {{ {} }}", alias.line())));
            }
        }
    }
}

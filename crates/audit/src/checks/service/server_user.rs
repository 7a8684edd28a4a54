//! Web servers work as an account of their own.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-server-user",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "web servers work as an account of their own",
    why: "The master process opens ports as root, its workers must not be root: every hole in \
              them would be the whole machine. `user root;` makes them so.",
    remedy: "`user www-data;` in nginx.conf, `User www-data` for Apache.",
    controls: &["PCI 2.2.6", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/nginx.conf", "user root;\nhttp { }\n")],
        pass: &[File("/etc/nginx/nginx.conf", "user www-data;\nhttp { }\n")],
        unknown: &[File("/etc/nginx/nginx.conf", ""), Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(nginx) = rows.take(facts.nginx().as_ref().map_err(Clone::clone)) else { return };
    for directive in nginx.iter().flatten().filter(|directive| directive.name == "user") {
        if directive.first() == "root" {
            rows.fail(
                "nginx works as root: user root",
                Evidence::at(&directive.place, directive.line()),
            );
        } else {
            rows.looked(Evidence::at(&directive.place, directive.line()));
        }
    }
    let Some(blocks) = rows.take(facts.apache().as_ref().map_err(Clone::clone)) else { return };
    for directive in blocks
        .iter()
        .flatten()
        .flat_map(|block| &block.directives)
        .filter(|directive| directive.name == "user")
    {
        if directive.first() == "root" || directive.first() == "#0" {
            rows.fail(
                "Apache works as root: User root",
                Evidence::at(&directive.place, directive.line()),
            );
        } else {
            rows.looked(Evidence::at(&directive.place, directive.line()));
        }
    }
}

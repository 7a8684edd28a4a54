//! Nothing that was uploaded is run.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-upload-runs",
    safeguard: Safeguard::Injection,
    severity: Severity::High,
    title: "nothing that was uploaded is run",
    why: "A picture with a program in it is run where the web server hands every `.php` below \
              the uploads to PHP. It is the usual way in.",
    remedy: "A `location` for the uploads without `fastcgi_pass`, or a folder outside of the \
              root.",
    controls: &["PCI 6.2.4", "ASVS 5.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File(
                "/etc/nginx/nginx.conf",
                "http { server { root /srv/a; location ~ \\.php$ { fastcgi_pass unix:/x; } } }",
            ),
            Folder("/srv/a/uploads"),
        ],
        pass: &[
            File(
                "/etc/nginx/nginx.conf",
                "http { server { root /srv/a; location ~ \\.php$ { fastcgi_pass unix:/x; } location ^~ /uploads/ { } } }",
            ),
            Folder("/srv/a/uploads"),
        ],
        unknown: &[File("/etc/nginx/nginx.conf", ""), Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(roots) = rows.take(facts.web_roots().as_ref().map_err(Clone::clone)) else { return };
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        let scopes = server.scopes();
        let runs = scopes.iter().find_map(|chain| {
            chain.last().filter(|last| {
                last.name == "location"
                    && last.arguments.iter().any(|word| word.contains("php"))
                    && last.own("fastcgi_pass").next().is_some()
            })
        });
        let root = crate::facts::effective(&[server.http, server.server], "root")
            .first()
            .map(|root| PathBuf::from(root.first()));
        let (Some(runs), Some(root)) = (runs, root) else { continue };
        rows.looked(Evidence::at(&runs.place, runs.line()));
        for name in [
            "uploads",
            "upload",
            "media",
            "files",
            "storage",
            "images",
            "avatars",
            "attachments",
            "wp-content/uploads",
        ] {
            let folder = root.join(name);
            let guarded = scopes.iter().filter_map(|chain| chain.last()).any(|last| {
                last.name == "location"
                    && last.arguments.iter().any(|word| word.contains(name))
                    && last.own("fastcgi_pass").next().is_none()
            });
            if facts.exists(&folder) && !guarded {
                rows.fail_as(
                    if ["images", "files"].contains(&name) {
                        Severity::Medium
                    } else {
                        Severity::High
                    },
                    format!("PHP in {} would be run: no location keeps it out", folder.display()),
                    vec![
                        Evidence::at(&runs.place, runs.line()),
                        Evidence::path(&folder, "uploads"),
                    ],
                );
            }
        }
    }
    roots
        .first()
        .into_iter()
        .for_each(|root| rows.looked(Evidence::path(&root.path, "uploads were looked for")));
}

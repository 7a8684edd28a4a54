//! Error pages are the site's own.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-stack-traces",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "error pages are the site's own",
    why: "The built-in error page of an application server names the product and shows the \
              trace of the error. The web server in front can show its own.",
    remedy: "`proxy_intercept_errors on;` with `error_page`, or the framework's own pages.",
    controls: &["PCI 6.2.4", "ASVS 16.5.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/tomcat10/server.xml", "<Server/>\n")],
        pass: &[File("/etc/nginx/nginx.conf", "http { server { } }")],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/tomcat*/server.xml")).unwrap_or_default() {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        let text: String =
            lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ");
        let hidden = text.contains("ErrorReportValve") && text.contains("showServerInfo=\"false\"");
        if hidden {
            rows.looked(Evidence::path(&path, "showServerInfo is false"));
        } else {
            rows.fail(
                "Tomcat's error pages name its version",
                Evidence::path(&path, "no ErrorReportValve with showServerInfo=\"false\""),
            );
        }
    }
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        for directive in server
            .scopes()
            .iter()
            .filter_map(|chain| chain.last())
            .flat_map(|block| block.own("fastcgi_param"))
        {
            let errors = directive.arguments.join(" ").to_ascii_lowercase();
            if errors.contains("display_errors")
                && (errors.contains("=on") || errors.contains("=1"))
                || errors.starts_with("app_debug")
                    && (errors.contains("true") || errors.ends_with(" 1"))
            {
                rows.fail_as(
                    Severity::Medium,
                    "nginx switches on the display of errors",
                    Evidence::at(&directive.place, directive.line()),
                );
            }
        }
        rows.looked(Evidence::at(&server.server.place, "error settings were looked at"));
    }
}

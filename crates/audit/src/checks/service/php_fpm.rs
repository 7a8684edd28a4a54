//! PHP-FPM listens on a socket or for named clients.

use super::{is_wide, line};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-php-fpm",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "PHP-FPM listens on a socket or for named clients",
    why: "Who reaches FastCGI runs any program as the web server's user: the protocol names \
              the file and its settings. It asks for nothing.",
    remedy: "`listen = /run/php/php-fpm.sock`, or `listen.allowed_clients = 127.0.0.1`.",
    controls: &["PCI 1.4.4", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/php/8.2/fpm/pool.d/www.conf", "[www]\nlisten = 0.0.0.0:9000\n")],
        pass: &[File(
            "/etc/php/8.2/fpm/pool.d/www.conf",
            "[www]\n;listen = 9000\nlisten = /run/php/x.sock\n",
        )],
        unknown: &[
            File("/etc/php/8.2/fpm/pool.d/www.conf", ""),
            Denied("/etc/php/8.2/fpm/pool.d/www.conf"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/php/*/fpm/pool.d/*.conf")).unwrap_or_default() {
        let all = rows.take(facts.settings(&path, ini::INI)).unwrap_or_default();
        let Some(listen) = ini::last(&all, None, "listen") else { continue };
        let port = listen.value.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
        let wide = port
            && (!listen.value.contains(':')
                || is_wide(listen.value.rsplit_once(':').map_or("", |(host, _)| host)));
        let clients = ini::last(&all, None, "listen.allowed_clients")
            .filter(|setting| !setting.value.is_empty() && setting.value != "any");
        if wide && clients.is_none() {
            rows.fail(
                format!("PHP-FPM listens on {} without allowed_clients", listen.value),
                line(listen),
            );
        } else {
            rows.looked(line(listen));
        }
        if let Some(user) = ini::last(&all, None, "user").filter(|setting| setting.value == "root")
        {
            rows.fail("PHP-FPM runs programs as root", line(user));
        }
        if let Some(mode) = ini::last(&all, None, "listen.mode").filter(|setting| {
            u32::from_str_radix(&setting.value, 8).is_ok_and(|mode| mode & 0o006 != 0)
        }) {
            rows.fail_as(
                Severity::Medium,
                format!("every account may use PHP-FPM's socket (mode {})", mode.value),
                line(mode),
            );
        }
    }
}

//! Applications behind a web server listen for it alone.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-application-address",
    safeguard: Safeguard::Services,
    severity: Severity::Medium,
    title: "applications behind a web server listen for it alone",
    why: "An application that answers on every address can be reached past the gateway, its \
              limits, its sign-in and its log. The gateway reaches 127.0.0.1.",
    remedy: "Bind the application to 127.0.0.1 or a unix socket.",
    controls: &["PCI 1.4.4", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/shop/config.yml", "listen: 0.0.0.0:8000\n")],
        pass: &[File("/etc/shop/config.yml", "# listen: 0.0.0.0:8000\nlisten: 127.0.0.1:8000\n")],
        unknown: &[File("/etc/shop/config.yml", ""), Denied("/etc/shop/config.yml")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let keys = KEYS;
    let mut seen = Vec::new();
    for pattern in PLACES {
        for path in rows.take(facts.glob(pattern)).unwrap_or_default() {
            let owned =
                facts.packages().as_ref().is_ok_and(|packages| packages.owner(&path).is_some());
            if !owned {
                seen.push(path);
            }
        }
    }
    for path in seen {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        let all = if path.extension().is_some_and(|end| end == "toml") {
            ini::settings(&lines, ini::INI)
        } else {
            crate::facts::yaml(&lines)
        };
        rows.looked(Evidence::path(&path, "its addresses were looked at"));
        for setting in all {
            let last = setting.key.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
            let wide = ["0.0.0.0", "[::]", "*:", ":::"]
                .iter()
                .any(|start| setting.value.starts_with(start))
                || setting.value == "::"
                || setting.value == "*";
            let own = path.starts_with("/etc/burgrave");
            if keys.contains(&last.as_str()) && wide && !own {
                rows.fail(
                    format!(
                        "the application of {} listens on every address: {}",
                        path.display(),
                        setting.value
                    ),
                    Evidence::at(&setting.place, format!("{}: {}", setting.key, setting.value)),
                );
            }
        }
    }
    for unit in rows
        .take(facts.units().as_ref().map_err(Clone::clone))
        .into_iter()
        .flatten()
        .filter(|unit| super::own_service(facts, unit))
    {
        for command in unit.commands() {
            let words: Vec<&str> = command.value.split_whitespace().collect();
            let wide = words.iter().any(|word| {
                word.starts_with("0.0.0.0")
                    || word.contains("=0.0.0.0")
                    || *word == "::"
                    || word.contains("=:::")
                    || word.contains("://0.0.0.0")
            });
            if wide {
                rows.fail(
                    format!("the service {} listens on every address", unit.name),
                    Evidence::at(&command.place, &command.value),
                );
            } else {
                rows.looked(Evidence::at(&command.place, &command.value));
            }
        }
    }
}

/// Keys that name an address to listen on.
const KEYS: &[&str] = &[
    "listen",
    "bind",
    "host",
    "address",
    "bind_address",
    "listen_address",
    "http_addr",
    "addr",
    "server.address",
    "server.host",
    "listen_addr",
];

/// Where applications keep their settings.
const PLACES: &[&str] = &[
    "/etc/*/config.y*ml",
    "/opt/*/config.y*ml",
    "/opt/*/config/*.y*ml",
    "/srv/*/config.y*ml",
    "/etc/*/*.toml",
    "/etc/*/app.y*ml",
];

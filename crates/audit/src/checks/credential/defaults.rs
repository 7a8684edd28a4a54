//! No program keeps the password that it was shipped with.

use super::{index, is_template, own_files};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-defaults",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "no program keeps the password that it was shipped with",
    why: "Lists of such passwords are public and are tried first. Those of a database, a queue \
              or a console are as bad as none.",
    remedy: "Set a password of your own.",
    controls: &["PCI 2.2.2", "ISO 8.9", "ASVS 6.3.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/tomcat/tomcat-users.xml",
            "<tomcat-users>\n<user username=\"admin\" password=\"tomcat\" roles=\"manager-gui\"/>\n",
        )],
        pass: &[File(
            "/etc/tomcat/tomcat-users.xml",
            "<!-- <user username=\"admin\" password=\"tomcat\"/> -->\n",
        )],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = index(facts, rows) else { return };
    rows.looked(Evidence::path(Path::new("/"), "passwords of settings were looked at"));
    for node in own_files(index).filter(|node| {
        ENDINGS.iter().any(|end| node.name().ends_with(end)) && !is_template(node.name())
    }) {
        if facts.packages().as_ref().is_ok_and(|packages| packages.owner(&node.path).is_some())
            || node.path.components().any(|part| {
                part.as_os_str() == "node_modules"
                    || part.as_os_str() == "vendor"
                    || part.as_os_str() == "tests"
            })
        {
            continue;
        }
        let Some(Some(lines)) = rows.take(facts.glance(&node.path)) else { continue };
        let mut comment = false;
        for line in &lines {
            comment = comment && !line.text.contains("-->")
                || line.text.contains("<!--") && !line.text.contains("-->");
            let lower = line.text.trim().to_ascii_lowercase();
            if comment
                || lower.starts_with(['#', ';'])
                || lower.starts_with("//")
                || lower.starts_with("<!--")
            {
                continue;
            }
            let value = password_in(&lower);
            if let Some(value) = value.filter(|value| KNOWN.contains(&value.as_str())) {
                rows.fail(
                    format!(
                        "{} has a default password that is guessed at once",
                        node.path.display()
                    ),
                    Evidence::at(
                        &line.place,
                        format!("a password of {} letters from the lists", value.len()),
                    ),
                );
                break;
            }
        }
    }
}

/// Passwords that programs are shipped with, from the lists that are tried first.
const KNOWN: &[&str] = &[
    "admin",
    "password",
    "root",
    "guest",
    "tomcat",
    "s3cret",
    "changeit",
    "changeme",
    "postgres",
    "mysql",
    "redis",
    "secret",
    "123456",
    "12345678",
    "test",
    "minioadmin",
    "elastic",
    "oracle",
    "toor",
    "default",
    "letmein",
    "rabbitmq",
    "grafana",
    "nagios",
    "zabbix",
    "jenkins",
    "qwerty",
    "passw0rd",
    "p@ssw0rd",
    "welcome",
    "admin123",
    "root123",
    "password1",
];

/// Endings of files of settings.
const ENDINGS: &[&str] = &[
    ".env",
    ".conf",
    ".ini",
    ".yml",
    ".yaml",
    ".xml",
    ".properties",
    ".cnf",
    ".json",
    ".toml",
    ".php",
    ".py",
];

/// Parts of names behind which a password stands.
const NAMES: &[&str] =
    &["password", "passwd", "default_pass", "_pass", "admin_password", "requirepass"];

/// The value behind the name of a password in a line in lower case.
fn password_in(line: &str) -> Option<String> {
    NAMES.iter().find_map(|name| {
        let rest = line.split_once(name)?.1.trim_start_matches(['"', '\'', ']']).trim_start();
        let arrow = rest.strip_prefix("=>");
        let rest =
            arrow.or_else(|| rest.strip_prefix(['=', ':'])).or_else(|| rest.strip_prefix(' '))?;
        let rest = rest.trim().trim_matches(['"', '\'', ',', ';', '/', '>']);
        rest.split(['"', '\'', ' ']).next().map(str::to_owned)
    })
}

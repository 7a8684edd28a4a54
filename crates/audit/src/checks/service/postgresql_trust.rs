//! PostgreSQL asks for a password.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-postgresql-trust",
    safeguard: Safeguard::Services,
    severity: Severity::Critical,
    title: "PostgreSQL asks for a password",
    why: "`trust` in pg_hba.conf lets everybody in as anybody, also as the superuser, who can \
              run programs. `md5` and `password` are nearly as old.",
    remedy: "`scram-sha-256` in pg_hba.conf; `peer` for local sockets.",
    controls: &["PCI 8.3.1", "ISO 8.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/postgresql/15/main/pg_hba.conf", "host all all 0.0.0.0/0 trust\n")],
        pass: &[File(
            "/etc/postgresql/15/main/pg_hba.conf",
            "# host all all 0.0.0.0/0 trust\nlocal all all peer\n",
        )],
        unknown: &[
            File("/etc/postgresql/15/main/pg_hba.conf", ""),
            Denied("/etc/postgresql/15/main/pg_hba.conf"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/postgresql/*/*/pg_hba.conf")).unwrap_or_default() {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        for line in lines.iter() {
            let words = crate::facts::words(crate::facts::uncommented(&line.text, "#"));
            let parts: Vec<&str> = words.iter().map(String::as_str).collect();
            let (address, rest) = match parts.as_slice() {
                ["local", _, _, method, ..] => ("local", *method),
                [
                    "host" | "hostssl" | "hostnossl" | "hostgssenc" | "hostnogssenc",
                    _,
                    _,
                    address,
                    second,
                    third,
                    ..,
                ] if second.contains('.') => (*address, *third),
                [
                    "host" | "hostssl" | "hostnossl" | "hostgssenc" | "hostnogssenc",
                    _,
                    _,
                    address,
                    method,
                    ..,
                ] => (*address, *method),
                _ => continue,
            };
            let far = address != "local"
                && !address.starts_with("127.")
                && !address.starts_with("::1")
                && address != "localhost";
            let everybody = ["0.0.0.0/0", "::/0", "all", "0.0.0.0"].contains(&address);
            let text = words.join(" ");
            match rest {
                "trust" => rows.fail_as(
                    if far { Severity::Critical } else { Severity::High },
                    format!(
                        "PostgreSQL lets everybody in without a password (trust) from {address}"
                    ),
                    Evidence::at(&line.place, text),
                ),
                "password" | "ident" if far => rows.fail_as(
                    Severity::High,
                    format!(
                        "PostgreSQL takes {rest} from {address}, which is readable or forgeable"
                    ),
                    Evidence::at(&line.place, text),
                ),
                "md5" if far => rows.fail_as(
                    Severity::Low,
                    format!(
                        "PostgreSQL takes md5 passwords from {address} instead of scram-sha-256"
                    ),
                    Evidence::at(&line.place, text),
                ),
                "scram-sha-256" | "cert" | "peer" if everybody => rows.fail_as(
                    Severity::Medium,
                    format!("PostgreSQL takes logins from every address ({address})"),
                    Evidence::at(&line.place, text),
                ),
                _ => rows.looked(Evidence::at(&line.place, text)),
            }
        }
    }
}

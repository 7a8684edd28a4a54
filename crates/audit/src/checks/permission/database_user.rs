//! Applications have database accounts of their own.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-database-user",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "applications have database accounts of their own",
    why: "As the database's superuser one injection reads every database, writes files and \
              runs programs. The application needs its own tables only.",
    remedy: "Make an account with rights on the application's database alone.",
    controls: &["PCI 7.2.5", "PCI 7.2.6", "ISO 8.2", "ASVS 13.2.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/shop/.env", "DB_USER=root\n")],
        pass: &[File("/var/www/shop/.env", "# DB_USER=root\nDB_USER=shop\n")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return;
    };
    rows.looked(Evidence::path(Path::new("/"), "settings of applications were looked at"));
    let names = NAMES;
    let roots = SUPERUSERS;
    let tops = ["/var/www", "/srv", "/opt", "/etc", "/home"];
    for node in tops
        .iter()
        .flat_map(|top| index.below(Path::new(top)))
        .filter(|node| node.is_file() && node.metadata.len < 256 * 1024)
    {
        let name = node.name();
        let settings = name == ".env"
            || name.starts_with(".env.")
            || name.ends_with(".env")
            || [
                "wp-config.php",
                "config.php",
                "database.yml",
                "settings.py",
                "application.properties",
                "config.yml",
                "config.ini",
            ]
            .contains(&name);
        if !settings
            || ["example", "sample", "dist", "template"].iter().any(|end| name.ends_with(end))
        {
            continue;
        }
        let lines = rows.take(facts.glance(&node.path)).flatten();
        for line in lines.iter().flat_map(|lines| lines.iter()) {
            let text = line.text.trim();
            if text.starts_with(['#', ';']) || text.starts_with("//") {
                continue;
            }
            let upper = text.to_ascii_uppercase();
            let Some(found) = names.iter().find(|name| upper.contains(*name)) else { continue };
            let value = upper
                .split_once(found)
                .map_or("", |(_, rest)| rest)
                .trim_start_matches(['"', '\'', ' ', ',', '=', ':', '>', ']']);
            let value = value
                .split(['"', '\'', ' ', ';', ',', ')'])
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            let address = crate::facts::uncommented(text, "#")
                .split("://")
                .nth(1)
                .and_then(|rest| rest.split([':', '@']).next());
            if roots.contains(&value.as_str())
                || found.contains("URL") && address.is_some_and(|user| roots.contains(&user))
            {
                rows.fail(
                    format!(
                        "the application of {} is the database's superuser ({value})",
                        node.path.display()
                    ),
                    Evidence::at(&line.place, format!("{found}={value}")),
                );
            }
        }
    }
}

/// Variables that name the account.
const NAMES: &[&str] = &[
    "DB_USER",
    "DB_USERNAME",
    "DATABASE_USER",
    "DATABASE_USERNAME",
    "MYSQL_USER",
    "PGUSER",
    "POSTGRES_USER",
    "DB_LOGIN",
    "MONGO_USER",
    "SPRING_DATASOURCE_USERNAME",
];

/// Accounts of databases that may do everything.
const SUPERUSERS: &[&str] =
    &["root", "postgres", "sa", "admin", "administrator", "mysql", "sys", "system"];

//! No tool for databases or files lies in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-admin-tool",
    safeguard: Safeguard::Cleanup,
    severity: Severity::High,
    title: "no tool for databases or files lies in a web root",
    why: "adminer, phpMyAdmin and file managers are the whole application behind one password, \
              and old ones have holes. Bots look for them everywhere.",
    remedy: "Remove it, or put it on a host name that only the staff's network reaches.",
    controls: &["PCI 2.2.5", "ISO 8.9", "ASVS 13.4.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/adminer.php", "")],
        pass: &[File("/var/www/html/administration.html", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a tool for databases or files stands in a web root", |node, name| {
        let files = [
            "adminer.php",
            "pma.php",
            "phpminiadmin.php",
            "dbadmin.php",
            "sqlbuddy.php",
            "tinyfilemanager.php",
            "filemanager.php",
            "elfinder.php",
            "opcache.php",
            "apc.php",
            "apcu.php",
            "memcache.php",
            "redis.php",
            "bigdump.php",
            "searchreplacedb2.php",
            "dbkiss.php",
            "mysql.php",
            "webadmin.php",
        ];
        let folders = [
            "adminer",
            "phpmyadmin",
            "pma",
            "phppgadmin",
            "phpldapadmin",
            "webadmin",
            "elfinder",
            "filemanager",
            "sqlbuddy",
            "rockmongo",
            "mysqladmin",
            "dbadmin",
            "myadmin",
            "roundcube",
            "phpredisadmin",
        ];
        let adminer = name.starts_with("adminer-") && name.ends_with(".php")
            || name.starts_with("phpmyadmin-") && node.is_folder();
        (node.is_file() && files.contains(&name)
            || node.is_folder() && folders.contains(&name)
            || adminer)
            .then_some(Severity::High)
    });
}

//! Names that are never served: what is hidden, what was left behind, what is secret. One table, a
//! reason each, compared without regard to case. A name is looked up in it, not held against each row.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// How a row of the table compares.
#[derive(Clone, Copy, Debug)]
enum Match {
    /// The whole segment.
    Whole,
    /// The end of the segment, with at least one byte before it.
    End,
    /// The start of the segment.
    Start,
}

const BACKUP: &str = "backup file";
const ARCHIVE: &str = "archive";
const DUMP: &str = "database or dump";
const SECRET: &str = "key or secret";
const VERSIONS: &str = "version control";
const INSTALLER: &str = "installer or diagnostic page";
const SOURCE: &str = "source of a program";
const PARTS: &str = "list of what it is built from";
const RECORD: &str = "log or memory of a program";
const DROPPING: &str = "editor dropping";

const TABLE: &[(Match, &[&str], &str)] = &[
    (Match::End, &["~", ".bak", ".back", ".backup", ".bkp", ".old", ".orig", ".original"], BACKUP),
    (Match::End, &[".save", ".sav", ".tmp", ".temp", ".copy", ".1", ".2", ".0", ".rej"], BACKUP),
    (Match::End, &[".prev", ".dist", ".bak1", ".bak2", "_bak", "_old", "_backup"], BACKUP),
    (Match::End, &[".dpkg-old", ".dpkg-dist", ".dpkg-new", ".ucf-old", ".rpmsave"], BACKUP),
    (
        Match::End,
        &[".rpmorig", ".rpmnew", ".php_", ".php-", ".bkup", ".bk", ".bck", ".bac"],
        BACKUP,
    ),
    (Match::End, &[".old1", ".old2", ".bak3", ".backup1", ".backup2", ".html-old"], BACKUP),
    (Match::End, &[".html-bak", ".html-orig", ".htm-old", ".htm-bak", ".js-old"], BACKUP),
    (Match::End, &[".js-bak", ".css-old", ".css-bak", ".txt-old", ".txt-bak"], BACKUP),
    (Match::End, &[".disabled", ".wbk", ".sik", ".ucf-dist", ".ucf-new", ".pacsave"], BACKUP),
    (Match::End, &[".pacnew", ".pacorig", ",v", ".mine", ".phpbak", ".php-bak"], BACKUP),
    (Match::End, &[".php-old", ".php-dist"], BACKUP),
    (Match::Start, &["copy of ", "backup of ", "~$"], BACKUP),
    (Match::End, &[" - copy", " copy"], BACKUP),
    (Match::End, &[".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".tbz2"], ARCHIVE),
    (Match::End, &[".xz", ".txz", ".zst", ".br", ".lz", ".lzma", ".war", ".jar", ".ear"], ARCHIVE),
    (Match::End, &[".tbz", ".tlz", ".tzst", ".lz4", ".lzo", ".z", ".cab", ".arj", ".ace"], ARCHIVE),
    (Match::End, &[".cpio", ".001", ".z01", ".r00", ".zipx", ".bkf", ".wim"], ARCHIVE),
    (Match::End, &[".sql", ".dump", ".dmp", ".db", ".db3", ".sqlite", ".sqlite3", ".mdb"], DUMP),
    (Match::End, &[".accdb", ".ldf", ".mdf", ".rdb", ".db-wal", ".db-shm", ".db-journal"], DUMP),
    (Match::End, &[".frm", ".ibd", ".myd", ".fdb", ".vmdk", ".qcow2", ".vhd", ".vhdx"], DUMP),
    (Match::End, &[".sqlite-wal", ".sqlite-shm", ".sqlite-journal", ".sqlite3-wal"], DUMP),
    (Match::End, &[".sqlite3-shm", ".sqlite3-journal", ".s3db", ".sqlitedb", ".db2"], DUMP),
    (Match::End, &[".pgsql", ".psql", ".mysql", ".pgdump", ".bson", ".aof", ".ldif"], DUMP),
    (Match::End, &[".mdmp", ".dbf", ".ndf", ".myi", ".bacpac", ".dacpac", ".gdb"], DUMP),
    (Match::End, &[".pst", ".mbox", ".duckdb", ".kdb"], DUMP),
    (Match::Whole, &["ibdata1", "ib_logfile0", "ib_logfile1"], DUMP),
    (Match::End, &[".p8", ".pkcs12", ".bks", ".truststore", ".pvk", ".snk", ".keytab"], SECRET),
    (Match::End, &[".rdp", ".pcf", ".agilekeychain"], SECRET),
    (Match::Start, &["id_rsa.", "id_dsa.", "id_ecdsa.", "id_ed25519.", "ssh_host_"], SECRET),
    (Match::Start, &["secring."], SECRET),
    (Match::Whole, &["id_ecdsa_sk", "id_ed25519_sk", "htpasswd", "htaccess"], SECRET),
    (Match::Whole, &["passwords.txt", "passwords.csv", "credentials.csv"], SECRET),
    (Match::Whole, &["credentials.xml", "credentials.txt", "secrets.txt"], SECRET),
    (Match::Whole, &["secrets.toml", "service-account.json", "client_secret.json"], SECRET),
    (Match::Whole, &["vault.yml", "terraform.tfvars.json", "env.local", "database.yml"], SECRET),
    (Match::Whole, &["application.properties", "application.yml", "settings.py"], SECRET),
    (Match::Whole, &["global.asa", "web.config.txt", "web-inf", "meta-inf"], SECRET),
    (Match::Whole, &["tomcat-users.xml", "wp-config", "wp-config.txt", "compose.yml"], SECRET),
    (Match::Whole, &["compose.yaml", "docker-compose.override.yml", "sftp-config.json"], SECRET),
    (Match::Whole, &["kubeconfig"], SECRET),
    (Match::End, &[".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk"], SECRET),
    (Match::End, &[".env", ".ini", ".conf", ".cnf", ".cfg", ".htpasswd", ".htaccess"], SECRET),
    (Match::End, &[".tfstate", ".tfvars", ".ovpn", ".pgpass", ".netrc"], SECRET),
    (Match::Whole, &["web.config", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"], SECRET),
    (Match::Whole, &["wp-config.php", "secrets.yml", "secrets.yaml", "secrets.json"], SECRET),
    (Match::Whole, &["credentials", "credentials.json", "docker-compose.yml"], SECRET),
    (Match::Whole, &["docker-compose.yaml", "dockerfile", "terraform.tfstate"], SECRET),
    (Match::Whole, &["authorized_keys", "known_hosts", "shadow", "passwd", "wallet.dat"], SECRET),
    (Match::Whole, &["composer.json", "composer.lock", "package.json", "package-lock.json"], PARTS),
    (Match::Whole, &["yarn.lock", "pnpm-lock.yaml", "gemfile", "gemfile.lock", "pipfile"], PARTS),
    (Match::Whole, &["pipfile.lock", "poetry.lock", "requirements.txt", "cargo.lock"], PARTS),
    (Match::Whole, &["npm-shrinkwrap.json", "pom.xml", "go.mod", "cargo.toml"], PARTS),
    (Match::Whole, &["pyproject.toml", "build.gradle"], PARTS),
    (Match::Whole, &["go.sum", "makefile", "jenkinsfile", "vagrantfile", "procfile"], PARTS),
    (Match::Whole, &["cvs", "_darcs", "rcs", "sccs"], VERSIONS),
    (Match::Whole, &["install.php", "setup.php", "phpinfo.php", "info.php", "test.php"], INSTALLER),
    (Match::Whole, &["upgrade.php", "adminer.php", "installer.php", "i.php"], INSTALLER),
    (Match::End, &[".php", ".php3", ".php4", ".php5", ".php7", ".php8"], SOURCE),
    (Match::End, &[".phtml", ".phar", ".phps", ".pht", ".inc"], SOURCE),
    (Match::End, &[".asp", ".aspx", ".ascx", ".asax", ".ashx", ".asmx", ".cshtml"], SOURCE),
    (Match::End, &[".jsp", ".jspx", ".jspf", ".cgi", ".fcgi", ".cfm", ".asa", ".php2"], SOURCE),
    (Match::End, &[".php6", ".phpt", ".pyc", ".erb", ".ejs", ".class"], SOURCE),
    (Match::End, &[".swp", ".swo", ".swn", ".swx", ".un~", ".kate-swp", ".part"], DROPPING),
    (Match::End, &[".swm", ".swl", ".swk", ".crdownload", ".partial", ".filepart"], DROPPING),
    (Match::Whole, &["4913", "thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx"], DROPPING),
    (Match::End, &[".log", ".pcap", ".pcapng", ".hprof", ".stackdump"], RECORD),
    (Match::Whole, &["nohup.out", "core", "error_log", "access_log"], RECORD),
];

/// Why a path segment is hidden; `first` for the segment right below the root.
pub(crate) fn hidden(segment: &[u8], first: bool) -> Option<&'static str> {
    match segment {
        b"." | b".." => Some("climbing path"),
        b".well-known" if first => None,
        [b'.', rest @ ..] if rest.first() != Some(&b'.') => Some("hidden file"),
        _ if segment.eq_ignore_ascii_case(b"cvs") => Some(VERSIONS),
        _ => None,
    }
}

/// Why a path segment is not served as a file; `first` for the segment right below the root.
pub(crate) fn refused(segment: &[u8], first: bool) -> Option<&'static str> {
    match segment {
        [] => return Some("empty path segment"),
        [.., b'.'] if segment != b"." && segment != b".." => return Some("trailing dot"),
        [.., b' '] | [b' ', ..] => return Some("trailing space"),
        [b'#', .., b'#'] => return Some(DROPPING),
        [b'.', b'.', ..] if segment != b".." => return Some("hidden file"),
        _ => {}
    }
    hidden(segment, first).or_else(|| listed(segment))
}

/// Parts that give a backup of a program's source away wherever they stand (`a.php.bak.txt`): a name with one dot has none
/// of them.
const INNER: [&[u8]; 10] = [
    b".php.", b".bak.", b".old.", b".orig.", b".sql.", b".swp.", b".log.", b".key.", b".tar.",
    b".zip.",
];
/// As file managers and the rotation of logs name a copy.
const COPIES: [&[u8]; 6] =
    [b" (copy)", b" - copy", b" copy.", b" copy (", b" (another copy)", b".log-"];

/// The table by what a name is looked up by.
struct Index {
    whole: HashMap<&'static [u8], &'static str>,
    /// Ends that are a name's last dot and what follows it.
    dotted: HashMap<&'static [u8], &'static str>,
    /// The other rows.
    rest: Vec<(Match, &'static [u8], &'static str)>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { whole: HashMap::new(), dotted: HashMap::new(), rest: Vec::new() };
    let rows = TABLE
        .iter()
        .flat_map(|(how, names, why)| names.iter().map(move |name| (how, name.as_bytes(), why)));
    for (how, name, why) in rows {
        match (how, last_dot(name)) {
            (Match::Whole, _) => drop(index.whole.insert(name, why)),
            (Match::End, Some(0)) => drop(index.dotted.insert(name, why)),
            (Match::End | Match::Start, _) => index.rest.push((*how, name, why)),
        }
    }
    index
});

/// A number behind what a file's name ends with otherwise, as logs and copies have: `error.log.10`, and not `app.v1.10`.
fn is_numbered(name: &[u8]) -> bool {
    let mut parts = name.rsplit(|byte| *byte == b'.');
    let (number, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    parts.next().is_some_and(|stem| !stem.is_empty())
        && (1..=8).contains(&number.len())
        && number.iter().all(u8::is_ascii_digit)
        && (2..=5).contains(&kind.len())
        && kind.iter().all(u8::is_ascii_alphabetic)
}

fn last_dot(name: &[u8]) -> Option<usize> {
    memchr::memrchr(b'.', name)
}

fn listed(segment: &[u8]) -> Option<&'static str> {
    let upper = segment.iter().any(u8::is_ascii_uppercase);
    let lower =
        if upper { Cow::Owned(segment.to_ascii_lowercase()) } else { Cow::Borrowed(segment) };
    let dot = last_dot(&lower);
    let holds = |part: &[u8]| memchr::memmem::find(&lower, part).is_some();
    let dots = dot != memchr::memchr(b'.', &lower);
    if dots && INNER.iter().any(|part| holds(part)) || COPIES.iter().any(|part| holds(part)) {
        return Some(BACKUP);
    }
    if is_numbered(&lower) {
        return Some(BACKUP);
    }
    let end = dot.filter(|dot| *dot > 0).and_then(|dot| lower.get(dot..));
    let named = INDEX.whole.get(&*lower).or_else(|| INDEX.dotted.get(end?));
    named.copied().or_else(|| {
        let hit = |how: Match, part: &[u8]| match how {
            Match::Whole => *lower == *part,
            Match::End => lower.len() > part.len() && lower.ends_with(part),
            Match::Start => lower.starts_with(part),
        };
        INDEX.rest.iter().find_map(|(how, part, why)| hit(*how, part).then_some(*why))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_refused_under_any_spelling() {
        for name in [
            "index.html~",
            "a.BAK",
            "a.old",
            "a.orig",
            "a.save",
            "a.tmp",
            "a.copy",
            "a.1",
            "#a#",
            "Copy of a.txt",
            "a - Copy",
            "site.zip",
            "SITE.TAR.GZ",
            "a.tgz",
            "a.7z",
            "a.rar",
            "a.br",
            "a.bz2",
            "a.xz",
            "dump.sql",
            "a.dump",
            "a.db",
            "a.sqlite",
            "a.mdb",
            "server.pem",
            "server.key",
            "a.p12",
            "prod.env",
            "php.ini",
            "a.conf",
            ".htpasswd",
            "web.config",
            ".git",
            ".GIT",
            ".svn",
            ".hg",
            "CVS",
            "cvs",
            "install.php",
            "Setup.PHP",
            "phpinfo.php",
            "a.swp",
            ".a.swo",
            "4913",
            ".DS_Store",
            "Thumbs.db",
            "desktop.ini",
            ".env",
            "a.php.txt",
            "a.",
            "a ",
            ".",
            "..",
            "...",
            "..a",
            "",
            "id_rsa",
        ] {
            assert!(refused(name.as_bytes(), true).is_some(), "{name}");
        }
    }

    #[test]
    fn so_are_lists_logs_and_sources() {
        for name in [
            "a (copy).txt",
            "a.php_",
            "a.conf.dpkg-old",
            "users.ibd",
            "authorized_keys",
            "Composer.lock",
            "package.json",
            "Vagrantfile",
            "default.aspx",
            "index.jsp",
            "debug.log",
            "access_log",
            "error.log.3",
            "error.log-20240101",
            "index.html.7",
            "index - Copy.html",
            "index - copy (2).html",
            "index copy.html",
            "index.html-old",
            "index.html,v",
            "~$budget.docx",
            "app.sqlite-wal",
            "backup.tar.gz.enc",
            "id_rsa.txt",
            "ssh_host_rsa_key",
            "server.key.txt",
            "WEB-INF",
            "build.7z.001",
        ] {
            assert!(refused(name.as_bytes(), true).is_some(), "{name}");
        }
    }

    /// Row by row, as the table is read.
    fn by_rows(segment: &[u8]) -> bool {
        let lower = segment.to_ascii_lowercase();
        let inner = INNER.iter().any(|part| memchr::memmem::find(&lower, part).is_some());
        let row = |how: Match, name: &[u8]| match how {
            Match::Whole => lower == name,
            Match::End => lower.len() > name.len() && lower.ends_with(name),
            Match::Start => lower.starts_with(name),
        };
        let rows = || {
            TABLE.iter().any(|(how, names, _)| names.iter().any(|name| row(*how, name.as_bytes())))
        };
        let copy = COPIES.iter().any(|part| memchr::memmem::find(&lower, part).is_some());
        inner || copy || is_numbered(&lower) || rows()
    }

    #[test]
    fn what_is_looked_up_is_what_the_rows_say() {
        let parts = TABLE.iter().flat_map(|(_, names, _)| *names).map(|name| name.as_bytes());
        let parts: Vec<&[u8]> =
            parts.chain(INNER).chain(COPIES).chain([&b"a"[..], b".", b"x.y"]).collect();
        let mut hidden = 0;
        for one in &parts {
            for other in parts.iter().chain([&&b""[..]]) {
                for name in [[*one, *other].concat(), [*one, *other].concat().to_ascii_uppercase()]
                {
                    assert_eq!(listed(&name).is_some(), by_rows(&name), "{}", name.escape_ascii());
                    hidden += usize::from(by_rows(&name));
                }
            }
        }
        assert!(hidden > 1000 && hidden < 2 * parts.len() * parts.len());
    }

    #[test]
    fn near_misses_are_served() {
        for name in [
            "testimonials",
            "gold.txt",
            "bakery.html",
            "sqlite-guide.html",
            "index.html",
            "a.b.txt",
            "backup-strategy.html",
            "zip.html",
            "keynote.pdf",
            "git",
            "environment.html",
            "install.html",
            "dumpling.jpg",
            "archive",
            "old",
            "core.js",
            "database.html",
            "copy.css",
            "score",
            "app.v1.2.js",
            "1k.txt",
            "c++.html",
            "security.txt",
            "manifest.json",
            "openapi.yaml",
            "install.sh",
            "catalog",
            "changelog.html",
            "photocopy.txt",
            "root.crt",
            "photocopy.html",
            "copy-trading.html",
            "app.v1.2.33.js",
            "logo.org.png",
            "v2.5",
            "jquery-3.6.3",
            "www.example.org",
            "blog-for-young-and-old",
            "appsettings.json",
            "catalog-2024.html",
            "blog.html",
            "report.2024.pdf",
            "keys.html",
            "compose.html",
            "release.asc",
            "install.iso",
            "jsp.html",
        ] {
            assert_eq!(refused(name.as_bytes(), true), None, "{name}");
        }
        assert_eq!(refused(b".well-known", true), None);
        assert_eq!(refused(b".well-known", false), Some("hidden file"));
    }
}

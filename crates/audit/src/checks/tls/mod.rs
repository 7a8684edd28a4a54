//! TLS: what servers offer, and the certificates that they show.

// Checks of this family.
pub(super) mod ciphers;
pub(super) mod databases;
pub(super) mod expired;
pub(super) mod mail;
pub(super) mod no_hsts;
pub(super) mod no_redirect;
pub(super) mod protocols;
#[cfg(test)]
mod samples;
pub(super) mod self_signed;
pub(super) mod session_tickets;
pub(super) mod short_key;
pub(super) mod system_policy;
pub(super) mod upstream;
pub(super) mod weak_signature;
pub(super) mod wrong_name;
// End of the checks.

use crate::check::Rows;
use crate::facts::{Certificate, Facts, Place, Site};
use std::path::PathBuf;

/// A certificate in use, and by what.
struct Used {
    path: PathBuf,
    certificate: Certificate,
    place: Place,
    by: String,
    /// Names that clients ask for; empty where that is not known.
    names: Vec<String>,
}

/// Every certificate that a server's configuration names, and those beside a private key.
fn certificates(facts: &Facts<'_>, rows: &mut Rows) -> Vec<Used> {
    let mut named: Vec<(PathBuf, Place, String, Vec<String>)> = Vec::new();
    for site in rows.take(facts.sites().as_ref().map_err(Clone::clone)).into_iter().flatten() {
        named.extend(
            site.certificates.iter().map(|(path, place)| {
                (path.clone(), place.clone(), site.line(), site.names.clone())
            }),
        );
    }
    named.extend(of_others(facts, rows));
    named.extend(mentioned(facts, rows));
    for path in rows.take(facts.glob("/etc/letsencrypt/live/*/cert.pem")).unwrap_or_default() {
        let place = Place { path: std::sync::Arc::from(path.as_path()), line: 0 };
        named.push((path, place, "its key lies beside it".to_owned(), Vec::new()));
    }
    let mut out: Vec<Used> = Vec::new();
    for (path, place, by, names) in named {
        let Some(Some(certificate)) = rows.take(facts.certificate(&path)) else { continue };
        let again =
            out.iter().any(|used| used.path == path && (names.is_empty() || used.names == names));
        let own_authority = certificate.is_authority && certificate.is_self_issued;
        let is_store = own_authority && names.is_empty();
        if !again && !is_store {
            out.push(Used { path, certificate, place, by, names });
        }
    }
    out
}

/// Certificates that other servers' settings name.
fn of_others(facts: &Facts<'_>, rows: &mut Rows) -> Vec<(PathBuf, Place, String, Vec<String>)> {
    let sources: [(&str, &[&str], crate::facts::ini::Dialect); 9] = [
        ("/etc/stunnel/*.conf", &["cert"], crate::facts::ini::INI),
        ("/etc/postfix/main.cf", &["smtpd_tls_cert_file"], crate::facts::ini::INI),
        ("/etc/dovecot/conf.d/*.conf", &["ssl_cert"], crate::facts::ini::INI),
        ("/etc/dovecot/dovecot.conf", &["ssl_cert"], crate::facts::ini::INI),
        ("/etc/postgresql/*/*/postgresql.conf", &["ssl_cert_file"], crate::facts::ini::LOOSE),
        ("/etc/mysql/mariadb.conf.d/*.cnf", &["ssl-cert", "ssl_cert"], crate::facts::ini::INI),
        ("/etc/vsftpd.conf", &["rsa_cert_file"], crate::facts::ini::INI),
        ("/etc/redis/*.conf", &["tls-cert-file"], crate::facts::ini::SPACED),
        ("/etc/exim4/conf.d/main/*", &["MAIN_TLS_CERTIFICATE"], crate::facts::ini::INI),
    ];
    let mut out = Vec::new();
    for (pattern, keys, dialect) in sources {
        for path in rows.take(facts.glob(pattern)).unwrap_or_default() {
            for setting in rows.take(facts.settings(&path, dialect)).unwrap_or_default() {
                if keys.contains(&setting.key.as_str()) {
                    let file = PathBuf::from(setting.value.trim_start_matches('<'));
                    out.push((
                        file,
                        setting.place.clone(),
                        format!("{} of {}", setting.key, path.display()),
                        Vec::new(),
                    ));
                }
            }
        }
    }
    out
}

/// Sites, or a row that they cannot be had.
fn sites<'f>(facts: &'f Facts<'_>, rows: &mut Rows) -> &'f [Site] {
    match facts.sites() {
        Ok(sites) => sites,
        Err(blind) => {
            rows.unknown(blind.clone());
            &[]
        }
    }
}

/// Certificates that any other configuration below `/etc` names in a line that is no comment.
fn mentioned(facts: &Facts<'_>, rows: &mut Rows) -> Vec<(PathBuf, Place, String, Vec<String>)> {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return Vec::new();
    };
    let ends = [
        ".conf", ".cf", ".cfg", ".cnf", ".ini", ".yml", ".yaml", ".toml", ".json", ".xml", ".env",
        ".service",
    ];
    let mut out = Vec::new();
    for node in index.below(std::path::Path::new("/etc")) {
        let text = ends.iter().any(|end| node.name().ends_with(end));
        let own = ["/etc/nginx", "/etc/ca-certificates", "/etc/ca-certificates.conf"]
            .iter()
            .any(|top| node.path.starts_with(top));
        if !node.is_file() || !text || own || node.metadata.len > 256 * 1024 {
            continue;
        }
        for line in rows.take(facts.glance(&node.path)).flatten().unwrap_or_default() {
            let text = crate::facts::uncommented(&line.text, "#;");
            let words = text.split(|c: char| c.is_whitespace() || "=\"'<>,:".contains(c));
            for word in words.filter(|word| {
                word.starts_with("/etc/ssl/") && (word.ends_with(".crt") || word.ends_with(".pem"))
            }) {
                out.push((
                    PathBuf::from(word),
                    line.place.clone(),
                    format!("named in {}", node.path.display()),
                    Vec::new(),
                ));
            }
        }
    }
    out
}

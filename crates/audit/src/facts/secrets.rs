//! Credentials that stand in a text: a name that speaks of a secret with a value that is one.
//!
//! A place holder (`CHANGEME`, `<password>`, `${DB_PASSWORD}`, `xxx`), an empty value and the name of
//! a file are no secrets.

use super::text::{Line, Place, unquoted};

/// One of them. The value itself is never kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What it is called.
    pub name: String,
    /// Where.
    pub place: Place,
}

/// Parts of names that speak of a secret.
const NAMES: [&str; 14] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "private_key",
    "passphrase",
    "credential",
    "auth_key",
    "encryption_key",
];
/// Endings after which the value names where a secret is, or speaks about one.
const ABOUT: [&str; 18] = [
    "_file", "file", "_path", "path", "_command", "_cmd", "_hash", "_policy", "_length", "_min",
    "_max", "_url", "_field", "_timeout", "_expiry", "_age", "_name", "_ttl",
];

/// Secrets in the lines of a file of any kind.
pub fn secrets_in(lines: &[Line]) -> Vec<Secret> {
    let mut out = Vec::new();
    for line in lines {
        let text = line.text.trim();
        let is_comment = text.starts_with('#')
            || text.starts_with("//")
            || text.starts_with("--")
            || text.starts_with(';')
            || text.starts_with('*')
            || text.starts_with("<!--");
        if is_comment || text.len() > 4_096 || out.len() >= 50 {
            continue;
        }
        if let Some(name) = secret_in(text) {
            out.push(Secret { name, place: line.place.clone() });
        }
    }
    out
}

/// The name of the first secret of a line.
pub(crate) fn secret_in(text: &str) -> Option<String> {
    if let Some(name) = in_address(text) {
        return Some(name);
    }
    if let Some(kind) = known_form(text) {
        return Some(kind.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some((at, name)) = next_name(&lower, from) {
        from = at + name.len();
        let start = lower.get(..at)?.rfind(|c: char| !is_word(c)).map_or(0, |at| {
            at + lower.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
        });
        let end =
            lower.get(from..)?.find(|c: char| !is_word(c)).map_or(lower.len(), |more| from + more);
        let whole = text.get(start..end)?;
        let is_about = ABOUT.iter().any(|about| whole.to_ascii_lowercase().ends_with(about));
        if !is_about && assigned(text.get(end..)?).is_some_and(is_value) {
            return Some(whole.trim_start_matches('$').to_owned());
        }
    }
    option(text)
}

fn next_name(lower: &str, from: usize) -> Option<(usize, &'static str)> {
    let rest = lower.get(from..)?;
    NAMES.iter().filter_map(|name| rest.find(name).map(|at| (at + from, *name))).min()
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_-.$".contains(letter)
}

/// The value behind `=`, `:`, `=>` or, behind `define('X'`, a comma.
fn assigned(rest: &str) -> Option<&str> {
    let rest = rest.trim_start_matches(['"', '\'', ']']).trim_start();
    let after = ["=>", ":=", "=", ":", ","].iter().find_map(|mark| rest.strip_prefix(mark))?;
    let after = after.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    match quote {
        Some(quote) => after.get(1..)?.split(quote).next(),
        None => after
            .split(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '&' | ')' | '#' | '<'))
            .next(),
    }
}

/// Whether a value is a secret itself and not a place holder, a variable or a switch.
pub(crate) fn is_value(value: &str) -> bool {
    let value = unquoted(value.trim());
    let lower = value.to_ascii_lowercase();
    let holders = [
        "changeme",
        "change_me",
        "change-me",
        "changeit",
        "your",
        "example",
        "placeholder",
        "xxx",
        "***",
        "...",
        "redacted",
        "todo",
        "<",
        "{{",
        "${",
        "$(",
        "%(",
        "env(",
        "getenv",
        "process.env",
        "os.environ",
        "secret_here",
        "replace",
        "dummy",
        "insert",
        "vault:",
        "none",
        "null",
        "true",
        "false",
        "prompt",
        "file:",
        "sha512",
        "yescrypt",
        "scram",
        "md5",
        "required",
        "optional",
        "default",
        "enabled",
        "disabled",
    ];
    value.len() >= 4
        && !value.starts_with(['$', '/', '@', '%'])
        && !lower.starts_with('[')
        && !holders.iter().any(|holder| lower.contains(holder))
        && ![
            "yes", "no", "on", "off", "string", "str", "bytes", "password", "secret", "token",
            "passwd",
        ]
        .contains(&lower.as_str())
        && !value.contains('(')
}

/// `scheme://user:password@host`.
fn in_address(text: &str) -> Option<String> {
    let (before, rest) = text.split_once("://")?;
    let authority = rest.split(['/', ' ', '"', '\'']).next()?;
    let (login, _) = authority.rsplit_once('@')?;
    let (_, password) = login.split_once(':')?;
    let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '+').next()?;
    is_value(password).then(|| format!("password in a {scheme} address"))
}

/// Tokens that are known by how they begin.
fn known_form(text: &str) -> Option<&'static str> {
    let forms = [
        ("AKIA", 20, "AWS access key"),
        ("ASIA", 20, "AWS access key"),
        ("ghp_", 20, "GitHub token"),
        ("github_pat_", 30, "GitHub token"),
        ("glpat-", 20, "GitLab token"),
        ("xoxb-", 20, "Slack token"),
        ("xoxp-", 20, "Slack token"),
        ("sk_live_", 20, "Stripe key"),
        ("rk_live_", 20, "Stripe key"),
        ("SG.", 40, "SendGrid key"),
        ("AIza", 35, "Google API key"),
        ("npm_", 30, "npm token"),
    ];
    forms.iter().find_map(|(start, len, kind)| {
        let at = text.find(start)?;
        let before = text.get(..at)?.chars().next_back();
        let run = text
            .get(at..)?
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c))
            .count();
        (run >= *len && before.is_none_or(|c| !c.is_ascii_alphanumeric())).then_some(*kind)
    })
}

/// `-pSECRET` of `MySQL`'s programs, `-u user:password` of curl, `sshpass -p`, `PGPASSWORD=` is found by its name.
fn option(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let has = |name: &str| words.iter().any(|word| word.rsplit('/').next() == Some(name));
    for pair in words.windows(2) {
        if let [option, value] = pair {
            let curl = has("curl")
                && matches!(*option, "-u" | "--user")
                && value.split_once(':').is_some_and(|(_, p)| is_value(p));
            let direct = has("sshpass") && *option == "-p" && is_value(value)
                || matches!(*option, "--password" | "--pass" | "--token" | "--secret" | "-a")
                    && (*option != "-a" || has("redis-cli"))
                    && is_value(value)
                    && !value.starts_with('-');
            if curl || direct {
                return Some(format!("value of {option}"));
            }
        }
    }
    let mysql =
        ["mysql", "mysqldump", "mariadb", "mariadb-dump", "mysqladmin"].into_iter().any(has);
    let short = words.iter().any(|word| {
        word.strip_prefix("-p")
            .is_some_and(|value| !value.starts_with('-') && is_value(value) && value.len() >= 4)
    });
    (mysql && short).then(|| "value of -p".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_place_holders() {
        for text in [
            "DB_PASSWORD=kV7-quartz-19-lantern",
            "<?php $db_password = \"tallow-92-Fen\";",
            "password: hunter22",
            "'password' => 'x9-blue-Z',",
            "define('DB_PASSWORD', 'tallow-92');",
            "export PGPASSWORD=kV7-quartz-19 RESTIC_PASSWORD=trellis",
            "url = https://deploy:ghp_EXAMPLE0123456789abcdefghijKLMNOP@git.example/shop.git",
            "aws_secret_access_key = abcd1234efgh",
            "mysqldump -u root -pgantry77 shop",
            "curl -u admin:gantry77 http://x",
            "sshpass -p gantry77 ssh x",
            "\"api_key\": \"k-99123\"",
            "postgres://u:gantry77@db/x",
            "redis-cli -a gantry77 get x",
            "Environment=\"API_TOKEN=abc-123-def\"",
        ] {
            assert!(secret_in(text).is_some(), "{text}");
        }
        for text in [
            "DB_PASSWORD=",
            "DB_PASSWORD=changeme",
            "password = ${DB_PASSWORD}",
            "password: <your password>",
            "RESTIC_PASSWORD_FILE=/etc/restic/repo.key",
            "PASSWORD=$PASSWORD",
            "password_hash = x1234",
            "$password = getenv('DB_PASSWORD');",
            "PasswordAuthentication no",
            "token = None",
            "https://example.com/a:b@c",
            "mysql -u root -p",
            "password required pam_unix.so",
            "git@host:path",
            "secret=xxxxxxxx",
            "MIN_PASSWORD_LENGTH=12",
            "http://www.w3.org/2000/svg",
        ] {
            assert_eq!(secret_in(text), None, "{text}");
        }
    }
}

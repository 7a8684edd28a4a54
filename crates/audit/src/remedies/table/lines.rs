//! Lines of configuration, each changed in its own form: pure functions of one line.

use super::web::MODERN;
use crate::remedies::texts::commented;

/// The line's key with another value, its indentation kept.
fn valued(line: &str, value: &str) -> Option<String> {
    let bare = line.trim_start();
    let indent = line.strip_suffix(bare)?;
    let key = bare.split(|c: char| c.is_whitespace() || c == '=').next()?;
    Some(format!("{indent}{key} {value}"))
}

pub(super) fn forward_agent(line: &str) -> Option<String> {
    valued(line, "no")
}

pub(super) fn host_keys(line: &str) -> Option<String> {
    valued(line, "ask")
}

pub(super) fn sudo_forgets(line: &str) -> Option<String> {
    if !line.contains("timestamp_timeout") {
        return commented(line);
    }
    let parts: Vec<String> = line
        .split(',')
        .map(|part| match part.find("timestamp_timeout") {
            Some(at) => format!("{}timestamp_timeout=5", part.get(..at).unwrap_or_default()),
            None => part.to_owned(),
        })
        .collect();
    Some(parts.join(","))
}

pub(super) fn no_nullok(line: &str) -> Option<String> {
    let kept = line.split_inclusive(char::is_whitespace);
    let kept: String = kept.filter(|word| !word.trim().starts_with("nullok")).collect();
    (kept != line).then(|| kept.trim_end().to_owned())
}

pub(super) fn umask(line: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    let at = lower.find("umask")?;
    let (head, rest) = line.split_at_checked(at + "umask".len())?;
    let digits = rest.trim_start();
    let gap = rest.strip_suffix(digits)?;
    let tail = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    (tail.len() < digits.len()).then(|| format!("{head}{gap}027{tail}"))
}

pub(super) fn file_create_mode(line: &str) -> Option<String> {
    let at = line.to_ascii_lowercase().find("filecreatemode")? + "filecreatemode".len();
    let (head, rest) = line.split_at_checked(at)?;
    let digits = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
    let gap = rest.strip_suffix(digits)?;
    let tail = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    Some(format!("{head}{gap}0640{tail}"))
}

pub(super) fn rotation(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let indent = line.strip_suffix(line.trim_start())?;
    match words.as_slice() {
        ["rotate", _] => Some(format!("{indent}rotate 12")),
        ["maxage", _] => Some(format!("{indent}maxage 365")),
        ["create", _, rest @ ..] => {
            Some(format!("{indent}create 0640 {}", rest.join(" ")).trim_end().to_owned())
        }
        _ => None,
    }
}

pub(super) fn socket_mode(line: &str) -> Option<String> {
    line.trim_start().starts_with("SocketMode").then(|| "SocketMode=0660".to_owned())
}

pub(super) fn php_off(line: &str) -> Option<String> {
    let (key, _) = line.split_once('=')?;
    if key.trim().starts_with("auto_") {
        return Some(format!("; {}", line.trim_start()));
    }
    Some(format!("{}= Off", if key.ends_with(' ') { key.to_owned() } else { format!("{key} ") }))
}

pub(super) fn plain_banner(line: &str) -> Option<String> {
    (!line.is_empty()).then(|| "Authorized users only.".to_owned())
}

pub(super) fn plain_greeting(line: &str) -> Option<String> {
    let bare = line.trim_start();
    if bare.starts_with("smtpd_banner") {
        return Some("smtpd_banner = $myhostname ESMTP".to_owned());
    }
    let indent = line.strip_suffix(bare)?;
    bare.starts_with("version ").then(|| format!("{indent}version \"none\";"))
}

pub(super) fn apache_tokens(line: &str) -> Option<String> {
    let lower = line.trim_start().to_ascii_lowercase();
    let value = if lower.starts_with("servertokens") { "Prod" } else { "Off" };
    valued(line, value)
}

pub(super) fn apache_protocols(line: &str) -> Option<String> {
    valued(line, "-all +TLSv1.2 +TLSv1.3")
}

pub(super) fn apache_ciphers(line: &str) -> Option<String> {
    valued(line, MODERN)
}

pub(super) fn apache_user(line: &str) -> Option<String> {
    valued(line, "www-data")
}

/// `Options` that list folders: with signs the option is taken away, without it is left out.
pub(super) fn apache_options(line: &str) -> Option<String> {
    let bare = line.trim_start();
    let indent = line.strip_suffix(bare)?;
    let mut words = bare.split_whitespace();
    let key = words.next().filter(|key| key.eq_ignore_ascii_case("options"))?;
    let all: Vec<&str> = words.collect();
    if all.iter().any(|word| word.eq_ignore_ascii_case("all")) {
        return Some(format!("{indent}{key} FollowSymLinks"));
    }
    let mut kept: Vec<&str> = all
        .iter()
        .copied()
        .filter(|word| !word.trim_start_matches('+').eq_ignore_ascii_case("indexes"))
        .collect();
    if kept.is_empty() {
        kept.push(if all.iter().any(|word| word.starts_with('+')) { "-Indexes" } else { "None" });
    }
    Some(format!("{indent}{key} {}", kept.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedies::way::Line;

    #[test]
    fn lines_are_changed_in_their_own_form() {
        let cases: &[(Line, &str, &str)] = &[
            (umask, "umask 000", "umask 027"),
            (umask, "UMASK\t\t022 # x", "UMASK\t\t027 # x"),
            (
                no_nullok,
                "auth [a=1 b] pam_unix.so nullok_secure try",
                "auth [a=1 b] pam_unix.so try",
            ),
            (file_create_mode, "$FileCreateMode 0666", "$FileCreateMode 0640"),
            (file_create_mode, "a(fileCreateMode=\"0666\" b)", "a(fileCreateMode=\"0640\" b)"),
            (rotation, "\tcreate 666 root adm", "\tcreate 0640 root adm"),
            (rotation, " rotate 0", " rotate 12"),
            (
                sudo_forgets,
                "Defaults env_reset, timestamp_timeout=-1, x",
                "Defaults env_reset, timestamp_timeout=5, x",
            ),
            (sudo_forgets, "Defaults !env_reset", "# Defaults !env_reset"),
            (php_off, "enable_dl = On", "enable_dl = Off"),
            (php_off, "auto_prepend_file = /tmp/x", "; auto_prepend_file = /tmp/x"),
            (apache_options, "  Options Indexes FollowSymLinks", "  Options FollowSymLinks"),
            (apache_options, "Options +Indexes", "Options -Indexes"),
            (apache_options, "Options Indexes", "Options None"),
            (apache_tokens, " ServerSignature On", " ServerSignature Off"),
            (plain_greeting, "\tversion \"9.1\";", "\tversion \"none\";"),
        ];
        for (edit, old, wanted) in cases {
            assert_eq!(edit(old).as_deref(), Some(*wanted), "{old}");
        }
    }
}

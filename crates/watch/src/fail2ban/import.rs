//! Jails into our own configuration, and a report of what could not be carried over.

use super::Files;
use super::expand::Names;
use super::filter::load_filter;
use super::ini::{self, Ini};
use crate::service::by_name;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Most jails that are read.
const JAILS_MAX: usize = 2_000;

/// What became of a configuration of fail2ban.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    /// `[[watch]]` sections.
    pub toml: String,
    /// What could not be carried over, each with its reason.
    pub report: Vec<String>,
    /// Jails that were carried over.
    pub jails: usize,
}

/// Turns jails into our configuration. `names`: the files in `jail.d`, in any order. `folder`: where the
/// configuration lies, for filters that are run as they are.
pub fn import(files: Files<'_>, names: &[String], folder: &str) -> Import {
    let mut whole = Ini::default();
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    let of = |ending: &str| {
        sorted
            .iter()
            .filter(|name| name.ends_with(ending))
            .map(|name| format!("jail.d/{name}"))
            .collect::<Vec<_>>()
    };
    let paths =
        [vec!["jail.conf".to_owned()], of(".conf"), vec!["jail.local".to_owned()], of(".local")]
            .concat();
    for path in paths {
        if let Some(ini) = ini::read(files, &path) {
            whole.entries.extend(ini.entries);
        }
    }
    let mut import = Import::default();
    if whole.entries.is_empty() {
        import.report.push("no jail.conf and no jail.local is there".to_owned());
    }
    for section in whole.sections().into_iter().take(JAILS_MAX) {
        if !["", "DEFAULT", "INCLUDES"].contains(&section) {
            Jail { files, whole: &whole, name: section, folder }.carry(&mut import);
        }
    }
    import
}

struct Jail<'a> {
    files: Files<'a>,
    whole: &'a Ini,
    name: &'a str,
    folder: &'a str,
}

impl Jail<'_> {
    /// The value of a key, with everything put in.
    fn get(&self, key: &str) -> Option<String> {
        let options = BTreeMap::from([("__name__".to_owned(), self.name.to_owned())]);
        let names = Names { ini: self.whole, section: self.name, options: &options };
        let entry = self.whole.get(self.name, key).or_else(|| self.whole.get("DEFAULT", key))?;
        names.expand(&entry.value()).ok()
    }

    fn carry(&self, import: &mut Import) {
        if !self.get("enabled").is_some_and(|enabled| {
            ["true", "yes", "on", "1"].contains(&enabled.trim().to_ascii_lowercase().as_str())
        }) {
            return;
        }
        let mut say = |why: String| import.report.push(format!("[{}] {why}", self.name));
        let filter = self
            .get("filter")
            .filter(|filter| !filter.trim().is_empty())
            .unwrap_or_else(|| self.name.to_owned());
        let (filter, options) = bracketed(filter.trim());
        let mode = options.get("mode").cloned().or_else(|| self.get("mode")).unwrap_or_default();
        let Some(format) = self.format(&filter, &options, &mode, &mut say) else { return };
        for (key, what) in [
            ("ignorecommand", "a command that says whom to leave alone"),
            ("action", "own actions"),
            (
                "bantime.formula",
                "a formula for the length of bans: each is twice as long as the one before",
            ),
        ] {
            if self.whole.get(self.name, key).is_some() {
                say(format!("`{key}` is not carried over: {what}"));
            }
        }
        let ban = self.ban(&mut say);
        let sources = self.sources(&mut say);
        if sources.is_empty() {
            say("it names no log that could be carried over".to_owned());
        }
        for source in &sources {
            // Writing to a `String` does not fail.
            write!(
                import.toml,
                "# fail2ban: [{}]\n[[watch]]\n{format}source = {source}\n{ban}\n",
                self.name
            )
            .ok();
        }
        import.jails += usize::from(!sources.is_empty());
    }

    /// The service, or the filter as it is.
    fn format(
        &self,
        filter: &str,
        options: &BTreeMap<String, String>,
        mode: &str,
        say: &mut impl FnMut(String),
    ) -> Option<String> {
        let own = self.whole.get(self.name, "failregex").is_some();
        let has_local = (self.files)(&format!("filter.d/{filter}.local")).is_some();
        let name = match (filter, mode) {
            ("postfix", "auth") => "postfix-sasl",
            ("postfix", "rbl") => "postfix-rbl",
            _ => filter,
        };
        if let Some(service) = by_name(name).filter(|_| !own && !has_local) {
            let is_strict = !["", "normal", "more", "default", "auth", "rbl"].contains(&mode)
                && service.knows_strict();
            let strict = if is_strict { "strict = true\n" } else { "" };
            return Some(format!("service = {}\n{strict}", quoted(service.name)));
        }
        if own {
            say("`failregex` in the jail is not carried over: put it into a filter of its own"
                .to_owned());
            return None;
        }
        match load_filter(self.files, filter, options) {
            Ok(custom) => {
                let path = format!("{}/filter.d/{filter}.conf", self.folder.trim_end_matches('/'));
                say(format!(
                    "filter `{filter}` is run as it is, with {} expression(s)",
                    custom.len()
                ));
                if !options.is_empty() {
                    say(format!(
                        "its options are not carried over: write them into `filter.d/{filter}.local`"
                    ));
                }
                Some(format!("filter = {}\n", quoted(&path)))
            }
            Err(wrong) => {
                say(format!("filter `{filter}` cannot be run:"));
                for wrong in wrong {
                    say(wrong.to_string());
                }
                None
            }
        }
    }

    fn ban(&self, say: &mut impl FnMut(String)) -> String {
        let mut seconds = |key: &str, default: u64| {
            let written = self.get(key).unwrap_or_default();
            let written = written.trim();
            if written.is_empty() {
                return default;
            }
            duration(written).unwrap_or_else(|| {
                say(format!("`{key} = {written}` is not carried over: {default} s"));
                default
            })
        };
        let (within, length) = (seconds("findtime", 600), seconds("bantime", 600));
        let after = self
            .get("maxretry")
            .and_then(|after| after.trim().parse::<u32>().ok())
            .unwrap_or(5)
            .clamp(1, 10_000);
        let within = within.clamp(1, 7 * 86_400);
        let length = length.clamp(1, 365 * 86_400);
        format!("ban = {{ after = {after}, within = \"{within}s\", for = \"{length}s\" }}\n")
    }

    fn sources(&self, say: &mut impl FnMut(String)) -> Vec<String> {
        let backend = self.get("backend").unwrap_or_default();
        if backend.trim() == "systemd" || backend.trim().starts_with("systemd[") {
            let matches = self.get("journalmatch").unwrap_or_default();
            let unit =
                matches.split_whitespace().find_map(|word| word.strip_prefix("_SYSTEMD_UNIT="));
            let unit = unit.map_or_else(|| format!("{}.service", self.name), str::to_owned);
            return vec![format!("{{ journal = {} }}", quoted(&unit))];
        }
        let mut sources = Vec::new();
        for path in self.get("logpath").unwrap_or_default().lines().flat_map(str::split_whitespace)
        {
            if !path.starts_with('/') {
                continue;
            }
            if path.contains(['*', '?', '[']) {
                say(format!("`logpath = {path}` is a pattern: name each file"));
                continue;
            }
            sources.push(format!("{{ file = {} }}", quoted(path)));
        }
        sources
    }
}

/// `name[key=value, key="value"]`.
fn bracketed(text: &str) -> (String, BTreeMap<String, String>) {
    let Some((name, rest)) = text.split_once('[') else {
        return (text.to_owned(), BTreeMap::new());
    };
    let inner = rest.rsplit_once(']').map_or(rest, |(inner, _)| inner);
    let pairs = inner.split(',').filter_map(|pair| pair.split_once('='));
    let clean = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    (name.trim().to_owned(), pairs.map(|(key, value)| (clean(key), clean(value))).collect())
}

/// `600`, `10m`, `1d 12h`: seconds. A ban for ever (`-1`) is one for a year.
fn duration(text: &str) -> Option<u64> {
    if text == "-1" {
        return Some(365 * 86_400);
    }
    let mut total = 0_u64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let after = after.trim_start();
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(letters)?;
        let factor = match unit {
            "" | "s" | "sec" | "ss" => 1,
            "m" | "min" | "mm" => 60,
            "h" | "hour" | "hours" | "hh" => 3_600,
            "d" | "day" | "days" | "dd" => 86_400,
            "w" | "week" | "weeks" | "ww" => 7 * 86_400,
            "mo" | "month" | "mon" => 30 * 86_400,
            "y" | "year" | "yy" => 365 * 86_400,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = after.trim_start();
    }
    Some(total)
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if char.is_control() => {
                // Writing to a `String` does not fail.
                write!(out, "\\u{:04X}", u32::from(char)).ok();
            }
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(path: &str) -> Option<String> {
        let text = match path {
            "jail.conf" => {
                "[INCLUDES]\nbefore = paths.conf\n[DEFAULT]\nbantime = 10m\nfindtime = 10m\nmaxretry = 5\nbackend = auto\nmode = normal\n\
                filter = %(__name__)s[mode=%(mode)s]\nenabled = false\n\
                [sshd]\nlogpath = %(sshd_log)s\n[nginx-http-auth]\nlogpath = /var/log/nginx/error.log\n[shop]\nlogpath = /var/log/shop.log\n\
                [odd]\nlogpath = /var/log/odd.log\n[apache-auth]\nlogpath = /var/log/apache2/*error.log\n"
            }
            "paths.conf" => "[DEFAULT]\nsshd_log = /var/log/auth.log\n",
            "jail.d/a.conf" => {
                "[sshd]\nenabled = true\nmode = aggressive\nmaxretry = 3\nbantime = 1d 12h\n"
            }
            "jail.local" => {
                "[shop]\nenabled = true\nbackend = systemd\n[odd]\nenabled = true\n[apache-auth]\nenabled = yes\n"
            }
            "filter.d/shop.conf" => {
                "[Definition]\nfailregex = ^shop: no <F-USER>\\S+</F-USER> <HOST>$\n"
            }
            "filter.d/odd.conf" => "[Definition]\nfailregex = ^(?!x)a <HOST>$\n",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn jails_become_watches_and_the_rest_is_told() {
        let import = import(&files, &["a.conf".to_owned()], "/etc/fail2ban");
        assert_eq!(
            import.toml,
            "# fail2ban: [sshd]\n[[watch]]\nservice = \"sshd\"\nstrict = true\nsource = { file = \"/var/log/auth.log\" }\n\
             ban = { after = 3, within = \"600s\", for = \"129600s\" }\n\n\
             # fail2ban: [shop]\n[[watch]]\nfilter = \"/etc/fail2ban/filter.d/shop.conf\"\nsource = { journal = \"shop.service\" }\n\
             ban = { after = 5, within = \"600s\", for = \"600s\" }\n\n"
        );
        assert_eq!(import.jails, 2);
        let report = import.report.join("\n");
        for part in [
            "[odd] filter `odd` cannot be run",
            "filter.d/odd.conf:2: `(?!x)a",
            "[apache-auth] `logpath = /var/log/apache2/*error.log` is a pattern",
        ] {
            assert!(report.contains(part), "{part}: {report}");
        }
    }

    #[test]
    fn times_are_read_as_fail2ban_writes_them() {
        for (text, expected) in [
            ("600", Some(600)),
            ("10m", Some(600)),
            ("1d 12h", Some(129_600)),
            ("-1", Some(31_536_000)),
            ("x", None),
            ("1q", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}

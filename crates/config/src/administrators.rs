//! Reads `[administrators]`: whose sign-ins are looked at, and where they usually come from.

use crate::error::quoted;
use crate::kinds::{AbsolutePath, List};
use crate::names::Parsed;
use crate::sink::Sink;
use crate::table::{Key, OneTable, Section, Table};
use burgrave_watch::Place;
use std::path::PathBuf;

/// Who administers, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Administrators {
    /// Their accounts, as logs write them; one at least.
    pub accounts: Vec<String>,
    /// Files that say where an address is; one at least.
    pub databases: Vec<PathBuf>,
    /// Where they usually come from. Empty: that is learned.
    pub usual: Vec<Place>,
}

pub(crate) static ADMINISTRATORS: Key<OneTable> = Key {
    name: "administrators",
    kind: OneTable(&SECTION),
    default: "nobody's sign-ins are looked at in particular",
    about: "Whose sign-ins are looked at, in all logs that are watched.",
};
static SECTION: Section = Section {
    title: "[administrators]",
    about: "A sign-in from a country or a network operator that its account never came from is told, once.",
    keys: &[&ACCOUNTS, &DATABASES, &USUAL],
    refused: &[],
};
static ACCOUNTS: Key<List<Parsed<String>>> = Key {
    name: "accounts",
    kind: List {
        of: Parsed { parse: account, words: "a name of 1 to 128 letters without blanks" },
        min: 1,
        max: 256,
    },
    default: "",
    about: "Their accounts, as the logs write them.",
};
static DATABASES: Key<List<AbsolutePath>> = Key {
    name: "databases",
    kind: List { of: AbsolutePath, min: 1, max: 4 },
    default: "",
    about: "Files of the MaxMind DB format (`.mmdb`) with countries, network operators, or one file of each. They are read at the \
            start and with a reload.",
};
static USUAL: Key<List<Parsed<Place>>> = Key {
    name: "usual",
    kind: List {
        of: Parsed {
            parse: place,
            words: "a country such as `\"DE\"`, or a network such as `\"AS64500\"`",
        },
        min: 1,
        max: 256,
    },
    default: "learned: an account's first sign-in is no news",
    about: "Where they may come from at any time. What comes from elsewhere is told from the first sign-in on.",
};

fn account(text: &str) -> Result<String, &'static str> {
    let is_odd = |letter: char| letter.is_whitespace() || letter.is_control();
    if text.is_empty() || text.len() > 128 || text.contains(is_odd) {
        return Err("this is no account");
    }
    Ok(text.to_owned())
}

fn place(text: &str) -> Result<Place, &'static str> {
    if let Some(number) = text.strip_prefix("AS") {
        // A country of two letters is no number: Samoa is not meant.
        if let Ok(network) = number.parse() {
            return Ok(Place { country: None, network: Some(network) });
        }
    }
    match text.as_bytes() {
        &[one, two] if one.is_ascii_uppercase() && two.is_ascii_uppercase() => {
            Ok(Place { country: Some([one, two]), network: None })
        }
        _ => Err("this is neither a country nor a network"),
    }
}

/// The section; `has_logs`: whether there is any log in which sign-ins could be seen.
pub(crate) fn administrators(
    root: &Table<'_, '_>,
    has_logs: bool,
    sink: &mut Sink<'_>,
) -> Option<Administrators> {
    let table = root.table(&ADMINISTRATORS, sink)?;
    if !has_logs {
        let message = "no log is watched, so that no sign-in would be seen: add a `[[watch]]`";
        sink.wrong(&table.spot, message, None);
    }
    let accounts = table.needed(&ACCOUNTS, sink);
    let databases = table.needed(&DATABASES, sink);
    let usual = table.get(&USUAL, sink).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for own in accounts?.value {
        if names.contains(&own.value) {
            sink.wrong(&own.spot, format!("{} is there twice", quoted(&own.value)), None);
        }
        names.push(own.value);
    }
    let databases = databases?.value.into_iter().map(|own| own.value).collect();
    let usual = usual.into_iter().map(|own| own.value).collect();
    Some(Administrators { accounts: names, databases, usual })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const SITE: &str = "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";

    fn read(text: &str) -> Result<Administrators, String> {
        let watch = "[[watch]]\nservice = \"sshd\"\nsource = { file = \"/var/log/auth.log\" }\n";
        parse(&format!("[administrators]\n{text}\n{watch}{SITE}"))
            .map(|settings| settings.administrators.unwrap())
            .map_err(|errors| errors.errors[0].message.clone())
    }

    #[test]
    fn accounts_files_and_places_are_read() {
        let files = "databases = [\"/a.mmdb\", \"/b.mmdb\"]";
        let found = read(&format!(
            "accounts = [\"root\", \"al@x\"]\n{files}\nusual = [\"DE\", \"AS64500\", \"AS\"]"
        ));
        let found = found.unwrap();
        assert_eq!((found.accounts.len(), found.databases.len()), (2, 2));
        let country = |text: &[u8; 2]| Place { country: Some(*text), network: None };
        let network = Place { country: None, network: Some(64_500) };
        assert_eq!(found.usual, [country(b"DE"), network, country(b"AS")]);
        for (text, message) in [
            (files, "`administrators` has no `accounts`"),
            ("accounts = [\"root\"]", "`administrators` has no `databases`"),
            (&format!("accounts = []\n{files}"), "`accounts` has 0 values"),
            (&format!("accounts = [\"a b\"]\n{files}"), "`a b`: this is no account"),
            (&format!("accounts = [\"a\", \"a\"]\n{files}"), "`a` is there twice"),
            (
                &format!("accounts = [\"a\"]\n{files}\nusual = [\"de\"]"),
                "`de`: this is neither a country nor a network",
            ),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(message), "{text}: {said}");
        }
    }

    #[test]
    fn without_a_log_nobody_could_be_seen() {
        let text = format!("[administrators]\naccounts = [\"a\"]\ndatabases = [\"/a\"]\n{SITE}");
        let said = parse(&text).unwrap_err().errors[0].message.clone();
        assert!(said.contains("no log is watched"), "{said}");
    }
}

//! Reads `crowdsec` and `bouncers` of `[bans]`: whose decisions are taken, and who is told of ours, by the Local API of
//! `CrowdSec`.

use crate::alerts::is_loopback;
use crate::backup::HttpAddress;
use crate::backup_address::http;
use crate::backup_keys::job_name;
use crate::error::quoted;
use crate::kinds::{AbsolutePath, Address, Span};
use crate::names::Parsed;
use crate::sink::Sink;
use crate::table::{Key, ManyTables, OneTable, Section, Table};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// An engine of `CrowdSec`, or whatever else speaks its Local API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// What its bans are called here.
    pub name: String,
    /// Where its Local API is.
    pub address: HttpAddress,
    /// The file that holds the key of a bouncer.
    pub key_file: PathBuf,
    /// Who vouches for the server, where the machine's authorities do not.
    pub ca: Option<PathBuf>,
    /// How often it is asked. Default 10 s.
    pub every: Duration,
}

/// Where bouncers are told who is banned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bouncers {
    /// Where it listens.
    pub address: SocketAddr,
    /// Certificate and key (PEM); needed where others than this machine can reach it.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Who may ask; one at least.
    pub clients: Vec<Bouncer>,
}

/// Who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bouncer {
    /// Its name, unique.
    pub name: String,
    /// The file that holds its key.
    pub key_file: PathBuf,
}

const ENGINES_MAX: usize = 8;
const BOUNCERS_MAX: usize = 64;
const EVERY_DEFAULT: Duration = Duration::from_secs(10);
const NAME_WORDS: &str = "1 to 64 letters, digits, `-`, `_` or `.`";

pub(crate) static CROWDSEC: Key<ManyTables> = Key {
    name: "crowdsec",
    kind: ManyTables(&ENGINE_SECTION),
    default: "none",
    about: "Engines of CrowdSec whose decisions are taken as bans.",
};
static ENGINE_SECTION: Section = Section {
    title: "crowdsec = [{ … }]",
    about: "One engine. Burgrave is a bouncer of it: `cscli bouncers add burgrave` makes the key.",
    keys: &[&URL, &ENGINE_KEY, &CA, &EVERY, &NAME],
    refused: &[],
};
static URL: Key<Parsed<HttpAddress>> = Key {
    name: "url",
    kind: Parsed { parse: http, words: "`\"http://127.0.0.1:8080\"`, or `\"https://HOST:PORT\"`" },
    default: "",
    about: "Where its Local API is. Without TLS only on this machine.",
};
static ENGINE_KEY: Key<AbsolutePath> = Key {
    name: "key_file",
    kind: AbsolutePath,
    default: "",
    about: "The file that holds the key of a bouncer, mode 0600.",
};
static CA: Key<AbsolutePath> = Key {
    name: "ca",
    kind: AbsolutePath,
    default: "the authorities that this machine trusts",
    about: "Certificates (PEM) of those who may vouch for the server.",
};
static EVERY: Key<Span> = Key {
    name: "every",
    kind: Span { millis_min: 1_000, millis_max: 3_600_000 },
    default: "\"10s\"",
    about: "How often it is asked. While it does not answer, what it decided stays in force until it ends.",
};
static NAME: Key<Parsed<String>> = Key {
    name: "name",
    kind: Parsed { parse: job_name, words: NAME_WORDS },
    default: "`crowdsec`, and from the second on its number as well",
    about: "What its bans are called here.",
};
pub(crate) static BOUNCERS: Key<OneTable> = Key {
    name: "bouncers",
    kind: OneTable(&BOUNCERS_SECTION),
    default: "nobody is told",
    about: "Where bouncers of CrowdSec are told who is banned here.",
};
static BOUNCERS_SECTION: Section = Section {
    title: "bouncers = { … }",
    about: "The part of CrowdSec's Local API that bouncers use. Whoever shows a key reads who is banned, and can change \
            nothing.",
    keys: &[&ADDRESS, &CLIENTS, &CERTIFICATE, &KEY],
    refused: &[],
};
static ADDRESS: Key<Address> =
    Key { name: "address", kind: Address, default: "", about: "Where it listens." };
static CERTIFICATE: Key<AbsolutePath> = Key {
    name: "certificate",
    kind: AbsolutePath,
    default: "none",
    about: "The certificate (PEM, with those that vouch for it). Needed where the address is not of this machine alone.",
};
static KEY: Key<AbsolutePath> =
    Key { name: "key", kind: AbsolutePath, default: "none", about: "Its key (PEM), mode 0600." };
static CLIENTS: Key<ManyTables> =
    Key { name: "clients", kind: ManyTables(&CLIENT_SECTION), default: "", about: "Who may ask." };
static CLIENT_SECTION: Section = Section {
    title: "clients = [{ … }]",
    about: "One bouncer.",
    keys: &[&CLIENT_NAME, &CLIENT_KEY],
    refused: &[],
};
static CLIENT_NAME: Key<Parsed<String>> = Key {
    name: "name",
    kind: Parsed { parse: job_name, words: NAME_WORDS },
    default: "",
    about: "Its name; no two have the same.",
};
static CLIENT_KEY: Key<AbsolutePath> = Key {
    name: "key_file",
    kind: AbsolutePath,
    default: "",
    about: "The file that holds its key, mode 0600: one line of 16 to 512 letters, digits and signs.",
};

/// The engines of a section.
pub(crate) fn engines(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Vec<Engine> {
    let entries = table.tables(&CROWDSEC, sink);
    if entries.len() > ENGINES_MAX {
        let message = format!("`crowdsec` has {} entries", entries.len());
        sink.wrong(&table.spot, message, format!("at most {ENGINES_MAX}"));
    }
    let mut all: Vec<Engine> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let (url, key_file) = (entry.needed(&URL, sink), entry.needed(&ENGINE_KEY, sink));
        let ca = entry.located(&CA, sink);
        let every = entry.get(&EVERY, sink).unwrap_or(EVERY_DEFAULT);
        let name = entry.get(&NAME, sink).unwrap_or_else(|| match index {
            0 => "crowdsec".to_owned(),
            _ => format!("crowdsec{}", index + 1),
        });
        let (Some(url), Some(key_file)) = (url, key_file) else { continue };
        let address = url.value;
        if !address.is_secure && !is_loopback(&address.host) {
            let message = "the key would go to another machine in clear: use `https://`";
            sink.wrong(&url.spot, message, None);
        }
        if let Some(ca) = ca.as_ref().filter(|_| !address.is_secure) {
            sink.wrong(&ca.spot, "`ca` means nothing without `https://`", None);
        }
        if all.iter().any(|other| other.name == name || other.address == address) {
            let message = format!("{} is there already, by its name or its address", quoted(&name));
            sink.wrong(&url.spot, message, None);
        }
        let ca = ca.map(|ca| ca.value);
        all.push(Engine { name, address, key_file: key_file.value, ca, every });
    }
    all
}

/// Where bouncers are told.
pub(crate) fn bouncers(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Bouncers> {
    let table = table.table(&BOUNCERS, sink)?;
    let address = table.needed(&ADDRESS, sink);
    let (certificate, key) = (table.get(&CERTIFICATE, sink), table.get(&KEY, sink));
    let tls = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            sink.wrong(&table.spot, "`certificate` and `key` belong together", None);
            None
        }
    };
    if let Some(address) = address.as_ref().filter(|own| !own.value.ip().is_loopback())
        && tls.is_none()
    {
        let message =
            "keys would cross the network in clear: give it a `certificate` and its `key`";
        sink.wrong(&address.spot, message, None);
    }
    let entries = table.needed_tables(&CLIENTS, sink);
    if entries.len() > BOUNCERS_MAX {
        let message = format!("`clients` has {} entries", entries.len());
        sink.wrong(&table.spot, message, format!("at most {BOUNCERS_MAX}"));
    }
    let mut clients: Vec<Bouncer> = Vec::new();
    for entry in &entries {
        let (name, file) = (entry.needed(&CLIENT_NAME, sink), entry.needed(&CLIENT_KEY, sink));
        let (Some(name), Some(file)) = (name, file) else { continue };
        let is_known = |other: &Bouncer| other.name == name.value || other.key_file == file.value;
        if clients.iter().any(is_known) {
            let message =
                format!("{} is there already, by its name or its key", quoted(&name.value));
            sink.wrong(&name.spot, message, None);
        }
        clients.push(Bouncer { name: name.value, key_file: file.value });
    }
    Some(Bouncers { address: address?.value, tls, clients })
}

#[cfg(test)]
mod tests {
    use crate::bans::Bans;
    use crate::parse;
    use std::time::Duration;

    const SITE: &str = "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";

    fn read(text: &str) -> Result<Bans, (usize, String)> {
        parse(&format!("[bans]\n{text}\n{SITE}")).map(|settings| settings.bans).map_err(|errors| {
            let first = &errors.errors[0];
            (first.place.line, first.message.clone())
        })
    }

    #[test]
    fn engines_have_names_of_their_own() {
        let bans = read(
            "crowdsec = [{ url = \"http://127.0.0.1:8080\", key_file = \"/k1\" }, \
             { url = \"https://cs.internal:8443/api/\", key_file = \"/k2\", ca = \"/ca\", every = \"1m\" }]",
        )
        .unwrap();
        let names: Vec<_> = bans.crowdsec.iter().map(|own| own.name.as_str()).collect();
        assert_eq!(names, ["crowdsec", "crowdsec2"]);
        let far = &bans.crowdsec[1];
        assert_eq!((far.address.path.as_str(), far.every), ("/api", Duration::from_mins(1)));
        assert_eq!(bans.crowdsec[0].every, Duration::from_secs(10));
    }

    #[test]
    fn bouncers_are_on_this_machine_or_within_tls() {
        let one = "clients = [{ name = \"edge\", key_file = \"/k\" }]";
        let near = read(&format!("bouncers = {{ address = \"127.0.0.1:8087\", {one} }}")).unwrap();
        let near = near.bouncers.unwrap();
        assert_eq!((near.tls, near.clients.len()), (None, 1));
        let tls = "certificate = \"/c\", key = \"/p\"";
        let far = read(&format!("bouncers = {{ address = \"0.0.0.0:8087\", {tls}, {one} }}"));
        assert!(far.unwrap().bouncers.unwrap().tls.is_some());
    }

    #[test]
    fn what_would_be_open_or_double_is_said_with_its_line() {
        let client = "{ name = \"a\", key_file = \"/k\" }";
        for (text, message) in [
            ("crowdsec = [{ key_file = \"/k\" }]".to_owned(), "`crowdsec[0]` has no `url`"),
            (
                "crowdsec = [{ url = \"http://cs.internal\", key_file = \"/k\" }]".to_owned(),
                "the key would go to another machine in clear: use `https://`",
            ),
            (
                "crowdsec = [{ url = \"http://localhost\", key_file = \"/k\", ca = \"/c\" }]"
                    .to_owned(),
                "`ca` means nothing without `https://`",
            ),
            (
                format!("bouncers = {{ address = \"0.0.0.0:8087\", clients = [{client}] }}"),
                "keys would cross the network in clear: give it a `certificate` and its `key`",
            ),
            (
                "bouncers = { address = \"127.0.0.1:8087\", clients = [] }".to_owned(),
                "`bouncers` has no `clients`",
            ),
            (
                format!(
                    "bouncers = {{ address = \"127.0.0.1:8087\", clients = [{client}, {client}] }}"
                ),
                "`a` is there already, by its name or its key",
            ),
        ] {
            let (line, said) = read(&text).unwrap_err();
            assert_eq!((line, said.as_str()), (2, message), "{text}");
        }
    }
}

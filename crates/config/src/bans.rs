//! Reads `[bans]`: what holds for all bans, whoever asks for them.

use crate::alerts::is_loopback;
use crate::backup_keys::{job_name, word};
use crate::decisions::{BOUNCERS, Bouncers, CROWDSEC, Engine, bouncers, engines};
use crate::error::quoted;
use crate::kinds::{AbsolutePath, Count, Flag, Span};
use crate::names::Parsed;
use crate::sink::Sink;
use crate::table::{Key, ManyTables, OneTable, Section, Table};
use std::path::PathBuf;
use std::time::Duration;

/// What holds for all bans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bans {
    /// Nobody is banned by what is watched: who would be is told. Default false.
    pub dry_run: bool,
    /// Files with addresses that are kept out.
    pub lists: Vec<BlockList>,
    /// Where bans are shared with other machines.
    pub share: Option<Share>,
    /// Engines of `CrowdSec` whose decisions are taken.
    pub crowdsec: Vec<Engine>,
    /// Where bouncers of `CrowdSec` are told who is banned.
    pub bouncers: Option<Bouncers>,
}

/// A database of `PostgreSQL` by which several machines share their bans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The database's name.
    pub database: String,
    /// The directory of a socket, or a host. Default `/run/postgresql`.
    pub host: String,
    /// Default 5432.
    pub port: u16,
    /// The database's account. Default `burgrave`.
    pub user: String,
    /// The file that holds its password, in the form of `.pgpass`.
    pub passfile: Option<PathBuf>,
    /// The authority that the server's certificate must be of; needed where the host is not this machine.
    pub ca: Option<PathBuf>,
    /// The name of this machine among the others. `None`: its host name.
    pub node: Option<String>,
}

/// A file of addresses and networks, one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockList {
    /// Where it is.
    pub file: PathBuf,
    /// How often it is read. Default an hour.
    pub every: Duration,
}

const LISTS_MAX: usize = 64;
const EVERY_DEFAULT: Duration = Duration::from_hours(1);

pub(crate) static BANS: Key<OneTable> = Key {
    name: "bans",
    kind: OneTable(&BANS_SECTION),
    default: "each key's own",
    about: "What holds for all bans.",
};
static BANS_SECTION: Section = Section {
    title: "[bans]",
    about: "What holds for all bans, whatever asks for them.",
    keys: &[&DRY_RUN, &LISTS, &SHARE, &CROWDSEC, &BOUNCERS],
    refused: &[],
};
static DRY_RUN: Key<Flag> = Key {
    name: "dry_run",
    kind: Flag,
    default: "false",
    about: "Nobody is banned by what is watched, and no list is put in force: who would be is told. Bans by hand, and \
            those that are in force, stay.",
};
static LISTS: Key<ManyTables> = Key {
    name: "lists",
    kind: ManyTables(&LIST_SECTION),
    default: "none",
    about: "Files with addresses and networks that are kept out.",
};
static LIST_SECTION: Section = Section {
    title: "lists = [{ … }]",
    about: "One file: an address or a network a line; `#` and `;` begin a comment.",
    keys: &[&FILE, &EVERY],
    refused: &[],
};
static FILE: Key<AbsolutePath> =
    Key { name: "file", kind: AbsolutePath, default: "", about: "Where the file is." };
static EVERY: Key<Span> = Key {
    name: "every",
    kind: Span { millis_min: 1_000, millis_max: 7 * 86_400_000 },
    default: "\"1h\"",
    about: "How often it is read. While it cannot be, what it said last is in force.",
};

static SHARE: Key<OneTable> = Key {
    name: "share",
    kind: OneTable(&SHARE_SECTION),
    default: "bans stay on this machine",
    about: "A database of PostgreSQL by which several machines share their bans.",
};
static SHARE_SECTION: Section = Section {
    title: "share = { … }",
    about: "Whoever may write to this database can have anybody banned who is not kept from it, on every machine.",
    keys: &[&DATABASE, &HOST, &PORT, &USER, &PASSFILE, &CA, &NODE],
    refused: &[],
};
static DATABASE: Key<Parsed<String>> = Key {
    name: "database",
    kind: Parsed { parse: word, words: "the name of a database" },
    default: "",
    about: "The database. Its account needs the right to create a table there, once.",
};
static HOST: Key<Parsed<String>> = Key {
    name: "host",
    kind: Parsed { parse: word, words: "the directory of a socket, or a host" },
    default: "\"/run/postgresql\"",
    about: "Where the server is.",
};
static PORT: Key<Count> = Key {
    name: "port",
    kind: Count { min: 1, max: 65_535 },
    default: "5432",
    about: "The port of the server.",
};
static USER: Key<Parsed<String>> = Key {
    name: "user",
    kind: Parsed { parse: word, words: "the name of an account of the database" },
    default: "\"burgrave\"",
    about: "The database's account.",
};
static PASSFILE: Key<AbsolutePath> = Key {
    name: "passfile",
    kind: AbsolutePath,
    default: "none",
    about: "The file that holds its password, in the form of `.pgpass`, mode 0600.",
};
static CA: Key<AbsolutePath> = Key {
    name: "ca",
    kind: AbsolutePath,
    default: "none",
    about: "The authority that the server's certificate must be of, and bear the host's name. Needed where the host is not \
            this machine.",
};
static NODE: Key<Parsed<String>> = Key {
    name: "node",
    kind: Parsed { parse: job_name, words: "1 to 64 letters, digits, `-`, `_` or `.`" },
    default: "the host's name",
    about: "The name of this machine among the others; no two have the same.",
};

fn share(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Share> {
    let table = table.table(&SHARE, sink)?;
    let database = table.needed(&DATABASE, sink);
    let host = table.located(&HOST, sink);
    let port = table.get(&PORT, sink).and_then(|port| u16::try_from(port).ok()).unwrap_or(5432);
    let user = table.get(&USER, sink).unwrap_or_else(|| "burgrave".to_owned());
    let (passfile, ca) = (table.get(&PASSFILE, sink), table.get(&CA, sink));
    let node = table.get(&NODE, sink);
    if let Some(host) = host
        .as_ref()
        .filter(|host| ca.is_none() && !host.value.starts_with('/') && !is_loopback(&host.value))
    {
        let message =
            "bans would go to another machine in clear, to whoever answers: name its `ca`";
        sink.wrong(&host.spot, message, None);
    }
    let host = host.map_or_else(|| "/run/postgresql".to_owned(), |host| host.value);
    Some(Share { database: database?.value, host, port, user, passfile, ca, node })
}

/// The section, or its defaults.
pub(crate) fn bans(root: &Table<'_, '_>, sink: &mut Sink<'_>) -> Bans {
    let Some(table) = root.table(&BANS, sink) else { return Bans::default() };
    let dry_run = table.get(&DRY_RUN, sink).unwrap_or(false);
    let entries = table.tables(&LISTS, sink);
    if entries.len() > LISTS_MAX {
        let message = format!("`lists` has {} entries", entries.len());
        sink.wrong(&table.spot, message, format!("at most {LISTS_MAX}"));
    }
    let mut lists: Vec<BlockList> = Vec::new();
    for entry in &entries {
        let file = entry.needed(&FILE, sink);
        let every = entry.get(&EVERY, sink).unwrap_or(EVERY_DEFAULT);
        let Some(file) = file else { continue };
        if lists.iter().any(|list| list.file == file.value) {
            let message =
                format!("{} is a list already", quoted(&file.value.display().to_string()));
            sink.wrong(&file.spot, message, None);
        }
        lists.push(BlockList { file: file.value, every });
    }
    let (crowdsec, bouncers) = (engines(&table, sink), bouncers(&table, sink));
    Bans { dry_run, lists, share: share(&table, sink), crowdsec, bouncers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const SITE: &str = "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";

    fn read(text: &str) -> Result<Bans, (usize, String)> {
        parse(&format!("{text}\n{SITE}")).map(|settings| settings.bans).map_err(|errors| {
            let first = &errors.errors[0];
            (first.place.line, first.message.clone())
        })
    }

    #[test]
    fn lists_and_a_dry_run_are_read() {
        assert_eq!(read(""), Ok(Bans::default()));
        let text = "[bans]\ndry_run = true\nlists = [{ file = \"/a\" }, { file = \"/b\", every = \"10m\" }]";
        let list = |file: &str, every| BlockList { file: file.into(), every };
        let lists = vec![list("/a", EVERY_DEFAULT), list("/b", Duration::from_mins(10))];
        assert_eq!(read(text), Ok(Bans { dry_run: true, lists, ..Bans::default() }));
    }

    #[test]
    fn bans_are_shared_by_a_socket_or_over_tls() {
        let plain = read("[bans]\nshare = { database = \"ops\" }").unwrap().share.unwrap();
        assert_eq!(
            (plain.host.as_str(), plain.port, plain.user.as_str(), plain.node),
            ("/run/postgresql", 5432, "burgrave", None)
        );
        let far = "[bans]\nshare = { database = \"ops\", host = \"db.internal\", ca = \"/ca.pem\", node = \"web1\" }";
        assert_eq!(read(far).unwrap().share.unwrap().node.as_deref(), Some("web1"));
        for (share, message) in [
            ("{ }", "`share` has no `database`"),
            (
                "{ database = \"ops\", host = \"db.internal\" }",
                "bans would go to another machine in clear, to whoever answers: name its `ca`",
            ),
            ("{ database = \"ops\", node = \"a b\" }", "`a b`: this is no name of a job"),
        ] {
            let (_, said) = read(&format!("[bans]\nshare = {share}")).unwrap_err();
            assert!(said.contains(message), "{share}: {said}");
        }
    }

    #[test]
    fn what_is_no_list_is_said_with_its_line() {
        for (rest, message) in [
            ("lists = [{ }]", "`lists[0]` has no `file`"),
            ("lists = [{ file = \"a\" }]", "`file` cannot be `a`"),
            ("lists = [{ file = \"/a\" }, { file = \"/a\" }]", "`/a` is a list already"),
            ("dry-run = true", "unknown key `dry-run`"),
        ] {
            let (line, said) = read(&format!("[bans]\n{rest}")).unwrap_err();
            assert_eq!((line, said.as_str()), (2, message), "{rest}");
        }
    }
}

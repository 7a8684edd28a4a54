//! Reads `[[backup]]`: what is backed up, where to, and who may do what there.

use crate::backup_keys::{
    AFTER, BACKUP, BEFORE, DRILL, DRILL_CHECK, DRILL_EVERY, DRILL_EXPECT, DRILL_QUERY,
    DRILL_SAMPLE, EVERY, EXCLUDE, JITTER, NAME, NICE, ONE_FILE_SYSTEM, PATHS, READ_BANDWIDTH,
    SOURCE, SOURCE_COMMAND, SOURCE_DATABASE_HOST, SOURCE_DATABASE_USER, SOURCE_FILE_NAME,
    SOURCE_MYSQL, SOURCE_PASSWORD, SOURCE_POSTGRESQL, SOURCE_REDIS, SOURCE_SQLITE, SOURCE_WAL,
    VERIFY, VERIFY_EVERY, VERIFY_SHARE,
};
use crate::backup_place::{COPY, OWN_STATE, copies, place, with_state};
use crate::sink::{Located, Sink};
use crate::table::Table;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A backup job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Unique among the jobs.
    pub name: String,
    /// What is backed up.
    pub source: BackupSource,
    /// Where to.
    pub repository: BackupTarget,
    /// The file that holds the repository's password.
    pub key: PathBuf,
    /// The file that holds what the place wants beside it: `user:password` of a rest server, key and secret of S3,
    /// or the private key of SFTP.
    pub credentials: Option<PathBuf>,
    /// What this machine may do there.
    pub identity: Identity,
    /// How often, by `burgrave run`. `None`: by hand.
    pub every: Option<Duration>,
    /// At most so much later, by chance. Default a tenth of `every`, an hour at most.
    pub jitter: Duration,
    /// What is kept. `None`: everything.
    pub keep: Option<Keep>,
    /// The drill, if there is one on a schedule.
    pub drill: Drill,
    /// Data read back on a schedule.
    pub verify: Verify,
    /// Run before: a program and its arguments.
    pub before: Option<Vec<String>>,
    /// Run after, whatever came of it.
    pub after: Option<Vec<String>>,
    /// How far it stands back for others, 0 to 19. Default 10.
    pub nice: u8,
    /// Bytes a second to and from the repository. `None`: as fast as it goes.
    pub bandwidth: Option<u64>,
    /// Bytes a second that are read of the source. `None`: as fast as it goes.
    pub read_bandwidth: Option<u64>,
}

/// What is backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupSource {
    /// Parts of the file system.
    Paths {
        /// Absolute, one at least.
        paths: Vec<PathBuf>,
        /// Patterns of what is left out.
        exclude: Vec<String>,
        /// Whether other file systems below them are left out.
        one_file_system: bool,
    },
    /// What a program writes to its standard output.
    Command {
        /// By its absolute path, with its arguments.
        command: Vec<String>,
        /// The name that it has in the snapshot.
        file: String,
    },
    /// A database of `SQLite`, by its backup interface.
    Sqlite(PathBuf),
    /// `PostgreSQL`.
    Postgresql(Database),
    /// `MySQL` or `MariaDB`, by its dump in one transaction.
    Mysql(Database),
    /// Redis, by its dump.
    Redis(Redis),
}

/// A server of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// Where it is.
    pub at: RedisAt,
    /// As whom it is asked. `None`: its default user.
    pub user: Option<String>,
    /// The file that holds the password.
    pub password: Option<PathBuf>,
}

/// Where a server of Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisAt {
    /// A socket of this machine.
    Socket(PathBuf),
    /// Host and port.
    Tcp(String, u16),
}

/// A database of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its name. Empty: the whole cluster, by a base backup.
    pub name: String,
    /// The directory of its socket, or a host. `None`: as its programs take it.
    pub host: Option<String>,
    /// Who asks. `None`: the account `postgres` or `root`.
    pub user: Option<String>,
    /// For a base backup: the directory in which the server archives its WAL.
    pub wal: Option<PathBuf>,
}

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupTarget {
    /// A directory of this machine.
    Local(PathBuf),
    /// A directory of another, by SFTP.
    Sftp {
        /// Who, if it is said.
        user: Option<String>,
        /// Which machine.
        host: String,
        /// 22, if nothing else is said.
        port: Option<u16>,
        /// Where there.
        path: String,
    },
    /// A server of restic's REST protocol, with the address of the repository.
    Rest(HttpAddress),
    /// A bucket of S3: the server's address, whose path is the bucket and what its names begin with.
    S3(HttpAddress),
}

/// An address of a server of HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAddress {
    /// Whether TLS is spoken.
    pub is_secure: bool,
    /// Name or address of the machine.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path, beginning with a slash, without one at its end.
    pub path: String,
}

/// What a machine may do in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Everything: whoever takes this machine can remove its backups.
    Sole,
    /// Only adds.
    Writer,
    /// Only reads.
    Reader,
    /// Only forgets and removes.
    Keeper,
}

/// How many snapshots are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The last ones.
    pub last: u32,
    /// One an hour, of the last so many hours that have any; and so on.
    pub hourly: u32,
    /// One a day.
    pub daily: u32,
    /// One a week.
    pub weekly: u32,
    /// One a month.
    pub monthly: u32,
    /// One a year.
    pub yearly: u32,
}

/// A restore that is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drill {
    /// How often. `None`: by hand.
    pub every: Option<Duration>,
    /// Percent of the files that are compared with their source, digest by digest. Default 100.
    pub sample: u8,
    /// What the restored database is asked.
    pub checks: Vec<DrillCheck>,
}

/// A question to a restored database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillCheck {
    /// SQL that gives one value.
    pub query: String,
    /// What it has to give: `">= 1000"`, `"= ok"`. `None`: anything but nothing, `f`, `false` and `0`.
    pub expect: Option<String>,
}

/// Data that are read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verify {
    /// How often. `None`: by hand.
    pub every: Option<Duration>,
    /// In how many parts everything is read, one a time. Default 7.
    pub share: u32,
}

/// The jobs.
///
/// `state`: what every job of paths has beside its own, unless it says otherwise.
pub(crate) fn backups(root: &Table<'_, '_>, state: &Path, sink: &mut Sink<'_>) -> Vec<Backup> {
    let tables = root.tables(&BACKUP, sink);
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut jobs = Vec::new();
    for table in &tables {
        if let Some(name) = table.located(&NAME, sink) {
            if let Some(line) = names.get(&name.value) {
                let message = format!("`{}` is the name of the job of line {line}", name.value);
                sink.wrong(&name.spot, message, None);
            }
            let line = sink.line(&name.spot);
            names.entry(name.value).or_insert(line);
        }
        let Some(job) = one(table, state, sink) else { continue };
        let copies = copies(table, &job, sink);
        for copy in std::iter::once(job).chain(copies) {
            let is_there = jobs.iter().any(|other: &Backup| other.name == copy.name);
            // Two jobs of one name were told already.
            if is_there && table.has(&COPY) {
                let message = format!("there is another job `{}`", copy.name);
                sink.wrong(&table.spot, message, None);
            }
            jobs.push(copy);
        }
    }
    jobs
}

fn one(table: &Table<'_, '_>, state: &Path, sink: &mut Sink<'_>) -> Option<Backup> {
    let name = if table.has(&NAME) {
        // Read, and complained of, where names are compared.
        table.get(&NAME, &mut Sink::new(""))
    } else {
        table.needed(&NAME, sink).map(|name| name.value)
    };
    let has_source = table.has(&SOURCE);
    let source = table.table(&SOURCE, sink).and_then(|table| source(&table, state, sink));
    if !has_source {
        sink.missing(&table.spot, "`backup` has no `source`", SOURCE_WORDS.to_owned());
    }
    let every = table.located(&EVERY, sink);
    let jitter = table.located(&JITTER, sink);
    let drill = table.table(&DRILL, sink).map_or_else(plain_drill, |table| drill(&table, sink));
    let verify = verify(table.table(&VERIFY, sink), sink);
    let before = command(table.located(&BEFORE, sink), sink);
    let after = command(table.located(&AFTER, sink), sink);
    let place = place(table, every.as_ref(), sink);
    if let (Some(jitter), None) = (&jitter, &every) {
        sink.wrong(&jitter.spot, "`jitter` is of `every`, which is not set", None);
    }
    let place = place?;
    let every = every.map(|every| every.value);
    let tenth = every.map_or(Duration::ZERO, |every| (every / 10).min(Duration::from_hours(1)));
    Some(Backup {
        name: name?,
        source: source?,
        repository: place.repository,
        key: place.key,
        credentials: place.credentials,
        identity: place.identity,
        every,
        jitter: jitter.map_or(tenth, |jitter| jitter.value),
        keep: place.keep,
        drill,
        verify,
        before,
        after,
        nice: table.get(&NICE, sink).and_then(|nice| u8::try_from(nice).ok()).unwrap_or(10),
        bandwidth: place.bandwidth,
        read_bandwidth: table.get(&READ_BANDWIDTH, sink),
    })
}

const SOURCE_WORDS: &str = "`{ paths = [\"/…\"] }`, `{ postgresql = \"…\" }`, `{ mysql = \"…\" }`, `{ redis = \"…\" }`, `{ sqlite = \"/…\" }` or \
                            `{ command = [\"/…\"], file = \"…\" }`";

fn source(table: &Table<'_, '_>, state: &Path, sink: &mut Sink<'_>) -> Option<BackupSource> {
    let kinds = [
        ("paths", table.has(&PATHS)),
        ("command", table.has(&SOURCE_COMMAND)),
        ("sqlite", table.has(&SOURCE_SQLITE)),
        ("postgresql", table.has(&SOURCE_POSTGRESQL)),
        ("mysql", table.has(&SOURCE_MYSQL)),
        ("redis", table.has(&SOURCE_REDIS)),
    ];
    let named: Vec<&str> = kinds.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    let [kind] = named.as_slice() else {
        let message = format!("`source` names {} sources, and has to name one", named.len());
        sink.wrong(&table.spot, message, SOURCE_WORDS.to_owned());
        return None;
    };
    let belongs: &[(&str, bool, &[&str])] = &[
        ("exclude", table.has(&EXCLUDE), &["paths"]),
        ("one_file_system", table.has(&ONE_FILE_SYSTEM), &["paths"]),
        ("own_state", table.has(&OWN_STATE), &["paths"]),
        ("file", table.has(&SOURCE_FILE_NAME), &["command"]),
        ("host", table.has(&SOURCE_DATABASE_HOST), &["postgresql", "mysql"]),
        ("user", table.has(&SOURCE_DATABASE_USER), &["postgresql", "mysql", "redis"]),
        ("password", table.has(&SOURCE_PASSWORD), &["redis"]),
        ("wal", table.has(&SOURCE_WAL), &["postgresql"]),
    ];
    for (name, is_there, of) in belongs {
        if *is_there && !of.contains(kind) {
            let message = format!("`{name}` is not of the source `{kind}`: remove it");
            sink.wrong(&table.spot, message, None);
        }
    }
    match *kind {
        "paths" => {
            let paths = table.get(&PATHS, sink)?;
            let exclude = table.get(&EXCLUDE, sink).unwrap_or_default();
            let mut paths: Vec<PathBuf> = paths.into_iter().map(|path| path.value).collect();
            let mut exclude: Vec<String> =
                exclude.into_iter().map(|pattern| pattern.value).collect();
            if table.get(&OWN_STATE, sink).unwrap_or(true) {
                with_state(&mut paths, &mut exclude, state);
            }
            let one_file_system = table.get(&ONE_FILE_SYSTEM, sink).unwrap_or(false);
            Some(BackupSource::Paths { paths, exclude, one_file_system })
        }
        "command" => {
            let command = command(table.located(&SOURCE_COMMAND, sink), sink);
            let file = table.get(&SOURCE_FILE_NAME, sink).unwrap_or_else(|| "stream".to_owned());
            Some(BackupSource::Command { command: command?, file })
        }
        "sqlite" => table.get(&SOURCE_SQLITE, sink).map(BackupSource::Sqlite),
        "postgresql" => {
            let database = database(table.located(&SOURCE_POSTGRESQL, sink)?, table, sink);
            Some(BackupSource::Postgresql(database))
        }
        "redis" => Some(BackupSource::Redis(Redis {
            at: table.get(&SOURCE_REDIS, sink)?,
            user: table.get(&SOURCE_DATABASE_USER, sink),
            password: table.get(&SOURCE_PASSWORD, sink),
        })),
        _ => {
            let name = table.located(&SOURCE_MYSQL, sink)?;
            if name.value.is_empty() {
                sink.wrong(&name.spot, "`mysql` is the name of a database", None);
            }
            Some(BackupSource::Mysql(database(name, table, sink)))
        }
    }
}

fn database(name: Located<String>, table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Database {
    let wal = table.located(&SOURCE_WAL, sink);
    let is_cluster = name.value == "*";
    if let (Some(wal), false) = (&wal, is_cluster) {
        let message = "`wal` is of a base backup: `postgresql = \"*\"`";
        sink.wrong(&wal.spot, message, None);
    }
    Database {
        name: if is_cluster { String::new() } else { name.value },
        host: table.get(&SOURCE_DATABASE_HOST, sink),
        user: table.get(&SOURCE_DATABASE_USER, sink),
        wal: wal.map(|wal| wal.value),
    }
}

/// A program by its absolute path, and its arguments.
fn command(
    words: Option<Located<Vec<Located<String>>>>,
    sink: &mut Sink<'_>,
) -> Option<Vec<String>> {
    let words = words?;
    if let Some(program) = words.value.first()
        && !program.value.starts_with('/')
    {
        let message = format!("`{}` is no absolute path of a program", program.value);
        sink.wrong(
            &program.spot,
            message,
            "such as `[\"/usr/bin/tar\", \"-c\", \"/srv\"]`".to_owned(),
        );
        return None;
    }
    Some(words.value.into_iter().map(|word| word.value).collect())
}

fn plain_drill() -> Drill {
    Drill { every: None, sample: 100, checks: Vec::new() }
}

fn drill(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Drill {
    let sample = table.get(&DRILL_SAMPLE, sink).and_then(|sample| u8::try_from(sample).ok());
    let checks = table.tables(&DRILL_CHECK, sink).into_iter().filter_map(|table| {
        let query = table.needed(&DRILL_QUERY, sink).map(|query| query.value);
        let expect = table.get(&DRILL_EXPECT, sink);
        Some(DrillCheck { query: query?, expect })
    });
    let checks = checks.collect();
    Drill { every: table.get(&DRILL_EVERY, sink), sample: sample.unwrap_or(100), checks }
}

fn verify(table: Option<Table<'_, '_>>, sink: &mut Sink<'_>) -> Verify {
    let Some(table) = table else { return Verify { every: None, share: 7 } };
    let share = table.get(&VERIFY_SHARE, sink).unwrap_or(7);
    Verify { every: table.get(&VERIFY_EVERY, sink), share }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const HEAD: &str = "[[backup]]\nname = \"web\"\n";
    const REST: &str = "repository = \"/mnt/r\"\nkey = \"/etc/k\"\n";

    fn read(text: &str) -> Result<Vec<Backup>, Vec<(usize, String)>> {
        let said = |errors: crate::ConfigErrors| {
            errors.errors.into_iter().map(|error| (error.place.line, error.message)).collect()
        };
        parse(text).map(|settings| settings.backups).map_err(said)
    }

    fn job(rest: &str) -> Result<Backup, Vec<(usize, String)>> {
        read(&format!("{HEAD}{REST}{rest}")).map(|mut jobs| jobs.remove(0))
    }

    #[test]
    fn a_job_needs_no_server_beside_it() {
        let job = job("source = { paths = [\"/srv\"] }").unwrap();
        assert_eq!((job.name.as_str(), job.identity, job.every), ("web", Identity::Sole, None));
        assert_eq!((job.drill.sample, job.verify.share, job.nice), (100, 7, 10));
        assert_eq!(job.repository, BackupTarget::Local("/mnt/r".into()));
    }

    #[test]
    fn sources_are_one_of_several() {
        for (source, expected) in [
            (
                "{ paths = [\"/a\", \"/b\"], exclude = [\"*.tmp\"], one_file_system = true, own_state = false }",
                BackupSource::Paths {
                    paths: vec!["/a".into(), "/b".into()],
                    exclude: vec!["*.tmp".to_owned()],
                    one_file_system: true,
                },
            ),
            (
                "{ command = [\"/bin/tar\", \"-c\", \"/a\"], file = \"a.tar\" }",
                BackupSource::Command {
                    command: ["/bin/tar", "-c", "/a"].map(str::to_owned).to_vec(),
                    file: "a.tar".to_owned(),
                },
            ),
            ("{ sqlite = \"/a.db\" }", BackupSource::Sqlite("/a.db".into())),
            (
                "{ redis = \"/run/redis.sock\", user = \"b\", password = \"/k\" }",
                BackupSource::Redis(Redis {
                    at: RedisAt::Socket("/run/redis.sock".into()),
                    user: Some("b".to_owned()),
                    password: Some("/k".into()),
                }),
            ),
            (
                "{ redis = \"127.0.0.1:6379\" }",
                BackupSource::Redis(Redis {
                    at: RedisAt::Tcp("127.0.0.1".to_owned(), 6379),
                    user: None,
                    password: None,
                }),
            ),
            (
                "{ postgresql = \"*\", wal = \"/w\", host = \"/run\", user = \"p\" }",
                BackupSource::Postgresql(Database {
                    name: String::new(),
                    host: Some("/run".to_owned()),
                    user: Some("p".to_owned()),
                    wal: Some("/w".into()),
                }),
            ),
        ] {
            assert_eq!(job(&format!("source = {source}")).unwrap().source, expected);
        }
    }

    #[test]
    fn what_will_not_be_done_is_refused_with_its_line() {
        for (source, message) in [
            ("{ }", "`source` names 0 sources, and has to name one"),
            (
                "{ paths = [\"/a\"], sqlite = \"/b\" }",
                "`source` names 2 sources, and has to name one",
            ),
            ("{ paths = [\"a\"] }", "`paths[0]` cannot be `a`"),
            ("{ paths = [] }", "`paths` has 0 values"),
            (
                "{ sqlite = \"/a\", exclude = [\"b\"] }",
                "`exclude` is not of the source `sqlite`: remove it",
            ),
            ("{ command = [\"tar\"] }", "`tar` is no absolute path of a program"),
            (
                "{ postgresql = \"db\", wal = \"/w\" }",
                "`wal` is of a base backup: `postgresql = \"*\"`",
            ),
            ("{ redis = \"x\" }", "`x`: it is no path, and ends with no port"),
        ] {
            let said = job(&format!("source = {source}")).unwrap_err();
            assert_eq!(said.first().unwrap(), &(5, message.to_owned()), "{source}");
        }
        for (rest, message) in [
            ("identity = \"writer\"\nkeep = { daily = 1 }", "only a keeper forgets"),
            ("identity = \"keeper\"", "a keeper without `keep` has nothing to do"),
            ("identity = \"reader\"\nevery = \"1d\"", "a reader makes no backups"),
            ("keep = { }", "`keep` keeps nothing"),
            ("keep = { dayly = 1 }", "unknown key `dayly`"),
            ("jitter = \"1m\"", "`jitter` is of `every`"),
            ("credentials = \"/c\"", "a directory of this machine wants no `credentials`"),
            ("every = \"1s\"", "`every` cannot be `1s`"),
            ("before = [\"sync\"]", "`sync` is no absolute path of a program"),
        ] {
            let said = job(&format!("source = {{ paths = [\"/a\"] }}\n{rest}")).unwrap_err();
            assert!(said.iter().any(|(_, said)| said.starts_with(message)), "{rest}: {said:?}");
        }
    }

    #[test]
    fn names_are_unique_and_needed() {
        let one = format!("{HEAD}{REST}source = {{ paths = [\"/a\"] }}\n");
        let said = read(&format!("{one}{one}")).unwrap_err();
        assert_eq!(said, [(7, "`web` is the name of the job of line 2".to_owned())]);
        let said = read(&format!("[[backup]]\n{REST}")).unwrap_err();
        let messages: Vec<&str> = said.iter().map(|(_, said)| said.as_str()).collect();
        assert!(messages.contains(&"`backup[0]` has no `name`"), "{messages:?}");
        assert!(read(&one.replace("web", "../web")).is_err());
    }

    #[test]
    fn places_are_read() {
        let http = |is_secure, port, path: &str| HttpAddress {
            is_secure,
            host: "h.example".to_owned(),
            port,
            path: path.to_owned(),
        };
        let sftp = |user: Option<&str>, port, path: &str| BackupTarget::Sftp {
            user: user.map(str::to_owned),
            host: "h.example".to_owned(),
            port,
            path: path.to_owned(),
        };
        for (text, expected) in [
            ("sftp:u@h.example:/r", sftp(Some("u"), None, "/r")),
            ("sftp:h.example:r", sftp(None, None, "r")),
            ("sftp://u@h.example:2222//r", sftp(Some("u"), Some(2222), "/r")),
            ("rest:http://h.example:8000/a/b/", BackupTarget::Rest(http(false, 8000, "/a/b"))),
            ("rest:https://h.example", BackupTarget::Rest(http(true, 443, ""))),
            ("s3:https://h.example/bucket/x", BackupTarget::S3(http(true, 443, "/bucket/x"))),
        ] {
            let config = format!(
                "{HEAD}repository = \"{text}\"\nkey = \"/k\"\ncredentials = \"/c\"\nsource = {{ sqlite = \"/a\" }}"
            );
            assert_eq!(read(&config).unwrap()[0].repository, expected, "{text}");
        }
        for text in [
            "r",
            "",
            "ftp:x",
            "sftp:h",
            "sftp:-oProxyCommand=x:/r",
            "sftp:u@:/r",
            "rest:h",
            "rest:http://",
            "s3:https://h.example",
            "s3:h/b",
            "rest:http://u:p@h/",
            "sftp:h.example:/a/../b",
            "/a/../b",
        ] {
            let config = format!(
                "{HEAD}repository = \"{text}\"\nkey = \"/k\"\nsource = {{ sqlite = \"/a\" }}"
            );
            assert!(read(&config).is_err(), "{text}");
        }
    }
}

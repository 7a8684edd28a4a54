//! The keys of `[[backup]]`.

use crate::backup::{BackupTarget, Identity, RedisAt};
use crate::backup_address::{redis, target};
use crate::backup_place::{COPY, OWN_STATE};
use crate::kinds::{AbsolutePath, Choice, Count, Flag, List, Size, Span};
use crate::names::Parsed;
use crate::table::{Key, ManyTables, OneTable, Section};

const DAY: u64 = 86_400_000;
/// From a minute to ten years.
const PERIOD: Span = Span { millis_min: 60_000, millis_max: 3_650 * DAY };
const TEXT: Parsed<String> = Parsed { parse: text, words: "a text" };

pub(crate) static BACKUP: Key<ManyTables> = Key {
    name: "backup",
    kind: ManyTables(&BACKUP_SECTION),
    default: "no backups",
    about: "What is backed up, where to, and what is kept. The format is restic's.",
};
static BACKUP_SECTION: Section = Section {
    title: "[[backup]]",
    about: "A job: one source, one repository. A file with jobs and nothing else needs no `[[listen]]`.",
    keys: &[
        &NAME,
        &SOURCE,
        &REPOSITORY,
        &KEY,
        &CREDENTIALS,
        &IDENTITY,
        &EVERY,
        &JITTER,
        &KEEP,
        &DRILL,
        &VERIFY,
        &BEFORE,
        &AFTER,
        &NICE,
        &BANDWIDTH,
        &READ_BANDWIDTH,
        &COPY,
    ],
    refused: &[],
};
pub(crate) static NAME: Key<Parsed<String>> = Key {
    name: "name",
    kind: Parsed { parse: job_name, words: "1 to 64 letters, digits, `-`, `_` or `.`" },
    default: "",
    about: "What the job is called on the command line, and in its snapshots.",
};
pub(crate) static SOURCE: Key<OneTable> = Key {
    name: "source",
    kind: OneTable(&SOURCE_SECTION),
    default: "",
    about: "What is backed up.",
};
static SOURCE_SECTION: Section = Section {
    title: "source = { … }",
    about: "One of `paths`, `command`, `sqlite`, `postgresql`, `mysql` and `redis`, with what belongs to it.",
    keys: &[
        &PATHS,
        &EXCLUDE,
        &ONE_FILE_SYSTEM,
        &OWN_STATE,
        &SOURCE_COMMAND,
        &SOURCE_FILE_NAME,
        &SOURCE_SQLITE,
        &SOURCE_POSTGRESQL,
        &SOURCE_MYSQL,
        &SOURCE_REDIS,
        &SOURCE_DATABASE_HOST,
        &SOURCE_DATABASE_USER,
        &SOURCE_PASSWORD,
        &SOURCE_WAL,
    ],
    refused: &[],
};
pub(crate) static PATHS: Key<List<AbsolutePath>> = Key {
    name: "paths",
    kind: List { of: AbsolutePath, min: 1, max: 1_000 },
    default: "",
    about: "Files and directories, with everything below them: modes, owners, times, ACLs, extended attributes, hard \
            links and holes are kept. The repository itself is left out.",
};
pub(crate) static EXCLUDE: Key<List<Parsed<String>>> = Key {
    name: "exclude",
    kind: List {
        of: Parsed { parse: pattern, words: "a pattern such as `\"*.tmp\"`" },
        min: 0,
        max: 1_000,
    },
    default: "nothing",
    about: "What is left out of `paths`. `*` and `?` stand for letters of one name, `**` for any directories; a pattern \
            that begins with `/` is of the whole path, any other of its end.",
};
pub(crate) static ONE_FILE_SYSTEM: Key<Flag> = Key {
    name: "one_file_system",
    kind: Flag,
    default: "false",
    about: "Leave out other file systems that are mounted below `paths`.",
};
pub(crate) static SOURCE_COMMAND: Key<List<Parsed<String>>> = Key {
    name: "command",
    kind: List { of: TEXT, min: 1, max: 256 },
    default: "",
    about: "A program by its absolute path and its arguments, whose standard output is backed up as one file. No shell. \
            Only when it ends with 0 is there a snapshot.",
};
pub(crate) static SOURCE_FILE_NAME: Key<Parsed<String>> = Key {
    name: "file",
    kind: Parsed { parse: file_name, words: "a file name such as `\"ledger.tar\"`" },
    default: "\"stream\"",
    about: "The name of that file.",
};
pub(crate) static SOURCE_SQLITE: Key<AbsolutePath> = Key {
    name: "sqlite",
    kind: AbsolutePath,
    default: "",
    about: "A database of SQLite, copied by its backup interface while it is written to.",
};
pub(crate) static SOURCE_POSTGRESQL: Key<Parsed<String>> = Key {
    name: "postgresql",
    kind: Parsed { parse: database, words: "the name of a database, or `\"*\"`" },
    default: "",
    about: "A database, dumped by `pg_dump`; `\"*\"` is the whole cluster, by `pg_basebackup`.",
};
pub(crate) static SOURCE_MYSQL: Key<Parsed<String>> = Key {
    name: "mysql",
    kind: Parsed { parse: database, words: "the name of a database" },
    default: "",
    about: "A database of MySQL or MariaDB, dumped in one transaction.",
};
pub(crate) static SOURCE_REDIS: Key<Parsed<RedisAt>> = Key {
    name: "redis",
    kind: Parsed { parse: redis, words: "the path of a socket, or `\"HOST:PORT\"`" },
    default: "",
    about: "A server of Redis or Valkey: its dump, as a replica gets it.",
};
pub(crate) static SOURCE_PASSWORD: Key<AbsolutePath> = Key {
    name: "password",
    kind: AbsolutePath,
    default: "none",
    about: "The file that holds the password for Redis, mode 0600.",
};
pub(crate) static SOURCE_DATABASE_HOST: Key<Parsed<String>> = Key {
    name: "host",
    kind: Parsed { parse: word, words: "the directory of a socket, or a host" },
    default: "the local server",
    about: "Where the server is.",
};
pub(crate) static SOURCE_DATABASE_USER: Key<Parsed<String>> = Key {
    name: "user",
    kind: Parsed { parse: word, words: "the name of an account of the database" },
    default: "`postgres`, `root`",
    about: "As whom the database is asked.",
};
pub(crate) static SOURCE_WAL: Key<AbsolutePath> = Key {
    name: "wal",
    kind: AbsolutePath,
    default: "only the WAL of the base backup itself",
    about: "For a base backup: the directory into which the server's `archive_command` copies its WAL. With it a restore \
            goes to any moment since.",
};
pub(crate) static REPOSITORY: Key<Parsed<BackupTarget>> = Key {
    name: "repository",
    kind: Parsed {
        parse: target,
        words: "`\"/…\"`, `\"sftp:user@host:/…\"`, `\"rest:https://host:port/…\"` or `\"s3:https://host/bucket/…\"`",
    },
    default: "",
    about: "Where the repository is. The first run makes it.",
};
pub(crate) static KEY: Key<AbsolutePath> = Key {
    name: "key",
    kind: AbsolutePath,
    default: "",
    about: "The file that holds the repository's password, with mode 0600. `burgrave backup key JOB --new` makes it.",
};
pub(crate) static CREDENTIALS: Key<AbsolutePath> = Key {
    name: "credentials",
    kind: AbsolutePath,
    default: "none",
    about: "What the place wants, with mode 0600: `user:password` of a rest server, key and secret of S3 on two lines, or \
            the private key for SFTP.",
};
pub(crate) static IDENTITY: Key<Choice<Identity>> = Key {
    name: "identity",
    kind: Choice {
        options: &[
            ("writer", Identity::Writer),
            ("reader", Identity::Reader),
            ("keeper", Identity::Keeper),
        ],
    },
    default: "all three: whoever takes this machine can remove its backups",
    about: "What this machine may do: add and never remove, only read, or only forget.",
};
pub(crate) static EVERY: Key<Span> = Key {
    name: "every",
    kind: PERIOD,
    default: "by hand",
    about: "How often `burgrave run` does it; for a keeper, how often it forgets. What was missed is caught up with.",
};
pub(crate) static JITTER: Key<Span> = Key {
    name: "jitter",
    kind: Span { millis_min: 0, millis_max: DAY },
    default: "a tenth of `every`, an hour at most",
    about: "It begins at most so much later, by chance.",
};
pub(crate) static KEEP: Key<OneTable> = Key {
    name: "keep",
    kind: OneTable(&KEEP_SECTION),
    default: "everything is kept",
    about: "What is kept of the snapshots of a job and machine, after each backup or by the keeper; the rest is forgotten.",
};
static KEEP_SECTION: Section = Section {
    title: "keep = { … }",
    about: "How many. A snapshot that any of them wants is kept.",
    keys: &[
        &KEEP_KEYS_ALL[0],
        &KEEP_KEYS_ALL[1],
        &KEEP_KEYS_ALL[2],
        &KEEP_KEYS_ALL[3],
        &KEEP_KEYS_ALL[4],
        &KEEP_KEYS_ALL[5],
    ],
    refused: &[],
};
const MANY: Count = Count { min: 0, max: 100_000 };
static KEEP_KEYS_ALL: [Key<Count>; 6] = [
    Key { name: "last", kind: MANY, default: "0", about: "The last ones." },
    Key {
        name: "hourly",
        kind: MANY,
        default: "0",
        about: "The last one of each hour that has any.",
    },
    Key { name: "daily", kind: MANY, default: "0", about: "The last one of each day." },
    Key {
        name: "weekly",
        kind: MANY,
        default: "0",
        about: "The last one of each week, which begins on Monday.",
    },
    Key { name: "monthly", kind: MANY, default: "0", about: "The last one of each month." },
    Key { name: "yearly", kind: MANY, default: "0", about: "The last one of each year." },
];
pub(crate) static KEEP_KEYS: &[Key<Count>; 6] = &KEEP_KEYS_ALL;
pub(crate) static DRILL: Key<OneTable> = Key {
    name: "drill",
    kind: OneTable(&DRILL_SECTION),
    default: "by hand",
    about: "A restore that is tried in a place of its own.",
};
static DRILL_SECTION: Section = Section {
    title: "drill = { … }",
    about: "The latest snapshot is restored, compared by digests, and a database is started and asked.",
    keys: &[&DRILL_EVERY, &DRILL_SAMPLE, &DRILL_CHECK],
    refused: &[],
};
pub(crate) static DRILL_EVERY: Key<Span> =
    Key { name: "every", kind: PERIOD, default: "by hand", about: "How often it is done." };
pub(crate) static DRILL_SAMPLE: Key<Count> = Key {
    name: "sample",
    kind: Count { min: 1, max: 100 },
    default: "100",
    about: "Percent of the files that are restored, chosen anew each time.",
};
pub(crate) static DRILL_CHECK: Key<ManyTables> = Key {
    name: "checks",
    kind: ManyTables(&DRILL_CHECK_SECTION),
    default: "none",
    about: "What a restored database is asked.",
};
static DRILL_CHECK_SECTION: Section = Section {
    title: "checks = [{ … }]",
    about: "One question.",
    keys: &[&DRILL_QUERY, &DRILL_EXPECT],
    refused: &[],
};
pub(crate) static DRILL_QUERY: Key<Parsed<String>> =
    Key { name: "query", kind: TEXT, default: "", about: "SQL that gives one value." };
pub(crate) static DRILL_EXPECT: Key<Parsed<String>> = Key {
    name: "expect",
    kind: Parsed {
        parse: expectation,
        words: "`\"= …\"`, `\"!= …\"`, `\">= …\"`, `\"> …\"`, `\"<= …\"` or `\"< …\"`",
    },
    default: "anything but nothing, `0`, `f` and `false`",
    about: "What it has to give: numbers are compared as numbers, all else as text.",
};
pub(crate) static VERIFY: Key<OneTable> = Key {
    name: "verify",
    kind: OneTable(&VERIFY_SECTION),
    default: "by hand",
    about: "Data that are read back and checked against their digests.",
};
static VERIFY_SECTION: Section = Section {
    title: "verify = { … }",
    about: "The structure is checked in full each time, the data by a rolling share.",
    keys: &[&VERIFY_EVERY, &VERIFY_SHARE],
    refused: &[],
};
pub(crate) static VERIFY_EVERY: Key<Span> =
    Key { name: "every", kind: PERIOD, default: "by hand", about: "How often it is done." };
pub(crate) static VERIFY_SHARE: Key<Count> = Key {
    name: "share",
    kind: Count { min: 1, max: 1_000 },
    default: "7",
    about: "In how many parts all data are read, one part a time.",
};
pub(crate) static BEFORE: Key<List<Parsed<String>>> = Key {
    name: "before",
    kind: List { of: TEXT, min: 1, max: 256 },
    default: "nothing",
    about: "A program by its absolute path and its arguments, run before a backup, such as one that makes a snapshot of \
            the file system. When it fails there is no backup.",
};
pub(crate) static AFTER: Key<List<Parsed<String>>> = Key {
    name: "after",
    kind: List { of: TEXT, min: 1, max: 256 },
    default: "nothing",
    about: "The same, run after it, whatever came of it.",
};
pub(crate) static NICE: Key<Count> = Key {
    name: "nice",
    kind: Count { min: 0, max: 19 },
    default: "10",
    about: "How far a scheduled run stands back for other processes.",
};
pub(crate) static READ_BANDWIDTH: Key<Size> = Key {
    name: "read_bandwidth",
    kind: Size { min: 4_096, max: 1 << 40 },
    default: "as fast as it goes",
    about: "Bytes a second that are read of the source.",
};
pub(crate) static BANDWIDTH: Key<Size> = Key {
    name: "bandwidth",
    kind: Size { min: 1_024, max: 1 << 40 },
    default: "as fast as it goes",
    about: "Bytes a second to and from the repository.",
};

fn text(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > 8_192 || text.contains('\0') {
        return Err("a text has 1 to 8192 bytes, none of them zero");
    }
    Ok(text.to_owned())
}

pub(crate) fn word(given: &str) -> Result<String, &'static str> {
    if given.starts_with('-')
        || given.len() > 255
        || given.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err("this is no single word, or would be taken for an option");
    }
    text(given)
}

fn database(given: &str) -> Result<String, &'static str> {
    if given.contains('=') || given.contains("://") {
        return Err("this is the name of a database, and no connection string");
    }
    word(given)
}

pub(crate) fn job_name(text: &str) -> Result<String, &'static str> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.is_empty()
        || text.len() > 64
        || !text.bytes().all(letter)
        || text.starts_with(['-', '.'])
    {
        return Err("this is no name of a job");
    }
    Ok(text.to_owned())
}

fn file_name(text: &str) -> Result<String, &'static str> {
    if text.is_empty()
        || text.len() > 255
        || text.contains(['/', '\0'])
        || matches!(text, "." | "..")
    {
        return Err("this is no file name");
    }
    Ok(text.to_owned())
}

fn pattern(given: &str) -> Result<String, &'static str> {
    if given.len() > 4_096
        || given.split('/').all(|part| part.is_empty() || part == "." || part == "**")
    {
        return Err("this pattern is too long, or leaves out everything");
    }
    text(given)
}

fn expectation(given: &str) -> Result<String, &'static str> {
    let operators = ["=", "!=", ">=", "<=", ">", "<"];
    let known = given
        .split_once(' ')
        .is_some_and(|(operator, value)| operators.contains(&operator) && !value.trim().is_empty());
    if known { text(given) } else { Err("this is no comparison") }
}

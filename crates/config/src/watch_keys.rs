//! The keys of `[[watch]]`, as those of other sections stand in `keys`.

use crate::kinds::{AbsolutePath, Count, Flag, Span};
use crate::names::{self, Parsed};
use crate::table::{Key, ManyTables, OneTable, Section};
use crate::watches::{ServiceName, SourceOf, SyslogAt, syslog_at};

pub(crate) static WATCH: Key<ManyTables> = Key {
    name: "watch",
    kind: ManyTables(&WATCH_SECTION),
    default: "no log is watched",
    about: "The logs that are watched for attacks.",
};
pub(crate) static WATCH_SECTION: Section = Section {
    title: "[[watch]]",
    about: "A log that is watched for attacks, and when its clients are banned. `burgrave watch try` shows \
            what is seen in it; the services are those of `docs/watch/services.md`.",
    keys: &[&SERVICE, &FILTER, &SOURCE, &STRICT, &SILENT_AFTER, &BAN],
    refused: &[],
};
pub(crate) static SERVICE: Key<ServiceName> = Key {
    name: "service",
    kind: ServiceName,
    default: "needed, or `filter`",
    about: "The program that writes the log. The name of fail2ban's jail where there is one.",
};
pub(crate) static FILTER: Key<AbsolutePath> = Key {
    name: "filter",
    kind: AbsolutePath,
    default: "none",
    about: "A filter of fail2ban that is run as it is, in place of a service. What it includes lies beside it.",
};
pub(crate) static SOURCE: Key<SourceOf> =
    Key { name: "source", kind: SourceOf, default: "", about: "Where the log comes from." };
pub(crate) static STRICT: Key<Flag> = Key {
    name: "strict",
    kind: Flag,
    default: "false",
    about: "Count as well what fail2ban calls aggressive or extra modes, such as clients that break off \
            before they sign in.",
};
pub(crate) static SILENT_AFTER: Key<Span> = Key {
    name: "silent_after",
    kind: Span { millis_min: 1_000, millis_max: 365 * 86_400_000 },
    default: "\"1d\"",
    about: "A log without a new line for so long is an alert: whoever wrote it may have been stopped.",
};
pub(crate) static BAN: Key<OneTable> = Key {
    name: "ban",
    kind: OneTable(&BAN_SECTION),
    default: "each key's own",
    about: "When a client is banned, and for how long.",
};
pub(crate) static SOURCE_SECTION: Section = Section {
    title: "source = { … }",
    about: "Exactly one of these; beside `syslog` with `tls://` also whose certificates are shown and believed.",
    keys: &[
        &SOURCE_FILE,
        &SOURCE_JOURNAL,
        &SOURCE_SYSLOG,
        &SOURCE_CERTIFICATE,
        &SOURCE_KEY,
        &SOURCE_CLIENT_CA,
        &SOURCE_NFLOG,
        &SOURCE_GATEWAY,
    ],
    refused: &[],
};
pub(crate) static SOURCE_FILE: Key<AbsolutePath> = Key {
    name: "file",
    kind: AbsolutePath,
    default: "not this",
    about: "A file that is followed.",
};
pub(crate) static SOURCE_JOURNAL: Key<Parsed<String>> = Key {
    name: "journal",
    kind: Parsed {
        parse: names::unit,
        words: "the name of a unit, such as `\"ssh.service\"`, or `\"kernel\"`",
    },
    default: "not this",
    about: "A unit whose messages are read from the journal, or the kernel.",
};
pub(crate) static SOURCE_SYSLOG: Key<Parsed<SyslogAt>> = Key {
    name: "syslog",
    kind: Parsed {
        parse: syslog_at,
        words: "`\"udp://ADDRESS:PORT\"`, `\"tcp://ADDRESS:PORT\"`, `\"unix:/PATH\"` or `\"tls://ADDRESS:PORT\"`",
    },
    default: "not this",
    about: "A socket on which messages of syslog are taken. Addresses beyond this machine only with `tls://`, from clients \
            that show a certificate.",
};
pub(crate) static SOURCE_CERTIFICATE: Key<AbsolutePath> = Key {
    name: "certificate",
    kind: AbsolutePath,
    default: "needed with `tls://`",
    about: "The certificate (PEM, with those that vouch for it) that is shown to clients.",
};
pub(crate) static SOURCE_KEY: Key<AbsolutePath> = Key {
    name: "key",
    kind: AbsolutePath,
    default: "needed with `tls://`",
    about: "Its key (PEM), which its owner alone may read.",
};
pub(crate) static SOURCE_CLIENT_CA: Key<AbsolutePath> = Key {
    name: "client_ca",
    kind: AbsolutePath,
    default: "needed with `tls://`",
    about: "Certificates (PEM) of those who vouch for clients. Whoever has a certificate of theirs can have anybody banned.",
};
pub(crate) static SOURCE_NFLOG: Key<Count> = Key {
    name: "nflog",
    kind: Count { min: 1, max: 65_535 },
    default: "not this",
    about: "A group to which rules log packets (`log prefix \"burgrave drop: \" group 5`, iptables' `NFLOG`), read from the kernel \
            itself. Nobody else can read the group at the same time.",
};
pub(crate) static SOURCE_GATEWAY: Key<Flag> = Key {
    name: "gateway",
    kind: Flag,
    default: "not this",
    about: "The gateway's own events, as its access log has them. `true`.",
};
pub(crate) static BAN_SECTION: Section = Section {
    title: "ban = { … }",
    about: "So many failures within a time ban a client, for twice as long each time it comes again.",
    keys: &[&AFTER, &WITHIN, &FOR],
    refused: &[],
};
pub(crate) static AFTER: Key<Count> = Key {
    name: "after",
    kind: Count { min: 1, max: 10_000 },
    default: "5",
    about: "How many failures.",
};
pub(crate) static WITHIN: Key<Span> = Key {
    name: "within",
    kind: Span { millis_min: 1_000, millis_max: 7 * 86_400_000 },
    default: "\"10m\"",
    about: "Within which time.",
};
pub(crate) static FOR: Key<Span> = Key {
    name: "for",
    kind: Span { millis_min: 1_000, millis_max: 365 * 86_400_000 },
    default: "\"1h\"",
    about: "For how long the first time.",
};

//! The keys of `[[alert]]` and `[alerts]`, as those of other sections stand in `keys`.

use crate::alerts::{AlertTarget, SmtpTls, Template};
use crate::backup_address::{host_name, http};
use crate::kinds::{AbsolutePath, Choice, Count, Flag, List, Span};
use crate::names::{self, Parsed};
use crate::table::{Key, ManyTables, OneTable, Section};
use burgrave_model::{Severity, Topic};
use std::path::PathBuf;

const SECOND: u64 = 1_000;
const DAY: u64 = 86_400_000;
const TEXT_BYTES_MAX: usize = 1_024;
const LEVELS: Choice<Severity> = Choice {
    options: &[
        ("critical", Severity::Critical),
        ("high", Severity::High),
        ("medium", Severity::Medium),
        ("low", Severity::Low),
        ("info", Severity::Info),
    ],
};
const TOPIC_WORDS: &str = "a topic of `docs/alerts.md`, or how some begin, such as `\"backup\"`";

pub(crate) static ALERT: Key<ManyTables> = Key {
    name: "alert",
    kind: ManyTables(&ALERT_SECTION),
    default: "nobody is told",
    about: "Where alerts go.",
};
pub(crate) static ALERTS: Key<OneTable> = Key {
    name: "alerts",
    kind: OneTable(&ALERTS_SECTION),
    default: "each key's own",
    about: "What is true of alerts wherever they go.",
};
pub(crate) static ALERT_SECTION: Section = Section {
    title: "[[alert]]",
    about: "A channel: where alerts go, which of them, when and in which form. `burgrave alert test` sends one.",
    keys: &[
        &TO,
        &NAME,
        &TEMPLATE,
        &RECIPIENTS,
        &MAIL_FROM,
        &MAIL_USER,
        &PASSWORD_FILE,
        &TLS,
        &CA,
        &ARGUMENTS,
        &LEVEL,
        &TOPICS,
        &GROUP_WAIT,
        &GROUP_INTERVAL,
        &REPEAT,
        &PER_HOUR,
        &DIGEST,
        &QUIET,
        &ESCALATE_AFTER,
        &ESCALATE_TO,
        &HEARTBEAT,
    ],
    refused: &[("password", "stands in a file of its own: `password_file`")],
};
pub(crate) static TO: Key<Parsed<AlertTarget>> = Key {
    name: "to",
    kind: Parsed {
        parse: target,
        words: "`\"smtp://HOST:587\"` (STARTTLS), `\"smtps://HOST:465\"`, `\"https://…\"`, `\"http://…\"`, \
                `\"command:/PATH\"`, `\"syslog:unix:/dev/log\"` or `\"syslog:udp://ADDRESS:PORT\"`",
    },
    default: "",
    about: "Where they go.",
};
pub(crate) static NAME: Key<Parsed<String>> = Key {
    name: "name",
    kind: Parsed { parse: word, words: "letters, digits, `-` and `_`, at most 32" },
    default: "the channel's number, from 1",
    about: "What it is called, for `escalate_to` and in messages.",
};
pub(crate) static TEMPLATE: Key<Choice<Template>> = Key {
    name: "template",
    kind: Choice {
        options: &[
            ("json", Template::Json),
            ("slack", Template::Slack),
            ("telegram", Template::Telegram),
            ("ntfy", Template::Ntfy),
            ("pagerduty", Template::PagerDuty),
            ("alertmanager", Template::Alertmanager),
        ],
    },
    default: "\"json\"",
    about: "In which form a webhook is spoken to. What is appended to the address is in `docs/alerts.md`.",
};
pub(crate) static RECIPIENTS: Key<List<Parsed<String>>> = Key {
    name: "recipients",
    kind: List {
        of: Parsed { parse: line, words: "a mail address, or a chat of Telegram" },
        min: 1,
        max: 50,
    },
    default: "needed for mail and Telegram",
    about: "Who gets it.",
};
pub(crate) static MAIL_FROM: Key<Parsed<String>> = Key {
    name: "from",
    kind: Parsed { parse: line, words: "a mail address" },
    default: "needed for mail",
    about: "Who sends it.",
};
pub(crate) static MAIL_USER: Key<Parsed<String>> = Key {
    name: "user",
    kind: Parsed { parse: line, words: "the name of an account" },
    default: "no sign-in",
    about: "The account at the mail server. Its password is in `password_file`.",
};
pub(crate) static PASSWORD_FILE: Key<AbsolutePath> = Key {
    name: "password_file",
    kind: AbsolutePath,
    default: "no secret",
    about: "A file with the secret, which its owner alone may read: a password, a token, or the path of a webhook.",
};
pub(crate) static TLS: Key<Flag> = Key {
    name: "tls",
    kind: Flag,
    default: "true",
    about: "`false`: mail goes in the clear, which is taken for a server on this machine only.",
};
pub(crate) static CA: Key<AbsolutePath> = Key {
    name: "ca",
    kind: AbsolutePath,
    default: "the machine's authorities",
    about: "A file of certificates in PEM that vouch for the server.",
};
pub(crate) static ARGUMENTS: Key<List<Parsed<String>>> = Key {
    name: "arguments",
    kind: List { of: Parsed { parse: argument, words: "a text" }, min: 1, max: 50 },
    default: "none",
    about: "Arguments of a command, as they are: there is no shell. The message is JSON on its standard input.",
};
pub(crate) static LEVEL: Key<Choice<Severity>> = Key {
    name: "level",
    kind: LEVELS,
    default: "\"medium\"",
    about: "What matters less is not told here.",
};
pub(crate) static TOPICS: Key<List<Parsed<String>>> = Key {
    name: "topics",
    kind: List { of: Parsed { parse: topic, words: TOPIC_WORDS }, min: 1, max: 50 },
    default: "all",
    about: "Only these topics.",
};
pub(crate) static GROUP_WAIT: Key<Span> = Key {
    name: "group_wait",
    kind: Span { millis_min: 0, millis_max: 3_600_000 },
    default: "\"10s\"",
    about: "How long is waited for more of the same topic before the first message.",
};
pub(crate) static GROUP_INTERVAL: Key<Span> = Key {
    name: "group_interval",
    kind: Span { millis_min: 0, millis_max: DAY },
    default: "\"5m\"",
    about: "How long is waited between two messages of the same topic.",
};
pub(crate) static REPEAT: Key<Span> = Key {
    name: "repeat",
    kind: Span { millis_min: SECOND, millis_max: 30 * DAY },
    default: "\"4h\"",
    about: "After how long what lasts, and nobody has acknowledged, is told again.",
};
pub(crate) static PER_HOUR: Key<Count> = Key {
    name: "per_hour",
    kind: Count { min: 1, max: 10_000 },
    default: "60",
    about: "Messages within an hour. What is more waits, and goes out together.",
};
pub(crate) static DIGEST: Key<OneTable> = Key {
    name: "digest",
    kind: OneTable(&DIGEST_SECTION),
    default: "everything is told at once",
    about: "What matters less is gathered.",
};
static DIGEST_SECTION: Section = Section {
    title: "digest = { … }",
    about: "One message for all that came together.",
    keys: &[&EVERY, &BELOW],
    refused: &[],
};
pub(crate) static EVERY: Key<Span> = Key {
    name: "every",
    kind: Span { millis_min: SECOND, millis_max: 30 * DAY },
    default: "",
    about: "How often, counted from midnight UTC.",
};
pub(crate) static BELOW: Key<Choice<Severity>> = Key {
    name: "below",
    kind: LEVELS,
    default: "\"high\"",
    about: "What matters less than this is gathered.",
};
pub(crate) static QUIET: Key<OneTable> = Key {
    name: "quiet",
    kind: OneTable(&QUIET_SECTION),
    default: "none",
    about: "Hours in which only what matters most is told. The rest is told when they are over.",
};
static QUIET_SECTION: Section = Section {
    title: "quiet = { … }",
    about: "Hours of every day.",
    keys: &[&QUIET_FROM, &QUIET_TO, &OFFSET, &QUIET_LEVEL],
    refused: &[],
};
pub(crate) static QUIET_FROM: Key<Parsed<u16>> = Key {
    name: "from",
    kind: Parsed { parse: clock, words: "a time of the day, such as `\"22:00\"`" },
    default: "",
    about: "When they begin.",
};
pub(crate) static QUIET_TO: Key<Parsed<u16>> = Key {
    name: "to",
    kind: Parsed { parse: clock, words: "a time of the day, such as `\"07:00\"`" },
    default: "",
    about: "When they end, on the next day where it is earlier.",
};
pub(crate) static OFFSET: Key<Parsed<i16>> = Key {
    name: "offset",
    kind: Parsed {
        parse: offset,
        words: "a difference from UTC, such as `\"+01:00\"` or `\"-05:30\"`",
    },
    default: "UTC",
    about: "By which clock.",
};
pub(crate) static QUIET_LEVEL: Key<Choice<Severity>> = Key {
    name: "level",
    kind: LEVELS,
    default: "\"critical\"",
    about: "What is told all the same.",
};
pub(crate) static ESCALATE_AFTER: Key<Span> = Key {
    name: "escalate_after",
    kind: Span { millis_min: SECOND, millis_max: 7 * DAY },
    default: "never",
    about: "When nobody has acknowledged (`burgrave alert ack`) what was told here for so long, another channel is told.",
};
pub(crate) static ESCALATE_TO: Key<Parsed<String>> = Key {
    name: "escalate_to",
    kind: Parsed { parse: word, words: "the `name` of another `[[alert]]`" },
    default: "nobody",
    about: "Which one, whatever its own `level`, `topics` and hours are.",
};
pub(crate) static HEARTBEAT: Key<Span> = Key {
    name: "heartbeat",
    kind: Span { millis_min: SECOND, millis_max: DAY },
    default: "none",
    about: "Makes the channel one that gets a sign of life so often and nothing else: for a dead man's switch \
            elsewhere, which tells you when it stops.",
};
static ALERTS_SECTION: Section = Section {
    title: "[alerts]",
    about: "What is true wherever alerts go.",
    keys: &[&INHIBIT],
    refused: &[],
};
pub(crate) static INHIBIT: Key<ManyTables> = Key {
    name: "inhibit",
    kind: ManyTables(&INHIBIT_SECTION),
    default: "`backup.failed` inhibits `backup.overdue`",
    about: "What is not told while something else is the matter.",
};
static INHIBIT_SECTION: Section = Section {
    title: "inhibit = [{ … }]",
    about: "One topic that explains others. They are told when it is over and they are not.",
    keys: &[&BY, &OF, &SAME_SUBJECT],
    refused: &[],
};
pub(crate) static BY: Key<Parsed<String>> = Key {
    name: "by",
    kind: Parsed { parse: topic, words: TOPIC_WORDS },
    default: "",
    about: "The topic that is the matter.",
};
pub(crate) static OF: Key<List<Parsed<String>>> = Key {
    name: "of",
    kind: List { of: Parsed { parse: topic, words: TOPIC_WORDS }, min: 1, max: 50 },
    default: "",
    about: "Those that are not told meanwhile.",
};
pub(crate) static SAME_SUBJECT: Key<Flag> = Key {
    name: "same_subject",
    kind: Flag,
    default: "true",
    about: "Only those about the same thing, such as the same job.",
};

fn target(text: &str) -> Result<AlertTarget, &'static str> {
    for (scheme, port, tls) in
        [("smtp://", 587, SmtpTls::Start), ("smtps://", 465, SmtpTls::Wrapped)]
    {
        if let Some(rest) = text.strip_prefix(scheme) {
            return smtp(rest, port, tls);
        }
    }
    if let Some(path) = text.strip_prefix("command:") {
        let is_plain = path.starts_with('/') && !path.contains('\0');
        return is_plain
            .then(|| AlertTarget::Command(PathBuf::from(path)))
            .ok_or("a command is given by its absolute path");
    }
    if let Some(rest) = text.strip_prefix("syslog:") {
        let socket = names::syslog(rest)?;
        if matches!(socket, crate::watch_settings::Syslog::Tcp(_)) {
            return Err("syslog is spoken to by `unix:` and `udp://`");
        }
        return Ok(AlertTarget::Syslog(socket));
    }
    if text.contains('@') {
        return Err("secrets belong into `password_file`");
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        return Ok(AlertTarget::Webhook(http(text)?));
    }
    Err("nothing is known to reach this")
}

fn smtp(rest: &str, port: u16, tls: SmtpTls) -> Result<AlertTarget, &'static str> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let given = rest.rsplit_once(':').filter(|(host, port)| {
        !port.ends_with(']') && (!host.contains(':') || host.ends_with(']'))
    });
    let (host, port) = match given {
        Some((host, port)) => (host, port.parse().map_err(|_bad| "this is no port")?),
        None => (rest, port),
    };
    if port == 0 {
        return Err("this is no port");
    }
    Ok(AlertTarget::Smtp { host: host_name(host)?, port, tls })
}

fn word(text: &str) -> Result<String, &'static str> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.is_empty() || text.len() > 32 || !text.bytes().all(letter) {
        return Err("this is no name of a channel");
    }
    Ok(text.to_owned())
}

fn line(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err("this is no single line of text");
    }
    Ok(text.to_owned())
}

fn argument(text: &str) -> Result<String, &'static str> {
    if text.len() > TEXT_BYTES_MAX || text.contains('\0') {
        return Err("this is no argument");
    }
    Ok(text.to_owned())
}

fn topic(text: &str) -> Result<String, &'static str> {
    let begins = |topic: &Topic| {
        topic.word().strip_prefix(text).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if Topic::ALL.iter().any(begins) {
        return Ok(text.to_owned());
    }
    Err("no topic of alerts is called so, or begins so")
}

/// Minutes of the day.
fn clock(text: &str) -> Result<u16, &'static str> {
    let wrong = "this is no time of the day";
    let (hours, minutes) = text.split_once(':').ok_or(wrong)?;
    let number = |text: &str, below: u16| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u16>().ok().filter(|number| plain && *number < below);
        number.ok_or(wrong)
    };
    Ok(number(hours, 24)? * 60 + number(minutes, 60)?)
}

fn offset(text: &str) -> Result<i16, &'static str> {
    let wrong = "this is no difference from UTC";
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return Err(wrong),
    };
    let minutes = clock(rest).ok().filter(|minutes| *minutes <= 14 * 60).ok_or(wrong)?;
    Ok(sign * i16::try_from(minutes).map_err(|_large| wrong)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day_and_offsets_are_read() {
        assert_eq!((clock("00:00"), clock("22:30"), clock("23:59")), (Ok(0), Ok(1_350), Ok(1_439)));
        for wrong in ["", "24:00", "7:00", "07:60", "07", "07:0", "+7:00", "07:00:00"] {
            assert!(clock(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            (offset("+01:00"), offset("-05:30"), offset("+00:00")),
            (Ok(60), Ok(-330), Ok(0))
        );
        for wrong in ["", "01:00", "+15:00", "UTC", "-1:00"] {
            assert!(offset(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn topics_are_known_or_refused() {
        assert!(topic("backup").is_ok() && topic("backup.failed").is_ok());
        for wrong in ["", "back", "backup.", "backup.fail", "x"] {
            assert!(topic(wrong).is_err(), "{wrong}");
        }
    }
}

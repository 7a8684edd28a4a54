//! Reads `[audit]`: how often the host is audited, and whether its folders are watched in between.

use crate::error::quoted;
use crate::kinds::{Flag, Span};
use crate::sink::Sink;
use crate::table::{Key, OneTable, Section, Table};
use std::time::Duration;

/// The audit of a machine that runs on a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// How often. Default a day.
    pub every: Duration,
    /// It begins at most so much later, by chance. Default a tenth of `every`, an hour at most.
    pub jitter: Duration,
    /// Whether changes of web roots and configuration are told as they happen. Default true.
    pub watch: bool,
    /// Whether running database servers are asked about their roles. Default false.
    pub connect: bool,
}

const HOUR: u64 = 3_600_000;

pub(crate) static AUDIT: Key<OneTable> = Key {
    name: "audit",
    kind: OneTable(&AUDIT_SECTION),
    default: "it is audited when somebody runs `burgrave audit`",
    about: "The audit of this machine on a schedule. Only what is different from the last one is told.",
};
static AUDIT_SECTION: Section = Section {
    title: "[audit]",
    about: "A process beside the gateway audits the machine, keeps the last report below `state`, and tells new \
            faults and those that are gone.",
    keys: &[&EVERY, &JITTER, &WATCH, &CONNECT],
    refused: &[],
};
static EVERY: Key<Span> = Key {
    name: "every",
    kind: Span { millis_min: 60_000, millis_max: 31 * 24 * HOUR },
    default: "\"1d\"",
    about: "How often. One that was missed while the machine was off is made up at once.",
};
static JITTER: Key<Span> = Key {
    name: "jitter",
    kind: Span { millis_min: 0, millis_max: 24 * HOUR },
    default: "a tenth of `every`, an hour at most",
    about: "It begins at most so much later, by chance, so that machines do not all begin at once.",
};
static WATCH: Key<Flag> = Key {
    name: "watch",
    kind: Flag,
    default: "true",
    about: "Tell changes of the accepted baseline's folders, or of `/etc` and web roots where none is accepted, within a \
            second, and audit soon after.",
};

static CONNECT: Key<Flag> = Key {
    name: "connect",
    kind: Flag,
    default: "false",
    about: "Ask the database servers that run here about their roles and settings, as `burgrave audit --connect` does.",
};

/// The section, if it is there.
pub(crate) fn audit(root: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Audit> {
    let table = root.table(&AUDIT, sink)?;
    let every = table.get(&EVERY, sink).unwrap_or(Duration::from_hours(24));
    let jitter = table.located(&JITTER, sink);
    if let Some(jitter) = &jitter
        && jitter.value >= every
    {
        let message = format!("{} is as long as `every`, or longer", quoted("jitter"));
        sink.wrong(&jitter.spot, message, "a time shorter than `every`".to_owned());
    }
    let jitter = jitter.map_or((every / 10).min(Duration::from_hours(1)), |jitter| jitter.value);
    let watch = table.get(&WATCH, sink).unwrap_or(true);
    Some(Audit { every, jitter, watch, connect: table.get(&CONNECT, sink).unwrap_or(false) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const REST: &str = "[[listen]]\naddress = \"127.0.0.1:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";

    fn read(audit: &str) -> Result<Option<Audit>, Vec<(usize, String)>> {
        let said = |errors: crate::ConfigErrors| {
            errors.errors.into_iter().map(|error| (error.place.line, error.message)).collect()
        };
        parse(&format!("{audit}\n{REST}")).map(|settings| settings.audit).map_err(said)
    }

    #[test]
    fn the_section_is_read_with_its_defaults() {
        assert_eq!(read(""), Ok(None));
        let plain = Audit {
            every: Duration::from_hours(24),
            jitter: Duration::from_hours(1),
            watch: true,
            connect: false,
        };
        assert_eq!(read("[audit]"), Ok(Some(plain.clone())));
        assert_eq!(read("[audit]\nevery = \"1d\"\nwatch = true"), Ok(Some(plain)));
        let own = Audit {
            every: Duration::from_mins(10),
            jitter: Duration::from_secs(5),
            watch: false,
            connect: true,
        };
        assert_eq!(
            read("[audit]\nevery = \"10m\"\njitter = \"5s\"\nwatch = false\nconnect = true"),
            Ok(Some(own))
        );
        let tenth = read("[audit]\nevery = \"10m\"").unwrap().unwrap();
        assert_eq!(tenth.jitter, Duration::from_mins(1));
    }

    #[test]
    fn what_cannot_be_is_said_with_its_line() {
        for (text, line, message) in [
            ("[audit]\nevery = \"1s\"", 2, "`every` cannot be `1s`"),
            ("[audit]\nevery = 5", 2, "`every` cannot be the integer `5`"),
            (
                "[audit]\nevery = \"1h\"\njitter = \"1h\"",
                3,
                "`jitter` is as long as `every`, or longer",
            ),
            ("[audit]\nwatch = 1", 2, "`watch` cannot be the integer `1`"),
            ("[audit]\nlevel = 1", 2, "unknown key `level`"),
            ("audit = 1", 1, "`audit` cannot be the integer `1`"),
        ] {
            let errors = read(text).unwrap_err();
            assert!(errors.contains(&(line, message.to_owned())), "{text}: {errors:?}");
        }
    }
}

//! The keys of the access log.

use crate::kinds::{AbsolutePath, Count, List, Size, Span};
use crate::log_settings::Rotate;
use crate::names::{self, Parsed};
use crate::ship::SHIP;
use crate::sink::Sink;
use crate::table::{Key, OneTable, Section, Table};

pub(crate) static LOG_SECTION: Section = Section {
    title: "[log]",
    about: "The access log: one JSON object a line for every request and every refusal.",
    keys: &[&ACCESS, &ROTATE, &LOG_HEADERS, &SHIP],
    refused: &[],
};
pub(crate) static ACCESS: Key<AbsolutePath> = Key {
    name: "access",
    kind: AbsolutePath,
    default: "no access log",
    about: "The file that it is appended to.",
};
pub(crate) static LOG_HEADERS: Key<List<Parsed<String>>> = Key {
    name: "headers",
    kind: List {
        of: Parsed { parse: names::logged_header, words: "the name of a header without secrets" },
        min: 0,
        max: 64,
    },
    default: "[]",
    about: "Request headers to record beside the standard fields. Those that hold secrets are refused.",
};
pub(crate) static ROTATE: Key<OneTable> = Key {
    name: "rotate",
    kind: OneTable(&ROTATE_SECTION),
    default: "one file for ever",
    about: "When a new file is begun. The old one keeps its name with the moment behind it, such as \
            `access.ndjson.20261126T060000Z`.",
};
pub(crate) static ROTATE_SECTION: Section = Section {
    title: "rotate = { … }",
    about: "At least one of `size` and `every`. No line is lost: what is written meanwhile is in the old file.",
    keys: &[&ROTATE_SIZE, &ROTATE_EVERY, &ROTATE_KEEP],
    refused: &[],
};
static ROTATE_SIZE: Key<Size> = Key {
    name: "size",
    kind: Size { min: 4096, max: 1 << 40 },
    default: "any",
    about: "A file that is larger. Looked at once a second.",
};
static ROTATE_EVERY: Key<Span> = Key {
    name: "every",
    kind: Span { millis_min: 60_000, millis_max: 366 * 86_400_000 },
    default: "never",
    about: "A file that was begun so long ago.",
};
static ROTATE_KEEP: Key<Count> = Key {
    name: "keep",
    kind: Count { min: 1, max: 100_000 },
    default: "all",
    about: "How many old files stay; older ones are deleted. None is, if this is not set.",
};

pub(crate) fn rotate(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Rotate> {
    let own = table.table(&ROTATE, sink)?;
    let written = own.has(&ROTATE_SIZE) || own.has(&ROTATE_EVERY);
    if !written {
        sink.wrong(&own.spot, "it does not say when: `size`, `every` or both are needed", None);
    }
    Some(Rotate {
        size: own.get(&ROTATE_SIZE, sink),
        every: own.get(&ROTATE_EVERY, sink),
        keep: own.get(&ROTATE_KEEP, sink),
    })
}

//! The keys of the access log.

use crate::kinds::{AbsolutePath, List};
use crate::names::{self, Parsed};
use crate::table::{Key, Section};

pub(crate) static LOG_SECTION: Section = Section {
    title: "[log]",
    about: "The access log: one JSON object a line for every request and every refusal.",
    keys: &[&ACCESS, &LOG_HEADERS],
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

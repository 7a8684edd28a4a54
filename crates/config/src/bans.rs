//! Reads `[bans]`: what holds for all bans, whoever asks for them.

use crate::error::quoted;
use crate::kinds::{AbsolutePath, Flag, Span};
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
    keys: &[&DRY_RUN, &LISTS],
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
    Bans { dry_run, lists }
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
        assert_eq!(read(text), Ok(Bans { dry_run: true, lists }));
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

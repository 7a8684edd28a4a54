//! Static content: the section, its keys, and how it is read.

use crate::error::quoted;
use crate::keys::FILES;
use crate::kinds::{AbsolutePath, Flag, Kind, Span, Words, refuse, text};
use crate::names::{self, Parsed};
use crate::settings::Files;
use crate::sink::{Sink, Spot};
use crate::table::{Key, Section, Table};
use std::collections::BTreeMap;
use toml::de::DeValue;

pub(crate) static COMPRESS_ANSWERS: Key<Flag> = Key {
    name: "compress",
    kind: Flag,
    default: "false",
    about: "Send texts that the application answers in Brotli, zstd or gzip, whichever the client takes. Not for answers that hold a \
            secret beside something that was in the request: their lengths give it away (BREACH).",
};
pub(crate) static FILES_SECTION: Section = Section {
    title: "files = { … }",
    about: "Static content. Hidden files, backups, archives and dumps are never served from it, nor is \
            anything that a link reaches outside of it.",
    keys: &[&FILES_ROOT, &FALLBACK, &PAGES, &CACHE, &COMPRESS],
    refused: &[],
};
static FILES_ROOT: Key<AbsolutePath> =
    Key { name: "root", kind: AbsolutePath, default: "", about: "The web root." };
static FALLBACK: Key<Parsed<String>> = Key {
    name: "fallback",
    kind: Parsed { parse: names::page, words: "a path in the web root, such as `\"/index.html\"`" },
    default: "404",
    about: "What a path that names no file is served as: for applications of a single page.",
};
static PAGES: Key<PageMap> = Key {
    name: "pages",
    kind: PageMap,
    default: "Burgrave's own terse pages",
    about: "Pages in the web root for errors, by status: `{ 404 = \"/missing.html\" }`. Clients that want JSON get JSON.",
};
static CACHE: Key<Span> = Key {
    name: "cache",
    kind: Span { millis_min: 1_000, millis_max: 31_536_000_000 },
    default: "what the browser thinks",
    about: "How long browsers keep files; pages (`text/html`) they ask for anew each time.",
};
static COMPRESS: Key<Flag> = Key {
    name: "compress",
    kind: Flag,
    default: "true",
    about: "Compress text that is small enough to be kept in memory and has no compressed sibling.",
};

/// Pages by status.
struct PageMap;

impl Words for PageMap {
    fn words(&self) -> String {
        "a table of statuses from 400 to 599 and paths, such as `{ 404 = \"/missing.html\" }`"
            .to_owned()
    }
}

impl Kind for PageMap {
    type Value = BTreeMap<u16, String>;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<Self::Value> {
        let DeValue::Table(table) = value else {
            refuse(self, value, spot, sink);
            return None;
        };
        let mut pages = BTreeMap::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let here = spot.key(name, value.span());
            let status = name.parse::<u16>().ok().filter(|status| (400..600).contains(status));
            let Some(status) = status else {
                sink.wrong(
                    &here,
                    format!("{} is no status of an error", quoted(name)),
                    self.words(),
                );
                continue;
            };
            let Some(path) = text(self, value.get_ref(), &here, sink) else { continue };
            match names::page(path) {
                Ok(path) => {
                    pages.insert(status, path);
                }
                Err(why) => sink.wrong(&here, format!("{}: {why}", quoted(path)), self.words()),
            }
        }
        Some(pages)
    }
}

/// Reads the section, if it is there.
pub(crate) fn files(site: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Files> {
    let table = site.table(&FILES, sink)?;
    let root = table.needed(&FILES_ROOT, sink);
    let files = Files {
        root: std::path::PathBuf::new(),
        fallback: table.get(&FALLBACK, sink),
        pages: table.get(&PAGES, sink).unwrap_or_default(),
        cache: table.get(&CACHE, sink),
        compress: table.get(&COMPRESS, sink).unwrap_or(true),
    };
    Some(Files { root: root?.value, ..files })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn read(rest: &str) -> Result<Files, String> {
        let text = format!(
            "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = {{ root = \"/srv\"{rest} }}\n"
        );
        let mut settings = parse(&text).map_err(|errors| errors.errors[0].message.clone())?;
        Ok(settings.sites.remove(0).files.unwrap())
    }

    #[test]
    fn files_are_read_with_all_that_goes_with_them() {
        assert_eq!(read("").unwrap(), Files::new("/srv".into()));
        let files = read(
            ", fallback = \"/index.html\", pages = { 404 = \"/no.html\", \"502\" = \"/down.html\" }, \
             cache = \"1h\", compress = false",
        );
        let files = files.unwrap();
        assert_eq!(files.fallback.as_deref(), Some("/index.html"));
        assert_eq!(files.pages.get(&502).map(String::as_str), Some("/down.html"));
        assert_eq!((files.cache.map(|time| time.as_secs()), files.compress), (Some(3600), false));
        for (rest, said) in [
            (
                ", fallback = \"index.html\"",
                "`index.html`: a page's path begins with `/` and names a file",
            ),
            (", fallback = \"/\"", "`/`: a page's path begins with `/` and names a file"),
            (", pages = { 200 = \"/a.html\" }", "`200` is no status of an error"),
            (", pages = { 404 = \"/../a\" }", "`/../a`: a path has no `.` or `..` in it"),
            (", pages = 404", "`pages` cannot be the integer `404`"),
            (", cache = \"1ms\"", "`cache` cannot be `1ms`"),
        ] {
            assert_eq!(read(rest).unwrap_err(), said, "{rest}");
        }
    }
}

//! Bodies that are scanned before an application sees them.

use crate::kinds::Size;
use crate::names::{self, Parsed};
use crate::settings::{Clamd, Scan};
use crate::sink::Sink;
use crate::table::{Key, OneTable, Section, Table};
use std::path::PathBuf;

pub(crate) static SCAN: Key<OneTable> = Key {
    name: "scan",
    kind: OneTable(&SCAN_SECTION),
    default: "bodies are not scanned",
    about: "Scans bodies for malware before the application sees them.",
};
static SCAN_SECTION: Section = Section {
    title: "scan = { … }",
    about: "The body of each request is held, its files are taken out of forms, and all of it is scanned. What is found \
            is refused with 403; without a scanner nothing passes (503).",
    keys: &[&CLAMD, &BYTES],
    refused: &[(
        "rules",
        "would need a compiler of machine code in the gateway, which may run none: give the YARA files to clamd, which \
         reads them from its folder of signatures",
    )],
};
static CLAMD: Key<Parsed<Clamd>> = Key {
    name: "clamd",
    kind: Parsed {
        parse: clamd,
        words: "`\"unix:/run/clamav/clamd.ctl\"` or `\"tcp://127.0.0.1:3310\"`",
    },
    default: "",
    about: "The socket of ClamAV's daemon.",
};
static BYTES: Key<Size> = Key {
    name: "bytes",
    kind: Size { min: 1 << 10, max: 128 << 20 },
    default: "\"10MiB\"",
    about: "Largest body that is held and scanned; a larger one is refused with 413. No more than clamd's own \
            `StreamMaxLength`.",
};

fn clamd(text: &str) -> Result<Clamd, &'static str> {
    if let Some(path) = text.strip_prefix("unix:") {
        let clean = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
        return if clean {
            Ok(Clamd::Unix(PathBuf::from(path)))
        } else {
            Err("the path of a socket is absolute, as `unix:/run/clamav/clamd.ctl`")
        };
    }
    let Some(place) = text.strip_prefix("tcp://") else {
        return Err("clamd is reached by `unix:` or `tcp://`");
    };
    if place.ends_with('/') {
        return Err("clamd has no path");
    }
    names::authority(place, 3310).map(Clamd::Tcp)
}

/// Reads the section where it stands.
pub(crate) fn scan(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Scan> {
    let table = table.table(&SCAN, sink)?;
    let bytes = table.get(&BYTES, sink).unwrap_or(10 << 20);
    Some(Scan { clamd: table.needed(&CLAMD, sink)?.value, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use crate::settings::{Authority, Host};

    fn read(scan: &str) -> Result<Option<Scan>, Vec<String>> {
        let text = format!(
            "[[listen]]\naddress = \"[::]:80\"\n[[site]]\nhosts = [\"a\"]\n[[site.route]]\npath = \"/\"\n\
             upstream = [\"http://app:1\"]\n{scan}\n"
        );
        parse(&text)
            .map(|mut settings| settings.sites.remove(0).routes.remove(0).scan)
            .map_err(|errors| errors.errors.into_iter().map(|error| error.message).collect())
    }

    #[test]
    fn a_route_names_its_scanner() {
        assert_eq!(read("").unwrap(), None);
        let unix = read("scan = { clamd = \"unix:/run/clamav/clamd.ctl\" }").unwrap().unwrap();
        assert_eq!(
            unix,
            Scan { clamd: Clamd::Unix("/run/clamav/clamd.ctl".into()), bytes: 10 << 20 }
        );
        let tcp =
            read("scan = { clamd = \"tcp://127.0.0.1\", bytes = \"1MiB\" }").unwrap().unwrap();
        let place = Authority { host: Host::Address([127, 0, 0, 1].into()), port: 3310 };
        assert_eq!(tcp, Scan { clamd: Clamd::Tcp(place), bytes: 1 << 20 });
    }

    #[test]
    fn what_would_not_be_scanned_is_refused() {
        for (scan, said) in [
            ("scan = {}", "`scan` has no `clamd`"),
            ("scan = { clamd = \"clamd\" }", "`clamd`: clamd is reached by `unix:` or `tcp://`"),
            (
                "scan = { clamd = \"unix:run\" }",
                "`unix:run`: the path of a socket is absolute, as `unix:/run/clamav/clamd.ctl`",
            ),
            ("scan = { clamd = \"tcp://a:0\" }", "`tcp://a:0`: a port is a number from 1 to 65535"),
            ("scan = { clamd = \"unix:/c\", bytes = \"1GiB\" }", "`bytes` cannot be `1GiB`"),
        ] {
            assert_eq!(read(scan).unwrap_err(), [said], "{scan}");
        }
        let rules = read("scan = { clamd = \"unix:/c\", rules = [\"/r.yar\"] }").unwrap_err();
        assert!(rules[0].starts_with("`rules` would need a compiler of machine code"), "{rules:?}");
    }
}

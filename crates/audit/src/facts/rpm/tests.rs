//! A data base that is made here, and headers that nobody should make. One of rpm itself is read end to end by the
//! program's tests.

use super::*;
use crate::facts::Ground;
use crate::facts::sqlite::tests::{made, record};
use burgrave_sys::Fake;

/// A tag with its kind, how many values it has, and their bytes.
type Tag<'t> = (u32, u32, u32, &'t [u8]);

fn header(tags: &[Tag<'_>]) -> Vec<u8> {
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, kind, count, bytes) in tags {
        let at = u32::try_from(store.len()).unwrap();
        for word in [*tag, *kind, at, *count] {
            index.extend(word.to_be_bytes());
        }
        store.extend_from_slice(bytes);
    }
    let (entries, size) = (u32::try_from(tags.len()).unwrap(), u32::try_from(store.len()).unwrap());
    [&entries.to_be_bytes()[..], &size.to_be_bytes(), &index, &store].concat()
}

fn package() -> Vec<u8> {
    header(&[
        (NAME, 6, 1, b"made\0"),
        (VERSION, 6, 1, b"1.2\0"),
        (RELEASE, 6, 1, b"3.el9\0"),
        (EPOCH, 4, 1, &[0, 0, 0, 1]),
        (ARCHITECTURE, 6, 1, b"noarch\0"),
        (SOURCE, 6, 1, b"made-all-1.2-3.el9.src.rpm\0"),
        (FILE_NAMES, 8, 3, b"made\0made.log\0sbin\0"),
        (FOLDER_NAMES, 8, 2, b"/bin/\0/var/log/\0"),
        (FOLDER_NUMBERS, 4, 3, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
        (MODES, 3, 3, &[0x81, 0xed, 0x81, 0xa4, 0x41, 0xed]),
        (FLAGS, 4, 3, &[0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0]),
        (DIGESTS, 8, 3, b"aa\0bb\0\0"),
    ])
}

fn host(files: &[(&str, &[u8])]) -> Fake {
    let fake = Fake::new();
    fake.link("/bin", "usr/bin");
    for (path, bytes) in files {
        fake.file(path, *bytes);
    }
    fake
}

#[test]
fn packages_of_rpm_own_their_files() {
    let key =
        header(&[(NAME, 6, 1, b"gpg-pubkey\0"), (VERSION, 6, 1, b"1\0"), (RELEASE, 6, 1, b"1\0")]);
    let file =
        made("Packages", &[record(&[&b"\x01"[..], &package()]), record(&[&b"\x02"[..], &key])]);
    let fake =
        host(&[("/var/lib/rpm/rpmdb.sqlite", &file), ("/var/lib/rpm/rpmdb.sqlite-wal", b"")]);
    let facts = Facts::new(&fake, Ground::Tree);
    let packages = facts.packages().as_ref().unwrap();
    assert_eq!((packages.manager, packages.installed.len()), (Manager::Rpm, 1));
    let made = &packages.installed["made"];
    assert_eq!((made.version.as_str(), made.architecture.as_str()), ("1:1.2-3.el9", "noarch"));
    assert_eq!((made.source.as_str(), made.source_version.as_str()), ("made-all", "1.2-3.el9"));
    for path in ["/usr/bin/made", "/bin/made", "/var/log/made.log"] {
        assert_eq!(packages.owner(Path::new(path)), Some("made"), "{path}");
    }
    assert_eq!(packages.owner(Path::new("/usr/bin/other")), None);
    let digests: Vec<_> = packages.digests().collect();
    assert_eq!(
        digests,
        [(Path::new("/usr/bin/made"), "made", "aa")],
        "a ghost and a folder have none"
    );
}

#[test]
fn what_cannot_be_read_is_unknown_and_not_empty() {
    let file = made("Packages", &[record(&[&b"\x01"[..], &package()])]);
    let other = made("Other", &[]);
    let unknown = |files: &[(&str, &[u8])], why: &str| {
        let fake = host(files);
        let facts = Facts::new(&fake, Ground::Tree);
        let blind = facts.packages().as_ref().unwrap_err();
        assert!(blind.why.contains(why), "{blind:?}");
    };
    let path = "/var/lib/rpm/rpmdb.sqlite";
    unknown(&[(path, b"nothing")], "no file of SQLite");
    unknown(&[(path, &file[..900])], "breaks off");
    unknown(&[(path, &other)], "no such table");
    unknown(&[(path, &file), ("/var/lib/rpm/rpmdb.sqlite-wal", b"x")], "under way");
    unknown(&[("/var/lib/rpm/Packages", b"x")], "an older form");
    unknown(&[("/usr/lib/sysimage/rpm/Packages.db", b"x")], "an older form");
    // dpkg's word goes first: tools such as alien keep rpm's beside it.
    let fake = host(&[
        ("/var/lib/dpkg/status", b"Package: a\nStatus: install ok installed\nVersion: 1\n"),
        (path, b"x"),
    ]);
    let facts = Facts::new(&fake, Ground::Tree);
    assert_eq!(facts.packages().as_ref().unwrap().manager, Manager::Dpkg);
}

#[test]
fn a_header_that_lies_is_an_error() {
    let whole = package();
    for length in 0..whole.len() {
        assert!(Header::parse(&whole[..length]).is_err(), "{length}");
    }
    let mut packages = Packages::of(Manager::Rpm, Path::new("/x"), false);
    for (tags, why) in [
        (vec![(NAME, 6, 1, &b"a"[..])], "has no end"),
        (vec![(NAME, 4, 1, &[0; 4][..])], "no text"),
        (vec![(VERSION, 6, 1, &b"1\0"[..])], "no name"),
        (vec![(NAME, 6, u32::MAX, &b"a\0"[..])], "leaves its header"),
        (vec![(NAME, 6, 1, &b"a\0"[..]), (EPOCH, 4, u32::MAX, &[0; 4][..])], "leaves its header"),
        (vec![(NAME, 6, 1, &b"a\0"[..]), (FILE_NAMES, 8, 1, &b"x\0"[..])], "in no folder"),
    ] {
        let bytes = header(&tags);
        let error = add(&mut packages, &Header::parse(&bytes).unwrap()).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    // Any byte may be anything.
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut odd = whole.clone();
            odd[at] = value;
            if let Ok(header) = Header::parse(&odd) {
                // Either answer is one.
                assert!(add(&mut packages, &header).map_or_else(|why| !why.is_empty(), |()| true));
            }
        }
    }
}

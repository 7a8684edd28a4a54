//! One suite for every system: the same questions, the same answers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::as_conversions,
    reason = "tests"
)]

use burgrave_sys::{Entry, Fake, Kind, Live, SysError, System, Tree, UnixTime};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// A system with the same content as the others, and where that content begins.
struct Subject {
    name: &'static str,
    system: Box<dyn System>,
    base: PathBuf,
}

impl Subject {
    fn path(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }
}

const LINKS: [(&str, &str); 7] = [
    ("to-file", "plain"),
    ("to-dir", "dir"),
    ("dir/up", "../plain"),
    ("dangling", "nowhere"),
    ("loop-a", "loop-b"),
    ("loop-b", "loop-a"),
    ("through", "to-dir/up"),
];
const FILES: [(&str, &str); 4] =
    [("plain", "0123456789"), ("empty", ""), ("dir/b", "b"), ("dir/a", "a")];

fn on_disk(base: &Path) {
    std::fs::create_dir_all(base.join("dir")).unwrap();
    for (path, text) in FILES {
        std::fs::write(base.join(path), text).unwrap();
    }
    for (path, target) in LINKS {
        symlink(target, base.join(path)).unwrap();
    }
    std::fs::set_permissions(base.join("plain"), PermissionsExt::from_mode(0o4750)).unwrap();
    let file = std::fs::File::open(base.join("plain")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_micros(1_600_000_000_000_123))
        .unwrap();
    let fifo = std::process::Command::new("/usr/bin/mkfifo").arg(base.join("fifo")).status();
    assert!(fifo.unwrap().success());
}

fn in_memory() -> Fake {
    let fake = Fake::new();
    for (path, text) in FILES {
        fake.file(path, text);
    }
    for (path, target) in LINKS {
        fake.link(path, target);
    }
    fake.mode("plain", 0o4750).modified("plain", UnixTime(1_600_000_000_000_123)).other("fifo");
    fake
}

/// Asks the same of all three.
fn check(ask: impl Fn(&Subject)) {
    let directory = tempfile::tempdir().unwrap();
    on_disk(directory.path());
    let tree = Tree::new(directory.path()).unwrap();
    for subject in [
        Subject { name: "live", system: Box::new(Live), base: directory.path().to_owned() },
        Subject { name: "tree", system: Box::new(tree), base: PathBuf::from("/") },
        Subject { name: "fake", system: Box::new(in_memory()), base: PathBuf::from("/") },
    ] {
        ask(&subject);
    }
}

#[test]
fn files_are_read_and_links_followed() {
    check(|subject| {
        for (path, text) in [
            ("plain", "0123456789"),
            ("to-file", "0123456789"),
            ("to-dir/a", "a"),
            ("dir/up", "0123456789"),
            ("through", "0123456789"),
            ("to-dir/../plain", "0123456789"),
            ("dir/./b", "b"),
            ("empty", ""),
        ] {
            let read = subject.system.read(&subject.path(path), 100).unwrap();
            assert_eq!(read, text.as_bytes(), "{} {path}", subject.name);
        }
    });
}

#[test]
fn the_limit_is_exact() {
    check(|subject| {
        let path = subject.path("plain");
        assert_eq!(subject.system.read(&path, 10).unwrap().len(), 10, "{}", subject.name);
        for limit in [0, 1, 9] {
            let error = subject.system.read(&path, limit).unwrap_err();
            let SysError::TooLarge { limit: said, .. } = error else {
                panic!("{}: {error}", subject.name);
            };
            assert_eq!(said, limit);
        }
        assert_eq!(subject.system.read(&subject.path("empty"), 0).unwrap(), b"");
        assert!(subject.system.read(&path, u64::MAX).is_ok());
    });
}

#[test]
fn what_is_not_there_is_missing() {
    check(|subject| {
        for path in ["none", "dangling", "dir/none", "plain/below", "none/below"] {
            let path = subject.path(path);
            let error = subject.system.read(&path, 100).unwrap_err();
            assert!(matches!(error, SysError::Missing(_)), "{}: {error}", subject.name);
            assert!(matches!(subject.system.list(&path, 100), Err(SysError::Missing(_))));
        }
        let gone = subject.system.metadata(&subject.path("none"));
        assert!(matches!(gone, Err(SysError::Missing(_))));
    });
}

#[test]
fn loops_are_errors() {
    check(|subject| {
        let path = subject.path("loop-a");
        let error = subject.system.read(&path, 100).unwrap_err();
        assert!(matches!(error, SysError::Io { .. }), "{}: {error}", subject.name);
        assert!(matches!(subject.system.list(&path, 100), Err(SysError::Io { .. })));
        assert_eq!(subject.system.metadata(&path).unwrap().kind, Kind::Link);
    });
}

#[test]
fn the_wrong_kind_is_said_at_once() {
    check(|subject| {
        let start = Instant::now();
        for path in ["dir", "to-dir", "fifo"] {
            let error = subject.system.read(&subject.path(path), 100).unwrap_err();
            assert!(
                matches!(error, SysError::WrongKind { wanted: "regular file", .. }),
                "{} {path}: {error}",
                subject.name
            );
        }
        for path in ["plain", "to-file", "fifo"] {
            let error = subject.system.list(&subject.path(path), 100).unwrap_err();
            assert!(
                matches!(error, SysError::WrongKind { wanted: "directory", .. }),
                "{} {path}: {error}",
                subject.name
            );
        }
        assert!(start.elapsed() < Duration::from_secs(20), "a pipe does not hang a read");
    });
}

#[test]
fn metadata_is_the_paths_own() {
    check(|subject| {
        let plain = subject.system.metadata(&subject.path("plain")).unwrap();
        assert_eq!((plain.kind, plain.len, plain.mode), (Kind::File, 10, 0o4750));
        assert_eq!(plain.modified, UnixTime(1_600_000_000_000_123), "{}", subject.name);
        for (path, kind) in [
            ("to-file", Kind::Link),
            ("dangling", Kind::Link),
            ("dir", Kind::Directory),
            ("fifo", Kind::Other),
        ] {
            let metadata = subject.system.metadata(&subject.path(path)).unwrap();
            assert_eq!(metadata.kind, kind, "{} {path}", subject.name);
        }
        assert_eq!(subject.system.metadata(&subject.path("to-file")).unwrap().len, 5);
    });
}

#[test]
fn directories_are_listed_sorted_and_bounded() {
    check(|subject| {
        let entry = |path: &str, kind| Entry { path: subject.path(path), kind };
        let expected =
            [entry("dir/a", Kind::File), entry("dir/b", Kind::File), entry("dir/up", Kind::Link)];
        let list = |max| subject.system.list(&subject.path("dir"), max);
        assert_eq!(list(3).unwrap(), expected, "{}", subject.name);
        assert!(matches!(list(2), Err(SysError::TooLarge { limit: 2, .. })));
        let linked = subject.system.list(&subject.path("to-dir"), 3).unwrap();
        assert_eq!(linked.first().unwrap().path, subject.path("to-dir/a"));
    });
}

#[test]
fn patterns_find_the_same_files() {
    check(|subject| {
        for (pattern, found) in [
            ("dir/*", &["dir/a", "dir/b", "dir/up"][..]),
            ("dir/[ab]", &["dir/a", "dir/b"]),
            ("[dt]*/a", &["dir/a", "to-dir/a"]),
            ("to-dir/?", &["to-dir/a", "to-dir/b"]),
            ("dir/none", &["dir/none"]),
            ("none/*", &[]),
        ] {
            let expected: Vec<PathBuf> = found.iter().map(|path| subject.path(path)).collect();
            let paths = subject.system.glob(&subject.path(pattern), 10).unwrap();
            assert_eq!(paths, expected, "{} {pattern}", subject.name);
        }
        let looped = subject.system.glob(&subject.path("*/a"), 10);
        assert!(matches!(looped, Err(SysError::Io { .. })), "what cannot be looked at is no match");
        let many = subject.system.glob(&subject.path("dir/*"), 2);
        assert!(matches!(many, Err(SysError::TooLarge { limit: 2, .. })), "{}", subject.name);
    });
}

#[test]
fn bytes_that_are_no_text_are_names_and_content_too() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let name = Path::new(OsStr::from_bytes(b"\xff\xfe name"));
    std::fs::write(directory.path().join(name), b"\x00\xff").unwrap();
    let fake = Fake::new();
    fake.file(name, *b"\x00\xff");
    let tree = Tree::new(directory.path()).unwrap();
    let systems: [&dyn System; 2] = [&tree, &fake];
    for system in systems {
        assert_eq!(system.read(&Path::new("/").join(name), 2).unwrap(), b"\x00\xff");
        let entries = system.list(Path::new("/"), 10).unwrap();
        assert_eq!(entries, [Entry { path: Path::new("/").join(name), kind: Kind::File }]);
    }
}

#[test]
fn a_closing_slash_asks_for_what_a_link_points_to() {
    check(|subject| {
        for (path, kind) in [("to-dir/", Kind::Directory), ("to-dir/.", Kind::Directory)] {
            let found = subject.system.metadata(&subject.path(path)).unwrap();
            assert_eq!(found.kind, kind, "{} {path}", subject.name);
        }
        for path in ["to-file/", "plain/.", "dangling/"] {
            let gone = subject.system.metadata(&subject.path(path));
            assert!(matches!(gone, Err(SysError::Missing(_))), "{} {path}", subject.name);
        }
    });
}

#[test]
fn long_chains_of_links_end() {
    let directory = tempfile::tempdir().unwrap();
    let (tree, fake) = (Tree::new(directory.path()).unwrap(), Fake::new());
    std::fs::write(directory.path().join("0"), "end").unwrap();
    fake.file("0", "end");
    for number in 1..=41 {
        let target = format!("{}", number - 1);
        symlink(&target, directory.path().join(format!("{number}"))).unwrap();
        fake.link(format!("{number}"), target);
    }
    let systems: [&dyn System; 2] = [&tree, &fake];
    for system in systems {
        assert_eq!(system.read(Path::new("/40"), 3).unwrap(), b"end");
        assert!(matches!(system.read(Path::new("/41"), 3), Err(SysError::Io { .. })));
    }
}

#[test]
fn owners_are_told() {
    let directory = tempfile::tempdir().unwrap();
    on_disk(directory.path());
    let tree = Tree::new(directory.path()).unwrap();
    let owner = tree.metadata(Path::new("plain")).unwrap();
    let own = std::fs::symlink_metadata(directory.path().join("plain")).unwrap();
    let (uid, gid) = {
        use std::os::unix::fs::MetadataExt;
        (own.uid(), own.gid())
    };
    assert_eq!((owner.uid, owner.gid), (uid, gid));
    let fake = Fake::new();
    fake.file("plain", "x").owner("plain", 33, 34);
    let told = fake.metadata(Path::new("/plain")).unwrap();
    assert_eq!((told.uid, told.gid), (33, 34));
}

#[test]
fn links_say_where_they_point_and_nothing_else_does() {
    let live: &dyn System = &Live;
    let directory = tempfile::tempdir().unwrap();
    on_disk(directory.path());
    let base = directory.path();
    let tree = Tree::new(base).unwrap();
    let memory = in_memory();
    for (path, target) in LINKS.iter().take(4) {
        for (system, path) in [
            (live, base.join(path)),
            (&tree, Path::new("/").join(path)),
            (&memory, Path::new("/").join(path)),
        ] {
            assert_eq!(system.link(&path).unwrap(), Path::new(target), "{}", path.display());
            assert_eq!(system.capabilities(&path).unwrap(), None, "{}", path.display());
        }
    }
    for (system, path) in
        [(live, base.join("plain")), (&tree, "/plain".into()), (&memory, "/plain".into())]
    {
        assert!(matches!(system.link(&path), Err(SysError::WrongKind { .. })));
        assert_eq!(system.capabilities(&path).unwrap(), None);
    }
    memory.capable("/plain", *b"caps");
    assert_eq!(memory.capabilities(Path::new("/plain")).unwrap(), Some(b"caps".to_vec()));
}

#[test]
fn the_beginning_of_a_file_is_read_alone() {
    let live: &dyn System = &Live;
    let directory = tempfile::tempdir().unwrap();
    on_disk(directory.path());
    let tree = Tree::new(directory.path()).unwrap();
    let memory = in_memory();
    for (system, base) in
        [(live, directory.path()), (&tree, Path::new("/")), (&memory, Path::new("/"))]
    {
        assert_eq!(system.head(&base.join("plain"), 4).unwrap(), b"0123");
        assert_eq!(system.head(&base.join("to-file"), 100).unwrap(), b"0123456789");
        assert_eq!(system.head(&base.join("empty"), 4).unwrap(), b"");
        assert!(matches!(system.head(&base.join("dir"), 4), Err(SysError::WrongKind { .. })));
        assert!(matches!(system.head(&base.join("fifo"), 4), Err(SysError::WrongKind { .. })));
    }
}

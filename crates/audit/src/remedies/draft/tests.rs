//! Edits that are read back, and those that are refused.

use super::*;
use burgrave_sys::Fake;

fn draft(fake: &Fake) -> Draft<'_> {
    let draft = Draft::new(fake);
    draft.begin("x");
    draft
}

#[test]
fn edits_are_read_back_through_links_and_lists() {
    let fake = Fake::new();
    fake.file("/etc/nginx/available/a", "1\n")
        .link("/etc/nginx/enabled/a", "../available/a")
        .file("/etc/old/x", "");
    let draft = draft(&fake);
    draft.write(Path::new("/etc/nginx/enabled/a"), "2\n".to_owned(), 0o644).unwrap();
    draft.write(Path::new("/etc/new/deep/b"), "3\n".to_owned(), 0o640).unwrap();
    draft.remove(Path::new("/etc/old")).unwrap();
    for path in ["/etc/nginx/enabled/a", "/etc/nginx/available/a"] {
        assert_eq!(draft.read(Path::new(path), 10).unwrap(), b"2\n");
    }
    assert!(draft.read(Path::new("/etc/nginx/available/a"), 1).is_err());
    let names = |path: &str| -> Vec<PathBuf> {
        draft.list(Path::new(path), 10).unwrap().into_iter().map(|e| e.path).collect()
    };
    assert_eq!(names("/etc"), [PathBuf::from("/etc/new"), "/etc/nginx".into()]);
    assert_eq!(names("/etc/new/deep"), [PathBuf::from("/etc/new/deep/b")]);
    assert!(draft.metadata(Path::new("/etc/old/x")).is_err());
    assert_eq!(draft.metadata(Path::new("/etc/new/deep/b")).unwrap().mode, 0o640);
    let (steps, _) = draft.steps().unwrap();
    let shown: Vec<_> = steps.iter().map(|step| step.target.text()).collect();
    let wanted =
        ["/etc/new", "/etc/new/deep", "/etc/new/deep/b", "/etc/nginx/available/a", "/etc/old"];
    assert_eq!(shown, wanted);
}

#[test]
fn what_must_not_be_written_is_refused() {
    let fake = Fake::new();
    fake.file("/etc/shadow", "x")
        .link("/etc/app/conf", "/etc/shadow")
        .link("/etc/app/own", "real")
        .owner("/etc/app/own", 1000, 1000)
        .file("/etc/app/real", "x")
        .link("/etc/app/loop", "loop")
        .directory("/etc/app/folder")
        .file("/etc/app/bytes", "x")
        .file("/usr/lib/x.conf", "x");
    let draft = draft(&fake);
    for path in [
        "/etc/app/conf",
        "/etc/app/own",
        "/etc/app/loop",
        "/etc/app/folder",
        "/usr/lib/x.conf",
        "/etc/app/a\\nb",
        "/etc/../x",
    ] {
        let answer = draft.write(Path::new(path), String::new(), 0o644);
        assert!(answer.is_err(), "{path}");
    }
    assert!(draft.remove(Path::new("/")).is_err());
    assert_eq!(draft.mark(), Edits::default());
}

#[test]
fn lines_are_changed_with_their_ends_kept() {
    let fake = Fake::new();
    fake.file("/etc/x", "a\r\nb\nc");
    let draft = draft(&fake);
    let place = |line| Place { path: std::sync::Arc::from(Path::new("/etc/x")), line };
    assert!(draft.edit_line(&place(1), |_| Some("A".to_owned())).unwrap());
    assert!(draft.edit_line(&place(3), |old| Some(format!("{old}{old}"))).unwrap());
    assert!(!draft.edit_line(&place(2), |_| None).unwrap());
    assert!(!draft.edit_line(&place(9), |_| Some("x".to_owned())).unwrap());
    assert!(!draft.edit_line(&place(0), |_| None).unwrap());
    assert_eq!(draft.text(Path::new("/etc/x")).unwrap().unwrap(), "A\r\nb\ncc");
}

#[test]
fn what_is_undone_in_a_draft_is_no_step() {
    let fake = Fake::new();
    fake.file("/etc/x", "a\n").mode("/etc/x", 0o600);
    let draft = draft(&fake);
    draft.write(Path::new("/etc/x"), "a\n".to_owned(), 0o644).unwrap();
    draft.set_mode(Path::new("/etc/x"), 0o600).unwrap();
    draft.set_owner(Path::new("/etc/x"), 0, 0).unwrap();
    assert_eq!(draft.steps().unwrap().0, []);
}

#[test]
fn masks_and_links_that_are_gone_are_read_back() {
    let fake = Fake::new();
    fake.file("/usr/lib/systemd/system/a.service", "[Unit]\n")
        .link("/etc/systemd/system/m.wants/a.service", "/usr/lib/systemd/system/a.service")
        .link("/etc/systemd/system/b.service", "/usr/lib/systemd/system/a.service")
        .file("/etc/systemd/system/own.service", "[Unit]\n");
    let draft = draft(&fake);
    let unit = |name: &str| UnitName::try_from(name).unwrap();
    draft.mask(&unit("a.service")).unwrap();
    draft.mask(&unit("b.service")).unwrap();
    draft.mask(&unit("b.service")).unwrap();
    draft.unlink(Path::new("/etc/systemd/system/m.wants/a.service")).unwrap();
    assert!(draft.mask(&unit("own.service")).is_err());
    assert!(draft.unlink(Path::new("/etc/systemd/system/own.service")).is_err());
    for name in ["a", "b"] {
        let path = PathBuf::from(format!("/etc/systemd/system/{name}.service"));
        assert_eq!(draft.link(&path).unwrap(), Path::new(MASK));
        assert_eq!(draft.metadata(&path).unwrap().kind, Kind::Link);
        assert!(draft.read(&path, 10).is_err() && draft.head(&path, 10).is_err());
    }
    assert_eq!(draft.list(Path::new("/etc/systemd/system/m.wants"), 9).unwrap(), []);
    let names: Vec<_> = draft.list(Path::new("/etc/systemd/system"), 9).unwrap();
    assert_eq!(names.len(), 4, "{names:?}");
    let (steps, _) = draft.steps().unwrap();
    let shown: Vec<_> = steps.iter().map(|step| (step.target.text(), &step.change)).collect();
    let unlink = Change::Unlink { to: "/usr/lib/systemd/system/a.service".to_owned() };
    let wanted = [
        ("/etc/systemd/system/b.service", &unlink),
        ("/etc/systemd/system/m.wants/a.service", &unlink),
        ("/etc/systemd/system/a.service", &Change::Mask),
        ("/etc/systemd/system/b.service", &Change::Mask),
    ];
    assert_eq!(shown, wanted);
    assert_eq!(draft.stops(), [unit("a.service"), unit("b.service")]);
}

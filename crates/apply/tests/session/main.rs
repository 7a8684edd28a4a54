//! Applying, being stopped anywhere, taking back: trees before and after are compared whole.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::type_complexity,
    reason = "tests make the trees they look at"
)]

mod links;

use burgrave_apply::{ApplyError, Force, Host, Outcome, Session, Status, Witness, runs};
use burgrave_model::{Change, Plan, Step, Target, UnitName};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::path::Path;

struct Yes;

impl Witness for Yes {
    fn validate(&mut self) -> Result<(), String> {
        Ok(())
    }
    fn reload(&mut self) -> Result<(), String> {
        Ok(())
    }
    fn verify(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// Says no at its n-th question about configurations, or in the end.
struct No {
    at: usize,
    asked: usize,
}

impl Witness for No {
    fn validate(&mut self) -> Result<(), String> {
        self.asked += 1;
        if self.asked == self.at { Err("line 7 is wrong".to_owned()) } else { Ok(()) }
    }
    fn reload(&mut self) -> Result<(), String> {
        Ok(())
    }
    fn verify(&mut self) -> Result<(), String> {
        if self.at > 2 { Err("it still fails".to_owned()) } else { Ok(()) }
    }
}

fn target(path: &str) -> Target {
    Target::try_from(Path::new(path)).unwrap()
}

fn state() -> Target {
    target("/var/lib/burgrave")
}

type Snapshot = BTreeMap<String, (u32, u32, u32, i64, i64, Vec<u8>, Vec<(String, Vec<u8>)>)>;

/// Everything below a directory but our own state.
fn snapshot(root: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if name.starts_with("var") {
                continue;
            }
            let facts = std::fs::symlink_metadata(&path).unwrap();
            let content = if facts.is_file() {
                std::fs::read(&path).unwrap()
            } else if facts.is_symlink() {
                std::fs::read_link(&path).unwrap().into_os_string().into_vec()
            } else {
                Vec::new()
            };
            let mut attributes = Vec::new();
            if !facts.is_symlink() {
                let mut value = [0_u8; 256];
                if let Ok(count) = rustix::fs::getxattr(&path, "user.burgrave", &mut value[..]) {
                    attributes.push(("user.burgrave".to_owned(), value[..count].to_vec()));
                }
            }
            if facts.is_dir() {
                todo.push(path);
            }
            let (secs, nanos) = (facts.mtime(), facts.mtime_nsec());
            all.insert(
                name,
                (facts.mode(), facts.uid(), facts.gid(), secs, nanos, content, attributes),
            );
        }
    }
    all
}

/// In memory where that is possible: what is tested is flushed a hundred thousand times.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let root = dir.path();
    for folder in ["etc/app", "etc/w.wants", "srv/www/.git", "var/lib"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    for (path, text, mode) in [
        ("etc/app/conf", "a 1\nb 2\n", 0o666),
        ("etc/shadow", "root:!:\n", 0o644),
        ("etc/tool", "x", 0o4755),
        ("srv/www/dump.sql", "secret", 0o604),
        ("srv/www/.git/config", "url", 0o600),
    ] {
        std::fs::write(root.join(path), text).unwrap();
        std::fs::set_permissions(root.join(path), PermissionsExt::from_mode(mode)).unwrap();
    }
    symlink("/lib/a.service", root.join("etc/w.wants/a.service")).unwrap();
    symlink("/lib/b.service", root.join("etc/b.service")).unwrap();
    // An attribute where the file system has them.
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(root.join("etc/app/conf"), "user.burgrave", b"kept", flags).ok();
    dir
}

/// One of each kind, two of them on one path.
fn plan(root: &Path) -> Plan {
    let step = |path: &str, change| Step { target: target(path), change, checks: vec!["x"] };
    let own = std::fs::metadata(root.join("etc/tool")).unwrap();
    let other = if own.uid() == 0 { (1, 2) } else { (own.uid(), own.gid()) };
    let steps = vec![
        step("/etc/app.d", Change::Folder { mode: 0o755 }),
        step(
            "/etc/app.d/new",
            Change::Write { old: None, content: b"n\n".to_vec(), new_mode: 0o640 },
        ),
        step("/etc/shadow", Change::Mode { old: 0o644, mode: 0o640 }),
        step(
            "/etc/app/conf",
            Change::Write {
                old: Some(b"a 1\nb 2\n".to_vec()),
                content: b"a 2\n".to_vec(),
                new_mode: 0o644,
            },
        ),
        step("/etc/app/conf", Change::Mode { old: 0o666, mode: 0o600 }),
        step(
            "/etc/tool",
            Change::Owner { old: (own.uid(), own.gid()), uid: other.0, gid: other.1 },
        ),
        step("/etc/tool", Change::Mode { old: 0o4755, mode: 0o755 }),
        step("/srv/www/dump.sql", Change::Remove),
        step("/srv/www/.git", Change::Remove),
        step("/etc/w.wants/a.service", Change::Unlink { to: "/lib/a.service".to_owned() }),
        step("/etc/b.service", Change::Unlink { to: "/lib/b.service".to_owned() }),
        step("/etc/a.service", Change::Mask),
        step("/etc/b.service", Change::Mask),
    ];
    Plan { steps, ..Plan::default() }
}

fn is_done(root: &Path) -> bool {
    let mode = |path: &str| std::fs::metadata(root.join(path)).map_or(0, |m| m.mode() & 0o7777);
    std::fs::read(root.join("etc/app/conf")).unwrap() == b"a 2\n"
        && std::fs::read(root.join("etc/app.d/new")).is_ok_and(|text| text == b"n\n")
        && (mode("etc/app.d/new"), mode("etc/shadow"), mode("etc/app/conf"))
            == (0o640, 0o640, 0o600)
        && mode("etc/tool") == 0o755
        && !root.join("srv/www/dump.sql").exists()
        && !root.join("srv/www/.git").exists()
        && std::fs::symlink_metadata(root.join("etc/w.wants/a.service")).is_err()
        && ["etc/a.service", "etc/b.service"].iter().all(|at| {
            std::fs::read_link(root.join(at)).is_ok_and(|to| to == Path::new("/dev/null"))
        })
}

fn apply(host: &Host, plan: &Plan, witness: &mut dyn Witness) -> Result<Outcome, ApplyError> {
    let session = Session::open(host, &state())?;
    session.recover()?;
    session.apply(plan, 7, witness)
}

#[test]
fn what_is_applied_is_there_and_what_is_undone_is_as_it_was() {
    let dir = tree();
    let before = snapshot(dir.path());
    let host = Host::open(dir.path()).unwrap();
    let Outcome::Applied(id) = apply(&host, &plan(dir.path()), &mut Yes).unwrap() else {
        panic!("rolled back")
    };
    assert!(is_done(dir.path()));
    let all = runs(&host, &state()).unwrap();
    assert_eq!((all.len(), all[0].status, all[0].id), (1, Status::Applied, id));
    let session = Session::open(&host, &state()).unwrap();
    assert!(matches!(Session::open(&host, &state()), Err(ApplyError::Busy)), "one at a time");
    assert_eq!(session.undo(None, Force::No).unwrap(), id);
    assert_eq!(snapshot(dir.path()), before);
    assert!(matches!(session.undo(None, Force::No), Err(ApplyError::NothingToUndo)));
    assert!(matches!(session.undo(Some(id), Force::No), Err(ApplyError::Undone(_))));
    let none = "0099".parse().unwrap();
    assert!(matches!(session.undo(Some(none), Force::No), Err(ApplyError::NoSuchId(_))));
}

#[test]
fn stopped_at_any_point_undo_and_a_second_apply_complete() {
    let steps = {
        let dir = tree();
        let host = Host::open(dir.path()).unwrap();
        assert!(matches!(apply(&host, &plan(dir.path()), &mut Yes), Ok(Outcome::Applied(_))));
        host.changes()
    };
    assert!(steps > 60, "{steps}");
    for n in 0..steps {
        for again in [false, true] {
            let dir = tree();
            let before = snapshot(dir.path());
            let plan = plan(dir.path());
            let host = Host::open(dir.path()).unwrap();
            host.stop_after(n);
            assert!(matches!(apply(&host, &plan, &mut Yes), Err(ApplyError::Stopped)), "{n}");
            drop(host);
            let host = Host::open(dir.path()).unwrap();
            // The last word of a run counts as soon as it can be read.
            let is_over =
                runs(&host, &state()).unwrap().iter().any(|r| r.status == Status::Applied);
            if again && !is_over {
                let done = apply(&host, &plan, &mut Yes).unwrap();
                assert!(
                    matches!(done, Outcome::Applied(_)) && is_done(dir.path()),
                    "{n}: {done:?}"
                );
            }
            let session = Session::open(&host, &state()).unwrap();
            match session.undo(None, Force::No) {
                Ok(_) => {}
                Err(ApplyError::NothingToUndo) => assert!(!again, "{n}"),
                Err(error) => panic!("{n}: {error}"),
            }
            assert_eq!(snapshot(dir.path()), before, "{n}");
        }
    }
}

#[test]
fn an_undo_and_a_recovery_stopped_at_any_point_complete_too() {
    for interrupted in [false, true] {
        for n in 0_u64.. {
            let dir = tree();
            let before = snapshot(dir.path());
            let host = Host::open(dir.path()).unwrap();
            if interrupted {
                host.stop_after(95);
                assert!(apply(&host, &plan(dir.path()), &mut Yes).is_err());
            } else {
                apply(&host, &plan(dir.path()), &mut Yes).unwrap();
            }
            let host = Host::open(dir.path()).unwrap();
            host.stop_after(n);
            let first = Session::open(&host, &state()).and_then(|session| {
                if interrupted {
                    session.recover().map(|_| ())
                } else {
                    session.undo(None, Force::No).map(|_| ())
                }
            });
            if first.is_ok() {
                assert!(n > 10 && snapshot(dir.path()) == before);
                break;
            }
            let host = Host::open(dir.path()).unwrap();
            let session = Session::open(&host, &state()).unwrap();
            session.recover().unwrap();
            match session.undo(None, Force::No) {
                Ok(_) | Err(ApplyError::NothingToUndo) => {}
                Err(error) => panic!("{n}: {error}"),
            }
            assert_eq!(snapshot(dir.path()), before, "{n}");
        }
    }
}

#[test]
fn what_cannot_be_verified_is_rolled_back() {
    for (at, why) in [(1, "broken already"), (2, "line 7 is wrong"), (3, "it still fails")] {
        let dir = tree();
        let before = snapshot(dir.path());
        let host = Host::open(dir.path()).unwrap();
        let outcome = apply(&host, &plan(dir.path()), &mut No { at, asked: 0 }).unwrap();
        let Outcome::RolledBack(id, said) = outcome else { panic!("{at}: applied") };
        assert!(said.contains(why), "{said}");
        assert_eq!(snapshot(dir.path()), before, "{at}");
        let all = runs(&host, &state()).unwrap();
        assert_eq!((all[0].id, all[0].status), (id, Status::RolledBack));
    }
}

#[test]
fn links_pipes_and_second_names_are_refused_and_everything_is_rolled_back() {
    let cases: [(&str, &dyn Fn(&Path)); 5] = [
        ("etc/evil", &|at: &Path| symlink("/etc/hostname", at).unwrap()),
        ("etc/evil", &|at: &Path| {
            let mode = rustix::fs::Mode::from_raw_mode(0o666);
            rustix::fs::mknodat(rustix::fs::CWD, at, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }),
        ("etc/evil", &|at: &Path| {
            std::fs::hard_link(at.with_file_name("shadow"), at).unwrap();
        }),
        ("way", &|at: &Path| symlink("etc", at).unwrap()),
        ("way", &|at: &Path| symlink("/etc", at).unwrap()),
    ];
    for (path, make) in cases {
        let dir = tree();
        make(&dir.path().join(path));
        let evil = if path == "way" { "/way/shadow" } else { "/etc/evil" };
        let mut all = plan(dir.path());
        all.steps.retain(|step| step.target.text() != "/etc/shadow");
        for change in [
            Change::Mode { old: 0o644, mode: 0o600 },
            Change::Owner { old: (0, 0), uid: 1, gid: 1 },
            Change::Write { old: None, content: b"x".to_vec(), new_mode: 0o644 },
            Change::Remove,
        ] {
            let mut plan = all.clone();
            plan.steps.push(Step { target: target(evil), change, checks: vec!["x"] });
            let before = snapshot(dir.path());
            let host = Host::open(dir.path()).unwrap();
            let outcome = apply(&host, &plan, &mut Yes).unwrap();
            assert!(matches!(outcome, Outcome::RolledBack(..)), "{path}: {outcome:?}");
            assert_eq!(snapshot(dir.path()), before, "{path}");
        }
    }
}

#[test]
fn what_has_changed_since_the_plan_is_not_overwritten() {
    let dir = tree();
    let plan = plan(dir.path());
    std::fs::write(dir.path().join("etc/app/conf"), "by hand\n").unwrap();
    let before = snapshot(dir.path());
    let host = Host::open(dir.path()).unwrap();
    let Outcome::RolledBack(_, why) = apply(&host, &plan, &mut Yes).unwrap() else {
        panic!("applied")
    };
    assert!(why.contains("`/etc/app/conf` has changed since the plan"), "{why}");
    assert_eq!(snapshot(dir.path()), before);
}

#[test]
fn what_somebody_changed_since_is_left_unless_forced() {
    for (path, is_file) in [("etc/app/conf", true), ("srv/www/dump.sql", true), ("etc/tool", false)]
    {
        let dir = tree();
        let before = snapshot(dir.path());
        let host = Host::open(dir.path()).unwrap();
        apply(&host, &plan(dir.path()), &mut Yes).unwrap();
        let path = dir.path().join(path);
        if is_file {
            std::fs::write(&path, "by hand\n").unwrap();
        } else {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
        }
        let after = snapshot(dir.path());
        let session = Session::open(&host, &state()).unwrap();
        let refused = session.undo(None, Force::No);
        assert!(matches!(refused, Err(ApplyError::Conflict(_))), "{refused:?}");
        assert_eq!(snapshot(dir.path()), after, "nothing is done by halves");
        if !path.ends_with("dump.sql") {
            session.undo(None, Force::Yes).unwrap();
            assert_eq!(snapshot(dir.path()), before);
        }
    }
}

#[test]
fn units_that_were_stopped_are_kept_to_be_started_again() {
    let dir = tree();
    let mut plan = plan(dir.path());
    plan.stops = vec![UnitName::try_from("a.service").unwrap()];
    let host = Host::open(dir.path()).unwrap();
    let Outcome::Applied(id) = apply(&host, &plan, &mut Yes).unwrap() else {
        panic!("rolled back")
    };
    let session = Session::open(&host, &state()).unwrap();
    assert_eq!(session.about(id).unwrap().unwrap().stopped, ["a.service"]);
    // A journal from before units were stopped is read as well.
    let about = dir.path().join("var/lib/burgrave/apply/0001/about.json");
    let old = r#"{"version":1,"time":1,"checks":[],"targets":[],"programs":[]}"#;
    std::fs::write(about, old).unwrap();
    assert_eq!(session.about(id).unwrap().unwrap().stopped, Vec::<String>::new());
}

#[test]
fn a_state_that_others_could_write_or_that_leads_away_is_not_believed() {
    let dir = tree();
    let plan = plan(dir.path());
    std::fs::create_dir_all(dir.path().join("var/lib/burgrave/apply")).unwrap();
    let top = dir.path().join("var/lib/burgrave/apply");
    std::fs::set_permissions(&top, PermissionsExt::from_mode(0o777)).unwrap();
    let host = Host::open(dir.path()).unwrap();
    assert!(matches!(apply(&host, &plan, &mut Yes), Err(ApplyError::Untrusted(_))));
    let outside = tempfile::tempdir().unwrap();
    std::fs::remove_dir_all(dir.path().join("var/lib/burgrave")).unwrap();
    symlink(outside.path(), dir.path().join("var/lib/burgrave")).unwrap();
    assert!(apply(&host, &plan, &mut Yes).is_err());
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_damaged_journal_is_said_and_not_obeyed() {
    for (file, text) in [
        ("0002.json", "{"),
        ("0003.old", "another content"),
        (
            "0002.json",
            r#"{"target":"../../x","did":"folder","before":null,"folder":[{"secs":0,"nanos":0},{"secs":0,"nanos":0}]}"#,
        ),
    ] {
        let dir = tree();
        let host = Host::open(dir.path()).unwrap();
        apply(&host, &plan(dir.path()), &mut Yes).unwrap();
        std::fs::write(dir.path().join("var/lib/burgrave/apply/0001").join(file), text).unwrap();
        let session = Session::open(&host, &state()).unwrap();
        let undone = session.undo(None, Force::No);
        assert!(matches!(undone, Err(ApplyError::Damaged(..))), "{file}: {undone:?}");
    }
}

#[test]
fn a_trial_ends_by_itself_unless_it_is_confirmed_in_time() {
    let now = burgrave_sys::wall_clock().seconds();
    for (deadline, confirmed, kept) in [
        (now + 600, true, true),
        (now + 600, false, true),
        (now - 1, true, false),
        (now - 1, false, false),
    ] {
        let dir = tree();
        let before = snapshot(dir.path());
        let host = Host::open(dir.path()).unwrap();
        let session = Session::open(&host, &state()).unwrap();
        let done = session.apply_on_trial(&plan(dir.path()), 7, deadline, &mut Yes).unwrap();
        let Outcome::Applied(id) = done else { panic!("{done:?}") };
        assert_eq!(runs(&host, &state()).unwrap()[0].status, Status::OnTrial);
        if confirmed {
            assert_eq!(session.confirm(id).unwrap(), kept);
        }
        session.recover().unwrap();
        assert_eq!(is_done(dir.path()), kept, "{deadline} {confirmed}");
        // The process that waits comes in the end.
        assert_eq!(session.settle(id).unwrap(), kept && !confirmed);
        if !(kept && confirmed) {
            assert_eq!(snapshot(dir.path()), before);
        }
    }
}

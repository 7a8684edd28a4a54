//! Links of units that somebody else has changed.

use super::*;

#[test]
fn links_that_lead_elsewhere_by_now_are_left() {
    type Meddle = &'static dyn Fn(&Path);
    // Before: what stands where the plan was made for something else.
    let before: [(&str, Change, Meddle); 4] = [
        ("/etc/x.service", Change::Mask, &|at| symlink("/lib/x.service", at).unwrap()),
        ("/etc/x.service", Change::Mask, &|at| std::fs::write(at, "x").unwrap()),
        ("/etc/x.service", Change::Unlink { to: "/a".to_owned() }, &|at| {
            symlink("/b", at).unwrap();
        }),
        ("/etc/x.service", Change::Unlink { to: "/a".to_owned() }, &|_| {}),
    ];
    for (path, change, meddle) in before {
        let dir = tree();
        meddle(&dir.path().join(path.trim_start_matches('/')));
        let kept = snapshot(dir.path());
        let mut plan = plan(dir.path());
        plan.steps.push(Step { target: target(path), change, checks: vec!["x"] });
        let host = Host::open(dir.path()).unwrap();
        let Outcome::RolledBack(_, why) = apply(&host, &plan, &mut Yes).unwrap() else {
            panic!("applied")
        };
        assert!(why.contains("has changed since the plan"), "{why}");
        assert_eq!(snapshot(dir.path()), kept);
    }
    // After: somebody has put another in its place.
    for (path, other) in [
        ("etc/a.service", Some("/elsewhere")),
        ("etc/a.service", None),
        ("etc/w.wants/a.service", Some("/elsewhere")),
    ] {
        let dir = tree();
        let host = Host::open(dir.path()).unwrap();
        apply(&host, &plan(dir.path()), &mut Yes).unwrap();
        let at = dir.path().join(path);
        if at.is_symlink() {
            std::fs::remove_file(&at).unwrap();
        }
        match other {
            Some(to) => symlink(to, &at).unwrap(),
            None => std::fs::write(&at, "by hand\n").unwrap(),
        }
        let after = snapshot(dir.path());
        let session = Session::open(&host, &state()).unwrap();
        let refused = session.undo(None, Force::No);
        assert!(matches!(refused, Err(ApplyError::Conflict(_))), "{path}: {refused:?}");
        assert_eq!(snapshot(dir.path()), after);
        session.undo(None, Force::Yes).unwrap();
        assert_eq!(snapshot(dir.path())[path], after[path], "it is not ours to take away");
    }
}

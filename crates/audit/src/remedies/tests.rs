//! Every remedy on a tree on the disk: the check fails, a plan, it is applied, the check passes, a second
//! plan is empty, and undo gives back every byte, owner, mode and time.

mod trees;

use super::plan::{Wanted, WaysIn, as_planned, plan};
use super::{Remedy, remedies};
use crate::cases::Has::{
    self, Accepted, Aged, Answers, Capable, Denied, File, Folder, Link, Mode, Owner, Prints,
    Records, Running,
};
use crate::facts::{Facts, Ground};
use crate::{ALL, Finding, Planned, look};
use burgrave_apply::{Force, Host, Outcome, Session, Witness};
use burgrave_model::{Target, Verdict};
use burgrave_sys::Tree;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};
use trees::{CUPS, MORE, TREES};

fn build(root: &Path, has: &[Has]) {
    let at = |path: &str| root.join(path.trim_start_matches('/'));
    let make = |path: &Path| {
        let above: Vec<_> = path.ancestors().take_while(|a| *a != root).collect();
        for folder in above.into_iter().rev().filter(|folder| !folder.exists()) {
            std::fs::create_dir(folder).unwrap();
            std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
        }
    };
    let base = [
        File(
            "/etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\nshop:x:998:998::/nonexistent:/usr/sbin/nologin\nolga:x:1000:1000::/home/olga:/bin/bash\n",
        ),
        File(
            "/etc/group",
            "root:x:0:\nadm:x:4:\nshadow:x:42:\nwww-data:x:33:\nshop:x:998:\nolga:x:1000:\n",
        ),
        File("/etc/shadow", "root:!:19800:0:365:7:::\nolga:$y$j9T$a$b:19800:0:365:7:::\n"),
        Mode("/etc/shadow", 0o640),
        Owner("/etc/shadow", 0, 42),
        File("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"),
        Folder("/var/lib/burgrave"),
        Mode("/var/lib/burgrave", 0o700),
    ];
    std::fs::set_permissions(root, PermissionsExt::from_mode(0o755)).unwrap();
    for one in base.iter().chain(has) {
        match *one {
            File(path, text) => {
                make(at(path).parent().unwrap());
                std::fs::write(at(path), text).unwrap();
                std::fs::set_permissions(at(path), PermissionsExt::from_mode(0o644)).unwrap();
            }
            Folder(path) => make(&at(path)),
            Mode(path, mode) => {
                std::fs::set_permissions(at(path), PermissionsExt::from_mode(mode)).unwrap();
            }
            Owner(path, uid, gid) => {
                make(at(path).parent().unwrap());
                chown(at(path), Some(uid), Some(gid)).unwrap();
            }
            Link(path, target) => {
                make(at(path).parent().unwrap());
                symlink(target, at(path)).unwrap();
            }
            Aged(path, days) => {
                let then = SystemTime::now() - Duration::from_secs(days.unsigned_abs() * 86_400);
                std::fs::File::open(at(path)).unwrap().set_modified(then).unwrap();
            }
            Accepted | Records(_) | Answers(_) | Denied(_) | Capable(..) | Running | Prints(..) => {
                panic!("{one:?} is not for a tree")
            }
        }
    }
}

type Snapshot = BTreeMap<String, (u32, u32, u32, i64, i64, Vec<u8>)>;

/// Everything but our own state.
fn snapshot(root: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let facts = std::fs::symlink_metadata(&path).unwrap();
            let content = if facts.is_file() {
                std::fs::read(&path).unwrap()
            } else if facts.is_symlink() {
                std::fs::read_link(&path).unwrap().into_os_string().into_vec()
            } else {
                Vec::new()
            };
            if name == "var/lib/burgrave" {
                continue;
            }
            if facts.is_dir() {
                todo.push(path);
            }
            let times = (facts.mtime(), facts.mtime_nsec());
            all.insert(name, (facts.mode(), facts.uid(), facts.gid(), times.0, times.1, content));
        }
    }
    all
}

/// What the command does: asks the checks again.
struct Again<'t> {
    planned: &'t Planned,
    tree: &'t Tree,
}

impl Witness for Again<'_> {
    fn validate(&mut self) -> Result<(), String> {
        Ok(())
    }
    fn reload(&mut self) -> Result<(), String> {
        Ok(())
    }
    fn verify(&mut self) -> Result<(), String> {
        as_planned(self.planned, wanted(self.tree))
    }
}

fn wanted(tree: &Tree) -> Wanted<'_> {
    Wanted {
        system: tree,
        ground: Ground::Tree,
        served: &[],
        safeguards: &[],
        checks: &[],
        ways_in: WaysIn::Open,
    }
}

fn verdicts(remedy: &Remedy, tree: &Tree) -> Vec<Finding> {
    let check = ALL.iter().find(|check| check.id == remedy.id).unwrap();
    look(check, &Facts::new(tree, Ground::Tree))
}

fn fails(tree: &Tree) -> BTreeMap<&'static str, usize> {
    let report = crate::audit(&Facts::new(tree, Ground::Tree));
    let mut counts = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.verdict == Verdict::Fail) {
        *counts.entry(finding.id).or_insert(0) += 1;
    }
    counts
}

/// In memory where that is possible; everything is flushed.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The whole way of one remedy on one tree; what went wrong.
fn whole_way(remedy: &Remedy, has: &[Has]) -> Result<(), String> {
    let dir = folder();
    build(dir.path(), has);
    let before = snapshot(dir.path());
    let tree = Tree::new(dir.path()).unwrap();
    let is = |verdict: Verdict| verdicts(remedy, &tree).iter().any(|f| f.verdict == verdict);
    if !is(Verdict::Fail) {
        return Err("the check does not fail".to_owned());
    }
    let faults = fails(&tree);
    let planned = plan(wanted(&tree));
    if snapshot(dir.path()) != before {
        return Err("a plan changed the tree".to_owned());
    }
    if !planned.plan.mends.iter().any(|mend| mend.id == remedy.id) {
        return Err(format!("it is not in the plan: {:?}", planned.plan.refused));
    }
    let host = Host::open(dir.path()).unwrap();
    let state = Target::try_from(Path::new("/var/lib/burgrave")).unwrap();
    let session = Session::open(&host, &state).unwrap();
    let outcome =
        session.apply(&planned.plan, 1, &mut Again { planned: &planned, tree: &tree }).unwrap();
    let Outcome::Applied(_) = outcome else { return Err(format!("{outcome:?}")) };
    if is(Verdict::Fail) {
        return Err(format!("it fails after it: {:?}", verdicts(remedy, &tree)));
    }
    let again = plan(wanted(&tree));
    if !again.plan.steps.is_empty() {
        return Err(format!("a second plan has steps: {:#?}", again.plan.steps));
    }
    let after = fails(&tree);
    let new = after.iter().find(|(id, count)| faults.get(*id).is_none_or(|before| before < *count));
    if let Some((id, _)) = new {
        return Err(format!("{id} fails because of it"));
    }
    session.undo(None, Force::No).unwrap();
    let now = snapshot(dir.path());
    if now != before {
        let lost: Vec<_> =
            before.iter().filter(|(path, facts)| now.get(*path) != Some(*facts)).collect();
        return Err(format!("undo did not give back {lost:?}"));
    }
    Ok(())
}

#[test]
fn every_remedy_mends_its_check_and_is_undone_to_the_byte() {
    if !burgrave_sys::is_root() {
        eprintln!("skipped: owners can be given by root only");
        return;
    }
    let mut wrong = Vec::new();
    let mut count = 0;
    for remedy in remedies() {
        let check = ALL.iter().find(|check| check.id == remedy.id);
        let Some(check) = check else {
            wrong.push(format!("{}: no such check", remedy.id));
            continue;
        };
        let own = TREES.iter().find(|(id, _)| *id == remedy.id).map(|(_, has)| *has);
        let more = MORE.iter().filter(|(id, _)| *id == remedy.id).map(|(_, has)| *has);
        for has in std::iter::once(own.unwrap_or(check.cases.fail)).chain(more) {
            if let Err(why) = whole_way(remedy, has) {
                wrong.push(format!("{}: {why}", remedy.id));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 50 + MORE.len(), "{count}");
}

#[test]
fn every_remedy_has_a_check_of_its_own_and_says_what_it_costs() {
    let mut ids = BTreeSet::new();
    for remedy in remedies() {
        assert!(ids.insert(remedy.id), "{} twice", remedy.id);
        assert!(ALL.iter().any(|check| check.id == remedy.id), "{}", remedy.id);
        assert!(!remedy.risk.is_empty() && !remedy.risk.ends_with('.'), "{}", remedy.id);
        assert!(remedy.does().len() > 10, "{}", remedy.id);
    }
    let trees = TREES.iter().chain(MORE);
    for (id, _) in trees {
        assert!(ids.contains(id), "a tree for {id}, which has no remedy");
    }
}

#[test]
fn on_a_running_machine_ways_in_are_left_and_the_kernel_is_expected_to_follow() {
    let fake = burgrave_sys::Fake::new();
    fake.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        .file("/etc/group", "root:x:0:\n")
        .file("/etc/shadow", "root:!:1:0:365:7:::\n")
        .file("/etc/ssh/sshd_config", "X11Forwarding yes\n")
        .file("/etc/sudoers", "Defaults env_reset\n")
        .file("/proc/sys/kernel/sysrq", "1\n");
    let wanted = Wanted {
        system: &fake,
        ground: Ground::Running,
        served: &[],
        safeguards: &[],
        checks: &["ssh-x11-forwarding", "account-sudo-pty", "kernel-sysrq"],
        ways_in: WaysIn::Kept,
    };
    let planned = plan(wanted);
    let mended: Vec<_> = planned.plan.mends.iter().map(|mend| mend.id).collect();
    assert_eq!(mended, ["kernel-sysrq"]);
    let left: BTreeSet<_> = planned.plan.refused.iter().map(|(id, _)| *id).collect();
    assert_eq!(left, BTreeSet::from(["ssh-x11-forwarding", "account-sudo-pty"]));
    assert!(planned.plan.refused.iter().all(|(_, why)| why.contains("lock you out")));
    assert_eq!(planned.plan.programs, [burgrave_model::Program::Sysctl]);
    let targets: Vec<_> = planned.plan.steps.iter().map(|step| step.target.text()).collect();
    assert_eq!(targets, ["/etc/sysctl.d", "/etc/sysctl.d/99-burgrave.conf"]);
    // Nothing was done: what was promised is not so.
    assert!(as_planned(&planned, wanted).unwrap_err().contains("kernel-sysrq still fails"));
    fake.file("/etc/sysctl.d/99-burgrave.conf", "kernel.sysrq = 0\n");
    assert!(as_planned(&planned, wanted).is_err(), "the running kernel counts too");
    fake.file("/proc/sys/kernel/sysrq", "0\n");
    assert_eq!(as_planned(&planned, wanted), Ok(()));
}

#[test]
fn what_does_not_help_leaves_no_step() {
    let dir = folder();
    // A vendor's file that is read after ours wins, and is no file of the administrator's.
    build(dir.path(), &[File("/usr/lib/sysctl.d/99-z.conf", "kernel.sysrq = 1\n")]);
    let tree = Tree::new(dir.path()).unwrap();
    let one = Wanted { checks: &["kernel-sysrq"], ..wanted(&tree) };
    let planned = plan(one);
    assert_eq!((planned.plan.steps.len(), planned.plan.mends.len()), (0, 0));
    assert!(planned.plan.refused[0].1.contains("does not help"), "{:?}", planned.plan.refused);
}

#[test]
fn what_should_not_run_is_masked_and_stopped() {
    let dir = folder();
    build(dir.path(), CUPS);
    let tree = Tree::new(dir.path()).unwrap();
    let planned = plan(Wanted { checks: &["service-legacy-packages"], ..wanted(&tree) });
    let stops: Vec<_> = planned.plan.stops.iter().map(burgrave_model::UnitName::text).collect();
    assert_eq!(stops, ["cups-old.service", "cups.service", "cups.socket"]);
    assert_eq!(planned.plan.programs, [burgrave_model::Program::Systemd]);
    let shown = burgrave_apply::text(&planned.plan, false);
    for line in [
        "mask    /etc/systemd/system/cups.service → /dev/null",
        "unlink  /etc/systemd/system/printer.target.wants/cups.service",
        "run     stop cups.socket where it runs",
    ] {
        assert!(shown.contains(line), "{line}:\n{shown}");
    }
    assert!(!shown.contains("other.socket"), "{shown}");
}

#[test]
fn nobody_is_locked_out() {
    for (id, has) in [
        ("ssh-password-authentication", &[File("/etc/ssh/sshd_config", "Port 22\n")][..]),
        (
            "ssh-root-login",
            &[
                File("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
                File("/etc/ssh/sshd_config", "PermitRootLogin yes\n"),
            ],
        ),
        ("account-sudo-nopasswd", &[File("/etc/sudoers", "shop ALL=(ALL) NOPASSWD: ALL\n")]),
    ] {
        let dir = folder();
        build(dir.path(), has);
        let tree = Tree::new(dir.path()).unwrap();
        let planned = plan(Wanted { checks: &[id], ..wanted(&tree) });
        assert_eq!(planned.plan.steps, [], "{id}");
        assert_eq!(planned.plan.refused.len(), 1, "{id}: {:?}", planned.plan.mends);
    }
}

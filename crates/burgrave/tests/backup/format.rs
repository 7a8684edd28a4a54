//! The repository is restic's: it reads ours, and we read its.

use crate::backup::support::{Place, facts, has, noise};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::process::Command;

/// One of everything that a file system can hold.
pub fn fill(place: &Place) {
    let top = place.source();
    let name = |bytes: &[u8]| top.join(std::ffi::OsStr::from_bytes(bytes));
    std::fs::create_dir_all(top.join("a/b c/empty")).unwrap();
    std::fs::write(top.join("a/text"), "some text\n".repeat(1000)).unwrap();
    std::fs::write(top.join("a/noise"), noise(6_000_000, 1)).unwrap();
    std::fs::write(top.join("zero"), "").unwrap();
    for odd in [
        &b"new\nline"[..],
        b"tab\tquote\"back\\slash",
        b"non\xff\xfeutf8",
        "größe ☃".as_bytes(),
        b"-rf *",
    ] {
        std::fs::write(name(odd), odd).unwrap();
    }
    symlink("a/text", top.join("link")).unwrap();
    symlink("/does/not/exist", top.join("dangling")).unwrap();
    std::fs::hard_link(top.join("a/text"), top.join("a/b c/other name")).unwrap();
    let sparse = std::fs::File::create(top.join("sparse")).unwrap();
    sparse.set_len(40_000_000).unwrap();
    sparse.write_all_at(b"in the middle", 20_000_000).unwrap();
    std::fs::set_permissions(top.join("a/noise"), std::fs::Permissions::from_mode(0o4750)).unwrap();
    std::fs::set_permissions(top.join("a"), std::fs::Permissions::from_mode(0o1770)).unwrap();
    let shell = format!(
        "cd {top:?} && mkfifo pipe && touch -h -d '2001-02-03 04:05:06.123456789' a/text link a; \
         setfattr -n user.note -v 'x y' a/text zero a; setfacl -m u:daemon:r zero; chown -h 33:34 zero link; true"
    );
    assert!(Command::new("sh").args(["-c", &shell]).status().unwrap().success());
}

#[test]
fn everything_comes_back_as_it_was() {
    let place = Place::new();
    fill(&place);
    let ran = place.json(0, &["run", "job"]);
    assert_eq!((&ran["is_new_repository"], &ran["is_complete"]), (&true.into(), &true.into()));
    place.restores_as_it_is();
    let to = place.path("again");
    place.expect(0, &["restore", "job", "--to", to.to_str().unwrap()]);
    let restored = to.join(place.source().strip_prefix("/").unwrap());
    let blocks = |path: std::path::PathBuf| {
        std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(path).unwrap())
    };
    assert!(blocks(restored.join("sparse")) < 10_000, "its holes are holes again");
    let again = place.json(0, &["run", "job"]);
    assert_eq!((&again["files_new"], &again["bytes_read"]), (&0.into(), &0.into()));
    // The directories above the source have changed: the restore was made beside it.
    assert!(again["bytes_stored"].as_u64().unwrap() < 2_000, "nothing else has changed");
}

#[test]
fn restic_reads_ours() {
    if !has("restic") {
        return;
    }
    let place = Place::new();
    fill(&place);
    place.expect(0, &["run", "job"]);
    std::fs::write(place.source().join("a/text"), "changed").unwrap();
    place.expect(0, &["run", "job"]);
    place.restic_expect(&["check", "--read-data"]);
    let said = place.restic_expect(&["snapshots", "--json"]);
    assert_eq!(said.matches("burgrave:job").count(), 2, "{said}");
    let to = place.path("by restic");
    place.restic_expect(&["restore", "latest", "--target", to.to_str().unwrap()]);
    let restored = to.join(place.source().strip_prefix("/").unwrap());
    // Its pipe is one of the names that older releases leave out.
    let without_pipe = |folder: &std::path::Path| {
        facts(folder).into_iter().filter(|line| !line.starts_with(b"pipe\x01")).collect::<Vec<_>>()
    };
    assert_eq!(without_pipe(&restored), without_pipe(&place.source()));
}

#[test]
fn ours_reads_restics() {
    if !has("restic") {
        return;
    }
    for version in ["1", "2"] {
        let place = Place::new();
        fill(&place);
        place.restic_expect(&["init", "--repository-version", version]);
        let source = place.source();
        place.restic_expect(&["backup", source.to_str().unwrap()]);
        assert_eq!(place.json(0, &["list", "job"])["snapshots"].as_array().unwrap().len(), 1);
        place.expect(0, &["verify", "job"]);
        place.restores_as_it_is();
        // And both go on in the same repository.
        std::fs::write(source.join("more"), noise(2_000_000, 7)).unwrap();
        place.expect(0, &["run", "job"]);
        place.restic_expect(&["backup", source.to_str().unwrap()]);
        place.restic_expect(&["check", "--read-data"]);
        place.expect(0, &["verify", "job"]);
        place.restores_as_it_is();
        place.restic_expect(&["forget", "--keep-last", "1", "--group-by", "", "--prune"]);
        place.expect(0, &["verify", "job"]);
        place.expect(0, &["run", "job"]);
        place.restic_expect(&["check", "--read-data"]);
    }
}

#[test]
fn what_is_pruned_is_sound_for_restic_too() {
    let place = Place::new();
    for round in 0..6_u64 {
        for file in 0..5_u64 {
            let path = place.source().join(format!("f{file}"));
            if round == 0 || file == round % 5 {
                std::fs::write(path, noise(3_000_000, round * 10 + file)).unwrap();
            }
        }
        place.expect(0, &["run", "job"]);
    }
    place.configure("keep = { last = 2 }");
    let dry = place.json(0, &["prune", "job", "--dry-run"]);
    assert_eq!(dry["forgotten"].as_array().unwrap().len(), 4);
    let before: u64 =
        place.files("data").iter().map(|pack| std::fs::metadata(pack).unwrap().len()).sum();
    let pruned = place.json(0, &["prune", "job"]);
    assert_eq!(pruned["forgotten"].as_array().unwrap().len(), 4);
    let after: u64 =
        place.files("data").iter().map(|pack| std::fs::metadata(pack).unwrap().len()).sum();
    assert!(after < before * 3 / 4, "{before} to {after}");
    assert_eq!(place.json(0, &["list", "job"])["snapshots"].as_array().unwrap().len(), 2);
    place.expect(0, &["verify", "job"]);
    place.restores_as_it_is();
    if has("restic") {
        place.restic_expect(&["check", "--read-data"]);
    }
    // A job that forgets does so by itself.
    std::fs::write(place.source().join("f0"), "x").unwrap();
    assert_eq!(place.json(0, &["run", "job"])["pruned"]["forgotten"].as_array().unwrap().len(), 1);
    place.expect(0, &["verify", "job"]);
}

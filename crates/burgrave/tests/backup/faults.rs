//! A disk that is full, gone, or lies: never a lost or silently wrong snapshot, and the error names what is affected.

use crate::backup::support::{PROGRAM, Place, has, noise, text};
use std::path::Path;
use std::process::Command;

fn filled() -> Place {
    let place = Place::new();
    for number in 0..20_u64 {
        std::fs::write(place.source().join(format!("f{number}")), noise(1_500_000, number))
            .unwrap();
    }
    std::fs::write(place.source().join("small"), "small").unwrap();
    place.expect(0, &["run", "job"]);
    place
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 1 << (at % 8);
    std::fs::write(path, bytes).unwrap();
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// What a restore brings is what the source has, or is named and absent.
fn restore_is_right_or_says_so(place: &Place) {
    let to = tempfile::tempdir_in(place.dir.path()).unwrap();
    let into = to.path().join("x");
    let output = place.burgrave(&["restore", "job", "--to", into.to_str().unwrap()]);
    let said = text(&output);
    let restored = into.join(place.source().strip_prefix("/").unwrap());
    let mut absent = 0;
    for entry in std::fs::read_dir(place.source()).unwrap() {
        let path = entry.unwrap().path();
        let own = name(&path);
        match std::fs::read(restored.join(&own)) {
            Ok(content) => assert!(content == std::fs::read(&path).unwrap(), "{own} is wrong"),
            Err(_) => absent += 1,
        }
    }
    let code = output.status.code();
    assert_eq!(absent > 0, code != Some(0), "{absent} absent and exit {code:?}: {said}");
}

#[test]
fn a_flipped_bit_anywhere_is_seen_and_named() {
    let place = filled();
    let keep = place.path("sound");
    let copy = |from: &Path, to: &Path| {
        drop(std::fs::remove_dir_all(to));
        assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    };
    copy(&place.repository(), &keep);
    let mut cases: Vec<(String, usize)> = Vec::new();
    for kind in ["data", "index", "snapshots", "keys"] {
        for (number, file) in place.files(kind).iter().enumerate() {
            let own = file.strip_prefix(place.repository()).unwrap().to_str().unwrap().to_owned();
            let bytes = usize::try_from(std::fs::metadata(file).unwrap().len()).unwrap();
            cases.push((own.clone(), 7919 * (number + 1)));
            cases.push((own, bytes - 2));
        }
    }
    cases.push(("config".to_owned(), 40));
    for (file, at) in cases {
        copy(&keep, &place.repository());
        flip(&place.repository().join(&file), at);
        let output = place.burgrave(&["verify", "job"]);
        let said = text(&output);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{file} at {at}: {said}");
        let own = if file == "config" { "config".to_owned() } else { name(Path::new(&file)) };
        assert!(said.contains(&own), "{file} at {at} is named: {said}");
        restore_is_right_or_says_so(&place);
    }
    copy(&keep, &place.repository());
    place.expect(0, &["verify", "job"]);
}

#[test]
fn a_pack_that_is_gone_or_cut_is_named_and_mended_from_the_source() {
    for damage in ["gone", "cut", "longer", "empty"] {
        let place = filled();
        let packs = place.files("data");
        let pack = packs.iter().max_by_key(|pack| std::fs::metadata(pack).unwrap().len()).unwrap();
        let bytes = std::fs::read(pack).unwrap();
        match damage {
            "gone" => std::fs::remove_file(pack).unwrap(),
            "cut" => std::fs::write(pack, &bytes[..bytes.len() / 2]).unwrap(),
            "longer" => std::fs::write(pack, [&bytes[..], b"x"].concat()).unwrap(),
            _ => std::fs::write(pack, b"").unwrap(),
        }
        let said = place.expect(1, &["verify", "job"]);
        assert!(said.contains(&name(pack)) && said.contains("affected"), "{damage}: {said}");
        assert!(said.contains("/source/f"), "files are named: {said}");
        restore_is_right_or_says_so(&place);
        place.configure("keep = { last = 1 }");
        let said = place.expect(2, &["prune", "job"]);
        assert!(said.contains("damaged"), "nothing is removed: {said}");
        place.configure("");
        let said = place.expect(1, &["run", "job"]);
        assert!(said.contains(&name(pack)), "{damage}: {said}");
        place.restores_as_it_is();
    }
}

#[test]
fn what_was_read_back_damaged_is_stored_again_and_removed_by_a_prune() {
    let place = filled();
    let packs = place.files("data");
    let pack = packs.iter().max_by_key(|pack| std::fs::metadata(pack).unwrap().len()).unwrap();
    flip(pack, 1_000_000);
    let said = place.expect(1, &["verify", "job"]);
    assert!(said.contains("affected"), "{said}");
    let said = place.expect(1, &["run", "job"]);
    assert!(said.contains("read back damaged"), "{said}");
    place.restores_as_it_is();
    let said = place.expect(1, &["verify", "job"]);
    assert!(!said.contains("affected"), "another pack has it whole now: {said}");
    place.expect(0, &["prune", "job"]);
    assert!(!pack.exists());
    place.expect(0, &["verify", "job"]);
    place.restores_as_it_is();
}

#[test]
fn a_keeper_that_knows_nothing_of_the_damage_keeps_what_is_whole() {
    // Which of two packs comes first is chance; so several times.
    for round in 0..6 {
        let place = filled();
        let packs = place.files("data");
        let pack = packs.iter().max_by_key(|pack| std::fs::metadata(pack).unwrap().len()).unwrap();
        flip(pack, 100_000 + round * 2_000_000);
        place.expect(1, &["verify", "job"]);
        place.expect(1, &["run", "job"]);
        std::fs::remove_dir_all(place.path("state")).unwrap();
        place.expect(0, &["prune", "job"]);
        place.expect(0, &["verify", "job"]);
        place.restores_as_it_is();
    }
}

#[test]
fn a_snapshot_that_is_lost_may_be_given_up_by_name() {
    let place = filled();
    let trees = place.files("data").into_iter();
    let trees: Vec<_> =
        trees.filter(|pack| std::fs::metadata(pack).unwrap().len() < 100_000).collect();
    std::fs::write(place.source().join("small"), "changed").unwrap();
    for pack in &trees {
        flip(pack, 100);
    }
    place.expect(1, &["verify", "job"]);
    place.expect(1, &["run", "job"]);
    let said = place.expect(2, &["prune", "job"]);
    assert!(said.contains("--forget"), "{said}");
    let list = place.json(0, &["list", "job"]);
    let given_up = list["snapshots"][0]["id"].as_str().unwrap();
    place.expect(0, &["prune", "job", "--forget", given_up]);
    place.expect(0, &["verify", "job"]);
    place.restores_as_it_is();
}

#[test]
fn a_lost_index_is_made_again_from_the_packs() {
    let place = filled();
    for index in place.files("index") {
        std::fs::remove_file(index).unwrap();
    }
    let ran = place.json(0, &["run", "job"]);
    assert!(ran["bytes_stored"].as_u64().unwrap() < 10_000, "nothing is stored twice: {ran}");
    place.expect(0, &["verify", "job"]);
    place.restores_as_it_is();
    if has("restic") {
        place.restic_expect(&["check", "--read-data"]);
    }
}

#[test]
fn the_wrong_key_opens_nothing_and_changes_nothing() {
    let place = filled();
    std::fs::write(place.path("key"), "not the password").unwrap();
    for arguments in [&["list", "job"][..], &["run", "job"], &["verify", "job"]] {
        let said = place.expect(2, arguments);
        assert!(said.contains("does not open the repository"), "{said}");
        assert!(said.contains(place.path("key").to_str().unwrap()), "{said}");
    }
    assert_eq!(place.files("keys").len(), 1);
}

#[test]
fn a_target_that_is_gone_is_not_made_anew() {
    let place = filled();
    let away = place.path("away");
    std::fs::rename(place.repository(), &away).unwrap();
    let said = place.expect(2, &["run", "job"]);
    assert!(
        said.contains("mounted") && said.contains(place.repository().to_str().unwrap()),
        "{said}"
    );
    std::fs::create_dir(place.repository()).unwrap();
    place.expect(2, &["run", "job"]);
    assert_eq!(std::fs::read_dir(place.repository()).unwrap().count(), 0, "nothing is made there");
    std::fs::remove_dir(place.repository()).unwrap();
    std::fs::rename(&away, place.repository()).unwrap();
    place.expect(0, &["run", "job"]);
    // Another repository in its place is noticed.
    let other = filled();
    std::fs::remove_dir_all(place.repository()).unwrap();
    std::fs::rename(other.repository(), place.repository()).unwrap();
    std::fs::copy(other.path("key"), place.path("key")).unwrap();
    let said = place.expect(2, &["run", "job"]);
    assert!(said.contains("another repository"), "{said}");
}

#[test]
fn a_full_disk_is_said_and_the_next_run_succeeds() {
    let place = Place::new();
    std::fs::write(place.source().join("small"), "small").unwrap();
    let repository = place.repository();
    std::fs::create_dir(&repository).unwrap();
    let config = place.config();
    let run = format!("{PROGRAM} backup run job --config {}", config.display());
    let restore = format!("{PROGRAM} backup restore job --config {} --to", config.display());
    let (big, disk) = (place.source().join("big"), place.path("disk"));
    std::fs::write(place.path("noise"), noise(60_000_000, 5)).unwrap();
    let script = format!(
        "set -x; mount -t tmpfs -o size=30m none {repository:?} || exit 77; {run} || exit 10; \
         cp {noise:?} {big:?}; {run} && exit 11; {run} && exit 12; \
         {verify} || exit 13; rm {big:?}; {run} || exit 14; {verify} || exit 15; \
         mkdir {disk:?}; mount -t tmpfs -o size=3m none {disk:?}; dd if={noise:?} of={big:?} bs=1M count=6; \
         {run} || exit 16; {restore} {disk:?}/x && exit 17; rm -rf {disk:?}/x; rm {big:?}; {run} || exit 18; \
         {restore} {disk:?}/x || exit 19; exit 0",
        noise = place.path("noise"),
        verify = run.replace("backup run", "backup verify"),
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    let said = text(&output);
    if output.status.code() == Some(77) || said.contains("unshare failed") {
        println!("SKIPPED: no file system may be mounted here: {said}");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.to_lowercase().contains("no space left"), "{said}");
}

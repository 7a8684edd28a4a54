//! Restores as people want them: single files, dry, in place, and never at the cost of what is there.

use crate::backup::support::{Place, noise};
use std::os::unix::fs::symlink;
use std::path::Path;

fn filled() -> Place {
    let place = Place::new();
    let top = place.source();
    std::fs::create_dir_all(top.join("a/b")).unwrap();
    std::fs::write(top.join("a/one"), "one").unwrap();
    std::fs::write(top.join("a/b/two"), noise(2_000_000, 2)).unwrap();
    std::fs::write(top.join("three"), "three").unwrap();
    place.expect(0, &["run", "job"]);
    place
}

fn names(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    all.sort();
    all
}

#[test]
fn single_files_come_alone() {
    let place = filled();
    let to = place.path("to");
    let one = place.source().join("a/one");
    place.expect(0, &["restore", "job", "--to", to.to_str().unwrap(), one.to_str().unwrap()]);
    let restored = to.join(place.source().strip_prefix("/").unwrap());
    assert_eq!(
        (names(&restored), names(&restored.join("a"))),
        (vec!["a".to_owned()], vec!["one".to_owned()])
    );
    let said = place.expect(2, &["restore", "job", "--to", to.to_str().unwrap(), "/no/such/file"]);
    assert!(said.contains("/no/such/file"), "{said}");
}

#[test]
fn in_place_keeps_what_was_there() {
    let place = filled();
    let one = place.source().join("a/one");
    std::fs::write(&one, "written since").unwrap();
    std::fs::remove_file(place.source().join("a/b/two")).unwrap();
    std::fs::write(place.source().join("new"), "new").unwrap();
    let arguments =
        ["restore", "job", "--in-place", place.source().to_str().unwrap()].map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let dry = place.json(0, &[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(dry["overwritten"], serde_json::json!([one.to_str().unwrap()]));
    assert_eq!(std::fs::read(&one).unwrap(), b"written since", "a dry run does nothing");
    assert!(!place.source().join("a/b/two").exists());
    let done = place.json(0, &arguments);
    assert_eq!((&done["files"], &done["files_same"]), (&2.into(), &1.into()));
    assert_eq!(std::fs::read(&one).unwrap(), b"one");
    assert_eq!(std::fs::read(place.source().join("a/b/two")).unwrap(), noise(2_000_000, 2));
    assert!(place.source().join("new").exists(), "what the snapshot does not know stays");
    let kept = Path::new(done["kept"].as_str().unwrap()).join(one.strip_prefix("/").unwrap());
    assert_eq!(std::fs::read(kept).unwrap(), b"written since");
    let said = place.expect(0, &arguments);
    assert!(said.contains("restored 0 files"), "{said}");
    for folder in [place.source(), place.source().join("a")] {
        assert!(
            names(&folder).iter().all(|name| !name.starts_with(".burgrave")),
            "nothing is left over"
        );
    }
}

#[test]
fn no_link_in_the_way_is_followed() {
    let place = filled();
    let outside = place.path("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::remove_dir_all(place.source().join("a")).unwrap();
    symlink(&outside, place.source().join("a")).unwrap();
    let said = place.expect(1, &["restore", "job", "--in-place", place.source().to_str().unwrap()]);
    assert!(said.contains("/a`"), "{said}");
    assert!(names(&outside).is_empty(), "nothing was written through the link");
    std::fs::remove_file(place.source().join("three")).unwrap();
    std::fs::write(outside.join("target"), "mine").unwrap();
    symlink(outside.join("target"), place.source().join("three")).unwrap();
    place.expect(1, &["restore", "job", "--in-place", place.source().to_str().unwrap()]);
    assert_eq!(std::fs::read(outside.join("target")).unwrap(), b"mine");
    assert_eq!(std::fs::read(place.source().join("three")).unwrap(), b"three");
}

#[test]
fn where_to_has_to_be_said() {
    let place = filled();
    for arguments in [&["restore", "job"][..], &["restore", "job", "--in-place", "--to", "/x"]] {
        assert_eq!(place.burgrave(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let said = place.expect(2, &["restore", "other", "--to", "/x"]);
    assert!(said.contains("`other`") && said.contains("`job`"), "{said}");
    let said = place.expect(2, &["restore", "job", "--to", "/x", "--snapshot", "ffffffff"]);
    assert!(said.contains("ffffffff"), "{said}");
}

#[test]
fn names_are_found_and_snapshots_compared() {
    let place = filled();
    std::fs::write(place.source().join("a/one"), "other").unwrap();
    std::fs::remove_file(place.source().join("three")).unwrap();
    std::fs::write(place.source().join("four"), "4").unwrap();
    place.expect(0, &["run", "job"]);
    let list = place.json(0, &["list", "job"]);
    let first = list["snapshots"][0]["short"].as_str().unwrap();
    let diff = place.json(1, &["diff", "job", first]);
    let top = place.source();
    let expected = serde_json::json!([
        { "change": "content", "path": top.join("a/one") },
        { "change": "added", "path": top.join("four") },
        { "change": "removed", "path": top.join("three") },
    ]);
    assert_eq!(diff["changes"], expected);
    place.expect(0, &["diff", "job", first, first]);
    let found = place.json(0, &["find", "job", "t[wh]*"]);
    let paths: Vec<&str> = found["found"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    place.expect(1, &["find", "job", "nothing-has-this-name"]);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_kept() {
    let place = filled();
    let missing = place.path("missing");
    let source = format!("source = {{ paths = [{:?}, {missing:?}] }}", place.source());
    place.configure_source(&source, "");
    let said = place.expect(1, &["run", "job"]);
    assert!(said.contains(missing.to_str().unwrap()), "{said}");
    let list = place.json(0, &["list", "job"]);
    assert_eq!(list["snapshots"][1]["is_complete"], false);
    place.configure_source(&format!("source = {{ paths = [{missing:?}], own_state = false }}"), "");
    place.expect(2, &["run", "job"]);
    assert_eq!(place.json(0, &["list", "job"])["snapshots"].as_array().unwrap().len(), 2);
}

#[test]
fn a_path_may_lead_through_a_link() {
    let place = filled();
    let link = place.path("link");
    symlink(place.source(), &link).unwrap();
    place.configure_source(&format!("source = {{ paths = [{:?}] }}", link.join("a")), "");
    place.expect(0, &["run", "job"]);
    let found = place.json(0, &["find", "job", "one", "--snapshot", "latest"]);
    assert_eq!(found["found"][0]["path"], link.join("a/one").to_str().unwrap());
}

#[test]
fn what_is_excluded_is_not_there() {
    let place = filled();
    let source =
        format!("source = {{ paths = [{:?}], exclude = [\"b\", \"*ree\"] }}", place.source());
    place.configure_source(&source, "");
    place.expect(0, &["run", "job"]);
    let found = place.json(0, &["find", "job", "*", "--snapshot", "latest"]);
    let paths: Vec<&str> = found["found"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert!(paths.iter().any(|path| path.ends_with("/a/one")), "{paths:?}");
    assert!(
        !paths.iter().any(|path| path.ends_with("two") || path.ends_with("three")),
        "{paths:?}"
    );
}

#[test]
fn the_repository_does_not_back_itself_up() {
    let place = filled();
    place.configure_source(&format!("source = {{ paths = [{:?}] }}", place.dir.path()), "");
    place.expect(0, &["run", "job"]);
    let found = place.json(0, &["find", "job", "*", "--snapshot", "latest"]);
    let inside = format!("{}/", place.repository().display());
    let all = found["found"].as_array().unwrap();
    assert!(all.iter().all(|one| !one["path"].as_str().unwrap().starts_with(&inside)));
    assert!(all.iter().any(|one| one["path"].as_str().unwrap().ends_with("/three")));
}

#[test]
fn a_copy_is_a_job_of_its_own_that_a_lost_place_does_not_touch() {
    let place = Place::new();
    std::fs::write(place.source().join("a"), "a").unwrap();
    let other = place.path("other");
    let copy = format!(
        "[[backup.copy]]\nname = \"other\"\nrepository = {other:?}\nkey = {:?}\n",
        place.path("key")
    );
    place.configure(&copy);
    place.expect(0, &["run", "job"]);
    place.expect(0, &["run", "job-other"]);
    std::fs::remove_dir_all(place.repository()).unwrap();
    std::fs::write(place.repository(), "in the way").unwrap();
    place.expect(2, &["run", "job"]);
    place.expect(0, &["run", "job-other"]);
    let to = place.path("to");
    place.expect(0, &["restore", "job-other", "--to", to.to_str().unwrap()]);
    let restored = to.join(place.source().strip_prefix("/").unwrap()).join("a");
    assert_eq!(std::fs::read_to_string(restored).unwrap(), "a");
}

#[test]
fn what_burgrave_keeps_goes_along_but_not_what_jobs_keep() {
    let place = Place::new();
    std::fs::write(place.source().join("a"), "a").unwrap();
    place.configure_source(&format!("source = {{ paths = [{:?}] }}", place.source()), "");
    let state = place.path("state");
    std::fs::create_dir_all(state.join("agent")).unwrap();
    std::fs::write(state.join("agent/bans.ndjson"), "{}\n").unwrap();
    place.expect(0, &["run", "job"]);
    let to = place.path("to");
    place.expect(0, &["restore", "job", "--to", to.to_str().unwrap()]);
    let restored = to.join(state.strip_prefix("/").unwrap());
    assert_eq!(std::fs::read_to_string(restored.join("agent/bans.ndjson")).unwrap(), "{}\n");
    assert!(!restored.join("backup").exists());
}

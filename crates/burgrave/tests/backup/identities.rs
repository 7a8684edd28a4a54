//! Who may do what, and keys that nobody else may read.

use crate::backup::support::Place;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn nobody_does_what_is_not_theirs() {
    let place = Place::new();
    std::fs::write(place.source().join("a"), "a").unwrap();
    place.expect(0, &["run", "job"]);
    std::fs::write(place.source().join("a"), "b").unwrap();
    place.expect(0, &["run", "job"]);
    let to = place.path("to");
    let restore = ["restore", "job", "--to", to.to_str().unwrap()].map(str::to_owned);
    let restore: Vec<&str> = restore.iter().map(String::as_str).collect();
    place.configure("identity = \"writer\"");
    assert!(place.expect(2, &["prune", "job"]).contains("writer"));
    assert!(place.expect(2, &["key", "job", "--remove", "0000"]).contains("writer"));
    place.expect(0, &["run", "job"]);
    place.configure("identity = \"reader\"");
    assert!(place.expect(2, &["run", "job"]).contains("reader"));
    assert!(place.expect(2, &["prune", "job"]).contains("reader"));
    place.expect(0, &restore);
    place.configure("identity = \"keeper\"\nkeep = { last = 1 }");
    assert!(place.expect(2, &["run", "job"]).contains("keeper"));
    assert!(place.expect(2, &restore).contains("keeper"));
    place.expect(0, &["prune", "job"]);
    assert_eq!(place.json(0, &["list", "job"])["snapshots"].as_array().unwrap().len(), 1);
    place.expect(0, &["verify", "job"]);
    let refused = place.burgrave(&["list", "job"]);
    assert!(refused.status.success());
    place.configure("identity = \"writer\"\nkeep = { last = 1 }");
    let said = place.expect(2, &["run", "job"]);
    assert!(said.contains("only a keeper forgets") && said.contains(":8:"), "{said}");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let place = Place::new();
    std::fs::write(place.source().join("a"), "a").unwrap();
    let key = place.path("key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let password = std::fs::read_to_string(&key).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o602] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let said = place.expect(2, &["run", "job"]);
        assert!(said.contains("chmod 600") && said.contains("key"), "{said}");
        assert!(!said.contains(password.trim()), "the password is not told");
    }
    assert!(!place.repository().exists(), "nothing was made");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    place.expect(0, &["run", "job"]);
    assert!(place.expect(2, &["key", "job", "--new"]).contains("not overwritten"));
}

#[test]
fn keys_are_added_and_removed() {
    let place = Place::new();
    std::fs::write(place.source().join("a"), "a").unwrap();
    place.expect(0, &["run", "job"]);
    let second = place.path("second");
    std::fs::write(&second, "another password\n").unwrap();
    let add = ["key", "job", "--add", second.to_str().unwrap()].map(str::to_owned);
    let add: Vec<&str> = add.iter().map(String::as_str).collect();
    assert!(place.expect(2, &add).contains("chmod 600"));
    std::fs::set_permissions(&second, std::fs::Permissions::from_mode(0o600)).unwrap();
    let added = place.json(0, &add);
    assert_eq!(added["keys"].as_array().unwrap().len(), 2);
    let id = added["changed"]["id"].as_str().unwrap();
    let first = std::fs::read(place.path("key")).unwrap();
    std::fs::copy(&second, place.path("key")).unwrap();
    place.expect(0, &["verify", "job"]);
    assert!(place.expect(2, &["key", "job", "--remove", id]).contains("not removed with itself"));
    std::fs::write(place.path("key"), first).unwrap();
    place.expect(0, &["key", "job", "--remove", id]);
    std::fs::copy(&second, place.path("key")).unwrap();
    let said = place.expect(2, &["list", "job"]);
    assert!(said.contains("does not open the repository"), "{said}");
}

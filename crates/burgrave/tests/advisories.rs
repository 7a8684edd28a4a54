//! `burgrave advisories` and `burgrave sbom` from end to end: imported, compared with a tree, told by the exit code.

use crate::support::{configuration, run, stderr};
use serde_json::Value;
use std::path::Path;

const TRACKER: &str = r#"{"openssh":{"CVE-2024-6387":{"releases":{"bookworm":{"status":"resolved","fixed_version":"1:9.2p1-2+deb12u3","urgency":"high"}}}}}"#;
const KEV: &str = r#"{"catalogVersion":"1","dateReleased":"2024-07-09","vulnerabilities":[{"cveID":"CVE-2024-6387","dateAdded":"2024-07-08","knownRansomwareCampaignUse":"Unknown"}]}"#;
const EPSS: &str = "#model_version:v1,score_date:2024-07-09T00:00:00Z\ncve,epss,percentile\nCVE-2024-6387,0.5,0.99\n";
const OSV: &str = r#"{"id":"DSA-5724-1","modified":"2024-07-01T00:00:00Z","upstream":["CVE-2024-6387"],"affected":[{"package":{"ecosystem":"Debian:12","name":"openssh"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1:9.2p1-2+deb12u3"}]}]},{"package":{"ecosystem":"PyPI","name":"x"},"versions":["1"]}]}"#;

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A tree of Debian 12 with one package, and a configuration with a state of its own.
fn place(version: &str) -> (tempfile::TempDir, String, String) {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        "root/etc/os-release",
        "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
    );
    let status = format!(
        "Package: openssh-server\nStatus: install ok installed\nArchitecture: amd64\nSource: openssh\nVersion: {version}\n"
    );
    put(dir.path(), "root/var/lib/dpkg/status", &status);
    let rest = "[[site]]\nhosts = [\"*\"]\nfiles = { root = \"/srv\" }\n";
    put(dir.path(), "c.toml", &configuration(dir.path(), "127.0.0.1:0", rest));
    for (name, text) in
        [("tracker", TRACKER), ("kev", KEV), ("epss", EPSS), ("osv", OSV), ("bad", "hello")]
    {
        put(dir.path(), name, text);
    }
    let text = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (root, config) = (text("root"), text("c.toml"));
    (dir, root, config)
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn imported_data_is_compared_with_a_tree() {
    let (dir, root, config) = place("1:9.2p1-2+deb12u2");
    let list = ["advisories", "list", "--root", &root, "--config", &config];
    let output = run(&list);
    assert_eq!(output.status.code(), Some(2), "nothing was imported: {}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("unknown: no imported data covers"));
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let files = [file("tracker"), file("kev"), file("epss"), file("osv")];
    let mut words = vec!["advisories", "import", "--config", config.as_str()];
    words.extend(files.iter().map(String::as_str));
    let output = run(&words);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        said.contains("OSV: 1 entries, made 2024-07-01") && said.contains("1 entries are of other"),
        "{said}"
    );
    let output = run(&[&list[..], &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let hole = &json(&output)["holes"][0];
    assert_eq!(
        (&hole["id"], &hole["epss"], &hole["reach"]),
        (&"CVE-2024-6387".into(), &0.5.into(), &"unknown".into())
    );
    assert_eq!(
        (&hole["kev"]["since"], &hole["advisory"]),
        (&"2024-07-08".into(), &"DSA-5724-1".into())
    );
    put(
        dir.path(),
        "root/etc/os-release",
        "ID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n",
    );
    assert_eq!(run(&list).status.code(), Some(2), "no data of this release");
}

#[test]
fn what_is_patched_is_clean_and_what_is_no_such_file_is_refused() {
    let (dir, root, config) = place("1:9.2p1-2+deb12u3");
    let tracker = dir.path().join("tracker");
    run(&["advisories", "import", "--config", &config, tracker.to_str().unwrap()]);
    let output = run(&["advisories", "list", "--root", &root, "--config", &config]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let bad = dir.path().join("bad");
    let output = run(&["advisories", "import", "--config", &config, bad.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot be taken: it is neither JSON"), "{}", stderr(&output));
    assert_eq!(
        run(&["advisories", "list", "--root", "/nonexistent", "--config", &config]).status.code(),
        Some(2)
    );
}

#[test]
fn what_is_installed_is_listed_for_programs() {
    let (_dir, root, _) = place("1:9.2p1-2+deb12u3");
    let of = |time: &str| run(&["sbom", "--root", &root, "--timestamp", time]);
    let output = of("0");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let bom = json(&output);
    assert_eq!(
        (&bom["specVersion"], &bom["metadata"]["timestamp"]),
        (&"1.6".into(), &"1970-01-01T00:00:00Z".into())
    );
    assert_eq!(bom["components"][0]["name"], "openssh-server");
    assert_eq!(of("0").stdout, output.stdout);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(run(&["sbom", "--root", empty.path().to_str().unwrap()]).status.code(), Some(2));
}

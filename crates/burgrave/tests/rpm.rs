//! A tree whose packages rpm keeps: its own program has made the data base.

use crate::support::{run, stderr};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const SPEC: &str = "\
Name: made
Version: 1.2
Release: 3.el9
Epoch: 1
Summary: x
License: MIT
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/usr/bin
for name in whole changed suid; do echo $name > %{buildroot}/usr/bin/$name; done
for n in $(seq 1 300); do mkdir -p %{buildroot}/usr/share/made/$n; echo $n > %{buildroot}/usr/share/made/$n/a-file; done
%files
%attr(0755,root,root) /usr/bin/whole
%attr(0755,root,root) /usr/bin/changed
%attr(4755,root,root) /usr/bin/suid
/usr/share/made
";

fn must(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", stderr(&output));
}

/// A tree with one package that rpm has installed. `None`, and said, where rpm is missing or we are not root.
fn tree() -> Option<tempfile::TempDir> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" || !Path::new("/usr/bin/rpmbuild").exists() {
        println!("SKIPPED: the package rpm is missing, or this is not root");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(at("made.spec"), SPEC).unwrap();
    let top = format!("_topdir {}", at("top"));
    must("rpmbuild", &["-bb", "--define", &top, &at("made.spec")]);
    let own = tempfile::tempdir().unwrap();
    let root = own.path().display().to_string();
    let file = at("top/RPMS/noarch/made-1.2-3.el9.noarch.rpm");
    let arguments = ["--root", &root, "--dbpath", "/var/lib/rpm", "--nodeps", "--force-debian"];
    must("rpm", &[&arguments[..], &["-i", &file]].concat());
    std::fs::create_dir_all(own.path().join("etc")).unwrap();
    let release = "ID=\"rocky\"\nVERSION_ID=\"9.3\"\n";
    std::fs::write(own.path().join("etc/os-release"), release).unwrap();
    Some(own)
}

fn audit(root: &Path) -> Vec<Value> {
    let output = run(&["audit", "--root", root.to_str().unwrap(), "--format", "json", "--all"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["findings"].as_array().unwrap().clone()
}

/// The verdict of a check, and all of its findings as text.
fn said(findings: &[Value], id: &str) -> String {
    let own: Vec<&Value> = findings.iter().filter(|own| own["id"] == id).collect();
    assert!(!own.is_empty(), "no {id}");
    serde_json::to_string(&own).unwrap()
}

#[test]
fn what_rpm_has_installed_is_known_with_its_files() {
    let Some(tree) = tree() else { return };
    let root = tree.path();
    let findings = audit(root);
    let changed = said(&findings, "malware-changed-file");
    assert!(changed.contains("\"pass\"") && !changed.contains("\"fail\""), "{changed}");
    let suid = said(&findings, "permission-suid");
    assert!(!suid.contains("no package brought it"), "{suid}");
    // One of its programs is another now, and one that it has not brought runs as root.
    std::fs::write(root.join("usr/bin/changed"), "evil").unwrap();
    std::fs::write(root.join("usr/bin/stranger"), "x").unwrap();
    let mode = std::fs::Permissions::from_mode(0o4755);
    std::fs::set_permissions(root.join("usr/bin/stranger"), mode).unwrap();
    let findings = audit(root);
    let changed = said(&findings, "malware-changed-file");
    assert!(changed.contains("/usr/bin/changed") && changed.contains("made"), "{changed}");
    assert!(!changed.contains("/usr/bin/whole"), "{changed}");
    let suid = said(&findings, "permission-suid");
    assert!(suid.contains("/usr/bin/stranger") && suid.contains("no package brought it"), "{suid}");
    assert!(!suid.contains("/usr/bin/suid runs"), "{suid}");
    // Holes of its packages are not known here, and that is no pass.
    let holes = said(&findings, "patch-known-holes");
    assert!(holes.contains("\"unknown\"") && !holes.contains("\"pass\""), "{holes}");
}

#[test]
fn the_list_of_what_is_installed_names_packages_of_rpm() {
    let Some(tree) = tree() else { return };
    let root = tree.path().to_str().unwrap();
    let output = run(&["sbom", "--root", root]);
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        list["components"][0]["purl"],
        "pkg:rpm/rocky/made@1.2-3.el9?arch=noarch&distro=rocky-9.3&epoch=1"
    );
    let output = run(&["advisories", "list", "--root", root]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    // A data base that breaks off makes all of it unknown.
    let file = tree.path().join("var/lib/rpm/rpmdb.sqlite");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let findings = audit(tree.path());
    let changed = said(&findings, "malware-changed-file");
    assert!(changed.contains("\"unknown\"") && changed.contains("breaks off"), "{changed}");
}

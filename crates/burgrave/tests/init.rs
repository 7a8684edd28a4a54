//! `burgrave init` from end to end: drafted from a tree, taken by `burgrave check`, never written over.

use crate::support::{run, stderr};
use std::path::Path;

/// A Debian-like tree whose paths lead to the same files from inside and from outside.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let inside = root.join(root.parent().unwrap().strip_prefix("/").unwrap());
    std::fs::create_dir_all(&inside).unwrap();
    std::os::unix::fs::symlink("/", inside.join(root.file_name().unwrap())).unwrap();
    put(&root, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    put(&root, "etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    let signed = rcgen::generate_simple_self_signed(vec!["shop.example".to_owned()]).unwrap();
    put(&root, "etc/ssl/shop.pem", &signed.cert.pem());
    put(&root, "etc/ssl/shop.key", &signed.signing_key.serialize_pem());
    put(&root, "srv/shop/index.html", "shop\n");
    put(&root, "var/log/nginx/error.log", "");
    put(&root, "etc/nginx/nginx.conf", "http { include /etc/nginx/sites-enabled/*; }\n");
    let at = root.display();
    let site = format!(
        "server {{ listen 80; server_name shop.example; return 301 https://$host; }}\n\
         server {{\n listen 443 ssl;\n server_name shop.example;\n root {at}/srv/shop;\n\
         ssl_certificate {at}/etc/ssl/shop.pem;\n ssl_certificate_key {at}/etc/ssl/shop.key;\n\
         location /api/ {{ proxy_pass http://127.0.0.1:3000; }}\n location /admin/ {{ auth_basic x; }}\n}}\n"
    );
    put(&root, "etc/nginx/sites-enabled/shop", &site);
    dir
}

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[test]
fn a_tree_is_drafted_and_check_takes_it() {
    let tree = tree();
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("burgrave.toml");
    let (file, root) = (file.to_str().unwrap(), tree.path().to_str().unwrap());
    let output = run(&["init", "--config", file, "--root", root]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("shop.key") && text.contains("kept closed"), "{text}");
    let output = run(&["check", "--config", file]);
    assert_eq!(output.status.code(), Some(0), "{}\n{text}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("2 listener(s), 1 site(s)"));
    // What is there stays as it is.
    std::fs::write(file, "mine").unwrap();
    let output = run(&["init", "--config", file, "--root", root]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot write"), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn an_empty_host_gives_a_file_that_check_takes() {
    let (empty, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = out.path().join("burgrave.toml");
    let file = file.to_str().unwrap();
    let output = run(&["init", "--config", file, "--root", empty.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(run(&["check", "--config", file]).status.code(), Some(0));
    let output = run(&["init", "--config", "-", "--root", "/nonexistent"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_site_that_is_left_out_is_told_by_the_exit_code() {
    let tree = tree();
    put(
        tree.path(),
        "etc/nginx/sites-enabled/b",
        "server { listen 443 ssl; server_name b; auth_basic x; root /srv; }\n",
    );
    let output = run(&["init", "--config", "-", "--root", tree.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("LEFT OUT") && text.contains("# hosts = [\"b\"]"), "{text}");
}

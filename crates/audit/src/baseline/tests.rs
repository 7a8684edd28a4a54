//! Baselines of small hosts: taken, kept, compared.

use super::*;
use crate::facts::{Facts, Ground};
use burgrave_sys::{Fake, Refusal};

fn fake() -> Fake {
    let fake = Fake::new();
    fake.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n").file("/etc/app.conf", "a = 1\n");
    fake.file("/srv/www/index.html", "hello").link("/srv/www/link", "index.html");
    fake.file("/etc/nginx/nginx.conf", "http { server { root /srv/www; } }");
    fake.file("/etc/resolv.conf", "nameserver 192.0.2.1\n");
    fake
}

fn taken(fake: &Fake) -> (Baseline, Vec<Blind>) {
    let facts = Facts::new(fake, Ground::Tree);
    take(&facts, &folders(&facts).unwrap()).unwrap()
}

/// What is different on a host that was changed, as `path: words`.
fn after(change: impl Fn(&Fake) -> &Fake) -> Vec<String> {
    let fake = fake();
    let before = taken(&fake).0;
    change(&fake);
    let (found, blind) = before.differences(&taken(&fake).0);
    let told = found.iter().map(|one| format!("{}: {}", one.path.display(), one.words()));
    told.chain(blind.into_iter().map(|blind| format!("{}: unknown", blind.what))).collect()
}

#[test]
fn each_change_is_told_as_what_it_is() {
    assert_eq!(after(|fake| fake), Vec::<String>::new());
    assert_eq!(after(|fake| fake.file("/etc/app.conf", "a = 2\n")), ["/etc/app.conf: content"]);
    assert_eq!(after(|fake| fake.mode("/etc/app.conf", 0o4755)), ["/etc/app.conf: mode"]);
    assert_eq!(after(|fake| fake.owner("/etc/app.conf", 33, 33)), ["/etc/app.conf: owner"]);
    assert_eq!(after(|fake| fake.file("/srv/www/x.php", "<?php")), ["/srv/www/x.php: new"]);
    assert_eq!(after(|fake| fake.remove("/srv/www/index.html")), ["/srv/www/index.html: gone"]);
    assert_eq!(after(|fake| fake.link("/srv/www/link", "/etc/shadow")), ["/srv/www/link: content"]);
    assert_eq!(
        after(|fake| fake.remove("/etc/app.conf").directory("/etc/app.conf")),
        ["/etc/app.conf: kind"]
    );
    assert_eq!(after(|fake| fake.file("/etc/resolv.conf", "other")), Vec::<String>::new());
    assert_eq!(
        after(|fake| fake.refuse("/etc/app.conf", Refusal::Denied)),
        ["/etc/app.conf: unknown"]
    );
}

#[test]
fn what_is_kept_comes_back_and_what_was_changed_is_refused() {
    let fake = fake();
    fake.file(std::path::Path::new("/srv/www/a\tb\n%"), "x");
    let baseline = taken(&fake).0;
    let text = baseline.text();
    assert_eq!(Baseline::parse(&text), Some(baseline.clone()));
    assert_eq!(Baseline::parse(&text.replace("0644", "0600")), None);
    assert_eq!(Baseline::parse(text.rsplit_once("digest").unwrap().0), None);
    for bad in ["", "digest\tx\n", "burgrave-baseline 1\t0\n"] {
        assert_eq!(Baseline::parse(bad), None, "{bad}");
    }
    let mut later = baseline.clone();
    later.time = UnixTime(9);
    assert_eq!(later.digest(), baseline.digest());
    later.entries.pop_last();
    assert_ne!(later.digest(), baseline.digest());
}

#[test]
fn folders_are_etc_and_web_roots_each_once() {
    let fake = fake();
    fake.file("/etc/nginx/nginx.conf", "http { server { root /srv/www; location /a { root /srv/www/inner; } location /b { root /etc/page; } } }");
    fake.directory("/srv/www/inner").directory("/etc/page");
    let facts = Facts::new(&fake, Ground::Tree);
    assert_eq!(folders(&facts).unwrap(), [PathBuf::from("/etc"), PathBuf::from("/srv/www")]);
    let baseline = taken(&fake).0;
    assert!(baseline.covers(Path::new("/srv/www/new")) && baseline.covers(Path::new("/etc")));
    assert!(
        !baseline.covers(Path::new("/var/x")) && !baseline.covers(Path::new("/etc/resolv.conf"))
    );
}

#[test]
fn what_could_not_be_read_then_is_not_a_difference_now() {
    let fake = fake();
    fake.refuse("/etc/app.conf", Refusal::Denied);
    let (before, blind) = taken(&fake);
    assert_eq!(
        (blind.len(), before.entries[Path::new("/etc/app.conf")].content.as_str()),
        (1, "unread")
    );
    let readable = self::fake();
    assert!(before.differences(&taken(&readable).0).0.is_empty());
}

#[test]
fn one_path_is_looked_at_alone() {
    let fake = fake();
    let baseline = taken(&fake).0;
    let words = |path: &str| {
        let facts = Facts::new(&fake, Ground::Tree);
        baseline.look(&facts, Path::new(path)).map(|one| one.words())
    };
    assert_eq!(words("/etc/app.conf"), None);
    fake.file("/etc/app.conf", "b").file("/etc/new", "").remove("/srv/www/index.html");
    assert_eq!(words("/etc/app.conf").as_deref(), Some("content"));
    assert_eq!(words("/etc/new").as_deref(), Some("new"));
    assert_eq!(words("/srv/www/index.html").as_deref(), Some("gone"));
    assert_eq!(words("/etc/never"), None);
    fake.refuse("/etc/app.conf", Refusal::Denied);
    assert_eq!(words("/etc/app.conf"), None);
}

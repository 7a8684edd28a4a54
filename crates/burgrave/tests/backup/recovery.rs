//! A whole machine is lost after a break-in, and the guide is followed on an empty one, command by command.

use crate::backup::support::{PROGRAM, text};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const GUIDE: &str = include_str!("../../../../docs/backups/recovery.md");

/// A Debian system in a folder; each script runs with processes, mounts and network of its own.
struct Machine {
    top: PathBuf,
    repository: PathBuf,
}

impl Machine {
    /// An empty one, where there is a tree to copy.
    fn empty(dir: &Path, name: &str) -> Option<Self> {
        let tree =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/debian").canonicalize();
        let Ok(tree) = tree else {
            println!("SKIPPED: there is no Debian tree in target/tools/debian");
            return None;
        };
        let machine = Self { top: dir.join(name), repository: dir.join("repository") };
        std::fs::create_dir_all(&machine.repository).unwrap();
        let copied = Command::new("cp").arg("-a").arg(tree).arg(&machine.top).status().unwrap();
        assert!(copied.success());
        std::fs::create_dir_all(machine.top.join("mnt/backup")).unwrap();
        std::fs::write(machine.top.join("usr/local/bin/burgrave"), "").unwrap();
        Some(machine)
    }

    /// Runs a script to its end, with what it reads; what it printed.
    fn run(&self, script: &str, input: &str, variables: &[(&str, &str)]) -> String {
        let (top, repository) = (self.top.display(), self.repository.display());
        let outside = format!(
            "set -e; ip link set lo up; mount -t proc proc {top}/proc; mount --bind {repository} {top}/mnt/backup; \
             mount --bind {PROGRAM} {top}/usr/local/bin/burgrave; exec chroot {top} /bin/bash -ec \"$SCRIPT\""
        );
        let mut child = Command::new("unshare")
            .args(["--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c", &outside])
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8")
            .env("SCRIPT", script)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{script}\n{}", text(&output));
        text(&output)
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.top.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// The blocks of a kind below a heading of the guide.
fn blocks(heading: &str, kind: &str) -> String {
    let section = GUIDE.split("\n## ").find(|part| part.starts_with(heading)).unwrap();
    let all: Vec<&str> = section
        .split("```")
        .filter_map(|block| block.strip_prefix(kind)?.strip_prefix('\n'))
        .collect();
    assert!(!all.is_empty(), "{heading} has no block of {kind}");
    all.concat()
}

/// What the machine is for: a site, files of an account, a database.
const LIFE: &str = r#"
apt-get install --yes --no-install-recommends nginx-light postgresql
useradd --uid 1042 --create-home trader
mkdir -p /srv/www && echo '<h1>quotes</h1>' > /srv/www/index.html && chown -R www-data: /srv/www
echo 'strategy' > /home/trader/book && chown trader: /home/trader/book && chmod 600 /home/trader/book
install -d -o postgres -g postgres -m 700 /srv/exports && su postgres -c 'echo rows > /srv/exports/day'
echo 'server { listen 127.0.0.1:80; root /srv/www; }' > /etc/nginx/sites-available/default
pg_ctlcluster 15 main start 2>/dev/null || pg_ctlcluster 15 main status
su postgres -c "createdb ledger"
su postgres -c "psql -qd ledger -c 'create table orders as select generate_series(1, 1234) as id'"
burgrave backup key machine --new --config /etc/burgrave/burgrave.toml
burgrave backup run machine --config /etc/burgrave/burgrave.toml
burgrave backup run ledger --config /etc/burgrave/burgrave.toml
burgrave backup recovery-sheet machine --config /etc/burgrave/burgrave.toml > /mnt/backup/sheet
"#;

const BREAK_IN: &str = r#"
echo '* * * * * root /srv/www/.x' > /etc/cron.d/update
echo '<?php system($_GET["c"]);' > /srv/www/gallery.php
burgrave backup run machine --config /etc/burgrave/burgrave.toml
burgrave backup list machine --format json --config /etc/burgrave/burgrave.toml > /mnt/backup/list
"#;

const LOOK: &str = r#"
nginx
exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3
stat -c '%n %U %G %u %a' /srv/www/index.html /home/trader/book /srv/exports/day
pg_ctlcluster 15 main start
su postgres -c "psql -Atd ledger -c 'select count(*), sum(id) from orders'"
cat /root/audit
"#;

/// The password that stands on the sheet, as a person would type it.
fn typed(sheet: &str) -> String {
    let mut lines = sheet.lines().skip_while(|line| *line != "PASSWORD").skip(1);
    let password = lines.find(|line| !line.is_empty()).unwrap();
    format!("{password}\n")
}

#[test]
fn a_lost_machine_is_restored_by_the_guide() {
    let dir = tempfile::tempdir().unwrap();
    let Some(lost) = Machine::empty(dir.path(), "lost") else { return };
    lost.write("/etc/burgrave/burgrave.toml", &blocks("While it is well", "toml"));
    lost.run(LIFE, "", &[]);
    lost.run(BREAK_IN, "", &[]);
    let from = |name: &str| std::fs::read_to_string(dir.path().join("repository").join(name));
    let shown: serde_json::Value = serde_json::from_str(&from("list").unwrap()).unwrap();
    let id = |at: usize| shown["snapshots"][at]["id"].as_str().unwrap().to_owned();
    let password = typed(&from("sheet").unwrap());
    std::fs::remove_dir_all(&lost.top).unwrap();

    let new = Machine::empty(dir.path(), "new").unwrap();
    let (old, latest) = (id(0), id(1));
    let variables = [("OLD", old.as_str()), ("NEW", latest.as_str())];
    let step = |heading: &str| {
        let before = "export FILE=/root/recovery.toml\n";
        new.run(&format!("{before}{}", blocks(heading, "sh")), "", &variables)
    };
    new.run(&blocks("2.", "sh"), &password, &[]);
    new.write("/root/recovery.toml", &blocks("3.", "toml"));
    // Two snapshots differ, which is exit 1 and ends the script.
    let compared = blocks("4.", "sh").replace("diff machine", "diff machine --format json");
    let differs = new.run(&format!("{} || test $? -eq 1", compared.trim_end()), "", &variables);
    for planted in ["/etc/cron.d/update", "/srv/www/gallery.php"] {
        assert!(differs.contains(planted), "{differs}");
    }
    step("5.");
    assert_eq!(step("6.").lines().last().filter(|line| line.parse::<u32>().is_ok()), None);
    step("7.");
    step("8.");
    step("9.");
    let there = new.run(LOOK, "", &[]);
    for expected in [
        "<h1>quotes</h1>",
        "/srv/www/index.html www-data www-data 33 644",
        "/home/trader/book trader trader 1042 600",
        "/srv/exports/day postgres postgres",
        "1234|761995",
    ] {
        assert!(there.contains(expected), "{expected}: {there}");
    }
    assert!(!new.top.join("etc/cron.d/update").exists(), "the break-in does not come along");
    assert!(!new.top.join("srv/www/gallery.php").exists());
    let made = new.run(&format!("pg_ctlcluster 15 main start\n{}", blocks("10.", "sh")), "", &[]);
    assert!(made.contains("held"), "{made}");
}

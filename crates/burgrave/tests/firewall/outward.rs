//! What the rules do beside letting in: scanners, block lists, and accounts that are kept in.

use crate::firewall::WATCH;
use crate::firewall::net::{HOST, HOST6, Net, connects, python};
use std::time::Duration;

fn applied(firewall: &str) -> Option<Net> {
    let mut net = Net::new(&format!("{firewall}\n{WATCH}"))?;
    net.start();
    let (code, said) = net.firewall("apply --yes --confirm-within 0s");
    assert_eq!(code, 0, "{said}");
    Some(net)
}

#[test]
fn who_scans_finds_nothing_more_and_only_for_a_while() {
    let Some(net) = applied("[firewall]") else { return };
    for host in [HOST, HOST6] {
        assert_eq!(net.attacker.reaches(host, 8080), host == HOST, "the gateway listens on one");
    }
    // One closed port, however often, is no scan.
    net.innocent.knock(HOST, [9999; 40]);
    assert!(net.innocent.reaches(HOST, 8080));
    assert!(net.attacker.reaches(HOST, 8080));
    net.attacker.knock(HOST, 3000..=3020);
    assert!(!net.attacker.reaches(HOST, 8080), "{}", net.set("scanners4"));
    assert!(net.innocent.reaches(HOST, 8080));
    assert!(net.set("scanners4").contains("10.9.0.2"));
    net.host.must("nft flush set inet burgrave scanners4");
    assert!(net.attacker.reaches(HOST, 8080), "it is kept out by nothing else");
}

#[test]
fn an_account_goes_out_where_it_may_and_nowhere_else() {
    let firewall = "[firewall]\nnetworks = [{ name = \"partner\", are = [\"10.9.0.3\"] }]\n\
                    egress = [{ user = \"nobody\", to = [\"partner\"], port = 8080 }, { user = \"daemon\" }]";
    let Some(net) = applied(firewall) else { return };
    let server =
        "import socket,time;s=[socket.create_server(('',p)) for p in (8080,8081)];time.sleep(900)";
    let mut servers: Vec<_> = [&net.attacker, &net.innocent]
        .map(|space| space.command(python()).args(["-c", server]).spawn().unwrap())
        .into();
    net.until("both listen", |net| {
        net.host.reaches("10.9.0.2", 8081) && net.host.reaches("10.9.0.3", 8081)
    });
    let goes = |user: &str, address: &str, port: u16| {
        let mut command = net.host.command("setpriv");
        command.args(["--reuid", user, "--clear-groups", python()]);
        connects(command, address, port)
    };
    assert!(goes("root", "10.9.0.2", 8081), "nobody has said anything about root");
    for (user, address, port, may) in [
        ("nobody", "10.9.0.3", 8080, true),
        ("nobody", "10.9.0.3", 8081, false),
        ("nobody", "10.9.0.2", 8080, false),
        ("daemon", "10.9.0.3", 8080, false),
        // Its own machine is free.
        ("daemon", HOST, 8080, true),
    ] {
        assert_eq!(goes(user, address, port), may, "{user} to {address}:{port}");
    }
    for server in &mut servers {
        drop(server.kill());
        drop(server.wait());
    }
}

#[test]
fn an_account_that_is_not_there_is_refused_and_nothing_changes() {
    let Some(net) = applied("[firewall]") else { return };
    let before = net.host.must("nft -s list table inet burgrave");
    let text = std::fs::read_to_string(net.folder.path().join("burgrave.toml")).unwrap();
    let text = text.replace("[firewall]", "[firewall]\negress = [{ user = \"no-such-account\" }]");
    std::fs::write(net.folder.path().join("burgrave.toml"), text).unwrap();
    let (code, said) = net.firewall("apply --yes --confirm-within 0s");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("no-such-account"), "{said}");
    assert_eq!(net.host.must("nft -s list table inet burgrave"), before);
}

#[test]
fn lists_keep_out_whom_they_name_and_whatever_is_done_to_the_table() {
    let bans = "[bans]\nlists = [{ file = \"DIR/drop.txt\", every = \"1s\" }]";
    let Some(mut net) = Net::new(&format!("{bans}\n{WATCH}")) else { return };
    let list = net.folder.path().join("drop.txt");
    std::fs::write(&list, "# by hand\n10.9.0.2 ; the attacker\n10.9.0.0/30\nfd09::2\nodd\n")
        .unwrap();
    net.start();
    net.until("the list is told", |net| {
        net.said("keeps 2 address(es) and network(s) out; 1 line(s) make no sense") > 0
    });
    assert!(net.said("not banned: 10.9.0.0/30 is, or holds, an address of this machine") > 0);
    assert!(!net.attacker.reaches(HOST, 8080));
    net.host.must("nft flush ruleset");
    net.until("it is in force again", |net| !net.attacker.reaches(HOST, 8080));
    net.host.must("nft flush set inet burgrave lists4");
    net.until("its set is filled again", |net| !net.attacker.reaches(HOST, 8080));
    // Whole at once, as whoever fetches lists should do it.
    let replace = |text: &str| {
        std::fs::write(list.with_extension("new"), text).unwrap();
        std::fs::rename(list.with_extension("new"), &list).unwrap();
    };
    // What an error page says changes nothing.
    replace("<html>502</html>\n");
    net.until("it is told", |net| net.said("is no list of addresses") == 1);
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!net.attacker.reaches(HOST, 8080));
    assert_eq!(net.said("is no list of addresses"), 1, "once while it lasts");
    replace("10.9.0.3\n");
    net.until("the list has changed", |net| net.attacker.reaches(HOST, 8080));
    assert!(!net.innocent.reaches(HOST, 8080));
    assert!(net.set("lists6").lines().all(|line| !line.contains("fd09")));
}

#[test]
fn a_hundred_thousand_listed_networks_are_in_force_at_once() {
    let bans = "[bans]\nlists = [{ file = \"DIR/drop.txt\" }]";
    let Some(mut net) = Net::new(&format!("{bans}\n{WATCH}")) else { return };
    let mut text: String = (0..100_000_u32)
        .map(|number| {
            format!("{}.{}.{}.0/25\n", 11 + number / 65_536, number / 256 % 256, number % 256)
        })
        .collect();
    text.push_str("10.9.0.2\n");
    std::fs::write(net.folder.path().join("drop.txt"), text).unwrap();
    net.start();
    assert!(net.said("keeps 100001 address(es)") > 0, "before it watches");
    assert!(!net.attacker.reaches(HOST, 8080));
    assert!(net.innocent.reaches(HOST, 8080));
}

#[test]
fn a_dry_run_tells_whom_it_would_ban_once_and_bans_nobody() {
    let bans = "[bans]\ndry_run = true\nlists = [{ file = \"DIR/drop.txt\" }]";
    let Some(mut net) = Net::new(&format!("{bans}\n{WATCH}")) else { return };
    std::fs::write(net.folder.path().join("drop.txt"), "10.9.0.2\n").unwrap();
    net.start();
    net.fail("10.9.0.2", 3);
    net.until("it is told", |net| net.said("dry run: would have banned 10.9.0.2 for 3600 s") == 1);
    net.fail("10.9.0.2", 6);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(net.said("dry run: would have banned"), 1);
    assert!(net.attacker.reaches(HOST, 8080));
    let (_, shown) = net.firewall("bans --format json");
    assert!(shown.contains("\"bans\": []") || shown.contains("\"bans\":[]"), "{shown}");
    // By hand it is meant.
    assert_eq!(net.firewall("ban 10.9.0.2").0, 0);
    assert!(!net.attacker.reaches(HOST, 8080));
}

const REMOTE: &str = "/lib/systemd/systemd-journal-remote";

/// The confined agent runs the one program that reads a journal: here on one of the test's own, in a mount namespace.
#[test]
fn a_unit_of_the_journal_is_followed() {
    let watch = "[[watch]]\nservice = \"sshd\"\nsource = { journal = \"ssh.service\" }\nban = { after = 3 }\n";
    let Some(mut net) = Net::new(watch) else { return };
    let has = |path: &str| std::path::Path::new(path).exists();
    if !has(REMOTE) || !has("/usr/bin/journalctl") || !has("/etc/machine-id") {
        eprintln!("SKIPPED: systemd-journal-remote is not installed");
        return;
    }
    let journal = net.folder.path().join("journal");
    std::fs::create_dir(&journal).unwrap();
    let place = format!(
        "mount -t tmpfs none /var/log && mkdir -p /var/log/journal/$(cat /etc/machine-id) && \
         mount --bind {} /var/log/journal/$(cat /etc/machine-id) && exec \"$@\"",
        journal.display()
    );
    entries(&journal.join("first.journal"), 1);
    net.start_by(&["unshare", "-m", "sh", "-c", &place, "sh"]);
    // It reads from the end, and nothing says when it has begun but that it hears.
    let mut number = 0;
    net.until("it is banned", |net| {
        number += 1;
        entries(&journal.join(format!("later-{number}.journal")), 3);
        std::thread::sleep(Duration::from_secs(1));
        net.said("banned 10.9.0.2") == 1
    });
    assert!(!net.attacker.reaches(HOST, 8080));
}

/// A journal with so many failures of the attacker. No two are alike: the journal shows such an entry once.
fn entries(file: &std::path::Path, count: u128) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    // Of this boot: it follows no other.
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().replace('-', "");
    let entry = |time: u128| {
        format!(
            "__REALTIME_TIMESTAMP={time}\n__MONOTONIC_TIMESTAMP={time}\n_BOOT_ID={}\n\
             _SYSTEMD_UNIT=ssh.service\nSYSLOG_IDENTIFIER=sshd\n_PID=7\n_UID=0\n_HOSTNAME=web1\n\
             MESSAGE=Failed password for root from 10.9.0.2 port 5 ssh2\n\n",
            boot.trim()
        )
    };
    let all: String = (0..count).map(|number| entry(now.as_micros() + number)).collect();
    let mut writer = std::process::Command::new(REMOTE)
        .arg(format!("--output={}", file.display()))
        .arg("-")
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut writer.stdin.take().unwrap(), all.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
}

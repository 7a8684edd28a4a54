//! The agent and the firewall in network namespaces of their own: an attacker is cut off and the innocent
//! beside it is not, bans survive whatever is done to them, and rules on trial go back by themselves.
//!
//! Needs root, and tells when it is skipped without it. The machine's own rules are never touched: every
//! command that could do so runs inside a namespace that the test has made.

mod administrators;
mod crowdsec;
mod net;
mod outward;
mod packets;
mod proofs;
mod senders;
mod shared;

use crate::firewall::net::{HOST, HOST6, Net, append, python};
use crate::support;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const WATCH: &str = "[[watch]]\nservice = \"sshd\"\nsource = { file = \"DIR/auth.log\" }\nban = { after = 3, within = \
                     \"10m\", for = \"1h\" }\n[[watch]]\nservice = \"gateway\"\nsource = { gateway = true }\n";

#[test]
fn an_attacker_is_cut_off_and_the_innocent_is_not() {
    let Some(mut net) = Net::new(WATCH) else { return };
    net.start();
    assert!(net.attacker.reaches(HOST, 8080));
    net.fail("10.9.0.2", 2);
    net.fail("10.9.0.3", 2);
    net.fail(HOST, 5);
    net.until("said", |net| net.said("not banned: 10.9.0.1") > 0);
    assert!(net.attacker.reaches(HOST, 8080), "two are not three");
    net.fail("10.9.0.2", 1);
    net.until("the attacker is cut off", |net| !net.attacker.reaches(HOST, 8080));
    assert!(net.innocent.reaches(HOST, 8080));
    let mut shown = serde_json::Value::Null;
    net.until("the ban is shown", |net| {
        shown = serde_json::from_str(&net.firewall("bans --format json").1).unwrap();
        shown["bans"].as_array().is_some_and(|bans| !bans.is_empty())
    });
    assert_eq!(shown["bans"][0]["target"], "10.9.0.2");
    assert_eq!(shown["bans"].as_array().unwrap().len(), 1, "{shown}");
    // Unbanned by hand, it is let in at once, and banned for longer when it goes on.
    assert_eq!(net.firewall("unban 10.9.0.2").0, 0);
    assert!(net.attacker.reaches(HOST, 8080));
    assert_eq!(net.firewall("unban 10.9.0.2").0, 1);
    std::thread::sleep(Duration::from_millis(1_500));
    net.fail("10.9.0.2", 3);
    net.until("the attacker is cut off again", |net| !net.attacker.reaches(HOST, 8080));
    net.until("each has its row", |net| net.has_rows("ban.added", "10.9.0.2") == 2);
    assert_eq!(net.has_rows("ban.removed", "10.9.0.2"), 1);
}

#[test]
fn bans_and_logs_that_have_gone_silent_are_told() {
    let alert = "[[alert]]\nto = \"command:/bin/sh\"\narguments = [\"-c\", \"/bin/cat >> DIR/paged\"]\ngroup_wait = \"0s\"\ngroup_interval = \"0s\"\n";
    let watch = WATCH.replacen("ban =", "silent_after = \"2s\"\nban =", 1);
    let Some(mut net) = Net::new(&format!("{alert}{watch}")) else { return };
    net.start();
    net.fail("10.9.0.2", 3);
    let count = |net: &Net, text: &str| {
        let paged = std::fs::read_to_string(net.folder.path().join("paged")).unwrap_or_default();
        paged.matches(text).count()
    };
    let paged = |net: &Net, text: &str| count(net, text) > 0;
    net.until("the ban is told", |net| paged(net, "banned 10.9.0.2 for 3600 s"));
    net.until("the silence is told", |net| paged(net, "auth.log` has been silent for"));
    // Of a silence before the first line, if that took its time, the end is told already.
    let ended = count(&net, "auth.log` is silent no more");
    net.fail("10.9.0.3", 1);
    net.until("its end is told", |net| count(net, "auth.log` is silent no more") > ended);
    std::fs::remove_file(net.folder.path().join("auth.log")).unwrap();
    std::fs::create_dir(net.folder.path().join("auth.log")).unwrap();
    net.until("what cannot be read is told", |net| paged(net, "source.unreadable"));
    net.host.must("nft flush ruleset");
    net.until("what somebody took away is told", |net| paged(net, "ban.restored"));
    net.until("each is a row", |net| net.has_rows("alert.raised", "10.9.0.2") == 1);
}

#[test]
fn ten_thousand_bans_are_rows_each_and_few_alerts() {
    let alert = "[[alert]]\nto = \"command:/bin/sh\"\narguments = [\"-c\", \"/bin/cat >> DIR/paged\"]\ngroup_wait = \"0s\"\ngroup_interval = \"1s\"\n";
    let Some(mut net) = Net::new(&format!("{alert}{WATCH}")) else { return };
    net.start();
    let date = Command::new("date").args(["-u", "+%b %e %H:%M:%S"]).output().unwrap();
    let date = String::from_utf8(date.stdout).unwrap();
    let mut text = String::new();
    for client in 0..10_000 {
        // Each in a network of its own: neighbours would be banned together.
        let ip = format!("11.{}.{}.7", client / 250, client % 250);
        for _ in 0..3 {
            let line = format!("Failed password for u{client} from {ip} port 5 ssh2");
            writeln!(text, "{} h sshd[1]: {line}", date.trim_end()).unwrap();
        }
    }
    append(net.folder.path().join("auth.log")).write_all(text.as_bytes()).unwrap();
    net.until("each is banned", |net| net.said("banned 11.") == 10_000);
    let config = net.config();
    let verify = ["ledger", "verify", "--format", "json", "--config", &config];
    net.until("each has its row", |_| {
        let output = support::run(&verify);
        let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        shown["is_sound"] == true && shown["rows"].as_u64().is_some_and(|rows| rows > 10_000)
    });
    let paged = || std::fs::read_to_string(net.folder.path().join("paged")).unwrap_or_default();
    let end = Instant::now() + support::PATIENCE;
    while !paged().contains("clients were banned at once") {
        assert!(Instant::now() < end, "{}", paged().chars().take(2_000).collect::<String>());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_scan_through_the_gateway_is_cut_off() {
    let Some(mut net) = Net::new(WATCH) else { return };
    net.start();
    let scan = format!("timeout 5 curl -s -o /dev/null http://{HOST}:8080/none[1-200].php");
    net.attacker.run(&scan);
    net.until("the scanner is cut off", |net| !net.attacker.reaches(HOST, 8080));
    assert!(net.innocent.reaches(HOST, 8080));
}

/// Puts another verdict into the rule that has these words, and leaves its comment.
fn twist(net: &Net, words: &str, from: &str, to: &str) {
    let listed = net.host.must("nft -a list table inet burgrave");
    let mut chain = "";
    for line in listed.lines() {
        chain = line.trim().strip_prefix("chain ").unwrap_or(chain);
        let Some((rule, handle)) = line.trim().split_once(" # handle ") else { continue };
        if rule.contains(words) && rule.contains(from) {
            let chain = chain.split(' ').next().unwrap();
            let rule = rule.replacen(from, to, 1);
            let script = format!("replace rule inet burgrave {chain} handle {handle} {rule}\n");
            let file = net.folder.path().join("twist.nft");
            std::fs::write(&file, script).unwrap();
            net.host.must(&format!("nft -f {}", file.display()));
            return;
        }
    }
    panic!("no rule with `{words}` in {listed}");
}

#[test]
fn a_rule_that_somebody_twisted_is_restored() {
    let Some(mut net) = Net::new(WATCH) else { return };
    net.start();
    assert_eq!(net.firewall("ban 10.9.0.2").0, 0);
    assert!(!net.attacker.reaches(HOST, 8080));
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(net.said("restored"), 0, "what it does itself is no finding");
    twist(&net, "@bans4", "drop", "accept");
    net.until("it is told", |net| net.said("was not as it was left: restored") == 1);
    net.until("the attacker is out", |net| !net.attacker.reaches(HOST, 8080));
    // What somebody adds goes as well: a chain of their own, somebody who may never be banned, a trial without end.
    for (number, line) in [
        "add chain inet burgrave evil { type filter hook input priority -400; policy accept; }",
        "add element inet burgrave allow4 { 10.9.0.2 }",
        "add element inet burgrave trial { ipv4 }",
    ]
    .into_iter()
    .enumerate()
    {
        let file = net.folder.path().join("add.nft");
        std::fs::write(&file, format!("{line}\n")).unwrap();
        net.host.must(&format!("nft -f {}", file.display()));
        let told = "was not as it was left: restored";
        net.until("it is told", |net| net.said(told) == 2 + number);
        net.until("the attacker is out", |net| !net.attacker.reaches(HOST, 8080));
    }
    let listed = net.host.must("nft list table inet burgrave");
    assert!(!listed.contains("evil") && listed.contains("10.9.0.2"), "{listed}");
    assert_eq!(net.set("trial").matches("ipv4").count(), 0, "{}", net.set("trial"));
    // Bans, a set that others may fill, and a restart change no rule.
    assert_eq!(net.firewall("ban 203.0.113.7").0, 0);
    net.host.must("nft add element inet burgrave bans4 { 203.0.113.8 timeout 1h }");
    net.stop("-KILL");
    net.start();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(net.said("was not as it was left"), 4);
    // While nobody looks it is seen with the next start.
    net.stop("-TERM");
    twist(&net, "@bans4", "drop", "accept");
    net.start();
    net.until("it is told", |net| net.said("was not as it was left: restored") == 5);
    net.until("the attacker is out", |net| !net.attacker.reaches(HOST, 8080));
}

#[test]
fn bans_survive_restarts_kills_and_a_flushed_table() {
    let Some(mut net) = Net::new(WATCH) else { return };
    net.start();
    net.fail("10.9.0.2", 3);
    net.fail("fd09::2", 3);
    net.until("both are banned", |net| net.said("banned ") >= 2);
    for signal in ["-TERM", "-KILL"] {
        net.stop(signal);
        assert!(!net.attacker.reaches(HOST, 8080), "nobody is let in while it is away");
        // What is written while it is away is read.
        let rotated = signal == "-KILL";
        if rotated {
            let log = net.folder.path().join("auth.log");
            std::fs::rename(&log, net.folder.path().join("auth.log.1")).unwrap();
        }
        let missed = if rotated { "192.0.2.9" } else { "192.0.2.8" };
        net.fail(missed, 3);
        net.start();
        net.until("what was missed is banned", |net| net.set("bans4").contains(missed));
        assert!(net.set("bans4").contains("10.9.0.2") && net.set("bans6").contains("fd09::2"));
    }
    net.firewall("ban 203.0.113.0/24 --for 2h");
    for command in ["flush ruleset", "flush table inet burgrave", "flush set inet burgrave bans4"] {
        net.host.must("nft add table ip foreign");
        net.host.must(&format!("nft {command}"));
        net.until(command, |net| {
            net.set("bans4").contains("10.9.0.2")
                && net.set("networks4").contains("203.0.113.0/24")
                && !net.attacker.reaches(HOST, 8080)
        });
    }
    net.until("each is told", |net| net.said("restored") >= 3);
    // As after a reboot: nothing is in the kernel, and all of it comes back.
    net.stop("-TERM");
    net.host.must("nft flush ruleset");
    net.start();
    assert!(!net.attacker.reaches(HOST, 8080));
    assert!(net.set("bans6").contains("fd09::2"));
}

#[test]
fn who_must_not_be_banned_is_refused() {
    let Some(net) = Net::new(
        "[firewall]\nallow = [{ port = 22, from = [\"192.0.2.0/24\", \"2001:db8::/32\"] }]\n",
    ) else {
        return;
    };
    net.host.must("ip route add default via 10.9.0.254");
    for (target, why) in [
        (HOST, "this machine"),
        (HOST6, "this machine"),
        ("127.0.0.1", "this machine"),
        ("10.9.0.0/24", "this machine"),
        ("10.9.0.254", "gateway"),
        ("192.0.2.7", "allow list"),
        ("192.0.0.0/16", "allow list"),
        ("2001:db8:1::/48", "allow list"),
        ("0.0.0.0/0", "neither"),
        ("nobody", "neither"),
    ] {
        let (code, said) = net.firewall(&format!("ban {target}"));
        assert!(code == 2 && said.contains(why), "{target}: {code} {said}");
    }
    assert_eq!(net.firewall("bans").1, "0 banned\n");
    // A network, and addresses in it, each with its own end.
    for line in ["ban 203.0.113.0/24 --for 1h", "ban 203.0.113.0/25 --for 2h", "ban 203.0.113.9"] {
        assert_eq!(net.firewall(line).0, 0, "{line}");
    }
    assert!(net.set("networks4").contains("203.0.113.0/24"));
    assert_eq!(net.firewall("unban 203.0.113.0/24").0, 0);
    assert!(net.set("networks4").contains("203.0.113.0/25"), "{}", net.set("networks4"));
    assert_eq!(net.has_rows("ban.added", "203.0.113.0/24"), 1);
    assert_eq!(net.rows().iter().filter(|(kind, _)| kind == "ban.added").count(), 3);
}

const CLOSED: &str = "[firewall]\nallow = [{ port = 7001, from = [\"10.9.0.3\"] }]\n";

/// Something that listens in the host's namespace.
fn listen(net: &Net, port: u16) -> Child {
    let script = format!(
        "import socket\ns=socket.create_server(('{HOST}',{port}))\nwhile True: s.accept()[0].close()"
    );
    let child = net.host.command(python()).args(["-c", &script]).spawn().unwrap();
    net.until("it listens", |net| net.innocent.reaches(HOST, port));
    child
}

/// What of this program runs in the namespace, by its process and the folder of it.
fn left_running(net: &Net) -> Vec<(String, PathBuf)> {
    let inside = std::fs::read_link(format!("/proc/{}/ns/net", net.host.0.id())).unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let path = entry.path();
        std::fs::read_link(path.join("exe")).is_ok_and(|exe| exe.ends_with("burgrave"))
            && std::fs::read_link(path.join("ns/net")).is_ok_and(|its| its == inside)
    });
    let named = |entry: std::fs::DirEntry| (entry.file_name().into_string().unwrap(), entry.path());
    processes.map(named).collect()
}

#[test]
fn rules_that_nobody_confirms_go_back_when_everything_is_dead() {
    let Some(net) = Net::new(CLOSED) else { return };
    let (mut one, mut other) = (listen(&net, 7001), listen(&net, 7002));
    net.host.must("nft add table ip foreign");
    assert!(net.attacker.reaches(HOST, 7001) && net.innocent.reaches(HOST, 7002));
    let (start, trial) = (Instant::now(), Duration::from_secs(10));
    let (code, said) = net.firewall("apply --yes --confirm-within 10s");
    assert!(code == 0 && said.contains("closed: tcp 10.9.0.1:7002"), "{said}");
    assert!(!net.attacker.reaches(HOST, 7001) && !net.innocent.reaches(HOST, 7002));
    assert!(net.innocent.reaches(HOST, 7001), "it is allowed");
    for (id, path) in left_running(&net) {
        let killed = Command::new("kill").args(["-9", &id]).output().unwrap();
        assert!(killed.status.success() || !path.exists(), "{killed:?}");
    }
    net.until("the rules before", |net| net.innocent.reaches(HOST, 7002));
    assert!(start.elapsed() >= trial && start.elapsed() < trial * 3, "{:?}", start.elapsed());
    assert!(net.attacker.reaches(HOST, 7001));
    assert_eq!(net.firewall("confirm").0, 1, "too late");
    assert_eq!(net.has_rows("firewall.rolled-back", ""), 1);
    assert!(net.innocent.reaches(HOST, 7002));
    assert!(net.host.must("nft list tables").contains("table ip foreign"));
    assert!(!net.host.must("nft list tables").contains("burgrave"), "as it was before");
    drop((one.kill(), one.wait(), other.kill(), other.wait()));
}

/// Whoever waits for the end of a trial waits no longer than there is one.
fn end_trial(net: &Net) {
    assert!(!left_running(net).is_empty(), "somebody waits");
    assert_eq!(net.firewall("rollback").0, 0);
    net.until("nobody waits any more", |net| left_running(net).is_empty());
}

#[test]
fn confirmed_rules_stay_and_can_be_taken_back() {
    let Some(mut net) = Net::new(CLOSED) else { return };
    let mut other = listen(&net, 7002);
    assert_eq!(net.firewall("apply").0, 2, "nobody can be asked");
    assert!(net.innocent.reaches(HOST, 7002));
    assert_eq!(net.firewall("apply --yes --confirm-within 8s").0, 0);
    assert_eq!(net.firewall("confirm").0, 0);
    std::thread::sleep(Duration::from_millis(8_500));
    assert!(!net.innocent.reaches(HOST, 7002));
    assert!(net.firewall("plan").1.contains("the kernel has these rules already"));
    // The agent restores them with the bans.
    net.start();
    net.host.must("nft flush ruleset");
    net.until("restored", |net| net.said("restored with") > 0);
    assert!(!net.innocent.reaches(HOST, 7002) && net.innocent.reaches(HOST, 8080));
    net.stop("-TERM");
    // Other rules on trial, and those that were confirmed come back.
    let text = std::fs::read_to_string(net.config()).unwrap();
    std::fs::write(net.config(), text.replace("7001", "7002")).unwrap();
    assert_eq!(net.firewall("apply --yes --confirm-within 1h").0, 0);
    assert!(net.innocent.reaches(HOST, 7002));
    end_trial(&net);
    assert!(!net.innocent.reaches(HOST, 7002));
    assert_eq!(net.firewall("rollback").0, 0);
    assert!(net.innocent.reaches(HOST, 7002), "as it was before any");
    let kinds: Vec<String> = net.rows().into_iter().map(|(kind, _)| kind).collect();
    let kinds: Vec<&str> = kinds.iter().filter_map(|kind| kind.strip_prefix("firewall.")).collect();
    let expected = ["applied", "confirmed", "planned", "applied", "rolled-back", "rolled-back"];
    assert_eq!(kinds, expected);
    drop((other.kill(), other.wait()));
}

/// Asks for an echo, and fails where there is none.
const PING: &str = r"
import socket, struct, sys
six = ':' in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 58 if six else 1)
s.settimeout(2)
s.sendto(struct.pack('!BBHHH', 128 if six else 8, 0, 0 if six else 0xf7fd, 1, 1), (sys.argv[1], 0))
while True:
    d = s.recv(100)
    if d[0 if six else 20] == (129 if six else 0):
        break
";

#[test]
fn what_networks_need_gets_through_and_what_is_bogus_does_not() {
    let Some(net) = Net::new(CLOSED) else { return };
    let mut server = listen(&net, 7001);
    assert_eq!(net.firewall("apply --yes --confirm-within 0s").0, 0);
    for address in [HOST, HOST6] {
        let answered = net.innocent.command(python()).args(["-c", PING, address]).status();
        assert!(answered.unwrap().success(), "{address}");
    }
    assert!(net.innocent.reaches(HOST, 7001) && !net.attacker.reaches(HOST, 7001));
    let count = |net: &Net, words: &str| {
        let text = net.host.must("nft list chain inet burgrave rules");
        let line = text.lines().find(|line| line.contains(words)).unwrap().to_owned();
        let packets = line.split("packets ").nth(1).unwrap();
        packets.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let script = "import socket,struct\ns=socket.socket(socket.AF_INET,socket.SOCK_RAW,6)\n\
                  def send(flags):\n def head(c): return struct.pack('!HHIIBBHHH',5000,7001,1,0,0x50,flags,1000,c,0)\n \
                  p=socket.inet_aton('10.9.0.2')+socket.inet_aton('10.9.0.1')+struct.pack('!BBH',0,6,20)\n \
                  c=sum(struct.unpack('!16H',p+head(0)))\n c=(c>>16)+(c&0xffff)\n \
                  s.sendto(head(~c&0xffff),('10.9.0.1',0))\nfor f in (0,3,6,1): send(f)";
    assert!(net.attacker.command(python()).args(["-c", script]).status().unwrap().success());
    net.until("what is bogus is counted", |net| {
        let all = ["no connection", "SYN and FIN", "SYN and RST", "none", "without SYN"];
        all.iter().map(|words| count(net, words)).sum::<u64>() >= 4
    });
    drop((server.kill(), server.wait()));
}

//! Packets that rules log to a group: who scans ports is banned, whoever else has the group, and what is lost is told.

use crate::firewall::net::{HOST, HOST6, Net, Space, python};
use crate::support;

const WATCH: &str = "[[watch]]\nservice = \"firewall\"\nsource = { nflog = 5 }\n";

/// A machine whose own rules drop some ports and tell the group 5. `None` where the kernel cannot, which is said.
fn dropping() -> Option<Net> {
    let net = Net::new(WATCH)?;
    for line in [
        "add table inet foreign",
        "add chain inet foreign in { type filter hook input priority -300 ; }",
        "add rule inet foreign in meta l4proto { tcp, udp } th dport 3000-3999 log prefix \"burgrave drop: \" group 5 drop",
    ] {
        let output = net.host.run(&format!("nft {line}"));
        if !output.status.success() {
            eprintln!("SKIPPED: no rule logs to a group here: {}", support::stderr(&output));
            return None;
        }
    }
    Some(net)
}

/// Sends datagrams to one port, as fast as it goes.
fn flood(space: &Space, count: usize) {
    let script = format!(
        "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n\
         for n in range({count}):\n s.sendto(b'x'*64,('{HOST}',3999))"
    );
    assert!(space.command(python()).args(["-c", &script]).status().unwrap().success());
}

#[test]
fn who_scans_ports_that_are_dropped_is_banned_and_who_is_stubborn_is_not() {
    let Some(mut net) = dropping() else { return };
    net.start();
    net.innocent.knock(HOST, [3000; 40].into_iter().chain(3001..=3012));
    flood(&net.innocent, 1_000);
    net.attacker.knock(HOST, 3000..=3013);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(net.said("banned"), 0, "fourteen ports are none too many");
    net.attacker.knock(HOST, [3014]);
    net.until("the scanner is banned", |net| net.said("banned 10.9.0.2") > 0);
    assert_eq!(net.said("banned 10.9.0.3"), 0);
    assert!(!net.attacker.reaches(HOST, 8080) && net.set("bans4").contains("10.9.0.2"));
    net.until("it has its row", |net| net.has_rows("ban.added", "10.9.0.2") == 1);
    // After a reload another process has the group.
    let watching = net.said("watching ");
    let id = net.burgrave.as_ref().unwrap().id().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    net.until("it watches again", |net| net.said("watching ") > watching);
    // Nothing says when it has it but that it hears.
    net.until("the scanner is banned by its other address", |net| {
        net.attacker.knock(HOST6, 3000..=3014);
        net.said("banned fd09::2") > 0
    });
}

#[test]
fn what_comes_faster_than_it_is_read_is_told_once_and_its_end_too() {
    let Some(mut net) = dropping() else { return };
    net.start();
    let inside = std::fs::read_link(format!("/proc/{}/ns/net", net.host.0.id())).unwrap();
    let is_ours = |entry: &std::fs::DirEntry| {
        let path = entry.path();
        std::fs::read_link(path.join("ns/net")).is_ok_and(|its| its == inside)
            && std::fs::read_link(path.join("exe")).is_ok_and(|exe| exe.ends_with("burgrave"))
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten().filter(is_ours);
    let ids: Vec<String> = all.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let signal = |signal: &str| {
        let mut command = std::process::Command::new("kill");
        assert!(command.arg(signal).args(&ids).status().unwrap().success());
    };
    signal("-STOP");
    flood(&net.attacker, 60_000);
    signal("-CONT");
    net.until("it is told", |net| net.said("packets or more have come faster") > 0);
    net.until("its end is told", |net| net.said("`nflog:5` can be read again") > 0);
    assert_eq!(net.said("packets or more have come faster"), 1);
    assert_eq!(net.said("banned"), 0, "one port, however often");
    net.attacker.knock(HOST, 3000..=3014);
    net.until("it goes on", |net| net.said("banned 10.9.0.2") > 0);
}

#[test]
fn a_group_that_another_has_is_taken_when_it_is_free() {
    let Some(mut net) = dropping() else { return };
    // NETLINK_NETFILTER; binds the group, as this program would.
    let holds = "import socket,struct,time\ns=socket.socket(16,3,12);s.bind((0,0))\n\
                 s.send(struct.pack('=IHHIIBBBBHHB3x',28,0x401,5,1,0,0,0,0,5,5,1,1))\nprint(s.recv(99)[16:20].hex(),flush=True)\ntime.sleep(900)";
    let mut other = net.host.command(python());
    let mut other = other.args(["-c", holds]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut answer = [0; 8];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut answer).unwrap();
    assert_eq!(&answer, b"00000000", "the other has it");
    net.start();
    net.until("it is told", |net| net.said("another program has the group") > 0);
    drop((other.kill(), other.wait()));
    net.until("it has the group", |net| net.said("`nflog:5` can be read again") > 0);
    assert_eq!(net.said("another program has the group"), 1, "told once");
    net.attacker.knock(HOST, 3000..=3014);
    net.until("the scanner is banned", |net| net.said("banned 10.9.0.2") > 0);
}

//! `@rbl` from end to end: a name server in a namespace of its own, and clients that its list has, has not, or cannot be
//! asked about.

use crate::support;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// Answers questions about `bad.example.org`: on the list are addresses that end in 2.
const NAME_SERVER: &str = r#"
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    query, client = server.recvfrom(512)
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    question = query[12:at + 5]
    kind = int.from_bytes(query[at + 1:at + 3], "big")
    print(".".join(labels), flush=True)
    listed = labels[0] == "2" and labels[4:] == ["bad", "example", "org"] and kind == 1
    header = query[:2] + (b"\x81\x80" if listed else b"\x81\x83") + b"\x00\x01" + (b"\x00\x01" if listed else b"\x00\x00") + b"\x00\x00\x00\x00"
    answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x04" if listed else b""
    server.sendto(header + question + answer, client)
"#;

/// What runs in the namespace: the statuses of requests, one a line.
const SCRIPT: &str = r#"
set -e
cd "$1"
ip link set lo up
for host in 1 2 3 4; do ip address add 203.0.113.$host/32 dev lo; done
mount --make-rprivate /
mount --bind resolv.conf /etc/resolv.conf
mount --bind hosts /etc/hosts
python3 name_server.py > asked & names=$!
"$2" run --config burgrave.toml > said 2>&1 & burgrave=$!
trap 'kill $names $burgrave 2>/dev/null' EXIT
ask() { curl -s -o /dev/null -w '%{http_code}\n' --noproxy '*' --max-time 20 --interface "$1" http://203.0.113.1:8080/; }
for try in $(seq 600); do [ "$(ask 127.0.0.1)" != 000 ] && break; sleep 0.05; done
for try in $(seq 600); do grep -q ready asked && break; sleep 0.05; done
ask 203.0.113.3; ask 203.0.113.2; ask 203.0.113.2; ask 127.0.0.1
kill $names; wait $names || true
ask 203.0.113.2; ask 203.0.113.3; ask 203.0.113.4
"#;

#[test]
fn clients_on_a_list_are_refused_and_so_are_those_that_nobody_was_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    // The gateway's account has to come in.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let at = folder.path().display();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("www")).unwrap();
    put("www/index.html", "<p>in</p>");
    put("name_server.py", NAME_SERVER);
    put(
        "resolv.conf",
        "nameserver 127.0.0.1\noptions timeout:1 attempts:1\nsearch wrong.example\n",
    );
    put("hosts", "127.0.0.1 localhost\n");
    put(
        "list.conf",
        "SecRuleEngine On\nSecRule REMOTE_ADDR \"@rbl bad.example.org\" \"id:1,phase:1,deny,status:403,capture,msg:'on a list: %{TX.0}'\"\n",
    );
    put(
        "burgrave.toml",
        &format!(
            "state = \"{at}/state\"\n[log]\naccess = \"{at}/access.ndjson\"\n[rules]\ninclude = [\"{at}/list.conf\"]\nblock_lists = true\n\
             [[listen]]\naddress = \"0.0.0.0:8080\"\n[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"{at}/www\" }}\n"
        ),
    );
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(folder.path())
        .arg(support::PROGRAM)
        .output()
        .unwrap();
    if !output.status.success() && support::stderr(&output).contains("Operation not permitted") {
        println!("SKIPPED: no namespaces may be made here");
        return;
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let all = String::from_utf8(output.stdout.clone()).unwrap();
    let statuses: Vec<&str> = all.lines().collect();
    let log = read("access.ndjson");
    assert_eq!(
        statuses,
        ["200", "403", "403", "200", "403", "200", "503"],
        "{}\n{}\n{log}",
        support::stderr(&output),
        read("said")
    );
    assert!(log.contains("on a list: 127.0.0.4"), "{log}");
    // A client once, from the root on, and never one of this machine.
    let asked = read("asked");
    assert_eq!(asked.matches("2.113.0.203.bad.example.org").count(), 1, "{asked}");
    assert!(!asked.contains("wrong.example") && !asked.contains("127.bad"), "{asked}");
}

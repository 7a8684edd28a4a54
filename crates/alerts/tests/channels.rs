//! Each kind of channel takes messages, and says what it does not take: webhooks, commands, syslog.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod support;

use burgrave_alerts::{Channel, Event, Failure, Message, State};
use burgrave_model::Topic;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::Ordering;
use support::{Receiver, rules, secret};

/// A message with two alerts.
fn message() -> Message {
    let rules = rules("[[alert]]\nto = \"command:/x\"\ngroup_wait = \"0s\"\n");
    let mut state = State::new("name".to_owned());
    for job in ["one", "two"] {
        state.take(&Event::new(5, Topic::BackupFailed, job, "it failed", "no space"), 5);
    }
    state.tick(&rules, 6);
    state.queue.values().next().unwrap().clone()
}

fn send(channel: &Channel, message: &Message) -> Result<(), Failure> {
    channel.send(message, &mut |_| {})
}

fn channel(text: &str) -> Channel {
    let rules = rules(text);
    Channel::new(&rules.channels[0], "host").unwrap()
}

#[test]
fn a_webhook_takes_a_message_once_it_says_so() {
    let receiver = Receiver::start();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    secret(&token, "hunter2\n");
    let channel = channel(&format!(
        "[[alert]]\nto = \"http://{}/in\"\npassword_file = {token:?}\n",
        receiver.address
    ));
    send(&channel, &message()).unwrap();
    let requests = receiver.received();
    assert_eq!((requests.len(), requests[0].path.as_str()), (1, "/in"));
    assert_eq!(requests[0].header("authorization"), "Bearer hunter2");
    assert_eq!(requests[0].header("idempotency-key"), "name-1-0");
    assert_eq!(requests[0].body["alerts"].as_array().unwrap().len(), 2);
    for status in [301, 400, 429, 500] {
        receiver.status.store(status, Ordering::SeqCst);
        let failure = send(&channel, &message()).unwrap_err();
        assert!(failure.why.contains(&format!("the server answers {status}")), "{failure:?}");
        assert!(!failure.why.contains("hunter2"));
    }
    // A secret that others may read from now on is not sent any more.
    std::fs::set_permissions(&token, PermissionsExt::from_mode(0o644)).unwrap();
    let failure = send(&channel, &message()).unwrap_err();
    assert!(failure.why.contains("may be used by others"), "{failure:?}");
}

#[test]
fn what_was_taken_of_a_message_is_not_sent_again() {
    let receiver = Receiver::start();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    secret(&key, "routing");
    let channel = channel(&format!(
        "[[alert]]\nto = \"http://{}\"\ntemplate = \"pagerduty\"\npassword_file = {key:?}\n",
        receiver.address
    ));
    let half = Message { parts: 1, ..message() };
    send(&channel, &half).unwrap();
    let requests = receiver.received();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].body["payload"]["component"], half.items[1].subject.as_str());
    receiver.status.store(500, Ordering::SeqCst);
    assert_eq!(send(&channel, &half).unwrap_err().parts, 1);
    assert_eq!(send(&channel, &message()).unwrap_err().parts, 0);
}

#[test]
fn a_server_that_is_not_there_ends_the_attempt() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let channel = channel(&format!("[[alert]]\nto = \"http://{gone}\"\n"));
    assert!(send(&channel, &message()).is_err());
}

#[test]
fn a_command_reads_the_message_and_takes_it_by_its_exit() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let put = |script: &str| {
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    };
    let to = format!("to = \"command:{}\"\narguments = [\"$(id)\", \"b\"]", program.display());
    put("/bin/cat > \"$0.out\"; echo \"$1\" > \"$0.args\"");
    let channel = channel(&format!("[[alert]]\n{to}\n"));
    send(&channel, &message()).unwrap();
    let out = std::fs::read(folder.path().join("program.out")).unwrap();
    let out: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&out["id"], &out["host"]), (&"name-1".into(), &"host".into()));
    let args = std::fs::read_to_string(folder.path().join("program.args")).unwrap();
    assert_eq!(args, "$(id)\n", "there is no shell");
    put("echo no >&2; exit 3");
    let failure = send(&channel, &message()).unwrap_err();
    assert!(failure.why.contains("Exit(3)") && failure.why.contains("no"), "{failure:?}");
    let rules = rules(&format!("[[alert]]\nto = \"command:{}\"\n", folder.path().display()));
    assert!(Channel::new(&rules.channels[0], "h").is_err(), "a folder is no program");
}

#[test]
fn syslog_gets_a_datagram_an_alert() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let local = UnixDatagram::bind(&path).unwrap();
    let unix = channel(&format!("[[alert]]\nto = \"syslog:unix:{}\"\n", path.display()));
    send(&unix, &message()).unwrap();
    let remote = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = remote.local_addr().unwrap();
    send(&channel(&format!("[[alert]]\nto = \"syslog:udp://{address}\"\n")), &message()).unwrap();
    for item in message().items {
        let mut bytes = [0; 4096];
        let length = local.recv(&mut bytes).unwrap();
        let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
        assert!(text.starts_with("<27>burgrave: high: it failed"), "{text}");
        assert!(text.contains(&item.subject), "{text}");
    }
    let mut bytes = [0; 4096];
    let length = remote.recv(&mut bytes).unwrap();
    assert!(bytes[..length].starts_with(b"<27>1 1970-01-01T00:00:00"));
    drop(local);
    std::fs::remove_file(&path).unwrap();
    let gone = channel(&format!("[[alert]]\nto = \"syslog:unix:{}\"\n", path.display()));
    assert_eq!(send(&gone, &message()).unwrap_err().parts, 0);
}

//! Mail to a real server: aiosmtpd, with STARTTLS, a sign-in, and what goes wrong with either.
//!
//! Needs the package python3-aiosmtpd, and tells when it is skipped without it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod support;

use burgrave_alerts::{Channel, Event, Failure, Message, Service, Spool, State};
use burgrave_model::Topic;
use burgrave_sys::wall_clock;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::{rules, secret, until};

/// A server that files what it takes, a JSON object a message, and says its port.
const SERVER: &str = r#"
import asyncio, json, os, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
out, certificate, key, mode = sys.argv[1:5]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
count = 0
class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                "user": session.auth_data, "text": envelope.content.decode("utf-8", "replace")}
        name = os.path.join(out, "%d.json" % count)
        with open(name + ".new", "w") as file:
            json.dump(mail, file)
        os.rename(name + ".new", name)
        return "250 taken"
def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"burgrave", b"hunter2")
    return AuthResult(success=good, auth_data=data.login.decode() if good else None, handled=False)
def make():
    tls = context if mode == "starttls" else None
    return SMTP(Handler(), hostname="mail.test", tls_context=tls, require_starttls=mode == "starttls",
                authenticator=authenticate, auth_required=mode == "starttls", auth_require_tls=mode == "starttls")
async def main():
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0,
        ssl=context if mode == "wrapped" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// `None` without the package, which is said.
    fn start(mode: &str) -> Option<Self> {
        let has = Command::new("/usr/bin/python3").args(["-c", "import aiosmtpd"]).output();
        if !has.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: no package python3-aiosmtpd");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("ca.pem"), pair.cert.pem()).unwrap();
        std::fs::write(path("key.pem"), pair.signing_key.serialize_pem()).unwrap();
        std::fs::write(path("server.py"), SERVER).unwrap();
        secret(&path("password"), "hunter2\n");
        std::fs::create_dir(path("out")).unwrap();
        let mut child = Command::new("/usr/bin/python3")
            .args([path("server.py"), path("out"), path("ca.pem"), path("key.pem")])
            .arg(mode)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Some(Self { child, port, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A channel to it with more lines.
    fn config(&self, scheme: &str, more: &str) -> String {
        format!(
            "[[alert]]\nto = \"{scheme}://127.0.0.1:{}\"\nfrom = \"Burgrave <burgrave@example.com>\"\n\
             recipients = [\"ops@example.com\", \"second@example.com\"]\ngroup_wait = \"0s\"\n{more}\n",
            self.port
        )
    }

    fn signed_in(&self) -> String {
        let (password, ca) = (self.path("password"), self.path("ca.pem"));
        let (password, ca) = (password.display(), ca.display());
        format!("user = \"burgrave\"\npassword_file = \"{password}\"\nca = \"{ca}\"")
    }

    fn taken(&self) -> Vec<serde_json::Value> {
        let names =
            std::fs::read_dir(self.path("out")).unwrap().flatten().map(|entry| entry.path());
        let mut names: Vec<PathBuf> =
            names.filter(|name| name.extension().is_some_and(|end| end == "json")).collect();
        names.sort();
        names
            .iter()
            .map(|name| serde_json::from_slice(&std::fs::read(name).unwrap()).unwrap())
            .collect()
    }
}

fn message() -> Message {
    let rules = rules("[[alert]]\nto = \"command:/x\"\ngroup_wait = \"0s\"\n");
    let mut state = State::new("name".to_owned());
    let title = "backup `börse`\r\nBcc: evil@example.com failed";
    state.take(&Event::new(5, Topic::BackupFailed, "job", title, ".\r\n.\r\nQUIT"), 5);
    state.tick(&rules, 6);
    state.queue.values().next().unwrap().clone()
}

fn send(text: &str) -> Result<(), Failure> {
    Channel::new(&rules(text).channels[0], "host.test").unwrap().send(&message(), &mut |_| {})
}

#[test]
fn mail_goes_over_starttls_after_a_sign_in() {
    let Some(server) = Server::start("starttls") else { return };
    let text = server.config("smtp", &server.signed_in());
    send(&text).unwrap();
    send(&text).unwrap();
    let taken = server.taken();
    assert_eq!(taken.len(), 2);
    let mail = &taken[0];
    assert_eq!((&mail["tls"], &mail["user"]), (&true.into(), &"burgrave".into()));
    assert_eq!(mail["from"], "burgrave@example.com");
    assert_eq!(mail["to"], serde_json::json!(["ops@example.com", "second@example.com"]));
    let content = mail["text"].as_str().unwrap();
    let (head, body) = content.split_once("\r\n\r\n").unwrap();
    for line in ["Message-ID: <name-1@burgrave.host.test>", "Auto-Submitted: auto-generated"] {
        assert!(head.contains(line), "{head}");
    }
    assert!(!head.to_lowercase().contains("\r\nbcc:"), "{head}");
    assert!(body.contains("burgrave alert ack"), "{body}");
    assert_eq!(taken[0]["text"], taken[1]["text"], "a repeat is the same to the last letter");
}

#[test]
fn nothing_is_sent_in_the_clear_or_to_whom_nobody_vouches_for() {
    let Some(server) = Server::start("starttls") else { return };
    let (password, other) = (server.path("password"), server.path("other.pem"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&other, made.cert.pem()).unwrap();
    let sign_in = format!("user = \"burgrave\"\npassword_file = {password:?}\n");
    // Another's authority, the machine's own ones, and then a wrong password.
    for more in [format!("{sign_in}ca = {other:?}"), sign_in] {
        let why = send(&server.config("smtp", &more)).unwrap_err().why;
        assert!(why.contains("certificate") && !why.contains("hunter2"), "{why}");
    }
    secret(&password, "wrong");
    let failure = send(&server.config("smtp", &server.signed_in())).unwrap_err();
    assert!(failure.why.contains("535"), "{failure:?}");
    assert!(server.taken().is_empty());
    drop(server);
    // One that does not offer it.
    let Some(plain) = Server::start("plain") else { return };
    let failure = send(&plain.config("smtp", &plain.signed_in())).unwrap_err();
    assert!(failure.why.to_lowercase().contains("starttls"), "{failure:?}");
    assert!(plain.taken().is_empty());
    send(&plain.config("smtp", "tls = false")).unwrap();
    assert_eq!(plain.taken()[0]["tls"], false);
}

#[test]
fn tls_from_the_first_byte_is_spoken_too() {
    let Some(server) = Server::start("wrapped") else { return };
    let ca = server.path("ca.pem");
    send(&server.config("smtps", &format!("ca = {ca:?}"))).unwrap();
    assert_eq!(server.taken().len(), 1);
}

#[test]
fn what_the_server_refuses_is_said_and_addresses_are_looked_at_first() {
    let Some(server) = Server::start("plain") else { return };
    let text = server.config("smtp", "tls = false").replace("second@", "nobody@");
    let failure = send(&text).unwrap_err();
    assert!(failure.why.contains("no such mailbox"), "{failure:?}");
    assert!(server.taken().is_empty());
    let text = server.config("smtp", "tls = false").replace("second@", "a b@");
    let error = Channel::new(&rules(&text).channels[0], "h").unwrap_err().to_string();
    assert!(error.contains("no mail address"), "{error}");
}

#[test]
fn a_server_that_comes_back_gets_what_waited() {
    let Some(server) = Server::start("starttls") else { return };
    let state = tempfile::tempdir().unwrap();
    let event = Event::new(wall_clock().0, Topic::DrillFailed, "job", "the drill fell", "");
    Spool::open(state.path()).unwrap().raise(&[event]).unwrap();
    // It refuses while the password is wrong.
    secret(&server.path("password"), "wrong");
    let rules = rules(&server.config("smtp", &server.signed_in()));
    let start = |path: &Path| Service::start(path, &rules, "host.test", &mut |_| {}).unwrap();
    let mut service = start(state.path());
    let mut warned = false;
    until("a warning", || {
        service.turn(&mut |said| warned |= format!("{said:?}").contains("has not taken")).unwrap();
        warned
    });
    secret(&server.path("password"), "hunter2");
    until("it is taken", || {
        service.turn(&mut |_| {}).unwrap();
        server.taken().len() == 1
    });
    assert!(server.taken()[0]["text"].as_str().unwrap().contains("critical: the drill fell"));
}

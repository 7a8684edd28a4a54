//! Another machine that sends its log over TLS: with a certificate it is heard, and without one nobody is banned by it.

use crate::firewall::net::{HOST, Net, Space};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

const WATCH: &str = "[[watch]]\nservice = \"sshd\"\nban = { after = 3 }\nsource = { syslog = \"tls://10.9.0.1:6514\", \
                     certificate = \"DIR/own.pem\", key = \"DIR/own.key\", client_ca = \"DIR/ca.pem\" }\n";

/// An authority, and a certificate of it with its key, as files.
pub fn certify(folder: &Path, ca: &str, names: &[&str]) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.join(format!("{ca}.pem")), authority.pem()).unwrap();
    for name in names {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![format!("{name}.test"), HOST.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        let file = folder.join(format!("{name}.key"));
        std::fs::write(&file, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// Sends failures of an address; `shown`: as whom.
fn send(net: &Net, from: &Space, shown: Option<&str>, ip: &str) {
    let at = |name: String| net.folder.path().join(name).display().to_string();
    let mut command = from.command("timeout");
    command.args(["2", "openssl", "s_client", "-quiet", "-connect", &format!("{HOST}:6514")]);
    if let Some(name) = shown {
        command.args(["-cert", &at(format!("{name}.pem")), "-key", &at(format!("{name}.key"))]);
    }
    let command = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let date = Command::new("date").args(["-u", "+%b %e %H:%M:%S"]).output().unwrap();
    let date = String::from_utf8(date.stdout).unwrap();
    for number in 0..3 {
        let line = format!("sshd[{number}]: Failed password for root from {ip} port 5 ssh2");
        // Who is turned away may not take it any more.
        drop(writeln!(stdin, "<38>{} other {line}", date.trim_end()));
    }
    // The program ends by its time, so that what it has sent is read first.
    child.wait().unwrap();
    drop(stdin);
}

#[test]
fn who_has_a_certificate_is_heard_from_another_machine_and_nobody_else() {
    if !Path::new("/usr/bin/openssl").exists() {
        eprintln!("SKIPPED: the sender is the program openssl");
        return;
    }
    let Some(mut net) = Net::new(WATCH) else { return };
    certify(net.folder.path(), "ca", &["own", "sender"]);
    certify(net.folder.path(), "other", &["stranger"]);
    net.start();
    send(&net, &net.attacker, None, "10.9.0.3");
    send(&net, &net.attacker, Some("stranger"), "10.9.0.3");
    assert_eq!(net.said("banned"), 0);
    assert!(net.innocent.reaches(HOST, 8080));
    // However long it takes to say it.
    net.until("the attacker is banned", |net| {
        send(net, &net.innocent, Some("sender"), "10.9.0.2");
        net.said("banned 10.9.0.2") > 0
    });
    assert!(!net.attacker.reaches(HOST, 8080) && net.innocent.reaches(HOST, 8080));
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let Some(net) = Net::new(WATCH) else { return };
    certify(net.folder.path(), "ca", &["own"]);
    let key = net.folder.path().join("own.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = std::fs::File::create(net.folder.path().join("said")).unwrap();
    let mut child = net.host.command(crate::support::PROGRAM);
    let mut child = child.args(["run", "--config", &net.config()]).stderr(said).spawn().unwrap();
    net.until("it is said", |net| net.said("may be used by others than its owner") > 0);
    drop((child.kill(), child.wait()));
}

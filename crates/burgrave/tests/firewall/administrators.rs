//! An administrator's sign-in from a country that the account never came from is told, across restarts.

use crate::firewall::WATCH;
use crate::firewall::net::{Net, append};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// A database of places with a few addresses, made by others for tests.
fn database() -> Option<String> {
    let shared = std::env::var("BURGRAVE_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
    let file = Path::new(&shared).join("seclang/data/GeoIP2-City-Test.mmdb");
    let file = file.canonicalize().ok();
    if file.is_none() {
        println!("SKIPPED: there is no database of places in BURGRAVE_SHARED");
    }
    Some(file?.display().to_string())
}

fn signs_in(net: &Net, user: &str, ip: &str) {
    let date = Command::new("date").args(["-u", "+%b %e %H:%M:%S"]).output().unwrap();
    let date = String::from_utf8(date.stdout).unwrap();
    let mut log = append(net.folder.path().join("auth.log"));
    let date = date.trim_end();
    writeln!(
        log,
        "{date} h sshd[7]: Accepted publickey for {user} from {ip} port 5 ssh2: ED25519 SHA256:x"
    )
    .unwrap();
}

#[test]
fn an_administrator_from_another_country_is_told_once() {
    let Some(file) = database() else { return };
    let own = format!("[administrators]\naccounts = [\"root\"]\ndatabases = [\"{file}\"]\n{WATCH}");
    let Some(mut net) = Net::new(&own) else { return };
    net.start();
    let told = |net: &Net| net.said("login-from-new-country");
    // From a country that the file does not know, twice; and somebody else from Brazil.
    signs_in(&net, "root", "81.2.69.142");
    signs_in(&net, "root", "2.125.160.216");
    signs_in(&net, "guest", "200.249.12.31");
    signs_in(&net, "root", "200.249.12.31");
    net.until("it is told", |net| told(net) > 0);
    assert_eq!(net.said("login-from-new-country by 200.249.12.31: `root` at sshd from BR"), 1);
    // What was learned is kept.
    net.until("kept", |net| {
        let kept = net.folder.path().join("state/firewall/origins.json");
        std::fs::read_to_string(kept).is_ok_and(|text| text.contains("\"BR\""))
    });
    net.stop("-KILL");
    net.start();
    signs_in(&net, "root", "200.249.12.99");
    signs_in(&net, "root", "81.2.69.142");
    // All before was read when this is told.
    net.fail("10.9.0.2", 3);
    net.until("all is read", |net| net.said("banned 10.9.0.2") == 1);
    assert_eq!(told(&net), 1);
}

#[test]
fn a_database_that_is_none_is_refused_before_anything_begins() {
    let own =
        format!("[administrators]\naccounts = [\"root\"]\ndatabases = [\"DIR/auth.log\"]\n{WATCH}");
    let Some(net) = Net::new(&own) else { return };
    let mut command = net.host.command(crate::support::PROGRAM);
    let checked = command.args(["check", "--config", &net.config()]).output().unwrap();
    let said = crate::support::stderr(&checked);
    assert!(
        checked.status.code() == Some(2) && said.contains("auth.log` cannot be used"),
        "{said}"
    );
}

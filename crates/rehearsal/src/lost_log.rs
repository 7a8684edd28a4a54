//! An intruder who stops a log, or takes it away: people are told.

use crate::program::Running;
use crate::stage::{Stage, Who};
use crate::{evidence, not_proven};
use burgrave_config::{Settings, Source};
use burgrave_model::{Evidence, Outcome};
use burgrave_sys::{
    Access, Live, System as _, make_own_directory, read_own, remove_own, replace_own,
};
use std::path::Path;
use std::time::{Duration, Instant};

/// From the end of the log's patience to the alert.
const TOLD_TIME: Duration = Duration::from_secs(15);
const ALERTS_BYTES_MAX: u64 = 1 << 20;

/// Whether a log that goes silent or away is told to people.
pub fn lost_log(settings: &Settings, program: &Path) -> Vec<Evidence> {
    let mut all = in_force(settings);
    match play(program) {
        Ok(mut seen) => all.append(&mut seen),
        Err(why) => all.push(not_proven("set a stage of network namespaces", why)),
    }
    all
}

/// Whether there is somebody to be told, and every log can be read now.
fn in_force(settings: &Settings) -> Vec<Evidence> {
    let did = "looked for somebody to be told";
    let told = if settings.alerts.channels.is_empty() {
        let saw = "there is no [[alert]]: it is said on standard error alone";
        evidence(did, saw, Outcome::Fell)
    } else {
        evidence(did, format!("{} [[alert]]", settings.alerts.channels.len()), Outcome::Held)
    };
    let mut all = vec![told];
    for watch in &settings.watch {
        let Source::File(path) = &watch.source else { continue };
        let did = format!("looked for the log `{}`", path.display());
        all.push(match Live.metadata(path) {
            Ok(_) => evidence(did, "it is there", Outcome::Held),
            Err(error) => evidence(did, error.to_string(), Outcome::Fell),
        });
    }
    all
}

fn play(program: &Path) -> Result<Vec<Evidence>, String> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let dir = folder.path();
    let log = dir.join("auth.log");
    let put = |path: &Path, text: &str| {
        replace_own(path, text.as_bytes(), Access::All).map_err(|error| error.to_string())
    };
    put(&log, "")?;
    put(&dir.join("burgrave.toml"), &configuration(dir))?;
    let ready = ["watching 1 log(s)"];
    let _running = Running::start(&stage, program, &dir.join("burgrave.toml"), &ready)?;
    let silent =
        told(dir, "source.silent", "wrote nothing to a log for longer than it may be silent");
    remove_own(&log).map_err(|error| error.to_string())?;
    make_own_directory(&log).map_err(|error| error.to_string())?;
    Ok(vec![silent, told(dir, "source.unreadable", "put a directory in a log's place")])
}

/// Whether an alert of a topic arrives.
fn told(dir: &Path, topic: &str, did: &str) -> Evidence {
    let start = Instant::now();
    while start.elapsed() < TOLD_TIME {
        let arrived = read_own(&dir.join("told"), ALERTS_BYTES_MAX).unwrap_or_default();
        if arrived.windows(topic.len()).any(|part| part == topic.as_bytes()) {
            let saw = format!("told as `{topic}` after {:.1} s", start.elapsed().as_secs_f64());
            return evidence(did, saw, Outcome::Held);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    evidence(did, format!("nobody is told within {} s", TOLD_TIME.as_secs()), Outcome::Fell)
}

fn configuration(dir: &Path) -> String {
    format!(
        "state = \"{0}/state\"\n[[listen]]\naddress = \"{1}:8080\"\n[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"{0}\" }}\n\
         [[watch]]\nservice = \"sshd\"\nsource = {{ file = \"{0}/auth.log\" }}\nsilent_after = \"1s\"\n\
         [[alert]]\nto = \"command:/bin/sh\"\narguments = [\"-c\", \"/bin/cat >> {0}/told\"]\ngroup_wait = \"0s\"\ngroup_interval = \"0s\"\n",
        dir.display(),
        Who::Stranger.machine(true),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_to_be_told_falls() {
        let mut settings = Settings::new("/x".into());
        let outcome = |settings: &Settings| in_force(settings)[0].outcome;
        assert_eq!(outcome(&settings), Outcome::Fell);
        let own = burgrave_config::parse(&configuration(Path::new("/nowhere"))).unwrap();
        settings.alerts = own.alerts.clone();
        assert_eq!(outcome(&settings), Outcome::Held);
        assert_eq!(in_force(&own)[1].outcome, Outcome::Fell, "a log that is not there");
    }
}

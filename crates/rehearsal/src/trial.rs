//! Rules on trial that nobody confirms: those before come back, by nobody's doing.

use crate::stage::{Reach, Stage, Who};
use crate::{evidence, not_proven};
use burgrave_agent::{Applied, apply};
use burgrave_config::{Allow, Firewall, Protocol, Settings};
use burgrave_model::{Evidence, Outcome};
use burgrave_sys::chain;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

const PORT: u16 = 40_022;
const TRIAL: Duration = Duration::from_secs(2);
/// By so much it may end late.
const LATE: Duration = Duration::from_secs(1);

/// Whether a trial ends by itself.
pub fn trial_ends() -> Vec<Evidence> {
    match play() {
        Ok(seen) => seen,
        Err(why) => vec![not_proven("set a stage of network namespaces", why)],
    }
}

fn play() -> Result<Vec<Evidence>, String> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let listening = stage.machine.run(|| TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT)));
    let _listening = listening.ok_or("a thread is gone")?.map_err(|error| error.to_string())?;
    let door = SocketAddr::new(Who::Stranger.machine(true), PORT);
    put(&stage, folder.path(), true, Duration::ZERO)?;
    if stage.reach(Who::Stranger, door) != Reach::Open {
        return Err("rules that open a port do not open it".to_owned());
    }
    put(&stage, folder.path(), false, TRIAL)?;
    let did =
        format!("put rules on trial for {} s that shut the operator's own door", TRIAL.as_secs());
    let is_shut = |reach| reach != Reach::Open;
    if stage.until(Who::Stranger, door, is_shut, LATE).is_none() {
        return Ok(vec![not_proven(&did, "they do not shut it")]);
    }
    // Nothing of ours runs now that could end it.
    let back = stage.until(Who::Stranger, door, |reach| reach == Reach::Open, TRIAL + LATE);
    Ok(vec![match back {
        Some(time) => {
            let saw = format!(
                "shut, and open again {:.1} s later with nobody's help",
                time.as_secs_f64()
            );
            evidence(did, saw, Outcome::Held)
        }
        None => evidence(did, "it stays shut", Outcome::Fell),
    }])
}

fn put(stage: &Stage, folder: &Path, is_open: bool, time: Duration) -> Result<(), String> {
    let mut settings = Settings::new(folder.to_path_buf());
    let opening = Allow { port: PORT, from: Vec::new(), protocol: Protocol::Tcp };
    settings.firewall = Some(Firewall {
        enabled: true,
        allow: if is_open { vec![opening] } else { Vec::new() },
        port_scans: false,
        egress: Vec::new(),
    });
    let applied = stage.machine.run(move || apply(&settings, time)).ok_or("a thread is gone")?;
    let applied = applied.map_err(|error| chain(&error))?;
    let wanted = if time.is_zero() { Applied::ForGood } else { Applied::OnTrial(time) };
    if applied == wanted { Ok(()) } else { Err(format!("an apply came to {applied:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_ends() {
        let seen = trial_ends();
        let [only] = &seen[..] else { panic!("{seen:?}") };
        if only.saw.contains("needs root") {
            println!("SKIPPED: {}", only.saw);
            return;
        }
        assert_eq!(only.outcome, Outcome::Held, "{only:?}");
    }
}

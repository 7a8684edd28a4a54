//! Puts the firewall's rules in force, with a way back that needs nobody alive: the kernel itself lets a
//! trial end, and here only the names are put in order afterwards.

use crate::error::AgentError;
use crate::home::Home;
use crate::kernel::Kernel;
use burgrave_config::{Protocol, Settings};
use burgrave_firewall::{Desired, Listener, Plan, base, confirmed, listeners, removed, trial};
use burgrave_sys::{Live, System as _};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// What is read of a table of sockets.
const TABLE_BYTES_MAX: u64 = 64 << 20;
/// Says in the script on trial that there was no table before.
const FRESH: &str = "# there was no table before\n";

/// What an apply came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// On trial for so long.
    OnTrial(Duration),
    /// For good.
    ForGood,
}

/// What a confirmation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The rules on trial are in force for good.
    ForGood,
    /// The trial had ended: the rules before are in force.
    TooLate,
    /// Nothing was on trial.
    Nothing,
}

/// What would change, and what to know. `connection`: what ssh says of the session (`SSH_CONNECTION`).
pub fn plan(settings: &Settings, connection: Option<&str>) -> Result<Plan, AgentError> {
    let home = Home::open(&settings.state)?;
    let mut kernel = Kernel::open(&home)?;
    let desired = Desired::of(settings);
    let listening = observed()?;
    let listed = kernel.listing()?;
    let mut plan = burgrave_firewall::plan(&desired, listed.as_ref(), &listening);
    if kernel.is_on_trial()? {
        plan.warnings
            .push("other rules are on trial: `burgrave firewall confirm` or `rollback`".to_owned());
    }
    if desired.enabled && kernel.has_docker() {
        plan.warnings.push(
            "Docker has rules of its own: ports that it publishes are forwarded, and not closed by these rules"
                .to_owned(),
        );
    }
    if let Some(peer) =
        connection.filter(|_| desired.enabled).and_then(|text| cut_off(&desired, text))
    {
        plan.warnings.push(peer);
    }
    Ok(plan)
}

/// A warning when no rule lets in the session that this was asked over.
fn cut_off(desired: &Desired, connection: &str) -> Option<String> {
    let words: Vec<&str> = connection.split(' ').collect();
    let [peer, _, to, port] = words[..] else { return None };
    let (peer, to): (IpAddr, IpAddr) = (peer.parse().ok()?, to.parse().ok()?);
    let port: u16 = port.parse().ok()?;
    let lets = desired.openings.iter().any(|opening| {
        opening.protocol == Protocol::Tcp
            && opening.port == port
            && opening.to.is_none_or(|own| own == to || own.is_unspecified())
            && (opening.from.is_empty() || opening.from.iter().any(|own| own.contains(peer)))
    });
    (!lets).then(|| {
        format!(
            "no rule lets {peer} in at port {port}, where this ssh session comes from: `allow` it"
        )
    })
}

/// Who listens on this machine.
fn observed() -> Result<Vec<Listener>, AgentError> {
    let mut all = Vec::new();
    for (name, protocol) in [
        ("tcp", Protocol::Tcp),
        ("tcp6", Protocol::Tcp),
        ("udp", Protocol::Udp),
        ("udp6", Protocol::Udp),
    ] {
        let path = format!("/proc/net/{name}");
        match Live.read(Path::new(&path), TABLE_BYTES_MAX) {
            Ok(bytes) => {
                all.extend(listeners(&String::from_utf8(bytes).unwrap_or_default(), protocol));
            }
            // A kernel without IPv6 has no such table.
            Err(burgrave_sys::SysError::Missing(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(all)
}

/// Puts the configured rules in force: on trial for so long, or with no time for good.
pub fn apply(settings: &Settings, time: Duration) -> Result<Applied, AgentError> {
    let home = Home::open(&settings.state)?;
    let mut kernel = Kernel::open(&home)?;
    let _lock = home.lock()?;
    let desired = Desired::of(settings);
    let script = confirmed(&desired);
    if time.is_zero() {
        kernel.load(&script)?;
        keep(&home, &script)?;
        return Ok(Applied::ForGood);
    }
    let kept = home.script(&home.trial())?;
    let was_fresh = !kept.is_empty() && kept.starts_with(FRESH) && kernel.is_on_trial()?;
    let is_fresh = was_fresh || kernel.listing()?.is_none();
    // Before the rules are in force, so that there is something to confirm when they are.
    home.keep(&home.trial(), &format!("{}{script}", if is_fresh { FRESH } else { "" }))?;
    if let Err(error) = kernel.load(&trial(&desired, time)) {
        home.keep(&home.trial(), "")?;
        return Err(error);
    }
    Ok(Applied::OnTrial(time))
}

/// Keeps the rules on trial for good, if they are still in force.
pub fn confirm(settings: &Settings) -> Result<Confirmed, AgentError> {
    let home = Home::open(&settings.state)?;
    let mut kernel = Kernel::open(&home)?;
    let _lock = home.lock()?;
    let script = home.script(&home.trial())?;
    if script.is_empty() {
        return Ok(Confirmed::Nothing);
    }
    if !kernel.is_on_trial()? {
        clear(&home, &mut kernel)?;
        return Ok(Confirmed::TooLate);
    }
    let script = script.strip_prefix(FRESH).unwrap_or(&script);
    kernel.load(script)?;
    keep(&home, script)?;
    home.keep(&home.trial(), "")?;
    Ok(Confirmed::ForGood)
}

/// The rules in force become those before.
fn keep(home: &Home, script: &str) -> Result<(), AgentError> {
    let before = home.script(&home.rules())?;
    if before != script {
        home.keep(&home.previous(), &before)?;
    }
    home.keep(&home.rules(), script)
}

/// Ends a trial at once, or goes back to the rules before those that were confirmed. Whether it was a trial.
pub fn rollback(settings: &Settings) -> Result<bool, AgentError> {
    let home = Home::open(&settings.state)?;
    let mut kernel = Kernel::open(&home)?;
    let _lock = home.lock()?;
    if !home.script(&home.trial())?.is_empty() {
        clear(&home, &mut kernel)?;
        return Ok(true);
    }
    let before = home.script(&home.previous())?;
    let before = if before.is_empty() { confirmed(&Desired::nothing()) } else { before };
    kernel.load(&before)?;
    keep(&home, &before)?;
    Ok(false)
}

/// Whether a trial was begun that was neither confirmed nor ended since, be its time over or not.
pub fn has_trial(state: &Path) -> Result<bool, AgentError> {
    let home = Home::open(state)?;
    Ok(!home.script(&home.trial())?.is_empty())
}

/// Puts in order what an ended trial has left. Whether there was one.
pub fn settle(state: &Path) -> Result<bool, AgentError> {
    let home = Home::open(state)?;
    let mut kernel = Kernel::open(&home)?;
    let _lock = home.lock()?;
    if home.script(&home.trial())?.is_empty() || kernel.is_on_trial()? {
        return Ok(false);
    }
    clear(&home, &mut kernel)?;
    Ok(true)
}

/// Without a table before and with nobody banned there is none afterwards.
fn clear(home: &Home, kernel: &mut Kernel) -> Result<(), AgentError> {
    let was_fresh = home.script(&home.trial())?.starts_with(FRESH);
    let is_needed = !home.script(&home.rules())?.is_empty();
    if kernel.listing()?.is_some() {
        if was_fresh && !is_needed && kernel.banned()? == 0 {
            kernel.load(&removed())?;
        } else {
            kernel.load(&format!("{}{}", base(), burgrave_firewall::ended()))?;
        }
    }
    home.keep(&home.trial(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allow: &str, connection: &str, is_warned: bool) {
        let text = format!(
            "[firewall]\nallow = [{allow}]\n[[listen]]\naddress = \"127.0.0.1:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = {{ root = \"/srv\" }}\n"
        );
        let desired = Desired::of(&burgrave_config::parse(&text).unwrap());
        assert_eq!(cut_off(&desired, connection).is_some(), is_warned, "{allow} {connection}");
    }

    #[test]
    fn who_would_lock_himself_out_is_warned() {
        let session = "192.0.2.7 50000 198.51.100.1 22";
        check("", session, true);
        check("{ port = 22 }", session, false);
        check("{ port = 22, from = [\"192.0.2.0/24\"] }", session, false);
        check("{ port = 22, from = [\"203.0.113.0/24\"] }", session, true);
        check("{ port = 22, protocol = \"udp\" }", session, true);
        check("{ port = 2222 }", session, true);
        check("", "odd", false);
    }
}

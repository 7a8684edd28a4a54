//! The process that sends the access log elsewhere, as the supervisor starts it.
//!
//! It keeps root's account, for the log is root's, and nothing else of it: it reads the log's folder, writes its own, connects
//! to the collectors' ports, and can start no program.

use super::super::{Exit, raise};
use super::confinement;
use super::serve::READY;
use crate::error::Error;
use crate::{load, output};
use burgrave_config::Settings;
use burgrave_model::Topic;
use burgrave_shipping::{Shipper, Told};
use burgrave_sys::{Channel, Live, confine};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Works until the supervisor is gone.
pub(super) fn run(config: &Path) -> Result<Exit, Error> {
    let supervisor = Channel::of_child().ok_or(Error::NoSupervisor)?;
    let settings = load::settings(&Live, config)?;
    // Refused when the configuration was read.
    let Some(log) = settings.log.access.clone() else { return Ok(Exit::Clean) };
    let shippers = settings.log.ship.iter().map(|ship| Shipper::new(&settings, ship, &log));
    let shippers: Vec<Shipper> = shippers.collect::<Result<_, _>>().map_err(Error::Shipping)?;
    let missing = confine(&confinement::of_shipping(&settings)).map_err(Error::Confine)?;
    for part in missing {
        output::notice(&format!("warning: logs are shipped without {part}"));
    }
    let (is_over, settings) = (Arc::new(AtomicBool::new(false)), Arc::new(settings));
    let mut threads = Vec::new();
    for shipper in shippers {
        let (is_over, settings) = (Arc::clone(&is_over), Arc::clone(&settings));
        let thread = std::thread::Builder::new()
            .name("shipper".to_owned())
            .spawn(move || shipper.run(&is_over, &|told| tell(&settings, &told)));
        threads.push(thread.map_err(|error| Error::Runtime("the shipping of logs", error))?);
    }
    supervisor.send(READY, None).map_err(Error::Sockets)?;
    // It says nothing; an end is the end.
    while let Ok(Some(_)) = supervisor.receive(true) {}
    is_over.store(true, Ordering::Relaxed);
    let has_failed = threads.into_iter().any(|thread| thread.join().is_err());
    Ok(if has_failed { Exit::Unproven } else { Exit::Clean })
}

fn tell(settings: &Settings, told: &Told) {
    let topic = Topic::LogsUnshipped;
    let event = match told {
        Told::Trouble(name, text) => {
            output::notice(&format!("warning: {text}"));
            raise::event(topic, name, &format!("`{name}` does not take lines"), text)
        }
        Told::Better(name) => {
            let text = format!("`{name}` takes lines again");
            output::notice(&text);
            raise::over(topic, name, &text)
        }
    };
    raise::raise(settings, &[event]);
}

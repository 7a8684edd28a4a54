//! A gateway of its own on loopback, with the machine's own settings but for who is in front of it and behind it.
//!
//! Invariants: it listens on loopback alone, on ports that the kernel chooses; what it keeps is in a folder of its own
//! that goes with it; nothing of the machine's own is opened, and no account is changed.

use burgrave_config::Settings;
use burgrave_gateway::Gateway;
use burgrave_prove::{Target, Wire, WireLimits};
use burgrave_sys::chain;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where it listens, as the settings say it.
pub(crate) const FRONT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// See the module. Closed when dropped.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) target: Target,
    gateway: Option<Gateway>,
    _folder: tempfile::TempDir,
}

impl House {
    /// Opens it; `settings` are made when there is a folder.
    pub(crate) fn open(
        settings: impl FnOnce(&Path) -> Result<Settings, String>,
    ) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut settings = settings(folder.path())?;
        let gateway = Gateway::start(settings.clone(), None, 1).map_err(|error| chain(&error))?;
        let real = |address: &mut SocketAddr| {
            *address = gateway.address_of(*address).unwrap_or(*address);
        };
        settings.listeners.iter_mut().for_each(|own| real(&mut own.address));
        settings.streams.iter_mut().for_each(|own| real(&mut own.address));
        let target = Target::from_settings(&settings);
        Ok(Self { target, gateway: Some(gateway), _folder: folder })
    }

    /// Lets time pass for questions and passes of a challenge.
    pub(crate) fn advance_challenges(&self, time: Duration) {
        self.gateway.iter().for_each(|gateway| gateway.advance_challenges(time));
    }

    /// A client that reaches this house alone.
    pub(crate) fn wire(&self) -> Wire {
        let limits = WireLimits {
            connect_time: Duration::from_secs(2),
            answer_time: Duration::from_secs(10),
            ..WireLimits::default()
        };
        Wire::new(&self.target, limits)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.shutdown(Duration::ZERO);
        }
    }
}

/// Between two looks at whether something is so.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits for something, at most for so long: whether it came.
pub(crate) fn until(time: Duration, mut is_done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    loop {
        if is_done() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}

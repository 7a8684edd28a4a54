//! A collector: takes a batch whole, or says why not and gets it again.

use crate::error::ShippingError;
use crate::journal::Journal;
use crate::otlp::Otlp;
use crate::syslog::Syslog;
use burgrave_client::{Tls, Trust};
use burgrave_config::{Settings, Ship, ShipTo};
use std::time::Duration;

/// How long a collector may take.
pub(crate) const PATIENCE: burgrave_client::Patience =
    burgrave_client::Patience { connect: Duration::from_secs(10), idle: Duration::from_secs(30) };

/// Where lines go.
pub(crate) trait Collector: Send {
    /// Hands lines over, each without its end. An error: perhaps some of them are there, and all are to be sent again.
    fn deliver(&mut self, lines: &[Vec<u8>]) -> std::io::Result<()>;
}

/// Reads every file that the collectors need.
///
/// # Errors
///
/// The first that cannot be used.
pub fn check(settings: &Settings) -> Result<(), ShippingError> {
    settings.log.ship.iter().try_for_each(|ship| open(ship).map(drop))
}

/// The collector of a section; connects when it first has to.
pub(crate) fn open(ship: &Ship) -> Result<Box<dyn Collector>, ShippingError> {
    let tls = || -> Result<Option<Tls>, ShippingError> {
        if !ship.to.is_secure() {
            return Ok(None);
        }
        let trust = Trust { ca: ship.ca.clone(), own: ship.own.clone() };
        trust.load().map(Some).map_err(|error| ShippingError::Client(ship.name.clone(), error))
    };
    Ok(match &ship.to {
        ShipTo::Syslog { host, port, .. } => {
            let address = burgrave_client::Address { host: host.clone(), port: *port };
            Box::new(Syslog::new(address, tls()?))
        }
        ShipTo::Journal => Box::new(Journal::new()),
        ShipTo::Otlp(address) => Box::new(Otlp::new(address, tls()?, ship.one_in)),
    })
}

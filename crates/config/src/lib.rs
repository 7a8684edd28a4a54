//! TOML text → checked settings.
//!
//! Parse, don't validate: a [`Settings`] value can be acted upon as it is. [`parse`] reports *all*
//! errors at once, each with line, column, what was found, what is allowed and the nearest known key.
//! A section or value of the contract that this release does not act on is an error, never ignored.
//!
//! Invariants: reads nothing but the text it is given; no file, clock or environment.

mod access;
mod acme;
mod administrators;
mod alert_keys;
mod alerts;
mod audit;
mod backup;
mod backup_address;
mod backup_keys;
mod backup_place;
mod balance;
mod bans;
mod checks;
mod decisions;
mod defence;
mod error;
mod fastcgi;
mod files;
mod firewall;
mod keys;
mod kinds;
mod log_keys;
mod log_settings;
mod names;
mod nearest;
mod parse;
mod place;
mod plain;
mod reference;
mod rules_keys;
mod scan;
mod sections;
mod settings;
mod ship;
mod sink;
mod sites;
mod stream_settings;
mod streams;
mod table;
#[cfg(test)]
mod tests;
mod units;
mod values;
mod watch_keys;
mod watch_settings;
mod watches;

pub use acme::{Acme, AcmeChallenge, AcmeDirectory};
pub use administrators::Administrators;
pub use alerts::{
    AlertChannel, AlertTarget, Alerts, Digest, Escalate, Inhibit, Quiet, SmtpTls, Template,
};
pub use audit::Audit;
pub use backup::{
    Backup, BackupSource, BackupTarget, Database, Drill, DrillCheck, HttpAddress, Identity, Keep,
    Redis, RedisAt, Verify,
};
pub use bans::{Bans, BlockList, Share};
pub use decisions::{Bouncer, Bouncers, Engine};
pub use error::{ConfigError, ConfigErrors};
pub use firewall::{Allow, Egress, Firewall, Protocol};
pub use log_settings::{Log, Rotate};
pub use parse::{TEXT_BYTES_MAX, parse};
pub use place::Place;
pub use reference::reference;
pub use settings::*;
pub use ship::{Ship, ShipTo};
pub use stream_settings::*;
pub use watch_settings::{Ban, Format, Source, Syslog, SyslogTls, Watch};

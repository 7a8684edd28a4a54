//! Channels: one file a kind. Each takes a message whole, or says how much of it and why not.
//!
//! Contract, held by one suite for all: an attempt ends in bounded time; what was taken already is not sent again when
//! the rest is; no secret is in what is said of a failure.

mod command;
mod smtp;
mod syslog;
mod webhook;

use crate::message::Message;
use crate::secret::Secret;
use crate::store::AlertError;
use burgrave_config::{AlertChannel, AlertTarget};
use std::time::Duration;

/// How long a channel may be silent within an attempt.
const IDLE_TIME: Duration = Duration::from_secs(30);
/// Of what a channel says when it refuses.
const SAID_CHARS_MAX: usize = 200;

/// A message, or the rest of it, was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub why: String,
    /// How many of its parts were taken by now.
    pub parts: usize,
}

impl Failure {
    fn of(why: impl std::fmt::Display, parts: usize) -> Self {
        let why: String = why.to_string().chars().take(SAID_CHARS_MAX).collect();
        Self { why: why.escape_debug().to_string(), parts }
    }
}

/// A place that messages go to.
#[derive(Clone, Debug)]
pub struct Channel {
    config: AlertChannel,
    host: String,
}

impl Channel {
    /// By its configuration; `host`: what this machine is called.
    ///
    /// # Errors
    /// When it could never take anything: a secret that cannot be read, an address that is none.
    pub fn new(config: &AlertChannel, host: &str) -> Result<Self, AlertError> {
        let channel = Self { config: config.clone(), host: host.to_owned() };
        let wrong = |why: String| AlertError::Channel { channel: config.name.clone(), why };
        channel.secret()?;
        match &config.to {
            AlertTarget::Smtp { .. } => smtp::check(config).map_err(wrong)?,
            AlertTarget::Webhook(address) => webhook::check(address, config).map_err(wrong)?,
            AlertTarget::Command(program) => command::check(program).map_err(wrong)?,
            AlertTarget::Syslog(_) => {}
        }
        Ok(channel)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Read for every message, so that a new one is taken at once.
    fn secret(&self) -> Result<Option<Secret>, AlertError> {
        self.config.password_file.as_deref().map(Secret::read).transpose()
    }

    /// Sends what was not taken of a message yet. `taken`: told how many of its parts were, where it has parts.
    pub fn send(&self, message: &Message, taken: &mut dyn FnMut(usize)) -> Result<(), Failure> {
        let (config, host) = (&self.config, self.host.as_str());
        let secret = self.secret().map_err(|error| Failure::of(error, message.parts))?;
        let secret = secret.as_ref();
        match &config.to {
            AlertTarget::Smtp { host: server, port, tls } => {
                smtp::send(message, host, config, (server, *port, *tls), secret)
            }
            AlertTarget::Webhook(address) => {
                webhook::send(message, host, config, address, secret, taken)
            }
            AlertTarget::Command(program) => {
                command::send(message, host, program, &config.arguments)
            }
            AlertTarget::Syslog(socket) => syslog::send(message, host, socket, taken),
        }
    }
}

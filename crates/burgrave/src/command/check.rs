//! `burgrave check`: every error at once.

use super::{Exit, raise};
use crate::error::Error;
use crate::{load, output};
use burgrave_alerts::Channel;
use burgrave_gateway::Gateway;
use burgrave_sys::Live;
use std::path::Path;

/// Checks a configuration, its rules and every file that it names, without starting anything.
pub(super) fn run(config: &Path) -> Result<Exit, Error> {
    let system = Live;
    let settings = load::settings(&system, config)?;
    let rules = load::rules(&system, &settings)?;
    for warning in rules.iter().flat_map(|rules| rules.warnings()) {
        output::notice(&format!("warning: {warning}"));
    }
    burgrave_certificates::check(&settings).map_err(Error::Certificates)?;
    burgrave_agent::check(&settings)?;
    burgrave_decisions::check(&settings.bans)?;
    burgrave_shipping::check(&settings).map_err(Error::Shipping)?;
    for channel in &settings.alerts.channels {
        Channel::new(channel, &raise::host())?;
    }
    if !settings.listeners.is_empty() {
        Gateway::check(settings.clone()).map_err(Error::Unusable)?;
    }
    let rules = rules.map_or("no rule engine".to_owned(), |rules| format!("{} rules", rules.len()));
    output::text(&format!(
        "`{}` is in order: {} listener(s), {} site(s), {} backup job(s), {rules}\n",
        config.display(),
        settings.listeners.len(),
        settings.sites.len(),
        settings.backups.len(),
    ))?;
    Ok(Exit::Clean)
}

//! Bans by hand: at once, whatever is watched, and whether or not the agent runs.

use crate::ban::{Ban, Entry};
use crate::error::AgentError;
use crate::home::Home;
use crate::journal::Journal;
use crate::kernel::Kernel;
use crate::shield::Shield;
use crate::watcher::seconds;
use burgrave_config::Settings;
use burgrave_firewall::Desired;
use burgrave_sys::Live;
use burgrave_watch::Target;
use std::time::Duration;

/// Bans by hand, at once.
pub fn ban(
    settings: &Settings,
    target: Target,
    time: Duration,
    reason: &str,
    connection: Option<&str>,
) -> Result<Ban, AgentError> {
    let shield = Shield::of(&Live, &Desired::of(settings).never, connection);
    if let Some(why) = shield.reason(target) {
        return Err(AgentError::Never(target.to_string(), why));
    }
    let home = Home::open(&settings.state)?;
    let mut kernel = Kernel::open(&home)?;
    let mut journal = Journal::open(&home)?;
    {
        let _lock = home.lock()?;
        kernel.ensure()?;
    }
    let now = seconds();
    let mut ban = Ban::by_hand(target, now, time.as_secs().max(1), reason);
    ban.times = journal.book.active(target, now).map_or(1, |before| before.times + 1);
    kernel.ban(&[&ban], &journal.book, now)?;
    journal.append(&[ban.entry()], now)?;
    if journal.book.active(target, now).is_none() {
        return Err(AgentError::Full(journal.book.len()));
    }
    kernel.sync(&journal.book, now)?;
    Ok(ban)
}

/// Lets somebody in again. Whether it was banned.
pub fn unban(settings: &Settings, target: Target) -> Result<bool, AgentError> {
    let home = Home::open(&settings.state)?;
    let mut kernel = Kernel::open(&home)?;
    let mut journal = Journal::open(&home)?;
    let now = seconds();
    let was_banned = journal.book.active(target, now).is_some();
    journal.append(&[Entry::unban(target, now)], now)?;
    let has_table = {
        let _lock = home.lock()?;
        kernel.ensure()
    };
    has_table?;
    if let Target::Address(ip) = target {
        kernel.unban(ip)?;
    }
    kernel.sync(&journal.book, now)?;
    Ok(was_banned)
}

/// Who is banned, those first whose ban ends first, and the time it is.
pub fn bans(settings: &Settings) -> Result<(Vec<Ban>, u64), AgentError> {
    let home = Home::open(&settings.state)?;
    let journal = Journal::open(&home)?;
    let now = seconds();
    let mut all: Vec<Ban> = journal.book.all(now).cloned().collect();
    all.sort_by_cached_key(|ban| (ban.until, ban.target.to_string()));
    Ok((all, now))
}

//! `burgrave firewall`: rules on trial and for good, bans by hand.

mod bans;
mod rules;

use super::Exit;
use crate::cli::Firewall;
use crate::error::Error;
use crate::load;
use burgrave_sys::Live;
use std::path::Path;

/// Runs the command.
pub(super) fn dispatch(config: &Path, command: &Firewall) -> Result<Exit, Error> {
    let settings = load::settings(&Live, config)?;
    let connection = std::env::var("SSH_CONNECTION").ok();
    let connection = connection.as_deref();
    match command {
        Firewall::Plan => rules::plan(&settings, connection),
        Firewall::Apply { yes, confirm_within } => {
            rules::apply(config, &settings, *yes, *confirm_within, connection)
        }
        Firewall::Confirm => rules::confirm(&settings),
        Firewall::Rollback => rules::rollback(&settings),
        Firewall::Settle { after } => rules::settle(&settings, *after),
        Firewall::Ban { target, time, reason } => {
            bans::ban(&settings, target, *time, reason, connection)
        }
        Firewall::Unban { target } => bans::unban(&settings, target),
        Firewall::Bans { format } => bans::list(&settings, *format),
    }
}

//! The process that shares bans with other machines. It speaks to the database and writes the file of bans, from which the
//! agent puts them into the kernel; the agent itself reaches no network.

use super::super::raise::{self, Raiser};
use super::super::{Exit, record};
use super::agent::{banned, wrote};
use super::confinement;
use super::serve::READY;
use crate::error::Error;
use crate::{load, output};
use burgrave_agent::{Shared, Sharer, Shield};
use burgrave_firewall::Desired;
use burgrave_ledger::Scribe;
use burgrave_model::Topic;
use burgrave_sys::{Channel, Live, confine, host_name, make_own_directory, wall_clock};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks at the server.
const PAUSE: Duration = Duration::from_millis(250);
/// After one that failed.
const AWAY: Duration = Duration::from_secs(5);
/// Between two looks at the machine's own addresses.
const SHIELD: Duration = Duration::from_mins(1);

/// Shares until the supervisor is gone.
pub(super) fn run(config: &Path) -> Result<Exit, Error> {
    let supervisor = Channel::of_child().ok_or(Error::NoSupervisor)?;
    let settings = load::settings(&Live, config)?;
    let Some(share) = &settings.bans.share else { return Ok(Exit::Clean) };
    let node = share.node.clone().unwrap_or_else(|| host_name().escape_ascii().to_string());
    let mut sharer = Sharer::new(&settings.state, share, node)?;
    for folder in confinement::agent_folders(&settings) {
        make_own_directory(&folder).map_err(Error::Confine)?;
    }
    for part in confine(&confinement::of_share(&settings, share)).map_err(Error::Confine)? {
        output::notice(&format!("warning: bans are shared without {part}"));
    }
    let raiser = Arc::new(
        Raiser::start(&settings).map_err(|error| Error::Runtime("the alerts' thread", error))?,
    );
    let told = Arc::clone(&raiser);
    let scribe = Scribe::start(&settings.state, move |said| wrote(&said, &told))
        .map_err(|error| Error::Runtime("the ledger's thread", error))?;
    let allowed = Desired::of(&settings).never;
    let of = || Shield::of(&Live, &allowed, None);
    let (mut shield, mut looked) = (of(), Instant::now());
    supervisor.send(READY, None).map_err(Error::Sockets)?;
    while !supervisor.is_closed() {
        if looked.elapsed() >= SHIELD {
            (shield, looked) = (of(), Instant::now());
        }
        let mut is_away = false;
        let now = u64::try_from(wall_clock().seconds()).unwrap_or(0);
        sharer.turn(&shield, now, &mut |shared| {
            is_away = matches!(shared, Shared::Away(_));
            if let Shared::Taken(ban) = &shared {
                scribe.add(record::banned(ban, None));
            }
            raiser.add(match &shared {
                Shared::Away(why) => raise::event(Topic::AgentTrouble, "share", TROUBLE, why),
                Shared::Back => raise::over(Topic::AgentTrouble, "share", "bans are shared again"),
                Shared::Taken(_) | Shared::Freed(..) | Shared::Spared(..) => return tell(&shared),
            });
            tell(&shared);
        })?;
        std::thread::sleep(if is_away { AWAY } else { PAUSE });
    }
    Ok(Exit::Clean)
}

const TROUBLE: &str = "bans are not shared: the database cannot be spoken to";

fn tell(shared: &Shared) {
    output::notice(&match shared {
        Shared::Taken(ban) => {
            format!("{}, by `{}`", banned(ban), ban.origin.as_deref().unwrap_or_default())
        }
        Shared::Freed(target, node) => format!("unbanned {target}, by `{node}`"),
        Shared::Spared(target, why) => format!("not banned: {target} is, or holds, {why}"),
        Shared::Away(why) => format!("warning: {TROUBLE}: {why}"),
        Shared::Back => "bans are shared again".to_owned(),
    });
}

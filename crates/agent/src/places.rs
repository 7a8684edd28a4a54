//! Where administrators come from: their sign-ins in all logs, looked up in files that say where an address is, and
//! remembered across restarts.
//!
//! Invariants: nothing is asked of a network; an address that no file knows and that is no public one says nothing; what was
//! learned is on the disk within a second, and a file of it that makes no sense is told and kept beside.

use crate::error::AgentError;
use crate::home::Home;
use burgrave_config::Administrators;
use burgrave_sys::{Access, SysError, read_own, replace_own};
use burgrave_watch::{Event, Kind, Origins, Place};
use maxminddb::{Reader, geoip2};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::Path;

/// A database.
const DATABASE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// What is remembered: 256 accounts of 64 places.
const KNOWN_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A place that an account came from, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    account: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<u32>,
    /// In seconds since 1970.
    seen: u64,
}

/// A file, and what it knows.
struct Database {
    reader: Reader<Vec<u8>>,
    has_networks: bool,
}

/// See the module.
pub(crate) struct Places {
    databases: Vec<Database>,
    origins: Origins,
    has_news: bool,
}

/// A sign-in to look at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unusual {
    pub(crate) ip: IpAddr,
    pub(crate) words: String,
}

impl Places {
    /// Reads the files, and what was remembered. What makes no sense is given to `tell`.
    pub(crate) fn open(
        from: &Administrators,
        home: &Home,
        tell: &mut dyn FnMut(String),
    ) -> Result<Self, AgentError> {
        let databases: Result<Vec<Database>, AgentError> =
            from.databases.iter().map(|file| database(file)).collect();
        let mut origins = Origins::new(from.accounts.iter().cloned(), from.usual.clone());
        for known in remembered(home, tell)? {
            let country = known.country.and_then(|country| country.into_bytes().try_into().ok());
            origins.restore(&known.account, Place { country, network: known.network }, known.seen);
        }
        Ok(Self { databases: databases?, origins, has_news: false })
    }

    /// Takes an event. What people should know of it.
    pub(crate) fn event(&mut self, event: &Event<'_>, now: u64) -> Option<Unusual> {
        let (Kind::AuthSuccess, Some(ip), Some(user)) = (event.kind, event.ip, event.user) else {
            return None;
        };
        let ip = ip.to_canonical();
        if !self.origins.is_watched(user) || is_inside(ip) {
            return None;
        }
        let place = self.place(ip);
        let news = self.origins.login(user, place, now);
        self.has_news = true;
        let news = news?;
        let (user, service) = (user.escape_ascii(), event.service);
        let words = format!("{} by {ip}: `{user}` at {service} from {place}", news.reason());
        Some(Unusual { ip, words })
    }

    fn place(&self, ip: IpAddr) -> Place {
        let mut place = Place::default();
        for database in &self.databases {
            let Ok(found) = database.reader.lookup(ip) else { continue };
            if database.has_networks {
                let known = found.decode::<geoip2::Asn<'_>>().ok().flatten();
                let known = known.and_then(|known| known.autonomous_system_number);
                place.network = place.network.or(known);
            } else {
                let known = found.decode::<geoip2::Country<'_>>().ok().flatten();
                let code =
                    known.and_then(|known| known.country.iso_code?.as_bytes().try_into().ok());
                place.country = place.country.or(code);
            }
        }
        place
    }

    /// Keeps what is new.
    pub(crate) fn keep(&mut self, home: &Home) -> Result<(), AgentError> {
        if !self.has_news {
            return Ok(());
        }
        let known = |(account, place, seen): (&str, Place, u64)| Known {
            account: account.to_owned(),
            country: place.country.map(|code| code.iter().copied().map(char::from).collect()),
            network: place.network,
            seen,
        };
        let all: Vec<Known> = self.origins.known().map(known).collect();
        // What is made of numbers and strings can always be written.
        let text = serde_json::to_vec(&all).unwrap_or_default();
        replace_own(&home.origins(), &text, Access::Owner)?;
        self.has_news = false;
        Ok(())
    }
}

/// Whether an address is of a network that no database of places is about.
fn is_inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()
                // Between a provider and its customers (RFC 6598).
                || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}

fn database(file: &Path) -> Result<Database, AgentError> {
    let odd = |why: String| AgentError::File { file: file.to_path_buf(), why };
    let content = read_own(file, DATABASE_BYTES_MAX)?;
    let reader = Reader::from_source(content).map_err(|error| odd(error.to_string()))?;
    let kind = &reader.metadata().database_type;
    let is = |words: &[&str]| words.iter().any(|word| kind.contains(word));
    let has_networks = is(&["ASN", "ISP"]);
    if !has_networks && !is(&["Country", "City", "Enterprise"]) {
        let kind: String = kind.chars().take(64).collect();
        return Err(odd(format!(
            "its kind is `{}`: countries, cities or networks (ASN) are read",
            kind.escape_debug()
        )));
    }
    Ok(Database { reader, has_networks })
}

/// Reads the files that a start would read.
pub(crate) fn check(from: &Administrators) -> Result<(), AgentError> {
    from.databases.iter().try_for_each(|file| database(file).map(drop))
}

fn remembered(home: &Home, tell: &mut dyn FnMut(String)) -> Result<Vec<Known>, AgentError> {
    let file = home.origins();
    let bytes = match read_own(&file, KNOWN_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(SysError::Missing(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    match serde_json::from_slice(&bytes) {
        Ok(known) => Ok(known),
        Err(error) => {
            let mut aside = file.clone().into_os_string();
            aside.push(".odd");
            replace_own(Path::new(&aside), &bytes, Access::Owner)?;
            tell(format!(
                "`{}` makes no sense ({error}): where administrators come from is learned anew",
                file.display()
            ));
            Ok(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests;

//! Where lines come from: a file, a unit of the journal, messages of syslog, or packets that rules log.

use crate::error::AgentError;
use crate::nflog::Packets;
use crate::syslog::Receiver;
use crate::unit::Unit;
use burgrave_config::{Source as From, Syslog, SyslogTls};
use burgrave_follow::{Position, Source};
use burgrave_sys::{Changes, SysError, Together};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A log of any kind.
#[derive(Debug)]
pub(crate) enum Origin {
    File(Source),
    Unit(Unit),
    Syslog(Receiver),
    Packets(Packets),
}

/// Where reading ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Mark {
    File(Position),
    Unit { cursor: String },
}

impl Origin {
    pub(crate) fn file(path: &Path, kept: Option<&Mark>, changes: &Changes) -> Self {
        let kept = kept.and_then(|mark| match mark {
            Mark::File(position) => Some(position),
            Mark::Unit { .. } => None,
        });
        let source = Source::open(path, kept);
        source.watch(changes);
        Self::File(source)
    }

    pub(crate) fn unit(name: &str, kept: Option<&Mark>) -> Self {
        let kept = kept.and_then(|mark| match mark {
            Mark::Unit { cursor } => Some(cursor.as_str()),
            Mark::File(_) => None,
        });
        Self::Unit(Unit::open(name, None, kept))
    }

    pub(crate) fn syslog(from: &Syslog, together: &Together) -> Result<Self, AgentError> {
        Ok(Self::Syslog(Receiver::open(from, together)?))
    }

    pub(crate) fn syslog_tls(from: &SyslogTls, together: &Together) -> Result<Self, AgentError> {
        Ok(Self::Syslog(Receiver::open_tls(from, together)?))
    }

    pub(crate) fn packets(group: u16) -> Self {
        Self::Packets(Packets::of(group))
    }

    /// Under which its position is kept, and by which people know it.
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            Self::File(source) => source.path().to_str().map(str::to_owned),
            Self::Unit(unit) => Some(unit.name()),
            Self::Syslog(receiver) => Some(receiver.name().to_owned()),
            Self::Packets(packets) => Some(packets.name()),
        }
    }

    /// Where reading has ended so far; what is sent and not kept has no such place.
    pub(crate) fn mark(&self) -> Option<Mark> {
        match self {
            Self::File(source) => source.position().map(Mark::File),
            Self::Unit(unit) => {
                unit.cursor().map(|cursor| Mark::Unit { cursor: cursor.to_owned() })
            }
            Self::Syslog(_) | Self::Packets(_) => None,
        }
    }

    /// Gives what is new, a line at a time, and whether it is of the past. Whether more is to be had at once.
    pub(crate) fn read(
        &mut self,
        changes: &Changes,
        together: &Together,
        each: impl FnMut(&[u8], bool),
    ) -> Result<bool, SysError> {
        match self {
            Self::File(source) => source.read(changes, each),
            Self::Syslog(receiver) => receiver.read(together, each),
            Self::Packets(packets) => packets.read(together, each),
            Self::Unit(unit) => {
                let read = unit.read(each);
                if let Some(descriptor) = unit.descriptor() {
                    together.add(descriptor)?;
                }
                read
            }
        }
    }
}

/// The name under which a configured source's position is kept.
pub(crate) fn key(source: &From, access: Option<&Path>) -> Option<String> {
    match source {
        From::File(path) => path.to_str().map(str::to_owned),
        From::Gateway => access.and_then(Path::to_str).map(str::to_owned),
        From::Journal(unit) => Some(format!("journal:{unit}")),
        From::Syslog(_) | From::SyslogTls(_) | From::Nflog(_) => None,
    }
}

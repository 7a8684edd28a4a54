//! Packets that rules log to a group of the kernel's, each as a line.
//!
//! Another program may have the group, and this program's own predecessor has it until it has ended: so it is asked for
//! again and again. Packets that come faster than they are read are lost; that is counted, and is trouble until it has
//! not happened for a while.

use crate::packet::{Names, line};
use burgrave_sys::{Logged, PacketLog, SysError, Together};
use std::time::{Duration, Instant};

/// Between two tries to get the group.
const PAUSE: Duration = Duration::from_secs(1);
/// Messages of the kernel in a turn, each with some dozens of packets.
const MESSAGES_MAX: usize = 64;
/// Losses are over when there was none for so long.
const QUIET: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct Packets {
    group: u16,
    log: Option<PacketLog>,
    tried: Option<Instant>,
    losses: Losses,
}

/// Packets that were lost: how many, and when last.
#[derive(Debug, Default)]
struct Losses {
    count: u64,
    last: Option<Instant>,
}

impl Losses {
    /// Takes the count so far. How many there were, while it lasts.
    fn take(&mut self, count: u64, now: Instant) -> Option<u64> {
        if count != self.count {
            (self.count, self.last) = (count, Some(now));
        }
        self.last = self.last.filter(|last| now.saturating_duration_since(*last) < QUIET);
        self.last.map(|_| self.count)
    }
}

impl Packets {
    /// Of a group that is asked for when it is first read.
    pub(crate) fn of(group: u16) -> Self {
        Self { group, log: None, tried: None, losses: Losses::default() }
    }

    pub(crate) fn name(&self) -> String {
        format!("nflog:{}", self.group)
    }

    /// Gives what has come, a line at a time. Whether more is to be had at once.
    pub(crate) fn read(
        &mut self,
        together: &Together,
        mut each: impl FnMut(&[u8], bool),
    ) -> Result<bool, SysError> {
        let mut log = match self.log.take() {
            Some(log) => log,
            None => self.open(together)?,
        };
        let mut is_more = true;
        for _ in 0..MESSAGES_MAX {
            // A group whose reading fails is asked for anew.
            is_more = log.receive(|packet, log| each(&with_names(packet, log), false))?;
            if !is_more {
                break;
            }
        }
        let lost = self.losses.take(log.lost(), Instant::now());
        self.log = Some(log);
        match lost {
            None => Ok(is_more),
            Some(count) => Err(self.trouble(&format!(
                "{count} packets or more have come faster than they were read, and are lost"
            ))),
        }
    }

    fn open(&mut self, together: &Together) -> Result<PacketLog, SysError> {
        if self.tried.is_some_and(|tried| tried.elapsed() < PAUSE) {
            return Err(self.trouble("the kernel has not given it"));
        }
        self.tried = Some(Instant::now());
        let log = PacketLog::open(self.group)?;
        together.add(&log)?;
        self.losses = Losses::default();
        Ok(log)
    }

    fn trouble(&self, why: &str) -> SysError {
        SysError::from_io("reading", self.name(), std::io::Error::other(why.to_owned()))
    }
}

fn with_names(packet: &Logged<'_>, log: &PacketLog) -> Vec<u8> {
    // An interface may be gone already; the packet has come by one all the same.
    let name = |number: Option<u32>| {
        number.map(|number| log.interface(number).unwrap_or_else(|| format!("if{number}")))
    };
    let input = name(packet.input).unwrap_or_default();
    let output = name(packet.output).unwrap_or_default();
    let bridge_input = name(packet.bridge_input).unwrap_or_default();
    let bridge_output = name(packet.bridge_output).unwrap_or_default();
    let names = Names {
        input: &input,
        output: &output,
        bridge_input: &bridge_input,
        bridge_output: &bridge_output,
    };
    line(packet, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_trouble_until_there_was_none_for_a_while() {
        let mut losses = Losses::default();
        let start = Instant::now();
        let mut at = |secs, count| losses.take(count, start + Duration::from_secs(secs));
        assert_eq!(at(0, 0), None);
        assert_eq!(at(1, 7), Some(7));
        assert_eq!(at(10, 7), Some(7));
        assert_eq!(at(11, 7), None);
        assert_eq!(at(12, 9), Some(9));
        assert_eq!(at(21, 10), Some(10));
        assert_eq!(at(30, 10), Some(10));
        assert_eq!(at(31, 10), None);
    }

    #[test]
    fn a_group_that_another_has_is_asked_for_again() {
        let tried = std::thread::spawn(|| {
            burgrave_sys::own_network().ok()?;
            let other = PacketLog::open(5).ok()?;
            let together = Together::new().unwrap();
            let mut own = Packets::of(5);
            let read = |own: &mut Packets| own.read(&together, |_, _| {});
            let first = burgrave_sys::chain(&read(&mut own).unwrap_err());
            assert!(first.contains("another program has the group"), "{first}");
            drop(other);
            let second = burgrave_sys::chain(&read(&mut own).unwrap_err());
            assert_eq!(second, "reading `nflog:5`: the kernel has not given it");
            own.tried = Instant::now().checked_sub(PAUSE);
            assert!(matches!(read(&mut own), Ok(false)));
            Some(())
        });
        if tried.join().unwrap().is_none() {
            println!("SKIPPED: without root, or a kernel without nfnetlink_log");
        }
    }
}

//! Sets of `nf_tables` over netlink: elements in, out and listed, without a process for each.
//!
//! Invariants: names one table only, the one it was opened for; every change is one transaction, all of it
//! or nothing; messages, answers and waiting have bounds. It makes no tables and no rules.

mod log;
mod message;

pub use log::{Logged, PACKET_BYTES_MAX, PacketLog};

use crate::SysError;
use message::{
    ACK, CREATE, DONE, DUMP, ERROR, REQUEST, Writer, attribute, attributes, messages, word,
};
use rustix::fd::OwnedFd;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use std::net::IpAddr;
use std::time::Duration;

/// Elements of one transaction.
pub const CHANGE_ELEMENTS_MAX: usize = 2_000;
/// Elements of one message: its list of them has a length of 16 bits.
const MESSAGE_ELEMENTS_MAX: usize = 500;
/// How long the kernel is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The kernel fills at most so much at once.
const ANSWER_BYTES: usize = 64 * 1024;
/// Answers to one question; a dump of a million elements has fewer.
const ANSWERS_MAX: usize = 100_000;

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// Netfilter's subsystem for tables, and its messages (`linux/netfilter/nf_tables.h`).
const SUBSYSTEM: u8 = 10;
const GET_TABLE: u16 = 0x0a01;
const GET_RULE: u16 = 0x0a07;
const NEW_RULE: u16 = 0x0a06;
const NEW_ELEMENTS: u16 = 0x0a0c;
const GET_ELEMENTS: u16 = 0x0a0d;
const REMOVE_ELEMENTS: u16 = 0x0a0e;
const NEW_GENERATION: u16 = 0x0a0f;
const GET_GENERATION: u16 = 0x0a10;
/// Its attributes.
const LIST_TABLE: u16 = 1;
const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
const LIST_ELEMENT: u16 = 1;
const ELEMENT_KEY: u16 = 1;
const ELEMENT_FLAGS: u16 = 3;
const ELEMENT_TIMEOUT: u16 = 4;
const ELEMENT_LEFT: u16 = 5;
const KEY_VALUE: u16 = 1;
const FLAG_END: u32 = 1;
/// The kernel's family for IPv4 and IPv6 together.
const FAMILY_INET: u8 = 1;

/// An element of a set: an address, or the first behind an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// The address. Of a set of something else, its bytes in front of zeros.
    pub ip: IpAddr,
    /// Whether an interval ends before it.
    pub is_end: bool,
    /// How long it lives, or is still to live. `None`: for good.
    pub time: Option<Duration>,
}

/// What is done to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetStep<'a> {
    /// Puts elements in. One that is there already is no error; its time stays on older kernels.
    Add(&'a str, &'a [Element]),
    /// Takes elements out. One that is not there is an error, and nothing is done.
    Remove(&'a str, &'a [Element]),
}

/// A connection to the kernel's tables, for one of them.
#[derive(Debug)]
pub struct Netfilter {
    socket: OwnedFd,
    table: String,
    sequence: u32,
    answer: Vec<u8>,
}

impl Netfilter {
    /// Opens one for a table of the family `inet`. Needs no right yet.
    pub fn open(table: &str) -> Result<Self, SysError> {
        let flags = SocketFlags::CLOEXEC;
        let opened = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            flags,
            Some(netlink::NETFILTER),
        );
        let failed = |error: rustix::io::Errno| {
            SysError::from_io("opening netlink for", table, error.into())
        };
        let socket = opened.map_err(failed)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).map_err(failed)?;
        Ok(Self { socket, table: table.to_owned(), sequence: 1, answer: vec![0; ANSWER_BYTES] })
    }

    /// The number of the last change that anyone has made to any table. Needs the right to make one.
    pub fn generation(&mut self) -> Result<u32, SysError> {
        let mut found = 0;
        self.ask(
            GET_GENERATION,
            REQUEST | ACK,
            |_, _| {},
            |kind, body| {
                if kind == NEW_GENERATION {
                    found = attribute(body, 1)
                        .and_then(|id| id.try_into().ok())
                        .map_or(0, u32::from_be_bytes);
                }
            },
        )?;
        Ok(found)
    }

    /// Whether the table is there.
    pub fn has_table(&mut self) -> Result<bool, SysError> {
        let asked =
            self.ask(GET_TABLE, REQUEST | ACK, |message, table| message.name(1, table), |_, _| {});
        match asked {
            Ok(()) => Ok(true),
            Err(SysError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How many rules the table has, in all its chains.
    pub fn rules(&mut self) -> Result<usize, SysError> {
        let mut count = 0;
        self.ask(
            GET_RULE,
            REQUEST | DUMP,
            |message, table| message.name(1, table),
            |kind, _| {
                count += usize::from(kind == NEW_RULE);
            },
        )?;
        Ok(count)
    }

    /// What a set holds, in the kernel's order; at most so many.
    pub fn elements(&mut self, set: &str, elements_max: usize) -> Result<Vec<Element>, SysError> {
        let mut all = Vec::new();
        let fill = |message: &mut Writer, table: &str| {
            message.name(LIST_TABLE, table);
            message.name(LIST_SET, set);
        };
        let mut is_more = false;
        self.ask(GET_ELEMENTS, REQUEST | DUMP, fill, |kind, body| {
            let list = (kind == NEW_ELEMENTS).then(|| attribute(body, LIST_ELEMENTS)).flatten();
            for (_, element) in attributes(list.unwrap_or_default()) {
                is_more |= all.len() >= elements_max;
                if !is_more {
                    all.extend(read_element(element));
                }
            }
        })?;
        if is_more {
            let limit = u64::try_from(elements_max).unwrap_or(u64::MAX);
            return Err(SysError::TooLarge { path: set.into(), limit });
        }
        Ok(all)
    }

    /// Does all of the steps, or none. At most [`CHANGE_ELEMENTS_MAX`] elements.
    pub fn change(&mut self, steps: &[SetStep<'_>]) -> Result<(), SysError> {
        let count: usize = steps.iter().map(|step| step.parts().2.len()).sum();
        if count > CHANGE_ELEMENTS_MAX {
            let limit = u64::try_from(CHANGE_ELEMENTS_MAX).unwrap_or(u64::MAX);
            return Err(SysError::TooLarge { path: self.table.clone().into(), limit });
        }
        let begin = self.sequence;
        let mut writer = Writer::default();
        let batch = [0, 0, 0, SUBSYSTEM];
        writer.message(BATCH_BEGIN, REQUEST, begin, batch, |_| {});
        let mut sequence = begin;
        for step in steps {
            let (kind, set, elements) = step.parts();
            let flags = REQUEST | ACK | if kind == NEW_ELEMENTS { CREATE } else { 0 };
            for part in elements.chunks(MESSAGE_ELEMENTS_MAX) {
                sequence = sequence.wrapping_add(1);
                writer.message(kind, flags, sequence, [FAMILY_INET, 0, 0, 0], |message| {
                    message.name(LIST_TABLE, &self.table);
                    message.name(LIST_SET, set);
                    message.nested(LIST_ELEMENTS, |list| {
                        for element in part {
                            write_element(list, element);
                        }
                    });
                });
            }
        }
        let last = sequence;
        self.sequence = sequence.wrapping_add(2);
        if last == begin {
            return Ok(());
        }
        writer.message(BATCH_END, REQUEST, last.wrapping_add(1), batch, |_| {});
        self.send(&writer.bytes)?;
        self.answers(begin, last, |_, _| {})
    }

    fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        fill: impl FnOnce(&mut Writer, &str),
        found: impl FnMut(u16, &[u8]),
    ) -> Result<(), SysError> {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let mut writer = Writer::default();
        let table = self.table.clone();
        writer.message(kind, flags, sequence, [FAMILY_INET, 0, 0, 0], |message| {
            fill(message, &table);
        });
        self.send(&writer.bytes)?;
        self.answers(sequence, sequence, found)
    }

    fn failed(&self, error: rustix::io::Errno) -> SysError {
        SysError::from_io("talking to the kernel about the table", &self.table, error.into())
    }

    fn send(&self, bytes: &[u8]) -> Result<(), SysError> {
        let sent = rustix::net::send(&self.socket, bytes, SendFlags::empty());
        sent.map(drop).map_err(|error| self.failed(error))
    }

    /// Takes what comes until the message with the number `last` is answered; the first error ends it.
    /// Answers to earlier questions are passed over.
    fn answers(
        &mut self,
        first: u32,
        last: u32,
        mut found: impl FnMut(u16, &[u8]),
    ) -> Result<(), SysError> {
        for _ in 0..ANSWERS_MAX {
            let received =
                rustix::net::recv(&self.socket, &mut self.answer[..], RecvFlags::empty());
            let (_, length) = match received {
                Err(rustix::io::Errno::INTR) => continue,
                other => other.map_err(|error| self.failed(error))?,
            };
            for message in messages(self.answer.get(..length).unwrap_or_default()) {
                if message.sequence.wrapping_sub(first) > last.wrapping_sub(first) {
                    continue;
                }
                match message.kind {
                    ERROR => {
                        let code = word(message.body, 0).map_or(0, u32::cast_signed);
                        if code != 0 {
                            let code = code.checked_neg().unwrap_or(i32::MAX);
                            return Err(self.failed(rustix::io::Errno::from_raw_os_error(code)));
                        }
                        if message.sequence == last {
                            return Ok(());
                        }
                    }
                    DONE => return Ok(()),
                    kind => found(kind, message.body.get(4..).unwrap_or_default()),
                }
            }
        }
        Err(SysError::Unsupported("so many answers of the kernel"))
    }
}

impl<'a> SetStep<'a> {
    fn parts(&self) -> (u16, &'a str, &'a [Element]) {
        match self {
            Self::Add(set, elements) => (NEW_ELEMENTS, set, elements),
            Self::Remove(set, elements) => (REMOVE_ELEMENTS, set, elements),
        }
    }
}

fn write_element(list: &mut Writer, element: &Element) {
    list.nested(LIST_ELEMENT, |inner| {
        inner.nested(ELEMENT_KEY, |key| match element.ip {
            IpAddr::V4(ip) => key.value(KEY_VALUE, &ip.octets()),
            IpAddr::V6(ip) => key.value(KEY_VALUE, &ip.octets()),
        });
        if element.is_end {
            inner.value(ELEMENT_FLAGS, &FLAG_END.to_be_bytes());
        }
        if let Some(time) = element.time.filter(|_| !element.is_end) {
            let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
            inner.value(ELEMENT_TIMEOUT, &millis.to_be_bytes());
        }
    });
}

fn read_element(element: &[u8]) -> Option<Element> {
    let key = attribute(attribute(element, ELEMENT_KEY)?, KEY_VALUE)?;
    let ip = if let Ok(bytes) = <[u8; 16]>::try_from(key) {
        IpAddr::from(bytes)
    } else {
        let mut bytes = [0; 4];
        for (into, from) in bytes.iter_mut().zip(key) {
            *into = *from;
        }
        IpAddr::from(bytes)
    };
    let number = |kind| attribute(element, kind).and_then(|value| value.try_into().ok());
    let flags = number(ELEMENT_FLAGS).map_or(0, u32::from_be_bytes);
    let long = |kind| {
        attribute(element, kind).and_then(|value| value.try_into().ok()).map(u64::from_be_bytes)
    };
    let time = long(ELEMENT_LEFT).or_else(|| long(ELEMENT_TIMEOUT)).map(Duration::from_millis);
    Some(Element { ip, is_end: flags & FLAG_END != 0, time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_as_they_are_written() {
        for (text, is_end, time) in [
            ("192.0.2.1", false, Some(3_600)),
            ("192.0.2.1", false, None),
            ("192.0.3.0", true, None),
            ("2001:db8::7", false, Some(1)),
        ] {
            let time = time.map(Duration::from_secs);
            let element = Element { ip: text.parse().unwrap(), is_end, time };
            let mut writer = Writer::default();
            write_element(&mut writer, &element);
            let (_, inner) = attributes(&writer.bytes).next().unwrap();
            assert_eq!(read_element(inner), Some(element));
        }
        assert_eq!(read_element(&[]), None);
        assert_eq!(
            read_element(&[8, 0, 1, 128, 4, 0, 1, 0]).map(|element| element.ip.is_ipv4()),
            Some(true)
        );
    }

    #[test]
    fn more_than_a_transaction_holds_is_refused_before_anything_is_sent() {
        let mut kernel = Netfilter::open("none").unwrap();
        let one = Element { ip: "192.0.2.1".parse().unwrap(), is_end: false, time: None };
        let many = vec![one; CHANGE_ELEMENTS_MAX + 1];
        let refused = kernel.change(&[SetStep::Add("bans4", &many)]);
        assert!(matches!(refused, Err(SysError::TooLarge { .. })));
        assert!(kernel.change(&[]).is_ok() && kernel.change(&[SetStep::Add("x", &[])]).is_ok());
    }
}

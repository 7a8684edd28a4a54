//! Packets that rules log to a group (`nfnetlink_log`; `linux/netfilter/nfnetlink_log.h`).
//!
//! Invariants: only what the kernel itself sends is read, within its own lengths; of a packet no more than
//! [`PACKET_BYTES_MAX`] is taken; what the kernel could not hand over is counted, never passed over in silence. A
//! packet is a stranger's: nothing of it is looked at here.

use super::message::{ACK, ERROR, REQUEST, Writer, attribute, messages, word};
use super::{ANSWER_BYTES, PATIENCE};
use crate::SysError;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::sockopt::{
    Timeout, set_socket_recv_buffer_size, set_socket_recv_buffer_size_force, set_socket_timeout,
};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

/// Of a packet so much is taken: its headers.
pub const PACKET_BYTES_MAX: u16 = 128;
/// Of the header in front of it (Ethernet has 14 bytes).
const HARDWARE_BYTES_MAX: usize = 32;
/// The kernel keeps so much for us until it loses packets.
const QUEUE_BYTES: usize = 2 << 20;
/// It hands over so many packets at once, or what there is after so many hundredths of a second.
const BATCH_PACKETS: u32 = 32;
const BATCH_HUNDREDTHS: u32 = 10;
/// And so many bytes, well below what is read at once.
const BATCH_BYTES: u32 = 16 * 1024;

const PACKET: u16 = 0x0400;
const CONFIGURE: u16 = 0x0401;
/// Attributes of a configuration.
const COMMAND: u16 = 1;
const MODE: u16 = 2;
const BUFFER: u16 = 3;
const TIMEOUT: u16 = 4;
const THRESHOLD: u16 = 5;
const FLAGS: u16 = 6;
const COMMAND_BIND: u8 = 1;
const MODE_PACKET: u8 = 2;
/// Every packet has a number.
const FLAG_SEQUENCE: u16 = 1;
/// Attributes of a packet.
const MARK: u16 = 2;
const INPUT: u16 = 4;
const OUTPUT: u16 = 5;
const BRIDGE_INPUT: u16 = 6;
const BRIDGE_OUTPUT: u16 = 7;
const PAYLOAD: u16 = 9;
const PREFIX: u16 = 10;
const SEQUENCE: u16 = 12;
const HARDWARE: u16 = 16;
const HARDWARE_LENGTH: u16 = 17;

/// A packet that a rule has logged, as far as it is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logged<'a> {
    /// What the rule says of it.
    pub prefix: &'a [u8],
    /// The interface by which it came, where it came by one; its number.
    pub input: Option<u32>,
    /// The interface by which it goes.
    pub output: Option<u32>,
    /// The same of the bridge's port.
    pub bridge_input: Option<u32>,
    /// The same of the bridge's port.
    pub bridge_output: Option<u32>,
    /// The header in front of it, where there is one.
    pub hardware: Option<&'a [u8]>,
    /// The mark that rules have given it; 0 is none.
    pub mark: u32,
    /// The beginning of the packet.
    pub payload: &'a [u8],
}

/// The packets of a group. Nobody else can have it at the same time.
#[derive(Debug)]
pub struct PacketLog {
    socket: OwnedFd,
    name: String,
    space: Vec<u8>,
    /// The number that the next packet has.
    next: Option<u32>,
    missing: u64,
    overruns: u64,
}

impl PacketLog {
    /// Asks the kernel for a group's packets, of the network that this thread is in. Needs the right to change rules.
    pub fn open(group: u16) -> Result<Self, SysError> {
        let name = format!("nflog:{group}");
        let failed = |error: Errno| {
            let source = match error {
                Errno::PERM | Errno::BUSY | Errno::EXIST => std::io::Error::other(
                    "another program has the group, or this one has no right to it (CAP_NET_ADMIN)",
                ),
                error => error.into(),
            };
            SysError::from_io("asking the kernel for", &name, source)
        };
        let flags = SocketFlags::CLOEXEC;
        let family = AddressFamily::NETLINK;
        let opened =
            rustix::net::socket_with(family, SocketType::RAW, flags, Some(netlink::NETFILTER));
        let socket = opened.map_err(failed)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).map_err(failed)?;
        // Beyond the machine's limit where that may be done, else up to it.
        set_socket_recv_buffer_size_force(&socket, QUEUE_BYTES)
            .or_else(|_denied| set_socket_recv_buffer_size(&socket, QUEUE_BYTES))
            .map_err(failed)?;
        let space = vec![0; ANSWER_BYTES];
        let mut log =
            Self { socket, name: name.clone(), space, next: None, missing: 0, overruns: 0 };
        let bound = rustix::net::send(&log.socket, &bind(group), SendFlags::empty());
        bound.and_then(|_sent| log.acknowledged()).map_err(failed)?;
        Ok(log)
    }

    /// Waits for the kernel's word.
    fn acknowledged(&mut self) -> Result<(), Errno> {
        for _ in 0..64 {
            let length =
                match rustix::net::recv(&self.socket, &mut self.space[..], RecvFlags::empty()) {
                    Ok((_, length)) => length,
                    Err(Errno::INTR | Errno::NOBUFS) => continue,
                    Err(error) => return Err(error),
                };
            let received = self.space.get(..length).unwrap_or_default();
            if let Some(said) = messages(received).find(|message| message.kind == ERROR) {
                let code = word(said.body, 0).map_or(0, u32::cast_signed);
                return match code.checked_neg() {
                    Some(0) => Ok(()),
                    code => Err(Errno::from_raw_os_error(code.unwrap_or(i32::MAX))),
                };
            }
        }
        Err(Errno::TIMEDOUT)
    }

    /// Gives the packets that the kernel hands over at once. Whether there were any; there may be more then. Does not wait.
    pub fn receive(&mut self, mut each: impl FnMut(&Logged<'_>, &Self)) -> Result<bool, SysError> {
        let mut space = std::mem::take(&mut self.space);
        let received = rustix::net::recvfrom(&self.socket, &mut space[..], RecvFlags::DONTWAIT);
        let took = match received {
            Ok((_, length, sender)) => {
                let is_kernel = sender
                    .and_then(|sender| netlink::SocketAddrNetlink::try_from(sender).ok())
                    .is_some_and(|sender| sender.pid() == 0);
                if is_kernel {
                    self.take(space.get(..length).unwrap_or_default(), &mut each);
                }
                Ok(true)
            }
            Err(Errno::AGAIN) => Ok(false),
            Err(Errno::INTR) => Ok(true),
            Err(Errno::NOBUFS) => {
                self.overruns = self.overruns.saturating_add(1);
                Ok(true)
            }
            Err(error) => Err(SysError::from_io("reading", &self.name, error.into())),
        };
        self.space = space;
        took
    }

    fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(&Logged<'_>, &Self)) {
        for message in messages(bytes).filter(|message| message.kind == PACKET) {
            let body = message.body.get(4..).unwrap_or_default();
            if let Some(number) = number(body, SEQUENCE) {
                let gap = self.next.map_or(0, |next| number.wrapping_sub(next));
                self.missing = self.missing.saturating_add(u64::from(gap));
                self.next = Some(number.wrapping_add(1));
            }
            each(&logged(body), self);
        }
    }

    /// How many packets were lost so far because they came faster than they were read: at least so many.
    pub fn lost(&self) -> u64 {
        self.missing.max(self.overruns)
    }

    /// An interface's name, by its number.
    pub fn interface(&self, number: u32) -> Option<String> {
        rustix::net::netdevice::index_to_name(&self.socket, number).ok()
    }
}

impl AsFd for PacketLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The message that asks for a group.
fn bind(group: u16) -> Vec<u8> {
    let [high, low] = group.to_be_bytes();
    let [one, two, three, four] = u32::from(PACKET_BYTES_MAX).to_be_bytes();
    let mut writer = Writer::default();
    writer.message(CONFIGURE, REQUEST | ACK, 1, [0, 0, high, low], |message| {
        message.value(COMMAND, &[COMMAND_BIND]);
        message.value(MODE, &[one, two, three, four, MODE_PACKET, 0]);
        message.value(BUFFER, &BATCH_BYTES.to_be_bytes());
        message.value(TIMEOUT, &BATCH_HUNDREDTHS.to_be_bytes());
        message.value(THRESHOLD, &BATCH_PACKETS.to_be_bytes());
        message.value(FLAGS, &FLAG_SEQUENCE.to_be_bytes());
    });
    writer.bytes
}

/// What a message's attributes say of a packet.
fn logged(body: &[u8]) -> Logged<'_> {
    let interface = |kind| number(body, kind).filter(|number| *number != 0);
    let prefix = attribute(body, PREFIX).unwrap_or_default();
    let end = prefix.iter().position(|byte| *byte == 0).unwrap_or(prefix.len());
    let length = attribute(body, HARDWARE_LENGTH)
        .and_then(|length| length.try_into().ok())
        .map(|length| usize::from(u16::from_be_bytes(length)).min(HARDWARE_BYTES_MAX));
    let payload = attribute(body, PAYLOAD).unwrap_or_default();
    Logged {
        prefix: prefix.get(..end).unwrap_or_default(),
        input: interface(INPUT),
        output: interface(OUTPUT),
        bridge_input: interface(BRIDGE_INPUT),
        bridge_output: interface(BRIDGE_OUTPUT),
        hardware: length.and_then(|length| attribute(body, HARDWARE)?.get(..length)),
        mark: number(body, MARK).unwrap_or(0),
        payload: payload.get(..usize::from(PACKET_BYTES_MAX)).unwrap_or(payload),
    }
}

fn number(body: &[u8], kind: u16) -> Option<u32> {
    attribute(body, kind)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::super::message::attributes;
    use super::*;

    /// A packet as the kernel hands it over.
    fn message(writer: &mut Writer, sequence: u32, payload: &[u8]) {
        writer.message(PACKET, 0, 0, [2, 0, 0, 5], |message| {
            message.value(1, &[8, 0, 1, 0]);
            message.name(PREFIX, "burgrave drop: ");
            message.value(INPUT, &7_u32.to_be_bytes());
            message.value(MARK, &9_u32.to_be_bytes());
            message.value(HARDWARE_LENGTH, &14_u16.to_be_bytes());
            message.value(HARDWARE, &[0xaa; 16]);
            message.value(SEQUENCE, &sequence.to_be_bytes());
            message.value(PAYLOAD, payload);
        });
    }

    fn closed() -> PacketLog {
        let (socket, _) = std::os::unix::net::UnixDatagram::pair().unwrap();
        PacketLog {
            socket: socket.into(),
            name: "nflog:5".to_owned(),
            space: Vec::new(),
            next: None,
            missing: 0,
            overruns: 0,
        }
    }

    #[test]
    fn what_the_kernel_says_of_a_packet_is_read_and_gaps_are_counted() {
        let mut writer = Writer::default();
        for sequence in [u32::MAX - 1, u32::MAX, 0, 4] {
            message(&mut writer, sequence, &[0x45; 300]);
        }
        writer.message(3, 0, 0, [0; 4], |_| {});
        let (mut log, mut count) = (closed(), 0);
        log.take(&writer.bytes, &mut |packet: &Logged<'_>, _: &PacketLog| {
            count += 1;
            let expected = Logged {
                prefix: b"burgrave drop: ",
                input: Some(7),
                mark: 9,
                hardware: Some(&[0xaa; 14]),
                payload: &[0x45; 128],
                ..Logged::default()
            };
            assert_eq!(*packet, expected);
        });
        assert_eq!((count, log.lost()), (4, 3));
    }

    #[test]
    fn the_request_asks_for_headers_only() {
        let bytes = bind(0x1234);
        let asked = messages(&bytes).next().unwrap();
        assert_eq!((asked.kind, &asked.body[..4]), (CONFIGURE, &[0, 0, 0x12, 0x34][..]));
        let all: Vec<_> = attributes(&asked.body[4..]).collect();
        assert_eq!(all[0], (COMMAND, &[COMMAND_BIND][..]));
        assert_eq!(all[1], (MODE, &[0, 0, 0, 128, MODE_PACKET, 0][..]));
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn bytes_of_any_kind_are_read_within_their_bounds() {
        let mut writer = Writer::default();
        message(&mut writer, 1, &[0x45; 40]);
        message(&mut writer, 2, &[]);
        let mut log = closed();
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for round in 0..200_000_usize {
            let mut bytes = writer.bytes.clone();
            for _ in 0..=random() % 6 {
                let place = usize::try_from(random() % 400).unwrap() % bytes.len();
                bytes[place] = u8::try_from(random() % 256).unwrap();
            }
            bytes.truncate(if round % 3 == 0 { round % bytes.len() } else { bytes.len() });
            let mut count = 0;
            log.take(&bytes, &mut |packet: &Logged<'_>, _: &PacketLog| {
                count += 1;
                assert!(packet.payload.len() <= 128 && !packet.prefix.contains(&0));
                assert!(packet.hardware.is_none_or(|own| own.len() <= HARDWARE_BYTES_MAX));
            });
            assert!(count <= bytes.len() / 16, "each takes a header's bytes");
        }
    }

    #[test]
    fn a_group_has_one_reader() {
        let tried = std::thread::spawn(|| {
            if crate::own_network().is_err() {
                return None;
            }
            let mut first = PacketLog::open(5).ok()?;
            assert!(!first.receive(|_, _| {}).unwrap());
            assert_eq!((first.interface(1).as_deref(), first.interface(99)), (Some("lo"), None));
            let second = PacketLog::open(5).map(drop).unwrap_err();
            assert!(PacketLog::open(6).is_ok());
            drop(first);
            assert!(PacketLog::open(5).is_ok(), "it is free again");
            Some(crate::chain(&second))
        });
        match tried.join().unwrap() {
            Some(said) => assert_eq!(
                said,
                "asking the kernel for `nflog:5`: another program has the group, or this one has no right to it (CAP_NET_ADMIN)"
            ),
            None => println!("SKIPPED: without root, or a kernel without nfnetlink_log"),
        }
    }
}

//! Packets that a firewall dropped, as the kernel tells of them (iptables' `LOG`, nftables' `log`):
//! `PREFIX IN=eth0 OUT= MAC=… SRC=… DST=… PROTO=TCP SPT=… DPT=… SYN`.
//!
//! Only the prefix says what became of the packet, so it has to say it. What an honest machine sends late or to
//! everybody is no knock at a port: answers, resets, broadcasts. Whoever writes to the log in another's name, in
//! the place of the kernel's, is not believed.

use crate::address;
use crate::event::Kind;
use crate::pattern::Pattern;
use crate::piece::{Found, Host};
use crate::service::Service;
use std::net::IpAddr;

pub(super) static ALL: &[&Service] = &[&FIREWALL];

static FIREWALL: Service = Service::new(
    "firewall",
    "The kernel's own lines (iptables, nftables, ufw, firewalld, `nflog`): packets to closed ports, where the prefix says drop, block, reject or deny; strict: any prefix that says nothing of the kind.",
    "/var/log/kern.log",
)
.aliases(&["ufw", "iptables", "nftables", "kernel"])
.programs(&["kernel"])
.named()
.patterns(&[Pattern::forward(Kind::Dropped, dropped), Pattern::forward(Kind::Dropped, other).strict()]);

/// What a prefix says of a packet that was not let in, and of one that was or that nobody decided on.
const OUT: &[&[u8]] = &[b"drop", b"block", b"reject", b"deny", b"denied"];
const IN: &[&[u8]] = &[b"accept", b"allow", b"pass", b"permit", b"audit"];
/// The kernel takes a shorter one; a time stands before it.
const PREFIX_BYTES_MAX: usize = 256;
/// Fields of a line: the kernel writes fewer, but for options of a header.
const FIELDS_MAX: usize = 64;
/// Below these are ports of services, whose answers go to higher ones.
const SERVICES_END: u16 = 1_024;

fn dropped(text: &[u8]) -> Option<Found<'_>> {
    let (prefix, packet) = parts(text)?;
    if says(prefix, OUT) { knock(packet) } else { None }
}

fn other(text: &[u8]) -> Option<Found<'_>> {
    let (prefix, packet) = parts(text)?;
    if says(prefix, IN) { None } else { knock(packet) }
}

/// The prefix, and the fields from `IN=` on.
fn parts(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let beginning = text.get(..PREFIX_BYTES_MAX).unwrap_or(text);
    text.split_at_checked(memchr::memmem::find(beginning, b"IN=")?)
}

fn says(prefix: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| prefix.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
}

#[derive(Default)]
struct Packet<'a> {
    input: Option<&'a [u8]>,
    output: Option<&'a [u8]>,
    hardware: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
    target: Option<&'a [u8]>,
    protocol: Option<&'a [u8]>,
    from: Option<&'a [u8]>,
    to: Option<&'a [u8]>,
    is_answer: bool,
}

impl<'a> Packet<'a> {
    /// The packet itself: not the one that an ICMP message quotes in brackets, which is a stranger's word.
    fn read(fields: &'a [u8]) -> Self {
        let mut packet = Self::default();
        let is_own = |field: &&[u8]| field.first() != Some(&b'[');
        for field in fields.split(|byte| *byte == b' ').take(FIELDS_MAX).take_while(is_own) {
            let mut halves = field.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next());
            let own = match name {
                b"IN" => &mut packet.input,
                b"OUT" => &mut packet.output,
                b"MAC" => &mut packet.hardware,
                b"SRC" => &mut packet.source,
                b"DST" => &mut packet.target,
                b"PROTO" => &mut packet.protocol,
                b"SPT" => &mut packet.from,
                b"DPT" => &mut packet.to,
                b"ACK" | b"RST" if value.is_none() => {
                    packet.is_answer = true;
                    continue;
                }
                _ => continue,
            };
            *own = own.or(value);
        }
        packet
    }
}

/// Somebody else's packet to a port of this machine that asks for something.
fn knock(fields: &[u8]) -> Option<Found<'_>> {
    let packet = Packet::read(fields);
    let is_in = packet.input.is_some_and(|name| !name.is_empty());
    let is_through = packet.output.is_none_or(|name| !name.is_empty());
    if !is_in || is_through || packet.hardware.is_some_and(is_to_all) {
        return None;
    }
    let (source, target) = (sender(packet.source?)?, sender(packet.target?)?);
    let (from, to) = (port(packet.from?)?, port(packet.to?)?);
    let asks = match packet.protocol? {
        b"TCP" => !packet.is_answer,
        b"UDP" => from >= SERVICES_END || to < SERVICES_END,
        _ => false,
    };
    let is_one = source.is_ipv4() == target.is_ipv4();
    (asks && is_one).then(|| Found {
        host: Some(Host::Address(source)),
        port: Some(to),
        ..Found::default()
    })
}

/// An address of one machine, of the family in which it is written.
fn sender(text: &[u8]) -> Option<IpAddr> {
    let ip = address::exact(text)?;
    let is_one = match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    };
    (is_one && ip.is_ipv6() == text.contains(&b':')).then_some(ip)
}

fn port(text: &[u8]) -> Option<u16> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whether a frame went to all or several machines of the network: its first byte is odd.
fn is_to_all(hardware: &[u8]) -> bool {
    hardware
        .get(1)
        .is_some_and(|digit| matches!(digit, b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f'))
}

#[cfg(test)]
mod tests {
    use crate::{Kind, Reader};

    fn seen(line: &str, is_strict: bool) -> Option<String> {
        let mut reader = Reader::new(crate::by_name("firewall").unwrap(), is_strict);
        reader.line(line.as_bytes()).map(|event| {
            assert_eq!((event.kind, event.user, event.count), (Kind::Dropped, None, 1));
            format!("{} {}", event.ip.unwrap(), event.port.unwrap())
        })
    }

    fn check(line: &str, expected: Option<&str>) {
        assert_eq!(seen(line, false).as_deref(), expected, "{line}");
    }

    const MAC: &str = "MAC=52:54:00:12:34:56:52:54:00:65:43:21:08:00";
    const TCP: &str = "SRC=192.0.2.1 DST=198.51.100.7 LEN=60 TOS=0x00 PREC=0x00 TTL=49 ID=7 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 ";
    const IS: Option<&str> = Some("192.0.2.1 23");

    #[test]
    fn the_prefix_says_that_it_was_dropped() {
        for prefix in [
            "[UFW BLOCK] ",
            "[UFW LIMIT BLOCK] ",
            "burgrave drop: ",
            "DROP:",
            "filter_IN_public_REJECT: ",
            "Shorewall:net-fw:DROP:",
            "iptables denied: ",
        ] {
            let packet = format!("{prefix}IN=eth0 OUT= {MAC} {TCP}");
            for line in [
                format!("kernel: {packet}"),
                format!("Nov 26 01:02:03 h kernel: {packet}"),
                format!("Nov 26 01:02:03 h kernel: [  970.699397] {packet}"),
                format!("2026-11-26T01:02:03.5+01:00 h kernel[0]: {packet}"),
                format!("<4>1 2026-11-26T01:02:03.5Z h kernel - - - {packet}"),
            ] {
                check(&line, IS);
                assert_eq!(seen(&line, true).as_deref(), IS, "{line}");
            }
        }
        for prefix in ["[UFW ALLOW] ", "[UFW AUDIT] ", "new ssh: ", ""] {
            let line = format!("kernel: {prefix}IN=eth0 OUT= {MAC} {TCP}");
            check(&line, None);
            let is_silent = !prefix.starts_with("[UFW");
            assert_eq!(seen(&line, true).is_some(), is_silent, "{line}");
        }
    }

    #[test]
    fn nobody_else_speaks_for_the_kernel() {
        let packet = format!("[UFW BLOCK] IN=eth0 OUT= {MAC} {TCP}");
        for before in [
            "",
            "h ",
            "Nov 26 01:02:03 h evil[7]: ",
            "Nov 26 01:02:03 h evil: ",
            "h evil: kernel: ",
        ] {
            check(&format!("{before}{packet}"), None);
        }
        let quoted = format!("<38>1 2026-11-26T01:02:03.5Z h evil 7 - - kernel: {packet}");
        check(&quoted, None);
    }

    #[test]
    fn answers_broadcasts_and_packets_of_others_are_no_knock() {
        let line = |packet: &str| format!("kernel: drop: IN=eth0 OUT= {MAC} {packet}");
        check(&line(TCP), IS);
        for flags in ["ACK SYN", "ACK FIN", "RST", "ACK RST", "ACK"] {
            check(&line(&TCP.replace("SYN", flags)), None);
        }
        for flags in ["", "FIN", "URG PSH FIN"] {
            check(&line(&TCP.replace("SYN", flags)), IS);
        }
        let udp = |from, to| {
            line(&format!(
                "SRC=192.0.2.1 DST=198.51.100.7 LEN=60 PROTO=UDP SPT={from} DPT={to} LEN=40 "
            ))
        };
        check(&udp(40_000, 161), Some("192.0.2.1 161"));
        check(&udp(40_000, 40_001), Some("192.0.2.1 40001"));
        check(&udp(53, 40_001), None);
        check(&udp(123, 123), Some("192.0.2.1 123"));
        check(&line(TCP).replace("OUT=", "OUT=eth1"), None);
        check(&line(TCP).replace("IN=eth0", "IN="), None);
        check(&line(TCP).replace("MAC=52", "MAC=ff"), None);
        for (from, to) in [
            ("DST=198.51.100.7", "DST=224.0.0.251"),
            ("DST=198.51.100.7", "DST=255.255.255.255"),
            ("DST=198.51.100.7", "DST=2001:db8::1"),
            ("SRC=192.0.2.1", "SRC=0.0.0.0"),
            ("SRC=192.0.2.1", "SRC=::ffff:192.0.2.1"),
            ("SRC=192.0.2.1 ", ""),
            ("DPT=23", "DPT=70000"),
            ("PROTO=TCP", "PROTO=132"),
        ] {
            check(&line(&TCP.replace(from, to)), None);
        }
    }

    #[test]
    fn what_a_message_quotes_is_not_read() {
        let line = format!(
            "kernel: drop: IN=eth0 OUT= {MAC} SRC=203.0.113.9 DST=198.51.100.7 LEN=88 PROTO=ICMP TYPE=3 CODE=3 [{TCP}] "
        );
        check(&line, None);
        let six = "kernel: drop: IN=eth0 OUT= SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=2001:0db8:0000:0000:0000:0000:0000:0002 LEN=80 TC=0 HOPLIMIT=64 FLOWLBL=1 PROTO=TCP SPT=40000 DPT=23 SYN ";
        check(six, Some("2001:db8::1 23"));
    }
}

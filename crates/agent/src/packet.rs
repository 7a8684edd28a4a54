//! A packet that a rule has logged, as the line that the kernel itself writes for `LOG`: so one format reads both.
//!
//! Invariants: total over whatever bytes a packet has, without a loop that they could lengthen beyond its own few
//! headers; what is not there is said as the kernel says it (`INCOMPLETE`); nothing of a packet becomes text but
//! numbers and addresses, so nobody can write into the line. (RFC 791, 792, 768, 9293, 8200, 4443.)

use burgrave_sys::Logged;
use std::fmt::Arguments;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Extension headers of an IPv6 packet that are followed.
const EXTENSIONS_MAX: usize = 16;
/// Of a rule's prefix; the kernel takes no longer one.
const PREFIX_BYTES_MAX: usize = 128;

/// Names of interfaces, as the line has them; empty: there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names<'a> {
    pub(crate) input: &'a str,
    pub(crate) output: &'a str,
    pub(crate) bridge_input: &'a str,
    pub(crate) bridge_output: &'a str,
}

/// What follows a header, and whether it is the packet itself or one that an ICMP message quotes.
#[derive(Clone, Copy)]
struct Rest<'a> {
    bytes: &'a [u8],
    is_fragment: bool,
    is_quoted: bool,
}

/// The line, with the kernel's name in front as logs have it.
pub(crate) fn line(packet: &Logged<'_>, names: Names<'_>) -> Vec<u8> {
    let mut out = b"kernel: ".to_vec();
    let plain = |byte: &u8| if byte.is_ascii_control() { b' ' } else { *byte };
    out.extend(packet.prefix.iter().take(PREFIX_BYTES_MAX).map(plain));
    add(&mut out, format_args!("IN={} OUT={} ", names.input, names.output));
    for (field, name) in [("PHYSIN", names.bridge_input), ("PHYSOUT", names.bridge_output)] {
        if !name.is_empty() {
            add(&mut out, format_args!("{field}={name} "));
        }
    }
    if !names.input.is_empty() {
        add(&mut out, format_args!("MAC="));
        for (number, byte) in packet.hardware.unwrap_or_default().iter().enumerate() {
            let colon = if number == 0 { "" } else { ":" };
            add(&mut out, format_args!("{colon}{byte:02x}"));
        }
        out.push(b' ');
    }
    match packet.payload.first().map(|first| first >> 4) {
        Some(4) => ipv4(&mut out, packet.payload, false),
        Some(6) => ipv6(&mut out, packet.payload, false),
        Some(_) | None => {}
    }
    if packet.mark != 0 {
        add(&mut out, format_args!("MARK=0x{:x} ", packet.mark));
    }
    out
}

/// Writing to a `Vec` does not fail.
fn add(out: &mut Vec<u8>, text: Arguments<'_>) {
    out.write_fmt(text).ok();
}

fn incomplete(out: &mut Vec<u8>, bytes: &[u8]) {
    add(out, format_args!("INCOMPLETE [{} bytes] ", bytes.len()));
}

const fn pair(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

fn ipv4(out: &mut Vec<u8>, packet: &[u8], is_quoted: bool) {
    let Some([first, service, l0, l1, i0, i1, f0, f1, ttl, protocol, _, _, addresses @ ..]) =
        packet.first_chunk::<20>()
    else {
        return incomplete(out, packet);
    };
    let [s0, s1, s2, s3, d0, d1, d2, d3] = *addresses;
    let (source, target) = (Ipv4Addr::new(s0, s1, s2, s3), Ipv4Addr::new(d0, d1, d2, d3));
    add(
        out,
        format_args!(
            "SRC={source} DST={target} LEN={} TOS=0x{:02X} PREC=0x{:02X} TTL={ttl} ID={} ",
            pair(*l0, *l1),
            service & 0x1e,
            service & 0xe0,
            pair(*i0, *i1)
        ),
    );
    for (bit, word) in [(0x80, "CE "), (0x40, "DF "), (0x20, "MF ")] {
        if f0 & bit != 0 {
            add(out, format_args!("{word}"));
        }
    }
    let offset = pair(*f0, *f1) & 0x1fff;
    if offset != 0 {
        add(out, format_args!("FRAG:{offset} "));
    }
    let length = usize::from(first & 0x0f) * 4;
    let bytes = packet.get(length.max(20)..).unwrap_or_default();
    let rest = Rest { bytes, is_fragment: offset != 0, is_quoted };
    match protocol {
        1 => icmp(out, rest),
        50 | 51 => security(out, *protocol, rest),
        _ => transport(out, *protocol, rest),
    }
}

fn ipv6(out: &mut Vec<u8>, packet: &[u8], is_quoted: bool) {
    let Some([c0, c1, c2, c3, l0, l1, next, hops, addresses @ ..]) = packet.first_chunk::<40>()
    else {
        return incomplete(out, packet);
    };
    for (name, bytes) in [("SRC", addresses.first_chunk::<16>()), ("DST", addresses.last_chunk())] {
        let address = bytes.map_or(Ipv6Addr::UNSPECIFIED, |bytes| Ipv6Addr::from(*bytes));
        add(out, format_args!("{name}="));
        for (number, group) in address.segments().iter().enumerate() {
            let colon = if number == 0 { "" } else { ":" };
            add(out, format_args!("{colon}{group:04x}"));
        }
        out.push(b' ');
    }
    let first = u32::from_be_bytes([*c0, *c1, *c2, *c3]);
    add(
        out,
        format_args!(
            "LEN={} TC={} HOPLIMIT={hops} FLOWLBL={} ",
            u32::from(pair(*l0, *l1)) + 40,
            first >> 20 & 0xff,
            first & 0x000f_ffff
        ),
    );
    let bytes = packet.get(40..).unwrap_or_default();
    extensions(out, *next, Rest { bytes, is_fragment: false, is_quoted });
}

/// Passes over what stands between the header and what it carries.
fn extensions(out: &mut Vec<u8>, mut next: u8, mut rest: Rest<'_>) {
    for _ in 0..EXTENSIONS_MAX {
        if !matches!(next, 0 | 43 | 44 | 50 | 51 | 60) {
            break;
        }
        let Some([after, size, o0, o1, id @ ..]) = rest.bytes.first_chunk::<8>() else {
            return incomplete(out, rest.bytes);
        };
        let length = match next {
            44 => {
                let offset = pair(*o0, *o1);
                add(out, format_args!("FRAG:{} ", offset & 0xfff8));
                if offset & 1 != 0 {
                    add(out, format_args!("INCOMPLETE "));
                }
                add(out, format_args!("ID:{:08x} ", u32::from_be_bytes(*id)));
                rest.is_fragment |= offset & 0xfff8 != 0;
                8
            }
            // What is sealed tells nothing more.
            50 => return,
            51 => (usize::from(*size) + 2) * 4,
            _ if rest.is_fragment => return,
            _ => (usize::from(*size) + 1) * 8,
        };
        next = *after;
        rest.bytes = rest.bytes.get(length..).unwrap_or_default();
    }
    match next {
        58 => icmpv6(out, rest),
        _ => transport(out, next, rest),
    }
}

fn transport(out: &mut Vec<u8>, protocol: u8, rest: Rest<'_>) {
    let name = match protocol {
        6 => "TCP",
        17 => "UDP",
        136 => "UDPLITE",
        other => return add(out, format_args!("PROTO={other} ")),
    };
    add(out, format_args!("PROTO={name} "));
    if rest.is_fragment {
        return;
    }
    if protocol == 6 {
        return tcp(out, rest.bytes);
    }
    let Some([s0, s1, d0, d1, l0, l1, _, _]) = rest.bytes.first_chunk::<8>() else {
        return incomplete(out, rest.bytes);
    };
    let (from, to, length) = (pair(*s0, *s1), pair(*d0, *d1), pair(*l0, *l1));
    add(out, format_args!("SPT={from} DPT={to} LEN={length} "));
}

fn tcp(out: &mut Vec<u8>, bytes: &[u8]) {
    let Some([s0, s1, d0, d1, _, _, _, _, _, _, _, _, size, flags, w0, w1, _, _, u0, u1]) =
        bytes.first_chunk::<20>()
    else {
        return incomplete(out, bytes);
    };
    let (from, to, window) = (pair(*s0, *s1), pair(*d0, *d1), pair(*w0, *w1));
    let reserved = (size & 0x0f) << 2;
    add(out, format_args!("SPT={from} DPT={to} WINDOW={window} RES=0x{reserved:02x} "));
    let names = ["CWR ", "ECE ", "URG ", "ACK ", "PSH ", "RST ", "SYN ", "FIN "];
    for (number, name) in names.iter().enumerate() {
        if flags << number & 0x80 != 0 {
            add(out, format_args!("{name}"));
        }
    }
    add(out, format_args!("URGP={} ", pair(*u0, *u1)));
}

/// What `IPsec` has sealed: whose it is.
fn security(out: &mut Vec<u8>, protocol: u8, rest: Rest<'_>) {
    let (name, place) = if protocol == 50 { ("ESP", 0) } else { ("AH", 4) };
    add(out, format_args!("PROTO={name} "));
    if rest.is_fragment {
        return;
    }
    match rest.bytes.get(place..).and_then(<[u8]>::first_chunk) {
        Some(number) => add(out, format_args!("SPI=0x{:x} ", u32::from_be_bytes(*number))),
        None => incomplete(out, rest.bytes),
    }
}

/// The packet that a message is about; one in it is not followed.
fn quote(out: &mut Vec<u8>, rest: Rest<'_>, write: fn(&mut Vec<u8>, &[u8], bool)) {
    if !rest.is_quoted {
        out.push(b'[');
        write(out, rest.bytes.get(8..).unwrap_or_default(), true);
        out.extend(b"] ");
    }
}

fn icmp(out: &mut Vec<u8>, rest: Rest<'_>) {
    add(out, format_args!("PROTO=ICMP "));
    if rest.is_fragment {
        return;
    }
    let Some([kind, code, _, _, a, b, c, d]) = rest.bytes.first_chunk::<8>() else {
        return incomplete(out, rest.bytes);
    };
    add(out, format_args!("TYPE={kind} CODE={code} "));
    match kind {
        0 | 8 => add(out, format_args!("ID={} SEQ={} ", pair(*a, *b), pair(*c, *d))),
        12 => add(out, format_args!("PARAMETER={a} ")),
        3 | 4 | 5 | 11 => {
            if *kind == 5 {
                add(out, format_args!("GATEWAY={} ", Ipv4Addr::new(*a, *b, *c, *d)));
            }
            quote(out, rest, ipv4);
            if (*kind, *code) == (3, 4) {
                add(out, format_args!("MTU={} ", pair(*c, *d)));
            }
        }
        _ => {}
    }
}

fn icmpv6(out: &mut Vec<u8>, rest: Rest<'_>) {
    add(out, format_args!("PROTO=ICMPv6 "));
    if rest.is_fragment {
        return;
    }
    let Some([kind, code, _, _, a, b, c, d]) = rest.bytes.first_chunk::<8>() else {
        return incomplete(out, rest.bytes);
    };
    add(out, format_args!("TYPE={kind} CODE={code} "));
    let number = u32::from_be_bytes([*a, *b, *c, *d]);
    match kind {
        128 | 129 => add(out, format_args!("ID={} SEQ={} ", pair(*a, *b), pair(*c, *d))),
        1..=4 => {
            if *kind == 4 {
                add(out, format_args!("POINTER={number:08x} "));
            }
            quote(out, rest, ipv6);
            if *kind == 2 {
                add(out, format_args!("MTU={number} "));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;

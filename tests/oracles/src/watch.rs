//! Lines of logs.

use crate::hold;
use burgrave_watch::{Event, Reader, all, lines};
use std::net::{IpAddr, Ipv4Addr};

/// One service in so many is asked for an input.
const SERVICES_STEP: usize = 19;

/// An address is only seen where it stands in a line so far, an account only where it stands in this
/// one; a log that is read twice says the same twice.
pub fn watch(input: &[u8]) {
    let input = input.get(..4_096).unwrap_or(input);
    // A few services each time; which, the input says.
    let sum = input
        .iter()
        .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    for service in all().skip(sum % SERVICES_STEP).step_by(SERVICES_STEP) {
        let is_strict = sum.is_multiple_of(2);
        let mut first = Reader::new(service, is_strict);
        let mut second = Reader::new(service, is_strict);
        for line in lines(input) {
            let event = first.line(line);
            hold(event == second.line(line), "a second reading differs", input);
            if let Some(event) = event {
                stands_there(&event, line, input);
            }
        }
    }
}

fn stands_there(event: &Event<'_>, line: &[u8], input: &[u8]) {
    hold(event.count > 0, "an event that is none", input);
    let has = |text: &[u8], part: &[u8]| text.windows(part.len().max(1)).any(|own| own == part);
    hold(
        event.user.is_none_or(|user| has(line, user)),
        "an account that is not in the line",
        input,
    );
    hold(event.host.is_none_or(|host| has(line, host)), "a host that is not in the line", input);
    match event.ip {
        None => {}
        Some(IpAddr::V4(ip)) => hold(is_written(ip, input), "an address that nobody wrote", input),
        Some(IpAddr::V6(_)) => hold(input.contains(&b':'), "an address that nobody wrote", input),
    }
}

/// As four numbers, or as it may stand inside IPv6.
fn is_written(ip: Ipv4Addr, input: &[u8]) -> bool {
    let dotted = ip.to_string();
    let stands = input.windows(dotted.len()).any(|own| own == dotted.as_bytes());
    stands || input.windows(4).any(|own| own.eq_ignore_ascii_case(b"ffff"))
}

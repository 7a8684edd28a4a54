//! Syslog: a datagram for each alert, to the socket of this machine or over UDP (RFC 5424). Nobody answers there, so
//! what the socket takes counts as taken.

use super::Failure;
use crate::message::{Item, Message};
use burgrave_config::Syslog;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;

/// Facility `daemon`.
const FACILITY: u8 = 3;
/// Every receiver must take so many (RFC 5424, 6.1); most take more.
const BYTES_MAX: usize = 2_048;

pub(super) fn send(
    message: &Message,
    host: &str,
    socket: &Syslog,
    taken: &mut dyn FnMut(usize),
) -> Result<(), Failure> {
    let all = datagrams(message, host, matches!(socket, Syslog::Unix(_)));
    for (datagram, part) in all.iter().zip(0..).skip(message.parts) {
        put(datagram, socket).map_err(|error| Failure::of(error, part))?;
        taken(part + 1);
    }
    Ok(())
}

fn put(datagram: &[u8], socket: &Syslog) -> Result<(), std::io::Error> {
    match socket {
        Syslog::Unix(path) => UnixDatagram::unbound()?.send_to(datagram, path).map(drop),
        Syslog::Udp(address) | Syslog::Tcp(address) => {
            let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            UdpSocket::bind(any)?.send_to(datagram, address).map(drop)
        }
    }
}

/// The level of syslog.
fn level(severity: &str) -> u8 {
    match severity {
        "critical" => 2,
        "high" => 3,
        "medium" => 4,
        "low" => 5,
        _ => 6,
    }
}

fn datagrams(message: &Message, host: &str, is_local: bool) -> Vec<Vec<u8>> {
    let one = |severity: &str, text: &str| {
        let priority = FACILITY * 8 + level(severity);
        let mut datagram = if is_local {
            format!("<{priority}>burgrave: {text}")
        } else {
            let time = burgrave_sys::UnixTime(message.made).rfc3339();
            format!("<{priority}>1 {time} {host} burgrave - {} - {text}", message.reason.word())
        }
        .into_bytes();
        datagram.truncate(BYTES_MAX);
        datagram
    };
    if message.items.is_empty() {
        return vec![one("info", &message.subject(host))];
    }
    let text = |item: &Item| {
        let more = if item.text.is_empty() { String::new() } else { format!(": {}", item.text) };
        format!("{} [{} {}] {}{more}", item.line(), item.topic, item.subject, item.fingerprint)
    };
    let mut all: Vec<_> =
        message.items.iter().map(|item| one(&item.severity, &text(item))).collect();
    if message.more > 0 {
        all.push(one("high", &format!("and {} more alerts", message.more)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;

    #[test]
    fn each_alert_is_a_datagram_with_its_level() {
        let mut message = message();
        let shown = |message: &Message, is_local| -> Vec<String> {
            let all = datagrams(message, "h", is_local);
            all.into_iter().map(|datagram| String::from_utf8(datagram).unwrap()).collect()
        };
        let local = shown(&message, true);
        assert_eq!(
            local[0],
            "<27>burgrave: high: backup `job` failed (2 times) [backup.failed job] abc: no space"
        );
        assert_eq!(local[2], "<27>burgrave: and 3 more alerts");
        let remote = shown(&message, false);
        assert!(
            remote[0].starts_with("<27>1 1970-01-01T00:00:00.000000Z h burgrave - alert - high:")
        );
        message.items[0].text = "x".repeat(9_000);
        assert_eq!(datagrams(&message, "h", true)[0].len(), BYTES_MAX);
        message.items.clear();
        assert_eq!(shown(&message, true).len(), 1);
    }
}

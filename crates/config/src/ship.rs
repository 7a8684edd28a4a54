//! `[[log.ship]]`: where the lines of the access log are sent, beside its file.

use crate::backup::HttpAddress;
use crate::backup_address::{host_name, http};
use crate::kinds::{AbsolutePath, Count};
use crate::names::Parsed;
use crate::sink::Sink;
use crate::table::{Key, ManyTables, Section, Table};
use std::net::IpAddr;
use std::path::PathBuf;

/// Where lines are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ship {
    /// As it was written: what people know it by.
    pub name: String,
    /// Where to.
    pub to: ShipTo,
    /// Whose certificates are believed, in place of the machine's authorities.
    pub ca: Option<PathBuf>,
    /// The own certificate and its key.
    pub own: Option<(PathBuf, PathBuf)>,
    /// One request in so many becomes a trace; failures always do.
    pub one_in: u32,
}

/// A kind of collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShipTo {
    /// Messages of syslog (RFC 5424) over TLS (RFC 5425), or over TCP (RFC 6587) on this machine.
    Syslog {
        /// Whether TLS is spoken.
        is_secure: bool,
        /// Name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// The journal of this machine.
    Journal,
    /// Traces by OTLP over HTTP.
    Otlp(HttpAddress),
}

impl ShipTo {
    /// Whether TLS is spoken.
    pub fn is_secure(&self) -> bool {
        match self {
            Self::Syslog { is_secure, .. } => *is_secure,
            Self::Journal => false,
            Self::Otlp(address) => address.is_secure,
        }
    }
}

pub(crate) static SHIP: Key<ManyTables> = Key {
    name: "ship",
    kind: ManyTables(&SHIP_SECTION),
    default: "nowhere",
    about: "Where its lines are sent as well, so that they are out of reach of whoever takes this machine.",
};
static SHIP_SECTION: Section = Section {
    title: "[[log.ship]]",
    about: "A collector. Lines are read from the file, by a process of its own: a collector that is away holds nothing up, \
            and gets what it has missed when it is back.",
    keys: &[&TO, &CA, &CERTIFICATE, &KEY, &ONE_IN],
    refused: &[],
};
const TO_WORDS: &str = "`\"syslog+tls://HOST:PORT\"`, `\"syslog+tcp://ADDRESS:PORT\"`, `\"journal\"` or \
                        `\"otlp:https://HOST:PORT/PATH\"`";
static TO: Key<Parsed<(String, ShipTo)>> = Key {
    name: "to",
    kind: Parsed { parse: to, words: TO_WORDS },
    default: "",
    about: "Where to. Without TLS only to an address of this machine. `otlp` makes a trace of each request; its path is \
            `/v1/traces` unless it says another.",
};
static CA: Key<AbsolutePath> = Key {
    name: "ca",
    kind: AbsolutePath,
    default: "the authorities that this machine trusts",
    about: "Certificates (PEM) of those who may vouch for the collector.",
};
static CERTIFICATE: Key<AbsolutePath> = Key {
    name: "certificate",
    kind: AbsolutePath,
    default: "none",
    about: "The certificate (PEM, with those that vouch for it) that is shown to the collector.",
};
static KEY: Key<AbsolutePath> =
    Key { name: "key", kind: AbsolutePath, default: "none", about: "Its key (PEM)." };
static ONE_IN: Key<Count> = Key {
    name: "one_in",
    kind: Count { min: 1, max: 1_000_000 },
    default: "1",
    about: "For `otlp`: one request in so many becomes a trace. Those that end with 500 or above always do.",
};

/// Reads the collectors; `has_file`: whether there is a file to read lines from.
pub(crate) fn ship(table: &Table<'_, '_>, has_file: bool, sink: &mut Sink<'_>) -> Vec<Ship> {
    let mut all: Vec<Ship> = Vec::new();
    for own in table.tables(&SHIP, sink) {
        if !has_file {
            let message = "lines are read from the file, and `access` names none".to_owned();
            sink.wrong(&own.spot, message, None);
        }
        let ca = own.get(&CA, sink);
        let one_in = own.get(&ONE_IN, sink);
        let pair = match (own.get(&CERTIFICATE, sink), own.get(&KEY, sink)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let message = "`certificate` and `key` belong together".to_owned();
                sink.wrong(&own.spot, message, None);
                None
            }
        };
        let Some(to) = own.needed(&TO, sink) else { continue };
        let (name, place) = to.value;
        let unused = [
            ("ca", ca.is_some() && !place.is_secure()),
            ("certificate", pair.is_some() && !place.is_secure()),
            ("one_in", one_in.is_some() && !matches!(place, ShipTo::Otlp(_))),
        ];
        for (key, _) in unused.into_iter().filter(|(_, is_unused)| *is_unused) {
            let message = format!("`{key}` means nothing with `{name}`");
            sink.wrong(&own.spot, message, None);
        }
        if all.iter().any(|other| other.to == place) {
            sink.wrong(&to.spot, format!("`{name}` is there twice"), None);
        }
        all.push(Ship { name, to: place, ca, own: pair, one_in: one_in.unwrap_or(1) });
    }
    all
}

fn to(text: &str) -> Result<(String, ShipTo), &'static str> {
    let place = if text == "journal" {
        ShipTo::Journal
    } else if let Some(rest) = text.strip_prefix("syslog+tls://") {
        syslog(true, rest)?
    } else if let Some(rest) = text.strip_prefix("syslog+tcp://") {
        syslog(false, rest)?
    } else if let Some(rest) = text.strip_prefix("otlp:") {
        if rest.contains('@') {
            return Err("it holds no user and no password");
        }
        let mut address = http(rest)?;
        if !address.is_secure {
            local(&address.host)?;
        }
        if address.path.is_empty() {
            "/v1/traces".clone_into(&mut address.path);
        }
        ShipTo::Otlp(address)
    } else {
        return Err("this is no collector that is known");
    };
    Ok((text.to_owned(), place))
}

fn syslog(is_secure: bool, text: &str) -> Result<ShipTo, &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("it ends with a colon and a port")?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or("this is no port")?;
    if !is_secure {
        local(host)?;
    }
    Ok(ShipTo::Syslog { is_secure, host: host_name(host)?, port })
}

/// Lines tell who did what: they leave the machine within TLS only.
fn local(host: &str) -> Result<(), &'static str> {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(address) if address.is_loopback() => Ok(()),
        Ok(_) | Err(_) => Err("without TLS it is an address of this machine, such as `127.0.0.1`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ship: &str, access: &str) -> Result<Vec<Ship>, String> {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:80\"\n[log]\n{access}\n[[log.ship]]\n{ship}\n[[site]]\nhosts = [\"*\"]\n\
             files = {{ root = \"/a\" }}\n"
        );
        match crate::parse(&text) {
            Ok(settings) => Ok(settings.log.ship),
            Err(errors) => Err(errors.render("burgrave.toml")),
        }
    }

    const FILE: &str = "access = \"/var/log/a\"";

    #[test]
    fn collectors_are_read() {
        let syslog =
            |is_secure, host: &str, port| ShipTo::Syslog { is_secure, host: host.to_owned(), port };
        let otlp = |is_secure, host: &str, port, path: &str| {
            ShipTo::Otlp(HttpAddress {
                is_secure,
                host: host.to_owned(),
                port,
                path: path.to_owned(),
            })
        };
        for (text, expected) in [
            ("journal", ShipTo::Journal),
            ("syslog+tls://logs.example:6514", syslog(true, "logs.example", 6514)),
            ("syslog+tls://[2001:db8::1]:6514", syslog(true, "[2001:db8::1]", 6514)),
            ("syslog+tcp://127.0.0.1:601", syslog(false, "127.0.0.1", 601)),
            ("syslog+tcp://[::1]:601", syslog(false, "[::1]", 601)),
            ("otlp:https://c.example", otlp(true, "c.example", 443, "/v1/traces")),
            ("otlp:http://127.0.0.1:4318/x/", otlp(false, "127.0.0.1", 4318, "/x")),
        ] {
            let found = read(&format!("to = \"{text}\""), FILE).unwrap();
            assert_eq!((&found[0].to, found[0].one_in), (&expected, 1), "{text}");
        }
    }

    #[test]
    fn what_would_not_be_done_is_refused() {
        for (ship, access, word) in [
            ("", FILE, "has no `to`"),
            ("to = \"journal\"", "", "`access` names none"),
            ("to = \"syslog+tcp://192.0.2.1:601\"", FILE, "without TLS"),
            ("to = \"syslog+tcp://localhost:601\"", FILE, "without TLS"),
            ("to = \"syslog+tls://logs.example\"", FILE, "a port"),
            ("to = \"syslog+tls://logs.example:0\"", FILE, "no port"),
            ("to = \"otlp:http://192.0.2.1:4318\"", FILE, "without TLS"),
            ("to = \"otlp:https://u:p@c.example\"", FILE, "no password"),
            ("to = \"udp://127.0.0.1:514\"", FILE, "no collector"),
            ("to = \"journal\"\nca = \"/c\"", FILE, "`ca` means nothing"),
            ("to = \"journal\"\none_in = 2", FILE, "`one_in` means nothing"),
            ("to = \"otlp:https://c\"\nkey = \"/k\"", FILE, "belong together"),
            ("to = \"journal\"\n[[log.ship]]\nto = \"journal\"", FILE, "twice"),
        ] {
            let errors = read(ship, access).unwrap_err();
            assert!(errors.contains(word), "{ship}: {errors}");
        }
    }
}

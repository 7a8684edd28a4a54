//! Services that are no HTTP: bytes passed on, by port or by the name that a client asks TLS for.

use crate::access::{CLIENT_CA, NETWORKS};
use crate::error::quoted;
use crate::keys::{CONNECT_TIME, IDLE_TIME};
use crate::kinds::{Address, Choice, Kind, List, Words, refuse, text};
use crate::names::{self, Parsed};
use crate::settings::{Authority, Limits, Network, Settings, Tls};
use crate::sink::{Located, Sink, Spot};
use crate::stream_settings::{Announce, FixSession, Stream, StreamTls};
use crate::table::{Key, ManyTables, Section, Table};
use crate::values::TlsSource;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::de::DeValue;

pub(crate) static STREAM: Key<ManyTables> = Key {
    name: "stream",
    kind: ManyTables(&STREAM_SECTION),
    default: "none",
    about: "Services that are no HTTP, such as FIX: bytes passed on to an upstream.",
};
static STREAM_SECTION: Section = Section {
    title: "[[stream]]",
    about: "A service on an address of its own. Several may share one address if each has `hosts`: then the \
            name that a client asks TLS for decides.",
    keys: &[
        &NAME,
        &ADDRESS,
        &STREAM_HOSTS,
        &STREAM_TLS,
        &CLIENT_CA,
        &NETWORKS,
        &TCP_UPSTREAM,
        &ANNOUNCE,
        &CONNECT_TIME,
        &IDLE_TIME,
        &FIX,
    ],
    refused: &[],
};
static NAME: Key<Parsed<String>> = Key {
    name: "name",
    kind: Parsed { parse: names::account, words: "a short name, such as `\"fix\"`" },
    default: "",
    about: "What the access log calls it.",
};
static ADDRESS: Key<Address> = Key {
    name: "address",
    kind: Address,
    default: "",
    about: "Address and port that clients reach.",
};
static STREAM_HOSTS: Key<List<Parsed<String>>> = Key {
    name: "hosts",
    kind: List {
        of: Parsed { parse: names::host, words: "a host name, such as `\"fix.example.com\"`" },
        min: 1,
        max: 1_000,
    },
    default: "any name, or none",
    about: "The names that clients ask TLS for.",
};
static STREAM_TLS: Key<StreamTlsKind> = Key {
    name: "tls",
    kind: StreamTlsKind,
    default: "no TLS",
    about: "End TLS here, or pass it on as it is.",
};
static TCP_UPSTREAM: Key<List<Parsed<Authority>>> = Key {
    name: "upstream",
    kind: List {
        of: Parsed { parse: names::tcp_upstream, words: "`\"tcp://HOST:PORT\"`" },
        min: 1,
        max: 64,
    },
    default: "",
    about: "The servers that answer, in turn; one that cannot be connected to is passed over.",
};
static ANNOUNCE: Key<Choice<Announce>> = Key {
    name: "announce",
    kind: Choice { options: &[("v1", Announce::Text), ("v2", Announce::Binary)] },
    default: "not announced",
    about: "Begin towards the upstream with a header of the PROXY protocol, which names the client.",
};
static FIX: Key<ManyTables> = Key {
    name: "fix",
    kind: ManyTables(&FIX_SECTION),
    default: "bytes are not looked at",
    about: "FIX sessions. The first message must be the Logon of one of them; it is read before anything is \
            passed on.",
};
static FIX_SECTION: Section = Section {
    title: "[[stream.fix]]",
    about: "One session of the stream above it, and who may open it.",
    keys: &[&SENDER, &TARGET, &FINGERPRINT, &NETWORKS],
    refused: &[],
};
static SENDER: Key<Parsed<String>> = Key {
    name: "sender",
    kind: Parsed { parse: names::comp_id, words: "a CompID, such as `\"CLIENT1\"`" },
    default: "",
    about: "The client's `SenderCompID` (49).",
};
static TARGET: Key<Parsed<String>> = Key {
    name: "target",
    kind: Parsed { parse: names::comp_id, words: "a CompID, such as `\"BROKER\"`" },
    default: "",
    about: "The client's `TargetCompID` (56): your own.",
};
static FINGERPRINT: Key<Parsed<String>> = Key {
    name: "certificate",
    kind: Parsed {
        parse: names::fingerprint,
        words: "`\"sha256:\"` and 64 hexadecimal digits, as the access log writes it",
    },
    default: "any of `client_ca`",
    about: "The fingerprint of the client's certificate.",
};

/// What is done about TLS.
struct StreamTlsKind;

impl Words for StreamTlsKind {
    fn words(&self) -> String {
        "`\"passthrough\"`, `\"self-signed\"` or `{ certificate = \"/…\", key = \"/…\" }`"
            .to_owned()
    }

    fn nested(&self) -> Option<&'static Section> {
        TlsSource.nested()
    }
}

impl Kind for StreamTlsKind {
    type Value = StreamTls;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<StreamTls> {
        if matches!(value, DeValue::Table(_)) {
            return TlsSource.read(value, spot, sink).map(StreamTls::Ended);
        }
        match text(self, value, spot, sink)? {
            "passthrough" => Some(StreamTls::Passed),
            "self-signed" => Some(StreamTls::Ended(Tls::SelfSigned)),
            _ => {
                refuse(self, value, spot, sink);
                None
            }
        }
    }
}

/// Reads all streams and checks them against each other and the listeners.
pub(crate) fn streams(root: &Table<'_, '_>, settings: &mut Settings, sink: &mut Sink<'_>) {
    let listeners: Vec<_> = settings.listeners.iter().map(|listen| listen.address).collect();
    let mut taken: HashMap<(SocketAddr, Option<String>), usize> = HashMap::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    for table in root.tables(&STREAM, sink) {
        let Some((stream, spots)) = stream(&table, &settings.limits, sink) else { continue };
        if listeners.contains(&stream.address) {
            let message = format!("`{}` is a `[[listen]]` already", stream.address);
            sink.wrong(&spots.address, message, "an address of its own".to_owned());
        }
        let line = sink.line(&spots.name);
        if let Some(first) = names.insert(stream.name.clone(), line) {
            let message = format!("{} is the name of two streams", quoted(&stream.name));
            sink.wrong(&spots.name, message, format!("another name: the first is in line {first}"));
        }
        let hosts: Vec<_> = match stream.hosts.as_slice() {
            [] => vec![None],
            hosts => hosts.iter().cloned().map(Some).collect(),
        };
        for host in hosts {
            let line = sink.line(&spots.address);
            if let Some(first) = taken.insert((stream.address, host.clone()), line) {
                let what = host.map_or("any name".to_owned(), |host| quoted(&host));
                let message = format!("`{}` has two streams for {what}", stream.address);
                sink.wrong(&spots.address, message, format!("one: the first is in line {first}"));
            }
        }
        settings.streams.push(stream);
    }
    alike(&settings.streams, sink, root);
}

/// Streams that share an address must all have TLS, which says the name, or all have none.
fn alike(streams: &[Stream], sink: &mut Sink<'_>, root: &Table<'_, '_>) {
    for (index, stream) in streams.iter().enumerate() {
        let mut earlier = streams.iter().take(index);
        if let Some(other) = earlier.find(|other| other.address == stream.address)
            && other.tls.is_some() != stream.tls.is_some()
        {
            let message = format!("`{}` has streams with TLS and without", stream.address);
            sink.missing(&root.spot, &message, "an address for each kind".to_owned());
        }
    }
}

struct Spots {
    name: Spot,
    address: Spot,
}

fn stream(table: &Table<'_, '_>, limits: &Limits, sink: &mut Sink<'_>) -> Option<(Stream, Spots)> {
    let name = table.needed(&NAME, sink);
    let address = table.needed(&ADDRESS, sink);
    let upstream = table.needed(&TCP_UPSTREAM, sink);
    let tls = table.located(&STREAM_TLS, sink);
    let ended = matches!(tls.as_ref().map(|tls| &tls.value), Some(StreamTls::Ended(_)));
    let hosts = table.located(&STREAM_HOSTS, sink);
    if let Some(hosts) = &hosts
        && !table.has(&STREAM_TLS)
    {
        sink.missing(
            &hosts.spot,
            "without TLS nobody says a name",
            "`tls`, or no `hosts`".to_owned(),
        );
    }
    let client_ca = table.located(&CLIENT_CA, sink);
    if let Some(ca) = &client_ca
        && !ended
    {
        let allowed = "a certificate in `tls`, or no `client_ca`".to_owned();
        sink.missing(&ca.spot, "client certificates are seen where TLS ends", allowed);
    }
    let fix = sessions(table, client_ca.is_some(), sink);
    let passed = matches!(tls.as_ref().map(|tls| &tls.value), Some(StreamTls::Passed));
    if passed && !fix.is_empty() {
        let allowed = "a certificate in `tls`, so that the Logon can be read".to_owned();
        sink.missing(&table.spot, "FIX cannot be read within TLS that is passed on", allowed);
    }
    let list = |values: Option<Vec<Located<Network>>>| -> Vec<_> {
        values.unwrap_or_default().into_iter().map(|own| own.value).collect()
    };
    let (name, address) = (name?, address?);
    let stream = Stream {
        name: name.value,
        address: address.value,
        hosts: hosts.into_iter().flat_map(|all| all.value).map(|host| host.value).collect(),
        tls: tls.map(|tls| tls.value),
        client_ca: client_ca.map(|file: Located<PathBuf>| file.value),
        networks: list(table.get(&NETWORKS, sink)),
        upstream: upstream?.value.into_iter().map(|own| own.value).collect(),
        announce: table.get(&ANNOUNCE, sink),
        connect_time: table.get(&CONNECT_TIME, sink).unwrap_or(limits.connect_time),
        idle_time: table.get(&IDLE_TIME, sink).unwrap_or(limits.idle_time),
        fix,
    };
    Some((stream, Spots { name: name.spot, address: address.spot }))
}

fn sessions(table: &Table<'_, '_>, has_ca: bool, sink: &mut Sink<'_>) -> Vec<FixSession> {
    let mut sessions: Vec<FixSession> = Vec::new();
    for table in table.tables(&FIX, sink) {
        let (sender, target) = (table.needed(&SENDER, sink), table.needed(&TARGET, sink));
        let certificate = table.located(&FINGERPRINT, sink);
        if let Some(own) = &certificate
            && !has_ca
        {
            let allowed = "`client_ca` in the stream".to_owned();
            sink.missing(&own.spot, "no client certificate can be verified", allowed);
        }
        let networks = table.get(&NETWORKS, sink).unwrap_or_default();
        let (Some(sender), Some(target)) = (sender, target) else { continue };
        let session = FixSession {
            sender: sender.value,
            target: target.value,
            certificate: certificate.map(|own| own.value),
            networks: networks.into_iter().map(|own| own.value).collect(),
        };
        let same = |other: &FixSession| {
            (&other.sender, &other.target) == (&session.sender, &session.target)
        };
        if sessions.iter().any(same) {
            sink.wrong(&sender.spot, "the session stands there twice", None);
        }
        sessions.push(session);
    }
    sessions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const SITE: &str = "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \
                        \"/srv\" }\n";
    const FIX: &str = "[[stream]]\nname = \"fix\"\naddress = \"0.0.0.0:9878\"\ntls = \"self-signed\"\n\
                       client_ca = \"/ca\"\nupstream = [\"tcp://127.0.0.1:9\"]\n";

    fn read(text: &str) -> Result<Vec<Stream>, String> {
        let parsed = parse(&format!("{SITE}{text}"));
        parsed.map(|settings| settings.streams).map_err(|errors| errors.errors[0].message.clone())
    }

    #[test]
    fn streams_are_read() {
        let more = "announce = \"v2\"\nnetworks = [\"10.0.0.0/8\"]\nidle_time = \"5m\"\n[[stream.fix]]\n\
                    sender = \"CLIENT1\"\ntarget = \"BROKER\"\n";
        let [stream] = &read(&format!("{FIX}{more}")).unwrap()[..] else { panic!("one") };
        assert_eq!((stream.name.as_str(), stream.address.port()), ("fix", 9878));
        assert_eq!(stream.tls, Some(StreamTls::Ended(Tls::SelfSigned)));
        assert_eq!((stream.announce, stream.idle_time.as_secs()), (Some(Announce::Binary), 300));
        assert_eq!((stream.fix.len(), stream.networks.len(), stream.upstream.len()), (1, 1, 1));
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_is_said() {
        let fix = |from: &str, to: &str| FIX.replace(from, to);
        let session = "[[stream.fix]]\nsender = \"A\"\ntarget = \"B\"\n";
        for (text, said) in [
            (fix(":9878", ":80"), "`0.0.0.0:80` is a `[[listen]]` already"),
            (
                fix("tcp://", "http://"),
                "`http://127.0.0.1:9`: a stream's upstream begins with `tcp://`",
            ),
            (fix("tcp://127.0.0.1:9", "tcp://a"), "`tcp://a`: a stream's upstream has a port"),
            (fix("self-signed", "no"), "`tls` cannot be `no`"),
            (fix("self-signed", "passthrough"), "client certificates are seen where TLS ends"),
            (
                format!("{FIX}{}", fix("\"fix\"", "\"other\"")),
                "`0.0.0.0:9878` has two streams for any name",
            ),
            (format!("{FIX}{}", fix(":9878", ":9879")), "`fix` is the name of two streams"),
            (format!("{FIX}{session}{session}"), "the session stands there twice"),
            (
                fix("tls = \"self-signed\"\nclient_ca = \"/ca\"", "hosts = [\"x\"]"),
                "without TLS nobody says a name",
            ),
            (
                format!(
                    "{}{session}certificate = \"sha256:{}\"\n",
                    fix("client_ca = \"/ca\"\n", ""),
                    "a".repeat(64)
                ),
                "no client certificate can be verified",
            ),
            (
                format!(
                    "{}{session}",
                    fix("\"self-signed\"\nclient_ca = \"/ca\"", "\"passthrough\"")
                ),
                "FIX cannot be read within TLS that is passed on",
            ),
            (
                format!("{FIX}[[stream.fix]]\nsender = \"A B\"\ntarget = \"B\"\n"),
                "`A B`: a CompID is made of visible ASCII characters",
            ),
        ] {
            assert_eq!(read(&text).unwrap_err(), said, "{text}");
        }
    }
}

//! Every section and every key: what it is called, what it holds, its default and why it is there.
//! Reading, suggestions and the reference all come from these entries.

use crate::access::{CLIENT_CA, ROUTE_ACCESS, SITE_ACCESS, network};
use crate::acme::ACME;
use crate::administrators::ADMINISTRATORS;
use crate::alert_keys::{ALERT, ALERTS};
use crate::audit::AUDIT;
use crate::backup_keys::BACKUP;
use crate::balance::{BALANCE, HEALTH, STICKY};
use crate::bans::BANS;
pub(crate) use crate::defence::{BURST, LIMIT_SECTION, PER_CLIENT};
use crate::defence::{CHALLENGE, CONNECTIONS_PER_NETWORK, DELAY};
use crate::fastcgi::FASTCGI;
use crate::files::COMPRESS_ANSWERS;
pub(crate) use crate::files::FILES_SECTION;
use crate::firewall::FIREWALL;
use crate::kinds::{AbsolutePath, Address, Choice, Count, Flag, List, Size, Span};
pub(crate) use crate::log_keys::*;
use crate::names::{self, Parsed};
pub(crate) use crate::rules_keys::*;
use crate::scan::SCAN;
use crate::settings::{Environment, Exposure, Network, Upstream};
use crate::streams::STREAM;
use crate::table::{Key, ManyTables, OneTable, Section};
use crate::values::{HeaderMap, TlsSource};
pub(crate) use crate::watch_keys::*;
use burgrave_model::Mode;

const SERVER_WIDE: &str =
    "counts before the site is known, so it is the whole server's: move it to `[limits]`";
pub(crate) const MODES: Choice<Mode> =
    Choice { options: &[("block", Mode::Block), ("detect", Mode::Detect), ("off", Mode::Off)] };

pub(crate) static ROOT: Section = Section {
    title: "burgrave.toml",
    about: "The keys at the top, before the first section.",
    keys: &[
        &STATE,
        &USER,
        &METRICS,
        &LISTEN,
        &RULES,
        &LIMITS,
        &LOG,
        &WATCH,
        &FIREWALL,
        &BANS,
        &ADMINISTRATORS,
        &AUDIT,
        &BACKUP,
        &ACME,
        &ALERT,
        &ALERTS,
        &SITE,
        &STREAM,
    ],
    refused: &[],
};
pub(crate) static STATE: Key<AbsolutePath> = Key {
    name: "state",
    kind: AbsolutePath,
    default: "\"/var/lib/burgrave\"",
    about: "Directory for what Burgrave makes and keeps, such as self-signed certificates.",
};
pub(crate) static USER: Key<Parsed<String>> = Key {
    name: "user",
    kind: Parsed { parse: names::account, words: "the name of an account, such as `\"burgrave\"`" },
    default: "`burgrave` if there is one, else `nobody`",
    about: "The account that the gateway's process becomes when Burgrave is started as root.",
};
pub(crate) static METRICS: Key<Address> = Key {
    name: "metrics",
    kind: Address,
    default: "none",
    about: "Address for operators' programs: `/metrics` for Prometheus, `/ready` and `/live`. Not for the public.",
};
pub(crate) static LISTEN: Key<ManyTables> = Key {
    name: "listen",
    kind: ManyTables(&LISTEN_SECTION),
    default: "",
    about: "The sockets that clients reach. At least one.",
};
pub(crate) static RULES: Key<OneTable> = Key {
    name: "rules",
    kind: OneTable(&RULES_SECTION),
    default: "no rule engine",
    about: "The rule engine that inspects requests and answers.",
};
pub(crate) static LIMITS: Key<OneTable> = Key {
    name: "limits",
    kind: OneTable(&LIMITS_SECTION),
    default: "each key's own",
    about: "What a client may send and hold.",
};
pub(crate) static LOG: Key<OneTable> = Key {
    name: "log",
    kind: OneTable(&LOG_SECTION),
    default: "no access log",
    about: "What is recorded.",
};
pub(crate) static SITE: Key<ManyTables> = Key {
    name: "site",
    kind: ManyTables(&SITE_SECTION),
    default: "",
    about: "What is served, by host name. At least one.",
};

pub(crate) static LISTEN_SECTION: Section = Section {
    title: "[[listen]]",
    about: "One listening socket. A site with TLS needs a listener with TLS, a site without one needs \
            a listener without.",
    keys: &[&ADDRESS, &LISTEN_TLS, &HTTP3, &REDIRECT, &PROXY_PROTOCOL],
    refused: &[],
};
pub(crate) static ADDRESS: Key<Address> = Key {
    name: "address",
    kind: Address,
    default: "",
    about: "Address and port. Port 0 takes any free one.",
};
pub(crate) static LISTEN_TLS: Key<Flag> = Key {
    name: "tls",
    kind: Flag,
    default: "false",
    about: "Speak TLS 1.2 and 1.3, with HTTP/2 and HTTP/1.1 inside.",
};
pub(crate) static HTTP3: Key<Flag> = Key {
    name: "http3",
    kind: Flag,
    default: "as `tls`",
    about: "On a listener with TLS: speak HTTP/3 on the UDP port of the same number too, and say so in \
            `Alt-Svc`. Not behind a load balancer that is named in `proxy_protocol`.",
};
pub(crate) static REDIRECT: Key<Flag> = Key {
    name: "redirect",
    kind: Flag,
    default: "true",
    about: "On a listener without TLS: send clients of a site with TLS to its https address. With \
            `false` the listener serves such a site in the clear.",
};

pub(crate) static PROXY_PROTOCOL: Key<List<Parsed<Network>>> = Key {
    name: "proxy_protocol",
    kind: List {
        of: Parsed { parse: network, words: "an address or a network, such as `\"10.0.0.0/8\"`" },
        min: 1,
        max: 100,
    },
    default: "none",
    about: "Networks of load balancers, whose connections must begin with a header of the PROXY protocol \
            (version 1 or 2) that names the client. From anywhere else there is none.",
};

pub(crate) static LIMITS_SECTION: Section = Section {
    title: "[limits]",
    about: "Bounds on what a client may send and hold.",
    keys: &[
        &HEADER_TIME,
        &HEADER_BYTES,
        &HEADER_COUNT,
        &BODY_TIME,
        &BODY_BYTES,
        &RATE_MIN,
        &CONNECTIONS_PER_CLIENT,
        &CONNECTIONS_PER_NETWORK,
        &CONNECTIONS,
        &IDLE_TIME,
        &CONNECT_TIME,
        &UPSTREAM_TIME,
        &DELAY,
    ],
    refused: &[],
};
pub(crate) static OWN_LIMITS_SECTION: Section = Section {
    title: "limits = { … }",
    about: "Limits of one site or route. What is not set is the site's, and what the site does not set \
            is that of `[limits]`.",
    keys: &[&BODY_TIME, &BODY_BYTES, &RATE_MIN, &CONNECT_TIME, &UPSTREAM_TIME],
    refused: &[
        ("header_time", SERVER_WIDE),
        ("header_bytes", SERVER_WIDE),
        ("header_count", SERVER_WIDE),
        ("connections_per_client", SERVER_WIDE),
        ("connections_per_network", SERVER_WIDE),
        ("delay", SERVER_WIDE),
        ("connections", SERVER_WIDE),
        ("idle_time", SERVER_WIDE),
    ],
};
pub(crate) static HEADER_TIME: Key<Span> = Key {
    name: "header_time",
    kind: Span { millis_min: 100, millis_max: 600_000 },
    default: "\"10s\"",
    about: "From the first byte of a request to the end of its header.",
};
pub(crate) static HEADER_BYTES: Key<Size> = Key {
    name: "header_bytes",
    kind: Size { min: 1 << 10, max: 1 << 20 },
    default: "\"32KiB\"",
    about: "Size of a request's header with its request line.",
};
pub(crate) static HEADER_COUNT: Key<Count> = Key {
    name: "header_count",
    kind: Count { min: 1, max: 1_000 },
    default: "100",
    about: "Number of header fields of a request.",
};
pub(crate) static BODY_TIME: Key<Span> = Key {
    name: "body_time",
    kind: Span { millis_min: 100, millis_max: 3_600_000 },
    default: "\"10s\"",
    about: "Between two pieces of a request's body.",
};
pub(crate) static BODY_BYTES: Key<Size> = Key {
    name: "body_bytes",
    kind: Size { min: 1, max: 1 << 40 },
    default: "\"10MiB\"",
    about: "Size of a request's body.",
};
pub(crate) static RATE_MIN: Key<Size> = Key {
    name: "rate_min",
    kind: Size { min: 0, max: 1 << 30 },
    default: "64",
    about: "Bytes a second that a client must at least send of a body, once `body_time` has passed \
            since its start. 0: no minimum.",
};
pub(crate) static CONNECTIONS_PER_CLIENT: Key<Count> = Key {
    name: "connections_per_client",
    kind: Count { min: 1, max: 1_000_000 },
    default: "200",
    about: "Connections at once from one address.",
};
pub(crate) static CONNECTIONS: Key<Count> = Key {
    name: "connections",
    kind: Count { min: 1, max: 10_000_000 },
    default: "10000",
    about: "Connections at once in all.",
};
pub(crate) static IDLE_TIME: Key<Span> = Key {
    name: "idle_time",
    kind: Span { millis_min: 100, millis_max: 86_400_000 },
    default: "\"60s\"",
    about: "How long a connection without a request stays open.",
};
pub(crate) static CONNECT_TIME: Key<Span> = Key {
    name: "connect_time",
    kind: Span { millis_min: 10, millis_max: 600_000 },
    default: "\"5s\"",
    about: "How long a connection to an upstream may take.",
};
pub(crate) static UPSTREAM_TIME: Key<Span> = Key {
    name: "upstream_time",
    kind: Span { millis_min: 100, millis_max: 86_400_000 },
    default: "\"60s\"",
    about: "How long an upstream may take to begin its answer, and between two pieces of it.",
};

pub(crate) static SITE_SECTION: Section = Section {
    title: "[[site]]",
    about: "A set of host names with its content: files, routes to upstreams, or both.",
    keys: &[
        &HOSTS,
        &ENVIRONMENT,
        &EXPOSURE,
        &TLS,
        &CLIENT_CA,
        &SITE_ACCESS,
        &FILES,
        &HEADERS,
        &SITE_MODE,
        &CHALLENGE,
        &SITE_LIMITS,
        &ROUTE,
    ],
    refused: &[],
};
pub(crate) static HOSTS: Key<List<Parsed<String>>> = Key {
    name: "hosts",
    kind: List {
        of: Parsed {
            parse: names::host,
            words: "a host name without port, such as `\"shop.example.com\"`, `\"*.example.com\"`, or `\"*\"` for any",
        },
        min: 1,
        max: 1_000,
    },
    default: "",
    about: "The names that the site answers to. The first one names it in the access log; a request \
            for a name of no site is refused. `*.` stands for one label; the nearest name has a request.",
};
pub(crate) static ENVIRONMENT: Key<Choice<Environment>> = Key {
    name: "environment",
    kind: Choice {
        options: &[
            ("production", Environment::Production),
            ("staging", Environment::Staging),
            ("development", Environment::Development),
        ],
    },
    default: "\"production\"",
    about: "Which world the site belongs to. Sites of different ones may share no upstream and no key. One \
            that is not production must be closed to strangers, and tells search engines to stay away.",
};
pub(crate) static EXPOSURE: Key<Choice<Exposure>> = Key {
    name: "exposure",
    kind: Choice { options: &[("public", Exposure::Public), ("internal", Exposure::Internal)] },
    default: "\"public\"",
    about: "Who is meant to reach the site: anyone, or your own staff, from private networks if `access` \
            names no others.",
};
pub(crate) static TLS: Key<TlsSource> = Key {
    name: "tls",
    kind: TlsSource,
    default: "plain HTTP",
    about: "Where the site's certificate comes from. A self-signed one is made at the first start and \
            kept; `\"acme\"` fetches one as `[acme]` says and renews it.",
};
pub(crate) static FILES: Key<OneTable> = Key {
    name: "files",
    kind: OneTable(&FILES_SECTION),
    default: "no files",
    about: "Static content, for what no route takes.",
};
pub(crate) static HEADERS: Key<HeaderMap> = Key {
    name: "headers",
    kind: HeaderMap,
    default: "Burgrave's own security headers",
    about: "Response headers to set over Burgrave's own; an empty value leaves one out.",
};
pub(crate) static SITE_MODE: Key<Choice<Mode>> = Key {
    name: "mode",
    kind: MODES,
    default: "that of `[rules]`",
    about: "What the rules do with attacks on this site.",
};
pub(crate) static SITE_LIMITS: Key<OneTable> = Key {
    name: "limits",
    kind: OneTable(&OWN_LIMITS_SECTION),
    default: "those of `[limits]`",
    about: "The site's own limits.",
};
pub(crate) static ROUTE: Key<ManyTables> = Key {
    name: "route",
    kind: ManyTables(&ROUTE_SECTION),
    default: "no routes",
    about: "The paths that go to an upstream.",
};
pub(crate) static TLS_SECTION: Section = Section {
    title: "tls = { … }",
    about: "A given certificate.",
    keys: &[&CERTIFICATE, &PRIVATE_KEY],
    refused: &[],
};
pub(crate) static CERTIFICATE: Key<AbsolutePath> = Key {
    name: "certificate",
    kind: AbsolutePath,
    default: "",
    about: "PEM file with the chain, leaf first.",
};
pub(crate) static PRIVATE_KEY: Key<AbsolutePath> =
    Key { name: "key", kind: AbsolutePath, default: "", about: "PEM file with the private key." };
pub(crate) static ROUTE_SECTION: Section = Section {
    title: "[[site.route]]",
    about: "One path of the site above it. The longest path that fits takes a request.",
    keys: &[
        &PATH,
        &UPSTREAM,
        &UPSTREAM_CA,
        &FASTCGI,
        &BALANCE,
        &STICKY,
        &HEALTH,
        &ROUTE_ACCESS,
        &COMPRESS_ANSWERS,
        &LIMIT,
        &SCAN,
        &ROUTE_LIMITS,
        &ROUTE_MODE,
    ],
    refused: &[],
};
pub(crate) static PATH: Key<Parsed<String>> = Key {
    name: "path",
    kind: Parsed {
        parse: names::route_path,
        words: "a path that begins with `/`, such as `\"/api/\"`",
    },
    default: "",
    about: "One that ends in `/` or `.` takes everything that begins with it; another takes itself and \
            everything below.",
};
pub(crate) static UPSTREAM: Key<List<Parsed<Upstream>>> = Key {
    name: "upstream",
    kind: List {
        of: Parsed {
            parse: names::upstream,
            words: "`\"http://HOST:PORT\"`, `\"https://HOST:PORT\"`, `\"h2c://HOST:PORT\"`, \
                    `\"unix:/PATH\"`, `\"fastcgi://HOST:PORT\"` or `\"fastcgi:/PATH\"`",
        },
        min: 1,
        max: 64,
    },
    default: "",
    about: "The servers that answer; requests are shared out among them, and one that fails is left alone for \
            a while. `https` verifies the server's \
            certificate; `h2c` is HTTP/2 without TLS, as gRPC servers speak it.",
};
pub(crate) static UPSTREAM_CA: Key<AbsolutePath> = Key {
    name: "upstream_ca",
    kind: AbsolutePath,
    default: "the system's authorities",
    about: "PEM file of the authorities whose certificates an `https` upstream may show.",
};
pub(crate) static LIMIT: Key<OneTable> = Key {
    name: "limit",
    kind: OneTable(&LIMIT_SECTION),
    default: "no limit",
    about: "How many requests a client may make.",
};
pub(crate) static ROUTE_LIMITS: Key<OneTable> = Key {
    name: "limits",
    kind: OneTable(&OWN_LIMITS_SECTION),
    default: "the site's",
    about: "The route's own limits.",
};
pub(crate) static ROUTE_MODE: Key<Choice<Mode>> = Key {
    name: "mode",
    kind: MODES,
    default: "the site's",
    about: "What the rules do with attacks on this route.",
};

//! The checked settings: what the rest of Burgrave works with. Each field's documentation names its
//! default.

use crate::acme::Acme;
use crate::administrators::Administrators;
use crate::alerts::Alerts;
use crate::audit::Audit;
use crate::backup::Backup;
use crate::bans::Bans;
use crate::firewall::Firewall;
use crate::log_settings::Log;
use crate::stream_settings::Stream;
use crate::watch_settings::Watch;
use burgrave_model::{Mode, Profile};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A whole configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where Burgrave keeps what it makes (self-signed certificates, …). Default `/var/lib/burgrave`.
    pub state: PathBuf,
    /// The account that the gateway becomes when started as root. `None`: `burgrave`, else `nobody`.
    pub user: Option<String>,
    /// At least one, but in a configuration of backups alone.
    pub listeners: Vec<Listen>,
    /// `None` without a `[rules]` section: no rule engine.
    pub rules: Option<Rules>,
    /// The global limits; the listener-wide ones are taken from here.
    pub limits: Limits,
    /// The access log and what it records.
    pub log: Log,
    /// The logs that are watched. May be empty.
    pub watch: Vec<Watch>,
    /// The jobs. May be empty.
    pub backups: Vec<Backup>,
    /// Who is told what.
    pub alerts: Alerts,
    /// `None`: only bans are made.
    pub firewall: Option<Firewall>,
    /// What holds for all bans.
    pub bans: Bans,
    /// `None`: nobody's sign-ins are looked at in particular.
    pub administrators: Option<Administrators>,
    /// `None`: nothing is audited on a schedule.
    pub audit: Option<Audit>,
    /// Where certificates of sites with [`Tls::Acme`] come from; set where there is one.
    pub acme: Option<Acme>,
    /// At least one, but in a configuration of backups alone; host names are unique over all sites.
    pub sites: Vec<Site>,
    /// Services that are no HTTP.
    pub streams: Vec<Stream>,
    /// Where metrics and readiness are served, for operators only.
    pub metrics: Option<SocketAddr>,
}

/// One listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Address and port, unique among the listeners.
    pub address: SocketAddr,
    /// Speaks TLS (HTTP/1.1 and HTTP/2 by ALPN). Default false.
    pub tls: bool,
    /// Speaks HTTP/3 on the UDP port of the same number too. Default where it can: with TLS, and without
    /// the PROXY protocol.
    pub http3: bool,
    /// On a plain listener: redirect to https where the site has TLS. Default true.
    pub redirect: bool,
    /// Networks whose connections begin with a header of the PROXY protocol.
    pub proxy_protocol: Vec<Network>,
}

/// The rule engine.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "switches that nothing ties together")]
pub struct Rules {
    /// `SecLang` files or globs, in order. Not empty.
    pub include: Vec<PathBuf>,
    /// `None`: what `SecRuleEngine` in the files says, else block.
    pub mode: Option<Mode>,
    /// `None`: what `SecRequestBodyAccess` says, else true.
    pub request_body: Option<bool>,
    /// `None`: what `SecResponseBodyAccess` says, else false.
    pub response_body: Option<bool>,
    /// Upper bound of the engine's time for one request. Default 500 ms.
    pub budget: Duration,
    /// Decoded forms of values are inspected as well. Default true.
    pub decode: bool,
    /// By which the rules are set and narrowed. Default trading.
    pub profile: Profile,
    /// Burgrave's own rules beside the included ones. Default true.
    pub extra: bool,
    /// The profile of the application. `None`: there is none.
    pub application: Option<PathBuf>,
    /// An argument that is not of its type there adds to the score. Default false.
    pub enforce: bool,
    /// The lists of `@rbl` are asked by DNS. Default false.
    pub block_lists: bool,
}

/// Bounds on what a client may send and hold. A route's limits are the site's with its own on top,
/// a site's are the global ones with its own on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte to the end of a request's header. Default 10 s. Listener-wide only.
    pub header_time: Duration,
    /// Between two pieces of a body. Default 10 s.
    pub body_time: Duration,
    /// Size of a request body. Default 10 `MiB`.
    pub body_bytes: u64,
    /// Size of a request's header with its request line. Default 32 `KiB`. Listener-wide only.
    pub header_bytes: usize,
    /// Number of header fields. Default 100. Listener-wide only.
    pub header_count: usize,
    /// Bytes a second that a client must at least send of a body, once [`Self::body_time`] has
    /// passed since its start. Default 64. 0: no minimum.
    pub rate_min: u64,
    /// Connections at once from one address. Default 200. Listener-wide only.
    pub connections_per_client: usize,
    /// Connections at once from one IPv4 /24 or IPv6 /48. Default 2,000. Listener-wide only.
    pub connections_per_network: usize,
    /// How far an event loop may be behind before requests are turned away. Default 500 ms; zero:
    /// nobody is. Server-wide only.
    pub delay: Duration,
    /// Connections at once in all. Default 10,000. Listener-wide only.
    pub connections: usize,
    /// How long an idle keep-alive connection stays. Default 60 s. Listener-wide only.
    pub idle_time: Duration,
    /// How long an upstream may take to begin its answer, and between two pieces of it. Default 60 s.
    pub upstream_time: Duration,
    /// How long a connection to an upstream may take. Default 5 s.
    pub connect_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            body_bytes: 10 * 1024 * 1024,
            header_bytes: 32 * 1024,
            header_count: 100,
            rate_min: 64,
            connections_per_client: 200,
            connections_per_network: 2_000,
            delay: Duration::from_millis(500),
            connections: 10_000,
            idle_time: Duration::from_mins(1),
            upstream_time: Duration::from_mins(1),
            connect_time: Duration::from_secs(5),
        }
    }
}

/// One site: a set of host names with its content.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The first host, for the access log's `site`.
    pub name: String,
    /// Lower-case host names without port; `*` is any host. At least one.
    pub hosts: Vec<String>,
    /// Default production.
    pub environment: Environment,
    /// Default public.
    pub exposure: Exposure,
    /// `None`: plain HTTP.
    pub tls: Option<Tls>,
    /// PEM file of the authorities whose certificates clients may show.
    pub client_ca: Option<PathBuf>,
    /// Who may use what no route takes.
    pub access: Access,
    /// Static content for what no route takes.
    pub files: Option<Files>,
    /// Longest path first.
    pub routes: Vec<Route>,
    /// When browsers are asked for work.
    pub challenge: Challenge,
    /// Rule mode of the site. `None`: the global one.
    pub mode: Option<Mode>,
    /// The site's limits, complete.
    pub limits: Limits,
    /// Response headers to set or (empty value) to leave out, over our defaults; names in lower
    /// case. From `headers = { content-security-policy = "…" }`.
    pub headers: BTreeMap<String, String>,
}

/// Who may use a site or a route. Everything that is set must hold; the default is anyone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The client's address is in one of these. Empty: any.
    pub networks: Vec<Network>,
    /// File of users for HTTP basic sign-in.
    pub users: Option<PathBuf>,
    /// Whether a client certificate is asked for.
    pub certificate: Option<CertificateUse>,
}

impl Access {
    /// Whether anyone may come in.
    pub fn is_open(&self) -> bool {
        self.networks.is_empty() && self.users.is_none() && self.certificate.is_none()
    }
}

/// What a client certificate is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateUse {
    /// Without one nothing is served.
    Required,
    /// One takes the place of the sign-in.
    Optional,
}

/// Addresses that have their first bits in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The first address.
    pub address: IpAddr,
    /// How many bits, at most 32 or 128.
    pub prefix: u8,
}

/// Which of the kept-apart worlds a site belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Real customers.
    Production,
    /// Rehearsal.
    Staging,
    /// Work in progress.
    Development,
}

/// Who is meant to reach a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Anyone.
    Public,
    /// Own staff.
    Internal,
}

/// Where a site's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Made at the first start, kept under [`Settings::state`].
    SelfSigned,
    /// Fetched as [`Settings::acme`] says.
    Acme,
    /// Given as PEM files.
    Files {
        /// The chain, leaf first.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

/// Static content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The web root.
    pub root: PathBuf,
    /// What a path that names no file is served as.
    pub fallback: Option<String>,
    /// Pages for errors, by status.
    pub pages: BTreeMap<u16, String>,
    /// How long browsers keep what is no page.
    pub cache: Option<Duration>,
    /// Whether small texts are compressed. Default true.
    pub compress: bool,
}

/// A path of a site that goes to an upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Begins with `/`. A path that ends in `/` or `.` takes everything that begins with it; another
    /// takes itself and everything below it.
    pub path: String,
    /// At least one.
    pub upstream: Vec<Upstream>,
    /// PEM file of the authorities that certify `https` upstreams. `None`: the system's.
    pub upstream_ca: Option<PathBuf>,
    /// Where the scripts of `fastcgi` upstreams are; set where there is one, and only there.
    pub fastcgi: Option<FastCgi>,
    /// How requests are shared out among the upstreams.
    pub balance: Balance,
    /// Who may use it, complete.
    pub access: Access,
    /// Texts that applications answer are compressed. Default false.
    pub compress: bool,
    /// Requests a client may make.
    pub limit: Option<RequestRate>,
    /// The route's limits, complete.
    pub limits: Limits,
    /// Rule mode of the route. `None`: the site's.
    pub mode: Option<Mode>,
    /// How bodies are scanned. `None`: they are not.
    pub scan: Option<Scan>,
}

/// How bodies are scanned before the application sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// ClamAV's daemon.
    pub clamd: Clamd,
    /// Largest body that is held. Default 10 `MiB`.
    pub bytes: u64,
}

/// Where ClamAV's daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clamd {
    /// A unix socket.
    Unix(PathBuf),
    /// Host and port.
    Tcp(Authority),
}

/// How a route shares requests out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// To whom.
    pub sharing: Sharing,
    /// The cookie that keeps a client at its upstream.
    pub sticky: Option<String>,
    /// Active checks.
    pub health: Option<Health>,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with fewer requests of two that are drawn (Mitzenmacher, 2001).
    LeastRequests,
}

/// Active checks of upstreams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is asked for.
    pub path: String,
    /// How often. Default 5 s.
    pub every: Duration,
    /// How long an answer may take. Default 2 s.
    pub timeout: Duration,
    /// Failures in a row until an upstream is taken out. Default 2.
    pub fall: u32,
    /// Successes in a row until it is taken back. Default 2.
    pub rise: u32,
}

/// When a page asks browsers for work before a site is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// Never.
    #[default]
    Off,
    /// While the server is behind.
    Load,
    /// Always.
    On,
}

/// Who has a bucket of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateBy {
    /// The client's address.
    Client,
    /// Whoever is signed in, else the address.
    User,
    /// The value of a header, by its name in lower case, else the address.
    Header(String),
}

/// Token bucket a client.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRate {
    /// Tokens a second.
    pub per_second: f64,
    /// Who has it.
    pub by: RateBy,
    /// Bucket size. Default: one second's tokens, at least 1.
    pub burst: u32,
}

/// Where a route's requests go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// `http://host:port`
    Http(Authority),
    /// `https://host:port`: HTTP/1.1 over TLS, the certificate verified.
    Https(Authority),
    /// `h2c://host:port`: HTTP/2 without TLS, as gRPC servers speak it.
    H2c(Authority),
    /// `unix:/path/to.sock`, HTTP/1.1 over it.
    Unix(PathBuf),
    /// `fastcgi://host:port`
    FastCgi(Authority),
    /// `fastcgi:/path/to.sock`
    FastCgiUnix(PathBuf),
}

impl Upstream {
    /// Whether it speaks FastCGI.
    pub fn is_fastcgi(&self) -> bool {
        matches!(self, Self::FastCgi(_) | Self::FastCgiUnix(_))
    }
}

/// Scripts behind FastCGI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastCgi {
    /// The directory that they are in, here and for the server.
    pub root: PathBuf,
    /// The script of a directory, and of every path that names none. Default `index.php`.
    pub index: String,
    /// Whether files beside the scripts are handed out, from the site's own `files`, which is the same
    /// directory. Default no.
    pub files: bool,
    /// Whether `index` answers every path that names nothing else. Default yes.
    pub front_controller: bool,
    /// The only scripts that are run, by their names beneath the root. Default all that are there.
    pub only: Vec<String>,
    /// Folders in which nothing is run: `/a/b` that one, `a/b` all that are called so. Default none.
    pub no_scripts: Vec<String>,
}

impl FastCgi {
    /// Scripts of a directory, with the defaults.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            index: "index.php".to_owned(),
            files: false,
            front_controller: true,
            only: Vec::new(),
            no_scripts: Vec::new(),
        }
    }
}

/// Host and port of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// An address or a name.
    pub host: Host,
    /// 1 to 65535.
    pub port: u16,
}

/// An address or a name to resolve.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// As written.
    Address(IpAddr),
    /// Resolved at connection time.
    Name(String),
}

//! What is attacked: the sites of the own configuration, at the addresses that it listens on.
//!
//! Invariant: every address here comes from a `[[listen]]` or a `[[stream]]` of the configuration; the unspecified one
//! becomes loopback, no name is ever resolved.

use crate::target_certificate::{TargetCertificate, certificates};
use crate::target_stream::{TargetStream, streams};
use burgrave_config::{
    Access, CertificateUse, Challenge, Environment, Limits, Listen, RequestRate, Route, Settings,
    Site,
};
use burgrave_model::{Evidence, Mode};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// All that a run of proofs may attack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// In the configuration's order.
    pub sites: Vec<TargetSite>,
    /// In the configuration's order.
    pub streams: Vec<TargetStream>,
    /// What sites show on each listener, then streams.
    pub certificates: Vec<TargetCertificate>,
    /// Repositories that this machine writes to and may not remove from.
    pub backups: Vec<TargetBackup>,
    /// What is attacked beside the front door.
    pub rehearsals: Rehearsals,
}

/// Attacks that no one may make on the machine itself: how they are played, whoever has a stage knows. `None`: there is
/// nothing of it in the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rehearsals {
    /// A stranger before the configured rules.
    pub firewall: Option<Rehearsal>,
    /// Rules on trial that nobody confirms.
    pub trial: Option<Rehearsal>,
    /// A stranger who guesses passwords.
    pub brute_force: Option<Rehearsal>,
    /// Passwords that are guessed at the sign-in itself.
    pub sign_in: Option<Rehearsal>,
    /// A log that goes silent or away.
    pub lost_log: Option<Rehearsal>,
    /// Clients of streams, beside the right ones.
    pub streams: Option<Rehearsal>,
    /// Application servers that die.
    pub upstreams: Option<Rehearsal>,
    /// Ids that strangers give their requests.
    pub request_ids: Option<Rehearsal>,
    /// Browsers that are asked for work, and whoever comes without it.
    pub challenge: Option<Rehearsal>,
    /// Clients that hold more connections than one may.
    pub connections: Option<Rehearsal>,
}

/// An attack that is played elsewhere.
#[derive(Clone)]
pub struct Rehearsal(pub Assault);

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Rehearsal")
    }
}

/// There is one of each at most.
impl PartialEq for Rehearsal {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A repository of backups. How it is attacked, whoever knows repositories knows: it reaches the configured place and no other.
#[derive(Clone)]
pub struct TargetBackup {
    /// The job.
    pub name: String,
    /// Tries to remove and to overwrite a decoy.
    pub assault: Assault,
}

/// An attack that is made elsewhere.
pub type Assault = Arc<dyn Fn() -> Vec<Evidence> + Send + Sync>;

impl std::fmt::Debug for TargetBackup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TargetBackup").field("name", &self.name).finish_non_exhaustive()
    }
}

/// By name: names of jobs are unique.
impl PartialEq for TargetBackup {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// One site, as seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSite {
    /// The site's name in the configuration.
    pub name: String,
    /// The host to ask for: the first one, `localhost` for `*`.
    pub host: String,
    /// The site takes every host.
    pub any_host: bool,
    /// Where clients come in: the TLS listener of a TLS site, else the plain one. `None`: no
    /// listener serves it.
    pub door: Option<Door>,
    /// The plain listener of a TLS site, where there is one.
    pub plain: Option<Door>,
    /// Has a certificate.
    pub tls: bool,
    /// Proxied routes, then the static content. May be empty.
    pub places: Vec<Place>,
    /// The limits that hold for the whole listener.
    pub limits: Limits,
    /// What it is for.
    pub environment: Environment,
    /// At its door this machine counts as a load balancer, which has to name its clients.
    pub is_announced: bool,
    /// When browsers are asked for work.
    pub challenge: Challenge,
    /// Whether its door speaks HTTP/3 as well.
    pub http3: Http3,
}

/// What HTTP/3 has of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http3 {
    /// It is not spoken.
    Off,
    /// The site, as all others have it.
    Served,
    /// Nothing: there it asks for no certificate of a client, which the site does.
    Withheld,
}

/// An address and what is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Door {
    /// Where to connect.
    pub address: SocketAddr,
    /// What to speak.
    pub layer: Layer,
}

/// What lies under HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Nothing.
    Plain,
    /// TLS.
    Tls,
}

/// A path below which one thing answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Begins with `/`.
    pub path: String,
    /// What answers there.
    pub serves: Serves,
    /// Whether rules look at it.
    pub inspected: Inspected,
    /// Its limits.
    pub limits: Limits,
    /// Whether a stranger is let in.
    pub entry: Entry,
    /// How many requests a client may make.
    pub rate: Option<RequestRate>,
    /// Whether bodies are scanned before the application sees them.
    pub is_scanned: bool,
}

/// Who is let in at a place, as far as this machine can see from where it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Anyone.
    Open,
    /// Nobody without a name, a certificate, or an address that is not this machine's.
    Closed,
    /// Only some networks, of which this machine is one.
    OpenToUs,
}

/// What answers at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// An application behind the gateway.
    Upstream,
    /// Static content.
    Files,
}

/// What the rule engine is configured to do at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspected {
    /// Rules are loaded and refuse attacks here.
    Blocks,
    /// No rules, or they only record, or they are off.
    DoesNotBlock,
}

impl Target {
    /// What these settings put on the network.
    pub fn from_settings(settings: &Settings) -> Self {
        let sites = settings.sites.iter().map(|site| target_site(settings, site)).collect();
        let (streams, certificates) = (streams(settings), certificates(settings));
        Self { sites, streams, certificates, ..Self::default() }
    }

    /// Every address that may be contacted.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let doors = self.sites.iter().flat_map(|site| site.door.iter().chain(&site.plain));
        let streams = self.streams.iter().map(|stream| &stream.door);
        let certificates = self.certificates.iter().map(|own| &own.door);
        doors.chain(streams).chain(certificates).map(|door| door.address)
    }

    /// Whether some site takes every host.
    pub fn takes_any_host(&self) -> bool {
        self.sites.iter().any(|site| site.any_host)
    }
}

impl TargetSite {
    /// Both ways in.
    pub fn doors(&self) -> impl Iterator<Item = Door> {
        self.door.into_iter().chain(self.plain)
    }

    /// The place that answers a path.
    pub fn place_of(&self, path: &str) -> Option<&Place> {
        self.places.iter().find(|place| path.starts_with(&place.path))
    }

    /// The first proxied route, else the static content.
    pub fn main_place(&self) -> Option<&Place> {
        self.places.first()
    }
}

fn target_site(settings: &Settings, site: &Site) -> TargetSite {
    let first = |tls: bool| settings.listeners.iter().find(|listen| listen.tls == tls);
    let plain =
        first(false).map(|listen| Door { address: near(listen.address), layer: Layer::Plain });
    let secure =
        first(true).map(|listen| Door { address: near(listen.address), layer: Layer::Tls });
    let tls = site.tls.is_some();
    let door = if tls { secure.or(plain) } else { plain };
    let announces = |listen: &&Listen| {
        let own = near(listen.address);
        door.is_some_and(|door| door.address == own)
            && listen.proxy_protocol.iter().any(|network| network.contains(own.ip()))
    };
    let speaks = |listen: &&Listen| listen.tls && listen.http3;
    let secure = settings.listeners.iter().find(|listen| listen.tls);
    let http3 = match secure.filter(speaks) {
        Some(_) if tls && site.client_ca.is_some() => Http3::Withheld,
        Some(_) if tls => Http3::Served,
        Some(_) | None => Http3::Off,
    };
    TargetSite {
        name: site.name.clone(),
        host: asked_host(&site.hosts),
        any_host: site.hosts.iter().any(|host| host == "*"),
        door,
        plain: if tls && secure.is_some() { plain } else { None },
        tls,
        places: places(settings, site),
        limits: settings.limits.clone(),
        environment: site.environment,
        is_announced: settings.listeners.iter().any(|listen| announces(&listen)),
        challenge: site.challenge,
        http3,
    }
}

/// The host to ask for, of those that are taken.
pub(crate) fn asked_host(hosts: &[String]) -> String {
    let host = hosts.iter().find(|host| *host != "*");
    match host.map(|host| (host, host.strip_prefix("*."))) {
        Some((_, Some(rest))) => format!("burgrave-prove.{rest}"),
        Some((host, None)) => host.clone(),
        None => "localhost".to_owned(),
    }
}

fn places(settings: &Settings, site: &Site) -> Vec<Place> {
    let route = |route: &Route| Place {
        path: route.path.clone(),
        serves: Serves::Upstream,
        inspected: inspected(settings, route.mode.or(site.mode)),
        limits: route.limits.clone(),
        entry: entry(settings, &route.access),
        rate: route.limit.clone(),
        is_scanned: route.scan.is_some(),
    };
    let mut places: Vec<Place> = site.routes.iter().map(route).collect();
    // A route that takes everything leaves nothing to the files.
    if site.files.is_some() && !site.routes.iter().any(|route| route.path == "/") {
        places.push(Place {
            path: "/".to_owned(),
            serves: Serves::Files,
            inspected: inspected(settings, site.mode),
            limits: site.limits.clone(),
            entry: entry(settings, &site.access),
            rate: None,
            is_scanned: false,
        });
    }
    places
}

/// By the addresses from which this machine reaches its own listeners.
fn entry(settings: &Settings, access: &Access) -> Entry {
    let ours = settings.listeners.iter().map(|listen| near(listen.address).ip());
    let let_in = |ip: IpAddr| access.networks.iter().any(|network| network.contains(ip));
    let named = access.users.is_some() || access.certificate == Some(CertificateUse::Required);
    if access.is_open() {
        Entry::Open
    } else if named || !ours.into_iter().any(let_in) {
        Entry::Closed
    } else {
        Entry::OpenToUs
    }
}

fn inspected(settings: &Settings, own: Option<Mode>) -> Inspected {
    let Some(rules) = &settings.rules else { return Inspected::DoesNotBlock };
    match own.or(rules.mode) {
        // Without a word the rule files decide, and block where they say nothing either.
        None | Some(Mode::Block) => Inspected::Blocks,
        Some(Mode::Detect | Mode::Off) => Inspected::DoesNotBlock,
    }
}

/// The address by which this machine reaches its own listener.
pub(crate) fn near(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V4(_) | IpAddr::V6(_) => address.ip(),
    };
    SocketAddr::new(ip, address.port())
}

//! Application servers that die, hang, fall ill or are somebody else, behind a gateway with the route's own settings.
//!
//! Nobody's own application server may be killed to see what comes of it. So stand-ins die in its place, as many as the
//! route has, and everything is looked at from both sides: what a client is told, and what a stand-in is asked.

use crate::application::{Application, Mood};
use crate::authority::{Authority, Papers};
use crate::house::{FRONT, House};
use crate::not_proven;
use burgrave_config::{
    Authority as Place, Balance, Health, Host, Limits, Listen, Route, Settings, Site, Upstream,
};
use burgrave_model::Evidence;
use burgrave_prove::{Reply, Target, Wire, WireLimits};
use burgrave_sys::{Access, replace_own};
use std::any::Any;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

mod trials;

/// Routes that are played, those with the same settings once.
const ROUTES_MAX: usize = 8;
/// Stand-ins of one route.
const STAND_INS_MAX: usize = 4;
/// The longest times in the play; longer ones of the machine's are cut to these.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(1);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
const EVERY_MAX: Duration = Duration::from_millis(200);
const HOST: &str = "rehearsal.test";
/// Where stand-ins are, as their certificates name it.
const HERE: &str = "127.0.0.1";

/// Whether what happens to one application server stays with it, for every route.
pub fn upstreams(settings: &Settings) -> Vec<Evidence> {
    let mut plays: Vec<Play> = Vec::new();
    let mut all = Vec::new();
    for site in &settings.sites {
        for route in &site.routes {
            let name = format!("{}{}", site.name, route.path);
            match Play::of(name.clone(), route) {
                None => {
                    let why = "upstreams that speak FastCGI or HTTP/2 without TLS are not played";
                    all.push(not_proven(&format!("played {name}"), why));
                }
                Some(play) if plays.iter().any(|other| other.is_like(&play)) => {}
                Some(_) if plays.len() >= ROUTES_MAX => {
                    let why = format!("{ROUTES_MAX} routes are played, no more");
                    all.push(not_proven(&format!("played {name}"), why));
                }
                Some(play) => plays.push(play),
            }
        }
    }
    let played = std::thread::scope(|scope| {
        let running: Vec<_> =
            plays.iter().map(|play| scope.spawn(|| trials::all(play, &gateway))).collect();
        let ended = running.into_iter().zip(&plays).map(|(thread, play)| {
            let broke = |_| vec![not_proven(&format!("played {}", play.name), "the play broke")];
            thread.join().unwrap_or_else(broke)
        });
        ended.flatten().collect::<Vec<_>>()
    });
    all.extend(played);
    all
}

/// What is played of a route.
#[derive(Clone, Debug)]
struct Play {
    /// The site and the path.
    name: String,
    /// Of each upstream, whether it has TLS.
    secured: Vec<bool>,
    balance: Balance,
    limits: Limits,
    /// Its `https` upstreams are verified by an authority that it names.
    has_own_authority: bool,
}

impl Play {
    fn of(name: String, route: &Route) -> Option<Self> {
        let secured = route.upstream.iter().map(|upstream| match upstream {
            Upstream::Http(_) | Upstream::Unix(_) => Some(false),
            Upstream::Https(_) => Some(true),
            Upstream::H2c(_) | Upstream::FastCgi(_) | Upstream::FastCgiUnix(_) => None,
        });
        let mut secured: Vec<bool> = secured.collect::<Option<_>>()?;
        // The ones with TLS first, so that none of them is cut off.
        secured.sort_by_key(|secured| !secured);
        secured.truncate(STAND_INS_MAX);
        let health = route.balance.health.as_ref().map(|own| Health {
            every: own.every.min(EVERY_MAX),
            timeout: own.timeout.min(CONNECT_TIME_MAX),
            ..own.clone()
        });
        let limits = Limits {
            connect_time: route.limits.connect_time.min(CONNECT_TIME_MAX),
            upstream_time: route.limits.upstream_time.min(ANSWER_TIME_MAX),
            ..Limits::default()
        };
        let balance = Balance { health, ..route.balance.clone() };
        let has_own_authority = route.upstream_ca.is_some();
        Some(Self { name, secured, balance, limits, has_own_authority })
    }

    /// Whether it would be the same play.
    fn is_like(&self, other: &Self) -> bool {
        self.secured == other.secured
            && self.balance == other.balance
            && self.limits == other.limits
            && self.has_own_authority == other.has_own_authority
    }
}

/// What stands in front of the stand-ins.
struct Front {
    target: Target,
    _kept: Box<dyn Any>,
}

/// How it is opened: for a route, its stand-ins, and the authority that signed for them.
type Opening<'a> = &'a (dyn Fn(&Play, &[Upstream], Option<&str>) -> Result<Front, String> + Sync);

/// The gateway itself.
fn gateway(play: &Play, upstream: &[Upstream], authority: Option<&str>) -> Result<Front, String> {
    let house = House::open(|folder| settings(play, upstream, authority, folder))?;
    Ok(Front { target: house.target.clone(), _kept: Box::new(house) })
}

fn settings(
    play: &Play,
    upstream: &[Upstream],
    authority: Option<&str>,
    folder: &Path,
) -> Result<Settings, String> {
    let mut route = Route {
        balance: play.balance.clone(),
        limits: play.limits.clone(),
        ..Route::new("/", upstream.to_vec())
    };
    if let Some(pem) = authority {
        let file = folder.join("ca.pem");
        let written = replace_own(&file, pem.as_bytes(), Access::All);
        written.map_err(|error| error.to_string())?;
        route.upstream_ca = Some(file);
    }
    Ok(Settings {
        listeners: vec![Listen::new(FRONT)],
        limits: play.limits.clone(),
        sites: vec![Site { routes: vec![route], limits: play.limits.clone(), ..Site::new(HOST) }],
        ..Settings::new(folder.join("state"))
    })
}

/// A front and what stands behind it.
struct Scene {
    front: Front,
    wire: Wire,
    applications: Vec<Application>,
}

impl Scene {
    /// With everybody well and with the right papers.
    fn set(play: &Play, open: Opening<'_>) -> Result<Self, String> {
        let authority = Authority::new()?;
        let papers = authority.issue(HERE)?;
        let shown = play.secured.iter().map(|secured| secured.then(|| papers.clone()));
        let shown: Vec<Option<Papers>> = shown.collect();
        Self::showing(play, &shown, Some(&authority.pem()), open)
    }

    fn showing(
        play: &Play,
        papers: &[Option<Papers>],
        authority: Option<&str>,
        open: Opening<'_>,
    ) -> Result<Self, String> {
        let health = play.balance.health.as_ref().map(|health| health.path.as_str());
        let start = |papers: &Option<Papers>| Application::start(papers.as_ref(), health);
        let applications: Vec<Application> = papers.iter().map(start).collect::<Result<_, _>>()?;
        let upstream: Vec<Upstream> = applications
            .iter()
            .zip(papers)
            .map(|(own, papers)| upstream(own.address(), papers.is_some()))
            .collect();
        let front = open(play, &upstream, authority)?;
        let limits = WireLimits {
            connect_time: Duration::from_secs(2),
            answer_time: play.limits.upstream_time + Duration::from_secs(4),
            ..WireLimits::default()
        };
        let wire = Wire::new(&front.target, limits);
        Ok(Self { front, wire, applications })
    }

    /// A request of a client's: its status, if it got an answer, and after how long.
    fn ask(&mut self, method: &str, path: &str) -> (Option<u16>, Duration) {
        let body = if method == "POST" { "Content-Length: 2\r\n\r\nok" } else { "\r\n" };
        let text =
            format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{body}");
        let begun = Instant::now();
        let door = self.front.target.sites.first().and_then(|site| site.door);
        let reply = door.map(|door| self.wire.exchange(door, HOST, text.as_bytes()));
        let status = match reply {
            Some(Reply::Answer(answer)) => Some(answer.status),
            Some(Reply::Closed(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_))
            | None => None,
        };
        (status, begun.elapsed())
    }

    /// The statuses of so many GETs, in order.
    fn gets(&mut self, count: usize) -> Vec<Option<u16>> {
        (0..count).map(|number| self.ask("GET", &format!("/{number}")).0).collect()
    }

    /// The one to which things happen.
    fn ill(&self, mood: Mood) {
        self.applications.iter().take(1).for_each(|own| own.be(mood));
    }

    /// How many requests the one has seen to which things happen.
    fn count(&self) -> usize {
        self.applications.first().map_or(0, Application::count)
    }
}

fn upstream(address: SocketAddr, is_secured: bool) -> Upstream {
    let place = Place { host: Host::Address(address.ip()), port: address.port() };
    if is_secured { Upstream::Https(place) } else { Upstream::Http(place) }
}

#[cfg(test)]
mod tests;

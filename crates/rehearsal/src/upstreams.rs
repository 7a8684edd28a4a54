//! Application servers that die, hang, fall ill or are somebody else, behind a gateway with the route's own settings.
//!
//! Nobody's own application server may be killed to see what comes of it. So stand-ins die in its place, as many as the
//! route has, and everything is looked at from both sides: what a client is told, and what a stand-in is asked.

use crate::application::{Application, Mood, Speech};
use crate::authority::{Authority, Papers};
use crate::house::{FRONT, House};
use crate::not_proven;
use burgrave_config::{
    Authority as Place, Balance, FastCgi, Health, Host, Limits, Listen, Route, Settings, Site,
    Upstream,
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
const STAND_INS_MAX: usize = 8;
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
            let play = Play::of(format!("{}{}", site.name, route.path), route);
            if plays.iter().any(|other| other.is_like(&play)) {
                continue;
            }
            if plays.len() >= ROUTES_MAX {
                let why = format!("{ROUTES_MAX} routes are played, no more");
                all.push(not_proven(&format!("played {}", play.name), why));
                continue;
            }
            if route.upstream.len() > STAND_INS_MAX {
                let why = format!("{STAND_INS_MAX} upstreams of a route are played, no more");
                all.push(not_proven(&format!("played all upstreams of {}", play.name), why));
            }
            if play.balance.health != route.balance.health && play.balance.health.is_none() {
                let why = "by HTTP/1.1 alone health is asked in the play";
                all.push(not_proven(&format!("played `health` of {}", play.name), why));
            }
            plays.push(play);
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

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spoken {
    Https,
    Http,
    H2c,
    FastCgi,
}

impl Spoken {
    const fn of(upstream: &Upstream) -> Self {
        match upstream {
            Upstream::Http(_) | Upstream::Unix(_) => Self::Http,
            Upstream::Https(_) => Self::Https,
            Upstream::H2c(_) => Self::H2c,
            Upstream::FastCgi(_) | Upstream::FastCgiUnix(_) => Self::FastCgi,
        }
    }

    fn speech(self, papers: &Papers) -> Speech {
        match self {
            Self::Https => Speech::Https(papers.clone()),
            Self::Http => Speech::Http,
            Self::H2c => Speech::H2c,
            Self::FastCgi => Speech::FastCgi,
        }
    }
}

/// What is played of a route.
#[derive(Clone, Debug)]
struct Play {
    /// The site and the path.
    name: String,
    /// What each upstream speaks.
    spoken: Vec<Spoken>,
    balance: Balance,
    limits: Limits,
    /// Its `https` upstreams are verified by an authority that it names.
    has_own_authority: bool,
}

impl Play {
    fn of(name: String, route: &Route) -> Self {
        let mut spoken: Vec<Spoken> = route.upstream.iter().map(Spoken::of).collect();
        // The ones with TLS first, so that none of them is cut off.
        spoken.sort_unstable();
        spoken.truncate(STAND_INS_MAX);
        let is_http1 = spoken.iter().all(|own| matches!(own, Spoken::Https | Spoken::Http));
        let health = route.balance.health.as_ref().filter(|_| is_http1).map(|own| Health {
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
        Self { name, spoken, balance, limits, has_own_authority: route.upstream_ca.is_some() }
    }

    /// Whether it would be the same play.
    fn is_like(&self, other: &Self) -> bool {
        self.spoken == other.spoken
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
    if play.spoken.contains(&Spoken::FastCgi) {
        let own = FastCgi::new(folder.to_path_buf());
        let written = replace_own(&folder.join(&own.index), b"", Access::All);
        written.map_err(|error| error.to_string())?;
        route.fastcgi = Some(own);
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
        let speeches: Vec<_> = play.spoken.iter().map(|own| own.speech(&papers)).collect();
        Self::speaking(play, &speeches, Some(&authority.pem()), open)
    }

    fn speaking(
        play: &Play,
        speeches: &[Speech],
        authority: Option<&str>,
        open: Opening<'_>,
    ) -> Result<Self, String> {
        let health = play.balance.health.as_ref().map(|health| health.path.as_str());
        let start = |speech: &Speech| Application::start(speech, health);
        let applications: Vec<Application> =
            speeches.iter().map(start).collect::<Result<_, _>>()?;
        let both = applications.iter().zip(speeches);
        let upstream: Vec<_> = both.map(|(own, speech)| upstream(own.address(), speech)).collect();
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

    /// How many requests all of them have seen.
    fn count_all(&self) -> usize {
        self.applications.iter().map(Application::count).sum()
    }

    /// How many requests the one has seen to which things happen.
    fn count(&self) -> usize {
        self.applications.first().map_or(0, Application::count)
    }
}

fn upstream(address: SocketAddr, speech: &Speech) -> Upstream {
    let place = Place { host: Host::Address(address.ip()), port: address.port() };
    match speech {
        Speech::Http => Upstream::Http(place),
        Speech::Https(_) => Upstream::Https(place),
        Speech::H2c => Upstream::H2c(place),
        Speech::FastCgi => Upstream::FastCgi(place),
    }
}

#[cfg(test)]
mod tests;

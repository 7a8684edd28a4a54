//! A whole configuration, made ready to serve: opened roots, loaded certificates, prepared headers.
//!
//! A plan is never changed; a reload makes a new one and swaps it in whole, or fails and leaves the
//! old one as it is.

use crate::GatewayError;
use crate::access::users::Users;
use crate::acme::Answers;
use crate::hosts::ByHost;
use crate::http3;
use crate::inspect::RuleSource;
use crate::metrics::SiteNumbers;
use crate::streams::StreamPlan;
use crate::tls;
use crate::upstream::{Targets, client_config};
use burgrave_config::{Access, Limits, Listen, Route, Settings, Site};
use burgrave_model::Mode;
use burgrave_sys::Root;
use http::{HeaderName, HeaderValue};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(1);

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What is missing of our own state is made.
    Serve,
    /// Nothing is written.
    Check,
}

/// See the module.
pub(crate) struct Plan {
    /// Unlike that of any other plan of this process.
    pub(crate) generation: u64,
    pub(crate) settings: Settings,
    pub(crate) sites: Vec<SitePlan>,
    streams: Vec<StreamPlan>,
    hosts: ByHost<usize>,
    pub(crate) rules: Option<Arc<dyn RuleSource>>,
    pub(crate) tls: Option<tls::Configs>,
    /// How QUIC is spoken, where it is.
    pub(crate) quic: Option<Arc<quinn::ServerConfig>>,
    /// What an authority is told that asks for proof.
    pub(crate) acme: Option<Arc<Answers>>,
}

/// A site, ready to serve.
pub(crate) struct SitePlan {
    pub(crate) site: Site,
    pub(crate) root: Option<Root>,
    pub(crate) routes: Vec<RoutePlan>,
    pub(crate) numbers: SiteNumbers,
    /// Who may sign in, where the site asks for it.
    pub(crate) users: Option<Arc<Users>>,
    /// Headers set on every answer over the defaults; `None` leaves the field out.
    pub(crate) headers: Vec<(HeaderName, Option<HeaderValue>)>,
}

/// A route, ready to serve.
pub(crate) struct RoutePlan {
    pub(crate) route: Route,
    /// How the upstreams are, in their order.
    pub(crate) targets: Targets,
    /// Who may sign in, where the route asks for it.
    pub(crate) users: Option<Arc<Users>>,
    /// Where the scripts are, for upstreams that speak FastCGI.
    pub(crate) root: Option<Root>,
    /// How `https` upstreams are verified, where there are any.
    pub(crate) verify: Option<Arc<rustls::ClientConfig>>,
}

impl Plan {
    /// The file for audit records, where the rules make any.
    pub(crate) fn audit_log(&self) -> Option<PathBuf> {
        self.rules.as_ref().and_then(|rules| rules.audit_log())
    }

    pub(crate) fn new(
        settings: Settings,
        rules: Option<Arc<dyn RuleSource>>,
        ticketer: &Arc<dyn rustls::server::ProducesTickets>,
        purpose: Purpose,
    ) -> Result<Self, GatewayError> {
        let sites: Vec<_> = settings.sites.iter().map(site_plan).collect::<Result<_, _>>()?;
        let mut hosts = ByHost::default();
        for (index, plan) in sites.iter().enumerate() {
            for host in &plan.site.hosts {
                hosts.insert(host, index);
            }
        }
        let acme = Answers::open(&settings, purpose)?;
        let tls = tls::server_configs(&settings, ticketer, purpose)?
            .map(|configs| configs.answering(acme.as_ref()));
        let spoken = settings.listeners.iter().any(|listen| listen.http3);
        let quic = tls.as_ref().filter(|_| spoken);
        let quic = quic.map(|tls| http3::server_config(&tls.default, &settings.limits));
        let quic = quic.transpose()?;
        let generation = GENERATION.fetch_add(1, Ordering::Relaxed);
        let streams = tls::streams(&settings, ticketer, purpose)?;
        Ok(Self { generation, settings, sites, streams, hosts, rules, tls, quic, acme })
    }

    /// The site of a normalised host name.
    pub(crate) fn site_of(&self, host: &str) -> Option<usize> {
        self.hosts.find(host).copied()
    }

    /// Whether a request without a host has a site to go to.
    pub(crate) fn any_host(&self) -> Option<usize> {
        self.hosts.any().copied()
    }

    /// The listener that was configured with this address.
    pub(crate) fn listener(&self, address: SocketAddr) -> Option<&Listen> {
        self.settings.listeners.iter().find(|listen| listen.address == address)
    }

    /// The streams that share an address.
    pub(crate) fn streams_at(&self, address: SocketAddr) -> impl Iterator<Item = &StreamPlan> {
        self.streams.iter().filter(move |own| own.stream.address == address)
    }

    /// The stream of an address whose client asks TLS for this name.
    pub(crate) fn stream_of(&self, address: SocketAddr, name: Option<&str>) -> Option<&StreamPlan> {
        let mut hosts = ByHost::default();
        for own in self.streams_at(address) {
            if own.stream.hosts.is_empty() {
                hosts.insert("*", own);
            }
            own.stream.hosts.iter().for_each(|host| hosts.insert(host, own));
        }
        match name {
            Some(name) => hosts.find(name).copied(),
            None => hosts.any().copied(),
        }
    }

    /// The mode in force for a route, as far as the configuration says.
    pub(crate) fn mode(&self, site: usize, route: Option<usize>) -> Option<Mode> {
        let site = self.sites.get(site)?;
        let route = route.and_then(|route| site.routes.get(route));
        route.and_then(|plan| plan.route.mode).or(site.site.mode).or(self
            .settings
            .rules
            .as_ref()
            .and_then(|rules| rules.mode))
    }

    /// The limits in force for a route.
    pub(crate) fn limits(&self, site: Option<usize>, route: Option<usize>) -> &Limits {
        let Some(site) = site.and_then(|site| self.sites.get(site)) else {
            return &self.settings.limits;
        };
        match route.and_then(|route| site.routes.get(route)) {
            Some(plan) => &plan.route.limits,
            None => &site.site.limits,
        }
    }
}

fn site_plan(site: &Site) -> Result<SitePlan, GatewayError> {
    let root = match &site.files {
        None => None,
        Some(files) => Some(Root::open(&files.root).map_err(|source| GatewayError::Root {
            site: site.name.clone(),
            root: files.root.clone(),
            source,
        })?),
    };
    let mut headers = Vec::new();
    for (name, value) in &site.headers {
        let wrong = || GatewayError::Header {
            site: site.name.clone(),
            name: name.clone(),
            value: value.clone(),
        };
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok().ok_or_else(wrong)?;
        let content = match value.as_str() {
            "" => None,
            value => Some(HeaderValue::from_str(value).ok().ok_or_else(wrong)?),
        };
        headers.push((parsed, content));
    }
    let routes = site.routes.iter().map(route_plan).collect::<Result<_, _>>()?;
    let users = users(&site.access)?;
    let numbers = SiteNumbers::default();
    Ok(SitePlan { site: site.clone(), root, routes, numbers, users, headers })
}

fn users(access: &Access) -> Result<Option<Arc<Users>>, GatewayError> {
    let Some(file) = &access.users else { return Ok(None) };
    let users = Users::read(file);
    let users = users.map_err(|why| GatewayError::Users { file: file.clone(), why })?;
    Ok(Some(Arc::new(users)))
}

fn route_plan(route: &Route) -> Result<RoutePlan, GatewayError> {
    let verify = client_config(&route.upstream, route.upstream_ca.as_ref())?;
    let users = users(&route.access)?;
    let targets = Targets::new(&route.upstream);
    let root = route.fastcgi.as_ref().map(|own| {
        Root::open(&own.root).map_err(|source| GatewayError::Root {
            site: route.path.clone(),
            root: own.root.clone(),
            source,
        })
    });
    let root = root.transpose()?;
    Ok(RoutePlan { route: route.clone(), targets, users, root, verify })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_config::{Files, Upstream};

    fn site(hosts: &[&str]) -> Site {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Site { hosts, ..Site::new("a.test") }
    }

    fn plan(sites: Vec<Site>) -> Result<Plan, GatewayError> {
        let settings = Settings { sites, ..Settings::new("/none".into()) };
        Plan::new(settings, None, &tls::ticketer().unwrap(), Purpose::Check)
    }

    #[test]
    fn hosts_find_their_site_and_any_host_the_rest() {
        let one = plan(vec![site(&["a.test", "b.test"]), site(&["c.test"])]).unwrap();
        assert_eq!(
            ["a.test", "b.test", "c.test"].map(|host| one.site_of(host)),
            [Some(0), Some(0), Some(1)]
        );
        assert_eq!((one.site_of("d.test"), one.any_host()), (None, None));
        let any = plan(vec![site(&["a.test"]), site(&["*"])]).unwrap();
        assert_eq!((any.site_of("a.test"), any.site_of("d.test")), (Some(0), Some(1)));
        assert_eq!(any.any_host(), Some(1));
        assert_ne!(one.generation, any.generation);
        assert!(one.tls.is_none());
    }

    #[test]
    fn a_route_overrides_its_site() {
        let mut shop = site(&["a.test"]);
        shop.mode = Some(Mode::Detect);
        shop.limits.body_bytes = 2;
        let route = |mode, bytes| Route {
            limits: Limits { body_bytes: bytes, ..Limits::default() },
            mode,
            ..Route::new("/api/", vec![Upstream::Unix("/none".into())])
        };
        shop.routes = vec![route(Some(Mode::Off), 3), route(None, 4)];
        let plan = plan(vec![shop, site(&["b.test"])]).unwrap();
        assert_eq!(plan.mode(0, Some(0)), Some(Mode::Off));
        assert_eq!(plan.mode(0, Some(1)), Some(Mode::Detect));
        assert_eq!(plan.mode(0, None), Some(Mode::Detect));
        assert_eq!(plan.mode(1, None), None);
        let bytes = |site, route| plan.limits(site, route).body_bytes;
        assert_eq!((bytes(Some(0), Some(0)), bytes(Some(0), None)), (3, 2));
        assert_eq!(bytes(None, None), Limits::default().body_bytes);
    }

    #[test]
    fn what_cannot_be_served_is_an_error() {
        let mut rootless = site(&["a.test"]);
        rootless.files = Some(Files::new("/none/www".into()));
        assert!(matches!(plan(vec![rootless]), Err(GatewayError::Root { .. })));
        for (name, value) in [("x y", "a"), ("x", "a\r\nb")] {
            let mut odd = site(&["a.test"]);
            odd.headers.insert(name.to_owned(), value.to_owned());
            assert!(matches!(plan(vec![odd]), Err(GatewayError::Header { .. })), "{name}");
        }
    }
}

//! Reads sites and their routes, with what they inherit.

use crate::error::quoted;
use crate::keys::{
    BURST, ENVIRONMENT, EXPOSURE, FILES, FILES_ROOT, HEADERS, HOSTS, LIMIT, PATH, PER_CLIENT,
    ROUTE, ROUTE_LIMITS, ROUTE_MODE, SITE_LIMITS, SITE_MODE, TLS, UPSTREAM,
};
use crate::kinds::{Choice, Words};
use crate::sections::own_limits;
use crate::settings::{
    Environment, Exposure, Files, Limits, RequestRate, Route, Site, Tls, Upstream,
};
use crate::sink::{Located, Sink, Spot};
use crate::table::{Key, Table};
use burgrave_model::Mode;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What a site takes over from the whole configuration, and a route from its site.
#[derive(Clone, Copy)]
pub(crate) struct Inherited<'a> {
    pub(crate) limits: &'a Limits,
    /// Whether there are rules for a mode to speak of.
    pub(crate) has_rules: bool,
}

impl Inherited<'_> {
    fn mode(
        self,
        table: &Table<'_, '_>,
        key: &Key<Choice<Mode>>,
        sink: &mut Sink<'_>,
    ) -> Option<Mode> {
        let mode = table.located(key, sink)?;
        if mode.value != Mode::Off && !self.has_rules {
            let message = "`mode` is set, but there are no rules";
            let allowed =
                "a `[rules]` section with the files to `include`, or no `mode`".to_owned();
            sink.missing(&mode.spot, message, allowed);
        }
        Some(mode.value)
    }
}

/// A site with the places of what is compared over all sites.
pub(crate) struct SiteDraft {
    pub(crate) spot: Spot,
    pub(crate) hosts: Vec<Located<String>>,
    pub(crate) environment: Environment,
    /// Whether TLS is asked for, rightly or wrongly written.
    pub(crate) wants_tls: bool,
    pub(crate) tls: Option<Located<Tls>>,
    pub(crate) upstreams: Vec<Located<Upstream>>,
    site: Site,
}

pub(crate) fn site(table: &Table<'_, '_>, global: Inherited<'_>, sink: &mut Sink<'_>) -> SiteDraft {
    let hosts = table.needed(&HOSTS, sink).map(|hosts| hosts.value).unwrap_or_default();
    let tls = table.located(&TLS, sink);
    let files = table.table(&FILES, sink).and_then(|files| files.needed(&FILES_ROOT, sink));
    let limits = table
        .table(&SITE_LIMITS, sink)
        .map_or_else(|| global.limits.clone(), |own| own_limits(&own, global.limits, sink));
    let (routes, upstreams) = routes(table, Inherited { limits: &limits, ..global }, sink);
    if !table.has(&FILES) && !table.has(&ROUTE) {
        let allowed =
            "`files = { root = \"/…\" }`, one or more `[[site.route]]`, or both".to_owned();
        sink.missing(&table.spot, "the site serves nothing", allowed);
    }
    let environment = table.get(&ENVIRONMENT, sink).unwrap_or(Environment::Production);
    let site = Site {
        name: hosts.first().map(|host| host.value.clone()).unwrap_or_default(),
        hosts: hosts.iter().map(|host| host.value.clone()).collect(),
        environment,
        exposure: table.get(&EXPOSURE, sink).unwrap_or(Exposure::Public),
        tls: tls.as_ref().map(|tls| tls.value.clone()),
        files: files.map(|root| Files { root: root.value }),
        routes,
        mode: global.mode(table, &SITE_MODE, sink),
        limits,
        headers: table.get(&HEADERS, sink).unwrap_or_default(),
    };
    let (spot, wants_tls) = (table.spot.clone(), table.has(&TLS));
    SiteDraft { spot, hosts, environment, wants_tls, tls, upstreams, site }
}

impl SiteDraft {
    pub(crate) fn finish(self) -> Site {
        self.site
    }
}

/// The routes, longest path first, and all that they go to.
fn routes(
    site: &Table<'_, '_>,
    inherited: Inherited<'_>,
    sink: &mut Sink<'_>,
) -> (Vec<Route>, Vec<Located<Upstream>>) {
    let (mut routes, mut upstreams) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for table in site.tables(&ROUTE, sink) {
        let path = table.needed(&PATH, sink);
        let targets = table.needed(&UPSTREAM, sink).map(|list| list.value).unwrap_or_default();
        if let Some(path) = &path {
            let line = sink.line(&path.spot);
            if let Some(first) = seen.insert(path.value.clone(), line) {
                let message = format!("{} is routed twice", quoted(&path.value));
                let allowed = format!("one route a path: the first is in line {first}");
                sink.wrong(&path.spot, message, allowed);
            }
        }
        let route = route(&table, path.map(|path| path.value), &targets, inherited, sink);
        routes.extend(route);
        upstreams.extend(targets);
    }
    routes.sort_by_key(|route| Reverse(route.path.len()));
    (routes, upstreams)
}

fn route(
    table: &Table<'_, '_>,
    path: Option<String>,
    targets: &[Located<Upstream>],
    inherited: Inherited<'_>,
    sink: &mut Sink<'_>,
) -> Option<Route> {
    for (index, target) in targets.iter().enumerate() {
        if targets.iter().take(index).any(|earlier| earlier.value == target.value) {
            sink.wrong(&target.spot, "the same upstream is named twice in this route", None);
        }
    }
    let limit = table.table(&LIMIT, sink).and_then(|limit| request_rate(&limit, sink));
    let limits = table
        .table(&ROUTE_LIMITS, sink)
        .map_or_else(|| inherited.limits.clone(), |own| own_limits(&own, inherited.limits, sink));
    let mode = inherited.mode(table, &ROUTE_MODE, sink);
    let upstream = targets.iter().map(|target| target.value.clone()).collect();
    Some(Route { path: path?, upstream, limit, limits, mode })
}

fn request_rate(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<RequestRate> {
    let rate = table.needed(&PER_CLIENT, sink);
    let burst = table.get(&BURST, sink);
    let rate = rate?.value;
    Some(RequestRate {
        per_second: f64::from(rate.count) / f64::from(rate.seconds),
        burst: burst.unwrap_or_else(|| (rate.count / rate.seconds).max(1)),
    })
}

/// Says what `listen` would have to hold for a site.
pub(crate) fn listener_words(tls: bool) -> String {
    let with = if tls { "with `tls = true`" } else { "without TLS" };
    format!("a `[[listen]]` {with}, or a site that matches (`tls` is {})", TLS.kind.words())
}

//! Reads sites and their routes, with what they inherit.

use crate::access::{CLIENT_CA, ROUTE_ACCESS, SITE_ACCESS, access, fits, kept_apart};
use crate::balance::balance;
use crate::defence::{CHALLENGE, RATE_BY};
use crate::error::quoted;
use crate::fastcgi::fastcgi;
use crate::files::{COMPRESS_ANSWERS, files};
use crate::keys::{
    BURST, ENVIRONMENT, EXPOSURE, FILES, HEADERS, HOSTS, LIMIT, PATH, PER_CLIENT, ROUTE,
    ROUTE_LIMITS, ROUTE_MODE, SITE_LIMITS, SITE_MODE, TLS, UPSTREAM, UPSTREAM_CA,
};
use crate::kinds::{Choice, Words};
use crate::scan::scan;
use crate::sections::own_limits;
use crate::settings::{
    Access, Environment, Exposure, Limits, Network, RateBy, RequestRate, Route, Site, Tls, Upstream,
};
use crate::sink::{Located, Sink, Spot};
use crate::table::{Key, Table};
use burgrave_model::Mode;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a site takes over from the whole configuration, and a route from its site.
#[derive(Clone, Copy)]
pub(crate) struct Inherited<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) access: &'a Access,
    /// The site's web root; of no meaning for a site.
    pub(crate) files: Option<&'a Path>,
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
    let files = files(table, sink);
    let limits = table
        .table(&SITE_LIMITS, sink)
        .map_or_else(|| global.limits.clone(), |own| own_limits(&own, global.limits, sink));
    let exposure = table.get(&EXPOSURE, sink).unwrap_or(Exposure::Public);
    let ground = site_access(table, exposure, sink);
    let root = files.as_ref().map(|files| files.root.as_path());
    let inherited = Inherited { limits: &limits, access: &ground.access, files: root, ..global };
    let (routes, upstreams) = routes(table, inherited, &ground, sink);
    if !table.has(&FILES) && !table.has(&ROUTE) {
        let allowed =
            "`files = { root = \"/…\" }`, one or more `[[site.route]]`, or both".to_owned();
        sink.missing(&table.spot, "the site serves nothing", allowed);
    }
    let environment = table.get(&ENVIRONMENT, sink).unwrap_or(Environment::Production);
    if environment != Environment::Production {
        let name = hosts.first().map_or("", |host| host.value.as_str());
        kept_apart(name, &table.spot, !ground.access.is_open(), sink);
    }
    let site = Site {
        name: hosts.first().map(|host| host.value.clone()).unwrap_or_default(),
        hosts: hosts.iter().map(|host| host.value.clone()).collect(),
        environment,
        exposure,
        client_ca: ground.client_ca,
        access: ground.access,
        tls: tls.as_ref().map(|tls| tls.value.clone()),
        files,
        routes,
        mode: global.mode(table, &SITE_MODE, sink),
        challenge: table.get(&CHALLENGE, sink).unwrap_or_default(),
        limits,
        headers: table.get(&HEADERS, sink).unwrap_or_default(),
    };
    let (spot, wants_tls) = (table.spot.clone(), table.has(&TLS));
    SiteDraft { spot, hosts, environment, wants_tls, tls, upstreams, site }
}

/// What a site says of its clients, and what its routes need to know of that.
struct Ground {
    access: Access,
    client_ca: Option<PathBuf>,
    has_tls: bool,
    internal: bool,
}

fn site_access(table: &Table<'_, '_>, exposure: Exposure, sink: &mut Sink<'_>) -> Ground {
    let ca = table.located(&CLIENT_CA, sink);
    let has_tls = table.has(&TLS);
    if let Some(ca) = &ca
        && !has_tls
    {
        sink.missing(&ca.spot, "client certificates need TLS", "`tls` on the site".to_owned());
    }
    let draft = access(table, &SITE_ACCESS, sink);
    if let Some(draft) = &draft {
        fits(draft, has_tls, table.has(&CLIENT_CA), sink);
    }
    let mut access = draft.map(|draft| draft.access).unwrap_or_default();
    let internal = exposure == Exposure::Internal;
    if internal && access.networks.is_empty() {
        access.networks = Network::private();
    }
    Ground { access, client_ca: ca.map(|ca| ca.value), has_tls, internal }
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
    ground: &Ground,
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
        let own = access(&table, &ROUTE_ACCESS, sink);
        if let Some(own) = &own {
            fits(own, ground.has_tls, ground.client_ca.is_some(), sink);
        }
        let mut route = route(&table, path.map(|path| path.value), &targets, inherited, sink);
        if let (Some(route), Some(mut own)) = (&mut route, own) {
            // An internal site stays one, whatever its routes ask for besides.
            if ground.internal && own.access.networks.is_empty() {
                own.access.networks.clone_from(&ground.access.networks);
            }
            route.access = own.access;
        }
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
    let upstream_ca = table.located(&UPSTREAM_CA, sink);
    let https = |target: &Located<Upstream>| matches!(target.value, Upstream::Https(_));
    if let Some(file) = &upstream_ca
        && !targets.iter().any(https)
    {
        let allowed = Some("an upstream with `https://`, or no `upstream_ca`".to_owned());
        sink.wrong(&file.spot, "no upstream of this route has a certificate", allowed);
    }
    let upstream = targets.iter().map(|target| target.value.clone()).collect();
    let upstream_ca = upstream_ca.map(|file| file.value);
    let access = inherited.access.clone();
    let balance = balance(table, sink);
    let fastcgi = fastcgi(table, targets, inherited.files, sink);
    if fastcgi.is_some() && balance.health.is_some() {
        let message = "checks of `health` speak HTTP, and these upstreams do not";
        sink.wrong(&table.spot, message, Some("no `health`".to_owned()));
    }
    Some(Route {
        path: path?,
        upstream,
        upstream_ca,
        fastcgi,
        balance,
        access,
        compress: table.get(&COMPRESS_ANSWERS, sink).unwrap_or(false),
        limit,
        limits,
        mode,
        scan: scan(table, sink),
    })
}

fn request_rate(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<RequestRate> {
    let rate = table.needed(&PER_CLIENT, sink);
    let burst = table.get(&BURST, sink);
    let by = table.get(&RATE_BY, sink).unwrap_or(RateBy::Client);
    let rate = rate?.value;
    Some(RequestRate {
        per_second: f64::from(rate.count) / f64::from(rate.seconds),
        by,
        burst: burst.unwrap_or_else(|| (rate.count / rate.seconds).max(1)),
    })
}

/// Says what `listen` would have to hold for a site.
pub(crate) fn listener_words(tls: bool) -> String {
    let with = if tls { "with `tls = true`" } else { "without TLS" };
    format!("a `[[listen]]` {with}, or a site that matches (`tls` is {})", TLS.kind.words())
}

#[cfg(test)]
mod tests {
    use crate::parse;
    use crate::settings::{Environment, Exposure, Site};
    use burgrave_model::Mode;

    fn text(site: &str) -> String {
        let top =
            "[rules]\ninclude = [\"/r\"]\nmode = \"block\"\n[[listen]]\naddress = \"[::]:80\"\n";
        format!("{top}[[site]]\nhosts = [\"a\", \"B\"]\n{site}\n")
    }

    fn read(site: &str) -> Site {
        let settings = parse(&text(site));
        settings.unwrap_or_else(|errors| panic!("{}", errors.render("test"))).sites.remove(0)
    }

    fn messages(site: &str) -> Vec<String> {
        let errors = parse(&text(site)).unwrap_err().errors;
        errors.into_iter().map(|error| error.message).collect()
    }

    fn route(path: &str, rest: &str) -> String {
        format!("[[site.route]]\npath = \"{path}\"\nupstream = [\"http://app:1\"]\n{rest}\n")
    }

    #[test]
    fn a_site_is_named_after_its_first_host() {
        let site = read("files = { root = \"/srv\" }");
        assert_eq!(
            (site.name.as_str(), site.hosts.as_slice()),
            ("a", &["a".to_owned(), "b".to_owned()][..])
        );
        assert_eq!((site.environment, site.exposure), (Environment::Production, Exposure::Public));
        assert_eq!((site.tls, site.mode, site.headers.len()), (None, None, 0));
    }

    #[test]
    fn routes_come_longest_path_first() {
        let paths = ["/", "/api", "/api/", "/api/orders/", "/b"];
        let routes: String = paths.iter().map(|path| route(path, "")).collect();
        let found: Vec<_> = read(&routes).routes.into_iter().map(|route| route.path).collect();
        assert_eq!(found, ["/api/orders/", "/api/", "/api", "/b", "/"]);
    }

    #[test]
    fn a_site_has_files_or_routes() {
        assert_eq!(messages(""), ["the site serves nothing"]);
        assert!(read(&route("/", "")).files.is_none());
        assert!(read("files = { root = \"/srv\" }").routes.is_empty());
        let both = format!("files = {{ root = \"/srv\" }}\n{}", route("/api/", ""));
        assert!(parse(&text(&both)).is_ok());
    }

    #[test]
    fn modes_are_each_ones_own() {
        let site =
            format!("mode = \"detect\"\n{}{}", route("/a", "mode = \"off\""), route("/b", ""));
        let site = read(&site);
        assert_eq!(site.mode, Some(Mode::Detect));
        let modes: Vec<_> = site.routes.iter().map(|route| route.mode).collect();
        assert_eq!(modes, [Some(Mode::Off), None]);
    }

    #[test]
    fn half_a_route_is_none() {
        for (site, expected) in [
            ("[[site.route]]\npath = \"/\"\n", vec!["`route[0]` has no `upstream`"]),
            ("[[site.route]]\nupstream = [\"http://a\"]\n", vec!["`route[0]` has no `path`"]),
            ("[[site.route]]\n", vec!["`route[0]` has no `path`", "`route[0]` has no `upstream`"]),
            ("[site.route]\npath = \"/\"\n", vec!["`route` cannot be a table"]),
            ("files = {}\n", vec!["`files` has no `root`"]),
            ("files = \"/srv\"\n", vec!["`files` cannot be `/srv`"]),
        ] {
            assert_eq!(messages(site), expected, "{site}");
        }
        let twice = format!("{}{}", route("/a", ""), route("/a", ""));
        assert_eq!(messages(&twice), ["`/a` is routed twice"]);
    }

    #[test]
    fn limits_of_the_whole_server_are_no_sites() {
        for key in ["header_time", "idle_time"] {
            let said = messages(&route("/", &format!("limits = {{ {key} = \"1s\" }}")));
            assert!(said.len() == 1 && said[0].ends_with("move it to `[limits]`"), "{said:?}");
        }
        for key in ["header_bytes", "header_count", "connections", "connections_per_client"] {
            let said =
                messages(&format!("files = {{ root = \"/srv\" }}\nlimits = {{ {key} = 5 }}"));
            assert!(said.len() == 1 && said[0].ends_with("move it to `[limits]`"), "{said:?}");
        }
    }

    #[test]
    fn a_rate_needs_its_number() {
        let limited = read(&route("/", "limit = { per_client = \"5/s\" }"));
        assert_eq!(limited.routes[0].limit.as_ref().unwrap().burst, 5);
        let said = messages(&route("/", "limit = { burst = 5 }"));
        assert_eq!(said, ["`limit` has no `per_client`"]);
        assert!(read(&route("/", "")).routes[0].limit.is_none());
    }
}

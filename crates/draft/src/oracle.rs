//! nginx as it decides by its manual, and Burgrave as it decides by its settings, side by side on made-up servers: whom
//! nginx keeps out, Burgrave does not let in.

use crate::draft;
use crate::tests::Dice;
use burgrave_audit::{Facts, Ground};
use burgrave_config::{Settings, Site, Upstream, parse};
use burgrave_sys::Fake;
use std::net::IpAddr;

const CLIENTS: [&str; 4] = ["10.1.1.1", "192.0.2.7", "198.51.100.9", "2001:db8::1"];
const PATHS: [&str; 16] = [
    "/", "/a", "/ax", "/a.x", "/a/", "/a/x", "/a/b", "/a/bx", "/a/b/x", "/adm", "/admin", "/adm/x",
    "/adm.php", "/b", "/b/x", "/c",
];
const LOCATIONS: [(&str, &str); 9] = [
    ("", "/"),
    ("", "/a"),
    ("", "/a/"),
    ("^~", "/a/b"),
    ("", "/a/b/"),
    ("", "/adm"),
    ("=", "/b"),
    ("", "/b/"),
    ("", "/adm/"),
];
/// A guard, and whom it lets in.
type Guard = (&'static str, fn(IpAddr) -> bool);

/// What guards a place.
const GUARDS: [Guard; 7] = [
    ("", |_| true),
    ("", |_| true),
    ("allow 10.0.0.0/8; deny all;", |client| client.to_string().starts_with("10.")),
    ("allow 192.0.2.7; allow 2001:db8::/32; deny all;", |client| {
        ["192.0.2.7", "2001:db8::1"].contains(&client.to_string().as_str())
    }),
    ("deny all;", |_| false),
    ("auth_basic x;", |_| false),
    ("deny 192.0.2.7; allow all;", |client| client.to_string() != "192.0.2.7"),
];

/// One place of a made-up server.
#[derive(Clone, Debug)]
struct Place {
    modifier: &'static str,
    path: &'static str,
    /// Which of [`GUARDS`]; `None` inherits.
    guard: Option<usize>,
    /// The port of the application behind it; `None` refuses.
    port: Option<u16>,
    /// Whether the application gets another path.
    is_rewritten: bool,
}

#[derive(Clone, Debug)]
struct Server {
    guard: usize,
    places: Vec<Place>,
}

impl Server {
    fn made(dice: &mut Dice) -> Self {
        let mut places = Vec::new();
        for (index, (modifier, path)) in LOCATIONS.into_iter().enumerate() {
            if dice.below(2) == 0 && index > 0 {
                continue;
            }
            places.push(Place {
                modifier,
                path,
                guard: (dice.below(2) == 0).then(|| dice.below(GUARDS.len())),
                port: (dice.below(6) > 0).then(|| 3_000 + u16::try_from(index).unwrap()),
                is_rewritten: dice.below(6) == 0,
            });
        }
        // Most servers have no guard of their own.
        let guard = if dice.below(3) == 0 { dice.below(GUARDS.len()) } else { 0 };
        Self { guard, places }
    }

    fn text(&self) -> String {
        let mut out =
            format!("http {{ server {{ listen 80; server_name a.example; {}", GUARDS[self.guard].0);
        for place in &self.places {
            let guard = place.guard.map_or("", |guard| GUARDS[guard].0);
            let tail = if place.is_rewritten { "/other/" } else { "" };
            let content = place.port.map_or("return 403;".to_owned(), |port| {
                format!("proxy_pass http://127.0.0.1:{port}{tail};")
            });
            out.push_str(&format!(
                "\nlocation {} {} {{ {guard} {content} }}",
                place.modifier, place.path
            ));
        }
        format!("{out}\n}} }}")
    }

    /// The application that a client reaches at this path, unchanged.
    fn nginx(&self, client: IpAddr, path: &str) -> Option<u16> {
        let exact = self.places.iter().find(|place| place.modifier == "=" && place.path == path);
        let prefix = self
            .places
            .iter()
            .filter(|place| place.modifier != "=" && path.starts_with(place.path));
        let place = exact.or_else(|| prefix.max_by_key(|place| place.path.len()))?;
        // `allow` and `deny` are inherited where a place has none; so is a password.
        let own = place.guard.filter(|guard| !GUARDS[*guard].0.is_empty());
        let asks = |guard: usize| GUARDS[guard].0.starts_with("auth");
        let lists = |guard: usize| !asks(guard) && !GUARDS[guard].0.is_empty();
        let inherited = match own {
            Some(own) => asks(own) != asks(self.guard) && (asks(self.guard) || lists(self.guard)),
            None => true,
        };
        let lets_in = |guard: usize| GUARDS[guard].1(client);
        let passes = own.is_none_or(lets_in) && (!inherited || lets_in(self.guard));
        place.port.filter(|_| passes && !place.is_rewritten)
    }

    /// Whether nginx keeps a client out of a path altogether.
    fn keeps_out(&self, client: IpAddr, path: &str) -> bool {
        self.nginx(client, path).is_none()
    }
}

/// The application that a client reaches by our settings.
fn burgrave(settings: &Settings, client: IpAddr, path: &str) -> Option<u16> {
    let site: &Site =
        settings.sites.iter().find(|site| site.hosts.contains(&"a.example".to_owned()))?;
    let takes = |own: &str| {
        path.strip_prefix(own).is_some_and(|rest| {
            own.ends_with(['/', '.']) || rest.is_empty() || rest.starts_with('/')
        })
    };
    let route = site
        .routes
        .iter()
        .filter(|route| takes(&route.path))
        .max_by_key(|route| route.path.len())?;
    let networks = &route.access.networks;
    if !networks.is_empty() && !networks.iter().any(|network| network.contains(client)) {
        return None;
    }
    let Upstream::Http(authority) = route.upstream.first()? else { return None };
    Some(authority.port).filter(|port| *port != 9)
}

#[test]
fn whom_nginx_keeps_out_burgrave_does_not_let_in() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let (mut carried, mut reached) = (0, 0);
    for _ in 0..4_000 {
        let server = Server::made(&mut dice);
        let fake = Fake::new();
        fake.file("/etc/nginx/nginx.conf", server.text());
        let facts = Facts::new(&fake, Ground::Tree);
        let draft = draft(&facts);
        let settings = parse(&draft.text).unwrap();
        carried += draft.sites;
        for client in CLIENTS.map(|client| client.parse::<IpAddr>().unwrap()) {
            for path in PATHS {
                let Some(port) = burgrave(&settings, client, path) else { continue };
                reached += 1;
                assert!(
                    !server.keeps_out(client, path),
                    "{client} reaches {port} at {path}\n{}\n{}",
                    server.text(),
                    draft.text
                );
            }
        }
    }
    assert!(carried > 300 && reached > 3_000, "the oracle saw something: {carried} {reached}");
}

//! What answers give away about what runs here (CWE-200, CWE-209).

use crate::Attack;
use crate::evidence::{evidence, printable, saw};
use crate::request::Request;
use crate::target::{Door, Target, TargetSite};
use crate::trial::{Trial, each_site};
use crate::wire::answer::Answer;
use crate::wire::{Reply, Wire};
use burgrave_model::{Evidence, Outcome, Safeguard};

pub(super) struct VersionHiding;

/// Fields that only tell what runs here.
const TELLTALES: &[&str] = &[
    "x-powered-by",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-generator",
    "x-runtime",
    "x-version",
];

/// Fields that may be there but must name no product.
const NAMING: &[&str] = &["server", "via"];

/// Products by the name that they give themselves, in lower case.
const PRODUCTS: &[&str] = &[
    "apache",
    "nginx",
    "openresty",
    "microsoft-iis",
    "lighttpd",
    "caddy",
    "jetty",
    "tomcat",
    "litespeed",
    "gunicorn",
    "werkzeug",
    "uvicorn",
    "envoy",
    "haproxy",
    "varnish",
    "squid",
    "php",
    "openssl",
    "kestrel",
    "weblogic",
    "glassfish",
    "wildfly",
    "jboss",
    "burgrave",
    "hyper",
    "axum",
    "express",
    "passenger",
    "puma",
    "cowboy",
    "traefik",
];

/// What stands in the page of a program that broke, in lower case.
const TRACES: &[&str] = &[
    "traceback (most recent call last)",
    "stack trace:",
    "exception in thread",
    "\tat java.",
    "at org.apache.",
    "at system.web.",
    "panicked at",
    "goroutine 1 [",
    "sqlstate[",
    "ora-0",
    "sqlite error",
    "syntax error at or near",
    "you have an error in your sql syntax",
    "fatal error: uncaught",
    ".java:",
    "node_modules/",
];

impl Attack for VersionHiding {
    fn id(&self) -> &'static str {
        "version-hiding"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::VersionHiding
    }

    fn title(&self) -> &'static str {
        "no answer names a product, a version or a place in the source"
    }

    fn about(&self) -> &'static str {
        "Looks at the answers to an ordinary request, to a path where nothing is, to an unknown method \
         and to bytes that are no\nrequest, at both listeners of every site (CWE-200, CWE-209). A \
         `Server` or `Via` with a product or a version, any field\nlike `X-Powered-By`, and an error \
         page with a product's version or a stack trace count as fell. Pages that are no errors\nare \
         not searched: they may well write about software.\n\nIf it fell: an error page with a stack \
         trace comes from the application; switch its debug mode off. A field of your own\ncan be \
         left out with `headers = { x-name = \"\" }` in the site."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, _| {
            site.doors().flat_map(|door| at_door(wire, site, door)).collect()
        })
    }
}

fn at_door(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let path = site.main_place().map_or("/", |place| place.path.as_str());
    let base = path.trim_end_matches('/');
    let normal = Request::new("GET", path, &site.host).bytes();
    let trial = match Trial::begin(wire, door, site, normal.clone()) {
        Ok(trial) => trial,
        Err(evidence) => return vec![evidence],
    };
    let nowhere = Request::new("GET", &format!("{base}/harbour-lighthouse"), &site.host);
    let requests = [
        (format!("GET {path}"), normal),
        (format!("GET {base}/harbour-lighthouse"), nowhere.bytes()),
        (format!("BREW {path}"), Request::new("BREW", path, &site.host).bytes()),
        (format!("TRACE {path}"), Request::new("TRACE", path, &site.host).bytes()),
        ("bytes that are no request".to_owned(), b"\x00\xff garbage\r\n\r\n".to_vec()),
    ];
    let mut out = Vec::new();
    for (what, bytes) in requests {
        let did = format!("{what} at {} ({})", site.host, door.address);
        let reply = wire.exchange(door, &site.host, &bytes);
        out.push(match revealed(&reply) {
            Some(what) => evidence(&did, &what, Outcome::Fell),
            None => trial.judged(wire, &did, &reply, silent_or_clean),
        });
    }
    out
}

/// An answer without anything telling, or no answer at all, tells nothing.
fn silent_or_clean(reply: &Reply, _control: u16) -> Outcome {
    match reply {
        Reply::Answer(_) | Reply::Closed(_) => Outcome::Held,
        Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => Outcome::NotProven,
    }
}

/// What an answer gives away.
fn revealed(reply: &Reply) -> Option<String> {
    let Reply::Answer(answer) = reply else { return None };
    let line = || saw(reply);
    if let Some((name, value)) = answer.fields().find(|(name, value)| tells(name, value)) {
        return Some(format!("{}: field `{}: {}`", line(), printable(name), printable(value)));
    }
    let found = (answer.status >= 400).then(|| in_page(answer)).flatten()?;
    Some(format!("{}: the page says `{found}`", line()))
}

fn tells(name: &[u8], value: &[u8]) -> bool {
    let is = |list: &[&str]| list.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()));
    if is(TELLTALES) {
        return true;
    }
    let lower = value.to_ascii_lowercase();
    let named = || PRODUCTS.iter().any(|product| contains(&lower, product.as_bytes()));
    // `Via: 1.1 gateway` begins with the protocol's version, which is no secret.
    let numbered = name.eq_ignore_ascii_case(b"server") && value.iter().any(u8::is_ascii_digit);
    is(NAMING) && (numbered || named())
}

fn in_page(answer: &Answer) -> Option<String> {
    let lower = answer.body.to_ascii_lowercase();
    let trace = TRACES.iter().find(|trace| contains(&lower, trace.as_bytes()));
    let versioned = || {
        PRODUCTS.iter().map(|product| format!("{product}/")).find(|mark| {
            let mut rest = lower.windows(mark.len() + 1);
            rest.any(|window| {
                window.starts_with(mark.as_bytes()) && window.last().is_some_and(u8::is_ascii_digit)
            })
        })
    };
    trace.map(|trace| (*trace).trim().to_owned()).or_else(versioned)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::answer::sample;

    fn gives_away(text: &str) -> bool {
        revealed(&sample(text)).is_some()
    }

    #[test]
    fn products_versions_and_traces_are_seen() {
        for text in [
            "HTTP/1.1 200 OK\r\nServer: x/1.2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nSERVER: nginx\r\n\r\n",
            "HTTP/1.1 200 OK\r\nVia: 1.1 varnish\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Powered-By: anything\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\n\r\n<address>Apache/2.4.1 (Debian)</address>",
            "HTTP/1.1 500 X\r\n\r\nTraceback (most recent call last):",
            "HTTP/1.1 400 X\r\n\r\nthread 'main' panicked at src/main.rs:1",
        ] {
            assert!(gives_away(text), "{text}");
        }
    }

    #[test]
    fn near_misses_are_not() {
        for text in [
            "HTTP/1.1 200 OK\r\nServer: web\r\n\r\n",
            "HTTP/1.1 200 OK\r\nVia: 1.1 edge\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nHow to upgrade from nginx/1.2 to nginx/1.3",
            "HTTP/1.1 404 Not Found\r\n\r\nNot found. Request 1234",
            "HTTP/1.1 404 Not Found\r\n\r\nthe php/html page",
        ] {
            assert!(!gives_away(text), "{text}");
        }
    }
}

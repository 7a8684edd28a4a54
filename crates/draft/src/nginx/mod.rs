//! Sites of nginx in our words, from its parsed configuration.
//!
//! Invariants: a location is carried over exactly, or kept closed, or its whole site is left out; what a pattern of
//! nginx's decides can be said by no path, so one that guards anything leaves its site out.

pub(crate) mod gate;
mod known;
mod location;
mod scripts;
mod target;

use crate::site::{Certificate, Gate, Listen, Note, Site};
use crate::words::{is_plain, size};
use burgrave_audit::Facts;
use burgrave_audit::facts::{Blind, Directive, Server};
use known::{Meaning, meaning, told};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// nginx's own bound on bodies.
const BODY_DEFAULT: u64 = 1 << 20;

/// What the reader of the configuration drops past its own bounds could be what keeps somebody out: a configuration that
/// comes near them is not drafted.
const DIRECTIVES_MAX: usize = 50_000;
const DEPTH_MAX: usize = 24;
const FILES_MAX: usize = 900;

/// Every server of the configuration.
pub(crate) fn sites(facts: &Facts<'_>) -> Result<Vec<Site>, Blind> {
    let all = facts.nginx().as_ref().map_err(Clone::clone)?.as_deref().unwrap_or_default();
    let mut size = Size::default();
    size.add(all, 0);
    if size.directives > DIRECTIVES_MAX || size.depth > DEPTH_MAX || size.files.len() > FILES_MAX {
        return Err(Blind::new("/etc/nginx", "it is too large or too deep to be drafted from"));
    }
    Ok(facts.nginx_servers()?.into_iter().map(|server| site(facts, server)).collect())
}

/// How much there is of a configuration.
#[derive(Default)]
struct Size {
    directives: usize,
    depth: usize,
    files: BTreeSet<Arc<Path>>,
}

impl Size {
    fn add(&mut self, block: &[Directive], depth: usize) {
        self.depth = self.depth.max(depth);
        self.directives += block.len();
        for directive in block {
            if !self.files.contains(&directive.place.path) {
                self.files.insert(Arc::clone(&directive.place.path));
            }
            self.add(&directive.block, depth + 1);
        }
    }
}

fn site(facts: &Facts<'_>, server: Server<'_>) -> Site {
    let mut site = Site::new("nginx", &server.server.place);
    for directive in server.server.own("server_name") {
        for name in &directive.arguments {
            site.name(name, &directive.place);
        }
    }
    if server.server.own("server_name").next().is_none() {
        site.name("_", &server.server.place);
    }
    site.listens = listens(server, &mut site.notes);
    if server.is_tls() {
        site.certificate = Some(certificate(facts, server));
    }
    let mut notes = Vec::new();
    site.gate = gate::gate(&[server.http, server.server], &mut notes);
    if site.gate == Gate::Closed {
        site.left_out.append(&mut notes);
    }
    site.notes.append(&mut notes);
    site.body_bytes = Some(body_bytes(&[server.http, server.server]));
    tell(server.server, &mut site);
    if let Some(answer) = server.server.own("return").next() {
        site.is_empty = true;
        let what = if gate::is_redirect(answer) {
            "sends every client elsewhere; clients of a site with TLS are sent to its https address by Burgrave itself"
        } else {
            "refuses every request; Burgrave refuses hosts that no site names"
        };
        site.note(&answer.place, format!("`{}` {what}", answer.name));
        return site;
    }
    location::locations(server, &mut site);
    site.settle_scripts();
    crate::root::look(facts, &mut site, false);
    site.settle();
    site
}

/// Says of each directive that is not carried over that it is not.
fn tell(block: &Directive, site: &mut Site) {
    for directive in &block.block {
        if meaning(&directive.name) == Meaning::Told {
            let text = format!("`{}`: {}", directive.name, told(&directive.name));
            site.note(&directive.place, text);
        }
    }
}

/// The bound on bodies that counts in the innermost of these blocks; 0 is none.
fn body_bytes(chain: &[&Directive]) -> u64 {
    let own = Server::effective(chain, "client_max_body_size");
    let bytes = own.first().map_or(Some(BODY_DEFAULT), |directive| size(directive.first()));
    bytes.unwrap_or(BODY_DEFAULT)
}

fn listens(server: Server<'_>, notes: &mut Vec<Note>) -> Vec<Listen> {
    let by_switch = server.inherited("ssl").is_some_and(|directive| directive.first() == "on");
    let mut out = Vec::new();
    for directive in server.listens() {
        let has = |word: &str| directive.arguments.iter().any(|own| own == word);
        let Some(address) = address(directive.first()) else {
            let text = format!("`{}` is no address and port", directive.line());
            notes.push(Note::at(&directive.place, text));
            continue;
        };
        let listen = Listen { address, is_tls: by_switch || has("ssl") || has("quic") };
        if !out.contains(&listen) {
            out.push(listen);
        }
        if has("proxy_protocol") {
            let text = "`proxy_protocol` stands in front: name the load balancer's networks in `proxy_protocol` of the listener, or every client seems to be it";
            notes.push(Note::at(&directive.place, text));
        }
    }
    if server.listens().next().is_none() {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80);
        out.push(Listen { address, is_tls: by_switch });
    }
    out
}

/// An address of a `listen`: a port, an address, or both.
fn address(text: &str) -> Option<SocketAddr> {
    if let Ok(port) = text.parse::<u16>() {
        return Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)).filter(|_| port > 0);
    }
    let text = match text.split_once(':') {
        Some(("*", port)) => format!("0.0.0.0:{port}"),
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        _ => text.to_owned(),
    };
    let whole = text.parse::<SocketAddr>().ok();
    let bare = || {
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&text);
        inner.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 80))
    };
    whole.or_else(bare).filter(|address| address.port() > 0)
}

fn certificate(facts: &Facts<'_>, server: Server<'_>) -> Certificate {
    let path = |name| {
        let first = server.inherited(name).map(Directive::first)?;
        Some(Path::new("/etc/nginx").join(first))
    };
    let (Some(chain), Some(key)) = (path("ssl_certificate"), path("ssl_certificate_key")) else {
        return Certificate::Made("none is named".to_owned());
    };
    given(facts, chain, key)
}

/// A pair of files, if both can be used.
pub(crate) fn given(facts: &Facts<'_>, chain: PathBuf, key: PathBuf) -> Certificate {
    for path in [&chain, &key] {
        if !is_plain(path) {
            return Certificate::Made(format!("`{}` is no plain path", path.display()));
        }
        match facts.followed(path) {
            Ok(Some(_)) => {}
            Ok(None) => return Certificate::Made(format!("`{}` is not there", path.display())),
            Err(blind) => {
                return Certificate::Made(format!("`{}`: {}", path.display(), blind.why));
            }
        }
    }
    Certificate::Files { chain, key }
}

#[cfg(test)]
mod php_tests;
#[cfg(test)]
mod tests;

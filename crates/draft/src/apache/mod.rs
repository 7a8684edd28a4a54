//! Sites of Apache in our words, from its parsed configuration.
//!
//! Invariants: as of nginx's: carried over exactly, or kept closed, or left out with its whole site. What stands outside
//! of all hosts counts for each of them.

mod gate;
mod scripts;

use crate::nginx::given;
use crate::pattern::{Runs, runs};
use crate::site::{Certificate, Gate, Listen, Note, Route, Site, To};
use crate::words::{authority, is_path, size, socket};
use burgrave_audit::Facts;
use burgrave_audit::facts::{ApacheBlock, ApacheDirective, Blind, Place};
use gate::gate;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// As of nginx's: what the reader drops past its bounds could be what keeps somebody out.
const DIRECTIVES_MAX: usize = 50_000;
const FILES_MAX: usize = 900;

/// Every virtual host of the configuration.
pub(crate) fn sites(facts: &Facts<'_>) -> Result<Vec<Site>, Blind> {
    let blocks = facts.apache().as_ref().map_err(Clone::clone)?.as_deref().unwrap_or_default();
    let size: usize = blocks.iter().map(|block| block.directives.len()).sum();
    let files: BTreeSet<&Path> =
        blocks.iter().flat_map(|block| &block.directives).map(|d| &*d.place.path).collect();
    if size > DIRECTIVES_MAX || files.len() > FILES_MAX {
        return Err(Blind::new("/etc/apache2", "it is too large to be drafted from"));
    }
    let hosts: Vec<&ApacheBlock> = blocks.iter().filter(|block| is_host(block)).collect();
    if hosts.is_empty() && !blocks.is_empty() {
        return Err(Blind::new(
            "/etc/apache2",
            "it has no virtual host: what it serves is for you to write",
        ));
    }
    let mut out = Vec::new();
    for (index, host) in hosts.iter().enumerate() {
        let end = hosts.get(index + 1).map_or(usize::MAX, |next| next.number);
        let counts = |block: &&ApacheBlock| {
            let is_own = block.host().is_some() && block.number > host.number && block.number < end;
            is_own || block.host().is_none() && !block.sections.is_empty()
        };
        let inner: Vec<&ApacheBlock> = blocks.iter().filter(counts).collect();
        out.push(site(facts, blocks.first(), host, &inner));
    }
    Ok(out)
}

fn is_host(block: &ApacheBlock) -> bool {
    block.sections.len() == 1 && block.host().is_some()
}

fn site(
    facts: &Facts<'_>,
    main: Option<&ApacheBlock>,
    host: &ApacheBlock,
    inner: &[&ApacheBlock],
) -> Site {
    let unknown = || Place { path: Path::new("/etc/apache2/apache2.conf").into(), line: 0 };
    let place = host.place.clone().unwrap_or_else(unknown);
    let mut site = Site::new("apache", &place);
    names(host, &mut site);
    site.listens = listens(main, host, &mut site.notes);
    let is_tls = host.last("sslengine").is_some_and(|d| d.first().eq_ignore_ascii_case("on"));
    if is_tls {
        site.certificate = Some(certificate(facts, host));
        for listen in &mut site.listens {
            listen.is_tls = true;
        }
    }
    site.root = host.last("documentroot").map(|directive| PathBuf::from(directive.first()));
    site.body_bytes =
        host.last("limitrequestbody").and_then(|d| size(d.first())).filter(|bytes| *bytes > 0);
    let mut notes = Vec::new();
    let everywhere: Vec<ApacheDirective> =
        host.directives.iter().chain(main.into_iter().flat_map(guards_of)).cloned().collect();
    if gate(&everywhere, &mut notes) == Some(Gate::Closed) {
        site.left_out.append(&mut notes);
    }
    if redirects_all(host, &mut site) {
        return site;
    }
    tell(host, &mut site);
    let mut passes = passes(host, None);
    folders(inner, &mut site);
    sections(inner, &mut site, &mut passes);
    aliases(main.into_iter().chain([host]), &mut site);
    scripts::take(main, host, inner, &mut site);
    if let Some(root) = site.root.clone() {
        passes.retain(|(_, pass, _)| scripts::matched(pass, &root).is_none());
    }
    proxied(passes, &mut site);
    falls_back(host, inner, &mut site);
    crate::root::look(facts, &mut site, true);
    site.settle_scripts();
    site.settle();
    site
}

/// What `FallbackResource` answers for what is no file.
fn falls_back(host: &ApacheBlock, inner: &[&ApacheBlock], site: &mut Site) {
    let Some(root) = site.root.clone() else { return };
    let of_root = |block: &&&ApacheBlock| {
        last_section(block, "directory").is_some_and(|path| Path::new(path) == root)
    };
    let mut all = inner.iter().filter(of_root).copied().chain([host]);
    let Some(text) = all.find_map(|block| block.last("fallbackresource")) else { return };
    let file = text.first();
    if file.eq_ignore_ascii_case("disabled") {
        return;
    }
    if site.scripts.is_some() && Path::new(file).extension().is_some_and(|end| end == "php") {
        site.front = Some((file.to_owned(), text.place.clone()));
    } else {
        site.note(&text.place, format!("`{}`: see `fallback` of `files`", text.name));
    }
}

/// What outside of all hosts asks of every client.
fn guards_of(main: &ApacheBlock) -> impl Iterator<Item = &ApacheDirective> {
    let asks = ["accessfilename", "requestheader", "rewriterule", "sslverifyclient"];
    main.directives.iter().filter(move |d| asks.contains(&d.name.as_str()))
}

fn names(host: &ApacheBlock, site: &mut Site) {
    for directive in
        host.directives.iter().filter(|d| matches!(d.name.as_str(), "servername" | "serveralias"))
    {
        for name in &directive.arguments {
            let bare = name.split_once("://").map_or(name.as_str(), |(_, rest)| rest);
            let bare = bare.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
            site.name(bare.map_or(name.as_str(), |(host, _)| host), &directive.place);
        }
    }
    if host.last("servername").is_none() && site.hosts.is_empty() {
        site.name("_", &site.place.clone());
    }
}

/// The addresses of a host that Apache listens on: those of its section and those of `Listen` together.
fn listens(main: Option<&ApacheBlock>, host: &ApacheBlock, notes: &mut Vec<Note>) -> Vec<Listen> {
    let lines = main.into_iter().flat_map(|main| main.directives.iter());
    let opened: Vec<SocketAddr> =
        lines.filter(|d| d.name == "listen").flat_map(|d| addresses(d.first())).collect();
    let mut out: Vec<Listen> = Vec::new();
    for word in host.host().unwrap_or_default().split_whitespace() {
        let own = addresses(word);
        if own.is_empty() {
            notes.extend(
                host.place
                    .as_ref()
                    .map(|place| Note::at(place, format!("`{word}` is no address and port"))),
            );
        }
        for own in own {
            let meet = |opened: &SocketAddr| {
                let same = opened.port() == own.port() && opened.is_ipv4() == own.is_ipv4();
                match (own.ip().is_unspecified(), opened.ip().is_unspecified()) {
                    (true, _) if same => Some(*opened),
                    (false, true) if same => Some(own),
                    (false, false) if same && opened.ip() == own.ip() => Some(own),
                    _ => None,
                }
            };
            let reached: Vec<SocketAddr> = if opened.is_empty() {
                vec![own]
            } else {
                opened.iter().filter_map(meet).collect()
            };
            for address in reached {
                if !out.iter().any(|listen| listen.address == address) {
                    out.push(Listen { address, is_tls: false });
                }
            }
        }
    }
    out
}

/// `80`, `*:80`, `192.0.2.1:80`, `[::1]:80`, `_default_:443`: a port or `*` is of both families.
fn addresses(text: &str) -> Vec<SocketAddr> {
    let (place, port) = match text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((place, port)) => (place, port),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => ("*", text),
        None => (text, "80"),
    };
    let Some(port) = port.parse::<u16>().ok().filter(|port| *port > 0) else { return Vec::new() };
    if matches!(place, "*" | "_default_") {
        let v4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let v6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        return vec![SocketAddr::new(v4, port), SocketAddr::new(v6, port)];
    }
    let bare = place.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().map(|address| SocketAddr::new(address, port)).into_iter().collect()
}

fn certificate(facts: &Facts<'_>, host: &ApacheBlock) -> Certificate {
    let path = |name| host.last(name).map(|d| Path::new("/etc/apache2").join(d.first()));
    match (path("sslcertificatefile"), path("sslcertificatekeyfile")) {
        (Some(chain), Some(key)) => given(facts, chain, key),
        (Some(chain), None) => given(facts, chain.clone(), chain),
        _ => Certificate::Made("none is named".to_owned()),
    }
}

/// Whether every request is sent elsewhere.
fn redirects_all(host: &ApacheBlock, site: &mut Site) -> bool {
    let all = host.directives.iter().find(|d| {
        let words = &d.arguments;
        let of_root = words.iter().any(|word| word == "/");
        let by_rule = d.name == "rewriterule"
            && words.get(1).is_some_and(|to| to.starts_with("https://"))
            && words.first().is_some_and(|from| {
                ["^", "^(.*)$", "^/?(.*)", "(.*)", ".*", "^.*$", "^/?(.*)$"]
                    .contains(&from.as_str())
            });
        d.name.starts_with("redirect") && d.name != "redirectmatch" && of_root || by_rule
    });
    let Some(all) = all else { return false };
    let (place, line) = (all.place.clone(), all.name.clone());
    site.is_empty = true;
    site.root = None;
    site.note(&place, format!("`{line}` sends every client elsewhere; clients of a site with TLS are sent to its https address by Burgrave itself"));
    true
}

/// Says what is not carried over.
fn tell(block: &ApacheBlock, site: &mut Site) {
    for directive in &block.directives {
        let text = match directive.name.as_str() {
            "rewriterule" => "paths are not rewritten: a path is passed on as it is",
            "redirect" | "redirectmatch" | "redirectpermanent" | "redirecttemp" => {
                "clients are not sent elsewhere"
            }
            "header" => {
                "Burgrave sets security headers itself; more of them go to `headers` of the site"
            }
            "errordocument" => "pages for errors are `pages` of `files`",
            "sethandler" | "addhandler" => "handlers are not carried over",
            _ => continue,
        };
        site.note(&directive.place, format!("`{}`: {text}", directive.name));
    }
}

/// Sections of folders: the innermost that holds the root says who may come in; those below it keep their own.
fn folders(inner: &[&ApacheBlock], site: &mut Site) {
    let Some(root) = site.root.clone() else { return };
    let mut around: Vec<(usize, Gate, Vec<Note>)> = Vec::new();
    for block in inner {
        let Some(path) = last_section(block, "directory") else { continue };
        let mut notes = Vec::new();
        let Some(gate) = gate(&block.directives, &mut notes) else { continue };
        let folder = Path::new(path);
        if path.contains(['*', '?', '~', '[']) {
            if gate != Gate::Open {
                pattern(block, notes, site);
            }
        } else if root.starts_with(folder) {
            around.push((folder.components().count(), gate, notes));
        } else if let Ok(rest) = folder.strip_prefix(&root)
            && gate != Gate::Open
        {
            let url = rest.to_str().map(|rest| format!("/{rest}/")).filter(|url| is_path(url));
            shut(block, url.as_deref(), notes, site);
        }
    }
    around.sort_by_key(|(depth, ..)| *depth);
    match around.pop() {
        Some((_, Gate::Closed, notes)) => site.left_out.extend(notes),
        Some((_, gate, _)) => site.gate = gate,
        None => {}
    }
}

/// The argument of a block's innermost section, if that is of this kind.
fn last_section<'b>(block: &'b ApacheBlock, kind: &str) -> Option<&'b str> {
    let rest = block.sections.last()?.strip_prefix(kind)?.strip_prefix(' ')?;
    Some(rest.trim())
}

fn shut(block: &ApacheBlock, url: Option<&str>, notes: Vec<Note>, site: &mut Site) {
    let Some(place) = block.place.clone() else { return };
    let section = block.sections.last().cloned().unwrap_or_default();
    if let Some(url) = url {
        site.note(&place, format!("`<{section}>` is not carried over, and kept closed"));
        site.notes.extend(notes);
        site.close(url, &place);
    } else {
        site.leave_out(&place, format!("`<{section}>` cannot be a path of a route"));
        site.left_out.extend(notes);
    }
}

fn pattern(block: &ApacheBlock, notes: Vec<Note>, site: &mut Site) {
    let Some(place) = block.place.clone() else { return };
    let section = block.sections.last().cloned().unwrap_or_default();
    site.leave_out(
        &place,
        format!("`<{section}>` is chosen by a pattern, which a route cannot be"),
    );
    site.left_out.extend(notes);
}

/// A path and where its requests go, as written.
type Pass<'b> = (String, &'b ApacheDirective, Gate);

/// `ProxyPass` lines of a block; those of a `Location` have its path.
fn passes<'b>(block: &'b ApacheBlock, path: Option<(&str, &Gate)>) -> Vec<Pass<'b>> {
    let mut out = Vec::new();
    for directive in block.directives.iter().filter(|d| d.name.starts_with("proxypass")) {
        match (&path, directive.name.as_str()) {
            (
                _,
                "proxypassreverse" | "proxypassreversecookiedomain" | "proxypassreversecookiepath",
            ) => {}
            (_, "proxypassmatch") => out.push((String::new(), directive, Gate::Closed)),
            (Some((path, gate)), _) => out.push(((*path).to_owned(), directive, (*gate).clone())),
            (None, _) => out.push((directive.first().to_owned(), directive, Gate::Open)),
        }
    }
    out
}

/// Sections of paths, files and patterns.
fn sections<'b>(inner: &[&'b ApacheBlock], site: &mut Site, out: &mut Vec<Pass<'b>>) {
    for block in inner {
        let mut notes = Vec::new();
        let own = gate(&block.directives, &mut notes);
        if last_section(block, "directory").is_some()
            && block.sections.iter().filter(|s| !s.starts_with("virtualhost")).count() == 1
        {
            continue;
        }
        let location =
            last_section(block, "location").filter(|path| !path.contains(['~', '*', '?', '[']));
        let place = block.place.clone();
        match (location, own) {
            (Some("/"), Some(Gate::Closed)) => site.left_out.extend(notes),
            (Some("/"), own) => {
                if let Some(own) = own {
                    site.gate = own;
                }
                out.extend(passes(block, Some(("/", &site.gate))));
            }
            (Some(path), own) if is_path(path) => {
                let found = passes(block, Some((path, own.as_ref().unwrap_or(&Gate::Open))));
                let guarded = own.is_some_and(|own| own != Gate::Open);
                let is_handler = block.last("sethandler").is_some();
                if guarded && found.is_empty() || is_handler || !notes.is_empty() {
                    shut(block, Some(path), notes, site);
                } else {
                    out.extend(found);
                }
            }
            (_, None | Some(Gate::Open)) => {}
            (None, Some(_)) if hides(block) => {
                if let Some(place) = place {
                    site.note(&place, "Burgrave hands out no hidden files anyway");
                }
            }
            (None, Some(_)) if is_of_sources(block) => {
                if let Some(place) = place {
                    site.note(&place, "Burgrave hands out no source of programs anyway");
                }
            }
            (_, Some(_)) => pattern(block, notes, site),
        }
    }
}

/// Whether a section is of sources that are not run, such as `.phps`.
fn is_of_sources(block: &ApacheBlock) -> bool {
    let pattern = last_section(block, "filesmatch").map(|text| text.trim_matches('"'));
    pattern.is_some_and(|pattern| runs(pattern) == Some(Runs::Sources))
}

/// Whether a section is of hidden files and nothing else.
fn hides(block: &ApacheBlock) -> bool {
    let Some(section) = block.sections.last() else { return false };
    let (kind, rest) = section.split_once(' ').unwrap_or((section, ""));
    let rest = rest.trim().trim_start_matches('~').trim().trim_matches('"');
    // One group behind the dot that begins the name, such as `^\.ph(?:ar|p)$`.
    let group = rest.strip_prefix("^\\.").and_then(|rest| rest.split_once('('));
    if let Some((start, inner)) = group
        && kind == "filesmatch"
        && !start.contains('|')
    {
        return inner.find(')').is_some_and(|end| !inner.get(end..).unwrap_or("|").contains('|'));
    }
    let rest = rest.trim_start_matches('^');
    matches!(kind, "files" | "filesmatch")
        && (rest.starts_with("\\.") || rest.starts_with(".ht"))
        && !rest.contains('|')
        && !rest.starts_with("\\.(")
}

/// Folders that lie elsewhere: their paths are kept closed.
fn aliases<'b>(blocks: impl Iterator<Item = &'b ApacheBlock>, site: &mut Site) {
    let is_alias = |d: &&ApacheDirective| {
        matches!(d.name.as_str(), "alias" | "scriptalias" | "aliasmatch" | "scriptaliasmatch")
    };
    for directive in blocks.flat_map(|block| block.directives.iter()).filter(is_alias) {
        let line = directive.line();
        if !directive.name.ends_with("match") && is_path(directive.first()) {
            let text = format!("`{line}`: a route cannot hand out files: kept closed");
            site.note(&directive.place, text);
            site.close(directive.first(), &directive.place);
        } else {
            let text = format!("`{line}` is chosen by a pattern, which a route cannot be");
            site.leave_out(&directive.place, text);
        }
    }
}

fn proxied(passes: Vec<Pass<'_>>, site: &mut Site) {
    for (path, directive, gate) in passes {
        let place = directive.place.clone();
        let of_location = directive.arguments.len() < 2 || directive.first().contains("://");
        let to = directive.arguments.get(usize::from(!of_location));
        let to = to.map_or("", String::as_str);
        if !is_path(&path) {
            site.leave_out(&place, format!("`{}` is chosen by a pattern", directive.name));
            continue;
        }
        let gate = if gate == Gate::Open { site.gate.clone() } else { gate };
        match upstream(&path, to) {
            Ok(upstream) => {
                if path == "/" {
                    site.root = None;
                }
                let to = To::Upstreams(vec![upstream]);
                site.routes.push(Route { path, to, gate, place, body_bytes: None });
            }
            Err(why) if path == "/" => {
                site.leave_out(&place, format!("`{}` of `{path}`: {why}", directive.name));
            }
            Err(why) => {
                site.note(&place, format!("`{}` of `{path}`: {why}: kept closed", directive.name));
                site.close(&path, &place);
            }
        }
    }
}

fn upstream(path: &str, to: &str) -> Result<String, String> {
    if to == "!" {
        return Err("it is not passed on".to_owned());
    }
    if let Some(rest) = to.strip_prefix("unix:") {
        let (socket_path, behind) = rest.split_once('|').unwrap_or((rest, "http://"));
        let is_http = behind.starts_with("http://");
        return socket(socket_path)
            .filter(|_| is_http)
            .ok_or_else(|| "the socket is no HTTP".to_owned());
    }
    let Some((scheme, rest)) = to.split_once("://") else {
        return Err("there is no address".to_owned());
    };
    let port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return Err(format!("`{scheme}` is not spoken")),
    };
    let at = rest.find('/').unwrap_or(rest.len());
    let (place, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
    let same = tail == path || tail.is_empty() && path == "/";
    if !same {
        return Err(format!(
            "`{path}` becomes `{tail}` there, and Burgrave passes a path on as it is"
        ));
    }
    // An address may hold a password, so it is not repeated.
    let wrong = || "the address is no host and port".to_owned();
    let authority = authority(place, port).ok_or_else(wrong)?;
    Ok(format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod php_tests;
#[cfg(test)]
mod tests;

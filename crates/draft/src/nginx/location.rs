//! Locations of nginx's as paths of ours.

use super::gate::{gate, is_redirect, trusted_headers};
use super::target::upstreams;
use super::{body_bytes, tell};
use crate::site::{Gate, Note, Route, Site, To};
use crate::words::is_path;
use burgrave_audit::facts::{Directive, Place, Server};
use std::path::{Path, PathBuf};

/// Most locations of one server; one with more is left out.
const LOCATIONS_MAX: usize = 500;
/// Programs behind a location that are spoken to otherwise than by HTTP.
const OTHER_PASSES: [&str; 4] = ["fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass"];

/// How a location is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice<'d> {
    Prefix(&'d str),
    Exact(&'d str),
    Pattern(&'d str),
    /// Reached from other places of the configuration only.
    Named,
}

/// What a location hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content<'d> {
    /// What a program answers.
    Pass(&'d Directive),
    /// What a program answers that speaks something else.
    Other(&'d Directive),
    /// Files of another folder than the site's.
    Folder(PathBuf, &'d Directive),
    /// An answer that stands in the configuration.
    Answer(&'d Directive),
    /// Files of the site's folder.
    Files,
}

/// Goes through all of them.
pub(super) fn locations(server: Server<'_>, site: &mut Site) {
    let root = Server::effective(&[server.http, server.server], "root");
    site.root = root.first().map(|directive| PathBuf::from(directive.first()));
    let mut all = Vec::new();
    collect(server.server, &[server.http, server.server], &mut all);
    if all.len() > LOCATIONS_MAX {
        let place = server.server.place.clone();
        site.leave_out(&place, format!("it has more than {LOCATIONS_MAX} locations"));
        return;
    }
    tries(server.server, site);
    // What is said of `/` is what the others are compared with.
    all.sort_by_key(|chain| {
        chain.last().is_none_or(|location| choice(location) != Choice::Prefix("/"))
    });
    for chain in &all {
        let Some(location) = chain.last() else { continue };
        tell(location, site);
        match choice(location) {
            Choice::Prefix("/") => whole(server, chain, location, site),
            Choice::Prefix(path) => prefix(server, chain, location, path, site),
            Choice::Exact(path) => exact(chain, location, path, site),
            Choice::Pattern(pattern) => by_pattern(chain, location, pattern, site),
            Choice::Named => {}
        }
    }
}

fn collect<'d>(block: &'d Directive, chain: &[&'d Directive], out: &mut Vec<Vec<&'d Directive>>) {
    for location in block.own("location") {
        if out.len() > LOCATIONS_MAX {
            return;
        }
        let mut longer = chain.to_vec();
        longer.push(location);
        out.push(longer.clone());
        collect(location, &longer, out);
    }
}

fn choice(location: &Directive) -> Choice<'_> {
    let words: Vec<&str> = location.arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["=", path] => Choice::Exact(path),
        ["^~", path] => Choice::Prefix(path),
        ["~" | "~*", pattern] => Choice::Pattern(pattern),
        [name] if name.starts_with('@') => Choice::Named,
        [path] => match path.strip_prefix('=') {
            Some(path) => Choice::Exact(path),
            None if path.starts_with('~') => Choice::Pattern(path),
            None => Choice::Prefix(path),
        },
        _ => Choice::Pattern(""),
    }
}

fn content<'d>(location: &'d Directive, site: &Site) -> Content<'d> {
    for directive in &location.block {
        let first = PathBuf::from(directive.first());
        match directive.name.as_str() {
            "proxy_pass" | "grpc_pass" => return Content::Pass(directive),
            name if OTHER_PASSES.contains(&name) => return Content::Other(directive),
            "return" => return Content::Answer(directive),
            "alias" => return Content::Folder(first, directive),
            "root" if site.root.as_ref() != Some(&first) => {
                return Content::Folder(first, directive);
            }
            _ => {}
        }
    }
    Content::Files
}

/// `location /`: what the site is.
fn whole(server: Server<'_>, chain: &[&Directive], location: &Directive, site: &mut Site) {
    let mut notes = Vec::new();
    let own = gate(chain, &mut notes);
    if own == Gate::Closed {
        site.left_out.append(&mut notes);
        return;
    }
    site.gate = own;
    match content(location, site) {
        Content::Pass(pass) => match upstreams(server, pass, "/") {
            Ok(_) if trusted_headers(chain).is_some() => {
                site.left_out.extend(trusted_headers(chain));
            }
            Ok(all) => {
                site.root = None;
                if all.iter().any(|upstream| upstream.starts_with("https:")) {
                    site.note(&pass.place, VERIFIED);
                }
                site.routes.push(Route {
                    path: "/".to_owned(),
                    to: To::Upstreams(all),
                    gate: site.gate.clone(),
                    place: location.place.clone(),
                    body_bytes: Some(body_bytes(chain)),
                });
            }
            Err(why) => site.leave_out(&pass.place, format!("`{}`: {why}", pass.name)),
        },
        Content::Folder(folder, _) => {
            site.root = Some(folder);
            tries(location, site);
        }
        Content::Files => tries(location, site),
        Content::Other(pass) => site.leave_out(&pass.place, programs(pass)),
        Content::Answer(answer) if is_redirect(answer) => {
            site.root = None;
            site.is_empty = true;
            site.note(&answer.place, format!("`{}` sends clients elsewhere", answer.name));
        }
        Content::Answer(answer) => {
            site.root = None;
            site.close("/", &answer.place);
        }
    }
}

const VERIFIED: &str = "its certificate is verified from now on: name its authority as `upstream_ca` if the system does not know it";

fn programs(pass: &Directive) -> String {
    format!(
        "`{}`: files of programs lie beside files for everybody, and what is not run would be handed out as text. \
         If every path goes to the program, write `upstream = [\"fastcgi:/run/php/….sock\"]` and `fastcgi = {{ root = \"…\" }}` in a route for `/`",
        pass.name
    )
}

/// What `try_files` says of paths that name no file.
fn tries(block: &Directive, site: &mut Site) {
    let Some(directive) = block.own("try_files").last() else { return };
    let Some(last) = directive.arguments.last() else { return };
    if last.starts_with('=') || last.starts_with("$uri") {
        return;
    }
    let plain = is_path(last) && !last.ends_with('/') && !crate::root::is_program(Path::new(last));
    if plain {
        site.fallback = Some(last.clone());
    } else {
        let text = format!(
            "`{}`: what is no file goes to a program. If all of it may, write a route for `/`",
            directive.line()
        );
        site.leave_out(&directive.place, text);
    }
}

fn prefix(
    server: Server<'_>,
    chain: &[&Directive],
    location: &Directive,
    path: &str,
    site: &mut Site,
) {
    if !is_path(path) {
        site.leave_out(
            &location.place,
            format!("`{}` cannot be a path of a route", location.line()),
        );
        return;
    }
    let mut notes = Vec::new();
    let own = gate(chain, &mut notes);
    let content = content(location, site);
    if own == Gate::Closed {
        shut(path, location, notes, site);
        return;
    }
    match content {
        Content::Pass(pass) => match upstreams(server, pass, path) {
            Ok(_) if trusted_headers(chain).is_some() => {
                shut(path, location, trusted_headers(chain).into_iter().collect(), site);
            }
            Ok(all) => {
                if all.iter().any(|upstream| upstream.starts_with("https:")) {
                    site.note(&pass.place, VERIFIED);
                }
                if own != site.gate && !path.ends_with('/') {
                    site.routes.push(Route::closed(&format!("{path}."), &location.place));
                }
                site.routes.push(Route {
                    path: path.to_owned(),
                    to: To::Upstreams(all),
                    gate: own,
                    place: location.place.clone(),
                    body_bytes: Some(body_bytes(chain)),
                });
            }
            Err(why) => {
                let note = Note::at(&pass.place, format!("`{}`: {why}", pass.name));
                shut(path, location, vec![note], site);
            }
        },
        // Files that the site hands out anyway, to the same clients.
        Content::Files if own == site.gate && site.root.is_some() => {}
        Content::Files | Content::Folder(..) => {
            let text = "a route cannot hand out files, and the site's folder or clients are others";
            shut(path, location, vec![Note::at(&location.place, text)], site);
        }
        Content::Other(pass) => {
            let note = Note::at(&pass.place, format!("`{}` is no HTTP", pass.name));
            shut(path, location, vec![note], site);
        }
        Content::Answer(answer) => {
            let note = Note::at(&answer.place, format!("`{}` answers by itself", answer.name));
            shut(path, location, vec![note], site);
        }
    }
}

/// Keeps a path closed, and says why.
fn shut(path: &str, location: &Directive, notes: Vec<Note>, site: &mut Site) {
    site.note(
        &location.place,
        format!("`{}` is not carried over, and kept closed", location.line()),
    );
    site.notes.extend(notes);
    site.close_beginning(path, &location.place);
}

/// `location = /x`: we have no path that takes nothing below it.
fn exact(chain: &[&Directive], location: &Directive, path: &str, site: &mut Site) {
    let mut notes = Vec::new();
    let own = gate(chain, &mut notes);
    if own == site.gate && content(location, site) == Content::Files && site.root.is_some() {
        return;
    }
    if !is_path(path) || path == "/" {
        let text = format!("`{}` is one path alone, which a route cannot be", location.line());
        site.leave_out(&location.place, text);
        return;
    }
    notes.push(Note::at(
        &location.place,
        "it is one path alone, and a route takes what is below as well",
    ));
    shut(path, location, notes, site);
}

fn by_pattern(chain: &[&Directive], location: &Directive, pattern: &str, site: &mut Site) {
    let mut notes = Vec::new();
    let own = gate(chain, &mut notes);
    let what = content(location, site);
    let refuses =
        own == Gate::Closed || matches!(what, Content::Answer(answer) if !is_redirect(answer));
    if refuses && hides(pattern) {
        let text = format!("`{}`: Burgrave hands out no hidden files anyway", location.line());
        site.note(&location.place, text);
    } else if own != site.gate || what != Content::Files || site.root.is_none() {
        leave_out(location, &location.place, notes, site);
    } else {
        site.note(&location.place, format!("`{}` is not carried over", location.line()));
    }
}

fn leave_out(location: &Directive, place: &Place, notes: Vec<Note>, site: &mut Site) {
    let text = format!("`{}` is chosen by a pattern, which a route cannot be", location.line());
    site.leave_out(place, text);
    site.left_out.extend(notes);
}

/// Whether a pattern is of hidden files and nothing else.
fn hides(pattern: &str) -> bool {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    pattern.strip_prefix("/\\.").is_some_and(|rest| !rest.contains('|') || rest.starts_with('('))
}

#[cfg(test)]
mod tests {
    use super::hides;

    #[test]
    fn only_patterns_of_hidden_files_are_those() {
        for pattern in ["/\\.", "/\\.ht", "/\\.git", "^/\\.", "/\\.(?!well-known)", "/\\.(ht|svn)"]
        {
            assert!(hides(pattern), "{pattern}");
        }
        for pattern in ["\\.php$", "/\\.ht|/private", "/private/\\.", "", "."] {
            assert!(!hides(pattern), "{pattern}");
        }
    }
}

//! Locations of nginx's as paths of ours.

use super::gate::{gate, is_redirect, trusted_headers};
use super::scripts::{front, take};
use super::target::upstreams;
use super::{body_bytes, tell};
use crate::pattern::{Runs, runs};
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
            Choice::Pattern(pattern) => by_pattern(server, chain, pattern, site),
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
    if let Some(script) = front(last) {
        site.front = Some((script.to_owned(), directive.place.clone()));
        if last.strip_prefix(script).is_some_and(|told| told.contains("q=")) {
            site.note(
                &directive.place,
                "the script finds the path in `REQUEST_URI` and `PATH_INFO`, not in `q`",
            );
        }
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
        Content::Files if own == site.gate && site.root.is_some() => {
            inner_files(location, path, site);
        }
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

/// A place of the site's own files: whether scripts are run there is not told by its folder.
fn inner_files(location: &Directive, path: &str, site: &mut Site) {
    // No pattern is asked below such a place, so no script is run.
    if location.first() == "^~" {
        if let Some(folder) = path.strip_suffix('/').filter(|folder| !folder.is_empty()) {
            site.kept_free.push(folder.to_owned());
        } else {
            let text =
                format!("`{}` keeps scripts from being run, and is no folder", location.line());
            site.against_scripts.push(Note::at(&location.place, text));
        }
    }
    let last = location.own("try_files").last().and_then(|own| own.arguments.last());
    if let Some(script) = last.and_then(|last| front(last)) {
        let is_roots = site.front.as_ref().is_some_and(|(own, _)| own == script);
        if !is_roots {
            let text =
                format!("`{}`: what is no file goes to a script of its own", location.line());
            site.against_scripts.push(Note::at(&location.place, text));
        }
    }
}

/// Keeps a path closed, and says why.
fn shut(path: &str, location: &Directive, notes: Vec<Note>, site: &mut Site) {
    tell_shut(location, notes, site);
    site.close_beginning(path, &location.place);
}

fn tell_shut(location: &Directive, notes: Vec<Note>, site: &mut Site) {
    site.note(
        &location.place,
        format!("`{}` is not carried over, and kept closed", location.line()),
    );
    site.notes.extend(notes);
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
    tell_shut(location, notes, site);
    site.close(path, &location.place);
}

fn by_pattern(server: Server<'_>, chain: &[&Directive], pattern: &str, site: &mut Site) {
    let Some(location) = chain.last() else { return };
    let runs = runs(pattern);
    let pass = location.block.iter().find(|own| OTHER_PASSES.contains(&own.name.as_str()));
    if let (Some(pass), Some(runs)) = (pass, &runs)
        && take(server, chain, pass, runs, site)
    {
        return;
    }
    let mut notes = Vec::new();
    let own = gate(chain, &mut notes);
    let what = content(location, site);
    let refuses =
        own == Gate::Closed || matches!(what, Content::Answer(answer) if !is_redirect(answer));
    if refuses && hides(pattern) {
        let text = format!("`{}`: Burgrave hands out no hidden files anyway", location.line());
        site.note(&location.place, text);
    } else if let Some(runs) = runs.filter(|_| refuses) {
        keep_free(chain, runs, site);
    } else if own != site.gate || what != Content::Files || site.root.is_none() {
        leave_out(location, &location.place, notes, site);
    } else {
        site.note(&location.place, format!("`{}` is not carried over", location.line()));
    }
}

fn no_source(location: &Directive) -> String {
    format!("`{}`: Burgrave hands out no source of programs anyway", location.line())
}

/// A pattern that keeps scripts from being run.
fn keep_free(chain: &[&Directive], runs: Runs, site: &mut Site) {
    let [.., parent, location] = chain else { return };
    let within = match (parent.name.as_str(), choice(parent)) {
        ("location", Choice::Prefix(path)) => path.strip_suffix('/'),
        ("location", _) => None,
        _ => Some(""),
    };
    match (runs, within) {
        (Runs::Sources, _) => site.note(&location.place, no_source(location)),
        (Runs::Below(folders), Some("")) => site.kept_free.extend(folders),
        (Runs::One(script), Some("")) => {
            tell_shut(location, Vec::new(), site);
            site.close(&script, &location.place);
        }
        // Where one alone is run, no other is.
        (Runs::All, Some("")) if site.scripts.as_ref().is_some_and(|own| own.only.is_some()) => {
            site.note(&location.place, no_source(location));
        }
        (Runs::All, Some("")) if site.scripts.is_some() => {
            site.note(&location.place, format!("`{}` is never reached", location.line()));
        }
        (Runs::All, Some("")) => {
            site.are_scripts_refused = true;
            site.note(&location.place, no_source(location));
        }
        (Runs::All, Some(folder)) if is_path(folder) => site.kept_free.push(folder.to_owned()),
        _ => leave_out(location, &location.place, Vec::new(), site),
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

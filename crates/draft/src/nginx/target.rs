//! Where a location of nginx's passes its requests to, as upstreams of ours.
//!
//! Invariant: an upstream of ours gets a request's path as it is, so one that would get another is refused.

use crate::words::{authority, socket};
use burgrave_audit::facts::{Directive, Server};

/// Most servers of one group.
const SERVERS_MAX: usize = 64;

/// The upstreams of a `proxy_pass` or `grpc_pass`, or why there are none.
pub(super) fn upstreams(
    server: Server<'_>,
    pass: &Directive,
    path: &str,
) -> Result<Vec<String>, String> {
    let text = pass.first();
    if text.contains('$') {
        return Err("the address is made of variables".to_owned());
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None if pass.name == "grpc_pass" => ("grpc", text),
        None => return Err("there is no scheme".to_owned()),
    };
    let ours = match (pass.name.as_str(), scheme) {
        ("proxy_pass", "http") => "http",
        ("proxy_pass", "https") => "https",
        ("grpc_pass", "grpc") => "h2c",
        _ => return Err(format!("`{scheme}` is not spoken")),
    };
    let (place, tail) = cut(rest);
    if !tail.is_empty() && tail != path {
        return Err(format!(
            "`{path}` becomes `{tail}` there, and Burgrave passes a path on as it is: let the application answer at `{path}`"
        ));
    }
    if let Some(path) = place.strip_prefix("unix:") {
        let path = path.trim_end_matches(':');
        return match (ours, socket(path)) {
            ("http", Some(socket)) => Ok(vec![socket]),
            _ => Err("the socket cannot be used".to_owned()),
        };
    }
    grouped(server, place, ours)
}

/// The servers of a `fastcgi_pass`, or why there are none.
pub(super) fn scripts(server: Server<'_>, pass: &Directive) -> Result<Vec<String>, String> {
    let text = pass.first();
    if text.contains('$') {
        return Err("the address is made of variables".to_owned());
    }
    match text.strip_prefix("unix:") {
        Some(path) => {
            socket_of(path, "fastcgi").map(|own| vec![own]).ok_or_else(|| WRONG.to_owned())
        }
        None => grouped(server, text, "fastcgi"),
    }
}

fn socket_of(path: &str, scheme: &str) -> Option<String> {
    let own = socket(path)?;
    match scheme {
        "http" => Some(own),
        "fastcgi" => Some(own.replacen("unix:", "fastcgi:", 1)),
        _ => None,
    }
}

/// A group of servers, or one.
fn grouped(server: Server<'_>, place: &str, ours: &str) -> Result<Vec<String>, String> {
    let group = server.http.own("upstream").find(|group| group.first() == place);
    match group {
        Some(group) => members(group, ours),
        None => one(place, ours).map(|upstream| vec![upstream]).ok_or_else(|| WRONG.to_owned()),
    }
}

/// The server and the path behind it.
fn cut(rest: &str) -> (&str, &str) {
    if let Some(after) = rest.strip_prefix("unix:") {
        let at = after.find(':').map_or(rest.len(), |at| at + "unix:".len());
        let (place, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        return (place, tail.trim_start_matches(':'));
    }
    let at = rest.find('/').unwrap_or(rest.len());
    rest.split_at_checked(at).unwrap_or((rest, ""))
}

fn members(group: &Directive, scheme: &str) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    for server in group.own("server").take(SERVERS_MAX) {
        if server.arguments.iter().any(|word| word == "down") {
            continue;
        }
        let text = server.first();
        let upstream = match text.strip_prefix("unix:") {
            Some(path) => socket_of(path, scheme),
            None => one(text, scheme),
        };
        let upstream = upstream.ok_or_else(|| WRONG.to_owned())?;
        if !out.contains(&upstream) {
            out.push(upstream);
        }
    }
    if out.is_empty() {
        return Err(format!("the group `{}` has no server", group.first()));
    }
    Ok(out)
}

fn one(text: &str, scheme: &str) -> Option<String> {
    let port = if scheme == "https" { 443 } else { 80 };
    authority(text, port).map(|authority| format!("{scheme}://{authority}"))
}

/// An address may hold a password, so it is not repeated.
const WRONG: &str = "the address is no host and port";

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_audit::{Facts, Ground};
    use burgrave_sys::Fake;

    fn of(path: &str, pass: &str) -> Result<Vec<String>, String> {
        let fake = Fake::new();
        let text = format!(
            "http {{ upstream app {{ server 10.0.0.1:3000 weight=2; server unix:/run/a.sock; server 10.0.0.9 down; }} \
             upstream none {{ server x y down; }} server {{ location {path} {{ {pass} }} }} }}"
        );
        fake.file("/etc/nginx/nginx.conf", text);
        let facts = Facts::new(&fake, Ground::Tree);
        let server = facts.nginx_servers().unwrap()[0];
        let location = server.server.own("location").next().unwrap();
        upstreams(server, &location.block[0], path)
    }

    #[test]
    fn a_path_that_stays_as_it_is_is_passed_on() {
        for (path, pass, wanted) in [
            ("/", "proxy_pass http://127.0.0.1:3000;", vec!["http://127.0.0.1:3000"]),
            ("/", "proxy_pass http://127.0.0.1:3000/;", vec!["http://127.0.0.1:3000"]),
            ("/api/", "proxy_pass http://Back:81/api/;", vec!["http://back:81"]),
            ("/", "proxy_pass https://back;", vec!["https://back:443"]),
            ("/", "proxy_pass http://app;", vec!["http://10.0.0.1:3000", "unix:/run/a.sock"]),
            ("/", "proxy_pass http://unix:/run/b.sock;", vec!["unix:/run/b.sock"]),
            ("/", "proxy_pass http://unix:/run/b.sock:/;", vec!["unix:/run/b.sock"]),
            ("/", "grpc_pass grpc://127.0.0.1:50051;", vec!["h2c://127.0.0.1:50051"]),
            ("/", "grpc_pass 127.0.0.1:50051;", vec!["h2c://127.0.0.1:50051"]),
        ] {
            assert_eq!(of(path, pass).unwrap(), wanted, "{pass}");
        }
    }

    #[test]
    fn what_we_would_pass_on_otherwise_is_refused() {
        for (path, pass) in [
            ("/api/", "proxy_pass http://127.0.0.1:3000/;"),
            ("/api/", "proxy_pass http://127.0.0.1:3000/private/;"),
            ("/", "proxy_pass http://$backend;"),
            ("/", "proxy_pass http://127.0.0.1:99999;"),
            ("/", "proxy_pass backend;"),
            ("/", "proxy_pass https://app;"),
            ("/", "proxy_pass http://none;"),
            ("/", "grpc_pass grpcs://a:1;"),
            ("/x", "proxy_pass http://unix:/run/b.sock:/y;"),
        ] {
            assert!(!of(path, pass).unwrap_err().is_empty(), "{pass}");
        }
    }
}

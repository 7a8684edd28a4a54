//! Who may come into a place of nginx's configuration: `allow` and `deny` by their order, and whatever else asks.
//!
//! Invariants: what we cannot say is [`Gate::Closed`], with a note; a list that forbids some and takes the rest is
//! one of these.

use super::known::{GUARDS, Meaning, meaning};
use crate::site::{Gate, Note};
use crate::words::network;
use burgrave_audit::facts::{Directive, Server};

/// Who may come in, by the innermost of these blocks and what it inherits.
pub(super) fn gate(chain: &[&Directive], notes: &mut Vec<Note>) -> Gate {
    let mut is_closed = false;
    for name in GUARDS {
        for directive in Server::effective(chain, name) {
            if !is_off(directive) {
                notes.push(Note::at(&directive.place, because(directive)));
                is_closed = true;
            }
        }
    }
    let Some(last) = chain.last() else { return Gate::Closed };
    for directive in &last.block {
        if meaning(&directive.name) == Meaning::Unknown {
            let text = format!("`{}` is not known here, and may keep somebody out", directive.name);
            notes.push(Note::at(&directive.place, text));
            is_closed = true;
        }
        if directive.name == "rewrite" && !sends_away(directive) {
            let text = "`rewrite` makes other paths of it, and Burgrave passes a path on as it is";
            notes.push(Note::at(&directive.place, text));
            is_closed = true;
        }
        if directive.name == "if" && asks(directive) {
            let text = "`if` decides who comes in";
            notes.push(Note::at(&directive.place, text));
            is_closed = true;
        }
    }
    let listed = by_address(chain, notes);
    if is_closed { Gate::Closed } else { listed }
}

fn because(directive: &Directive) -> String {
    let hint = match directive.name.as_str() {
        "auth_basic" => {
            ": its passwords cannot be taken over; make new ones with `burgrave user hash` and name the file as `access = { users = \"…\" }`"
        }
        "ssl_verify_client" => {
            ": client certificates are `client_ca` of the site and `access = { client_certificate = \"required\" }`"
        }
        "internal" => ": reached from within nginx only",
        _ => "",
    };
    // Its words may hold a secret: the name and the place are enough.
    format!("`{}` asks before it lets a client in{hint}", directive.name)
}

/// Whether a guard is switched off where it stands.
fn is_off(directive: &Directive) -> bool {
    match directive.name.as_str() {
        "satisfy" => directive.first() == "all",
        "internal" | "limit_except" => false,
        _ => directive.first() == "off",
    }
}

/// Whether an `if` does more than send a client elsewhere or remember something.
fn asks(directive: &Directive) -> bool {
    directive.block.iter().any(|inner| match inner.name.as_str() {
        "return" => !is_redirect(inner),
        "rewrite" => !sends_away(inner),
        "set" | "break" | "add_header" | "access_log" | "expires" => false,
        _ => true,
    })
}

/// Whether a `rewrite` sends a client elsewhere and does nothing within the server.
fn sends_away(directive: &Directive) -> bool {
    let last = directive.arguments.last().map(String::as_str);
    let to = directive.arguments.get(1).map_or("", String::as_str);
    matches!(last, Some("permanent" | "redirect")) || to.starts_with("http")
}

/// Headers that are set for an application beside those that every proxy sets: it may trust them.
pub(super) fn trusted_headers(chain: &[&Directive]) -> Option<Note> {
    let odd = Server::effective(chain, "proxy_set_header")
        .into_iter()
        .chain(Server::effective(chain, "grpc_set_header"))
        .find(|directive| !is_usual_header(directive.first()))?;
    let text = format!(
        "`{}` sets `{}`, which the application may trust; Burgrave passes what a client sends",
        odd.name,
        odd.first()
    );
    Some(Note::at(&odd.place, text))
}

/// Whether a header is one that proxies set and Burgrave sets or takes away itself.
pub(crate) fn is_usual_header(name: &str) -> bool {
    const USUAL: [&str; 15] = [
        "accept-encoding",
        "connection",
        "early-data",
        "forwarded",
        "host",
        "keep-alive",
        "te",
        "upgrade",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-real-ip",
        "x-request-id",
    ];
    USUAL.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a `return` sends a client elsewhere.
pub(super) fn is_redirect(directive: &Directive) -> bool {
    directive.first().starts_with('3') || directive.first().starts_with("http")
}

fn by_address(chain: &[&Directive], notes: &mut Vec<Note>) -> Gate {
    let is_list = |directive: &&Directive| matches!(directive.name.as_str(), "allow" | "deny");
    let block = chain.iter().rev().find(|block| block.block.iter().any(|d| is_list(&d)));
    let Some(block) = block else { return Gate::Open };
    let mut networks = Vec::new();
    for directive in block.block.iter().filter(is_list) {
        match (directive.name.as_str(), directive.first()) {
            // Whoever was named and all others: anyone.
            ("allow", "all") => return Gate::Open,
            ("deny", "all") if networks.is_empty() => {
                notes.push(Note::at(&directive.place, "`deny all` lets nobody in"));
                return Gate::Closed;
            }
            ("deny", "all") => return Gate::Networks(networks),
            // Programs of the machine that come by a socket of nginx's own.
            ("allow", "unix:") => {}
            ("allow", text) => {
                let Some(network) = network(text) else {
                    let text = format!("`allow {text}` names no address or network");
                    notes.push(Note::at(&directive.place, text));
                    return Gate::Closed;
                };
                networks.push(network);
            }
            _ => {
                let text = format!("`{}` keeps some out and lets the others in", directive.line());
                notes.push(Note::at(&directive.place, text));
                return Gate::Closed;
            }
        }
    }
    // A list without `deny all` lets everybody in.
    Gate::Open
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_audit::{Facts, Ground};
    use burgrave_sys::Fake;

    fn of(server: &str) -> (Gate, usize) {
        let fake = Fake::new();
        fake.file("/etc/nginx/nginx.conf", format!("http {{ server {{ {server} }} }}"));
        let facts = Facts::new(&fake, Ground::Tree);
        let server = facts.nginx_servers().unwrap()[0];
        let mut notes = Vec::new();
        let gate = gate(&[server.http, server.server], &mut notes);
        (gate, notes.len())
    }

    #[test]
    fn lists_are_read_in_their_order() {
        let networks = |all: &[&str]| Gate::Networks(all.iter().map(|s| (*s).to_owned()).collect());
        for (text, wanted) in [
            ("", Gate::Open),
            ("allow 10.0.0.1/8; allow ::1; deny all;", networks(&["10.0.0.0/8", "::1"])),
            ("allow 10.0.0.0/8;", Gate::Open),
            ("allow all; deny all;", Gate::Open),
            ("deny all; allow 10.0.0.0/8;", Gate::Closed),
            ("deny 192.0.2.1; allow all;", Gate::Closed),
            ("allow 10.0.0.0/8; deny 192.0.2.1; deny all;", Gate::Closed),
            ("allow office.example; deny all;", Gate::Closed),
        ] {
            let (gate, notes) = of(text);
            assert_eq!(gate, wanted, "{text}");
            assert_eq!(notes > 0, wanted == Gate::Closed, "{text}: said why");
        }
    }

    #[test]
    fn whatever_asks_otherwise_is_closed_and_told() {
        for text in [
            "auth_basic \"staff\";",
            "auth_request /auth;",
            "ssl_verify_client on;",
            "satisfy any; allow 10.0.0.0/8; deny all;",
            "if ($http_x != secret) { return 403; }",
            "if ($bad) { deny all; }",
            "if ($bad) { rewrite ^ /none last; }",
            "rewrite ^/a/(.*)$ /b/$1 last;",
            "access_by_lua_block { x; }",
            "frobnicate on;",
            "allow 10.0.0.0/8; deny all; auth_basic x;",
        ] {
            let (gate, notes) = of(text);
            assert!(gate == Gate::Closed && notes > 0, "{text}");
        }
        for text in [
            "auth_basic off;",
            "satisfy all;",
            "if ($host = a) { return 301 https://$host; }",
            "rewrite ^/old$ /new permanent; rewrite ^/x https://b.example;",
            "gzip on; proxy_set_header a b;",
        ] {
            assert_eq!(of(text), (Gate::Open, 0), "{text}");
        }
    }
}

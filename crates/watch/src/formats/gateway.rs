//! The gateway's own access log: what it decided, on every request and every refusal.
//!
//! Keys as in the manual of the access log. `reason` and `rules` hold a client's words and are not read.

use super::json;
use crate::address;
use crate::event::Kind;
use crate::pattern::Pattern;
use crate::piece::{Found, Host};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&GATEWAY];

static GATEWAY: Service = Service::new(
    "gateway",
    "The gateway's own access log: requests that the rule engine blocked, refused sign-ins, limits, and places that are not there.",
    "/var/log/burgrave/access.ndjson",
)
.patterns(&[Pattern::forward(Kind::Attack, read)]);

fn read(line: &[u8]) -> Option<Found<'_>> {
    let [ip, user, status, decision, score] =
        json::members(line, ["client.ip", "user", "http.status", "decision", "score.in"]);
    let kind = match (decision?, status?) {
        (b"block" | b"refuse", _) => Kind::Attack,
        (b"limit" | b"challenge", _) => Kind::Limit,
        (_, b"401") => Kind::AuthFailure,
        (_, b"404") => Kind::NotFound,
        _ => return None,
    };
    let score = score.and_then(|score| std::str::from_utf8(score).ok()?.parse().ok()).unwrap_or(0);
    Some(Found {
        host: Some(Host::Address(address::exact(ip?)?)),
        user: user.filter(|user| *user != b"null"),
        score,
        kind: Some(kind),
        ..Found::default()
    })
}

#[cfg(test)]
mod tests {
    use crate::{Kind, Reader};

    fn check(line: &str, expected: Option<(Kind, &str, u32)>) {
        let mut reader = Reader::new(crate::by_name("gateway").unwrap(), false);
        let found = reader.line(line.as_bytes()).map(|event| {
            (event.kind, event.ip.map(|ip| ip.to_string()).unwrap_or_default(), event.score)
        });
        let expected = expected.map(|(kind, ip, score)| (kind, ip.to_owned(), score));
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn decisions_become_events() {
        let line = |status: u16, decision: &str| {
            format!(
                r#"{{"time":"2026-11-26T01:02:03Z","client.ip":"192.0.2.1","http.target":"/\",\"client.ip\":\"6.6.6.6","http.status":{status},"user":null,"decision":"{decision}","rules":[{{"id":1,"matched":"\"decision\":\"block\""}}],"score.in":15}}"#
            )
        };
        let is = "192.0.2.1";
        check(&line(403, "block"), Some((Kind::Attack, is, 15)));
        check(&line(400, "refuse"), Some((Kind::Attack, is, 15)));
        check(&line(429, "limit"), Some((Kind::Limit, is, 15)));
        check(&line(401, "forward"), Some((Kind::AuthFailure, is, 15)));
        check(&line(404, "file"), Some((Kind::NotFound, is, 15)));
        check(&line(200, "forward"), None);
        check("{}", None);
    }
}

//! Proxies and balancers: HAProxy, Squid, 3proxy, Dante, lighttpd, Caddy.

use super::json;
use crate::address;
use crate::event::Kind;
use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, E, End, Few, Host, Ip, K, L, Not, Not1, Num, One, Opt, Q, S, Sp, Sub, Word,
};
use crate::piece::{Found, Host as Client};
use crate::service::Service;

pub(super) static ALL: &[&Service] =
    &[&HAPROXY, &SQUID, &THREE_PROXY, &DANTE, &LIGHTTPD, &SUHOSIN, &CADDY];

static HAPROXY: Service = Service::new(
    "haproxy-http-auth",
    "HAProxy: refused passwords of basic authentication.",
    "/var/log/haproxy.log",
)
.aliases(&["haproxy"])
.programs(&["haproxy"])
.patterns(&[Pattern::auth(&[
    Alt(&[&[Host, L(":"), Num, Sp], &[Host, Sp]]),
    Few,
    L("<NOSRV> -1/-1/-1/-1/"),
    Not(" "),
    L(" 401"),
])]);

static SQUID: Service =
    Service::new("squid", "Squid: refused requests.", "/var/log/squid/access.log").patterns(&[
        Pattern::attack(&[
            Num,
            L(" "),
            Host,
            Sp,
            K,
            Not1(" abcdefghijklmnopqrstuvwxyz/"),
            Q,
            L("/403 "),
        ])
        .test(is_denied),
        Pattern::attack(&[Num, L(" "), Host, Sp, L("NONE/405 ")]),
    ]);

fn is_denied(found: &Found<'_>) -> bool {
    found.key.is_some_and(|result| result.ends_with(b"_DENIED"))
}

static THREE_PROXY: Service =
    Service::new("3proxy", "3proxy: refused requests.", "/var/log/3proxy.log").patterns(&[
        Pattern::attack(&[
            Opt(&[One(&["+", "-"]), Num, L(" ")]),
            Word,
            L(" "),
            K,
            Num,
            Q,
            L(" "),
            Word,
            L(" "),
            Host,
            L(":"),
            Num,
            L(" "),
            Not1(" "),
            L(" "),
            Num,
            L(" "),
            Num,
            L(" "),
            Num,
            Sp,
        ])
        .test(is_refused),
    ]);

/// Three digits, then the error: 01 to 09.
fn is_refused(found: &Found<'_>) -> bool {
    matches!(found.key, Some([_, _, _, b'0', b'1'..=b'9']))
}

static DANTE: Service = Service::new("dante", "Dante: refused passwords.", "/var/log/danted.log")
    .programs(&["danted", "sockd"])
    .patterns(&[Pattern::auth(&[
        L("info: block("),
        Num,
        L("): tcp/accept ]: "),
        Ip,
        L("."),
        Num,
        L(" "),
        Word,
        L(" error after reading "),
        Num,
        L(" byte"),
        Opt(&[L("s")]),
        L(" in "),
        Num,
        L(" second"),
        Opt(&[L("s")]),
        L(": "),
        One(&[
            "could not access",
            "system password authentication failed for",
            "pam_authenticate() for",
        ]),
        L(" user \""),
        S,
        Not1("\""),
        E,
        L("\""),
    ])]);

static LIGHTTPD: Service =
    Service::new("lighttpd-auth", "lighttpd: refused passwords.", "/var/log/lighttpd/error.log")
        .patterns(&[
            Pattern::auth(&[
                LEAD,
                L("password doesn't match for "),
                Few,
                L(" username:"),
                Sp,
                S,
                Any,
                E,
                L(", IP: "),
                Host,
                End,
            ]),
            Pattern::auth(&[
                LEAD,
                L("password doesn't match for "),
                Few,
                L(" username:"),
                Sp,
                S,
                Any,
                E,
                L(" IP: "),
                Host,
                End,
            ]),
            Pattern::auth(&[
                LEAD,
                L("digest: auth failed"),
                Opt(&[L(" for"), Sp, S, Few, E]),
                L(": wrong password"),
                Opt(&[L(",")]),
                L(" IP: "),
                Host,
                End,
            ]),
            Pattern::auth(&[
                LEAD,
                L("digest: auth failed"),
                Any,
                L(": uri mismatch ("),
                Not(")"),
                L(")"),
                Opt(&[L(",")]),
                L(" IP: "),
                Host,
                End,
            ]),
            Pattern::auth(&[LEAD, L("get_password failed"), Opt(&[L(",")]), L(" IP: "), Host, End]),
        ]);
/// `: (http_auth.c.1136) `.
const LEAD: Piece = Sub(&[Not("("), L("("), One(&["http_auth.c.", "mod_auth.c."]), Num, L(") ")]);

static SUHOSIN: Service =
    Service::new("suhosin", "Suhosin, PHP's guard: attacks that it stopped.", "/var/log/syslog")
        .programs(&["lighttpd", "suhosin"])
        .patterns(&[Pattern::attack(&[
            Opt(&[Opt(&[L(": ")]), L("(mod_fastcgi.c."), Num, L(") FastCGI-stderr: ")]),
            L("ALERT - "),
            Any,
            L(" (attacker '"),
            Host,
            L("', file '"),
            Not("'"),
            L("'"),
            Opt(&[L(", line "), Num]),
            L(")"),
            End,
        ])]);

static CADDY: Service = Service::new(
    "caddy",
    "Caddy access log, JSON: refused sign-ins, and places that are not there.",
    "/var/log/caddy/access.log",
)
.patterns(&[Pattern::forward(Kind::NotFound, caddy)]);

fn caddy(line: &[u8]) -> Option<Found<'_>> {
    let [status, client, remote, user] =
        json::members(line, ["status", "request.client_ip", "request.remote_ip", "user_id"]);
    let kind = match status? {
        b"401" => Kind::AuthFailure,
        b"404" => Kind::NotFound,
        _ => return None,
    };
    let ip = address::exact(client.or(remote)?)?;
    Some(Found { host: Some(Client::Address(ip)), user, kind: Some(kind), ..Found::default() })
}

#[cfg(test)]
mod tests {
    use crate::{Kind, Reader};

    #[test]
    fn caddy_tells_the_client_behind_its_proxies() {
        let mut reader = Reader::new(crate::by_name("caddy").unwrap(), false);
        let line = br#"{"level":"info","logger":"http.log.access","msg":"handled request","request":{"remote_ip":"198.51.100.1","client_ip":"192.0.2.1","uri":"/\",\"status\":401"},"status":404}"#;
        let event = reader.line(line).unwrap();
        assert_eq!(
            (event.kind, event.ip.unwrap().to_string()),
            (Kind::NotFound, "192.0.2.1".to_owned())
        );
        assert_eq!(reader.line(br#"{"request":{"client_ip":"192.0.2.1"},"status":200}"#), None);
    }
}

//! Applications: password stores, forges, sign-on servers, shops, panels.

use super::json;
use crate::address;
use crate::event::Kind;
use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, B, E, End, Few, Host, Ip, L, Not, Not1, Num, One, Opt, Rep, S, Sp, Sp0, Sub,
    Word,
};
use crate::piece::{Found, Host as Client};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[
    &BITWARDEN,
    &VAULTWARDEN,
    &GITLAB,
    &GITEA,
    &GRAFANA,
    &NEXTCLOUD,
    &KEYCLOAK,
    &AUTHELIA,
    &WORDPRESS,
    &DRUPAL,
    &FROXLOR,
    &GUACAMOLE,
    &PHPMYADMIN,
    &CENTREON,
    &NAGIOS,
    &MONIT,
    &MONITORIX,
    &DIRECTADMIN,
    &EJABBERD,
    &ZNC,
];

static BITWARDEN: Service = Service::new(
    "bitwarden",
    "Bitwarden: refused sign-ins.",
    "/home/bitwarden/bwdata/logs/identity/Identity/log.txt",
)
.programs(&["Bitwarden-Identity"])
.patterns(&[Pattern::auth(&[
    Sp0,
    L("["),
    Alt(&[&[One(&["WRN", "Warning"])], &[L("Bit.Core."), Not1("]")]]),
    L("]"),
    Sp,
    L("Failed login attempt"),
    Opt(&[L(", 2FA invalid")]),
    L(". "),
    Ip,
    End,
])]);

static VAULTWARDEN: Service =
    Service::new("vaultwarden", "Vaultwarden: refused sign-ins.", "/var/log/vaultwarden.log")
        .patterns(&[Pattern::auth(&[
            L("[vaultwarden::api::"),
            One(&["identity", "admin", "core::two_factor::authenticator", ""]),
            L("][ERROR] "),
            One(&["Invalid admin token", "Invalid TOTP code", "Username or password is incorrect"]),
            One(&[".", "!"]),
            Few,
            L(" IP: "),
            Ip,
            Opt(&[L(". Username: "), S, Word, E]),
        ])]);

static GITLAB: Service = Service::new(
    "gitlab",
    "GitLab: refused sign-ins.",
    "/var/log/gitlab/gitlab-rails/application.log",
)
.patterns(&[Pattern::auth(&[L(": Failed Login: username="), S, Any, E, L(" ip="), Host, End])]);

static GITEA: Service =
    Service::new("gitea", "Gitea and Forgejo: refused sign-ins.", "/var/log/gitea/gitea.log")
        .aliases(&["forgejo"])
        .patterns(&[
            Pattern::auth(&[
                Few,
                L("Failed authentication attempt for "),
                S,
                Any,
                E,
                L(" from "),
                Ip,
                Alt(&[&[L(":")], &[End]]),
            ]),
            Pattern::auth(&[Few, L("invalid credentials from "), Ip, Alt(&[&[L(":")], &[End]])]),
        ]);

static GRAFANA: Service =
    Service::new("grafana", "Grafana: refused sign-ins.", "/var/log/grafana/grafana.log")
        .patterns(&[Pattern::by(Kind::AuthFailure, grafana)]);

/// Pairs of `key=value`, a value with spaces in quotes; what a client typed is always in one value.
fn grafana(line: &[u8]) -> Option<Found<'_>> {
    let line = line.get(memchr::memmem::find(line, b"msg=")?..)?;
    let (mut is_refused, mut ip, mut user) = (false, None, None);
    let mut rest = line;
    while let Some(equals) = memchr::memchr(b'=', rest) {
        let key = rest.get(..equals)?;
        let inner = rest.get(equals + 1..)?;
        let (value, after) = logfmt_value(inner)?;
        match key {
            b"msg" if !is_refused => is_refused = value == b"Invalid username or password",
            b"uname" => user = Some(value),
            b"remote_addr" => ip = address::exact(value),
            _ => {}
        }
        rest = after.trim_ascii_start();
    }
    let found = Found { host: ip.map(Client::Address), user, ..Found::default() };
    (is_refused && ip.is_some()).then_some(found)
}

/// A value, and what follows it.
fn logfmt_value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(inner) = text.strip_prefix(b"\"") else {
        return text
            .split_at_checked(text.iter().position(|byte| *byte == b' ').unwrap_or(text.len()));
    };
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', inner.get(at..)?)?;
        if inner.get(at) == Some(&b'"') {
            return Some((inner.get(..at)?, inner.get(at + 1..)?));
        }
        at += 2;
    }
}

static NEXTCLOUD: Service = Service::new(
    "nextcloud",
    "Nextcloud and ownCloud, JSON log: refused sign-ins.",
    "/var/www/nextcloud/data/nextcloud.log",
)
.aliases(&["owncloud"])
.patterns(&[Pattern::forward(Kind::AuthFailure, nextcloud)]);

fn nextcloud(line: &[u8]) -> Option<Found<'_>> {
    let [message, remote] = json::members(line, ["message", "remoteAddr"]);
    let message = message?;
    let is_refused = message.starts_with(b"Login failed:")
        || message.starts_with(b"Trusted domain error.")
        || message.starts_with(b"Two-factor challenge failed:");
    let ip = is_refused.then(|| address::exact(remote?))??;
    Some(Found { host: Some(Client::Address(ip)), ..Found::default() })
}

static KEYCLOAK: Service =
    Service::new("keycloak", "Keycloak: refused sign-ins.", "/var/log/keycloak/keycloak.log")
        .patterns(&[Pattern::by(Kind::AuthFailure, keycloak)]);

/// `… WARN  [org.keycloak.events] (…) type="LOGIN_ERROR", …, ipAddress="192.0.2.1", …, username="x"`.
fn keycloak(line: &[u8]) -> Option<Found<'_>> {
    let line = line.get(memchr::memmem::find(line, b"[org.keycloak.events]")?..)?;
    let types = [
        "type=LOGIN_ERROR,",
        "type=\"LOGIN_ERROR\",",
        "type=CLIENT_LOGIN_ERROR,",
        "type=\"CLIENT_LOGIN_ERROR\",",
    ];
    let start = types
        .iter()
        .find_map(|kind| Some(memchr::memmem::find(line, kind.as_bytes())? + kind.len()))?;
    let rest = line.get(start..)?;
    let at = memchr::memmem::find(rest, b" ipAddress=")? + 11;
    let value = rest.get(at..)?;
    let (ip, _) = address::candidates(value.strip_prefix(b"\"").unwrap_or(value)).next()?;
    let user = memchr::memmem::find(rest, b" username=").and_then(|at| rest.get(at + 10..));
    let user = user.and_then(|user| user.split(|byte| *byte == b',').next());
    let user = user.map(|user| {
        user.strip_prefix(b"\"").and_then(|user| user.strip_suffix(b"\"")).unwrap_or(user)
    });
    Some(Found { host: Some(Client::Address(ip)), user, ..Found::default() })
}

static AUTHELIA: Service = Service::new(
    "authelia",
    "Authelia, text or JSON: refused sign-ins.",
    "/var/log/authelia/authelia.log",
)
.patterns(&[Pattern::by(Kind::AuthFailure, authelia)]);

fn authelia(line: &[u8]) -> Option<Found<'_>> {
    let is_refused = |text: &[u8]| {
        [
            &b"Unsuccessful 1FA"[..],
            b"Unsuccessful TOTP",
            b"Unsuccessful WebAuthn",
            b"Unsuccessful Duo",
        ]
        .iter()
        .any(|start| text.starts_with(start))
    };
    let [message, remote] = json::members(line, ["msg", "remote_ip"]);
    if let (Some(message), Some(remote)) = (message, remote) {
        let ip = is_refused(message).then(|| address::exact(remote))??;
        return Some(Found { host: Some(Client::Address(ip)), ..Found::default() });
    }
    let at = memchr::memmem::find(line, b" msg=")? + 5;
    let (message, rest) = logfmt_value(line.get(at..)?)?;
    let at = memchr::memmem::find(rest, b" remote_ip=")? + 11;
    let (value, _) = logfmt_value(rest.get(at..)?)?;
    let ip = is_refused(message).then(|| address::exact(value))??;
    Some(Found { host: Some(Client::Address(ip)), ..Found::default() })
}

static WORDPRESS: Service = Service::new(
    "wordpress",
    "WordPress with a plug-in that writes to syslog (WP fail2ban): refused sign-ins.",
    "/var/log/auth.log",
)
.programs(&["wordpress", "wp"])
.patterns(&[
    Pattern::auth(&[
        One(&[
            "Authentication failure for ",
            "Authentication attempt for unknown user ",
            "Blocked authentication attempt for ",
            "XML-RPC authentication failure for ",
            "REST authentication failure for ",
        ]),
        S,
        Any,
        E,
        L(" from "),
        Ip,
        End,
    ]),
    Pattern::attack(&[
        One(&[
            "Blocked user enumeration attempt from ",
            "XML-RPC multicall authentication failure from ",
            "XML-RPC authentication attempt for unknown user from ",
        ]),
        Ip,
        End,
    ]),
]);

static DRUPAL: Service =
    Service::new("drupal-auth", "Drupal by syslog: refused sign-ins.", "/var/log/syslog")
        .programs(&["*"])
        .patterns(&[Pattern::auth(&[
            One(&["https://", "http://"]),
            Not1("|"),
            L("|"),
            Not1("|"),
            L("|"),
            Not1("|"),
            L("|"),
            Ip,
            L("|"),
            Rep(&[Not("|"), L("|")]),
            L("Login attempt failed "),
            One(&["for ", "from "]),
            S,
            Not1("|"),
            E,
            End,
        ])]);

static FROXLOR: Service =
    Service::new("froxlor-auth", "Froxlor: refused sign-ins.", "/var/log/auth.log")
        .programs(&["Froxlor", "froxlor"])
        .patterns(&[
            Pattern::auth(&[L("[Login Action "), Ip, L("] "), TRIED, End]),
            Pattern::auth(&[
                L("froxlor.WARNING: "),
                TRIED,
                L(" {"),
                Rep(&[L("\""), Not1("\""), L("\":\""), Not("\""), L("\","), Sp0]),
                L("\"user\":\""),
                Ip,
                L("\"} []"),
                End,
            ]),
        ]);
const TRIED: Piece = Sub(&[
    Alt(&[&[L("Unknown "), One(&["User", "user"])], &[One(&["User", "user"])]]),
    Opt(&[L(" '"), S, Any, E, L("'")]),
    L(" tried to login"),
    Opt(&[L(" with wrong password")]),
    L("."),
]);

static GUACAMOLE: Service =
    Service::new("guacamole", "Guacamole: refused sign-ins.", "/var/log/tomcat9/catalina.out")
        .patterns(&[
            Pattern::auth(&[
                L("WARNING: Authentication attempt from "),
                Host,
                L(" for user \""),
                S,
                Not("\""),
                E,
                L("\" failed."),
                End,
            ]),
            Pattern::auth(&[
                L("["),
                Not1(" ]"),
                L("] WARN"),
                Sp,
                Word,
                L(" - Authentication attempt from "),
                Host,
                L(" for user \""),
                S,
                Not1("\""),
                E,
                L("\" failed."),
            ]),
        ]);

static PHPMYADMIN: Service = Service::new(
    "phpmyadmin-syslog",
    "phpMyAdmin by syslog: refused sign-ins.",
    "/var/log/auth.log",
)
.aliases(&["phpmyadmin"])
.programs(&["phpMyAdmin"])
.patterns(&[Pattern::auth(&[
    L("user denied: "),
    S,
    Any,
    E,
    L(" (mysql-denied) from "),
    Host,
    End,
])]);

static CENTREON: Service =
    Service::new("centreon", "Centreon: refused sign-ins.", "/var/log/centreon/login.log")
        .patterns(&[Pattern::auth(&[
            L("|"),
            Not1("|"),
            L("|"),
            Not1("|"),
            L("|"),
            Not1("|"),
            L("|["),
            Not("]"),
            L("] ["),
            Host,
            L("] Authentication failed for '"),
            S,
            Not1("'"),
            E,
            L("'"),
        ])]);

static NAGIOS: Service = Service::new(
    "nagios",
    "Nagios' remote agent: hosts that may not talk to it.",
    "/var/log/messages",
)
.programs(&["nrpe"])
.patterns(&[Pattern::attack(&[L("Host "), Host, L(" is not allowed to talk to us!"), End])]);

static MONIT: Service = Service::new("monit", "Monit: refused sign-ins.", "/var/log/monit.log")
    .programs(&["monit"])
    .patterns(&[Pattern::auth(&[
        Opt(&[L("error"), Sp0, L(":"), Sp]),
        One(&["Warning:", "HttpRequest:"]),
        Sp,
        Opt(&[L("access denied"), Sp, L("--"), Sp]),
        One(&["C", "c"]),
        L("lient "),
        Opt(&[L("'")]),
        Host,
        Opt(&[L("'")]),
        Alt(&[&[Sp, L("supplied")], &[Sp0, L(":")]]),
        Sp,
        Alt(&[
            &[L("unknown user '"), S, Not1("'"), E, L("'")],
            &[L("wrong password for user '"), S, Not("'"), E, L("'")],
            &[L("empty password")],
        ]),
    ])]);

static MONITORIX: Service =
    Service::new("monitorix", "Monitorix: refused and missing places.", "/var/log/monitorix-httpd")
        .programs(&["monitorix-httpd"])
        .patterns(&[Pattern::attack(&[
            Opt(&[L("- ")]),
            One(&["NOTEXIST", "AUTHERR", "NOTALLOWED"]),
            L(" - "),
            Ip,
            B,
        ])]);

static DIRECTADMIN: Service =
    Service::new("directadmin", "DirectAdmin: refused sign-ins.", "/var/log/directadmin/login.log")
        .patterns(&[Pattern::auth(&[
            L(": '"),
            Host,
            L("' "),
            Num,
            L(" failed login attempt"),
            Opt(&[L("s")]),
            L(". "),
            Opt(&[L("Account '"), S, Not("'"), E, L("'")]),
        ])]);

static EJABBERD: Service =
    Service::new("ejabberd-auth", "ejabberd: refused sign-ins.", "/var/log/ejabberd/ejabberd.log")
        .aliases(&["ejabberd"])
        .patterns(&[
            Pattern::auth(&[
                L("I(<0."),
                Num,
                L(".0>:ejabberd_c2s:"),
                Num,
                L(") : ("),
                Not1(")"),
                L(") Failed authentication for "),
                S,
                Word,
                E,
                L(" from "),
                Opt(&[L("IP ")]),
                Host,
                Opt(&[L(" ({{"), Not1("}"), L("},"), Num, L("})")]),
                End,
            ]),
            Pattern::auth(&[
                L("[info] <0."),
                Num,
                L("."),
                Num,
                L(">@ejabberd_c2s:"),
                Not1(": "),
                L(":"),
                Num,
                L(" ("),
                Not1(")"),
                L(") Failed "),
                Opt(&[L("c2s "), Not1(" "), L(" ")]),
                L("authentication for "),
                S,
                Word,
                E,
                L(" from "),
                Opt(&[L("IP ")]),
                Host,
                Alt(&[&[L(": ")], &[End]]),
            ]),
        ]);

static ZNC: Service =
    Service::new("znc-adminlog", "ZNC: refused sign-ins.", "/var/lib/znc/moddata/adminlog/znc.log")
        .programs(&["znc"])
        .patterns(&[Pattern::auth(&[L("["), S, Not1("]"), E, L("] failed to login from "), Ip])]);

#[cfg(test)]
mod tests {
    use crate::Reader;

    fn check(service: &str, line: &str, expected: Option<(&str, &str)>) {
        let mut reader = Reader::new(crate::by_name(service).unwrap(), false);
        let found = reader.line(line.as_bytes()).map(|event| {
            let user = event.user.unwrap_or_default().escape_ascii().to_string();
            (event.ip.map(|ip| ip.to_string()).unwrap_or_default(), user)
        });
        assert_eq!(found, expected.map(|(ip, user)| (ip.to_owned(), user.to_owned())), "{line}");
    }

    #[test]
    fn sign_in_servers() {
        check(
            "keycloak",
            "2026-11-26 01:02:03,004 WARN  [org.keycloak.events] (executor-thread-1) type=\"LOGIN_ERROR\", realmId=\"r\", clientId=\"c\", userId=\"null\", ipAddress=\"192.0.2.1\", error=\"user_not_found\", auth_method=\"openid-connect\", username=\"bob\"",
            Some(("192.0.2.1", "bob")),
        );
        check(
            "keycloak",
            "2026-11-26 01:02:03,004 INFO  [org.keycloak.events] (x) type=\"LOGIN\", ipAddress=\"192.0.2.1\"",
            None,
        );
        check(
            "authelia",
            "time=\"2026-11-26T01:02:03Z\" level=error msg=\"Unsuccessful 1FA authentication attempt by user 'x remote_ip=6.6.6.6'\" method=POST path=/api remote_ip=192.0.2.1",
            Some(("192.0.2.1", "")),
        );
        check(
            "authelia",
            r#"{"level":"error","msg":"Unsuccessful 1FA authentication attempt by user 'x'","remote_ip":"192.0.2.1"}"#,
            Some(("192.0.2.1", "")),
        );
    }

    #[test]
    fn applications() {
        check(
            "grafana",
            "logger=context t=2026-11-26T01:02:03+0000 level=info msg=\"Invalid username or password\" uname=\"a remote_addr=6.6.6.6\" error=\"x\" remote_addr=192.0.2.1",
            Some(("192.0.2.1", "a remote_addr=6.6.6.6")),
        );
        check(
            "grafana",
            "t=2026-11-26T01:02:03+0000 lvl=eror msg=\"Other\" remote_addr=192.0.2.1",
            None,
        );
        check(
            "gitea",
            "2026/11/26 01:02:03 ...s/auth.go:1:Sign() [W] Failed authentication attempt for a from 6.6.6.6:1 from 192.0.2.1:5: user does not exist",
            Some(("192.0.2.1", "a from 6.6.6.6:1")),
        );
        check(
            "nextcloud",
            r#"{"reqId":"x","remoteAddr":"192.0.2.1","message":"Login failed: a (Remote IP: 6.6.6.6)"}"#,
            Some(("192.0.2.1", "")),
        );
        check(
            "wordpress",
            "Nov 26 01:02:03 host wordpress(example.com)[12]: Authentication failure for a from 6.6.6.6 from 192.0.2.1",
            Some(("192.0.2.1", "a from 6.6.6.6")),
        );
    }
}

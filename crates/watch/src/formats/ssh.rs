//! Other servers of the secure shell: Dropbear, and the honeypot Cowrie.

use super::json;
use crate::event::Kind;
use crate::pattern::Pattern;
use crate::piece::Piece::{self, Any, E, End, Few, Host, Ip, L, Not, Not1, Num, One, Opt, S, Sub};
use crate::piece::{Found, Host as Client};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&DROPBEAR, &COWRIE];

static DROPBEAR: Service = Service::new(
    "dropbear",
    "Dropbear SSH: refused passwords and unknown accounts.",
    "/var/log/auth.log",
)
.programs(&["dropbear"])
.patterns(&[
    Pattern::auth(&[
        OWN_TIME,
        One(&["L", "l"]),
        L("ogin attempt for nonexistent user "),
        Opt(&[L("'"), S, Any, E, L("' ")]),
        L("from "),
        Host,
        L(":"),
        Num,
        End,
    ]),
    Pattern::auth(&[
        OWN_TIME,
        One(&["B", "b"]),
        L("ad "),
        Opt(&[L("PAM ")]),
        L("password attempt for '"),
        S,
        Any,
        E,
        L("' from "),
        Host,
        Opt(&[L(":"), Num]),
        End,
    ]),
    Pattern::auth(&[
        OWN_TIME,
        EXIT,
        L(" from "),
        Opt(&[L("<")]),
        Ip,
        L(":"),
        Num,
        Opt(&[L(">")]),
        L(": "),
        Opt(&[L("("), Not(")"), L("): ")]),
        L("Max auth tries reached - user '"),
        S,
        Any,
        E,
        L("'"),
        End,
    ]),
    Pattern::auth(&[
        OWN_TIME,
        EXIT,
        L(" (user '"),
        Few,
        L(" fails): Max auth tries reached - user '"),
        S,
        Any,
        E,
        L("' from "),
        Host,
        L(":"),
        Num,
        End,
    ]),
]);

const EXIT: Piece = Sub(&[One(&["E", "e"]), L("xit before auth")]);
/// `[826] Jul 10 23:59:24 `, where it writes to a log of its own.
const OWN_TIME: Piece = Opt(&[L("["), Num, L("] "), Not1(" "), L(" "), Not1("LlBbEe")]);

static COWRIE: Service = Service::new(
    "cowrie",
    "The honeypot Cowrie, JSON log: every connection is one that nobody has a reason to make.",
    "/home/cowrie/cowrie/var/log/cowrie/cowrie.json",
)
.patterns(&[Pattern::forward(Kind::Attack, cowrie)]);

fn cowrie(line: &[u8]) -> Option<Found<'_>> {
    let [event, ip] = json::members(line, ["eventid", "src_ip"]);
    (event? == b"cowrie.session.connect").then_some(())?;
    let ip = crate::address::exact(ip?)?;
    Some(Found { host: Some(Client::Address(ip)), ..Found::default() })
}

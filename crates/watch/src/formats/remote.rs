//! Remote desktops and consoles.

use crate::pattern::Pattern;
use crate::piece::Piece::{Any, E, End, Host, Ip, L, Num, One, Opt, S, Word};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&XRDP, &SCREENSHARING, &ROUTEROS, &WEBMIN, &PROXMOX];

static XRDP: Service =
    Service::new("xrdp", "xrdp: refused sign-ins to a remote desktop.", "/var/log/xrdp-sesman.log")
        .programs(&["xrdp-sesman"])
        .patterns(&[Pattern::auth(&[
            L("[INFO ] AUTHFAIL: user="),
            S,
            Any,
            E,
            L(" ip="),
            Ip,
            L(" time="),
            Num,
            End,
        ])]);

static SCREENSHARING: Service = Service::new(
    "screensharingd",
    "Screen sharing of macOS: refused sign-ins.",
    "/var/log/system.log",
)
.programs(&["screensharingd"])
.patterns(&[Pattern::auth(&[
    L("Authentication: FAILED :: User Name: "),
    S,
    Any,
    E,
    L(" :: Viewer Address: "),
    Host,
    L(" :: Type: DH"),
    End,
])]);

static ROUTEROS: Service = Service::new(
    "routeros-auth",
    "MikroTik RouterOS by syslog: refused sign-ins.",
    "/var/log/mikrotik.log",
)
.patterns(&[Pattern::auth(&[
    Word,
    L(" system,error,critical login failure for user "),
    S,
    Any,
    E,
    L(" from "),
    Ip,
    L(" via "),
    Word,
    End,
])]);

static WEBMIN: Service =
    Service::new("webmin-auth", "Webmin: refused sign-ins.", "/var/log/auth.log")
        .aliases(&["webmin"])
        .programs(&["webmin"])
        .patterns(&[Pattern::auth(&[
            One(&["Non-existent login as ", "Invalid login as "]),
            S,
            Any,
            E,
            L(" from "),
            Host,
            End,
        ])]);

static PROXMOX: Service =
    Service::new("proxmox", "Proxmox VE: refused sign-ins to its console.", "/var/log/daemon.log")
        .programs(&["pvedaemon", "pveproxy"])
        .patterns(&[Pattern::auth(&[
            L("authentication failure; rhost="),
            Ip,
            L(" user="),
            S,
            Word,
            E,
            Opt(&[L(" msg=")]),
        ])]);

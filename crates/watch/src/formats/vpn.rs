//! Virtual private networks: OpenVPN, SoftEther, stunnel, strongSwan.

use crate::pattern::Pattern;
use crate::piece::Piece::{Alt, Any, B, E, End, Host, Ip, L, Not1, Num, One, Opt, S, Sp0};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&OPENVPN, &SOFTETHER, &STUNNEL, &STRONGSWAN];

static OPENVPN: Service = Service::new(
    "openvpn",
    "OpenVPN: refused passwords and certificates, and handshakes that fail.",
    "/var/log/openvpn.log",
)
.programs(&["ovpn-server*", "openvpn*"])
.patterns(&[
    Pattern::auth(&[
        Host,
        L(":"),
        Num,
        L(" "),
        Alt(&[
            &[L("TLS Auth Error:")],
            &[L("VERIFY ERROR:")],
            &[L("TLS Error: TLS handshake failed"), B],
            &[L("SIGUSR1[soft,connection-reset] received"), B],
        ]),
    ]),
    Pattern::attack(&[
        L("TLS Error: cannot locate HMAC in incoming packet from "),
        One(&["[AF_INET]", "[AF_INET6]"]),
        Sp0,
        Host,
        L(":"),
        Num,
    ]),
]);

static SOFTETHER: Service = Service::new(
    "softethervpn",
    "SoftEther VPN: refused passwords.",
    "/usr/local/vpnserver/security_log/sec.log",
)
.patterns(&[Pattern::auth(&[
    Opt(&[Not1(" \"<("), L(" ")]),
    Opt(&[L(" ")]),
    Opt(&[L("["), Not1("]"), L("] ")]),
    Opt(&[Opt(&[L("("), Not1(")"), L(") ")]), L("<SECURITY_LOG>: ")]),
    L("Connection \""),
    Not1("\""),
    L("\": User authentication failed. The user name that has been provided was \""),
    S,
    Any,
    E,
    L("\", from "),
    Ip,
    L("."),
    End,
])]);

static STUNNEL: Service = Service::new(
    "stunnel",
    "stunnel: clients without a certificate.",
    "/var/log/stunnel4/stunnel.log",
)
.patterns(&[Pattern::auth(&[
    L("LOG"),
    Num,
    L("["),
    Num,
    L(":"),
    Num,
    L("]:"),
    Sp0,
    L("SSL_accept from "),
    Host,
    L(":"),
    Num,
    L(" : "),
    Not1(" :"),
    L(": error:"),
    Not1(" :"),
    L(":SSL routines:SSL3_GET_CLIENT_CERTIFICATE:peer did not return a certificate"),
    End,
])]);

static STRONGSWAN: Service = Service::new(
    "strongswan",
    "strongSwan: clients without a matching configuration.",
    "/var/log/syslog",
)
.programs(&["charon", "charon-systemd", "ipsec"])
.patterns(&[Pattern::attack(&[
    Num,
    L("[IKE] no IKE config found for "),
    Not1(" ."),
    Any,
    L("..."),
    Ip,
    L(", sending NO_PROPOSAL_CHOSEN"),
])]);

//! FTP servers: vsftpd, ProFTPD, Pure-FTPd, WU-FTPD, gssftpd.

use super::pam::{MODULE, NOBODY, SOMEBODY};
use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, E, End, Fun, Host, L, Not, Not1, Num, One, Opt, S, Sub, Word,
};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&VSFTPD, &PROFTPD, &PURE_FTPD, &WUFTPD, &GSSFTPD];

/// `authentication failure; logname= uid=0 euid=0 tty=ftp `.
const FAILURE: Piece = Sub(&[
    L("authentication failure; logname="),
    Not(" "),
    L(" uid="),
    Not(" "),
    L(" euid="),
    Not(" "),
    One(&[" tty= ", " tty=ftp "]),
]);

static VSFTPD: Service =
    Service::new("vsftpd", "vsftpd: refused passwords.", "/var/log/vsftpd.log")
        .programs(&["vsftpd"])
        .patterns(&[
            Pattern::auth(&[Opt(&[MODULE]), FAILURE, NOBODY]),
            Pattern::auth(&[Opt(&[MODULE]), FAILURE, SOMEBODY]),
            Pattern::auth(&[
                Opt(&[L("[pid "), Num, L("] ")]),
                L("["),
                S,
                Not1("]"),
                E,
                L("] FAIL LOGIN: Client \""),
                Host,
                L("\""),
                Alt(&[&[End], &[L(",")]]),
            ]),
        ]);

static PROFTPD: Service = Service::new(
    "proftpd",
    "ProFTPD: refused passwords and accounts.",
    "/var/log/proftpd/proftpd.log",
)
.programs(&["proftpd"])
.patterns(&[
    Pattern::auth(&[CLIENT, L("USER "), S, Any, E, L(" (Login failed): "), WHY]),
    Pattern::auth(&[CLIENT, L("USER "), S, Any, E, L(": "), WHY]),
    Pattern::attack(&[CLIENT, L("SECURITY VIOLATION: "), S, Any, E, L(" login attempted")]),
    Pattern::auth(&[CLIENT, L("Maximum login attempts ("), Num, L(") exceeded")]),
]);
/// `host.example.com (name[192.0.2.1]): `.
const CLIENT: Piece =
    Sub(&[Opt(&[Not1(" ("), L(" ")]), L("("), Not1(" ["), L("["), Host, L("])"), Fun(separators)]);

/// `: `, ` - `.
fn separators(text: &[u8]) -> Option<usize> {
    let length = text.iter().take_while(|byte| matches!(byte, b':' | b' ' | b'-')).count();
    (length > 0).then_some(length)
}

const WHY: Piece = Alt(&[
    &[One(&["U", "u"]), L("ser not authorized for login")],
    &[One(&["N", "n"]), L("o such user found")],
    &[One(&["I", "i"]), L("ncorrect password")],
    &[One(&["P", "p"]), L("assword expired")],
    &[One(&["A", "a"]), L("ccount disabled")],
    &[One(&["I", "i"]), L("nvalid shell: '"), Word],
    &[One(&["U", "u"]), L("ser in "), Word],
    &[One(&["L", "l"]), L("imit "), One(&["access", "configuration"]), L(" denies login")],
    &[One(&["N", "n"]), L("ot a UserAlias")],
    &[One(&["M", "m"]), L("aximum login length exceeded")],
]);

static PURE_FTPD: Service = Service::new(
    "pure-ftpd",
    "Pure-FTPd: refused passwords, in every language that it speaks.",
    "/var/log/syslog",
)
.programs(&["pure-ftpd"])
.patterns(&[Pattern::auth(&[
    WARNS,
    Alt(&[
        &[
            One(&[
                "Godkendelse mislykkedes for",
                "Authentifizierung fehlgeschlagen für Benutzer",
                "Authentication failed for user",
                "Autentificación fallida para el usuario",
                "Erreur d'authentification pour l'utilisateur",
                "Autenticazione falita per l'utente",
                "Autorisatie faalde voor gebruiker",
                "Godkjennelse mislyktes for",
                "Autenticação falhou para usuário",
                "Autentificare esuata pentru utilizatorul",
                "Autentifikace uživatele selhala",
                "Autentyfikacja nie powiodła się dla użytkownika",
                "Autentifikacia uzivatela zlyhala",
                "Behörighetskontroll misslyckas för användare",
                "Авторизация не удалась пользователю",
            ]),
            L(" ["),
            S,
            Any,
            E,
            L("]"),
            Opt(&[L(".")]),
            End,
        ],
        &[L("Azonosítás sikertelen ["), S, Any, E, L("] felhasználónak"), End],
        &[L("["), S, Any, E, L("] c'est un batard, il connait pas son code"), End],
        &[L("["), S, Any, E, L("] kullanýcýsý için giriþ hatalý"), End],
        &[L("使用者["), S, Any, E, L("]驗證失敗"), End],
        // As the old encodings of these languages come out.
        &[L("["), S, Any, E, L("] 嶸盪 檣隸 褒ぬ"), End],
        &[L("妏蚚氪["), S, Any, E, L("]桄痐囮啖"), End],
    ]),
])]);
/// `(name@192.0.2.1) [WARNING] `.
const WARNS: Piece = Sub(&[L("("), Not1("@"), L("@"), Host, L(") [WARNING] ")]);

static WUFTPD: Service = Service::new("wuftpd", "WU-FTPD: refused passwords.", "/var/log/auth.log")
    .programs(&["wu-ftpd"])
    .patterns(&[
        Pattern::auth(&[L("failed login from "), Word, L(" ["), Host, L("]"), End]),
        Pattern::auth(&[Opt(&[MODULE]), FAILURE, NOBODY]),
        Pattern::auth(&[Opt(&[MODULE]), FAILURE, SOMEBODY]),
    ]);

static GSSFTPD: Service = Service::new(
    "gssftpd",
    "The FTP server of Kerberos: repeated refused passwords.",
    "/var/log/auth.log",
)
.programs(&["ftpd"])
.patterns(&[Pattern::auth(&[L("repeated login failures from "), Host, L(" ("), Word, End])]);

//! Access logs in the form that nginx, Apache and others write: client, user, time, request, status.
//!
//! The client stands first and nothing of it is a stranger's word, so the address is certain whatever
//! the request says.

use crate::address;
use crate::event::Kind;
use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, E, End, Few, Host, Ip, L, Not, Not1, Num, One, Opt, S, Sp, Sp0, Sub, Word,
};
use crate::piece::{self, Found, Host as Client, is_word};
use crate::service::Service;
use crate::time;
use memchr::memmem;

pub(super) static ALL: &[&Service] =
    &[&BAD_REQUESTS, &BADBOTS, &GOOGLEBOT, &PASS, &URL_FOPEN, &OPENHAB, &TRAEFIK, &ACCESS];

/// Places that robots ask for: webmail, phpMyAdmin, WordPress, cgi-bin.
pub(super) const BOTS: Piece = Sub(&[
    Opt(&[L("/")]),
    Alt(&[
        &[One(&["roundcube", "extmail", "mail", "horde", "webmail", "vwebmail", "v-webmail"])],
        &[
            Opt(&[One(&["typo3/", "xampp/", "admin/"])]),
            Alt(&[
                &[L("pma")],
                &[Opt(&[L("php")]), One(&["Myadmin", "MyAdmin", "myadmin", "myAdmin"])],
            ]),
        ],
        &[One(&["wp-login.php", "wp-signup.php", "wp-admin.php"])],
        &[One(&["cgi-bin", "mysqladmin"])],
    ]),
]);

/// `192.0.2.1 - user [time] `.
const CLIENT: Piece = Sub(&[Host, L(" - "), S, Word, E, L(" ["), Not1("]"), L("] ")]);
/// Everything that an access log tells, read once.
const JUDGED: Pattern = Pattern::forward(Kind::NotFound, judge);
const ASKED: &[Piece] = &[One(&["GET", "POST", "HEAD"]), L(" /"), BOTS];

pub(super) fn judge(text: &[u8]) -> Option<Found<'_>> {
    let (ip, length) = address::candidates(text).next()?;
    let rest = text.get(length..)?.strip_prefix(b" ")?;
    let before = memmem::find(rest, b"] \"")?;
    let (head, tail) = rest.split_at_checked(before)?;
    let request = tail.get(3..)?;
    let end = end_of_quoted(request)?;
    let (request, after) = request.split_at_checked(end)?;
    let [b'"', b' ', b'4', b'0', digit, b' ', ..] = after else { return None };
    let open = memmem::rfind(head, b" [")?;
    let kind = match digit {
        b'0' => Kind::Attack,
        b'1' => Kind::AuthFailure,
        b'4' if piece::find(ASKED, request).is_some() => Kind::Attack,
        b'4' => Kind::NotFound,
        _ => return None,
    };
    let user = head.get(..open)?.strip_prefix(b"- ").filter(|user| *user != b"-");
    let stamp = head.get(open + 2..).and_then(time::leading).map(|(stamp, _)| stamp);
    let host = Some(Client::Address(ip));
    Some(Found { host, user, kind: Some(kind), stamp, ..Found::default() })
}

/// Where the quote closes that was opened.
fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

pub(super) const SOUGHT: Pattern = Pattern::attack(&[
    Host,
    L(" - "),
    Word,
    L(" ["),
    Not1("]"),
    L("] \""),
    One(&["GET", "POST", "HEAD"]),
    L(" /"),
    BOTS,
    Not("\""),
    L("\" 404 "),
]);
const BAD_REQUEST: Pattern =
    Pattern::attack(&[Host, L(" - "), Word, L(" ["), Not1("]"), L("] \""), Not("\""), L("\" 400")]);

static BAD_REQUESTS: Service = Service::new(
    "nginx-bad-request",
    "nginx access log: requests that are no HTTP.",
    "/var/log/nginx/access.log",
)
.patterns(&[BAD_REQUEST]);

static ACCESS: Service = Service::new(
    "http-access",
    "Access log of nginx, Apache or lighttpd: refused sign-ins, broken requests, and places that are not there.",
    "/var/log/nginx/access.log",
)
.aliases(&["apache-access", "nginx-access"])
.patterns(&[JUDGED]);

/// A virtual host may stand before the client.
const VHOST: Piece = Opt(&[Not1(" [\""), Sp]);

static BADBOTS: Service = Service::new(
    "apache-badbots",
    "Access log: programs that collect addresses and write spam, by the name that they give themselves.",
    "/var/log/apache2/access.log",
)
.patterns(&[
    Pattern::attack(&[Sp0, Ip, L(" "), Not("\""), REQUEST, L("\" \""), PieceOf::AGENT]).test(is_bad_bot),
    Pattern::attack(&[Sp0, VHOST, Ip, L(" "), Not("\""), REQUEST, L("\" \""), PieceOf::AGENT]).test(is_bad_bot),
]);

/// `"GET / HTTP/1.1" 200 12 "referer`.
const REQUEST: Piece =
    Sub(&[L("\""), Not1("\""), L("\" "), Num, L(" "), Num, L(" \""), Not1("\"")]);

struct PieceOf;

impl PieceOf {
    /// What the client calls itself, to the end of the line.
    const AGENT: Piece = Sub(&[Piece::K, Not("\""), Piece::Q, L("\""), End]);
}

/// Beginnings of words that such programs have in their names; facts of fail2ban's list.
const BAD_BOTS: &[&str] = &[
    "EmailCollector",
    "WebEMailExtrac",
    "TrackBack/1.02",
    "sogou music spider",
    "Jorgee",
    "Atomic_Email_Hunter/4.0",
    "atSpider/1.0",
    "autoemailspider",
    "bwh3_user_agent",
    "China Local Browse 2.6",
    "ContactBot/0.2",
    "ContentSmartz",
    "DataCha0s/2.0",
    "DBrowse 1.4b",
    "DBrowse 1.4d",
    "Demo Bot DOT 16b",
    "Demo Bot Z 16b",
    "DSurf15a 01",
    "DSurf15a 71",
    "DSurf15a 81",
    "DSurf15a VA",
    "EBrowse 1.4b",
    "Educate Search VxB",
    "EmailSiphon",
    "EmailSpider",
    "EmailWolf 1.00",
    "ESurf15a 15",
    "ExtractorPro",
    "Franklin Locator 1.8",
    "FSurf15a 01",
    "Full Web Bot 0416B",
    "Full Web Bot 0516B",
    "Full Web Bot 2816B",
    "Guestbook Auto Submitter",
    "Industry Program 1.0.x",
    "ISC Systems iRc Search 2.1",
    "IUPUI Research Bot v 1.9a",
    "LARBIN-EXPERIMENTAL (efp@gmx.net)",
    "LetsCrawl.com/1.0 +http://letscrawl.com/",
    "Lincoln State Web Browser",
    "LMQueueBot/0.2",
    "LWP::Simple/5.803",
    "Mac Finder 1.0.xx",
    "MFC Foundation Class Library 4.0",
    "Microsoft URL Control - 6.00.8xxx",
    "Missauga Locate 1.0.0",
    "Missigua Locator 1.9",
    "Missouri College Browse",
    "Mizzu Labs 2.2",
    "Mo College 1.9",
    "MVAClient",
    "Mozilla/2.0 (compatible; NEWT ActiveX; Win32)",
    "Mozilla/3.0 (compatible; Indy Library)",
    "Mozilla/3.0 (compatible; scan4mail (advanced version)",
    "Mozilla/4.0 (compatible; Advanced Email Extractor v2.xx)",
    "Mozilla/4.0 (compatible; Iplexx Spider/1.0 http://www.iplexx.at)",
    "Mozilla/4.0 (compatible; MSIE 5.0; Windows NT; DigExt; DTS Agent",
    "Mozilla/4.0 efp@gmx.net",
    "Mozilla/5.0 (Version: xxxx Type:xx)",
    "NameOfAgent (CMS Spider)",
    "NASA Search 1.0",
    "Nsauditor/1.x",
    "PBrowse 1.4b",
    "PEval 1.4b",
    "Poirot",
    "Port Huron Labs",
    "Production Bot 0116B",
    "Production Bot 2016B",
    "Production Bot DOT 3016B",
    "Program Shareware 1.0.2",
    "PSurf15a 11",
    "PSurf15a 51",
    "PSurf15a VA",
    "psycheclone",
    "RSurf15a 41",
    "RSurf15a 51",
    "RSurf15a 81",
    "searchbot admin@google.com",
    "ShablastBot 1.0",
    "snap.com beta crawler v0",
    "Snapbot/1.0",
    "sogou develop spider",
    "Sogou Orion spider/3.0(",
    "sogou spider",
    "Sogou web spider/3.0(",
    "sohu agent",
    "SSurf15a 11 ",
    "TSurf15a 11",
    "Under the Rainbow 2.2",
    "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
    "VadixBot",
    "WebVulnCrawl.unknown/1.0 libwww-perl/5.803",
    "Wells Search II",
    "WEP Search 00",
];

/// The name ends in that of a known program.
fn is_bad_bot(found: &Found<'_>) -> bool {
    let agent = found.key.unwrap_or_default();
    BAD_BOTS.iter().any(|bot| {
        let is_open = bot.ends_with('(') && memchr::memmem::find(agent, bot.as_bytes()).is_some();
        is_open || agent.ends_with(bot.as_bytes())
    })
}

static GOOGLEBOT: Service = Service::new(
    "apache-fakegooglebot",
    "Access log: clients that call themselves Googlebot. Put Google's own networks on the allow list.",
    "/var/log/apache2/access.log",
)
.patterns(&[
    Pattern::attack(&[Sp0, Ip, L(" "), Not("\""), GOOGLE]).test(is_google_bot),
    Pattern::attack(&[Sp0, VHOST, Ip, L(" "), Not("\""), GOOGLE]).test(is_google_bot),
]);

const GOOGLE: Piece = Sub(&[
    L("\""),
    Not1(" \""),
    L(" /"),
    Not("\""),
    L("\" "),
    Num,
    L(" "),
    Num,
    L(" \""),
    Not("\""),
    L("\" \""),
    Piece::K,
    Not("\""),
    Piece::Q,
    L("\""),
]);

fn is_google_bot(found: &Found<'_>) -> bool {
    let agent = found.key.unwrap_or_default();
    memchr::memmem::find_iter(agent, b"Googlebot/").any(|at| {
        at.checked_sub(1).and_then(|before| agent.get(before)).is_none_or(|byte| !is_word(*byte))
    })
}

static PASS: Service = Service::new(
    "apache-pass",
    "Access log: clients that knocked at `/knocking/` and may be let in.",
    "/var/log/apache2/access.log",
)
.aliases(&["pass2allow-ftp"])
.patterns(&[Pattern::of(
    Kind::Knock,
    &[
        Host,
        L(" - "),
        S,
        Not1(" -\"["),
        E,
        L(" ["),
        Not1("]"),
        L("] \"GET /knocking/ HTTP/1."),
        One(&["0", "1"]),
        L("\" 200 "),
        Num,
        L(" \""),
        Any,
        L("\" \""),
        Not1("-\""),
        Not("\""),
        L("\""),
        End,
    ],
)]);

static URL_FOPEN: Service = Service::new(
    "php-url-fopen",
    "Access log: parameters that carry an address of another server, for PHP to include.",
    "/var/log/apache2/access.log",
)
.patterns(&[Pattern::attack(&[
    Host,
    L(" -"),
    Few,
    L("\""),
    One(&["GET", "POST"]),
    Few,
    L("?"),
    Few,
    L("=http://"),
    Few,
    L(" HTTP/"),
])]);

static OPENHAB: Service = Service::new(
    "openhab",
    "openHAB request log: refused sign-ins.",
    "/opt/openhab/logs/request.log",
)
.aliases(&["openhab-auth"])
.patterns(&[Pattern::auth(&[
    Host,
    Sp,
    L("-"),
    Sp,
    L("-"),
    Sp,
    L("["),
    Not1("]"),
    L("]"),
    Sp,
    L("\""),
    Not1(" \""),
    L(" "),
    Any,
    L("\" 401 "),
    Num,
    End,
])]);

static TRAEFIK: Service = Service::new(
    "traefik-auth",
    "Traefik access log: refused sign-ins; strictly also requests without a name.",
    "/var/log/traefik/access.log",
)
.patterns(&[
    Pattern::ignore(&[Host, L(" - - ["), Not1("]"), L("] ")]).lax(),
    Pattern::auth(&[CLIENT, L("\""), Not1(" \""), L(" "), Not1("\""), L("\" 401")]),
]);

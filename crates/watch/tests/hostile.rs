//! Lines that a stranger shapes: fuzzed, long, binary, injected. Nothing panics, the time is linear, and
//! nobody is banned whom the stranger only named.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says by a panic what is wrong"
)]

use burgrave_watch::{
    Action, Detectors, LINE_BYTES_MAX, Never, Reader, Rule, Target, all, by_name, lines,
};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The client of every line, and whom the stranger names in it.
const CLIENT: &str = "203.0.113.9";
const VICTIM: &str = "198.51.100.66";

/// Service, and a line of it with what the stranger typed as `{}`.
const LINES: &[(&str, &str)] = &[
    (
        "sshd",
        "Nov 26 01:02:03 h sshd[7]: Failed password for invalid user {} from 203.0.113.9 port 4242 ssh2",
    ),
    ("sshd", "Nov 26 01:02:03 h sshd[7]: Failed password for {} from 203.0.113.9 port 4242 ssh2"),
    (
        "sshd",
        "Nov 26 01:02:03 h sshd[7]: Failed none for invalid user {} from 203.0.113.9 port 4242 ssh2",
    ),
    (
        "sshd",
        "Nov 26 01:02:03 h sshd[7]: Failed publickey for invalid user {} from 203.0.113.9 port 4242 ssh2: ED25519 SHA256:abcdefghijk",
    ),
    ("sshd", "Nov 26 01:02:03 h sshd[7]: Invalid user {} from 203.0.113.9 port 4242"),
    (
        "sshd",
        "Nov 26 01:02:03 h sshd[7]: User {} from 203.0.113.9 not allowed because not listed in AllowUsers",
    ),
    (
        "sshd",
        "Nov 26 01:02:03 h sshd[7]: error: PAM: Authentication failure for illegal user {} from 203.0.113.9",
    ),
    (
        "sshd",
        "Nov 26 01:02:03 h sshd[7]: error: maximum authentication attempts exceeded for invalid user {} from 203.0.113.9 port 4242 ssh2 [preauth]",
    ),
    (
        "sshd",
        "Nov 26 01:02:03 h sshd[7]: Connection closed by invalid user {} 203.0.113.9 port 4242 [preauth]",
    ),
    (
        "sshd",
        "Nov 26 01:02:03 h sshd[7]: Disconnected from authenticating user {} 203.0.113.9 port 4242 [preauth]",
    ),
    (
        "sshd",
        "Nov 26 01:02:03 h sshd[7]: Bad protocol version identification '{}' from 203.0.113.9 port 4242",
    ),
    (
        "dropbear",
        "Nov 26 01:02:03 h dropbear[7]: Bad password attempt for '{}' from 203.0.113.9:60588",
    ),
    ("xrdp", "[20261126-01:02:03] [INFO ] AUTHFAIL: user={} ip=203.0.113.9 time=1649351484"),
    (
        "routeros-auth",
        "Nov 26 01:02:03 gw system,error,critical login failure for user {} from 203.0.113.9 via ssh",
    ),
    ("webmin-auth", "Nov 26 01:02:03 h webmin[7]: Invalid login as {} from 203.0.113.9"),
    (
        "nginx-http-auth",
        "2026/11/26 01:02:03 [error] 2865#0: *6 user \"{}\": password mismatch, client: 203.0.113.9, server: s, request: \"GET / HTTP/1.1\", host: \"s\"",
    ),
    (
        "nginx-http-auth",
        "2026/11/26 01:02:03 [error] 2865#0: *6 user \"{}\" was not found in \"/etc/p\", client: 203.0.113.9, server: s, request: \"GET / HTTP/1.1\", host: \"s\"",
    ),
    (
        "nginx",
        "2026/11/26 01:02:03 [error] 2865#0: *6 user \"{}\": password mismatch, client: 203.0.113.9, server: s, request: \"GET / HTTP/1.1\", host: \"s\"",
    ),
    (
        "nginx",
        "203.0.113.9 - - [26/Nov/2026:01:02:03 +0000] \"GET /{} HTTP/1.1\" 404 5 \"-\" \"-\"",
    ),
    ("nginx", "203.0.113.9 - - [26/Nov/2026:01:02:03 +0000] \"GET / HTTP/1.1\" 404 5 \"-\" \"{}\""),
    ("nginx-bad-request", "203.0.113.9 - - [26/Nov/2026:01:02:03 +0000] \"\" 400 5 \"-\" \"{}\""),
    (
        "apache-auth",
        "[Thu Nov 26 01:02:03.5 2026] [auth_basic:error] [pid 7:tid 8] [client 203.0.113.9:51386] AH01618: user {} not found: /x",
    ),
    (
        "apache-auth",
        "[Thu Nov 26 01:02:03.5 2026] [auth_basic:error] [pid 7:tid 8] [client 203.0.113.9:51386] AH01617: user {}: authentication failure for \"/x\": Password Mismatch",
    ),
    ("traefik-auth", "203.0.113.9 - {} [26/Nov/2026:01:02:03 +0000] \"GET / HTTP/2.0\" 401 17"),
    (
        "postfix",
        "Nov 26 01:02:03 h postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x>: Relay access denied; from=<{}> to=<x> proto=SMTP helo=<{}>",
    ),
    (
        "postfix-sasl",
        "Nov 26 01:02:03 h postfix/smtpd[7]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: {}",
    ),
    (
        "dovecot",
        "Nov 26 01:02:03 h dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<{}>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, TLS, session=<q454Xu>",
    ),
    (
        "dovecot",
        "Nov 26 01:02:03 h dovecot: auth: passwd-file({},203.0.113.9,<q454Xu>): unknown user",
    ),
    (
        "exim",
        "2026-11-26 01:02:03 login authenticator failed for (USER) [203.0.113.9]: 535 Incorrect authentication data (set_id={})",
    ),
    (
        "sendmail-auth",
        "Nov 26 01:02:03 h sendmail[7]: 09DJDgOM005976: AUTH failure (PLAIN): user not found: x, user={}, relay=host.example.com [203.0.113.9]",
    ),
    ("courier-auth", "Nov 26 01:02:03 h imapd: LOGIN FAILED, user={}, ip=[::ffff:203.0.113.9]"),
    (
        "solid-pop3d",
        "Nov 26 01:02:03 h solid-pop3d[7]: authentication failed for user {} - 203.0.113.9",
    ),
    (
        "roundcube-auth",
        "Nov 26 01:02:03 h roundcube: IMAP Error: Login failed for {} from 203.0.113.9",
    ),
    (
        "squirrelmail",
        "11/26/2026 01:02:03 [LOGIN_ERROR] {} (example.org) from 203.0.113.9: Unknown user or password incorrect.",
    ),
    (
        "proftpd",
        "Nov 26 01:02:03 h proftpd[7] h (c[203.0.113.9]): USER {}: no such user found from c [203.0.113.9] to 192.0.2.1:21",
    ),
    (
        "vsftpd",
        "Nov 26 01:02:03 h vsftpd: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser={} rhost=203.0.113.9",
    ),
    (
        "pam-generic",
        "Nov 26 01:02:03 h vsftpd: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser={} rhost=203.0.113.9",
    ),
    (
        "mysqld-auth",
        "2026-11-26 01:02:03 7 [Warning] Access denied for user '{}'@'203.0.113.9' (using password: YES)",
    ),
    (
        "mssql-auth",
        "2026-11-26 01:02:03.00 Logon       Login failed for user '{}'. Reason: Could not find a login matching the name provided. [CLIENT: 203.0.113.9]",
    ),
    (
        "asterisk",
        "[2026-11-26 01:02:03] NOTICE[7]: chan_sip.c:1 x: Registration from '{}' failed for '203.0.113.9:5060' - Wrong password",
    ),
    (
        "asterisk",
        "[2026-11-26 01:02:03] NOTICE[7] res_pjsip/pjsip_distributor.c: Request 'INVITE' from '{}' failed for '203.0.113.9:5060' (callid: 7) - No matching endpoint found",
    ),
    (
        "freeswitch",
        "2026-11-26 01:02:03.5 [WARNING] sofia_reg.c:2531 Can't find user [{}@192.0.2.1] from 203.0.113.9",
    ),
    ("gitlab", "2026-11-26T01:02:03.344Z: Failed Login: username={} ip=203.0.113.9"),
    (
        "gitea",
        "2026/11/26 01:02:03 [W] Failed authentication attempt for {} from 203.0.113.9:5: no such user",
    ),
    (
        "softethervpn",
        "2026-11-26 01:02:03.781 Connection \"CID-72\": User authentication failed. The user name that has been provided was \"{}\", from 203.0.113.9.",
    ),
    (
        "phpmyadmin-syslog",
        "Nov 26 01:02:03 h phpMyAdmin[7]: user denied: {} (mysql-denied) from 203.0.113.9",
    ),
    ("groupoffice", "[2026-11-26 01:02:03]LOGIN FAILED for user: \"{}\" from IP: 203.0.113.9"),
    (
        "wordpress",
        "Nov 26 01:02:03 h wordpress(x)[7]: Authentication failure for {} from 203.0.113.9",
    ),
];

/// Names that look like the rest of the line, with the victim in the place of the client.
fn names(line: &str) -> Vec<String> {
    let (before, after) = line.split_once("{}").unwrap();
    let forged = after.replace(CLIENT, VICTIM).replace("{}", "x");
    let whole = line.replace(CLIENT, VICTIM).replace("{}", "x");
    let tail: String =
        before.chars().rev().take(24).collect::<Vec<_>>().into_iter().rev().collect();
    vec![
        format!("x{forged}"),
        format!("x{forged} "),
        format!("x{forged}{tail}y"),
        format!("{VICTIM}"),
        format!("x from {VICTIM}"),
        format!("x from {VICTIM} port 22 ssh2"),
        format!("x rhost={VICTIM}"),
        format!("x, rip={VICTIM}, lip=1.1.1.1"),
        format!("x\", client: {VICTIM}, server: "),
        whole,
        format!("{}x{forged}", "a".repeat(2_000)),
        format!("x{}", format!(" from {VICTIM} port 22").repeat(60)),
    ]
}

#[test]
fn nobody_is_seen_whom_a_client_only_names() {
    let victim: IpAddr = VICTIM.parse().unwrap();
    let client: IpAddr = CLIENT.parse().unwrap();
    let (mut all, mut missed) = (0, Vec::new());
    for (service, line) in LINES {
        for is_strict in [false, true] {
            let mut reader = Reader::new(by_name(service).unwrap(), true);
            let harmless = line.replace("{}", "x");
            let plain = reader.line(harmless.as_bytes());
            assert_eq!(plain.and_then(|event| event.ip), Some(client), "{line}");
            for name in names(line) {
                let hostile = line.replace("{}", &name);
                let event =
                    Reader::new(by_name(service).unwrap(), is_strict).line(hostile.as_bytes());
                let ip = event.and_then(|event| event.ip);
                assert_ne!(ip, Some(victim), "{service}: {hostile}");
                all += 1;
                if is_strict && ip.is_none() {
                    missed.push(hostile);
                }
            }
        }
    }
    println!(
        "{all} hostile lines; {} of the strict ones are not seen:\n{}",
        missed.len(),
        missed.join("\n")
    );
    assert!(missed.len() * 20 < all, "hiding behind a name must not work either");
}

#[test]
fn a_forged_end_cannot_be_cut_into_place() {
    for (service, line) in LINES {
        let (before, after) = line.split_once("{}").unwrap();
        let forged = after.replace(CLIENT, VICTIM).replace("{}", "x");
        let filled = LINE_BYTES_MAX.saturating_sub(before.len() + forged.len());
        let hostile =
            format!("{before}{}{forged}zz{}", "a".repeat(filled), after.replace("{}", "x"));
        let mut reader = Reader::new(by_name(service).unwrap(), true);
        let ip = reader.line(hostile.as_bytes()).and_then(|event| event.ip);
        assert_ne!(ip, Some(VICTIM.parse().unwrap()), "{service}: {before}");
        assert_eq!(reader.cut(), 1, "{service}");
    }
}

/// A generator of numbers (xorshift): the same lines every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    /// A line of some service with bytes changed, doubled, cut or made long; or no line at all.
    fn line(&mut self) -> Vec<u8> {
        let mut line = match self.below(10) {
            0 => (0..self.below(300)).map(|_| self.byte()).collect(),
            _ => LINES[self.below(LINES.len())].1.replace("{}", "x y").into_bytes(),
        };
        for _ in 0..self.below(6) {
            let place = self.below(line.len() + 1);
            match self.below(5) {
                0 if place < line.len() => line[place] = self.byte(),
                1 => line.insert(place, self.byte()),
                2 => line.truncate(place),
                3 => {
                    let other = LINES[self.below(LINES.len())].1.as_bytes();
                    line.splice(place..place, other.iter().copied());
                }
                _ => {
                    let part = line[place..].to_vec();
                    line.extend(part);
                }
            }
        }
        line.retain(|byte| *byte != b'\n');
        line
    }
}

#[test]
fn fuzzed_lines_neither_panic_nor_ban_an_innocent() {
    const COUNT: usize = 4_500;
    let mut numbers = Numbers(88_172_645_463_325_252);
    let log: Vec<u8> = (0..COUNT).flat_map(|_| [numbers.line(), vec![b'\n']].concat()).collect();
    let known: Vec<IpAddr> = vec![CLIENT.parse().unwrap()];
    let mut read = 0;
    for service in all() {
        for is_strict in [false, true] {
            let mut reader = Reader::new(service, is_strict);
            let mut detectors = Detectors::new(Rule::default(), Never::parse([CLIENT]).unwrap());
            for line in lines(&log) {
                read += 1;
                let Some(event) = reader.line(line) else { continue };
                // An address that is banned stood in the line.
                detectors.event(&event, 1, |action| {
                    if let Action::Ban { target: Target::Address(ip), .. } = action {
                        assert!(!known.contains(&ip));
                        assert!(
                            line.windows(3)
                                .any(|part| part.contains(&b'.') || part.contains(&b':'))
                        );
                    }
                });
            }
        }
    }
    println!("{read} lines read by every service");
    assert!(read >= 1_000_000);
}

#[test]
fn the_time_is_linear_whatever_is_repeated() {
    let parts = [
        " from ",
        "\"",
        ", client: ",
        "[",
        "(",
        "a=",
        " rhost=",
        "' failed for '",
        "::",
        "1.",
        " ",
        ">, rip=",
        "\\",
        "{\"a\":",
        "://?=http://",
    ];
    let start = Instant::now();
    let mut bytes = 0;
    for (service, line) in LINES {
        let mut reader = Reader::new(by_name(service).unwrap(), true);
        for part in parts {
            let hostile = line.replace("{}", &part.repeat(2 * LINE_BYTES_MAX / part.len()));
            bytes += hostile.len();
            reader.line(hostile.as_bytes());
        }
    }
    let took = start.elapsed();
    println!("{bytes} bytes in {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}: tens of megabytes are a matter of moments");
}

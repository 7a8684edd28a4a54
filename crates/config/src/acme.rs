//! Certificates from an ACME server: the section `[acme]`, its keys, and what it needs of the rest.

use crate::error::quoted;
use crate::kinds::{AbsolutePath, Choice, List, Span};
use crate::names::{self, Parsed};
use crate::sections::ListenDraft;
use crate::settings::{Authority, Settings, Site, Tls};
use crate::sink::{Located, Sink};
use crate::sites::SiteDraft;
use crate::table::{Key, OneTable, Section, Table};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Most characters of an address of a page.
const URL_MAX: usize = 1_024;
/// Most names of one certificate: what the known authorities take.
const NAMES_MAX: usize = 100;
/// Directories that have a name.
const NAMED: [(&str, &str); 2] = [
    ("letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"),
    ("letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"),
];

/// How certificates are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// Where the server is.
    pub directory: AcmeDirectory,
    /// `mailto:` addresses for the authority's warnings.
    pub contact: Vec<String>,
    /// How control of a name is shown.
    pub challenge: AcmeChallenge,
    /// Program and arguments that set and remove DNS records; set for [`AcmeChallenge::Dns`].
    pub hook: Vec<String>,
    /// How long the authority is kept waiting after a record was set. Default 30 s.
    pub settle: Duration,
    /// PEM file of the authorities that certify a private ACME server. `None`: the system's.
    pub ca: Option<PathBuf>,
}

/// Where an ACME server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeDirectory {
    /// The whole address of its directory, always `https`.
    pub url: String,
    /// Host and port of it.
    pub authority: Authority,
}

/// How control of a name is shown (RFC 8555, 8; RFC 8737).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// A page on port 80.
    Http,
    /// A certificate on port 443.
    TlsAlpn,
    /// A record of the name's zone.
    Dns,
}

impl Settings {
    /// Where what is fetched is kept: keys, certificates, orders under way.
    pub fn acme_folder(&self) -> PathBuf {
        self.state.join("acme")
    }

    /// A site's fetched certificate: its key and its chain in one PEM file.
    pub fn acme_file(&self, site: &Site) -> PathBuf {
        self.acme_folder().join(format!("{}.pem", site.file_name()))
    }

    /// What the gateway answers an authority's questions from. Nothing in it is secret.
    pub fn acme_challenges(&self) -> PathBuf {
        self.acme_folder().join("challenges")
    }

    /// Where a site's self-signed certificate and its key are kept.
    pub fn self_signed_files(&self, site: &Site) -> (PathBuf, PathBuf) {
        let home = self.state.join("tls");
        let name = site.file_name();
        (home.join(format!("{name}.crt")), home.join(format!("{name}.key")))
    }
}

pub(crate) static ACME: Key<OneTable> = Key {
    name: "acme",
    kind: OneTable(&ACME_SECTION),
    default: "no certificates are fetched",
    about: "Where certificates of sites with `tls = \"acme\"` come from.",
};
static ACME_SECTION: Section = Section {
    title: "[acme]",
    about: "An authority that certifies by ACME (RFC 8555). Who writes this agrees to its terms of service. Until \
            a site's first certificate is there, it is served with a self-signed one.",
    keys: &[&DIRECTORY, &CONTACT, &CHALLENGE, &HOOK, &SETTLE, &CA],
    refused: &[],
};
static DIRECTORY: Key<Parsed<AcmeDirectory>> = Key {
    name: "directory",
    kind: Parsed {
        parse: directory,
        words: "`\"letsencrypt\"`, `\"letsencrypt-staging\"` or the address of a directory, such as \
                `\"https://acme.example.com/directory\"`",
    },
    default: "",
    about: "The authority. Begin with `\"letsencrypt-staging\"`, which no browser trusts and which forgives mistakes.",
};
static CONTACT: Key<List<Parsed<String>>> = Key {
    name: "contact",
    kind: List {
        of: Parsed { parse: contact, words: "a mail address, such as `\"ops@example.com\"`" },
        min: 1,
        max: 10,
    },
    default: "none",
    about: "Where the authority may write to.",
};
static CHALLENGE: Key<Choice<AcmeChallenge>> = Key {
    name: "challenge",
    kind: Choice {
        options: &[
            ("http-01", AcmeChallenge::Http),
            ("tls-alpn-01", AcmeChallenge::TlsAlpn),
            ("dns-01", AcmeChallenge::Dns),
        ],
    },
    default: "\"http-01\"",
    about: "How control of a name is shown: by a page on port 80, within TLS on port 443, or by a DNS record that \
            `hook` sets.",
};
static HOOK: Key<List<Parsed<String>>> = Key {
    name: "hook",
    kind: List {
        of: Parsed { parse: word, words: "a text without control characters" },
        min: 1,
        max: 32,
    },
    default: "none",
    about: "For `dns-01`: a program by its absolute path, and its first arguments. Three more follow: `set` or \
            `remove`, the record's name (`_acme-challenge.…`) and its value, which is no secret.",
};
static SETTLE: Key<Span> = Key {
    name: "settle",
    kind: Span { millis_min: 0, millis_max: 3_600_000 },
    default: "\"30s\"",
    about: "For `dns-01`: how long a record may take until every name server shows it.",
};
static CA: Key<AbsolutePath> = Key {
    name: "ca",
    kind: AbsolutePath,
    default: "the system's authorities",
    about: "PEM file of the authorities that certify a private ACME server.",
};

fn directory(text: &str) -> Result<AcmeDirectory, &'static str> {
    let named = NAMED.iter().find(|(name, _)| *name == text);
    let url = named.map_or(text, |(_, url)| *url);
    let Some(rest) = url.strip_prefix("https://") else {
        return Err("a directory is asked over `https://` only");
    };
    let graphic = url.bytes().all(|byte| byte.is_ascii_graphic());
    if url.len() > URL_MAX || !graphic || url.contains(['?', '#', '\\', '"', '<', '>']) {
        return Err("this is not the plain address of a page");
    }
    let (host, _) = rest.split_once('/').ok_or("the address has no path, such as `/directory`")?;
    let authority = names::authority(host, 443)?;
    Ok(AcmeDirectory { url: url.to_owned(), authority })
}

fn contact(text: &str) -> Result<String, &'static str> {
    let address = text.strip_prefix("mailto:").unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@.+-_".contains(&byte);
    let parts = address.split_once('@');
    let whole = parts.is_some_and(|(user, host)| {
        !user.is_empty()
            && !host.contains(['@', '*'])
            && host.contains('.')
            && names::host(host).is_ok()
    });
    if !whole || !address.bytes().all(plain) || address.len() > 254 {
        return Err("this is no mail address");
    }
    Ok(format!("mailto:{address}"))
}

fn word(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > 4_096 || text.chars().any(char::is_control) {
        return Err("this is no argument for a program");
    }
    Ok(text.to_owned())
}

/// Reads the section and checks it against the sites and the listeners.
pub(crate) fn acme(
    root: &Table<'_, '_>,
    listeners: &[ListenDraft],
    sites: &[SiteDraft],
    sink: &mut Sink<'_>,
) -> Option<Acme> {
    let wanted = sites.iter().filter_map(|site| {
        let tls = site.tls.as_ref().filter(|tls| tls.value == Tls::Acme)?;
        Some((site, tls))
    });
    for (site, tls) in wanted.clone() {
        names_are_certified(site, tls, sink);
    }
    let Some(table) = root.table(&ACME, sink) else {
        if let Some((_, tls)) = wanted.clone().next()
            && !root.has(&ACME)
        {
            let allowed = "a section `[acme]` with the `directory` of an authority".to_owned();
            sink.missing(&tls.spot, "nobody says where certificates are fetched", allowed);
        }
        return None;
    };
    // Of a word that is wrong there is an error already.
    let by_record = table.has(&CHALLENGE)
        && table.get(&CHALLENGE, &mut Sink::new("")).is_none_or(|own| own == AcmeChallenge::Dns);
    for host in wanted.clone().flat_map(|(site, _)| &site.hosts) {
        if host.value.starts_with("*.") && !by_record {
            let message = format!("{} is certified by a record only", quoted(&host.value));
            let words = "`challenge = \"dns-01\"`, or another `tls`".to_owned();
            sink.wrong(&host.spot, message, words);
        }
    }
    if wanted.count() == 0 {
        let allowed = "a site with `tls = \"acme\"`, or no `[acme]`".to_owned();
        sink.missing(&table.spot, "`[acme]` is set, but no site asks for a certificate", allowed);
    }
    read(&table, listeners, sink)
}

fn read(table: &Table<'_, '_>, listeners: &[ListenDraft], sink: &mut Sink<'_>) -> Option<Acme> {
    let directory = table.needed(&DIRECTORY, sink);
    let challenge = table.get(&CHALLENGE, sink);
    let written_wrong = challenge.is_none() && table.has(&CHALLENGE);
    let challenge = challenge.unwrap_or(AcmeChallenge::Http);
    let plain = listeners.iter().any(|listener| listener.tls != Some(true));
    if challenge == AcmeChallenge::Http && !written_wrong && !plain {
        let allowed = "a `[[listen]]` on port 80 without TLS, or another `challenge`".to_owned();
        sink.missing(
            &table.spot,
            "`http-01` is answered in the clear, but every listener has TLS",
            allowed,
        );
    }
    let hook = hook(table, challenge, written_wrong, sink);
    let contact = table.get(&CONTACT, sink).unwrap_or_default();
    Some(Acme {
        contact: contact.into_iter().map(|own| own.value).collect(),
        challenge,
        hook,
        settle: table.get(&SETTLE, sink).unwrap_or(Duration::from_secs(30)),
        ca: table.get(&CA, sink),
        directory: directory?.value,
    })
}

fn hook(
    table: &Table<'_, '_>,
    challenge: AcmeChallenge,
    unknown: bool,
    sink: &mut Sink<'_>,
) -> Vec<String> {
    let hook = table.located(&HOOK, sink);
    let dns = challenge == AcmeChallenge::Dns || unknown;
    if let Some(program) = hook.as_ref().and_then(|hook| hook.value.first())
        && (!program.value.starts_with('/') || program.value.split('/').any(|part| part == ".."))
    {
        let message = format!("{} is no absolute path", quoted(&program.value));
        sink.wrong(&program.spot, message, "such as `\"/usr/local/bin/dns-hook\"`".to_owned());
    }
    if challenge == AcmeChallenge::Dns && !table.has(&HOOK) {
        let allowed = "`hook = [\"/usr/local/bin/dns-hook\"]`".to_owned();
        sink.missing(&table.spot, "nobody sets the records of `dns-01`", allowed);
    }
    if let Some(hook) = hook.as_ref().filter(|_| !dns) {
        let allowed = "`challenge = \"dns-01\"`, or no `hook`".to_owned();
        sink.wrong(&hook.spot, "only `dns-01` sets records", allowed);
    }
    hook.into_iter().flat_map(|hook| hook.value).map(|own| own.value).collect()
}

fn names_are_certified(site: &SiteDraft, tls: &Located<Tls>, sink: &mut Sink<'_>) {
    for host in &site.hosts {
        let bare = host.value.trim_start_matches('[').trim_end_matches(']');
        if host.value == "*" {
            let message = "no authority certifies `*`, any host";
            sink.wrong(&host.spot, message, "each name of the site, or another `tls`".to_owned());
        } else if bare.parse::<IpAddr>().is_ok() || host.value.contains('_') {
            let message = format!("{} is no name that is certified", quoted(&host.value));
            sink.wrong(
                &host.spot,
                message,
                "a name of the domain name system, or another `tls`".to_owned(),
            );
        }
    }
    if site.hosts.len() > NAMES_MAX {
        let message = format!("one certificate has at most {NAMES_MAX} names");
        sink.wrong(&tls.spot, message, "sites with fewer `hosts` each".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use crate::settings::Host;

    const TOP: &str =
        "[[listen]]\naddress = \"[::]:443\"\ntls = true\n[[listen]]\naddress = \"[::]:80\"\n";
    const SITE: &str = "[[site]]\nhosts = [\"a.example\", \"b.example\"]\ntls = \"acme\"\nfiles = { root = \"/srv\" }\n";

    fn read(section: &str) -> Result<Settings, Vec<String>> {
        whole(&format!("{TOP}{section}\n{SITE}"))
    }

    fn whole(text: &str) -> Result<Settings, Vec<String>> {
        parse(text).map_err(|errors| {
            let line =
                |error: crate::ConfigError| format!("{}: {}", error.place.line, error.message);
            errors.errors.into_iter().map(line).collect()
        })
    }

    #[test]
    fn a_section_needs_no_more_than_its_directory() {
        let settings = read("[acme]\ndirectory = \"letsencrypt-staging\"").unwrap();
        assert_eq!(settings.sites[0].tls, Some(Tls::Acme));
        let acme = settings.acme.unwrap();
        assert_eq!(acme.directory.url, "https://acme-staging-v02.api.letsencrypt.org/directory");
        assert_eq!((acme.challenge, acme.hook.len(), acme.ca), (AcmeChallenge::Http, 0, None));
    }

    #[test]
    fn directories_are_asked_over_https() {
        let private = directory("https://10.0.0.1:14000/dir").unwrap();
        assert_eq!(
            private.authority,
            Authority { host: Host::Address([10, 0, 0, 1].into()), port: 14_000 }
        );
        assert!(directory("letsencrypt").unwrap().url.starts_with("https://acme-v02."));
        for wrong in [
            "",
            "lets-encrypt",
            "http://a/dir",
            "https://a",
            "https://u:p@a/dir",
            "https://a/d?x",
            "https://a/ d",
        ] {
            assert!(directory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn contacts_are_mail_addresses() {
        for right in ["ops@example.com", "mailto:ops@example.com"] {
            assert_eq!(contact(right).unwrap(), "mailto:ops@example.com");
        }
        for wrong in [
            "",
            "ops",
            "@example.com",
            "a@b@example.com",
            "a b@example.com",
            "a@localhost",
            "a@*.example.com",
            "a@x.com?cc=b",
        ] {
            assert!(contact(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn records_need_a_hook_and_only_they() {
        let dns = "[acme]\ndirectory = \"letsencrypt\"\nchallenge = \"dns-01\"\n";
        let settings =
            read(&format!("{dns}hook = [\"/bin/hook\", \"-v\"]\nsettle = \"5s\"")).unwrap();
        let acme = settings.acme.unwrap();
        assert_eq!(
            (acme.hook, acme.settle.as_secs()),
            (vec!["/bin/hook".to_owned(), "-v".to_owned()], 5)
        );
        for (section, said) in [
            (dns.to_owned(), "6: nobody sets the records of `dns-01`"),
            (format!("{dns}hook = [\"hook\"]"), "9: `hook` is no absolute path"),
            (
                "[acme]\ndirectory = \"letsencrypt\"\nhook = [\"/h\"]".to_owned(),
                "8: only `dns-01` sets records",
            ),
            ("[acme]\nchallenge = \"http-01\"".to_owned(), "6: `acme` has no `directory`"),
            (
                "[acme]\ndirectory = \"letsencrypt\"\nchallenge = \"http\"".to_owned(),
                "8: `challenge` cannot be `http`",
            ),
        ] {
            assert_eq!(read(&section).unwrap_err(), [said], "{section}");
        }
    }

    #[test]
    fn wildcards_need_a_record() {
        let read = |rest: &str| {
            let site = SITE.replace("b.example", "*.a.example");
            whole(&format!("{TOP}[acme]\ndirectory = \"letsencrypt\"\n{rest}\n{site}"))
        };
        let settings = read("challenge = \"dns-01\"\nhook = [\"/h\"]").unwrap();
        assert_eq!(settings.sites[0].hosts, ["a.example", "*.a.example"]);
        for rest in ["", "challenge = \"http-01\"", "challenge = \"tls-alpn-01\""] {
            let said = read(rest).unwrap_err();
            assert!(
                said.len() == 1 && said[0].contains("`*.a.example` is certified by a record"),
                "{said:?}"
            );
        }
        let mut site = settings.sites[0].clone();
        let mut file = |name: &str| {
            name.clone_into(&mut site.name);
            site.file_name()
        };
        assert_eq!(
            [file("a.example"), file("*.a.example"), file("*")],
            ["a.example", "any%.a.example", "any"]
        );
    }

    #[test]
    fn what_is_never_certified_is_refused_with_its_line() {
        let acme = "[acme]\ndirectory = \"letsencrypt\"\n";
        let hosts = |hosts: &str| {
            let site = SITE.replace("[\"a.example\", \"b.example\"]", hosts);
            whole(&format!("{TOP}{acme}{site}")).unwrap_err()
        };
        assert_eq!(hosts("[\"*\"]"), ["9: no authority certifies `*`, any host"]);
        assert_eq!(hosts("[\"192.0.2.1\"]"), ["9: `192.0.2.1` is no name that is certified"]);
        let many: Vec<String> = (0..101).map(|index| format!("\"h{index}.example\"")).collect();
        assert_eq!(
            hosts(&format!("[{}]", many.join(", "))),
            ["10: one certificate has at most 100 names"]
        );
        assert_eq!(read("").unwrap_err(), ["9: nobody says where certificates are fetched"]);
        let other = SITE.replace("\"acme\"", "\"self-signed\"");
        assert_eq!(
            whole(&format!("{TOP}{acme}{other}")).unwrap_err(),
            ["6: `[acme]` is set, but no site asks for a certificate"]
        );
    }

    #[test]
    fn a_page_in_the_clear_needs_a_listener_without_tls() {
        let top =
            "[[listen]]\naddress = \"[::]:443\"\ntls = true\n[acme]\ndirectory = \"letsencrypt\"\n";
        let said = whole(&format!("{top}{SITE}")).unwrap_err();
        assert_eq!(said, ["4: `http-01` is answered in the clear, but every listener has TLS"]);
        assert!(whole(&format!("{top}challenge = \"tls-alpn-01\"\n{SITE}")).is_ok());
    }
}

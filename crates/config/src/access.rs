//! Who may use a site or a route: the section, its keys, and how it is read.

use crate::error::quoted;
use crate::kinds::{AbsolutePath, Choice, List};
use crate::names::Parsed;
use crate::settings::{Access, CertificateUse, Network};
use crate::sink::{Sink, Spot};
use crate::table::{Key, OneTable, Section, Table};
use std::net::IpAddr;

const IDENTITY: &str = "needs accounts, which this release does not have yet: remove it, and nothing will seem safer than it is";

pub(crate) static ACCESS_SECTION: Section = Section {
    title: "access = { … }",
    about: "Who may use the site or the route. Everything that is written must hold; a route's replaces \
            its site's whole.",
    keys: &[&NETWORKS, &USERS, &CLIENT_CERTIFICATE],
    refused: &[("groups", IDENTITY), ("mfa", IDENTITY)],
};
pub(crate) static SITE_ACCESS: Key<OneTable> = Key {
    name: "access",
    kind: OneTable(&ACCESS_SECTION),
    default: "anyone; for `exposure = \"internal\"` the private networks",
    about: "Who may use the site.",
};
pub(crate) static ROUTE_ACCESS: Key<OneTable> = Key {
    name: "access",
    kind: OneTable(&ACCESS_SECTION),
    default: "the site's",
    about: "Who may use the route.",
};
pub(crate) static NETWORKS: Key<List<Parsed<Network>>> = Key {
    name: "networks",
    kind: List {
        of: Parsed {
            parse: network,
            words: "an address or a network, such as `\"192.0.2.7\"` or `\"10.0.0.0/8\"`",
        },
        min: 1,
        max: 1_000,
    },
    default: "any",
    about: "The addresses that clients come from.",
};
pub(crate) static USERS: Key<AbsolutePath> = Key {
    name: "users",
    kind: AbsolutePath,
    default: "no sign-in",
    about: "File of users for HTTP basic sign-in: a line `NAME:HASH` each, with argon2id hashes as \
            `burgrave user hash` makes them. Only over TLS.",
};
pub(crate) static CLIENT_CERTIFICATE: Key<Choice<CertificateUse>> = Key {
    name: "client_certificate",
    kind: Choice {
        options: &[("required", CertificateUse::Required), ("optional", CertificateUse::Optional)],
    },
    default: "not asked for",
    about: "Whether a client must show a certificate of the site's `client_ca`. `\"optional\"` takes one \
            in the place of the sign-in.",
};
pub(crate) static CLIENT_CA: Key<AbsolutePath> = Key {
    name: "client_ca",
    kind: AbsolutePath,
    default: "no client certificates",
    about: "PEM file of the authorities whose certificates clients may show.",
};

/// What is read of `access`, with the places that a site's checks need.
pub(crate) struct AccessDraft {
    pub(crate) access: Access,
    pub(crate) users: Option<Spot>,
    pub(crate) certificate: Option<Spot>,
}

/// Reads the section where it stands.
pub(crate) fn access(
    table: &Table<'_, '_>,
    key: &Key<OneTable>,
    sink: &mut Sink<'_>,
) -> Option<AccessDraft> {
    let table = table.table(key, sink)?;
    let networks = table.get(&NETWORKS, sink).unwrap_or_default();
    let users = table.located(&USERS, sink);
    let certificate = table.located(&CLIENT_CERTIFICATE, sink);
    if !(table.has(&NETWORKS) || table.has(&USERS) || table.has(&CLIENT_CERTIFICATE)) {
        let allowed = "`networks`, `users`, `client_certificate`, or no `access`".to_owned();
        sink.missing(&table.spot, "`access` asks for nothing", allowed);
    }
    if let Some(certificate) = &certificate
        && certificate.value == CertificateUse::Optional
        && !table.has(&USERS)
    {
        let message = "an optional certificate decides nothing without `users`";
        sink.wrong(
            &certificate.spot,
            message,
            Some("`\"required\"`, or `users` beside it".to_owned()),
        );
    }
    let access = Access {
        networks: networks.into_iter().map(|network| network.value).collect(),
        users: users.as_ref().map(|users| users.value.clone()),
        certificate: certificate.as_ref().map(|certificate| certificate.value),
    };
    let (users, certificate) = (users.map(|users| users.spot), certificate.map(|own| own.spot));
    Some(AccessDraft { access, users, certificate })
}

/// Checks what an `access` needs of its site.
pub(crate) fn fits(draft: &AccessDraft, has_tls: bool, has_ca: bool, sink: &mut Sink<'_>) {
    if let Some(spot) = &draft.users
        && !has_tls
    {
        let allowed = "`tls` on the site: a password in the clear is no secret".to_owned();
        sink.missing(spot, "`users` signs in over plain HTTP", allowed);
    }
    if let Some(spot) = &draft.certificate
        && !has_ca
    {
        let allowed = "`client_ca` on the site".to_owned();
        sink.missing(spot, "no client certificate can be verified", allowed);
    }
}

/// An address, or a network with its prefix; no bits after the prefix.
pub(crate) fn network(text: &str) -> Result<Network, &'static str> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr =
        address.parse().map_err(|_name| "this is neither an address nor a network")?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let digits = prefix.is_none_or(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()));
    let prefix = prefix.map_or(Ok(bits), str::parse::<u8>);
    let Some(prefix) = prefix.ok().filter(|prefix| digits && *prefix <= bits) else {
        return Err("a prefix is a number of bits, at most 32 or 128");
    };
    let network = Network { address, prefix };
    if network.first() != address {
        return Err("the address has bits beyond its prefix");
    }
    Ok(network)
}

impl Network {
    /// Whether an address belongs to it. An IPv4 address in IPv6 form is taken for what it is.
    pub fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && Self { address, prefix: self.prefix }.first() == self.address
    }

    fn first(self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V4((u32::from(address) & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V6((u128::from(address) & mask).into())
            }
        }
    }

    /// Loopback, private, link-local and unique local networks (RFC 1918, 3927, 4193, 4291).
    pub fn private() -> Vec<Self> {
        [
            "127.0.0.0/8",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
            "::1",
            "fc00::/7",
            "fe80::/10",
        ]
        .into_iter()
        .filter_map(|text| network(text).ok())
        .collect()
    }
}

/// What a site of another environment than production must have. Its routes cannot be open either:
/// theirs is the site's access or another that asks for something.
pub(crate) fn kept_apart(name: &str, spot: &Spot, closed: bool, sink: &mut Sink<'_>) {
    if !closed {
        let message = format!("{} is not production, and anyone may use it", quoted(name));
        let allowed = "`exposure = \"internal\"`, or `access` with `networks`, `users` or \
                       `client_certificate`";
        sink.missing(spot, &message, allowed.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn networks_hold_their_addresses() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "1.2.3.4", "::1"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
            ("::/0", "2001::1", "1.2.3.4"),
        ] {
            let network = network(text).unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{text} {outside}");
        }
        for text in ["", "a", "10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0.0/"] {
            assert!(network(text).is_err(), "{text}");
        }
        assert_eq!(Network::private().len(), 8);
    }

    const TLS: &str = "[[listen]]\naddress = \"0.0.0.0:443\"\ntls = true\n[[site]]\nhosts = [\"a\"]\n\
                       tls = \"self-signed\"\nfiles = { root = \"/srv\" }\n";

    fn messages(rest: &str) -> Vec<String> {
        parse(&format!("{TLS}{rest}")).map_or_else(
            |errors| errors.errors.into_iter().map(|error| error.message).collect(),
            |_settings| Vec::new(),
        )
    }

    #[test]
    fn access_says_what_it_needs() {
        for (rest, expected) in [
            ("access = { networks = [\"10.0.0.0/8\"] }", ""),
            ("access = { users = \"/u\" }", ""),
            ("client_ca = \"/c\"\naccess = { client_certificate = \"required\" }", ""),
            (
                "client_ca = \"/c\"\naccess = { client_certificate = \"optional\", users = \"/u\" }",
                "",
            ),
            ("access = {}", "`access` asks for nothing"),
            ("access = { networks = [] }", "`networks` has 0 values"),
            (
                "access = { client_certificate = \"required\" }",
                "no client certificate can be verified",
            ),
            (
                "client_ca = \"/c\"\naccess = { client_certificate = \"optional\" }",
                "an optional certificate decides nothing without `users`",
            ),
            ("environment = \"staging\"", "`a` is not production, and anyone may use it"),
            ("environment = \"staging\"\nexposure = \"internal\"", ""),
            ("environment = \"development\"\naccess = { users = \"/u\" }", ""),
        ] {
            let said = messages(rest);
            assert_eq!(said.first().map_or("", String::as_str), expected, "{rest}");
        }
        let groups = messages("access = { groups = [\"traders\"], mfa = true }");
        assert!(
            groups.iter().any(|said| said.starts_with("`groups` needs accounts")),
            "{groups:?}"
        );
    }

    #[test]
    fn passwords_need_tls() {
        let text = "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\n\
                    files = { root = \"/srv\" }\naccess = { users = \"/u\" }\n";
        let errors = parse(text).unwrap_err().errors;
        assert_eq!(errors[0].message, "`users` signs in over plain HTTP");
    }

    #[test]
    fn a_route_overrides_its_sites_access() {
        let rest = "access = { networks = [\"10.0.0.0/8\"] }\n[[site.route]]\npath = \"/a/\"\n\
                    upstream = [\"http://a:1\"]\naccess = { users = \"/u\" }\n[[site.route]]\n\
                    path = \"/b/\"\nupstream = [\"http://a:2\"]\n";
        let site = parse(&format!("{TLS}{rest}")).unwrap().sites.remove(0);
        let [a, b] = &site.routes[..] else { panic!("two routes") };
        assert_eq!((a.access.networks.len(), a.access.users.is_some()), (0, true));
        assert_eq!((b.access.networks.len(), b.access.users.is_some()), (1, false));
    }
}

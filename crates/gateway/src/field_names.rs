//! Names of header fields that do not cross the gateway: which would let a client speak for a proxy, and which
//! would tell a client what runs behind.
//!
//! The lists are of what proxies, content networks, frameworks and servers in use today are documented to write or to
//! believe (of the second also what the OWASP Secure Headers Project names). A name that a program behind the gateway
//! needs from a client, and that a client may well set, is in none of them.

/// Beginnings of names that only a proxy has a right to.
const OF_A_PROXY: [&[u8]; 4] = [b"x-forwarded-", b"x-original-", b"x-ssl-client-", b"ssl-client-"];
/// Names that only a proxy has a right to: the client's address, host, scheme and certificate, another path, somebody
/// who signed in.
const FORGED: [&str; 31] = [
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "forwarded-for",
    "forwarded-proto",
    "front-end-https",
    "proxy",
    "proxy-user",
    "remote-addr",
    "remote-user",
    "true-client-ip",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-cert",
    "x-client-ip",
    "x-client-verify",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-host",
    "x-override-url",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-remote-user",
    "x-request-id",
    "x-rewrite-url",
    "x-scheme",
    "x-url-scheme",
];
/// Names that tell which product, which version or which machine answers.
const REVEALING: [&str; 34] = [
    "liferay-portal",
    "microsoftofficewebserver",
    "microsoftsharepointteamservices",
    "powered-by",
    "server",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-backend-server",
    "x-beserver",
    "x-calculatedbetarget",
    "x-cf-powered-by",
    "x-cocoon-version",
    "x-diaginfo",
    "x-envoy-upstream-service-time",
    "x-feserver",
    "x-framework",
    "x-generated-by",
    "x-generator",
    "x-hudson",
    "x-jenkins",
    "x-joomla-version",
    "x-mod-pagespeed",
    "x-owa-version",
    "x-page-speed",
    "x-php-version",
    "x-powered-by",
    "x-powered-by-plesk",
    "x-powered-cms",
    "x-runtime",
    "x-server",
    "x-server-powered-by",
    "x-turbo-charged-by",
    "x-umbraco-version",
    "x-version",
];

/// Whether a client that sends the field would speak for the gateway or for another client.
pub(crate) fn is_forged(name: &[u8]) -> bool {
    let first = name.first().map_or(0, u8::to_ascii_lowercase);
    if !matches!(first, b'c' | b'f' | b'p' | b'r' | b's' | b't' | b'x') {
        return false;
    }
    let begins =
        |start: &[u8]| name.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start));
    OF_A_PROXY.into_iter().any(begins) || is_in(&FORGED, name)
}

/// Whether the field of an answer tells what runs behind the gateway.
pub(crate) fn is_revealing(name: &[u8]) -> bool {
    let first = name.first().map_or(0, u8::to_ascii_lowercase);
    matches!(first, b'l' | b'm' | b'p' | b's' | b'x') && is_in(&REVEALING, name)
}

fn is_in(list: &[&str], name: &[u8]) -> bool {
    list.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_are_known(list: &[&str], knows: impl Fn(&[u8]) -> bool) {
        assert!(list.is_sorted(), "in order, none twice: {list:?}");
        for name in list {
            assert_eq!(*name, name.to_ascii_lowercase());
            assert!(knows(name.as_bytes()) && knows(name.to_ascii_uppercase().as_bytes()));
            assert!(!knows(format!("{name}z").as_bytes()), "{name} with more behind it");
        }
    }

    #[test]
    fn every_name_of_a_list_is_known_by_any_case() {
        all_are_known(&FORGED, is_forged);
        all_are_known(&REVEALING, is_revealing);
        for name in
            ["X-Forwarded-Anything", "x-original-host", "SSL-Client-Cert", "X-SSL-Client-Verify"]
        {
            assert!(is_forged(name.as_bytes()), "{name}");
        }
        for name in
            ["Cookie", "X-Requested-With", "X-Client-Version", "X-Api-Key", "x-original", ""]
        {
            assert!(!is_forged(name.as_bytes()), "{name}");
        }
        for name in ["X-Frame-Options", "Set-Cookie", "X-Total-Count", "Server-Timing", "Link", ""]
        {
            assert!(!is_revealing(name.as_bytes()), "{name}");
        }
    }
}

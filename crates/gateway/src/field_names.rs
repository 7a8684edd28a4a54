//! Names of header fields that do not cross the gateway: which would let a client speak for a proxy, and which
//! would tell a client what runs behind.
//!
//! The lists are of what proxies, content networks, frameworks and servers in use today are documented to write or to
//! believe (of the second also what the OWASP Secure Headers Project names). A name that a program behind the gateway
//! needs from a client, and that a client may well set, is in none of them.

/// Beginnings of names that only a proxy has a right to.
const OF_A_PROXY: [&str; 21] = [
    "cf-",
    "forwarded-",
    "remote-",
    "ssl-client-",
    "wl-proxy-",
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-appengine-",
    "x-arr-",
    "x-auth-request-",
    "x-authentik-",
    "x-envoy-",
    "x-forward",
    "x-goog-iap-",
    "x-ms-client-principal",
    "x-original-",
    "x-remote-",
    "x-ssl-",
    "x-tls-client-",
    "x-vercel-",
    "x-webauth-",
];
/// Names that only a proxy has a right to: the client's address, host, scheme and certificate (RFC 9440), another path or
/// method than the request's, somebody who signed in, that a request came early (RFC 8470).
const FORGED: [&str; 60] = [
    "ali-cdn-real-ip",
    "cdn-src-ip",
    "client-cert",
    "client-cert-chain",
    "client-ip",
    "cluster-client-ip",
    "early-data",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded",
    "front-end-https",
    "http-client-ip",
    "http2-settings",
    "proxy",
    "proxy-client-ip",
    "proxy-host",
    "proxy-url",
    "proxy-user",
    "translate",
    "true-client-ip",
    "x-authenticated-user",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-backend-host",
    "x-client-cert",
    "x-client-dn",
    "x-client-ip",
    "x-client-verify",
    "x-clientip",
    "x-cluster-client-ip",
    "x-custom-ip-authorization",
    "x-front-end-https",
    "x-goog-authenticated-user-email",
    "x-goog-authenticated-user-id",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-https",
    "x-invoke-path",
    "x-matched-path",
    "x-method-override",
    "x-middleware-subrequest",
    "x-nf-client-connection-ip",
    "x-originating-ip",
    "x-override-url",
    "x-proxy-url",
    "x-proxyuser-ip",
    "x-real-host",
    "x-real-ip",
    "x-realip",
    "x-request-id",
    "x-request-uri",
    "x-rewrite-uri",
    "x-rewrite-url",
    "x-scheme",
    "x-true-client-ip",
    "x-url-scheme",
    "xforwardedfor",
    "z-forwarded-for",
];
/// Beginnings of names of which the same is true as of [`REVEALING`].
const OF_A_PRODUCT: [&str; 4] = ["x-accel-", "x-envoy-", "x-kong-", "x-litespeed"];
/// Names that tell which product, which version or which machine answers, or a proxy what to answer instead.
const REVEALING: [&str; 84] = [
    "composed-by",
    "host-header",
    "k-proxy-request",
    "liferay-portal",
    "microsoftofficewebserver",
    "microsoftsharepointteamservices",
    "oraclecommercecloud-version",
    "pega-host",
    "powered-by",
    "product",
    "server",
    "servlet-engine",
    "sourcemap",
    "x-application-context",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-atmosphere-error",
    "x-b3-traceid",
    "x-backend",
    "x-backend-server",
    "x-backside-transport",
    "x-beserver",
    "x-calculatedbetarget",
    "x-cf-powered-by",
    "x-chromelogger-data",
    "x-cms",
    "x-cocoon-version",
    "x-content-encoded-by",
    "x-debug-token",
    "x-debug-token-link",
    "x-diaginfo",
    "x-django-version",
    "x-drupal-cache",
    "x-drupal-dynamic-cache",
    "x-dtagentid",
    "x-dthealthcheck",
    "x-dtinjectedservlet",
    "x-feserver",
    "x-framework",
    "x-generated-by",
    "x-generator",
    "x-hostname",
    "x-hudson",
    "x-instance",
    "x-jenkins",
    "x-jitsi-release",
    "x-joomla-version",
    "x-kubernetes-pf-flowschema-uid",
    "x-kubernetes-pf-prioritylevel-uid",
    "x-lighttpd-send-file",
    "x-mod-pagespeed",
    "x-nextjs-cache",
    "x-nextjs-page",
    "x-node",
    "x-old-content-length",
    "x-oneagent-js-injection",
    "x-owa-version",
    "x-page-speed",
    "x-php-version",
    "x-pingback",
    "x-pod",
    "x-powered",
    "x-powered-by",
    "x-powered-by-plesk",
    "x-powered-cms",
    "x-redirect-by",
    "x-reproxy-url",
    "x-runtime",
    "x-ruxit-js-agent",
    "x-sendfile",
    "x-served-by",
    "x-server",
    "x-server-name",
    "x-server-powered-by",
    "x-sourcefiles",
    "x-sourcemap",
    "x-turbo-charged-by",
    "x-umbraco-version",
    "x-upstream",
    "x-upstream-addr",
    "x-varnish",
    "x-varnish-backend",
    "x-varnish-server",
    "x-version",
];

/// Whether a client that sends the field would speak for the gateway or for another client.
pub(crate) fn is_forged(name: &[u8]) -> bool {
    begins(&OF_A_PROXY, name) || is_in(&FORGED, name)
}

/// Whether the field of an answer tells what runs behind the gateway.
pub(crate) fn is_revealing(name: &[u8]) -> bool {
    begins(&OF_A_PRODUCT, name) || is_in(&REVEALING, name)
}

/// The names of a list that begin as this one does. The lists are in order.
fn alike(list: &'static [&'static str], name: &[u8]) -> impl Iterator<Item = &'static [u8]> {
    let first = name.first().map(u8::to_ascii_lowercase);
    let from = list.partition_point(|own| own.as_bytes().first() < first.as_ref());
    let rest = list.get(from..).unwrap_or_default().iter().map(|own| own.as_bytes());
    rest.take_while(move |own| own.first() == first.as_ref())
}

fn begins(list: &'static [&'static str], name: &[u8]) -> bool {
    alike(list, name)
        .any(|start| name.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start)))
}

fn is_in(list: &'static [&'static str], name: &[u8]) -> bool {
    alike(list, name).any(|other| name.eq_ignore_ascii_case(other))
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
        assert!(OF_A_PROXY.is_sorted() && OF_A_PRODUCT.is_sorted(), "they are searched in order");
        for name in [
            "X-Forwarded-Anything",
            "x-forwarder-for",
            "x-original-host",
            "SSL-Client-Cert",
            "X-SSL-Client-Verify",
            "CF-Ray",
            "Remote-Groups",
            "WL-Proxy-SSL",
        ] {
            assert!(is_forged(name.as_bytes()), "{name}");
        }
        for name in [
            "Cookie",
            "X-Requested-With",
            "X-Client-Version",
            "X-Api-Key",
            "x-original",
            "Accept",
            "Host",
            "Traceparent",
            "zeta",
            "",
        ] {
            assert!(!is_forged(name.as_bytes()), "{name}");
        }
        for name in ["X-Accel-Redirect", "X-Envoy-Anything", "X-LiteSpeed-Cache"] {
            assert!(is_revealing(name.as_bytes()), "{name}");
        }
        for name in [
            "X-Frame-Options",
            "Set-Cookie",
            "X-Total-Count",
            "Server-Timing",
            "Link",
            "Date",
            "X-Cache",
            "",
        ] {
            assert!(!is_revealing(name.as_bytes()), "{name}");
        }
    }
}

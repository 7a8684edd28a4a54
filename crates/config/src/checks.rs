//! What only the whole configuration shows: things named twice, sites that no listener reaches,
//! environments that share what must be kept apart.

use crate::error::quoted;
use crate::sections::ListenDraft;
use crate::settings::{Environment, Tls, Upstream};
use crate::sink::{Located, Sink, Spot};
use crate::sites::{SiteDraft, listener_words};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Runs all checks.
pub(crate) fn whole(listeners: &[ListenDraft], sites: &[SiteDraft], sink: &mut Sink<'_>) {
    addresses_are_unique(listeners, sink);
    hosts_are_unique(sites, sink);
    sites_are_reached(listeners, sites, sink);
    environments_are_apart(sites, sink);
}

/// The operators' address is nobody else's, and not every network's.
pub(crate) fn for_operators(
    address: &Located<SocketAddr>,
    taken: &[SocketAddr],
    sink: &mut Sink<'_>,
) {
    if taken.contains(&address.value) {
        let message = format!("`{}` is a `[[listen]]` already", address.value);
        sink.wrong(&address.spot, message, "an address of its own".to_owned());
    }
    if address.value.ip().is_unspecified() {
        let message = "metrics are not for every network";
        let allowed = "one address, such as `\"127.0.0.1:9145\"`".to_owned();
        sink.wrong(&address.spot, message, allowed);
    }
}

fn addresses_are_unique(listeners: &[ListenDraft], sink: &mut Sink<'_>) {
    let mut seen = HashMap::new();
    for address in listeners.iter().filter_map(|listener| listener.address.as_ref()) {
        let line = sink.line(&address.spot);
        if let Some(first) = seen.insert(address.value, line) {
            let message = format!("`{}` is listened on twice", address.value);
            sink.wrong(
                &address.spot,
                message,
                format!("one `[[listen]]` an address: the first is in line {first}"),
            );
        }
    }
}

fn hosts_are_unique(sites: &[SiteDraft], sink: &mut Sink<'_>) {
    let mut seen = HashMap::new();
    for host in sites.iter().flat_map(|site| &site.hosts) {
        let line = sink.line(&host.spot);
        if let Some(first) = seen.insert(&host.value, line) {
            let message = format!("the host {} is named twice", quoted(&host.value));
            sink.wrong(
                &host.spot,
                message,
                format!("each host once over all sites: the first is in line {first}"),
            );
        }
    }
}

fn sites_are_reached(listeners: &[ListenDraft], sites: &[SiteDraft], sink: &mut Sink<'_>) {
    if listeners.iter().any(|listener| listener.tls.is_none()) || listeners.is_empty() {
        return;
    }
    for site in sites {
        if listeners.iter().any(|listener| listener.tls == Some(site.wants_tls)) {
            continue;
        }
        let message = if site.wants_tls {
            "the site has TLS, but no listener has"
        } else {
            "the site has no TLS, but every listener has"
        };
        let spot = site.tls.as_ref().map_or(&site.spot, |tls| &tls.spot);
        sink.missing(spot, message, listener_words(site.wants_tls));
    }
    let wanted = sites.is_empty() || sites.iter().any(|site| site.wants_tls);
    for listener in listeners.iter().filter(|listener| listener.tls == Some(true) && !wanted) {
        if let Some(address) = &listener.address {
            let message = "the listener has TLS, but no site has";
            let allowed = "a `[[site]]` with `tls`, such as `tls = \"self-signed\"`".to_owned();
            sink.missing(&address.spot, message, allowed);
        }
    }
}

fn environments_are_apart(sites: &[SiteDraft], sink: &mut Sink<'_>) {
    let mut upstreams: HashMap<Upstream, (Environment, usize)> = HashMap::new();
    let mut keys: HashMap<PathBuf, (Environment, usize)> = HashMap::new();
    for site in sites {
        for Located { value, spot } in &site.upstreams {
            apart(&mut upstreams, value, site.environment, ("upstream", spot), sink);
        }
        if let Some(Located { value: Tls::Files { key, .. }, spot }) = &site.tls {
            apart(&mut keys, key, site.environment, ("private key", spot), sink);
        }
    }
}

fn apart<T: Hash + Eq + Clone>(
    seen: &mut HashMap<T, (Environment, usize)>,
    value: &T,
    environment: Environment,
    (what, spot): (&str, &Spot),
    sink: &mut Sink<'_>,
) {
    let line = sink.line(spot);
    let (first, at) = *seen.entry(value.clone()).or_insert((environment, line));
    if first != environment {
        let (own, other) = (word(environment), word(first));
        let message = format!("{own} uses the same {what} as {other} (line {at})");
        sink.wrong(spot, message, format!("for each environment its own {what}"));
    }
}

const fn word(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "production",
        Environment::Staging => "staging",
        Environment::Development => "development",
    }
}

#[cfg(test)]
mod tests {
    use crate::parse;

    /// The messages that a configuration of listeners and sites gives.
    fn messages(text: &str) -> Vec<String> {
        parse(text).map_or_else(
            |errors| errors.errors.into_iter().map(|error| error.message).collect(),
            |_settings| Vec::new(),
        )
    }

    fn site(host: &str, rest: &str) -> String {
        format!("[[site]]\nhosts = [\"{host}\"]\nfiles = {{ root = \"/srv\" }}\n{rest}\n")
    }

    const PLAIN: &str = "[[listen]]\naddress = \"0.0.0.0:80\"\n";
    const SECURE: &str = "[[listen]]\naddress = \"0.0.0.0:443\"\ntls = true\n";

    #[test]
    fn addresses_differ_by_host_or_port() {
        for (second, refused) in [
            ("0.0.0.0:80", true),
            ("0.0.0.0:81", false),
            ("127.0.0.1:80", false),
            ("[::]:80", false),
        ] {
            let text = format!("{PLAIN}[[listen]]\naddress = \"{second}\"\n{}", site("a", ""));
            let expected =
                if refused { vec!["`0.0.0.0:80` is listened on twice".to_owned()] } else { vec![] };
            assert_eq!(messages(&text), expected, "{second}");
        }
    }

    #[test]
    fn metrics_have_an_address_of_their_own() {
        for (address, refused) in [
            ("127.0.0.1:9145", false),
            ("0.0.0.0:9145", true),
            ("[::]:1", true),
            ("0.0.0.0:80", true),
        ] {
            let text = format!("metrics = \"{address}\"\n{PLAIN}{}", site("a", ""));
            assert_eq!(!messages(&text).is_empty(), refused, "{address}");
        }
    }

    #[test]
    fn hosts_differ_over_all_sites() {
        for (second, refused) in [
            ("a.example", true),
            ("A.EXAMPLE", true),
            ("aa.example", false),
            ("a.example.org", false),
            ("*", false),
        ] {
            let text = format!("{PLAIN}{}{}", site("a.example", ""), site(second, ""));
            assert_eq!(!messages(&text).is_empty(), refused, "{second}");
        }
        let text = format!("{PLAIN}{}{}", site("*", ""), site("*", ""));
        assert_eq!(messages(&text), ["the host `*` is named twice"]);
    }

    #[test]
    fn sites_and_listeners_match() {
        let tls = "tls = \"self-signed\"";
        let both = format!("{PLAIN}{SECURE}");
        for (listeners, sites, expected) in [
            (PLAIN, vec![""], vec![]),
            (SECURE, vec![tls], vec![]),
            (both.as_str(), vec!["", tls], vec![]),
            (both.as_str(), vec![tls], vec![]),
            (both.as_str(), vec![""], vec!["the listener has TLS, but no site has"]),
            (PLAIN, vec![tls], vec!["the site has TLS, but no listener has"]),
            (
                SECURE,
                vec![""],
                vec![
                    "the listener has TLS, but no site has",
                    "the site has no TLS, but every listener has",
                ],
            ),
            (SECURE, vec![tls, ""], vec!["the site has no TLS, but every listener has"]),
        ] {
            let sites: String =
                sites.iter().enumerate().map(|(at, rest)| site(&format!("h{at}"), rest)).collect();
            assert_eq!(messages(&format!("{listeners}{sites}")), expected, "{listeners}{sites}");
        }
    }

    #[test]
    fn environments_share_no_upstream_and_no_key() {
        let route =
            |target: &str| format!("[[site.route]]\npath = \"/\"\nupstream = [\"{target}\"]\n");
        let staging = "environment = \"staging\"\nexposure = \"internal\"\n";
        for (first, second, refused) in [
            ("http://app:1", "http://app:1", true),
            ("http://app", "http://APP:80/", true),
            ("unix:/run/a", "unix:/run/a", true),
            ("http://app:1", "http://app:2", false),
            ("http://127.0.0.1:1", "http://127.0.0.2:1", false),
        ] {
            let other = format!("{staging}{}", route(second));
            let text = format!("{PLAIN}{}{}", site("a", &route(first)), site("b", &other));
            let expected = "staging uses the same upstream as production (line 8)";
            assert_eq!(messages(&text) == [expected], refused, "{first} {second}");
            let same = format!("{PLAIN}{}{}", site("a", &route(first)), site("b", &route(second)));
            assert!(messages(&same).is_empty(), "one environment may share");
        }
        let tls = |key: &str| format!("tls = {{ certificate = \"/c\", key = \"{key}\" }}\n");
        for (key, refused) in [("/k", true), ("/other", false)] {
            let other = format!("{staging}{}", tls(key));
            let text = format!("{SECURE}{}{}", site("a", &tls("/k")), site("b", &other));
            assert_eq!(!messages(&text).is_empty(), refused, "{key}");
        }
    }
}

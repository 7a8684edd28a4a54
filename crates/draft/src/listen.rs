//! The sockets of the draft, and which sites may be behind them.
//!
//! With us every site answers on every listener of its kind, so a site that was reached in fewer ways than the
//! listeners of the draft are would become more open. Invariant: such a site is left out, and why is said.

use crate::site::{Listen, Site};
use std::net::SocketAddr;

/// The listeners of the draft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listeners {
    pub(crate) tls: Vec<SocketAddr>,
    pub(crate) plain: Vec<SocketAddr>,
}

/// Chooses them, and leaves out sites that were not reached by all of them.
pub(crate) fn choose(sites: &mut [Site]) -> Listeners {
    let tls = addresses(sites, true, 443);
    let plain = addresses(sites, false, 80);
    for site in sites.iter_mut().filter(|site| !site.is_empty) {
        let wanted = if site.is_tls() { &tls } else { &plain };
        let missing =
            wanted.iter().find(|address| !covers(&site.listens, **address, site.is_tls()));
        if wanted.is_empty() || missing.is_some() {
            let place = site.place.clone();
            let where_to =
                missing.map_or_else(String::new, |address| format!(" on {address} as well"));
            let text = format!(
                "it is reached on {} only, and would be{where_to}: every site answers on every listener",
                told(&site.listens)
            );
            site.leave_out(&place, text);
        }
    }
    let is_wanted = |is_tls: bool| {
        sites
            .iter()
            .any(|site| site.is_tls() == is_tls && !site.is_empty && site.left_out.is_empty())
    };
    // A plain listener beside sites with TLS sends their clients to https, as was done before or not at all.
    let keeps_plain = is_wanted(false) || is_wanted(true) && !plain.is_empty();
    Listeners {
        tls: if is_wanted(true) { tls } else { Vec::new() },
        plain: if keeps_plain { plain } else { Vec::new() },
    }
}

/// Addresses on the usual port, else those of the first site: of several kinds the widest, and of these those that
/// most sites have.
fn addresses(sites: &[Site], is_tls: bool, usual: u16) -> Vec<SocketAddr> {
    let of = |site: &Site| -> Vec<SocketAddr> {
        site.listens.iter().filter(|own| own.is_tls == is_tls).map(|own| own.address).collect()
    };
    let mut all: Vec<SocketAddr> =
        sites.iter().flat_map(of).filter(|address| address.port() == usual).collect();
    if all.is_empty() {
        let mut serving = sites.iter().filter(|site| !site.is_empty && site.is_tls() == is_tls);
        all = serving
            .find_map(|site| Some(of(site)).filter(|all| !all.is_empty()))
            .unwrap_or_default();
    }
    all.sort_unstable();
    all.dedup();
    let width = |address: &SocketAddr| {
        let address = address.ip();
        u8::from(!address.is_loopback()) + u8::from(address.is_unspecified())
    };
    let widest = all.iter().map(width).max().unwrap_or_default();
    all.retain(|address| width(address) == widest);
    let count = |address: &SocketAddr| {
        sites.iter().filter(|site| covers(&site.listens, *address, is_tls)).count()
    };
    let most = all.iter().map(count).max().unwrap_or_default();
    all.retain(|address| count(address) == most);
    all
}

fn covers(listens: &[Listen], address: SocketAddr, is_tls: bool) -> bool {
    listens.iter().any(|own| {
        let same =
            own.address.port() == address.port() && own.address.is_ipv4() == address.is_ipv4();
        own.is_tls == is_tls
            && same
            && (own.address.ip().is_unspecified() || own.address == address)
    })
}

fn told(listens: &[Listen]) -> String {
    let all: Vec<String> = listens.iter().map(|own| own.address.to_string()).collect();
    if all.is_empty() { "no address that is known".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Certificate;
    use burgrave_audit::facts::Place;
    use std::path::Path;

    fn site(listens: &[(&str, bool)]) -> Site {
        let place = Place { path: Path::new("/etc/nginx/nginx.conf").into(), line: 1 };
        let mut site = Site::new("nginx", &place);
        site.listens = listens
            .iter()
            .map(|(address, is_tls)| Listen { address: address.parse().unwrap(), is_tls: *is_tls })
            .collect();
        if listens.iter().any(|(_, is_tls)| *is_tls) {
            site.certificate = Some(Certificate::Made(String::new()));
        }
        site
    }

    /// The listeners, and which of the sites stay.
    fn chosen(sites: &[&[(&str, bool)]]) -> (Vec<String>, Vec<bool>) {
        let mut sites: Vec<Site> = sites.iter().map(|listens| site(listens)).collect();
        let found = choose(&mut sites);
        let all = found.tls.iter().chain(&found.plain).map(ToString::to_string).collect();
        (all, sites.iter().map(|site| site.left_out.is_empty()).collect())
    }

    #[test]
    fn no_site_is_reached_in_more_ways_than_before() {
        for (sites, listeners, stays) in [
            (&[&[("0.0.0.0:80", false)][..]][..], vec!["0.0.0.0:80"], vec![true]),
            // One for the public, one for this machine.
            (
                &[&[("0.0.0.0:443", true)], &[("127.0.0.1:443", true)]],
                vec!["0.0.0.0:443"],
                vec![true, false],
            ),
            // One on a port that a firewall may close.
            (
                &[&[("0.0.0.0:443", true)], &[("0.0.0.0:8443", true)]],
                vec!["0.0.0.0:443"],
                vec![true, false],
            ),
            // What not all have is not listened on.
            (
                &[&[("0.0.0.0:443", true), ("[::]:443", true)], &[("0.0.0.0:443", true)]],
                vec!["0.0.0.0:443"],
                vec![true, true],
            ),
            (&[&[("127.0.0.1:8080", false)]], vec!["127.0.0.1:8080"], vec![true]),
            (
                &[&[("0.0.0.0:443", true), ("0.0.0.0:80", false)]],
                vec!["0.0.0.0:443", "0.0.0.0:80"],
                vec![true],
            ),
            (&[&[]], vec![], vec![false]),
        ] {
            let (all, left) = chosen(sites);
            assert_eq!((all, left), (listeners.iter().map(|s| (*s).to_owned()).collect(), stays));
        }
    }
}

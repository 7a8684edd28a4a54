//! A sign-in of an administrator from a country or a network operator that it never came from: a stolen credential goes
//! through without a failure, but rarely from where its owner sits.
//!
//! Where an address is, whoever calls knows; nothing is looked up here.

use std::collections::BTreeMap;

/// Places that are remembered of an account.
const PLACES_MAX: usize = 64;
/// How long one is that the account did not come from again: half a year.
const MEMORY_SECS: u64 = 180 * 86_400;

/// Where an address is, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Two letters (ISO 3166-1).
    pub country: Option<[u8; 2]>,
    /// The number of the operator's network (AS, RFC 6793).
    pub network: Option<u32>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.country {
            Some([one, two]) => write!(formatter, "{}{}", char::from(one), char::from(two))?,
            None => formatter.write_str("a country that is not known")?,
        }
        match self.network {
            Some(network) => write!(formatter, " (AS{network})"),
            None => Ok(()),
        }
    }
}

/// What is new about a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The country.
    Country,
    /// The operator, in a country that it came from before.
    Network,
}

impl News {
    /// The detector's name.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Country => "login-from-new-country",
            Self::Network => "login-from-new-network",
        }
    }
}

/// Where administrators come from.
#[derive(Debug, Default)]
pub struct Origins {
    /// Of each account the places, and when it last came from there, in seconds since 1970.
    accounts: BTreeMap<String, BTreeMap<Place, u64>>,
    usual: Vec<Place>,
}

impl Origins {
    /// Of these accounts. `usual`: places that are never news; where there are some, the first sign-in of an account is
    /// news as well if it comes from elsewhere.
    pub fn new(accounts: impl IntoIterator<Item = String>, usual: Vec<Place>) -> Self {
        let accounts = accounts.into_iter().map(|account| (account, BTreeMap::new())).collect();
        Self { accounts, usual }
    }

    /// Whether an account is an administrator's.
    pub fn is_watched(&self, account: &[u8]) -> bool {
        std::str::from_utf8(account).is_ok_and(|account| self.accounts.contains_key(account))
    }

    /// Takes what was remembered before a restart.
    pub fn restore(&mut self, account: &str, place: Place, seen: u64) {
        if let Some(places) = self.accounts.get_mut(account)
            && (places.len() < PLACES_MAX || places.contains_key(&place))
        {
            places.insert(place, seen);
        }
    }

    /// What is remembered.
    pub fn known(&self) -> impl Iterator<Item = (&str, Place, u64)> {
        self.accounts.iter().flat_map(|(account, places)| {
            places.iter().map(move |(place, seen)| (account.as_str(), *place, *seen))
        })
    }

    /// Takes a sign-in. What is new about it, when people should know; it is no news the next time.
    pub fn login(&mut self, account: &[u8], place: Place, now: u64) -> Option<News> {
        let is_usual = self.usual.iter().any(|usual| covers(*usual, place));
        let places = self.accounts.get_mut(std::str::from_utf8(account).ok()?)?;
        places.retain(|_, seen| seen.saturating_add(MEMORY_SECS) > now);
        let is_first = places.is_empty() && self.usual.is_empty();
        let has_country = places.keys().any(|known| known.country == place.country);
        let has_network =
            place.network.is_none() || places.keys().any(|known| known.network == place.network);
        if places.len() >= PLACES_MAX && !places.contains_key(&place) {
            let oldest = places.iter().min_by_key(|(_, seen)| **seen).map(|(place, _)| *place);
            oldest.and_then(|oldest| places.remove(&oldest));
        }
        places.insert(place, now);
        match (has_country, has_network) {
            _ if is_first || is_usual => None,
            (false, _) => Some(News::Country),
            (true, false) => Some(News::Network),
            (true, true) => None,
        }
    }
}

/// Whether a place is what is usual: what that does not name is not asked.
fn covers(usual: Place, place: Place) -> bool {
    usual.country.is_none_or(|country| place.country == Some(country))
        && usual.network.is_none_or(|network| place.network == Some(network))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(country: &str, network: u32) -> Place {
        let country = country.as_bytes().try_into().ok();
        Place { country, network: (network != 0).then_some(network) }
    }

    fn check(usual: &[Place], logins: &[(&str, Place, u64)], expected: &[Option<News>]) {
        let accounts = ["root", "alice"].map(str::to_owned);
        let mut origins = Origins::new(accounts, usual.to_vec());
        let found: Vec<Option<News>> = logins
            .iter()
            .map(|(account, place, now)| origins.login(account.as_bytes(), *place, *now))
            .collect();
        assert_eq!(found, expected, "{logins:?}");
    }

    #[test]
    fn a_new_country_or_network_is_told_once() {
        let (home, away) = (place("DE", 3_320), place("SE", 64_500));
        check(
            &[],
            &[
                ("root", home, 1),
                ("root", home, 2),
                ("root", away, 3),
                ("root", away, 4),
                ("root", home, 5),
            ],
            &[None, None, Some(News::Country), None, None],
        );
        check(
            &[],
            &[("root", home, 1), ("root", place("DE", 6_805), 2)],
            &[None, Some(News::Network)],
        );
        // Each account comes from where it comes from, and others are nobody's matter.
        check(&[], &[("root", home, 1), ("alice", away, 2), ("bob", home, 3)], &[None; 3]);
        // A database that knows no operators says nothing about them.
        check(&[], &[("root", place("DE", 0), 1), ("root", place("DE", 0), 2)], &[None, None]);
        let unknown = Place::default();
        check(&[], &[("root", home, 1), ("root", unknown, 2)], &[None, Some(News::Country)]);
    }

    #[test]
    fn what_is_usual_is_no_news_and_all_else_is() {
        let usual = [place("DE", 0), Place { network: Some(64_500), country: None }];
        check(
            &usual,
            &[
                ("root", place("FR", 1), 1),
                ("root", place("DE", 2), 2),
                ("alice", place("SE", 64_500), 3),
                ("alice", place("SE", 3), 4),
            ],
            &[Some(News::Country), None, None, Some(News::Network)],
        );
    }

    #[test]
    fn what_is_remembered_is_bounded_and_ends() {
        let mut origins = Origins::new(["root".to_owned()], Vec::new());
        origins.login(b"root", place("DE", 1), 0);
        for network in 2..500 {
            assert_eq!(origins.login(b"root", place("DE", network), 1), Some(News::Network));
        }
        assert_eq!(origins.known().count(), PLACES_MAX);
        assert!(origins.known().all(|(account, _, _)| account == "root"));
        assert_eq!(origins.login(b"root", place("DE", 499), MEMORY_SECS), None);
        assert_eq!(origins.known().count(), PLACES_MAX);
        assert_eq!(origins.login(b"root", place("DE", 498), MEMORY_SECS + 1), Some(News::Network));
        let mut again = Origins::new(["root".to_owned()], Vec::new());
        for (account, place, seen) in origins.known() {
            again.restore(account, place, seen);
        }
        again.restore("nobody", place("DE", 1), 1);
        assert_eq!(again.known().count(), origins.known().count());
        assert!(
            again.is_watched(b"root") && !again.is_watched(b"nobody") && !again.is_watched(b"\xff")
        );
        assert_eq!(
            format!("{} {}", place("DE", 1), Place::default()),
            "DE (AS1) a country that is not known"
        );
    }
}

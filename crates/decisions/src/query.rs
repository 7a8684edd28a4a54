//! What a bouncer asks for: the parameters of its request.

use crate::decision::Decision;
use burgrave_agent::{Book, parse_target};
use burgrave_watch::Target;
use std::net::IpAddr;

const PARAMETERS_MAX: usize = 32;

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// All of it, whatever was told before.
    pub(crate) startup: bool,
    /// Whom it is about. `None`: everybody.
    pub(crate) place: Option<Target>,
    /// Whether whoever holds it is meant, beside itself; else whoever is within it.
    pub(crate) contains: bool,
    scopes: Vec<String>,
    origins: Vec<String>,
    containing: Vec<String>,
    not_containing: Vec<String>,
    kind: Option<String>,
    value: Option<String>,
}

impl Query {
    /// # Errors
    ///
    /// What is wrong with it, in words for the one who asks.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self { contains: true, ..Self::default() };
        for (index, (name, value)) in form_urlencoded::parse(text.as_bytes()).enumerate() {
            if index == PARAMETERS_MAX {
                return Err(format!("more than {PARAMETERS_MAX} parameters"));
            }
            let value = value.into_owned();
            let list =
                || value.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
            match name.as_ref() {
                "startup" => query.startup = value == "true",
                "contains" => query.contains = value != "false",
                "scopes" | "scope" => query.scopes = list(),
                "origins" => query.origins = list(),
                "scenarios_containing" => query.containing = list(),
                "scenarios_not_containing" => query.not_containing = list(),
                "type" => query.kind = Some(value),
                "value" => query.value = Some(value),
                "ip" | "range" => {
                    let place = parse_target(&value);
                    query.place = Some(place.map_err(|_odd| format!("`{name}` is no address"))?);
                }
                // What newer ones ask for beside it changes no answer.
                "dedup" | "limit" | "additional_pull" | "community_pull" => {}
                _ => return Err(format!("`{}` is no parameter", name.escape_default())),
            }
        }
        Ok(query)
    }

    /// Whether somebody's ban is asked for, of all that are.
    pub(crate) fn takes(&self, decision: &Decision) -> bool {
        let among =
            |words: &[String], own: &str| words.iter().any(|word| word.eq_ignore_ascii_case(own));
        let within =
            |words: &[String]| words.iter().any(|word| decision.scenario.contains(word.as_str()));
        self.takes_scope(decision)
            && (self.origins.is_empty() || among(&self.origins, &decision.origin))
            && (self.containing.is_empty() || within(&self.containing))
            && !within(&self.not_containing)
            && self.kind.as_ref().is_none_or(|kind| *kind == decision.kind)
            && self.value.as_ref().is_none_or(|value| *value == decision.value)
    }

    /// Whether one that is over is told: of those it is not known any more why they were.
    pub(crate) fn takes_scope(&self, decision: &Decision) -> bool {
        let is = |word: &String| word.eq_ignore_ascii_case(&decision.scope);
        self.scopes.is_empty() || self.scopes.iter().any(is)
    }

    /// The bans in force that its place is about, by looking each network up that could hold it.
    pub(crate) fn about(&self, place: Target, book: &Book, now: u64) -> Vec<Decision> {
        if !self.contains {
            let within = book.all(now).filter(|ban| holds(place, ban.target));
            return within.map(|ban| Decision::of(ban, now)).collect();
        }
        let (ip, bits) = parts(place);
        let mut all = Vec::new();
        if let Target::Address(_) = place {
            all.extend(book.active(place, now));
        }
        for bits in (1..=bits).rev() {
            let network = parse_target(&format!("{ip}/{bits}")).ok();
            let network = network.filter(|target| matches!(target, Target::Network(..)));
            all.extend(network.and_then(|network| book.active(network, now)));
        }
        all.into_iter().map(|ban| Decision::of(ban, now)).collect()
    }
}

fn parts(target: Target) -> (IpAddr, u8) {
    match target {
        Target::Address(ip) => (ip, if ip.is_ipv4() { 32 } else { 128 }),
        Target::Network(ip, bits) => (ip, bits),
    }
}

/// Whether one holds the other, or is it.
fn holds(outer: Target, inner: Target) -> bool {
    let ((_, outer_bits), (ip, inner_bits)) = (parts(outer), parts(inner));
    outer_bits <= inner_bits && parse_target(&format!("{ip}/{outer_bits}")).ok() == Some(outer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_agent::Ban;

    fn book() -> Book {
        let mut book = Book::default();
        for (text, reason) in [
            ("192.0.2.7", "sshd"),
            ("192.0.2.0/24", "swarm"),
            ("192.0.0.0/16", "by hand"),
            ("198.51.100.9", "sshd"),
            ("2001:db8::/32", "swarm"),
        ] {
            book.take(Ban::by_hand(parse_target(text).unwrap(), 100, 100, reason).entry());
        }
        book
    }

    fn about(text: &str) -> Vec<String> {
        let query = Query::parse(text).unwrap();
        let found = query.about(query.place.unwrap(), &book(), 150);
        let mut found: Vec<String> =
            found.into_iter().filter(|own| query.takes(own)).map(|own| own.value).collect();
        found.sort();
        found
    }

    #[test]
    fn an_address_is_held_by_its_networks() {
        assert_eq!(about("ip=192.0.2.7"), ["192.0.0.0/16", "192.0.2.0/24", "192.0.2.7"]);
        assert_eq!(about("ip=192.0.2.8"), ["192.0.0.0/16", "192.0.2.0/24"]);
        assert_eq!(about("ip=203.0.113.1"), [""; 0]);
        assert_eq!(about("ip=2001%3Adb8%3A%3A1"), ["2001:db8::/32"]);
        assert_eq!(about("range=192.0.2.0/24"), ["192.0.0.0/16", "192.0.2.0/24"]);
        assert_eq!(about("range=192.0.2.0/24&contains=false"), ["192.0.2.0/24", "192.0.2.7"]);
        assert_eq!(about("ip=192.0.2.7&scope=Ip"), ["192.0.2.7"]);
        assert_eq!(about("ip=192.0.2.7&scenarios_containing=ssh,x"), ["192.0.2.7"]);
        assert_eq!(
            about("ip=192.0.2.7&scenarios_not_containing=ssh"),
            ["192.0.0.0/16", "192.0.2.0/24"]
        );
        assert_eq!(about("ip=192.0.2.7&origins=CAPI"), [""; 0]);
        assert_eq!(about("ip=192.0.2.7&type=captcha"), [""; 0]);
        assert_eq!(about("ip=192.0.2.7&value=192.0.2.7"), ["192.0.2.7"]);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        assert!(Query::parse("startup=true").unwrap().startup);
        assert!(!Query::parse("").unwrap().startup);
        for text in ["ip=x", "range=0.0.0.0/0", "ipp=192.0.2.1", "%ff=1", &"a&".repeat(40)] {
            assert!(Query::parse(text).is_err(), "{text}");
        }
    }
}

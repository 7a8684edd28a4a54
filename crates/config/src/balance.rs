//! How a route shares requests out among its upstreams, and how it finds out which of them are well.

use crate::kinds::{Choice, Count, Span};
use crate::names::{self, Parsed};
use crate::settings::{Balance, Health, Sharing};
use crate::sink::Sink;
use crate::table::{Key, OneTable, Section, Table};
use std::time::Duration;

pub(crate) static BALANCE: Key<Choice<Sharing>> = Key {
    name: "balance",
    kind: Choice {
        options: &[
            ("round-robin", Sharing::RoundRobin),
            ("least-requests", Sharing::LeastRequests),
        ],
    },
    default: "\"round-robin\"",
    about: "How requests are shared out: in turn, or to the less busy one of two that are drawn.",
};
pub(crate) static STICKY: Key<Parsed<String>> = Key {
    name: "sticky",
    kind: Parsed { parse: names::cookie, words: "the name of a cookie, such as `\"lb\"`" },
    default: "no stickiness",
    about: "A cookie by which a client's requests go to the same upstream as long as that one is well.",
};
pub(crate) static HEALTH: Key<OneTable> = Key {
    name: "health",
    kind: OneTable(&HEALTH_SECTION),
    default: "no active checks",
    about: "Asks each upstream at a steady pace whether it is well.",
};
pub(crate) static HEALTH_SECTION: Section = Section {
    title: "health = { … }",
    about: "Active checks: a GET of `path` that must be answered by a status below 400.",
    keys: &[&HEALTH_PATH, &EVERY, &TIMEOUT, &FALL, &RISE],
    refused: &[],
};
pub(crate) static HEALTH_PATH: Key<Parsed<String>> = Key {
    name: "path",
    kind: Parsed {
        parse: names::route_path,
        words: "a path that begins with `/`, such as `\"/healthz\"`",
    },
    default: "",
    about: "The path that each upstream is asked for.",
};
pub(crate) static EVERY: Key<Span> = Key {
    name: "every",
    kind: Span { millis_min: 100, millis_max: 3_600_000 },
    default: "\"5s\"",
    about: "How often each upstream is asked.",
};
pub(crate) static TIMEOUT: Key<Span> = Key {
    name: "timeout",
    kind: Span { millis_min: 10, millis_max: 60_000 },
    default: "\"2s\"",
    about: "How long an answer to a check may take.",
};
pub(crate) static FALL: Key<Count> = Key {
    name: "fall",
    kind: Count { min: 1, max: 100 },
    default: "2",
    about: "Failed checks in a row after which an upstream gets no requests.",
};
pub(crate) static RISE: Key<Count> = Key {
    name: "rise",
    kind: Count { min: 1, max: 100 },
    default: "2",
    about: "Good checks in a row after which it gets requests again, few at first.",
};

/// Reads what a route says of it.
pub(crate) fn balance(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Balance {
    Balance {
        sharing: table.get(&BALANCE, sink).unwrap_or(Sharing::RoundRobin),
        sticky: table.get(&STICKY, sink),
        health: table.table(&HEALTH, sink).and_then(|own| health(&own, sink)),
    }
}

fn health(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Health> {
    let path = table.needed(&HEALTH_PATH, sink);
    let every = table.get(&EVERY, sink).unwrap_or(Duration::from_secs(5));
    let timeout = table.get(&TIMEOUT, sink).unwrap_or(Duration::from_secs(2));
    let fall = table.get(&FALL, sink).unwrap_or(2);
    let rise = table.get(&RISE, sink).unwrap_or(2);
    Some(Health { path: path?.value, every, timeout, fall, rise })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn read(rest: &str) -> Result<Balance, String> {
        let text = format!(
            "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\n[[site.route]]\npath = \"/\"\n\
             upstream = [\"http://a:1\", \"http://a:2\"]\n{rest}"
        );
        let mut settings = parse(&text).map_err(|errors| errors.errors[0].message.clone())?;
        Ok(settings.sites.remove(0).routes.remove(0).balance)
    }

    #[test]
    fn a_route_says_how_it_shares_requests_out() {
        assert_eq!(read("").unwrap(), Balance::default());
        let all = "balance = \"least-requests\"\nsticky = \"lb\"\n\
                   health = { path = \"/up\", every = \"1s\", fall = 3 }";
        let balance = read(all).unwrap();
        assert_eq!(
            (balance.sharing, balance.sticky.as_deref()),
            (Sharing::LeastRequests, Some("lb"))
        );
        let health = balance.health.unwrap();
        assert_eq!((health.path.as_str(), health.every.as_secs(), health.fall), ("/up", 1, 3));
        assert_eq!((health.timeout.as_secs(), health.rise), (2, 2));
        for (rest, said) in [
            ("balance = \"random\"", "`balance` cannot be `random`"),
            ("sticky = \"a b\"", "`a b`: this is not the name of a cookie"),
            (
                "sticky = \"__Host-a\"",
                "`__Host-a`: a name with `__Host-` or `__Secure-` promises what we do not check",
            ),
            ("fastcgi = { root = \"/srv\" }", "no upstream of this route speaks FastCGI"),
            ("health = {}", "`health` has no `path`"),
            ("health = { path = \"up\" }", "`up`: a path begins with `/`"),
            ("health = { path = \"/\", every = \"1ms\" }", "`every` cannot be `1ms`"),
        ] {
            assert_eq!(read(rest).unwrap_err(), said, "{rest}");
        }
    }
}

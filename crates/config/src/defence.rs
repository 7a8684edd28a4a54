//! What a site, a route or the whole server does when there is too much: rates, networks, load, and the
//! challenge page.

use crate::kinds::{Choice, Count, Span};
use crate::names::{self, Parsed};
use crate::settings::{Challenge, RateBy};
use crate::table::{Key, Section};
use crate::values::RateText;

pub(crate) static CONNECTIONS_PER_NETWORK: Key<Count> = Key {
    name: "connections_per_network",
    kind: Count { min: 1, max: 1_000_000 },
    default: "2000",
    about: "Connections at once from one IPv4 /24 or IPv6 /48.",
};
pub(crate) static DELAY: Key<Span> = Key {
    name: "delay",
    kind: Span { millis_min: 0, millis_max: 60_000 },
    default: "\"500ms\"",
    about: "How far an event loop may be behind before requests are turned away with 503: strangers first, those \
            with a session or a sign-in from twice that on, checks of health never. `\"0ms\"`: nobody is.",
};
pub(crate) static CHALLENGE: Key<Choice<Challenge>> = Key {
    name: "challenge",
    kind: Choice {
        options: &[("off", Challenge::Off), ("load", Challenge::Load), ("on", Challenge::On)],
    },
    default: "\"off\"",
    about: "A page that asks a browser for a second of work before the site is served: never, when the server is \
            behind by half of `delay`, or always. Programs that are no browsers do not get past it.",
};
pub(crate) static RATE_BY: Key<Parsed<RateBy>> = Key {
    name: "by",
    kind: Parsed {
        parse: names::rate_by,
        words: "`\"client\"`, `\"user\"` or `\"header:NAME\"`, such as `\"header:x-api-key\"`",
    },
    default: "\"client\"",
    about: "Who has the bucket: the client's address, whoever is signed in, or the value of a header. Where there \
            is none of these it is the address.",
};
pub(crate) static LIMIT_SECTION: Section = Section {
    title: "limit = { … }",
    about: "A bucket of requests for each client, filled at a steady rate.",
    keys: &[&PER_CLIENT, &BURST, &RATE_BY],
    refused: &[],
};
pub(crate) static PER_CLIENT: Key<RateText> =
    Key { name: "per_client", kind: RateText, default: "", about: "How fast the bucket fills." };
pub(crate) static BURST: Key<Count> = Key {
    name: "burst",
    kind: Count { min: 1, max: 1_000_000 },
    default: "one second's requests, at least 1",
    about: "How many requests the bucket holds.",
};

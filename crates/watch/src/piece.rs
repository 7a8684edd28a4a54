//! What a program writes, as a list of pieces: how every line format here is told.
//!
//! A pattern is anchored at both ends that matter: it starts where the program's own text starts, and
//! where a stranger's words stand in the middle (a user name), they are bounded by what the program
//! writes *last*. Invariants: no allocation, a budget of steps for each pattern, so the time is linear
//! in the line whatever stands in it; nothing is looked up.

use crate::address;
use crate::event::Kind;
use crate::time::Stamp;
use std::net::IpAddr;

/// Steps that one pattern may take on one line. The longest pattern needs about sixty.
const STEPS_MAX: u32 = 600;
/// Most repetitions of a repeated piece.
const REPEATS_MAX: u32 = 24;

/// One piece of what a program writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece {
    /// Exactly this.
    L(&'static str),
    /// This, whatever the case of its ASCII letters.
    I(&'static str),
    /// One of these; the first that lets the rest match.
    One(&'static [&'static str]),
    /// These, or nothing.
    Opt(&'static [Piece]),
    /// One of these lists.
    Alt(&'static [&'static [Piece]]),
    /// These, as often as they come.
    Rep(&'static [Piece]),
    /// These, once: a name for a common part.
    Sub(&'static [Piece]),
    /// All that is not white space, at least one byte.
    Word,
    /// Digits, at least one.
    Num,
    /// White space, at least one byte.
    Sp,
    /// White space or nothing.
    Sp0,
    /// Bytes up to one of these; may be none.
    Not(&'static str),
    /// Bytes up to one of these; at least one.
    Not1(&'static str),
    /// As much as this function says; it is linear in the text.
    Fun(fn(&[u8]) -> Option<usize>),
    /// A client: an address (in brackets or not), or a host name.
    Host,
    /// A client's address, in brackets or not.
    Ip,
    /// Here the user's name begins.
    S,
    /// Here the user's name ends.
    E,
    /// Here the key of the session begins.
    K,
    /// Here the key of the session ends.
    Q,
    /// Anything; what follows is taken at its last place.
    Any,
    /// Anything; what follows is taken at its first place. Only where no stranger's words stand before.
    Few,
    /// Nothing of a word follows.
    B,
    /// Here is nothing, but the line has its end.
    Whole,
    /// Nothing but white space follows.
    End,
    /// Here a repeated part ends. Only for the matcher itself.
    Stop,
}

const STOP: &[Piece] = &[Piece::Stop];

/// A client as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host<'a> {
    /// Its address.
    Address(IpAddr),
    /// Its name, which the program looked up.
    Name(&'a [u8]),
}

/// What a pattern found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) host: Option<Host<'a>>,
    pub(crate) user: Option<&'a [u8]>,
    pub(crate) key: Option<&'a [u8]>,
    /// What a rule engine made of it.
    pub(crate) score: u32,
    /// The port that a packet asked for.
    pub(crate) port: Option<u16>,
    /// What happened, where that is not what the pattern says.
    pub(crate) kind: Option<Kind>,
    /// When, where that is not at the beginning.
    pub(crate) stamp: Option<Stamp>,
}

/// What is still to be matched after a list of pieces.
struct Next<'p> {
    pieces: &'static [Piece],
    next: Option<&'p Next<'p>>,
}

struct Matcher<'a> {
    text: &'a [u8],
    found: Found<'a>,
    mark: usize,
    reached: Option<usize>,
    steps: u32,
    is_cut: bool,
}

/// Matches `text` from its beginning. It need not be used up: a pattern that wants that ends in `End`.
pub(crate) fn find<'a>(pieces: &'static [Piece], text: &'a [u8]) -> Option<Found<'a>> {
    find_in(pieces, text, false)
}

/// The same in a text whose end was cut off: nothing is known then of what is written last, so neither
/// `End` nor `Any` matches.
pub(crate) fn find_in<'a>(
    pieces: &'static [Piece],
    text: &'a [u8],
    is_cut: bool,
) -> Option<Found<'a>> {
    if let Some(Piece::L(first)) = pieces.first()
        && !text.starts_with(first.as_bytes())
    {
        return None;
    }
    let mut matcher =
        Matcher { text, found: Found::default(), mark: 0, reached: None, steps: 0, is_cut };
    matcher.run(pieces, None, 0).then_some(matcher.found)
}

impl Matcher<'_> {
    fn run(&mut self, pieces: &'static [Piece], next: Option<&Next<'_>>, at: usize) -> bool {
        let Some((first, rest)) = pieces.split_first() else {
            return next.is_none_or(|next| self.run(next.pieces, next.next, at));
        };
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return false;
        }
        let text = self.text.get(at..).unwrap_or_default();
        let length = match *first {
            Piece::L(literal) => text.starts_with(literal.as_bytes()).then_some(literal.len()),
            Piece::I(literal) => {
                let own = text.get(..literal.len()).unwrap_or_default();
                own.eq_ignore_ascii_case(literal.as_bytes()).then_some(literal.len())
            }
            Piece::Word => run_of(text, 1, |byte| !is_space(byte)),
            Piece::Num => run_of(text, 1, |byte| byte.is_ascii_digit()),
            Piece::Sp => run_of(text, 1, is_space),
            Piece::Sp0 => run_of(text, 0, is_space),
            Piece::Not(of) => run_of(text, 0, |byte| !of.as_bytes().contains(&byte)),
            Piece::Not1(of) => run_of(text, 1, |byte| !of.as_bytes().contains(&byte)),
            Piece::Fun(length) => length(text),
            Piece::Whole => (!self.is_cut).then_some(0),
            Piece::B => text.first().is_none_or(|byte| !is_word(*byte)).then_some(0),
            Piece::End => {
                (!self.is_cut && text.iter().all(|byte| is_space(*byte))).then_some(text.len())
            }
            Piece::Stop => {
                self.reached = Some(at);
                Some(0)
            }
            Piece::S | Piece::K => {
                self.mark = at;
                Some(0)
            }
            Piece::E | Piece::Q => {
                let span = self.text.get(self.mark..at);
                if matches!(first, Piece::Q) {
                    self.found.key = span;
                } else {
                    self.found.user = span;
                }
                Some(0)
            }
            Piece::One(_)
            | Piece::Opt(_)
            | Piece::Alt(_)
            | Piece::Rep(_)
            | Piece::Sub(_)
            | Piece::Host
            | Piece::Ip
            | Piece::Any
            | Piece::Few => return self.choose(*first, rest, next, at),
        };
        length.is_some_and(|length| self.run(rest, next, at + length))
    }

    /// The pieces with more than one way to match.
    fn choose(
        &mut self,
        first: Piece,
        rest: &'static [Piece],
        next: Option<&Next<'_>>,
        at: usize,
    ) -> bool {
        let text = self.text.get(at..).unwrap_or_default();
        let after = Next { pieces: rest, next };
        match first {
            Piece::One(list) => {
                let fits = |literal: &&&str| text.starts_with(literal.as_bytes());
                list.iter().filter(fits).any(|literal| self.attempt(rest, next, at + literal.len()))
            }
            Piece::Opt(inner) => self.attempt_with(inner, &after, at) || self.run(rest, next, at),
            Piece::Alt(lists) => lists.iter().any(|inner| self.attempt_with(inner, &after, at)),
            Piece::Sub(inner) => self.run(inner, Some(&after), at),
            Piece::Rep(inner) => self.repeat(inner, rest, next, at),
            Piece::Host => self.address(rest, next, at) || self.name(rest, next, at),
            Piece::Ip => self.address(rest, next, at),
            Piece::Any => !self.is_cut && self.last(rest, next, at),
            Piece::Few => self.first(rest, next, at),
            Piece::L(_)
            | Piece::I(_)
            | Piece::Word
            | Piece::Num
            | Piece::Sp
            | Piece::Sp0
            | Piece::Not(_)
            | Piece::Not1(_)
            | Piece::S
            | Piece::E
            | Piece::K
            | Piece::Q
            | Piece::B
            | Piece::Fun(_)
            | Piece::Whole
            | Piece::Stop
            | Piece::End => false,
        }
    }

    /// Goes on, and forgets what was found if that leads nowhere.
    fn attempt(&mut self, pieces: &'static [Piece], next: Option<&Next<'_>>, at: usize) -> bool {
        let (found, mark) = (self.found, self.mark);
        let is_match = self.run(pieces, next, at);
        if !is_match {
            (self.found, self.mark) = (found, mark);
        }
        is_match
    }

    fn attempt_with(&mut self, inner: &'static [Piece], after: &Next<'_>, at: usize) -> bool {
        self.attempt(inner, Some(after), at)
    }

    /// As often as it comes, without going back: a repeated part is told apart from what follows it.
    fn repeat(
        &mut self,
        inner: &'static [Piece],
        rest: &'static [Piece],
        next: Option<&Next<'_>>,
        mut at: usize,
    ) -> bool {
        for _ in 0..REPEATS_MAX {
            let kept = self.found;
            self.reached = None;
            // An empty list of pieces at the end of the chain notes how far it came.
            if !self.run(inner, Some(&Next { pieces: STOP, next: None }), at) {
                self.found = kept;
                break;
            }
            match self.reached {
                Some(end) if end > at => at = end,
                _ => break,
            }
        }
        self.run(rest, next, at)
    }

    fn address(&mut self, rest: &'static [Piece], next: Option<&Next<'_>>, at: usize) -> bool {
        let text = self.text.get(at..).unwrap_or_default();
        let (inner, open) = match text.split_first() {
            Some((b'[', inner)) => (inner, 1),
            _ => (text, 0),
        };
        for (address, length) in address::candidates(inner) {
            let kept = self.found;
            self.found.host = Some(Host::Address(address));
            let end = at + open + length;
            let closes = open > 0 && self.text.get(end) == Some(&b']');
            if (closes && self.attempt(rest, next, end + 1)) || self.attempt(rest, next, end) {
                return true;
            }
            self.found = kept;
        }
        false
    }

    fn name(&mut self, rest: &'static [Piece], next: Option<&Next<'_>>, at: usize) -> bool {
        let text = self.text.get(at..).unwrap_or_default();
        let length = address::name_length(text);
        if length == 0 {
            return false;
        }
        let kept = self.found;
        self.found.host = text.get(..length).map(Host::Name);
        self.attempt(rest, next, at + length) || {
            self.found = kept;
            false
        }
    }

    /// What follows, at its last place.
    fn last(&mut self, rest: &'static [Piece], next: Option<&Next<'_>>, at: usize) -> bool {
        let literal = lead(rest, next);
        let mut end = self.text.len();
        while self.steps < STEPS_MAX {
            let hay = self.text.get(at..end).unwrap_or_default();
            let place = match literal {
                Some(literal) => memchr::memmem::rfind(hay, literal.as_bytes()),
                None => Some(hay.len()),
            };
            let Some(place) = place else { return false };
            if self.attempt(rest, next, at + place) {
                return true;
            }
            self.steps += 1;
            end = match (at + place + literal.map_or(0, str::len)).checked_sub(1) {
                Some(end) if end >= at => end,
                _ => return false,
            };
        }
        false
    }

    /// What follows, at its first place.
    fn first(&mut self, rest: &'static [Piece], next: Option<&Next<'_>>, at: usize) -> bool {
        let literal = lead(rest, next);
        let mut from = at;
        while self.steps < STEPS_MAX && from <= self.text.len() {
            let hay = self.text.get(from..).unwrap_or_default();
            let place = match literal {
                Some(literal) => memchr::memmem::find(hay, literal.as_bytes()),
                None => Some(0),
            };
            let Some(place) = place else { return false };
            if self.attempt(rest, next, from + place) {
                return true;
            }
            self.steps += 1;
            from += place + 1;
        }
        false
    }
}

/// Whether a text that begins with this byte can match.
pub(crate) fn may_start(pieces: &'static [Piece], byte: u8) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return true };
    match *first {
        Piece::L(literal) => literal.bytes().next().is_none_or(|first| first == byte),
        Piece::I(literal) => {
            literal.bytes().next().is_none_or(|first| first.eq_ignore_ascii_case(&byte))
        }
        Piece::One(list) => {
            list.iter().any(|literal| literal.bytes().next().is_none_or(|first| first == byte))
        }
        Piece::Alt(lists) => lists.iter().any(|inner| may_start(inner, byte)),
        Piece::Opt(inner) | Piece::Rep(inner) => may_start(inner, byte) || may_start(rest, byte),
        Piece::Sub(inner) => may_start(inner, byte),
        Piece::Num => byte.is_ascii_digit(),
        Piece::Word => !is_space(byte),
        Piece::Sp => is_space(byte),
        Piece::Not1(of) => !of.as_bytes().contains(&byte),
        Piece::Ip => byte.is_ascii_hexdigit() || matches!(byte, b':' | b'['),
        Piece::Host => is_word(byte) || matches!(byte, b':' | b'[' | b'.' | b'-' | b'^'),
        Piece::S | Piece::E | Piece::K | Piece::Q => may_start(rest, byte),
        Piece::Sp0
        | Piece::Not(_)
        | Piece::Fun(_)
        | Piece::Whole
        | Piece::Any
        | Piece::Few
        | Piece::B
        | Piece::End
        | Piece::Stop => true,
    }
}

/// The text that has to follow, where it is known.
fn lead(rest: &'static [Piece], next: Option<&Next<'_>>) -> Option<&'static str> {
    let is_mark = |piece: &&Piece| matches!(piece, Piece::S | Piece::E | Piece::K | Piece::Q);
    let Some(first) = rest.iter().find(|piece| !is_mark(piece)) else {
        return next.and_then(|next| lead(next.pieces, next.next));
    };
    if let Piece::Sub(inner) = first {
        return lead(inner, None);
    }
    if let Piece::L(literal) = first { Some(literal) } else { None }
}

fn run_of(text: &[u8], least: usize, is_of_it: impl Fn(u8) -> bool) -> Option<usize> {
    let length = text.iter().position(|byte| !is_of_it(*byte)).unwrap_or(text.len());
    (length >= least).then_some(length)
}

/// A word that ends in a comma.
pub(crate) fn comma_word(text: &[u8]) -> Option<usize> {
    let length = run_of(text, 2, |byte| !is_space(byte))?;
    (text.get(length - 1) == Some(&b',')).then_some(length)
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::Piece::{
        Any, E, End, Few, Host as H, Ip, L, Not, Not1, Num, Opt, Rep, S, Sp0, Word,
    };
    use super::*;

    fn check(pieces: &'static [Piece], text: &str, expected: Option<(&str, Option<&str>)>) {
        let shown = find(pieces, text.as_bytes()).map(|found| {
            let host = match found.host {
                Some(Host::Address(address)) => address.to_string(),
                Some(Host::Name(name)) => format!("name:{}", name.escape_ascii()),
                None => String::new(),
            };
            (host, found.user.map(|user| user.escape_ascii().to_string()))
        });
        let expected = expected.map(|(host, user)| (host.to_owned(), user.map(str::to_owned)));
        assert_eq!(shown, expected, "{text}");
    }

    const FAILED: &[Piece] = &[L("for "), S, Any, E, L(" from "), H, Opt(&[L(" port "), Num]), End];

    #[test]
    fn a_user_name_that_looks_like_the_line_changes_nothing() {
        check(FAILED, "for root from 192.0.2.1 port 22", Some(("192.0.2.1", Some("root"))));
        check(
            FAILED,
            "for a from 198.51.100.1 port 22 from 192.0.2.1 port 22",
            Some(("192.0.2.1", Some("a from 198.51.100.1 port 22"))),
        );
        check(FAILED, "for  from 192.0.2.1", Some(("192.0.2.1", Some(""))));
        check(FAILED, "for a from example.com", Some(("name:example.com", Some("a"))));
        check(FAILED, "for a from 192.0.2.1 port 22 x", None);
        check(FAILED, "for a", None);
        check(FAILED, "", None);
    }

    #[test]
    fn many_near_misses_stop_at_the_budget() {
        let text = format!("for {} from", " from 192.0.2.1 x".repeat(20_000));
        check(FAILED, &text, None);
        let text = format!("for {} from 192.0.2.9", " from ".repeat(20_000));
        assert!(find(FAILED, text.as_bytes()).is_some(), "the last place is tried first");
    }

    #[test]
    fn optional_parts_are_left_out_where_they_lead_nowhere() {
        const RELAY: &[Piece] = &[Opt(&[Not1(" "), L(" ")]), L("["), Ip, L("]"), Sp0, End];
        check(RELAY, "host [192.0.2.1]", Some(("192.0.2.1", None)));
        check(RELAY, "[192.0.2.1]", Some(("192.0.2.1", None)));
        check(RELAY, "a b [192.0.2.1]", None);
    }

    const PAIRS: &[Piece] = &[Rep(&[Not1("= "), L("="), Not(" "), L(" ")]), L("rip="), Ip];
    const FIRST: &[Piece] = &[Few, L(": "), Word, L(" "), Ip, End];
    const PORTED: &[Piece] = &[Ip, L(":"), Num, End];

    #[test]
    fn repeated_parts_and_first_places() {
        check(PAIRS, "a=1 b= rip=192.0.2.1", Some(("192.0.2.1", None)));
        check(PAIRS, "a=1 b rip=192.0.2.1", None);
        check(FIRST, "a: b: c 192.0.2.1", Some(("192.0.2.1", None)));
        check(PORTED, "2001:db8::1:443", Some(("2001:db8::1", None)));
        check(PORTED, "[2001:db8::1]:443", Some(("2001:db8::1", None)));
    }
}

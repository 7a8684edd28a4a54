//! Regular expressions over bytes, as PCRE reads them with `DOTALL` and `MULTILINE`.
//!
//! Everything that an automaton can do runs in linear time. Patterns that need look-around or
//! back-references go to a backtracking matcher with a step budget; running out of it is a fault of
//! the engine, which refuses the request.

use crate::stage::Need;
use crate::strings::{StrId, Strings};
use regex_automata::PatternID;
use regex_automata::meta;
use regex_automata::util::primitives::NonMaxUsize;
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use smallvec::{SmallVec, smallvec};
use std::ops::Range;
use std::sync::OnceLock;

/// Compiled sizes above this are refused at load.
const SIZE_LIMIT: usize = 16 * 1024 * 1024;
/// Memory for one lazily built automaton a thread.
const CACHE_BYTES: usize = 1024 * 1024;
/// Steps of the backtracking matcher for one search.
const BACKTRACK_LIMIT: usize = 200_000;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Regex {
    pattern: String,
    engine: Engine,
    /// What its matches hold; nothing is known of a pattern that no operator asks.
    need: Need,
    /// Whether it matches all of every text, as `^.*$` does, by which rules take a text to `TX:0`.
    takes_all: bool,
}

#[derive(Clone, Debug)]
enum Engine {
    Linear(meta::Regex),
    Backtracking(fancy_regex::Regex),
}

/// The matcher ran out of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// Positions of the whole match and of the groups; `None` for a group that took no part.
/// No more of them are ever asked for than there are digits.
pub(crate) type Captures = SmallVec<[Option<Range<usize>>; 2]>;

/// Groups that rules can see, the whole match included.
const GROUPS_MAX: usize = 10;

impl Regex {
    /// Compiles a pattern as rules write it. The error says why not.
    pub(crate) fn new(pattern: &[u8], ignore_case: bool) -> Result<Self, String> {
        let text = rust_spelling(pattern);
        let engine = Engine::new(&text, ignore_case, parse(&text, ignore_case).as_ref())?;
        Ok(Self { pattern: text, engine, need: Need::default(), takes_all: false })
    }

    /// The same for an operator, whose matches the first stage wants to know something about.
    pub(crate) fn of_operator(pattern: &[u8]) -> Result<Self, String> {
        let text = rust_spelling(pattern);
        let parsed = parse(&text, false);
        let engine = Engine::new(&text, false, parsed.as_ref())?;
        // A pattern that needs the other engine cannot be read here.
        let need = parsed.as_ref().map_or_else(|_| Need::default(), Need::of);
        let takes_all = parsed.is_ok_and(|hir| takes_all(&hir));
        Ok(Self { pattern: text, engine, need, takes_all })
    }

    /// What every match holds.
    pub(crate) fn need(&self) -> &Need {
        &self.need
    }

    /// The pattern, as compiled.
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether it matches anywhere.
    pub(crate) fn is_match(&self, haystack: &[u8]) -> Result<bool, Exhausted> {
        if self.takes_all {
            return Ok(true);
        }
        match &self.engine {
            Engine::Linear(regex) => Ok(regex.is_match(haystack)),
            Engine::Backtracking(_) => Ok(self.captures(haystack)?.is_some()),
        }
    }

    /// The first match with its groups.
    pub(crate) fn captures(&self, haystack: &[u8]) -> Result<Option<Captures>, Exhausted> {
        self.captures_from(haystack, 0)
    }

    /// The first match that begins at or after `start`.
    pub(crate) fn captures_from(
        &self,
        haystack: &[u8],
        start: usize,
    ) -> Result<Option<Captures>, Exhausted> {
        if self.takes_all && start == 0 {
            return Ok(Some(smallvec![Some(0..haystack.len())]));
        }
        match &self.engine {
            Engine::Linear(regex) => {
                let input = regex_automata::Input::new(haystack).range(start.min(haystack.len())..);
                let groups = regex.group_info().group_len(PatternID::ZERO).min(GROUPS_MAX);
                // Without groups the place of the whole match is all there is to know.
                if groups == 1 {
                    let found = regex.search(&input);
                    return Ok(found.map(|found| smallvec![Some(found.range())]));
                }
                // Nearly every question is answered with no, which needs no captures.
                if !regex.is_match(input.clone()) {
                    return Ok(None);
                }
                let mut slots = [None; GROUPS_MAX * 2];
                // No more slots than the pattern has groups: one of the library's matchers takes their number
                // for the size of its own table's rows, mixes up the rows and panics at the last.
                let own = slots.get_mut(..groups * 2).unwrap_or_default();
                if regex.search_slots(&input, own).is_none() {
                    return Ok(None);
                }
                let (pairs, _) = slots.as_chunks::<2>();
                let range = |pair: &[Option<NonMaxUsize>; 2]| match pair {
                    [Some(start), Some(end)] => Some(start.get()..end.get()),
                    [None, _] | [_, None] => None,
                };
                Ok(Some(pairs.iter().take(groups).map(range).collect()))
            }
            Engine::Backtracking(regex) => backtrack(regex, haystack, start),
        }
    }
}

impl Engine {
    /// The one that can do it, from what the pattern was parsed to.
    fn new(text: &str, ignore_case: bool, parsed: Result<&Hir, &String>) -> Result<Self, String> {
        match parsed.map_err(Clone::clone).and_then(linear) {
            Ok(linear) => Ok(Self::Linear(linear)),
            Err(why) => backtracking(text, ignore_case).map(Self::Backtracking).ok_or(why),
        }
    }
}

/// A pattern as automata read it. The error is for one that they cannot do, or nobody.
pub(crate) fn parse(text: &str, ignore_case: bool) -> Result<Hir, String> {
    regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .multi_line(true)
        .dot_matches_new_line(true)
        .case_insensitive(ignore_case)
        .build()
        .parse(text)
        .map_err(|error| reason(&error))
}

/// Whether a pattern is as many of any bytes as there are, after the start of a line and before the end of one, or
/// neither: the first match begins with the text and ends with it.
fn takes_all(hir: &Hir) -> bool {
    let is_any = |class: &Class| match class {
        Class::Bytes(class) => {
            class.ranges().iter().any(|all| (all.start(), all.end()) == (0, u8::MAX))
        }
        Class::Unicode(_) => false,
    };
    match hir.kind() {
        HirKind::Concat(parts) => match parts.as_slice() {
            [start, all, end] => {
                is_look(start, Look::StartLF) && is_look(end, Look::EndLF) && takes_all(all)
            }
            [start, all] if is_look(start, Look::StartLF) => takes_all(all),
            [all, end] => is_look(end, Look::EndLF) && takes_all(all),
            _ => false,
        },
        HirKind::Repetition(all) => {
            (all.min, all.max, all.greedy) == (0, None, true)
                && matches!(all.sub.kind(), HirKind::Class(class) if is_any(class))
        }
        HirKind::Empty
        | HirKind::Literal(_)
        | HirKind::Class(_)
        | HirKind::Look(_)
        | HirKind::Capture(_)
        | HirKind::Alternation(_) => false,
    }
}

fn is_look(hir: &Hir, look: Look) -> bool {
    matches!(hir.kind(), HirKind::Look(own) if *own == look)
}

/// Without literals of its own to look for: values without them do not get past the first stage. Nor with an automaton
/// that is made whole at load: the lazy one is as quick where it is asked at all.
fn linear(hir: &Hir) -> Result<meta::Regex, String> {
    let config = meta::Config::new()
        .nfa_size_limit(Some(SIZE_LIMIT))
        .hybrid_cache_capacity(CACHE_BYTES)
        .auto_prefilter(false)
        .dfa(false)
        .utf8_empty(false);
    let built = meta::Builder::new().configure(config).build_from_hir(hir);
    built.map_err(|error| reason(&error))
}

/// A pattern for the names of members. Most begin with `^` and plain text: then a look at the beginning of
/// a name is enough to pass over nearly all. Others are nothing but plain text.
#[derive(Clone, Debug)]
pub(crate) struct NamePattern {
    regex: Regex,
    /// What a name of one line begins with, in lower case.
    beginning: Vec<u8>,
    /// Whether that is all it asks for.
    is_beginning: bool,
    /// What a name holds that matches, in lower case, where the pattern asks for plain text and nothing else.
    text: Vec<u8>,
    /// Of each constant of the rule set whether it matches, once one was asked about; `None` inside where that cannot be
    /// said.
    constants: OnceLock<Option<Vec<bool>>>,
}

impl NamePattern {
    /// Compiles a pattern; case is ignored. The error says why not.
    pub(crate) fn new(pattern: &[u8]) -> Result<Self, String> {
        let regex = Regex::new(pattern, true)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        // An alternative, or a count behind the last character, may do without it.
        let beginning = match pattern.strip_prefix(b"^") {
            Some(rest) if !pattern.contains(&b'|') => {
                let mut text: Vec<u8> = rest.iter().copied().take_while(plain).collect();
                if matches!(rest.get(text.len()), Some(b'?' | b'*' | b'+' | b'{')) {
                    text.pop();
                }
                text.to_ascii_lowercase()
            }
            Some(_) | None => Vec::new(),
        };
        // A last character that may be missing says nothing.
        let text = match pattern {
            [text @ .., last, b'?' | b'*'] if plain(last) => text,
            _ => pattern,
        };
        let text = if text.iter().all(plain) { text.to_ascii_lowercase() } else { Vec::new() };
        let is_beginning = pattern.len() == beginning.len() + 1 && !beginning.is_empty();
        Ok(Self { regex, beginning, is_beginning, text, constants: OnceLock::new() })
    }

    /// The pattern, as compiled.
    pub(crate) fn pattern(&self) -> &str {
        self.regex.pattern()
    }

    /// Whether it matches a constant of its rule set; `None` for other strings, and where it takes long to say.
    pub(crate) fn matches_constant(&self, constants: &Strings, name: StrId) -> Option<bool> {
        if self.beginning.is_empty() && self.text.is_empty() {
            return None;
        }
        let all = || constants.iter().map(|text| self.is_match(text)).collect::<Result<_, _>>();
        self.constants.get_or_init(|| all().ok()).as_ref()?.get(name.index()).copied()
    }

    /// Whether it matches anywhere in a name.
    pub(crate) fn is_match(&self, name: &[u8]) -> Result<bool, Exhausted> {
        if !self.text.is_empty() {
            let mut parts = name.windows(self.text.len());
            return Ok(parts.any(|part| part.eq_ignore_ascii_case(&self.text)));
        }
        let begins = || {
            let start = name.get(..self.beginning.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(&self.beginning))
        };
        // `^` also stands behind the end of a line.
        let has_lines =
            || name.len() > self.beginning.len() && memchr::memchr(b'\n', name).is_some();
        if !self.beginning.is_empty() {
            let begins = begins();
            if begins && self.is_beginning {
                return Ok(true);
            }
            if !begins && !has_lines() {
                return Ok(false);
            }
        }
        self.regex.is_match(name)
    }
}

/// PCRE spellings that the automaton's parser writes otherwise. Byte by byte, so that a pattern may
/// hold any byte.
fn rust_spelling(pattern: &[u8]) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(&byte) = rest.first() {
        let used = match (byte, in_class) {
            (b'\\', _) => escape(rest, in_class, &mut text),
            (b'[', false) => {
                in_class = true;
                class_start(rest, &mut text)
            }
            (_, true) => class_member(rest, &mut in_class, &mut text),
            (_, false) => literal(byte, &mut text),
        };
        rest = rest.get(used..).unwrap_or_default();
    }
    text
}

fn literal(byte: u8, text: &mut String) -> usize {
    if byte.is_ascii() {
        text.push(char::from(byte));
    } else {
        push_hex(byte, text);
    }
    1
}

fn push_hex(byte: u8, text: &mut String) {
    text.push_str(&format!("\\x{byte:02x}"));
}

/// A backslash and what belongs to it.
fn escape(rest: &[u8], in_class: bool, text: &mut String) -> usize {
    use crate::transform::{hex_pair, hex_value};
    match rest {
        [_, b'x', b'{', high, low, b'}', ..] if hex_pair(*high, *low).is_some() => {
            push_hex(hex_pair(*high, *low).unwrap_or_default(), text);
            6
        }
        [_, b'x', high, low, ..] if hex_pair(*high, *low).is_some() => {
            push_hex(hex_pair(*high, *low).unwrap_or_default(), text);
            4
        }
        [_, b'x', digit, ..] if hex_value(*digit).is_some() => {
            push_hex(hex_value(*digit).unwrap_or_default(), text);
            3
        }
        [_, b'Z', ..] if !in_class => {
            text.push_str("(?:\\n?\\z)");
            2
        }
        [_, b'h', ..] => {
            text.push_str(if in_class { " \\t" } else { "[ \\t]" });
            2
        }
        [_, b'e', ..] => {
            push_hex(0x1b, text);
            2
        }
        // A needless escape of a mark.
        [_, mark, ..] if !mark.is_ascii_alphanumeric() => {
            push_hex(*mark, text);
            2
        }
        [_, letter, ..] => {
            text.push('\\');
            text.push(char::from(*letter));
            2
        }
        _ => {
            text.push('\\');
            1
        }
    }
}

/// A bracket that closes at once is a member.
fn class_start(rest: &[u8], text: &mut String) -> usize {
    let (opening, used) = match rest {
        [_, b'^', b']', ..] => ("[^\\]", 3),
        [_, b'^', ..] => ("[^", 2),
        [_, b']', ..] => ("[\\]", 2),
        _ => ("[", 1),
    };
    text.push_str(opening);
    used
}

/// Within a class brackets and set operators are plain characters, `[:alpha:]` is not.
fn class_member(rest: &[u8], in_class: &mut bool, text: &mut String) -> usize {
    if rest.starts_with(b"[:")
        && let Some(end) = memchr::memmem::find(rest.get(..16).unwrap_or(rest), b":]")
        && let Some(name) = rest.get(..end + 2).and_then(|name| std::str::from_utf8(name).ok())
    {
        text.push_str(name);
        return end + 2;
    }
    match rest.first() {
        Some(b']') => {
            *in_class = false;
            text.push(']');
        }
        Some(&byte @ (b'[' | b'&' | b'~')) => push_hex(byte, text),
        Some(&byte) => return literal(byte, text),
        None => {}
    }
    1
}

fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// Bytes become the characters of the same number, so that the text matcher sees bytes.
fn backtracking(text: &str, ignore_case: bool) -> Option<fancy_regex::Regex> {
    let flags = if ignore_case { "(?ism)" } else { "(?sm)" };
    let ascii_classes = text
        .replace("\\\\", "\u{1}")
        .replace("\\w", "[0-9A-Za-z_]")
        .replace("\\d", "[0-9]")
        .replace("\\s", "[\\t\\n\\x0b\\x0c\\r ]")
        .replace('\u{1}', "\\\\");
    fancy_regex::RegexBuilder::new(&format!("{flags}{ascii_classes}"))
        .backtrack_limit(BACKTRACK_LIMIT)
        .delegate_size_limit(SIZE_LIMIT)
        .build()
        .ok()
}

fn backtrack(
    regex: &fancy_regex::Regex,
    haystack: &[u8],
    start: usize,
) -> Result<Option<Captures>, Exhausted> {
    let text: String = haystack.iter().map(|&byte| char::from(byte)).collect();
    // Every byte of 0x80 and above takes two bytes of the text.
    let to_text = |at: usize| at + haystack.iter().take(at).filter(|&&byte| byte >= 0x80).count();
    let to_bytes = |at: usize| text.get(..at).map_or(0, |before| before.chars().count());
    match regex.captures_from_pos(&text, to_text(start.min(haystack.len()))) {
        Err(_) => Err(Exhausted),
        Ok(None) => Ok(None),
        Ok(Some(captures)) => Ok(Some(
            (0..captures.len().min(GROUPS_MAX))
                .map(|group| captures.get(group).map(|at| to_bytes(at.start())..to_bytes(at.end())))
                .collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_all_of_every_text() {
        for (pattern, expected) in [
            (".*", true),
            ("^.*$", true),
            ("^.*", true),
            (".*$", true),
            ("^.+$", false),
            ("^.*?$", false),
            ("^(.*)$", false),
            ("^[^x]*$", false),
            ("^.*a$", false),
            (".{0,5}", false),
            ("$.*^", false),
            ("", false),
        ] {
            let regex = Regex::of_operator(pattern.as_bytes()).unwrap();
            assert_eq!(regex.takes_all, expected, "{pattern}");
            let plain = Regex { takes_all: false, ..regex.clone() };
            for text in [&b""[..], b"a", b"a\nb", b"\n", b"\xff\0\n"] {
                assert_eq!(regex.captures(text), plain.captures(text), "{pattern} of {text:?}");
                assert_eq!(regex.is_match(text), plain.is_match(text), "{pattern} of {text:?}");
                let (own, other) = (regex.captures_from(text, 1), plain.captures_from(text, 1));
                assert_eq!(own, other, "{pattern} of {text:?} behind its first byte");
            }
        }
    }

    /// A match so long that only the slowest search is left for its groups.
    #[test]
    fn groups_of_a_long_match_are_found() {
        let regex = Regex::new(br"(a).*(x)", false).unwrap();
        let text = [b"ab".repeat(400_000), b"x".to_vec()].concat();
        let end = text.len();
        let groups = regex.captures(&text).unwrap().unwrap();
        assert_eq!(groups[..], [Some(0..end), Some(0..1), Some(end - 1..end)]);
    }

    #[test]
    fn pcre_as_bytes() {
        type Case = (&'static str, &'static [u8], Option<&'static [u8]>);
        let cases: &[Case] = &[
            ("a.c", b"a\nc", Some(b"a\nc")),
            ("^b$", b"a\nb\nc", Some(b"b")),
            ("[^a]", b"\xff", Some(b"\xff")),
            ("\\x{ff}", b"\xff", Some(b"\xff")),
            ("\\xff", "\u{ff}".as_bytes(), None),
            ("\\w", "é".as_bytes(), None),
            ("[[]x", b"[x", Some(b"[x")),
            ("[a&&b]+", b"a&b", Some(b"a&b")),
            ("[]x]+", b"x]", Some(b"x]")),
            ("[^]]", b"]a", Some(b"a")),
            ("[[:alpha:]_]+", b"1ab_", Some(b"ab_")),
            ("\\\"\\'\\/\\-", b"\"'/-", Some(b"\"'/-")),
            ("a\\Z", b"a\n", Some(b"a\n")),
            ("(?i)SELECT", b"select", Some(b"select")),
            ("\\h\\e", b"\t\x1b", Some(b"\t\x1b")),
            ("(?<!x)a(?=b)", b"xaab", Some(b"a")),
            ("(a)\\1", b"\xffaa", Some(b"aa")),
            ("(?<=\\s)\\w+", b"\xe9\xe9 abc", Some(b"abc")),
        ];
        for (pattern, haystack, expected) in cases {
            let regex = Regex::new(pattern.as_bytes(), false).unwrap();
            let captures = regex.captures(haystack).unwrap();
            let found = captures.map(|groups| &haystack[groups[0].clone().unwrap()]);
            assert_eq!(found, *expected, "{pattern} compiled as {}", regex.pattern());
        }
    }

    #[test]
    fn a_search_can_go_on_behind_a_match() {
        for pattern in ["a.", "(?=a)a."] {
            let regex = Regex::new(pattern.as_bytes(), false).unwrap();
            let first = regex.captures(b"\xffabac").unwrap().unwrap();
            assert_eq!(first[..], [Some(1..3)]);
            let second = regex.captures_from(b"\xffabac", 3).unwrap().unwrap();
            assert_eq!(second[..], [Some(3..5)]);
        }
    }

    #[test]
    fn a_long_value_has_its_captures_whatever_matcher_finds_them() {
        // Too long a match for the matchers that keep a table of all of it, and not of one pass.
        let long = [&b"xa"[..], &b"bc".repeat(100_000), b"d"].concat();
        for (pattern, groups) in
            [("a(?:b|bc|c|cb)*d", 1), ("a(b|bc|c|cb)*(d)", 3), ("(?:b|bc|c|cb)*d", 1)]
        {
            let regex = Regex::new(pattern.as_bytes(), false).unwrap();
            let found = regex.captures(&long).unwrap().unwrap();
            let start = if pattern.starts_with('a') { 1 } else { 2 };
            assert_eq!(
                (found.len(), found[0].clone()),
                (groups, Some(start..200_003)),
                "{pattern}"
            );
        }
    }

    #[test]
    fn patterns_of_names() {
        for (pattern, names) in [
            ("^ab", &["ab", "ABx", "xab", "x\nab", ""][..]),
            ("^ab?c", &["ac", "abc", "ab", "xac"]),
            ("^ab|c", &["ab", "xc", "x"]),
            ("^a{2}b", &["aab", "ab"]),
            ("^a\\d", &["a1", "ab"]),
            ("ab", &["xab", "b"]),
            ("__uT", &["__UTMA", "x__utmz", "_utm", "__u", ""]),
            ("ab_*", &["ab", "xAb_", "a_"]),
            ("ab?", &["a", "xa", "b"]),
            ("b*", &["", "b", "x"]),
            ("a+?", &["a", "b", "a+"]),
            ("^", &["", "x"]),
        ] {
            let quick = NamePattern::new(pattern.as_bytes()).unwrap();
            let plain = Regex::new(pattern.as_bytes(), true).unwrap();
            for name in names {
                let name = name.as_bytes();
                assert_eq!(quick.is_match(name), plain.is_match(name), "{pattern} {name:?}");
            }
            let mut constants = Strings::constants();
            let mut intern = |name: &&str| constants.intern(name.as_bytes());
            let ids: Vec<StrId> = names.iter().map(&mut intern).collect();
            for (id, name) in ids.into_iter().zip(names) {
                let known = quick.matches_constant(&constants, id);
                let is_quick = !quick.beginning.is_empty() || !quick.text.is_empty();
                let expected = is_quick.then(|| plain.is_match(name.as_bytes()).unwrap());
                assert_eq!(known, expected, "{pattern} {name:?}");
            }
        }
    }

    #[test]
    fn runaway_backtracking_is_exhaustion_not_an_answer() {
        let regex = Regex::new(b"(?=x*)(a|aa|aaa)*(?!b)c\\1$", false).unwrap();
        let haystack = [&b"a".repeat(60)[..], b"d"].concat();
        assert!(matches!(regex.is_match(&haystack), Err(Exhausted) | Ok(false)));
        let bomb = Regex::new(b"^(?:(a+)+)\\1b$", false).unwrap();
        assert_eq!(bomb.is_match(&b"a".repeat(40)), Err(Exhausted));
    }

    #[test]
    fn what_cannot_be_compiled_says_why() {
        for pattern in ["(", "a{5,2}", "[z-a]", "(?P<x"] {
            let why = Regex::new(pattern.as_bytes(), false).unwrap_err();
            assert!(!why.is_empty(), "{pattern}");
        }
    }
}

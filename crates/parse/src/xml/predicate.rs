//! Predicates of paths: `[2]`, `[last()]`, `[@id]`, `[text()]`, `[name='x']`, `[local-name()='x']`,
//! `[contains(.,'x')]`, `[starts-with(.,'x')]`, `[not(…)]`, joined by `and` and `or`.
//!
//! What they look at is bounded for a whole selection: a predicate may ask every node for all its text.

use super::path::Test;
use super::{Content, Document};
use crate::Malformed;
use std::cell::Cell;

/// Predicates within each other.
const DEPTH_MAX: usize = 16;

/// What a selection may still look at.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Cell::new(bytes))
    }

    pub(super) fn spend(&self, bytes: usize) -> Result<(), Malformed> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.ok_or_else(|| Malformed::new("xml values are longer than the limit"))?);
        Ok(())
    }
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Predicate {
    Position(usize),
    Last,
    Exists(Operand),
    Compare(Operand, Relation, Vec<u8>),
    Not(Box<Self>),
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// `.`
    Own,
    /// `local-name()` or `name()`
    Name,
    /// Children or attributes.
    Below(Test),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Unequal,
    Contains,
    StartsWith,
}

impl Predicate {
    /// `[…][…]`
    pub(super) fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let mut found = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let inner =
                rest.strip_prefix('[').ok_or_else(|| format!("`{rest}` is no predicate"))?;
            let end = closing(inner).ok_or_else(|| format!("`{rest}` has no end"))?;
            let (body, after) = inner.split_at_checked(end).unwrap_or((inner, ""));
            found.push(Self::parse(body.trim(), 0)?);
            rest = after.strip_prefix(']').unwrap_or(after);
        }
        Ok(found)
    }

    fn parse(text: &str, depth: usize) -> Result<Self, String> {
        if depth > DEPTH_MAX {
            return Err("predicates are nested deeper than 16".to_owned());
        }
        let both = |(left, right): (&str, &str)| {
            let left = Self::parse(left.trim(), depth + 1)?;
            Ok::<_, String>((Box::new(left), Box::new(Self::parse(right.trim(), depth + 1)?)))
        };
        if let Some(sides) = split(text, " or ") {
            return both(sides).map(|(left, right)| Self::Either(left, right));
        }
        if let Some(sides) = split(text, " and ") {
            return both(sides).map(|(left, right)| Self::Both(left, right));
        }
        if let Some(inner) = call(text, "not") {
            return Ok(Self::Not(Box::new(Self::parse(inner.trim(), depth + 1)?)));
        }
        for (name, relation) in
            [("contains", Relation::Contains), ("starts-with", Relation::StartsWith)]
        {
            if let Some(inner) = call(text, name) {
                let (operand, value) = split(inner, ",").ok_or_else(|| unknown(text))?;
                return Ok(Self::Compare(Operand::parse(operand)?, relation, literal(value)?));
            }
        }
        if text == "last()" {
            return Ok(Self::Last);
        }
        if let Ok(position) = text.parse() {
            return Ok(Self::Position(position));
        }
        for (mark, relation) in [("!=", Relation::Unequal), ("=", Relation::Equal)] {
            if let Some((left, right)) = split(text, mark) {
                if left.trim() == "position()" && relation == Relation::Equal {
                    return right
                        .trim()
                        .parse()
                        .map(Self::Position)
                        .map_err(|_no_number| unknown(text));
                }
                return Ok(Self::Compare(Operand::parse(left)?, relation, literal(right)?));
            }
        }
        Operand::parse(text).map(Self::Exists)
    }

    /// Whether it holds for a node that stands at `place` among so many of its parent.
    pub(super) fn holds(
        &self,
        document: &Document,
        at: usize,
        place: (usize, usize),
        budget: &Budget,
    ) -> Result<bool, Malformed> {
        Ok(match self {
            Self::Position(position) => *position == place.0,
            Self::Last => place.0 == place.1,
            Self::Exists(operand) => operand.any(document, at, budget, &|_| true)?,
            Self::Compare(operand, relation, literal) => {
                operand.any(document, at, budget, &|value| relation.holds(value, literal))?
            }
            Self::Not(inner) => !inner.holds(document, at, place, budget)?,
            Self::Both(left, right) => {
                left.holds(document, at, place, budget)?
                    && right.holds(document, at, place, budget)?
            }
            Self::Either(left, right) => {
                left.holds(document, at, place, budget)?
                    || right.holds(document, at, place, budget)?
            }
        })
    }
}

impl Operand {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "." => Ok(Self::Own),
            "local-name()" | "name()" => Ok(Self::Name),
            text => Test::parse(text).map(Self::Below).ok_or_else(|| unknown(text)),
        }
    }

    /// Whether one of the values that it means is wanted.
    fn any(
        &self,
        document: &Document,
        at: usize,
        budget: &Budget,
        wanted: &dyn Fn(&[u8]) -> bool,
    ) -> Result<bool, Malformed> {
        let ask = |at: usize| {
            let value = document.value(at);
            budget.spend(value.len() + 1)?;
            Ok(wanted(&value))
        };
        let Some(node) = document.nodes.get(at) else { return Ok(false) };
        match self {
            Self::Own => ask(at),
            Self::Name => match &node.content {
                Content::Element(name) | Content::Attribute(name, _) => Ok(wanted(name)),
                Content::Text(_) => Ok(false),
            },
            Self::Below(test) => {
                let mut index = at + 1;
                while let Some(below) = document.nodes.get(index).filter(|_| index < node.end) {
                    budget.spend(1)?;
                    if test.accepts(&below.content) && ask(index)? {
                        return Ok(true);
                    }
                    index = below.end.max(index + 1);
                }
                Ok(false)
            }
        }
    }
}

impl Relation {
    fn holds(self, value: &[u8], literal: &[u8]) -> bool {
        match self {
            Self::Equal => value == literal,
            Self::Unequal => value != literal,
            Self::Contains => memchr::memmem::find(value, literal).is_some(),
            Self::StartsWith => value.starts_with(literal),
        }
    }
}

fn unknown(text: &str) -> String {
    format!("`{text}` in a predicate")
}

/// `'text'`, `"text"` or a number.
fn literal(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.as_bytes().to_vec());
    }
    let quoted = ['\'', '"'].iter().find_map(|quote| {
        text.strip_prefix(*quote)?.strip_suffix(*quote).filter(|inner| !inner.contains(*quote))
    });
    quoted.map(|inner| inner.as_bytes().to_vec()).ok_or_else(|| unknown(text))
}

/// What stands between the brackets of `name(…)`.
fn call<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?.trim_start().strip_prefix('(')?.strip_suffix(')')
}

/// The two sides of the first `mark` outside quotes and brackets.
fn split<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    let begins = |at: usize| text.get(at..).is_some_and(|rest| rest.starts_with(mark));
    let (at, ..) = outside(text).find(|&(at, _, depth)| depth == 0 && begins(at))?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

/// Where the bracket closes that is open before the text.
fn closing(text: &str) -> Option<usize> {
    let found = outside(text).find(|&(_, character, depth)| character == ']' && depth == 0);
    found.map(|(at, ..)| at)
}

/// The characters outside quotes, each with how many brackets are open before it.
pub(super) fn outside(text: &str) -> impl Iterator<Item = (usize, char, usize)> {
    let (mut depth, mut quote) = (0_usize, None);
    text.char_indices().filter_map(move |(at, character)| {
        if let Some(open) = quote {
            quote = (open != character).then_some(open);
            return None;
        }
        let before = depth;
        match character {
            '\'' | '"' => quote = Some(character),
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        Some((at, character, before))
    })
}

//! Macros: `%{tx.name}` within a parameter or a message.

use crate::regex::Regex;
use crate::strings::{StrId, Strings};
use crate::variable::{Shape, Variable};
use std::sync::Arc;

/// A text with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Macro {
    parts: Vec<Part>,
    /// The whole, if there are no holes in it.
    id: Option<StrId>,
}

/// A piece of a macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// As written.
    Text(Vec<u8>),
    /// The first value of a variable.
    Value(Variable, Option<StrId>),
    /// The first member whose name matches.
    Matching(Variable, Pattern),
}

/// A regular expression; two are the same when they are written alike.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(pub(crate) Arc<Regex>);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.pattern() == other.0.pattern()
    }
}

impl Eq for Pattern {}

impl Macro {
    /// Whether a text has holes.
    pub(crate) fn is_in(text: &[u8]) -> bool {
        memchr::memmem::find(text, b"%{").is_some()
    }

    /// A hole that names no variable is an error; `%{` without an end is text.
    pub(crate) fn parse(text: &[u8], strings: &mut Strings) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = memchr::memmem::find(rest, b"%{") {
            let (before, hole) = rest.split_at(start);
            let Some(end) = memchr::memchr(b'}', hole) else { break };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_vec()));
            }
            parts.push(part(hole.get(2..end).unwrap_or_default(), strings)?);
            rest = hole.get(end + 1..).unwrap_or_default();
            // `%{name}%` is the same hole; `%{` begins the next.
            rest = rest.strip_prefix(b"%").filter(|more| !more.starts_with(b"{")).unwrap_or(rest);
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_vec()));
        }
        let id = match parts.as_slice() {
            [] => Some(StrId::EMPTY),
            [Part::Text(text)] => Some(strings.intern(text)),
            _ => None,
        };
        Ok(Self { parts, id })
    }

    /// A text without holes, whatever stands in it.
    pub(crate) fn of_text(text: Vec<u8>, strings: &mut Strings) -> Self {
        let id = Some(strings.intern(&text));
        Self { parts: if text.is_empty() { Vec::new() } else { vec![Part::Text(text)] }, id }
    }

    /// The text, if there are no holes in it, as a constant of the pool that it was parsed with.
    pub(crate) fn id(&self) -> Option<StrId> {
        self.id
    }

    /// The member of `TX` that the whole text is.
    pub(crate) fn member_of_tx(&self) -> Option<StrId> {
        match self.parts.as_slice() {
            [Part::Value(Variable::Tx, key)] => *key,
            _ => None,
        }
    }

    /// The text, if there are no holes in it.
    pub(crate) fn constant(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(&[]),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text before the first hole.
    pub(crate) fn lead(&self) -> Vec<u8> {
        match self.parts.first() {
            Some(Part::Text(text)) => text.clone(),
            Some(Part::Value(..) | Part::Matching(..)) | None => Vec::new(),
        }
    }

    /// The pieces in order.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

fn part(hole: &[u8], strings: &mut Strings) -> Result<Part, String> {
    let text = std::str::from_utf8(hole).map_err(|_ignored| "a macro is not UTF-8")?;
    let at = text.find(['.', ':']);
    let (name, key) = match at.and_then(|at| text.split_at_checked(at)) {
        Some((name, key)) => (name, key.get(1..)),
        None => (text, None),
    };
    if text.contains("%{") {
        return Err(format!("macro `%{{{text}}}`: a macro cannot stand within another"));
    }
    let variable =
        Variable::find(name).ok_or_else(|| format!("macro `%{{{text}}}` names no variable"))?;
    match (variable.shape(), key) {
        (Shape::Scalar, Some(_)) => Err(format!("macro `%{{{text}}}`: `{name}` has no members")),
        (Shape::Collection, Some("")) => {
            Err(format!("macro `%{{{text}}}`: say which member of `{name}`"))
        }
        (Shape::Collection, None) if variable != Variable::MatchedVars => {
            Err(format!("macro `%{{{text}}}`: say which member of `{name}`"))
        }
        (Shape::Collection, Some(key))
            if key.len() > 2 && key.starts_with('/') && key.ends_with('/') =>
        {
            let pattern = key.trim_start_matches('/').trim_end_matches('/');
            Regex::new(pattern.as_bytes(), true)
                .map(|regex| Part::Matching(variable, Pattern(Arc::new(regex))))
                .map_err(|why| format!("macro `%{{{text}}}` does not compile: {why}"))
        }
        (Shape::Scalar | Shape::Collection, key) => {
            Ok(Part::Value(variable, key.map(|key| strings.intern_lower(key.as_bytes()))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes() {
        let mut strings = Strings::constants();
        let parsed = Macro::parse(b"a%{tx.Foo}b%{MATCHED_VAR}", &mut strings).unwrap();
        let foo = strings.find(b"foo").unwrap();
        assert_eq!(
            parsed.parts(),
            [
                Part::Text(b"a".to_vec()),
                Part::Value(Variable::Tx, Some(foo)),
                Part::Text(b"b".to_vec()),
                Part::Value(Variable::MatchedVar, None),
            ]
        );
        let legacy = Macro::parse(b"%{tx.Foo}%, %{tx.foo}%{tx.foo}%%", &mut strings).unwrap();
        assert_eq!(
            legacy.parts(),
            [
                Part::Value(Variable::Tx, Some(foo)),
                Part::Text(b", ".to_vec()),
                Part::Value(Variable::Tx, Some(foo)),
                Part::Value(Variable::Tx, Some(foo)),
                Part::Text(b"%".to_vec()),
            ]
        );
        let named = Macro::parse(b"%{ARGS:/^a/}", &mut strings).unwrap();
        assert!(
            matches!(named.parts(), [Part::Matching(Variable::Args, name)] if name.0.pattern() == "^a")
        );
        assert_eq!(Macro::parse(b"100%{", &mut strings).unwrap().constant(), Some(&b"100%{"[..]));
        assert_eq!(Macro::parse(b"", &mut strings).unwrap().constant(), Some(&b""[..]));
        for bad in ["%{nope}", "%{tx}", "%{REMOTE_ADDR.x}", "%{}", "%{ARGS:/(/}"] {
            assert!(Macro::parse(bad.as_bytes(), &mut strings).is_err(), "{bad}");
        }
    }
}

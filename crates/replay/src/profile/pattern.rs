//! The bytes and lengths of a simple `pattern` of a schema, such as `^[A-Z]{3}-\d{4}$`.

use burgrave_seclang::application::{Alphabet, TOKEN_BYTES_MAX};

/// What a pattern lets through at most: it may be narrower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) alphabet: Alphabet,
    pub(super) min: usize,
    /// `None`: any number.
    pub(super) max: Option<usize>,
}

/// The shape of a pattern that is anchored and made of classes and letters with counts; `None` of any other.
pub(super) fn shape(pattern: &str) -> Option<Shape> {
    let mut rest = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let mut shape = Shape { alphabet: Alphabet::default(), min: 0, max: Some(0) };
    while !rest.is_empty() {
        let (alphabet, behind) = atom(rest)?;
        let ((min, max), behind) = count(behind)?;
        shape.alphabet = shape.alphabet.or(alphabet);
        shape.min = shape.min.checked_add(min)?;
        shape.max = shape.max.zip(max).map(|(own, more)| own.saturating_add(more));
        rest = behind;
    }
    (shape.min <= TOKEN_BYTES_MAX).then_some(shape)
}

/// A class or a character, and what stands behind it.
fn atom(text: &str) -> Option<(Alphabet, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (class, behind) = rest.split_once(']')?;
        let class = class.replace("\\d", "0-9").replace("\\w", "A-Za-z0-9_").replace("\\-", "-");
        // A `-` within is a run only between two characters of the same sort.
        return Some((Alphabet::parse(class.as_bytes()).ok()?, behind));
    }
    let (written, behind) = if let Some(behind) = text.strip_prefix("\\d") {
        ("0-9", behind)
    } else if let Some(behind) = text.strip_prefix("\\w") {
        ("A-Za-z0-9_", behind)
    } else if let Some(behind) = text.strip_prefix("\\-") {
        ("-", behind)
    } else {
        text.split_at_checked(1)?
    };
    Some((Alphabet::parse(written.as_bytes()).ok()?, behind))
}

/// `{n}`, `{m,n}`, `+`, `*`, `?` or nothing.
type Count = (usize, Option<usize>);

fn count(text: &str) -> Option<(Count, &str)> {
    if let Some(rest) = text.strip_prefix('{') {
        let (inner, behind) = rest.split_once('}')?;
        let (min, max) = inner.split_once(',').unwrap_or((inner, inner));
        let min = min.trim().parse().ok()?;
        let max = match max.trim() {
            "" => None,
            max => Some(max.parse().ok()?),
        };
        return Some(((min, max), behind));
    }
    let any = [("+", (1, None)), ("*", (0, None)), ("?", (0, Some(1)))];
    let found = any.iter().find_map(|(mark, count)| Some((*count, text.strip_prefix(mark)?)));
    Some(found.unwrap_or(((1, Some(1)), text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_patterns_have_a_shape() {
        for (pattern, wanted) in [
            ("^[A-Z]{3}-\\d{4}$", Some(("A-Z0-9-", 8, Some(8)))),
            ("^[a-z0-9_\\-]{1,20}$", Some(("a-z0-9_-", 1, Some(20)))),
            ("^\\d+$", Some(("0-9", 1, None))),
            ("^[\\w-]*$", Some(("A-Za-z0-9_-", 0, None))),
            ("^v?[0-9]{2,}$", Some(("v0-9", 2, None))),
            ("^ab1$", Some(("ab1", 3, Some(3)))),
            ("[0-9]+", None),
            ("^[0-9]+", None),
            ("^.*$", None),
            ("^[^<>]+$", None),
            ("^a|b$", None),
            ("^(a)$", None),
            ("^[0-9$", None),
            ("^[a-z.]+$", None),
            ("^[0-9]{x}$", None),
            ("^[0-9]{200}$", None),
            ("^\\s+$", None),
            ("^é$", None),
        ] {
            let shape = shape(pattern);
            let shape = shape.map(|own| (own.alphabet.to_string(), own.min, own.max));
            let wanted = wanted.map(|(alphabet, min, max)| (alphabet.to_owned(), min, max));
            assert_eq!(shape, wanted, "{pattern}");
        }
    }
}

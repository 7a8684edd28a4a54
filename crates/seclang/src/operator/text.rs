//! `@beginsWith`, `@endsWith`, `@contains`, `@containsWord`, `@streq`, `@strmatch`, `@within`.

/// Which comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Comparison {
    BeginsWith,
    Contains,
    ContainsWord,
    EndsWith,
    Equal,
    Within,
}

impl Comparison {
    /// By its name in lower case.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "beginswith" => Self::BeginsWith,
            "contains" | "strmatch" => Self::Contains,
            "containsword" => Self::ContainsWord,
            "endswith" => Self::EndsWith,
            "streq" => Self::Equal,
            "within" => Self::Within,
            _ => return None,
        })
    }

    /// Whether it looks for something within a value.
    pub(super) const fn looks_within(self) -> bool {
        match self {
            Self::BeginsWith | Self::Contains | Self::ContainsWord | Self::EndsWith => true,
            Self::Equal | Self::Within => false,
        }
    }

    /// Whether one text is searched in the other.
    pub(crate) const fn searches(self) -> bool {
        match self {
            Self::Contains | Self::ContainsWord | Self::Within => true,
            Self::BeginsWith | Self::EndsWith | Self::Equal => false,
        }
    }

    /// Byte by byte, case counts.
    pub(super) fn holds(self, value: &[u8], parameter: &[u8]) -> bool {
        match self {
            Self::BeginsWith => value.starts_with(parameter),
            Self::Contains => memchr::memmem::find(value, parameter).is_some(),
            Self::ContainsWord => word_at(value, parameter).is_some(),
            Self::EndsWith => value.ends_with(parameter),
            Self::Equal => value == parameter,
            Self::Within => memchr::memmem::find(parameter, value).is_some(),
        }
    }

    /// Where the parameter stands in the value.
    pub(super) fn place(self, value: &[u8], parameter: &[u8]) -> Option<std::ops::Range<usize>> {
        let start = match self {
            Self::BeginsWith => Some(0),
            Self::Contains => memchr::memmem::find(value, parameter),
            Self::ContainsWord => word_at(value, parameter),
            Self::EndsWith => value.len().checked_sub(parameter.len()),
            Self::Equal | Self::Within => None,
        }?;
        Some(start..start + parameter.len())
    }
}

/// Where the text stands with no letter on either side; an empty one stands anywhere.
fn word_at(value: &[u8], word: &[u8]) -> Option<usize> {
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    if word.is_empty() {
        return Some(0);
    }
    memchr::memmem::find_iter(value, word).find(|&at| {
        let before = at.checked_sub(1).and_then(|before| value.get(before));
        !is_word(before) && !is_word(value.get(at + word.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, matches};

    #[test]
    fn places() {
        for (name, parameter, place) in [
            ("beginsWith", "a b", Some(0..3)),
            ("contains", "b", Some(2..3)),
            ("containsWord", "c", Some(4..5)),
            ("endsWith", "c", Some(4..5)),
            ("streq", "a b c", None),
        ] {
            assert_eq!(ask(name, parameter, b"a b c").unwrap().unwrap().place, place, "{name}");
        }
    }

    #[test]
    fn texts() {
        for (name, parameter, value, holds) in [
            ("beginsWith", "ab", "abc", true),
            ("beginsWith", "bc", "abc", false),
            ("beginsWith", "", "", true),
            ("endsWith", "bc", "abc", true),
            ("contains", "b", "abc", true),
            ("contains", "B", "abc", false),
            ("strmatch", "bc", "abc", true),
            ("containsWord", "b", "a b c", true),
            ("containsWord", "b", "abc bc", false),
            ("containsWord", "b", "1b_", true),
            ("containsWord", "abc", "abc", true),
            ("streq", "abc", "abc", true),
            ("streq", "abc", "abcd", false),
            ("within", "GET POST", "GET", true),
            ("within", "GET POST", "PUT", false),
            ("within", "GET POST", "", true),
        ] {
            assert_eq!(
                matches(name, parameter, value.as_bytes()),
                holds,
                "{value} {name} {parameter}"
            );
        }
    }
}

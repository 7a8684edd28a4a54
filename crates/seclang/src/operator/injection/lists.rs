//! Which tags and attributes can carry script. Facts only: who uses them, and when, is the detector's.
//!
//! Names are compared without regard to case and to NULs, which old browsers skip; prefixes as they stand, as in
//! libinjection. The lists are libinjection's, for its verdicts are what rule sets were tuned on.

/// What an attribute's value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any value is code, or may hide it.
    Code,
    /// The value is an address, which may be a script.
    Address,
    /// The value is the name of another attribute.
    Naming,
}

/// Longest name of the lists.
const NAME_BYTES_MAX: usize = 13;

const TAGS: [&[u8]; 20] = [
    b"applet",
    b"base",
    b"comment",
    b"embed",
    b"frame",
    b"frameset",
    b"handler",
    b"iframe",
    b"import",
    b"isindex",
    b"link",
    b"listener",
    b"meta",
    b"noscript",
    b"object",
    b"script",
    b"style",
    b"vmlframe",
    b"xml",
    b"xss",
];

/// Each family is dangerous as a whole: vector images and style sheet transformations run script.
const TAG_PREFIXES: [&[u8]; 2] = [b"svg", b"xsl"];

const ATTRIBUTES: [(&[u8], Kind); 20] = [
    (b"action", Kind::Address),
    (b"attributename", Kind::Naming),
    (b"background", Kind::Address),
    (b"by", Kind::Address),
    (b"dataformatas", Kind::Code),
    (b"datasrc", Kind::Code),
    (b"dynsrc", Kind::Address),
    (b"filter", Kind::Code),
    (b"folder", Kind::Address),
    (b"formaction", Kind::Address),
    (b"from", Kind::Address),
    (b"handler", Kind::Address),
    (b"href", Kind::Address),
    (b"lowsrc", Kind::Address),
    (b"poster", Kind::Address),
    (b"src", Kind::Address),
    (b"style", Kind::Code),
    (b"to", Kind::Address),
    (b"values", Kind::Address),
    // An `xlink:` name that is not hidden by NULs is taken by its prefix already.
    (b"xlink:href", Kind::Address),
];

/// Event handlers, and name spaces, which make arbitrary tags.
const ATTRIBUTE_PREFIXES: [&[u8]; 3] = [b"on", b"xmlns", b"xlink"];

/// Names below this length are no event handlers: `on=` is a word in many an address.
const PREFIXED_BYTES_MIN: usize = 5;

/// Whether a tag can run script.
pub(super) fn is_active_tag(name: &[u8]) -> bool {
    begins_with_any(name, &TAG_PREFIXES)
        || Folded::new(name).is_some_and(|name| TAGS.iter().any(|tag| name.is(tag)))
}

/// What an attribute's value does, where it can run script.
pub(super) fn attribute(name: &[u8]) -> Option<Kind> {
    if name.len() >= PREFIXED_BYTES_MIN && begins_with_any(name, &ATTRIBUTE_PREFIXES) {
        return Some(Kind::Code);
    }
    let name = Folded::new(name)?;
    ATTRIBUTES.iter().find(|(known, _)| name.is(known)).map(|(_, kind)| *kind)
}

/// Without regard to case.
pub(super) fn begins_with(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn begins_with_any(name: &[u8], prefixes: &[&[u8]]) -> bool {
    prefixes.iter().any(|prefix| begins_with(name, prefix))
}

/// A name without NULs and in lower case, made in one pass however long the name is.
struct Folded {
    letters: [u8; NAME_BYTES_MAX],
    length: usize,
}

impl Folded {
    /// None when it is longer than any name of the lists.
    fn new(name: &[u8]) -> Option<Self> {
        let mut folded = Self { letters: [0; NAME_BYTES_MAX], length: 0 };
        let mut letters = name.iter().filter(|byte| **byte != 0);
        for (slot, byte) in folded.letters.iter_mut().zip(letters.by_ref()) {
            *slot = byte.to_ascii_lowercase();
            folded.length += 1;
        }
        letters.next().is_none().then_some(folded)
    }

    fn is(&self, known: &[u8]) -> bool {
        self.letters.get(..self.length) == Some(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_lists_can_be_found_and_are_in_order() {
        assert!(TAGS.is_sorted() && ATTRIBUTES.is_sorted_by_key(|(name, _)| *name));
        for tag in TAGS {
            assert!(is_active_tag(tag) && tag.len() <= NAME_BYTES_MAX);
            assert!(!is_active_tag(&[tag, b"q"].concat()) || tag == b"frame", "{tag:?}");
            assert!(!is_active_tag(&[b"q", tag].concat()));
        }
        for (name, kind) in ATTRIBUTES {
            let expected = if name == b"xlink:href" { Kind::Code } else { kind };
            assert_eq!(attribute(name), Some(expected));
            assert_eq!(attribute(&[name, b"\0"].concat()), Some(expected));
            assert!(name.len() <= NAME_BYTES_MAX);
        }
        assert_eq!(attribute(b"x\0link:href"), Some(Kind::Address));
        assert_eq!(attribute(b"S\0tylE"), Some(Kind::Code));
    }

    #[test]
    fn families_go_by_prefix() {
        for tag in ["svg", "SVGx", "svg:a", "xsl", "XSL:template"] {
            assert!(is_active_tag(tag.as_bytes()), "{tag}");
        }
        for tag in ["", "sv", "s\0vg", "sv\0g", "xs", "b", "video", "form", "scripts", "xm\0"] {
            assert!(!is_active_tag(tag.as_bytes()), "{tag}");
        }
        for name in ["onload", "ONabc", "on\0ab", "onxyzzy", "xmlns", "xmlns:a", "XLink:x"] {
            assert_eq!(attribute(name.as_bytes()), Some(Kind::Code), "{name}");
        }
        for name in
            ["", "o", "on", "onab", "o\0nab", "x\0mlns", "xmln", "title", "b\0", "srcx", "src "]
        {
            assert_eq!(attribute(name.as_bytes()), None, "{name}");
        }
    }

    proptest! {
        /// However a name is spelled, as long as an old browser reads the same one.
        #[test]
        fn spelling_does_not_matter(
            at in 0..TAGS.len(),
            spelling in proptest::collection::vec((any::<bool>(), 0..3_usize), NAME_BYTES_MAX),
        ) {
            let mut name = Vec::new();
            for (byte, (upper, zeros)) in TAGS[at].iter().zip(spelling) {
                name.push(if upper { byte.to_ascii_uppercase() } else { *byte });
                name.extend(vec![0; zeros]);
            }
            prop_assert!(is_active_tag(&name));
            name.insert(1, b'~');
            prop_assert!(!is_active_tag(&name));
        }
    }
}

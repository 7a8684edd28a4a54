//! The order of a request's fields (RFC 9114 §4.3), seen in their compressed form (RFC 9204 §4.5): the
//! library takes the last of two pseudo-fields of one name, takes them anywhere, trailers too, and cuts a fragment
//! off the path.

/// A request that no client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What a field is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Authority,
    Path,
    Method,
    Scheme,
    /// Begins with a colon and is none of a request's.
    OtherPseudo,
    Ordinary,
}

impl Name {
    /// By its place in the static table (RFC 9204, appendix A).
    fn at(index: u64) -> Self {
        match index {
            0 => Self::Authority,
            1 => Self::Path,
            15..=21 => Self::Method,
            22..=23 => Self::Scheme,
            24..=28 | 63..=71 => Self::OtherPseudo,
            _ => Self::Ordinary,
        }
    }

    /// As it is spelled.
    fn spelled(text: &[u8]) -> Self {
        match text {
            b":authority" => Self::Authority,
            b":path" => Self::Path,
            b":method" => Self::Method,
            b":scheme" => Self::Scheme,
            [b':', ..] => Self::OtherPseudo,
            _ => Self::Ordinary,
        }
    }

    /// By Huffman's code, in which a colon is seven bits (RFC 7541, appendix B). Clients write a request's
    /// pseudo-fields by the static table; one that spells them out in code is not heard.
    fn coded(text: &[u8]) -> Self {
        match text {
            [first, ..] if first >> 1 == 0x5c => Self::OtherPseudo,
            _ => Self::Ordinary,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Authority => 1,
            Self::Path => 2,
            Self::Method => 4,
            Self::Scheme => 8,
            Self::OtherPseudo | Self::Ordinary => 0,
        }
    }
}

/// Which part of a message a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Header,
    Trailers,
}

/// Pseudo-fields come first, each once, and not in trailers. What cannot be read is left to the library, which refuses
/// it.
pub(super) fn check(block: &[u8], part: Part) -> Result<(), Malformed> {
    let mut rest = block;
    // Nothing is kept from one header to the next, so both must be zero.
    let prefix = integer(&mut rest, 8).and_then(|_count| integer(&mut rest, 7));
    let (mut seen, mut ordinary) = (0, part == Part::Trailers);
    while prefix.is_some()
        && let Some((name, value)) = field(&mut rest)
    {
        if name == Name::Path && value.has_fragment() {
            return Err(Malformed);
        }
        match name {
            Name::Ordinary => ordinary = true,
            Name::OtherPseudo => return Err(Malformed),
            Name::Authority | Name::Path | Name::Method | Name::Scheme => {
                if ordinary || seen & name.bit() != 0 {
                    return Err(Malformed);
                }
                seen |= name.bit();
            }
        }
    }
    Ok(())
}

/// A value, by Huffman's code or not.
#[derive(Clone, Copy, Debug)]
struct Value<'a> {
    text: &'a [u8],
    coded: bool,
}

impl Value<'_> {
    /// What cannot be decoded may be anything to a reader that is not strict.
    fn has_fragment(self) -> bool {
        let has = |text: &[u8]| memchr::memchr(b'#', text).is_some();
        if self.coded {
            crate::hpack::decoded(self.text).is_none_or(|text| has(&text))
        } else {
            has(self.text)
        }
    }
}

/// The next field's name and value.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(Name, Value<'a>)> {
    let first = *rest.first()?;
    if first & 0x80 != 0 {
        let index = integer(rest, 6)?;
        // None of the static table has a fragment.
        let value = Value { text: b"", coded: false };
        return (first & 0x40 != 0).then(|| (Name::at(index), value));
    }
    let name = if first & 0x40 != 0 {
        let index = integer(rest, 4)?;
        (first & 0x10 != 0).then(|| Name::at(index))?
    } else if first & 0x20 != 0 {
        let text = string(rest, 3)?;
        if first & 0x08 == 0 { Name::spelled(text) } else { Name::coded(text) }
    } else {
        return None;
    };
    let coded = rest.first()? & 0x80 != 0;
    Some((name, Value { text: string(rest, 7)?, coded }))
}

fn string<'a>(rest: &mut &'a [u8], bits: u32) -> Option<&'a [u8]> {
    let length = usize::try_from(integer(rest, bits)?).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}

/// An integer behind a prefix (RFC 7541 §5.1).
fn integer(rest: &mut &[u8], bits: u32) -> Option<u64> {
    let (first, mut after) = rest.split_first()?;
    let most = (1_u64 << bits) - 1;
    let mut value = u64::from(*first) & most;
    if value == most {
        let mut shift = 0;
        loop {
            let (byte, tail) = after.split_first()?;
            after = tail;
            let part = u64::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 56)?;
            value = value.checked_add(part)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *rest = after;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: u8 = 0xc0 | 0x11;
    const SCHEME: u8 = 0xc0 | 0x17;
    const PATH: u8 = 0xc0 | 0x01;
    const ACCEPT: u8 = 0xc0 | 0x1d;

    fn spelled(name: &str, value: &str) -> Vec<u8> {
        let short = |length: usize| u8::try_from(length).unwrap();
        let mut out = vec![];
        if name.len() < 7 {
            out.push(0x20 | short(name.len()));
        } else {
            out.extend([0x27, short(name.len() - 7)]);
        }
        out.extend(name.as_bytes());
        out.push(short(value.len()));
        out.extend(value.as_bytes());
        out
    }

    #[test]
    fn pseudo_fields_come_first_and_once() {
        let authority = [vec![0x50, 1], b"a".to_vec()].concat();
        for (name, fields, wanted) in [
            ("nothing", vec![], Ok(())),
            ("all", [&[METHOD, SCHEME, PATH][..], &authority, &[ACCEPT]].concat(), Ok(())),
            ("spelled", [spelled(":method", "GET"), spelled(":path", "/")].concat(), Ok(())),
            ("path twice", vec![METHOD, PATH, PATH], Err(Malformed)),
            (
                "twice by other means",
                [&[PATH][..], &spelled(":path", "/x")].concat(),
                Err(Malformed),
            ),
            ("authority twice", [&authority[..], &authority].concat(), Err(Malformed)),
            ("after an ordinary one", vec![METHOD, ACCEPT, PATH], Err(Malformed)),
            ("after a spelled one", [&spelled("x", "y")[..], &[PATH]].concat(), Err(Malformed)),
            ("an answer's", vec![METHOD, 0xc0 | 0x19], Err(Malformed)),
            ("an unknown one", spelled(":x", "y"), Err(Malformed)),
            ("one in code", vec![0x20 | 0x08 | 0x02, 0xb9, 0x49, 0], Err(Malformed)),
            ("a fragment", spelled(":path", "/a#b"), Err(Malformed)),
            ("a fragment in code", vec![0x51, 0x84, 0x63, 0xfe, 0xbc, 0xff], Err(Malformed)),
            ("a sign elsewhere", spelled("x", "#"), Ok(())),
            ("cut", vec![METHOD, 0x50, 0x7f, 0xff], Ok(())),
            ("of a table that is not there", vec![METHOD, 0x80 | 0x05, PATH, PATH], Ok(())),
        ] {
            assert_eq!(check(&[&[0, 0][..], &fields].concat(), Part::Header), wanted, "{name}");
        }
    }

    #[test]
    fn trailers_have_no_pseudo_fields() {
        for (fields, wanted) in [
            (spelled("x", "y"), Ok(())),
            (vec![ACCEPT], Ok(())),
            (vec![PATH], Err(Malformed)),
            ([spelled("x", "y"), spelled(":path", "/")].concat(), Err(Malformed)),
            (spelled(":x", "y"), Err(Malformed)),
        ] {
            let block = [&[0, 0][..], &fields].concat();
            assert_eq!(check(&block, Part::Trailers), wanted, "{fields:?}");
        }
    }

    #[test]
    fn hostile_integers_end() {
        for block in [vec![0xff; 64], [vec![0, 0, 0x27], vec![0x80; 64]].concat(), vec![0]] {
            assert_eq!(check(&block, Part::Header), Ok(()));
        }
    }
}

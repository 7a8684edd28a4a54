//! The chunked coding of an answer (RFC 9112 §7.1), taken off: its pieces, then its trailers.
//!
//! Invariants: nothing is waited for without a bound; a size that is not one ends the answer, it is never
//! guessed. White space after a size is borne, as some servers pad it.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Longest line of a chunk's size with its extensions.
const LINE_BYTES_MAX: usize = 4096;
/// Longest trailer section, and most fields in it.
const TRAILER_BYTES_MAX: usize = 16 * 1024;
const TRAILER_COUNT_MAX: usize = 64;
/// Bytes of the extensions of one answer, white space included, beyond those of its content so far.
const EXTENSION_BYTES_MAX: usize = 64 * 1024;
/// 15 hexadecimal digits stay below a sign bit in any reader.
const SIZE_DIGITS_MAX: usize = 15;

/// Not the chunked coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More bytes are needed.
    More,
    /// A piece of the content; never empty.
    Piece(Bytes),
    /// The end, with its trailers where there are any.
    End(Option<HeaderMap>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// So many bytes of a chunk are to come.
    Data(u64),
    /// The line's end behind a chunk.
    DataEnd,
    Trailer,
}

/// Where in an answer we are.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    state: State,
    /// Bytes at the front of the input in which no end was found.
    searched: usize,
    /// Bytes of extensions so far, less those of content.
    extensions: usize,
}

impl Chunks {
    /// Takes what is next from the front of `input`.
    pub(super) fn step(&mut self, input: &mut BytesMut) -> Result<Step, Broken> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = self.line(input, LINE_BYTES_MAX)? else {
                        return Ok(Step::More);
                    };
                    let (size, extension) = size(&line)?;
                    self.extensions += extension;
                    if self.extensions > EXTENSION_BYTES_MAX {
                        return Err(Broken);
                    }
                    self.state = if size == 0 { State::Trailer } else { State::Data(size) };
                }
                State::Data(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    if here == 0 {
                        return Ok(Step::More);
                    }
                    self.extensions = self.extensions.saturating_sub(here);
                    let left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    return Ok(Step::Piece(input.split_to(here).freeze()));
                }
                State::DataEnd => match input.as_ref() {
                    [b'\r', b'\n', ..] => {
                        input.advance(2);
                        self.state = State::Size;
                    }
                    [] | [b'\r'] => return Ok(Step::More),
                    _ => return Err(Broken),
                },
                State::Trailer => return self.trailer(input),
            }
        }
    }

    /// The next line, without its end.
    fn line(&mut self, input: &mut BytesMut, most: usize) -> Result<Option<Bytes>, Broken> {
        let fresh = input.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr::memchr(b'\n', fresh) else {
            self.searched = input.len();
            return if input.len() > most { Err(Broken) } else { Ok(None) };
        };
        let end = self.searched + found;
        self.searched = 0;
        if end > most {
            return Err(Broken);
        }
        let mut line = input.split_to(end + 1).freeze();
        line.truncate(end);
        if line.last() != Some(&b'\r') {
            return Err(Broken);
        }
        line.truncate(end - 1);
        Ok(Some(line))
    }

    fn trailer(&mut self, input: &mut BytesMut) -> Result<Step, Broken> {
        if input.starts_with(b"\r\n") {
            input.advance(2);
            return Ok(Step::End(None));
        }
        // A blank line may straddle what was searched.
        let from = self.searched.saturating_sub(3);
        let fresh = input.get(from..).unwrap_or_default();
        let Some(found) = memchr::memmem::find(fresh, b"\r\n\r\n") else {
            self.searched = input.len();
            return if input.len() > TRAILER_BYTES_MAX { Err(Broken) } else { Ok(Step::More) };
        };
        let section = input.split_to(from + found + 4).freeze();
        self.searched = 0;
        let mut fields = [httparse::EMPTY_HEADER; TRAILER_COUNT_MAX];
        let httparse::Status::Complete((_, fields)) =
            httparse::parse_headers(&section, &mut fields).ok().ok_or(Broken)?
        else {
            return Err(Broken);
        };
        let mut trailers = HeaderMap::with_capacity(fields.len());
        for field in fields {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok().ok_or(Broken)?;
            let value = HeaderValue::from_maybe_shared(section.slice_ref(field.value));
            trailers.append(name, value.ok().ok_or(Broken)?);
        }
        Ok(Step::End(Some(trailers)))
    }
}

/// A chunk's size, and how long what stands behind it is: extensions mean nothing to us (RFC 9112 §7.1.1).
fn size(line: &[u8]) -> Result<(u64, usize), Broken> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, extension) = line.split_at(digits);
    let blanks = extension.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let rest = extension.get(blanks..).unwrap_or_default();
    let is_text = rest.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..));
    if digits.is_empty()
        || digits.len() > SIZE_DIGITS_MAX
        || !matches!(rest, [] | [b';', ..])
        || !is_text
    {
        return Err(Broken);
    }
    let mut size = 0_u64;
    for digit in digits {
        let value = char::from(*digit).to_digit(16).ok_or(Broken)?;
        size = (size << 4) | u64::from(value);
    }
    Ok((size, extension.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Content, number of trailers, and what is left.
    type Read = (Vec<u8>, Option<usize>, Vec<u8>);

    /// Feeds by pieces; `None` where the end is not reached.
    fn read(input: &[u8], piece: usize) -> Result<Option<Read>, Broken> {
        let (mut chunks, mut buffer, mut content) =
            (Chunks::default(), BytesMut::new(), Vec::new());
        let mut parts = input.chunks(piece.max(1));
        loop {
            match chunks.step(&mut buffer)? {
                Step::Piece(piece) => {
                    assert!(!piece.is_empty());
                    content.extend_from_slice(&piece);
                }
                Step::End(trailers) => {
                    parts.for_each(|part| buffer.extend_from_slice(part));
                    return Ok(Some((content, trailers.map(|map| map.len()), buffer.to_vec())));
                }
                Step::More => match parts.next() {
                    Some(part) => buffer.extend_from_slice(part),
                    None => return Ok(None),
                },
            }
        }
    }

    #[test]
    fn content_trailers_and_what_follows() {
        for (input, content, trailers, rest) in [
            (&b"0\r\n\r\n"[..], "", None, ""),
            (b"5\r\nhello\r\n0\r\n\r\nHTTP", "hello", None, "HTTP"),
            (b"5  \r\nhello\r\n1;a=b\r\n!\r\n000\r\n\r\n", "hello!", None, ""),
            (
                b"a;x\r\n0123456789\r\n0;y\r\nA: b\r\nGrpc-Status:0\r\n\r\nx",
                "0123456789",
                Some(2),
                "x",
            ),
        ] {
            for piece in 1..=input.len() {
                let (got, kept, left) = read(input, piece).unwrap().unwrap();
                assert_eq!((got, kept), (content.as_bytes().to_vec(), trailers), "by {piece}");
                assert_eq!(left, rest.as_bytes(), "by {piece}");
            }
        }
    }

    #[test]
    fn what_is_not_the_coding_is_not_guessed() {
        for input in [
            &b"\r\n"[..],
            b"-1\r\n",
            b"0x5\r\nhello",
            b" 5\r\nhello",
            b"5 5\r\nhello",
            b"5\nhello",
            b"5\r\nhelloX0\r\n\r\n",
            b"5\r\nhello\n0\r\n\r\n",
            b"1000000000000000\r\n",
            b"5\r\r\nhello",
            b"5\x0c\r\nhello",
            b"5;a\rb\r\nhello",
            b"5;a\0\r\nhello",
            b"0\r\nno colon\r\n\r\n",
            b"0\r\n folded: x\r\n\r\n",
            b"0\r\nA : b\r\n\r\n",
        ] {
            for piece in 1..=input.len() {
                assert_eq!(read(input, piece), Err(Broken), "{input:?} by {piece}");
            }
        }
        assert_eq!(read(b"5\r\nhello\r\n0\r\n", 3), Ok(None), "no end is no end");
    }

    #[test]
    fn lines_and_trailers_are_bounded() {
        let line = [b"5;".to_vec(), vec![b'a'; LINE_BYTES_MAX]].concat();
        assert_eq!(read(&line, 100), Err(Broken));
        let chunk = |text: &str| {
            format!("{:X};{}\r\n{text}\r\n", text.len(), "a".repeat(1000)).into_bytes()
        };
        let few = chunk("a").repeat(EXTENSION_BYTES_MAX / 1000 + 2);
        assert_eq!(
            read(&few, 1000),
            Err(Broken),
            "more is said of the content than there is of it"
        );
        let much = chunk(&"b".repeat(2000)).repeat(EXTENSION_BYTES_MAX / 500);
        assert_eq!(read(&much, 1000), Ok(None));
        let fields = b"A: b\r\n".repeat(TRAILER_BYTES_MAX / 6 + 20);
        assert_eq!(read(&[b"0\r\n".to_vec(), fields].concat(), 100), Err(Broken));
        let many = b"A: b\r\n".repeat(TRAILER_COUNT_MAX + 1);
        assert_eq!(read(&[b"0\r\n".to_vec(), many, b"\r\n".to_vec()].concat(), 100), Err(Broken));
    }

    proptest! {
        #[test]
        fn what_was_chunked_comes_out_whole(
            content in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
            piece in 1_usize..50,
        ) {
            let mut input = Vec::new();
            for part in &content {
                input.extend_from_slice(format!("{:X}\r\n", part.len()).as_bytes());
                input.extend_from_slice(part);
                input.extend_from_slice(b"\r\n");
            }
            input.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(read(&input, piece), Ok(Some((content.concat(), None, Vec::new()))));
        }

        #[test]
        fn the_split_does_not_matter(
            input in proptest::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'2'), Just(b';'), Just(b':'), any::<u8>()],
                0..40),
            piece in 1_usize..20,
        ) {
            prop_assert_eq!(read(&input, piece), read(&input, input.len()));
        }
    }
}

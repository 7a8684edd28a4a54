//! The chunked coding (RFC 9112 §7.1), strictly: what this machine lets through has one reading.
//!
//! It is fed the bytes in pieces of any size and says how many belong to the body; it keeps none.

use crate::refusal::Reason;

/// Most bytes of extensions in one chunk.
const CHUNK_EXTENSION_BYTES_MAX: usize = 256;
/// Most bytes of extensions in a body.
const BODY_EXTENSION_BYTES_MAX: usize = 4096;
/// Most bytes of a trailer section.
const TRAILER_BYTES_MAX: usize = 4096;
/// 16 hexadecimal digits fill 64 bits.
const SIZE_DIGITS_MAX: u8 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Extension(Extension),
    SizeLf,
    Data,
    DataCr,
    DataLf,
    LineStart,
    Name,
    Value,
    TrailerLf,
    EndLf,
    Done,
}

/// Where in the extensions of a chunk (RFC 9112 §7.1.1): where a quoted value ends is not left to the reader behind us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// White space after the size or a value: legal only if an extension follows.
    Pause,
    /// After a semicolon, before the name.
    Start,
    Name,
    /// White space after a name.
    Named,
    /// Before a value.
    Equals,
    Token,
    Quoted,
    /// After a backslash in a quoted value.
    Escaped,
    /// After a quoted value.
    Unquoted,
}

impl Extension {
    /// What follows by this byte; `None` for a byte that cannot stand here.
    fn next(self, byte: u8) -> Option<State> {
        let token = super::bytes::is_token(&[byte]);
        let text = matches!(byte, b'\t' | 0x20..=0x7e | 0x80..);
        let next = match (self, byte) {
            (Self::Quoted, b'"') => Self::Unquoted,
            (Self::Quoted, b'\\') => Self::Escaped,
            (Self::Quoted | Self::Escaped, _) if text => Self::Quoted,
            (Self::Name | Self::Token | Self::Unquoted, b'\r') => return Some(State::SizeLf),
            (Self::Pause | Self::Named | Self::Name | Self::Token | Self::Unquoted, b';') => {
                Self::Start
            }
            (Self::Start | Self::Equals, b' ' | b'\t') => self,
            (Self::Name | Self::Named, b' ' | b'\t') => Self::Named,
            (Self::Pause | Self::Token | Self::Unquoted, b' ' | b'\t') => Self::Pause,
            (Self::Name | Self::Named, b'=') => Self::Equals,
            (Self::Equals, b'"') => Self::Quoted,
            (Self::Start | Self::Name, _) if token => Self::Name,
            (Self::Equals | Self::Token, _) if token => Self::Token,
            _ => return None,
        };
        Some(State::Extension(next))
    }
}

/// Where in a chunked body we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunked {
    state: State,
    size: u64,
    digits: u8,
    chunk_extension: usize,
    body_extension: usize,
    trailer: usize,
    name: usize,
}

impl Chunked {
    /// At the start of a body.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
            chunk_extension: 0,
            body_extension: 0,
            trailer: 0,
            name: 0,
        }
    }

    /// Whether the body has ended.
    pub(crate) fn done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what belongs to the body from the front of `input` and says how many bytes that is:
    /// all of them unless [`Self::done`].
    pub(crate) fn advance(&mut self, input: &[u8]) -> Result<usize, Reason> {
        let mut rest = input;
        while let [byte, tail @ ..] = rest {
            if self.state == State::Done {
                break;
            }
            if self.state == State::Data {
                rest = self.skip_data(rest);
                continue;
            }
            self.state = self.step(*byte)?;
            rest = tail;
        }
        Ok(input.len() - rest.len())
    }

    fn skip_data<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let here = usize::try_from(self.size).unwrap_or(usize::MAX).min(rest.len());
        self.size -= u64::try_from(here).unwrap_or(0).min(self.size);
        if self.size == 0 {
            self.state = State::DataCr;
        }
        rest.get(here..).unwrap_or_default()
    }

    fn step(&mut self, byte: u8) -> Result<State, Reason> {
        match self.state {
            State::Size => self.size_digit(byte),
            State::Extension(at) => self.extension(at, byte),
            State::SizeLf => self.size_end(byte),
            State::DataCr => expect(byte, b'\r', State::DataLf, Reason::ChunkEnd),
            State::DataLf => {
                (self.size, self.digits, self.chunk_extension) = (0, 0, 0);
                expect(byte, b'\n', State::Size, Reason::ChunkEnd)
            }
            State::LineStart | State::Name | State::Value | State::TrailerLf => self.trailer(byte),
            State::EndLf => expect(byte, b'\n', State::Done, Reason::Trailer),
            // `advance` does not come here in these.
            State::Data | State::Done => Err(Reason::ChunkEnd),
        }
    }

    fn size_digit(&mut self, byte: u8) -> Result<State, Reason> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ if self.digits == 0 => return Err(Reason::ChunkSize),
            b'\r' => return Ok(State::SizeLf),
            b';' | b' ' | b'\t' => return self.extension(Extension::Pause, byte),
            _ => return Err(Reason::ChunkSize),
        };
        if self.digits == SIZE_DIGITS_MAX {
            return Err(Reason::ChunkSize);
        }
        self.digits += 1;
        self.size = (self.size << 4) | u64::from(digit);
        // Sizes that no body may have would only serve to confuse a reader with a sign bit.
        if self.size > i64::MAX.unsigned_abs() { Err(Reason::ChunkSize) } else { Ok(State::Size) }
    }

    fn size_end(&mut self, byte: u8) -> Result<State, Reason> {
        let next = if self.size == 0 { State::LineStart } else { State::Data };
        expect(byte, b'\n', next, Reason::ChunkSize)
    }

    fn extension(&mut self, at: Extension, byte: u8) -> Result<State, Reason> {
        self.chunk_extension += 1;
        self.body_extension += 1;
        let over = self.chunk_extension > CHUNK_EXTENSION_BYTES_MAX
            || self.body_extension > BODY_EXTENSION_BYTES_MAX;
        match at.next(byte) {
            Some(next) if !over => Ok(next),
            // White space alone belongs to the size.
            None if at == Extension::Pause => Err(Reason::ChunkSize),
            Some(_) | None => Err(Reason::ChunkExtension),
        }
    }

    fn trailer(&mut self, byte: u8) -> Result<State, Reason> {
        self.trailer += 1;
        if self.trailer > TRAILER_BYTES_MAX {
            return Err(Reason::Trailer);
        }
        match (self.state, byte) {
            (State::LineStart, b'\r') => Ok(State::EndLf),
            (State::LineStart, _) if super::bytes::is_token(&[byte]) => {
                self.name = 1;
                Ok(State::Name)
            }
            (State::Name, b':') => Ok(State::Value),
            (State::Name, _) if super::bytes::is_token(&[byte]) => Ok(State::Name),
            (State::Value, b'\r') => Ok(State::TrailerLf),
            (State::Value, _) if super::bytes::is_value(&[byte]) => Ok(State::Value),
            (State::TrailerLf, b'\n') => Ok(State::LineStart),
            _ => Err(Reason::Trailer),
        }
    }
}

fn expect(byte: u8, wanted: u8, next: State, reason: Reason) -> Result<State, Reason> {
    if byte == wanted { Ok(next) } else { Err(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(input: &[u8], piece: usize) -> Result<(usize, bool), Reason> {
        let mut machine = Chunked::new();
        let mut taken = 0;
        for part in input.chunks(piece.max(1)) {
            let here = machine.advance(part)?;
            taken += here;
            if machine.done() {
                break;
            }
            assert_eq!(here, part.len());
        }
        Ok((taken, machine.done()))
    }

    #[test]
    fn legal_bodies_end_where_they_end() {
        for (body, rest) in [
            (&b"0\r\n\r\n"[..], &b""[..]),
            (b"5\r\nhello\r\n0\r\n\r\n", b"GET"),
            (b"5;a=b\r\nhello\r\n00000\r\n\r\n", b"x"),
            (b"5 ; a=\"b\"\r\nhello\r\n0;last\r\n\r\n", b""),
            (b"00A\r\n0123456789\r\n0\r\nX-T: a\tb \r\nY:\r\n\r\n", b"\r\n"),
            (b"1;a=\"\\\"; \\\\\" ; b = c;d\r\nx\r\n0;a=\"\"\r\n\r\n", b"0"),
            (b"a\r\n0\r\n\r\n01234\r\n0\r\n\r\n", b"0\r\n\r\n"),
        ] {
            let input = [body, rest].concat();
            for piece in 1..=input.len() {
                assert_eq!(run(&input, piece), Ok((body.len(), true)), "{input:?} by {piece}");
            }
        }
    }

    #[test]
    fn ambiguous_bodies_are_refused() {
        for (body, reason) in [
            (&b"\r\n"[..], Reason::ChunkSize),
            (b"-5\r\n", Reason::ChunkSize),
            (b"+5\r\n", Reason::ChunkSize),
            (b"0x5\r\n", Reason::ChunkSize),
            (b" 5\r\n", Reason::ChunkSize),
            (b"5g\r\n", Reason::ChunkSize),
            (b"5 \r\n", Reason::ChunkSize),
            (b"5\nhello\r\n", Reason::ChunkSize),
            (b"5\r5\r\n", Reason::ChunkSize),
            (b"ffffffffffffffff\r\n", Reason::ChunkSize),
            (b"00000000000000005\r\n", Reason::ChunkSize),
            (b"5;a\nhello\r\n", Reason::ChunkExtension),
            (b"5;a\rb\r\nhello\r\n", Reason::ChunkSize),
            (b"5;\r\nhello\r\n", Reason::ChunkExtension),
            (b"5;;a\r\nhello\r\n", Reason::ChunkExtension),
            (b"5;a=\r\nhello\r\n", Reason::ChunkExtension),
            (b"5;a=b=c\r\nhello\r\n", Reason::ChunkExtension),
            (b"5;a b\r\nhello\r\n", Reason::ChunkExtension),
            (b"5;a=\"b\r\nhello\r\n", Reason::ChunkExtension),
            (b"5;a=\"b\\\r\nhello\r\n", Reason::ChunkExtension),
            (b"5;a=\"b\"c\r\nhello\r\n", Reason::ChunkExtension),
            (b"5;a=b\"c\"\r\nhello\r\n", Reason::ChunkExtension),
            (b"5;a=\"b\" \r\nhello\r\n", Reason::ChunkSize),
            (b"5;a\0\r\nhello\r\n", Reason::ChunkExtension),
            (b"5\r\nhello\n0\r\n\r\n", Reason::ChunkEnd),
            (b"5\r\nhelloX\r\n", Reason::ChunkEnd),
            (b"5\r\nhello\rX", Reason::ChunkEnd),
            (b"0\r\n\n", Reason::Trailer),
            (b"0\r\n X: y\r\n\r\n", Reason::Trailer),
            (b"0\r\nX : y\r\n\r\n", Reason::Trailer),
            (b"0\r\nno colon\r\n\r\n", Reason::Trailer),
            (b"0\r\nX: y\nZ: a\r\n\r\n", Reason::Trailer),
            (b"0\r\n\rX", Reason::Trailer),
        ] {
            for piece in 1..=body.len() {
                assert_eq!(run(body, piece), Err(reason), "{body:?} by {piece}");
            }
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let long = [b"5;".to_vec(), vec![b'a'; 256], b"\r\n".to_vec()].concat();
        assert_eq!(run(&long, 7), Err(Reason::ChunkExtension));
        let many = b"1;aaaaaaaaaa\r\nx\r\n".repeat(400);
        assert_eq!(run(&many, 64), Err(Reason::ChunkExtension));
        let few = [b"1;aaaaaaaaaa\r\nx\r\n".repeat(300), b"0\r\n\r\n".to_vec()].concat();
        assert_eq!(run(&few, 64), Ok((few.len(), true)));
        let trailer = [b"0\r\n".to_vec(), b"A: b\r\n".repeat(1000)].concat();
        assert_eq!(run(&trailer, 64), Err(Reason::Trailer));
    }

    proptest! {
        #[test]
        fn the_split_does_not_matter(
            input in proptest::collection::vec(
                prop_oneof![
                    Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'1'), Just(b';'), Just(b' '),
                    Just(b'a'), Just(b':'), any::<u8>()
                ], 0..60),
            piece in 1_usize..20,
        ) {
            prop_assert_eq!(run(&input, piece), run(&input, input.len()));
        }
    }
}

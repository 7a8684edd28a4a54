//! Answers that come compressed, read for the rules: what the client gets stays as it came.
//!
//! Bounded: input is taken in small steps, so that no step makes more than half a megabyte of it, and nothing
//! is decoded past what the rules want to see.

use burgrave_seclang::BodyIntake;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use std::io::Write as _;

/// Bytes of a step: deflate makes at most some thousand times as many of them.
const STEP_BYTES: usize = 512;

/// A coding that can be read (RFC 9110 §8.4.1).
pub(crate) enum Decoder {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Deflate(ZlibDecoder<Vec<u8>>),
}

/// What is said to be compressed and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undecodable;

impl Decoder {
    /// For an answer's coding; `None` where it has none, or one that cannot be read.
    pub(crate) fn of(fields: &HeaderMap) -> Option<Self> {
        let mut all = fields.get_all(CONTENT_ENCODING).iter();
        let (Some(only), None) = (all.next(), all.next()) else { return None };
        let name = only.as_bytes().trim_ascii().to_ascii_lowercase();
        match name.as_slice() {
            b"gzip" | b"x-gzip" => Some(Self::Gzip(MultiGzDecoder::new(Vec::new()))),
            b"deflate" => Some(Self::Deflate(ZlibDecoder::new(Vec::new()))),
            _ => None,
        }
    }

    /// Decodes a piece and gives what comes out of it, until no more is wanted.
    pub(crate) fn feed(
        &mut self,
        piece: &[u8],
        mut give: impl FnMut(&[u8]) -> BodyIntake,
    ) -> Result<BodyIntake, Undecodable> {
        for step in piece.chunks(STEP_BYTES) {
            self.write(step)?;
            match self.made(&mut give) {
                BodyIntake::Wanted => {}
                other @ (BodyIntake::Enough | BodyIntake::Refused(_)) => return Ok(other),
            }
        }
        Ok(BodyIntake::Wanted)
    }

    /// Gives the rest; an answer that ended before its end is none that could be read.
    pub(crate) fn end(
        &mut self,
        mut give: impl FnMut(&[u8]) -> BodyIntake,
    ) -> Result<BodyIntake, Undecodable> {
        let ended = match self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Deflate(decoder) => decoder.try_finish(),
        };
        ended.map_err(|_broken| Undecodable)?;
        Ok(self.made(&mut give))
    }

    fn write(&mut self, step: &[u8]) -> Result<(), Undecodable> {
        let written = match self {
            Self::Gzip(decoder) => decoder.write_all(step).and_then(|()| decoder.flush()),
            Self::Deflate(decoder) => decoder.write_all(step).and_then(|()| decoder.flush()),
        };
        written.map_err(|_broken| Undecodable)
    }

    fn made(&mut self, give: &mut impl FnMut(&[u8]) -> BodyIntake) -> BodyIntake {
        let out = match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
        };
        if out.is_empty() {
            return BodyIntake::Wanted;
        }
        let intake = give(out);
        out.clear();
        intake
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    fn decoder(names: &[&'static str]) -> Option<Decoder> {
        let mut fields = HeaderMap::new();
        for name in names {
            fields.append(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        Decoder::of(&fields)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// All that comes out, fed in pieces of this size.
    fn all(names: &[&'static str], body: &[u8], size: usize) -> Result<Vec<u8>, Undecodable> {
        let mut decoder = decoder(names).unwrap();
        let mut out = Vec::new();
        let mut give = |plain: &[u8]| {
            out.extend_from_slice(plain);
            BodyIntake::Wanted
        };
        for piece in body.chunks(size) {
            decoder.feed(piece, &mut give)?;
        }
        decoder.end(&mut give)?;
        Ok(out)
    }

    #[test]
    fn known_codings_are_read_and_broken_ones_told() {
        let text = b"a leak, and more of it ".repeat(300);
        for size in [1, 100, 10_000] {
            for name in ["gzip", "X-GZIP", " gzip "] {
                assert_eq!(all(&[name], &gzip(&text), size).as_deref(), Ok(&text[..]));
            }
            assert_eq!(all(&["deflate"], &zlib(&text), size).as_deref(), Ok(&text[..]));
            let two = [gzip(b"one"), gzip(b"two")].concat();
            assert_eq!(all(&["gzip"], &two, size).as_deref(), Ok(&b"onetwo"[..]));
            let whole = gzip(&text);
            for broken in [&whole[..whole.len() - 9], b"plain text", &zlib(&text)] {
                assert_eq!(all(&["gzip"], broken, size), Err(Undecodable), "in {size}");
            }
        }
        for names in [&[][..], &["br"], &["gzip, gzip"], &["gzip", "gzip"], &["identity"]] {
            assert!(decoder(names).is_none(), "{names:?}");
        }
    }

    #[test]
    fn no_step_makes_much_and_nothing_is_made_unwanted() {
        let bomb = gzip(&vec![b'0'; 64 << 20]);
        let mut decoder = decoder(&["gzip"]).unwrap();
        let (mut seen, mut largest) = (0, 0);
        let intake = decoder.feed(&bomb, |plain| {
            seen += plain.len();
            largest = largest.max(plain.len());
            if seen >= 1 << 20 { BodyIntake::Enough } else { BodyIntake::Wanted }
        });
        assert!(matches!(intake, Ok(BodyIntake::Enough)));
        assert!(largest <= 600 << 10 && seen < 2 << 20, "{largest} of {seen}");
    }
}

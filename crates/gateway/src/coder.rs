//! Content codings that are made here: Brotli (RFC 7932), zstd (RFC 8878) and gzip (RFC 1952).
//!
//! Invariants: each keeps a window of at most 256 KB, so that what a connection costs is bounded; what was written can
//! be taken out at any pause, and can then be read to its last byte.

use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

/// A coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

/// How hard is tried: most of the gain at a part of the time.
const BROTLI_QUALITY: i32 = 4;
const ZSTD_LEVEL: i32 = 3;
const GZIP_LEVEL: u32 = 4;
/// Of the windows of the first two, as a power of two.
const WINDOW: u32 = 18;
/// Of what Brotli gathers before it writes.
const BROTLI_BUFFER: usize = 4096;

impl Coding {
    /// All, in the order of our preference.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// As HTTP names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Of a precompressed sibling.
    pub(crate) const fn suffix(self) -> &'static [u8] {
        match self {
            Self::Brotli => b".br",
            Self::Zstd => b".zst",
            Self::Gzip => b".gz",
        }
    }

    /// Its place in [`Self::ALL`], as a bit.
    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::Brotli => 1,
            Self::Zstd => 2,
            Self::Gzip => 4,
        }
    }

    /// All of a content. `None`: it cannot be coded.
    pub(crate) fn whole(self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut coder = Coder::new(self).ok()?;
        coder.write(plain).ok()?;
        coder.finish().ok()
    }
}

/// Makes a coding of what it is given, in memory.
pub(crate) enum Coder {
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Coder {
    pub(crate) fn new(coding: Coding) -> std::io::Result<Self> {
        Ok(match coding {
            Coding::Brotli => {
                let params = BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: i32::try_from(WINDOW).unwrap_or_default(),
                    ..BrotliEncoderParams::default()
                };
                let writer = CompressorWriter::with_params(Vec::new(), BROTLI_BUFFER, &params);
                Self::Brotli(Box::new(writer))
            }
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                encoder.window_log(WINDOW)?;
                Self::Zstd(encoder)
            }
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
        })
    }

    pub(crate) fn write(&mut self, plain: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Brotli(coder) => coder.write_all(plain),
            Self::Zstd(coder) => coder.write_all(plain),
            Self::Gzip(coder) => coder.write_all(plain),
        }
    }

    /// What was written so far can be taken and read.
    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Brotli(coder) => coder.flush(),
            Self::Zstd(coder) => coder.flush(),
            Self::Gzip(coder) => coder.flush(),
        }
    }

    /// How much can be taken.
    pub(crate) fn ready(&self) -> usize {
        match self {
            Self::Brotli(coder) => coder.get_ref().len(),
            Self::Zstd(coder) => coder.get_ref().len(),
            Self::Gzip(coder) => coder.get_ref().len(),
        }
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Self::Brotli(coder) => coder.get_mut(),
            Self::Zstd(coder) => coder.get_mut(),
            Self::Gzip(coder) => coder.get_mut(),
        })
    }

    /// The rest.
    pub(crate) fn finish(self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Brotli(coder) => Ok(coder.into_inner()),
            Self::Zstd(coder) => coder.finish(),
            Self::Gzip(coder) => coder.finish(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Read as _;

    /// What a client reads of a coding, as far as it goes.
    pub(crate) fn read(coding: Coding, packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut reader: Box<dyn std::io::Read + '_> = match coding {
            Coding::Brotli => Box::new(brotli::Decompressor::new(packed, 4096)),
            Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(packed).unwrap()),
            Coding::Gzip => Box::new(flate2::read::GzDecoder::new(packed)),
        };
        let mut piece = [0; 512];
        while let Ok(count @ 1..) = reader.read(&mut piece) {
            plain.extend_from_slice(&piece[..count]);
        }
        plain
    }

    #[test]
    fn what_is_coded_can_be_read_at_every_pause_and_at_the_end() {
        for coding in Coding::ALL {
            let mut coder = Coder::new(coding).unwrap();
            let (mut sent, mut plain) = (Vec::new(), Vec::new());
            for number in 0..200 {
                let line = format!("line {number} of many that are nearly alike\n");
                coder.write(line.as_bytes()).unwrap();
                plain.extend_from_slice(line.as_bytes());
                if number % 20 == 0 {
                    coder.flush().unwrap();
                    assert!(coder.ready() > 0);
                    sent.extend(coder.take());
                    assert_eq!(read(coding, &sent), plain, "{coding:?} after {number}");
                }
            }
            sent.extend(coder.finish().unwrap());
            assert_eq!(read(coding, &sent), plain, "{coding:?}");
            assert!(sent.len() * 3 < plain.len(), "{coding:?}: {} of {}", sent.len(), plain.len());
        }
    }

    #[test]
    fn nothing_and_noise_come_back_as_they_were() {
        let noise: Vec<u8> = (0..600_000_u32)
            .map(|number| u8::try_from(number.wrapping_mul(2_654_435_761) >> 24).unwrap())
            .collect();
        for coding in Coding::ALL {
            for plain in [&[][..], b"a", &noise] {
                let packed = coding.whole(plain).unwrap();
                assert_eq!(read(coding, &packed), plain, "{coding:?} of {}", plain.len());
            }
        }
    }

    #[test]
    fn bits_and_names_are_those_of_the_order() {
        for (place, coding) in Coding::ALL.into_iter().enumerate() {
            assert_eq!(coding.bit(), 1 << place);
            assert!(coding.suffix().starts_with(b".") && !coding.name().is_empty());
        }
    }
}

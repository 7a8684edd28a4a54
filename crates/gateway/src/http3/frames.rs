//! The lengths of HTTP/3 frames (RFC 9114 §7.1), looked at before the library keeps their content: it
//! waits for the whole of every frame but DATA, however long that says it is.

use super::fields::{self, Malformed, Part};

/// Frame types (RFC 9114 §11.2.1).
const DATA: u64 = 0;
const HEADERS: u64 = 1;
/// Stream types (RFC 9114 §11.2.4).
const CONTROL: u64 = 0;
const PUSH: u64 = 1;
/// Most bytes of a frame that is neither content nor a header.
const OTHER_BYTES_MAX: u64 = 4 * 1024;
/// Frames without content that a stream may have: empty ones, and those that mean nothing to us.
const IDLE_FRAMES_MAX: u32 = 64;
/// The same for the control stream, over a connection's whole life: browsers say there how urgent each
/// request is.
const CONTROL_FRAMES_MAX: u32 = 10_000;

/// Why no more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// More than a client may send: the connection ends.
    Excess,
    /// A push, which is a server's: the connection ends.
    Push,
    /// No request: its stream ends.
    Malformed,
}

/// An integer of variable length (RFC 9000 §16), byte by byte.
#[derive(Clone, Copy, Debug, Default)]
struct Integer {
    value: u64,
    missing: u8,
    begun: bool,
}

impl Integer {
    /// Takes a byte; the integer once it is whole.
    fn take(&mut self, byte: u8) -> Option<u64> {
        if self.begun {
            self.value = (self.value << 8) | u64::from(byte);
            self.missing = self.missing.saturating_sub(1);
        } else {
            self.begun = true;
            self.value = u64::from(byte & 0x3f);
            self.missing = match byte >> 6 {
                0 => 0,
                1 => 1,
                2 => 3,
                _ => 7,
            };
        }
        if self.missing > 0 {
            return None;
        }
        let whole = self.value;
        *self = Self::default();
        Some(whole)
    }
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// The type of a stream of one direction.
    StreamType,
    FrameType,
    Length(u64),
    /// With the frame's type, and what is left of it.
    Content(u64, u64),
    /// Not made of frames.
    Unframed,
}

/// How far into a stream of frames we are.
#[derive(Debug)]
pub(super) struct FrameWatch {
    at: At,
    integer: Integer,
    headers_max: u64,
    idle_left: u32,
    /// The compressed header of a request or its trailers, until they are whole, and which of them.
    header: Option<(Vec<u8>, Part)>,
}

impl FrameWatch {
    /// A request's stream, whose headers may take `headers_max` bytes.
    pub(super) fn of_request(headers_max: u64) -> Self {
        let integer = Integer::default();
        let (idle_left, header) = (IDLE_FRAMES_MAX, Some((Vec::new(), Part::Header)));
        Self { at: At::FrameType, integer, headers_max, idle_left, header }
    }

    /// A stream of one direction, which begins with its type.
    pub(super) fn of_one_direction() -> Self {
        let integer = Integer::default();
        let (headers_max, idle_left, header) = (0, CONTROL_FRAMES_MAX, None);
        Self { at: At::StreamType, integer, headers_max, idle_left, header }
    }

    /// Takes what has come.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.at {
                At::Unframed => return Ok(()),
                At::Content(kind, left) => {
                    let here = u64::try_from(rest.len()).unwrap_or(u64::MAX).min(left);
                    let passed = usize::try_from(here).unwrap_or(rest.len());
                    let (content, after) = rest.split_at_checked(passed).unwrap_or((rest, b""));
                    rest = after;
                    let left = left.saturating_sub(here);
                    self.at = if left == 0 { At::FrameType } else { At::Content(kind, left) };
                    if kind == HEADERS {
                        self.keep(content, left == 0)?;
                    }
                }
                At::StreamType | At::FrameType | At::Length(_) => {
                    let Some((first, after)) = rest.split_first() else { return Ok(()) };
                    rest = after;
                    if let Some(whole) = self.integer.take(*first) {
                        self.at = self.after(whole)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps a request's header or trailers, which were found to fit, and looks at it once it is whole.
    fn keep(&mut self, content: &[u8], whole: bool) -> Result<(), Refused> {
        let Some((header, part)) = &mut self.header else { return Ok(()) };
        header.extend_from_slice(content);
        if whole {
            let checked = fields::check(header, *part);
            *header = Vec::new();
            *part = Part::Trailers;
            checked.map_err(|Malformed| Refused::Malformed)?;
        }
        Ok(())
    }

    /// What follows an integer.
    fn after(&mut self, whole: u64) -> Result<At, Refused> {
        match self.at {
            At::StreamType if whole == CONTROL => Ok(At::FrameType),
            // Only servers push (RFC 9114 §6.2.2).
            At::StreamType if whole == PUSH => Err(Refused::Push),
            At::StreamType => Ok(At::Unframed),
            At::Length(kind) => {
                self.check(kind, whole)?;
                Ok(if whole == 0 { At::FrameType } else { At::Content(kind, whole) })
            }
            At::FrameType | At::Content(..) | At::Unframed => Ok(At::Length(whole)),
        }
    }

    fn check(&mut self, kind: u64, length: u64) -> Result<(), Refused> {
        let most = match kind {
            DATA => u64::MAX,
            HEADERS => self.headers_max.max(OTHER_BYTES_MAX),
            _ => OTHER_BYTES_MAX,
        };
        if length > most {
            return Err(Refused::Excess);
        }
        let works = kind == HEADERS || (kind == DATA && length > 0);
        if !works {
            self.idle_left = self.idle_left.checked_sub(1).ok_or(Refused::Excess)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame's type and length, as the shortest integers that hold them.
    fn start(kind: u64, length: u64) -> Vec<u8> {
        [integer(kind), integer(length)].concat()
    }

    fn integer(value: u64) -> Vec<u8> {
        match value {
            0..=63 => vec![u8::try_from(value).unwrap()],
            64..=16_383 => (u16::try_from(value).unwrap() | 0x4000).to_be_bytes().to_vec(),
            16_384..=1_073_741_823 => {
                (u32::try_from(value).unwrap() | 0x8000_0000).to_be_bytes().to_vec()
            }
            _ => (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
        }
    }

    /// Whatever the pieces are, the answer is the same.
    fn fed(watch: impl Fn() -> FrameWatch, bytes: &[u8]) -> Result<(), Refused> {
        let whole = watch().take(bytes);
        for size in [1, 2, 3, 7] {
            let mut own = watch();
            let pieces: Result<(), Refused> =
                bytes.chunks(size).try_for_each(|piece| own.take(piece));
            assert_eq!(pieces, whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn frames_are_held_to_their_bounds() {
        let request = || FrameWatch::of_request(16_384);
        let body = |kind, length: usize| {
            [start(kind, u64::try_from(length).unwrap()), vec![0; length]].concat()
        };
        for (name, bytes, wanted) in [
            ("nothing", vec![], Ok(())),
            ("header, content", [body(1, 200), body(0, 70_000), body(0, 5)].concat(), Ok(())),
            ("content of any length", start(0, 1 << 61), Ok(())),
            ("header at its bound", start(1, 16_384), Ok(())),
            ("header over it", start(1, 16_385), Err(Refused::Excess)),
            ("header without end", start(1, (1 << 62) - 1), Err(Refused::Excess)),
            ("a long frame of no meaning", start(0x21, 4_097), Err(Refused::Excess)),
            ("a short one", body(0x21, 4_096), Ok(())),
            ("64 of no meaning", body(0x21, 1).repeat(64), Ok(())),
            ("65 of no meaning", body(0x21, 1).repeat(65), Err(Refused::Excess)),
            ("path twice", [start(1, 4), vec![0, 0, 0xc1, 0xc1]].concat(), Err(Refused::Malformed)),
            (
                "a path in trailers",
                [body(1, 1), start(1, 3), vec![0, 0, 0xc1]].concat(),
                Err(Refused::Malformed),
            ),
            ("65 empty ones", start(0, 0).repeat(65), Err(Refused::Excess)),
            ("long settings", [body(1, 1), start(4, 5_000)].concat(), Err(Refused::Excess)),
        ] {
            assert_eq!(fed(request, &bytes), wanted, "{name}");
        }
    }

    #[test]
    fn only_control_streams_are_made_of_frames() {
        let one = FrameWatch::of_one_direction;
        for (name, bytes, wanted) in [
            ("settings", [integer(0), start(4, 0)].concat(), Ok(())),
            ("long settings", [integer(0), start(4, 5_000)].concat(), Err(Refused::Excess)),
            ("compression", [integer(2), start(1, 1 << 40)].concat(), Ok(())),
            ("a push", integer(1), Err(Refused::Push)),
            ("of no meaning", [integer(0x21), start(4, 1 << 40)].concat(), Ok(())),
            ("10,000 frames", [integer(0), start(0x21, 0).repeat(10_000)].concat(), Ok(())),
            (
                "10,001 frames",
                [integer(0), start(0x21, 0).repeat(10_001)].concat(),
                Err(Refused::Excess),
            ),
        ] {
            assert_eq!(fed(one, &bytes), wanted, "{name}");
        }
    }
}

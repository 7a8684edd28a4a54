//! Which error of HTTP/2 a frame is (RFC 9113 §7), where the HTTP library knows but one.
//!
//! The library ends a connection for a frame of a wrong size, a header block that cannot be decoded and a frame on a
//! stream that is closed alike, with `PROTOCOL_ERROR`. Whoever looks for the fault at the other end is told which it was:
//! the code of the library's `GOAWAY` is written anew as it goes out. Whether a connection ends is the library's to say.

use crate::frame_head::flag::ACK;
use crate::frame_head::kind::{GOAWAY, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE};
use crate::frame_head::{HEAD_BYTES, Head};
use crate::frames::Frame;

/// Bytes of one setting, and which one bounds how much of a stream may be sent.
const SETTING_BYTES: usize = 6;
const INITIAL_WINDOW_SIZE: u16 = 4;
const WINDOW_MAX: u32 = 0x7fff_ffff;

/// An error of HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    FlowControl,
    StreamClosed,
    FrameSize,
    Compression,
}

impl Fault {
    const fn code(self) -> u32 {
        match self {
            Self::FlowControl => 3,
            Self::StreamClosed => 5,
            Self::FrameSize => 6,
            Self::Compression => 9,
        }
    }

    /// What is wrong with a frame by itself.
    pub(crate) fn of(frame: &Frame) -> Option<Self> {
        let Head { length, kind, .. } = frame.head;
        let is_wrong_size = match kind {
            PRIORITY => length != 5,
            RST_STREAM | WINDOW_UPDATE => length != 4,
            PING => length != 8,
            GOAWAY => length < 8,
            SETTINGS if frame.head.has(ACK) => length != 0,
            SETTINGS => !length.is_multiple_of(SETTING_BYTES),
            _ => false,
        };
        let [high, low, window @ .., _, _] = frame.content;
        let is_window = u16::from_be_bytes([high, low]) == INITIAL_WINDOW_SIZE;
        match kind {
            _ if is_wrong_size => Some(Self::FrameSize),
            SETTINGS if is_window && u32::from_be_bytes(window) > WINDOW_MAX => {
                Some(Self::FlowControl)
            }
            _ => None,
        }
    }
}

/// What a connection ends with where nobody knows better.
const PROTOCOL_ERROR: [u8; 4] = [0, 0, 0, 1];

/// Writes the fault into the `GOAWAY` among these bytes, the first frame of which begins at `at`; `false`: there is none.
pub(crate) fn tell(fault: Fault, bytes: &mut [u8], mut at: usize) -> bool {
    while let Some(head) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let head = Head::read(*head);
        let code = at + HEAD_BYTES + 4;
        if head.kind == GOAWAY
            && let Some(code) = bytes.get_mut(code..code + PROTOCOL_ERROR.len())
        {
            let is_vague = code == PROTOCOL_ERROR;
            if is_vague {
                code.copy_from_slice(&fault.code().to_be_bytes());
            }
            return is_vague;
        }
        at += HEAD_BYTES + head.length;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: usize, content: [u8; 8]) -> Frame {
        Frame { head: Head { kind, flags, length, stream: 1 }, content }
    }

    #[test]
    fn each_fault_has_its_code() {
        let large = [0, 4, 0x80, 0, 0, 0, 0, 0];
        for (given, wanted) in [
            (frame(SETTINGS, 0, 0, [0; 8]), None),
            (frame(SETTINGS, 0, 12, [0; 8]), None),
            (frame(SETTINGS, 0, 7, [0; 8]), Some(6)),
            (frame(SETTINGS, ACK, 0, [0; 8]), None),
            (frame(SETTINGS, ACK, 6, [0; 8]), Some(6)),
            (frame(SETTINGS, 0, 6, large), Some(3)),
            (frame(SETTINGS, 0, 6, [0, 4, 0x7f, 0xff, 0xff, 0xff, 0, 0]), None),
            (frame(SETTINGS, 0, 6, [0, 3, 0x80, 0, 0, 0, 0, 0]), None),
            (frame(PING, 0, 8, large), None),
            (frame(PING, 0, 6, [0; 8]), Some(6)),
            (frame(WINDOW_UPDATE, 0, 3, [0; 8]), Some(6)),
            (frame(RST_STREAM, 0, 5, [0; 8]), Some(6)),
            (frame(PRIORITY, 0, 4, [0; 8]), Some(6)),
            (frame(GOAWAY, 0, 4, [0; 8]), Some(6)),
            (frame(GOAWAY, 0, 20, [0; 8]), None),
            (frame(0, 0, 4, [0; 8]), None),
            (frame(0xee, 0, 4, [0; 8]), None),
        ] {
            assert_eq!(Fault::of(&given).map(Fault::code), wanted, "{given:?}");
        }
        assert_eq!(Fault::StreamClosed.code(), 5);
        assert_eq!(Fault::Compression.code(), 9);
    }

    #[test]
    fn only_a_vague_end_is_told_better() {
        let goaway =
            |code: u8| [0, 0, 8, GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, code].to_vec();
        let ping = [&[0, 0, 8, PING, 0, 0, 0, 0, 0][..], &[1; 8]].concat();
        for (bytes, at, wanted) in [
            (goaway(1), 0, Some(goaway(6))),
            ([ping.clone(), goaway(1)].concat(), 0, Some([ping.clone(), goaway(6)].concat())),
            ([vec![0, 0, 1], goaway(1)].concat(), 3, Some([vec![0, 0, 1], goaway(6)].concat())),
            (goaway(0), 0, None),
            (goaway(11), 0, None),
            (ping, 0, None),
            (goaway(1)[..12].to_vec(), 0, None),
            (goaway(1), 100, None),
            (vec![], 0, None),
        ] {
            let mut told = bytes.clone();
            assert_eq!(tell(Fault::FrameSize, &mut told, at), wanted.is_some(), "{bytes:?}");
            assert_eq!(told, wanted.unwrap_or(bytes));
        }
    }
}

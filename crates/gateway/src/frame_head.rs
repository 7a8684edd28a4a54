//! The head of a frame of HTTP/2 (RFC 9113 §4.1), and the numbers of §6 that its readers share.

/// Bytes of a head.
pub(crate) const HEAD_BYTES: usize = 9;

/// Types of frames.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
}

/// Flags, which mean something on certain types only.
pub(crate) mod flag {
    /// Of `SETTINGS`.
    pub(crate) const ACK: u8 = 0x01;
    /// Of `DATA` and `HEADERS`.
    pub(crate) const END_STREAM: u8 = 0x01;
    pub(crate) const END_HEADERS: u8 = 0x04;
    pub(crate) const PADDED: u8 = 0x08;
    pub(crate) const PRIORITY: u8 = 0x20;
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes of the content.
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    /// Without the bit that is reserved.
    pub(crate) stream: u32,
}

impl Head {
    pub(crate) fn read(bytes: [u8; HEAD_BYTES]) -> Self {
        let [high, middle, low, kind, flags, stream @ ..] = bytes;
        let length =
            [high, middle, low].into_iter().fold(0, |sum, byte| sum << 8 | usize::from(byte));
        Self { length, kind, flags, stream: u32::from_be_bytes(stream) & 0x7fff_ffff }
    }

    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether nothing of its message follows it on its stream.
    pub(crate) fn ends_stream(self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.has(flag::END_STREAM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read() {
        let head = Head::read([1, 2, 3, kind::HEADERS, 0x25, 0x80, 0, 1, 0]);
        let wanted = Head { length: 0x0001_0203, kind: kind::HEADERS, flags: 0x25, stream: 256 };
        assert_eq!(head, wanted);
        assert!(head.ends_stream() && head.has(flag::END_HEADERS) && !head.has(flag::PADDED));
        assert!(!Head { kind: kind::PING, ..head }.ends_stream());
        assert!(!Head { flags: flag::END_HEADERS, ..head }.ends_stream());
    }
}

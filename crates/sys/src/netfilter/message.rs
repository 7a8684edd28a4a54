//! Messages of netlink, written and read as bytes (`netlink(7)`, the kernel's
//! `Documentation/userspace-api/netlink/`).
//!
//! Invariants: what the kernel answers is read within its own lengths and never beyond the buffer; a
//! message that does not fit its own header ends the reading.

/// Flags of a request.
pub(super) const REQUEST: u16 = 0x1;
pub(super) const ACK: u16 = 0x4;
pub(super) const DUMP: u16 = 0x300;
pub(super) const CREATE: u16 = 0x400;
/// Kinds of message that all subsystems share.
pub(super) const ERROR: u16 = 2;
pub(super) const DONE: u16 = 3;
/// The bit that says an attribute holds attributes.
const NESTED: u16 = 0x8000;
const KIND_MASK: u16 = 0x3fff;
const HEADER_BYTES: usize = 16;
const ATTRIBUTE_BYTES: usize = 4;

/// Messages that are being written.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
}

impl Writer {
    /// One message: a header, the four bytes of netfilter, and attributes.
    pub(super) fn message(
        &mut self,
        kind: u16,
        flags: u16,
        sequence: u32,
        netfilter: [u8; 4],
        fill: impl FnOnce(&mut Self),
    ) {
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(sequence.to_ne_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(netfilter);
        fill(self);
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        self.put(start, &length.to_ne_bytes());
    }

    /// An attribute that holds others.
    pub(super) fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; ATTRIBUTE_BYTES]);
        fill(self);
        self.close(start, kind | NESTED);
    }

    /// An attribute that holds bytes.
    pub(super) fn value(&mut self, kind: u16, value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend([0; ATTRIBUTE_BYTES]);
        self.bytes.extend(value);
        self.close(start, kind);
        // The next one begins at a multiple of four.
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
    }

    /// An attribute that holds a name, which ends in a zero.
    pub(super) fn name(&mut self, kind: u16, name: &str) {
        let mut bytes = name.as_bytes().to_vec();
        bytes.push(0);
        self.value(kind, &bytes);
    }

    fn close(&mut self, start: usize, kind: u16) {
        let length = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX);
        self.put(start, &length.to_ne_bytes());
        self.put(start + 2, &kind.to_ne_bytes());
    }

    fn put(&mut self, at: usize, value: &[u8]) {
        for (into, from) in self.bytes.iter_mut().skip(at).zip(value) {
            *into = *from;
        }
    }
}

/// One message that was received.
pub(super) struct Received<'a> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    /// What follows the header.
    pub(super) body: &'a [u8],
}

/// The messages in a buffer.
pub(super) fn messages(buffer: &[u8]) -> impl Iterator<Item = Received<'_>> {
    let mut rest = buffer;
    std::iter::from_fn(move || {
        let length = usize::try_from(word(rest, 0)?).ok()?;
        let body = rest.get(HEADER_BYTES..length)?;
        let kind = half(rest, 4)?;
        let sequence = word(rest, 8)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Received { kind, sequence, body })
    })
}

/// The attributes in a body, with their kinds.
pub(super) fn attributes(body: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let length = usize::from(half(rest, 0)?);
        let kind = half(rest, 2)? & KIND_MASK;
        let value = rest.get(ATTRIBUTE_BYTES..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The attribute of a kind.
pub(super) fn attribute(body: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(body).find_map(|(kind, value)| (kind == wanted).then_some(value))
}

/// A number of 32 bits in the machine's order.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer.message(7, REQUEST, 9, [1, 2, 3, 4], |message| {
            message.name(1, "ab");
            message.nested(2, |inner| inner.value(3, &[5]));
        });
        writer.message(8, ACK, 10, [0; 4], |_| {});
        let all: Vec<_> = messages(&writer.bytes).collect();
        assert_eq!(
            all.iter().map(|one| (one.kind, one.sequence)).collect::<Vec<_>>(),
            [(7, 9), (8, 10)]
        );
        let body = &all[0].body[4..];
        assert_eq!(attribute(body, 1), Some(&b"ab\0"[..]));
        assert_eq!(attribute(attribute(body, 2).unwrap(), 3), Some(&[5][..]));
        assert_eq!(attribute(body, 4), None);
    }

    #[test]
    fn a_length_that_lies_ends_the_reading() {
        let mut writer = Writer::default();
        writer.message(7, 0, 1, [0; 4], |message| message.name(1, "name"));
        for length in [0_u32, 3, 15, 1_000, u32::MAX] {
            let mut bytes = writer.bytes.clone();
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&bytes).count(), 0, "{length}");
        }
        for cut in 0..writer.bytes.len() {
            assert_eq!(messages(&writer.bytes[..cut]).count(), 0, "{cut}");
        }
        for length in [0_u16, 3, 200, u16::MAX] {
            let mut bytes = writer.bytes[20..].to_vec();
            bytes[..2].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(attributes(&bytes).count(), 0, "{length}");
        }
    }
}

//! What a block of HTTP/2's compressed header fields says that the HTTP library takes and does not tell
//! (RFC 7541, RFC 9113 §8.1 and §8.3.1): a fragment in `:path`, which it cuts off, and a pseudo-header field among
//! trailers, which it drops.
//!
//! Follows the table of a connection by the size and the kind of its entries; of the fields themselves it keeps
//! nothing. What it cannot read it calls unreadable, and leaves to the library to refuse. Its table is never larger
//! than the 4,096 bytes that a connection begins with, as the gateway offers no more.

use crate::guard::head::is_continue;
use std::collections::VecDeque;
use std::sync::LazyLock;

/// Bytes of the table, by its own reckoning, of which a client may ask for less.
const TABLE_BYTES: usize = 4_096;
/// What an entry counts besides its name and its value (RFC 7541 §4.1).
const ENTRY_BYTES: usize = 32;
/// Room that a connection keeps for the next block.
const KEPT_BYTES_MAX: usize = 2_048;
/// Largest number that is read: no field is that long.
const NUMBER_MAX: usize = 1 << 24;
/// Names of the static table (RFC 7541, appendix A), from the first on.
const STATIC: [&str; 61] = [
    ":authority",
    ":method",
    ":method",
    ":path",
    ":path",
    ":scheme",
    ":scheme",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "accept",
    "access-control-allow-origin",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "refresh",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
];
/// Bits of each byte's code, and of the end's (RFC 7541, appendix B); the code is canonical, so that no more is needed.
#[rustfmt::skip]
const CODE_BITS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const CODE_BITS_MAX: usize = 30;

/// The code by its lengths: for each the first code, how many there are, and where their symbols begin.
static CODE: LazyLock<Code> = LazyLock::new(Code::new);

#[derive(Debug)]
struct Code {
    lengths: [(u32, u32, usize); CODE_BITS_MAX + 1],
    symbols: Vec<usize>,
}

impl Code {
    fn new() -> Self {
        let of_length = |bits: usize| {
            CODE_BITS.iter().enumerate().filter(move |(_, own)| usize::from(**own) == bits)
        };
        let (mut symbols, mut first) = (Vec::with_capacity(CODE_BITS.len()), 0_u32);
        let mut lengths = [(0, 0, 0); CODE_BITS_MAX + 1];
        for (bits, place) in lengths.iter_mut().enumerate() {
            let start = symbols.len();
            symbols.extend(of_length(bits).map(|(symbol, _)| symbol));
            let count = u32::try_from(symbols.len() - start).unwrap_or_default();
            *place = (first, count, start);
            first = (first + count) << 1;
        }
        Self { lengths, symbols }
    }

    /// Appends what a text in this code says; `None` for none.
    fn read(&self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let (mut code, mut bits) = (0_u32, 0_usize);
        for byte in text {
            for shift in (0..8).rev() {
                code = code << 1 | u32::from(byte >> shift & 1);
                bits += 1;
                let (first, count, start) = *self.lengths.get(bits)?;
                let Some(at) = code.checked_sub(first).filter(|at| *at < count) else { continue };
                let symbol = self.symbols.get(start + usize::try_from(at).ok()?)?;
                // The end itself may not stand in a text.
                out.push(u8::try_from(*symbol).ok()?);
                (code, bits) = (0, 0);
            }
        }
        // Filled up with ones, of less than a byte.
        (bits < 8 && code == (1 << bits) - 1).then_some(())
    }
}

/// What a text in the code says; `None` for one that is none.
pub(crate) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 8 / 5);
    CODE.read(text, &mut out)?;
    Some(out)
}

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Path { fragment: bool },
    Pseudo,
    Expect { to_go_on: bool },
    Other,
}

impl Kind {
    fn of(name: &[u8], value: &[u8]) -> Self {
        match name {
            b":path" => Self::Path { fragment: memchr::memchr(b'#', value).is_some() },
            [b':', ..] => Self::Pseudo,
            b"expect" => Self::Expect { to_go_on: is_continue(value) },
            _ => Self::Other,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Bytes of the name.
    name: usize,
    /// Bytes of both, and what every entry counts.
    size: usize,
    kind: Kind,
}

/// What a block holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// A field whose name begins with a colon.
    pub(crate) pseudo: bool,
    /// A `:path` with a `#`.
    pub(crate) fragment: bool,
    /// An `expect` of `100-continue`.
    pub(crate) expects: bool,
}

/// Reads the blocks of one direction of a connection in their order.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The newest first.
    table: VecDeque<Entry>,
    size: usize,
    size_max: usize,
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            table: VecDeque::new(),
            size: 0,
            size_max: TABLE_BYTES,
            name: Vec::new(),
            value: Vec::new(),
        }
    }
}

impl Reader {
    /// What a whole block holds; `None` when it cannot be read.
    pub(crate) fn read(&mut self, rest: &[u8]) -> Option<Block> {
        let block = self.block(rest);
        empty(&mut self.name);
        empty(&mut self.value);
        block
    }

    fn block(&mut self, mut rest: &[u8]) -> Option<Block> {
        let mut block = Block::default();
        while let Some(first) = rest.first().copied() {
            let kind = if first & 0x80 != 0 {
                self.entry(number(&mut rest, 7)?)?.kind
            } else if first & 0x40 != 0 {
                let entry = self.literal(&mut rest, 6)?;
                self.add(entry);
                entry.kind
            } else if first & 0x20 != 0 {
                self.size_max = Some(number(&mut rest, 5)?).filter(|size| *size <= TABLE_BYTES)?;
                self.make_room(0);
                continue;
            } else {
                self.literal(&mut rest, 4)?.kind
            };
            block.pseudo |= matches!(kind, Kind::Path { .. } | Kind::Pseudo);
            block.fragment |= kind == Kind::Path { fragment: true };
            block.expects |= kind == Kind::Expect { to_go_on: true };
        }
        Some(block)
    }

    fn entry(&self, index: usize) -> Option<Entry> {
        let at = index.checked_sub(1)?;
        match STATIC.get(at) {
            Some(name) => {
                let kind = Kind::of(name.as_bytes(), b"");
                Some(Entry { name: name.len(), size: 0, kind })
            }
            None => self.table.get(at - STATIC.len()).copied(),
        }
    }

    fn literal(&mut self, rest: &mut &[u8], bits: u32) -> Option<Entry> {
        let index = number(rest, bits)?;
        let named = if index == 0 {
            text(rest, &mut self.name)?;
            Entry { name: self.name.len(), size: 0, kind: Kind::of(&self.name, b"") }
        } else {
            self.entry(index)?
        };
        text(rest, &mut self.value)?;
        let kind = match named.kind {
            Kind::Path { .. } => Kind::of(b":path", &self.value),
            Kind::Expect { .. } => Kind::of(b"expect", &self.value),
            Kind::Pseudo | Kind::Other => named.kind,
        };
        Some(Entry { name: named.name, size: named.name + self.value.len() + ENTRY_BYTES, kind })
    }

    fn add(&mut self, entry: Entry) {
        self.make_room(entry.size);
        // One that is larger than the table leaves it empty.
        if entry.size <= self.size_max {
            self.size += entry.size;
            self.table.push_front(entry);
        }
    }

    fn make_room(&mut self, wanted: usize) {
        while self.size + wanted > self.size_max
            && let Some(oldest) = self.table.pop_back()
        {
            self.size = self.size.saturating_sub(oldest.size);
        }
    }
}

/// Empties room for bytes, and gives it back where a stranger has made it large.
fn empty(room: &mut Vec<u8>) {
    room.clear();
    room.shrink_to(KEPT_BYTES_MAX);
}

/// A number whose first byte gives this many bits to it (RFC 7541 §5.1).
fn number(rest: &mut &[u8], bits: u32) -> Option<usize> {
    let (first, mut after) = rest.split_first()?;
    let full = (1_usize << bits) - 1;
    let mut number = usize::from(*first) & full;
    if number == full {
        let mut shift = 0;
        loop {
            let (byte, next) = after.split_first()?;
            after = next;
            number += usize::from(byte & 0x7f) << shift;
            if number > NUMBER_MAX {
                return None;
            }
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            // More than any number that is allowed would need.
            if shift > 28 {
                return None;
            }
        }
    }
    *rest = after;
    Some(number)
}

/// A text as it is or in the code (RFC 7541 §5.2), in the place of what `out` held.
fn text(rest: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    let coded = rest.first()? & 0x80 != 0;
    let length = number(rest, 7)?;
    let (own, after) = rest.split_at_checked(length)?;
    *rest = after;
    if coded {
        return CODE.read(own, out);
    }
    out.extend_from_slice(own);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
        hex.chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn plain(name: &[u8], value: &[u8]) -> Vec<u8> {
        let text = |text: &[u8]| [&[u8::try_from(text.len()).unwrap()], text].concat();
        [vec![0x40], text(name), text(value)].concat()
    }

    const REQUEST: Block = Block { pseudo: true, fragment: false, expects: false };
    const TRAILERS: Block = Block { pseudo: false, fragment: false, expects: false };

    /// RFC 7541, appendix C.4: three requests with a table and the code, and the size of the table after each.
    #[test]
    fn the_examples_of_the_rfc() {
        let mut reader = Reader::default();
        for (block, size) in [
            ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", 57),
            ("8286 84be 5886 a8eb 1064 9cbf", 110),
            ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", 164),
        ] {
            assert_eq!(reader.read(&bytes(block)), Some(REQUEST));
            assert_eq!(reader.size, size);
        }
        let text = decoded(&bytes("f1e3 c2e5 f23a 6ba0 ab90 f4ff")).unwrap();
        assert_eq!(text, b"www.example.com");
    }

    #[test]
    fn fragments_and_pseudo_headers_are_seen_however_they_are_written() {
        let of = |block: &[u8]| Reader::default().read(block);
        let with = Block { fragment: true, ..REQUEST };
        assert_eq!(of(&plain(b":path", b"/a#b")), Some(with));
        assert_eq!(of(&plain(b":path", b"/a%23b")), Some(REQUEST));
        assert_eq!(of(&plain(b"x", b"#")), Some(TRAILERS));
        assert_eq!(of(&[&[0x04, 3], &b"/#x"[..]].concat()), Some(with), "by the static name");
        assert_eq!(of(&[0x84]), Some(REQUEST), "`/` of the static table");
        assert_eq!(of(&[0x88]), Some(REQUEST), "a status is one too");
        assert_eq!(of(&[0x90]), Some(TRAILERS), "`accept-encoding` is not");
        assert_eq!(of(&bytes("04 84 63 fe bc ff")), Some(with), "`/#x` in the code");
    }

    #[test]
    fn an_expectation_is_seen_however_it_is_written() {
        let with = Block { expects: true, ..TRAILERS };
        let mut reader = Reader::default();
        for (block, wanted) in [
            (plain(b"expect", b"100-continue"), with),
            (plain(b"expect", b"100-Continue"), with),
            (plain(b"expect", b"200-ok"), TRAILERS),
            (plain(b"x-expect", b"100-continue"), TRAILERS),
            // Into the table, by the name's place in the static one, and out of it again.
            ([&[0x63, 12][..], b"100-continue"].concat(), with),
            (vec![0xbe], with),
        ] {
            assert_eq!(reader.read(&block), Some(wanted), "{block:?}");
        }
    }

    #[test]
    fn what_was_put_into_the_table_is_known_again_until_it_falls_out() {
        let mut reader = Reader::default();
        reader.read(&plain(b":path", b"/a#b")).unwrap();
        reader.read(&plain(b"x", b"y")).unwrap();
        assert_eq!(reader.read(&[0xbf]), Some(Block { fragment: true, ..REQUEST }));
        assert_eq!(reader.read(&[0xbe]), Some(TRAILERS));
        // The name alone, by its place: 63 is the older of the two.
        assert_eq!(reader.read(&[&[0x0f, 48, 2], &b"/b"[..]].concat()), Some(REQUEST));
        assert_eq!(reader.read(&[0xc0]), None, "there is no third");
        assert_eq!(reader.read(&[0x20]), Some(TRAILERS), "the table is emptied");
        assert_eq!((reader.size, reader.read(&[0xbe])), (0, None));
        assert_eq!(reader.read(&plain(b"x", b"y")), Some(TRAILERS));
        assert_eq!(reader.size, 0, "and takes nothing");
    }

    #[test]
    fn what_is_no_block_is_unreadable_and_the_table_is_bounded() {
        for block in [
            "80",
            "ff 00",
            "ff ff ff ff ff ff ff ff ff 01",
            "3f e2 1f",
            "40",
            "00 05 78",
            "00 01 78 84 ff ff ff ff",
            "00 01 78 81 00",
            "7f",
        ] {
            assert_eq!(Reader::default().read(&bytes(block)), None, "{block}");
        }
        let mut reader = Reader::default();
        for number in 0..10_000_u32 {
            reader.read(&plain(number.to_string().as_bytes(), b"")).unwrap();
            assert!(reader.size <= TABLE_BYTES && reader.table.len() <= TABLE_BYTES / ENTRY_BYTES);
        }
    }

    proptest::proptest! {
        #[test]
        fn strangers_bytes_are_read_in_bounds(blocks in proptest::collection::vec(
            proptest::collection::vec(proptest::num::u8::ANY, 0..200), 1..20,
        )) {
            let mut reader = Reader::default();
            for block in blocks {
                reader.read(&block);
                let sum: usize = reader.table.iter().map(|entry| entry.size).sum();
                proptest::prop_assert!(reader.size == sum && sum <= TABLE_BYTES);
            }
        }
    }

    #[test]
    fn the_code_has_each_symbol_once() {
        let mut symbols = CODE.symbols.clone();
        symbols.sort_unstable();
        assert!(symbols.into_iter().eq(0..257));
        let room: u64 = CODE_BITS.iter().map(|bits| 1_u64 << (30 - bits)).sum();
        assert_eq!(room, 1 << 30, "a full code (Kraft)");
    }
}

//! HTTP/3 (RFC 9114) as bytes: what a client says, right or wrong, and what an answer is.
//!
//! Header fields are said as they are (RFC 9204 §4.5.6), without any table; of an answer's the status alone is read,
//! which is its first field (RFC 9114 §4.3).

use super::answer::Answer;
use super::quic::{Client, Heard, Quic};
use super::{RATE_LIMITED_TRIES, RATE_LIMITED_WAIT, Reply, Wire, now};
use quinn_proto::{Dir, StreamId};
use std::net::SocketAddr;
use std::time::Duration;

/// Types of frames (RFC 9114 §11.2.1).
pub(crate) const DATA: u64 = 0;
pub(crate) const HEADERS: u64 = 1;
pub(crate) const SETTINGS: u64 = 4;
/// The control stream's type (RFC 9114 §6.2.1), which is what it begins with.
pub(crate) const CONTROL: u8 = 0;
/// Most digits of a status in Huffman's code fit into this many bits.
const STATUS_BYTES_MAX: usize = 3;

/// An integer of variable length (RFC 9000 §16), as short as it can be.
pub(crate) fn integer(value: u64) -> Vec<u8> {
    let (size, mark) = match value {
        0..=63 => (1, 0),
        64..=16_383 => (2, 1 << 14),
        16_384..=1_073_741_823 => (4, 2 << 30),
        _ => (8, 3 << 62),
    };
    let bytes = (value | mark).to_be_bytes();
    bytes.get(bytes.len() - size..).unwrap_or_default().to_vec()
}

/// A frame with its content.
pub(crate) fn frame(kind: u64, content: &[u8]) -> Vec<u8> {
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    [&integer(kind)[..], &integer(length), content].concat()
}

/// The start of a control stream, with settings that say nothing.
pub(crate) fn control() -> Vec<u8> {
    [&[CONTROL][..], &frame(SETTINGS, &[])].concat()
}

/// A request without a body, as its header's frame.
pub(crate) fn request(method: &str, authority: &str, path: &str) -> Vec<u8> {
    request_with(method, authority, path, &[])
}

/// The same with fields of one's own, in lower case; values as they are.
fn request_with(method: &str, authority: &str, path: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut block = vec![0, 0];
    let usual = [
        (":method", method),
        (":scheme", "https"),
        (":authority", authority),
        (":path", path),
        ("user-agent", "Mozilla/5.0 (compatible; burgrave prove)"),
        ("accept", "*/*"),
    ];
    let usual = usual.into_iter().map(|(name, value)| (name, value.as_bytes()));
    for (name, value) in usual.chain(more.iter().copied()) {
        prefixed(&mut block, 0x20, 3, name.len());
        block.extend_from_slice(name.as_bytes());
        prefixed(&mut block, 0, 7, value.len());
        block.extend_from_slice(value);
    }
    frame(HEADERS, &block)
}

/// An integer behind a prefix of so many bits (RFC 7541 §5.1).
fn prefixed(out: &mut Vec<u8>, mark: u8, bits: u32, value: usize) {
    let most = (1_usize << bits) - 1;
    let byte = |value: usize| u8::try_from(value).unwrap_or(u8::MAX);
    if value < most {
        return out.push(mark | byte(value));
    }
    out.push(mark | byte(most));
    let mut rest = value - most;
    while rest >= 128 {
        out.push(byte(rest % 128) | 0x80);
        rest /= 128;
    }
    out.push(byte(rest));
}

/// What bytes of a request's stream turn out to be.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// No header of an answer yet.
    More,
    Answer(Answer),
    Garbage,
}

/// Reads an answer as far as it is there.
fn read(bytes: &[u8]) -> Read {
    let (mut rest, mut answer) = (bytes, None::<Answer>);
    loop {
        let taken = taken(rest)
            .and_then(|(kind, rest)| taken(rest).map(|(length, rest)| (kind, length, rest)));
        let Some((kind, length, after)) = taken else { break };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let whole = after.get(..length);
        let content = whole.unwrap_or(after);
        match (kind, &mut answer) {
            (HEADERS, None) => {
                if whole.is_none() {
                    return Read::More;
                }
                let Some(status) = status(content) else { return Read::Garbage };
                if status >= 200 {
                    answer = Some(Answer::of_http3(status, Vec::new()));
                }
            }
            (DATA, Some(answer)) => answer.body.extend_from_slice(content),
            (DATA, None) => return Read::Garbage,
            // Trailers, and what has no meaning here.
            _ => {}
        }
        if whole.is_none() {
            break;
        }
        rest = after.get(length..).unwrap_or_default();
    }
    answer.map_or(Read::More, Read::Answer)
}

/// An integer of variable length, and what follows it.
fn taken(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let (head, rest) = bytes.split_at_checked(1 << (first >> 6))?;
    let value = head
        .iter()
        .skip(1)
        .fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    Some((value, rest))
}

/// The status of a header that uses no table but the one that everybody has.
fn status(block: &[u8]) -> Option<u16> {
    let [0, 0, field @ ..] = block else { return None };
    match field {
        [0xff, more @ 0..=8, ..] => known(63 + more),
        [indexed @ 0xc0..=0xfe, ..] => known(indexed & 0x3f),
        // The name by its number, which takes two bytes past 14 (RFC 9204 §4.5.4).
        [0x5f | 0x7f, 9..=13 | 48..=56, length, value @ ..] => {
            let text = value.get(..usize::from(length & 0x7f))?;
            if length & 0x80 == 0 { plain(text) } else { digits(text) }
        }
        _ => None,
    }
    .filter(|status| (100..=599).contains(status))
}

/// The statuses of the table (RFC 9204, appendix A).
fn known(index: u8) -> Option<u16> {
    Some(match index {
        24 => 103,
        25 => 200,
        26 => 304,
        27 => 404,
        28 => 503,
        63 => 100,
        64 => 204,
        65 => 206,
        66 => 302,
        67 => 400,
        68 => 403,
        69 => 421,
        70 => 425,
        71 => 500,
        _ => return None,
    })
}

fn plain(text: &[u8]) -> Option<u16> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Digits in Huffman's code (RFC 7541, appendix B): five bits up to 2, then six.
fn digits(coded: &[u8]) -> Option<u16> {
    if coded.len() > STATUS_BYTES_MAX {
        return None;
    }
    let bits = coded.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    let mut left = coded.len() * 8;
    let mut value = 0_u16;
    while left >= 5 {
        let five = bits >> (left - 5) & 0x1f;
        let six = if left >= 6 { bits >> (left - 6) & 0x3f } else { 0x3f };
        let (digit, size) = match (five, six) {
            (0..=2, _) => (five, 5),
            (_, 0x19..=0x1f) => (six - 0x16, 6),
            // The filling at the end.
            _ => break,
        };
        value = value.checked_mul(10)?.checked_add(u16::try_from(digit).ok()?)?;
        left -= size;
    }
    Some(value)
}

impl Quic {
    /// Waits for the answer on this stream.
    pub(crate) fn answer(&mut self, stream: StreamId) -> Reply {
        let mut bytes = Vec::new();
        loop {
            let heard = self.hear(stream, &mut bytes);
            let read = read(&bytes);
            match (heard, read) {
                (_, Read::Garbage) => return Reply::Garbage(bytes),
                (Heard::Finished | Heard::Reset(_), Read::Answer(answer)) => {
                    return Reply::Answer(answer);
                }
                (Heard::Reset(code), Read::More) => {
                    return Reply::Closed(format!("stream given up with 0x{code:03x}"));
                }
                // The end of a connection ends its streams.
                (Heard::Finished | Heard::Open, Read::More) if self.is_over() => {
                    return self.why();
                }
                (Heard::Finished, Read::More) => {
                    return Reply::Closed("stream ended without an answer".to_owned());
                }
                (Heard::Open, Read::Answer(answer)) if self.is_over() => {
                    return Reply::Answer(answer);
                }
                (Heard::Open, Read::Answer(_) | Read::More) => self.step(),
            }
        }
    }

    /// Waits for the end of the connection, at most for so long.
    pub(crate) fn ends_within(&mut self, time: Duration) -> bool {
        let end = now() + time;
        while !self.is_over() && now() < end {
            self.step();
        }
        self.is_over()
    }
}

impl Wire {
    /// A connection by which HTTP/3 can be spoken: nothing is said on it yet.
    pub(crate) fn open_http3(&mut self, address: SocketAddr, sni: &str) -> Result<Quic, Reply> {
        let client = Client::new(sni).map_err(Reply::Unsent)?;
        let mut connection = self.open_quic(address, sni, &client)?;
        connection.connected()?;
        Ok(connection)
    }

    /// A GET by HTTP/3 with fields of one's own, names in lower case.
    pub fn get_by_http3(
        &mut self,
        address: SocketAddr,
        host: &str,
        path: &str,
        fields: &[(&str, &[u8])],
    ) -> Reply {
        self.exchange_http3(address, host, &request_with("GET", host, path, fields))
    }

    /// One request on a connection of its own, as [`Wire::exchange`] makes it.
    pub(crate) fn exchange_http3(
        &mut self,
        address: SocketAddr,
        sni: &str,
        request: &[u8],
    ) -> Reply {
        let mut reply = Reply::Silent;
        for tried in 0..=RATE_LIMITED_TRIES {
            if tried > 0 {
                std::thread::sleep(RATE_LIMITED_WAIT);
            }
            reply = match self.open_http3(address, sni) {
                Ok(mut connection) => ask(&mut connection, request),
                Err(reply) => reply,
            };
            if !matches!(&reply, Reply::Answer(answer) if answer.status == 429) {
                break;
            }
        }
        reply
    }
}

/// Begins HTTP/3 and makes a request.
pub(crate) fn ask(connection: &mut Quic, request: &[u8]) -> Reply {
    connection.say(Dir::Uni, &control(), false);
    match connection.say(Dir::Bi, request, true) {
        Some(stream) => connection.answer(stream),
        None => connection.why(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        for value in [0, 63, 64, 16_383, 16_384, 1_073_741_823, 1_073_741_824, (1 << 62) - 1] {
            let bytes = [&integer(value)[..], b"x"].concat();
            assert_eq!(taken(&bytes), Some((value, &b"x"[..])), "{value}");
        }
        assert_eq!((taken(&[]), taken(&[0x40]), taken(&[0xc0, 0, 0])), (None, None, None));
        let long = "x".repeat(500);
        let bytes = request("GET", &long, "/");
        assert!(bytes.windows(500).any(|part| part == long.as_bytes()));
        // 127, then 373 in groups of seven bits.
        assert!(bytes.windows(3).any(|part| part == [0x7f, 0xf5, 0x02]));
    }

    #[test]
    fn answers_are_read_as_far_as_they_are_there() {
        let header = |block: &[u8]| frame(HEADERS, block);
        let answer = |status, body: &[u8]| Read::Answer(Answer::of_http3(status, body.to_vec()));
        let ok = header(&[0, 0, 0xd9, 0x54, 1, b'2']);
        for (bytes, wanted) in [
            (vec![], Read::More),
            (ok[..4].to_vec(), Read::More),
            (ok.clone(), answer(200, b"")),
            ([&ok[..], &frame(DATA, b"ab"), &frame(DATA, b"c")].concat(), answer(200, b"abc")),
            ([&ok[..], &[0, 9], b"part"].concat(), answer(200, b"part")),
            ([frame(0x21, b"grease"), ok.clone()].concat(), answer(200, b"")),
            // 103, then 421 by its second byte; 405 and 429 by a name's number, in both spellings.
            ([header(&[0, 0, 0xd8]), header(&[0, 0, 0xff, 6])].concat(), answer(421, b"")),
            (header(b"\0\0\x5f\x09\x03405"), answer(405, b"")),
            (header(b"\0\0\x5f\x09\x02no"), Read::Garbage),
            (header(&[2, 0, 0xd9]), Read::Garbage),
            (frame(DATA, b"x"), Read::Garbage),
        ] {
            assert_eq!(read(&bytes), wanted, "{bytes:02x?}");
        }
    }

    #[test]
    fn digits_are_read_in_their_code() {
        // Five bits for 0 to 2, six for 3 to 9, ones at the end.
        let coded = |status: u16| {
            let digits = status.to_string().into_bytes();
            let bits: String = digits
                .iter()
                .map(|digit| match digit - b'0' {
                    small @ 0..=2 => format!("{small:05b}"),
                    large => format!("{:06b}", large + 0x16),
                })
                .collect();
            let bits = format!("{bits}{}", "1".repeat(bits.len().next_multiple_of(8) - bits.len()));
            let bytes: Vec<u8> = bits
                .as_bytes()
                .chunks(8)
                .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
                .collect();
            bytes
        };
        for status in [201, 308, 401, 405, 409, 413, 429, 431, 502, 599] {
            assert_eq!(digits(&coded(status)), Some(status));
        }
        assert_eq!(digits(&[0; 9]), None);
    }
}

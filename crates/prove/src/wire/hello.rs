//! The first message of TLS written by hand, for versions and suites that no sound library offers.
//!
//! RFC 5246 §7.4.1.2 (client hello), RFC 6066 §3 (server name), RFC 8422 §5.1 (curves). Nothing
//! follows it: the server's first record says whether it would have gone on.

/// ECDHE with AES-GCM and `ChaCha20`: what a sound server takes.
pub(crate) const SOUND: &[u16] = &[0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9];

/// A version on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(pub(crate) u16);

/// What a client says first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hello<'a> {
    pub(crate) version: Version,
    pub(crate) suites: &'a [u16],
    pub(crate) host: &'a str,
}

/// What a server says to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It would go on, in this version and with this suite.
    ServerHello(Version, u16),
    /// An alert with this number.
    Alert(u8),
    /// The beginning of one of these.
    Part,
    /// Something else.
    Other,
}

impl Hello<'_> {
    /// The message in its record.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut body = self.version.0.to_be_bytes().to_vec();
        // No secret is ever derived from it: it need not be random.
        body.extend_from_slice(b"burgrave makes no secret of this");
        body.push(0);
        let suites: Vec<u8> = self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
        body.extend_from_slice(&short(&suites));
        body.extend_from_slice(&[1, 0]);
        // Version 3.0 has no extensions.
        if self.version.0 > 0x0300 {
            body.extend_from_slice(&short(&self.extensions()));
        }
        let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
        let mut message = vec![1];
        message.extend(length.iter().skip(1));
        message.extend_from_slice(&body);
        let outer = self.version.0.min(0x0301).to_be_bytes();
        let mut record = vec![0x16];
        record.extend_from_slice(&outer);
        record.extend_from_slice(&short(&message));
        record
    }

    fn extensions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.host.parse::<std::net::IpAddr>().is_err() {
            let mut name = vec![0];
            name.extend_from_slice(&short(self.host.as_bytes()));
            out.extend_from_slice(&extension(0, &short(&name)));
        }
        // X25519, P-256, P-384; uncompressed points.
        out.extend_from_slice(&extension(10, &short(&[0, 0x1d, 0, 0x17, 0, 0x18])));
        out.extend_from_slice(&extension(11, &[1, 0]));
        if self.version.0 >= 0x0303 {
            let schemes = [4, 3, 5, 3, 6, 3, 8, 7, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1, 2, 3, 2, 1];
            out.extend_from_slice(&extension(13, &short(&schemes)));
        }
        // Extended master secret, secure renegotiation.
        out.extend_from_slice(&extension(23, &[]));
        out.extend_from_slice(&extension(0xff01, &[0]));
        out
    }
}

/// Bytes after their length in two bytes.
fn short(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(bytes.get(..usize::from(length)).unwrap_or(bytes));
    out
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    let mut out = kind.to_be_bytes().to_vec();
    out.extend_from_slice(&short(content));
    out
}

/// Reads the first record of a server.
pub(crate) fn said(bytes: &[u8]) -> Said {
    match bytes {
        [0x15, 3, _, _, _, _level, alert, ..] => Said::Alert(*alert),
        [0x16, 3, _, _, _, 2, _, _, _, rest @ ..] => server_hello(rest),
        [0x15 | 0x16, 3, ..] | [0x15 | 0x16] | [] => {
            if bytes.len() < 10 {
                Said::Part
            } else {
                Said::Other
            }
        }
        _ => Said::Other,
    }
}

/// Version, 32 random bytes, a session id with its length, the suite.
fn server_hello(rest: &[u8]) -> Said {
    let [high, low, after @ ..] = rest else { return Said::Part };
    let Some((id_length, after)) = after.get(32..).and_then(<[u8]>::split_first) else {
        return Said::Part;
    };
    match after.get(usize::from(*id_length)..) {
        Some([first, second, ..]) => Said::ServerHello(
            Version(u16::from_be_bytes([*high, *low])),
            u16::from_be_bytes([*first, *second]),
        ),
        _ => Said::Part,
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0x0300 => f.write_str("SSL 3.0"),
            0x0301 => f.write_str("TLS 1.0"),
            0x0302 => f.write_str("TLS 1.1"),
            0x0303 => f.write_str("TLS 1.2"),
            other => write!(f, "version 0x{other:04x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_well_formed() {
        let hello = Hello { version: Version(0x0303), suites: &[0x002f, 0xc02b], host: "a.test" };
        let bytes = hello.bytes();
        assert_eq!(&bytes[..3], [0x16, 3, 1]);
        let record = usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
        assert_eq!(record, bytes.len() - 5);
        let message = u32::from_be_bytes([0, bytes[6], bytes[7], bytes[8]]);
        assert_eq!(usize::try_from(message).unwrap(), bytes.len() - 9);
        assert!(bytes.windows(6).any(|window| window == b"a.test"));
        let old = Hello { version: Version(0x0300), suites: &[4], host: "a.test" }.bytes();
        assert_eq!(&old[..3], [0x16, 3, 0]);
        assert!(!old.windows(6).any(|window| window == b"a.test"), "SSL 3.0 has no server name");
    }

    #[test]
    fn servers_are_understood() {
        let mut hello = vec![0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
        hello.extend_from_slice(&[7; 32]);
        hello.extend_from_slice(&[0, 0, 0x2f, 0]);
        let accepted = Said::ServerHello(Version(0x0301), 0x2f);
        assert_eq!(said(&hello), accepted);
        for cut in 0..hello.len() - 1 {
            assert_eq!(said(&hello[..cut]), Said::Part, "{cut}");
        }
        assert_eq!(said(&[0x15, 3, 3, 0, 2, 2, 70]), Said::Alert(70));
        assert_eq!(said(b"HTTP/1.1 400"), Said::Other);
    }
}

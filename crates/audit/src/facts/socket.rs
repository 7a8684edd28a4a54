//! Sockets of a running machine, by `/proc/net` (proc(5)), joined to processes by their inode.

use super::{Facts, Seen};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// `tcp`, `tcp6`, `udp`, `udp6`, `raw`, `raw6`, `packet`, `unix`.
    pub kind: &'static str,
    /// The own address; of a unix socket the unspecified one.
    pub local: IpAddr,
    /// The own port.
    pub port: u16,
    /// The other's address.
    pub remote: IpAddr,
    /// The other's port.
    pub remote_port: u16,
    /// It waits for connections.
    pub is_listening: bool,
    /// By which processes hold it.
    pub inode: u64,
    /// Of a unix socket.
    pub path: String,
}

impl Facts<'_> {
    /// Every socket; none in a tree.
    pub fn sockets(&self) -> &Seen<Vec<Socket>> {
        self.cells.sockets.get_or_init(|| {
            if !self.is_running() {
                return Ok(Vec::new());
            }
            let mut out = Vec::new();
            for kind in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
                let lines = self.lines(format!("/proc/net/{kind}"))?;
                out.extend(
                    lines
                        .iter()
                        .flat_map(|lines| lines.iter())
                        .filter_map(|line| inet(&line.text, kind)),
                );
            }
            let lines = self.lines("/proc/net/packet")?;
            out.extend(
                lines.iter().flat_map(|lines| lines.iter()).filter_map(|line| packet(&line.text)),
            );
            let lines = self.lines("/proc/net/unix")?;
            out.extend(
                lines.iter().flat_map(|lines| lines.iter()).filter_map(|line| unix(&line.text)),
            );
            Ok(out)
        })
    }
}

fn blank(kind: &'static str, inode: u64) -> Socket {
    let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Socket {
        kind,
        local: none,
        port: 0,
        remote: none,
        remote_port: 0,
        is_listening: false,
        inode,
        path: String::new(),
    }
}

fn inet(line: &str, kind: &'static str) -> Option<Socket> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (local, port) = address(words.get(1)?)?;
    let (remote, remote_port) = address(words.get(2)?)?;
    let is_listening = match kind {
        "tcp" | "tcp6" => *words.get(3)? == "0A",
        "udp" | "udp6" => remote_port == 0,
        _ => true,
    };
    let inode = words.get(9)?.parse().ok()?;
    Some(Socket { local, port, remote, remote_port, is_listening, ..blank(kind, inode) })
}

fn packet(line: &str) -> Option<Socket> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let inode = words.get(8)?.parse().ok()?;
    Some(Socket { is_listening: true, ..blank("packet", inode) })
}

fn unix(line: &str) -> Option<Socket> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let flags = u32::from_str_radix(words.get(3)?, 16).ok()?;
    let inode = words.get(6)?.parse().ok()?;
    let path = words.get(7).map(|path| (*path).to_owned()).unwrap_or_default();
    Some(Socket { is_listening: flags & 0x1_0000 != 0, path, ..blank("unix", inode) })
}

/// Addresses are words of the machine's own byte order in hexadecimal.
fn address(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word =
        |at: usize| u32::from_str_radix(address.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    if address.len() == 8 {
        return Some((IpAddr::V4(Ipv4Addr::from(word(0)?)), port));
    }
    let mut bytes = [0_u8; 16];
    for (piece, at) in bytes.chunks_mut(4).zip([0, 8, 16, 24]) {
        piece.copy_from_slice(&word(at)?);
    }
    Some((IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical(), port)).map(|(address, port)| {
        if address == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
            (IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
        } else {
            (address, port)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn sockets_are_read_from_proc() {
        let fake = Fake::new();
        fake.file("/proc/net/tcp", "  sl  local_address rem_address   st\n   0: 00000000:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 77 1\n   1: 0100007F:0016 0100007F:D431 01 00000000:00000000 00:00000000 00000000  0 0 78 1\n");
        fake.file("/proc/net/tcp6", "   0: 00000000000000000000000000000000:20FB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 79 1\n");
        fake.file(
            "/proc/net/packet",
            "sk RefCnt Type Proto Iface R Rmem User Inode\n00000 3 3 0003 0 1 0 0 80\n",
        );
        fake.file("/proc/net/unix", "Num RefCount Protocol Flags Type St Inode Path\n0: 00000002 00000000 00010000 0001 01 81 /run/x.sock\n");
        let facts = Facts::new(&fake, Ground::Running);
        let all = facts.sockets().as_ref().unwrap();
        let shape: Vec<_> = all
            .iter()
            .map(|s| format!("{} {} {} {} {}", s.kind, s.local, s.port, s.is_listening, s.inode))
            .collect();
        assert_eq!(
            shape,
            [
                "tcp 0.0.0.0 6379 true 77",
                "tcp 127.0.0.1 22 false 78",
                "tcp6 :: 8443 true 79",
                "packet 0.0.0.0 0 true 80",
                "unix 0.0.0.0 0 true 81"
            ]
        );
        assert_eq!(all[4].path, "/run/x.sock");
    }
}

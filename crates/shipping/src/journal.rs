//! The journal of this machine, by its own protocol: a datagram of fields, a line each.

use crate::deliver::Collector;
use crate::line::Record;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// A longer line is cut: the kernel takes no larger datagrams.
const MESSAGE_BYTES_MAX: usize = 96 * 1024;

/// The journal.
pub(crate) struct Journal {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { path: PathBuf::from(SOCKET), socket: None }
    }

    fn send(&mut self, lines: &[Vec<u8>]) -> std::io::Result<()> {
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(&self.path)?;
                socket.set_write_timeout(Some(crate::deliver::PATIENCE.idle))?;
                none.insert(socket)
            }
        };
        for line in lines {
            loop {
                match socket.send(&fields(line)) {
                    Ok(_) => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

impl Collector for Journal {
    fn deliver(&mut self, lines: &[Vec<u8>]) -> std::io::Result<()> {
        let sent = self.send(lines);
        if sent.is_err() {
            self.socket = None;
        }
        sent
    }
}

/// The fields of an entry. A value that holds a line feed could forge others, so each has its own replaced.
fn fields(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut field = |name: &str, value: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend(value.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
        out.push(b'\n');
    };
    let record = Record::of(line);
    let is_notable = record.as_ref().is_none_or(Record::is_notable);
    field("MESSAGE", line.get(..MESSAGE_BYTES_MAX).unwrap_or(line));
    field("PRIORITY", if is_notable { b"4" } else { b"6" });
    field("SYSLOG_IDENTIFIER", b"burgrave");
    if let Some(record) = record {
        field("BURGRAVE_REQUEST_ID", record.id.as_bytes());
        field("BURGRAVE_DECISION", record.decision.as_bytes());
        field("BURGRAVE_STATUS", record.status.to_string().as_bytes());
        if let Some(client) = record.client {
            field("BURGRAVE_CLIENT_IP", client.as_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::tests::line;

    #[test]
    fn a_line_becomes_an_entry() {
        let text = line("/", 403, "block");
        let wanted = format!(
            "MESSAGE={text}\nPRIORITY=4\nSYSLOG_IDENTIFIER=burgrave\nBURGRAVE_REQUEST_ID=b317deceb44f9a822cd77ff7ed6ee320\n\
             BURGRAVE_DECISION=block\nBURGRAVE_STATUS=403\nBURGRAVE_CLIENT_IP=203.0.113.7\n"
        );
        assert_eq!(String::from_utf8(fields(text.as_bytes())).unwrap(), wanted);
        let forged = fields(b"a\nPRIORITY=0");
        assert!(forged.starts_with(b"MESSAGE=a PRIORITY=0\nPRIORITY=4\n"));
        assert!(fields(&vec![b'x'; 1 << 20]).len() < 100 * 1024);
    }

    #[test]
    fn entries_come_and_a_journal_that_is_away_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let mut journal = Journal { path: path.clone(), socket: None };
        let lines = [line("/a", 200, "file").into_bytes(), line("/b", 200, "file").into_bytes()];
        assert!(journal.deliver(&lines).is_err());
        let listener = UnixDatagram::bind(&path).unwrap();
        journal.deliver(&lines).unwrap();
        let mut space = [0; 4096];
        for line in &lines {
            let count = listener.recv(&mut space).unwrap();
            assert_eq!(space[..count], fields(line));
        }
        drop(listener);
        assert!(journal.deliver(&lines).is_err());
    }
}

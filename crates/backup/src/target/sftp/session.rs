//! A connection of SFTP: packets, requests that are sent ahead of their answers, and what a server says instead of an answer.

use burgrave_sys::{Invocation, Program};
use std::io::{Read as _, Write as _};
use std::process::{ChildStdin, ChildStdout};
use std::time::Duration;

/// Bytes of a read or write, which every server takes.
const PIECE: usize = 32 * 1024;
/// Requests that are sent before their answers are read.
const AHEAD: usize = 32;
/// No answer is longer.
const PACKET_BYTES_MAX: u32 = 256 * 1024;
/// Names of one directory.
const NAMES_MAX: usize = 10_000_000;
const OPEN: u8 = 3;
pub(super) const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
pub(super) const REMOVE: u8 = 13;
pub(super) const MKDIR: u8 = 14;
const RENAME: u8 = 18;
pub(super) const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;
const EXTENDED: u8 = 200;

/// What a server says instead of an answer.
#[derive(Debug)]
pub(super) enum Wrong {
    /// End of file or of a directory.
    End,
    /// No such file.
    Missing,
    /// It will not, or cannot.
    Refused(String),
    /// The connection is of no more use.
    Lost(String),
}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

/// Fields of a packet, as they are read.
struct Fields<'p>(&'p [u8]);

impl<'p> Fields<'p> {
    fn number(&mut self) -> Result<u32, Wrong> {
        let (bytes, rest) = self.0.split_first_chunk::<4>().ok_or_else(strange)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    fn long(&mut self) -> Result<u64, Wrong> {
        let (bytes, rest) = self.0.split_first_chunk::<8>().ok_or_else(strange)?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*bytes))
    }

    fn text(&mut self) -> Result<&'p [u8], Wrong> {
        let length = usize::try_from(self.number()?).map_err(|_long| strange())?;
        let (text, rest) = self.0.split_at_checked(length).ok_or_else(strange)?;
        self.0 = rest;
        Ok(text)
    }

    /// Size and mode; the rest is read over.
    fn attributes(&mut self) -> Result<(u64, u32), Wrong> {
        let flags = self.number()?;
        let size = if flags & 1 != 0 { self.long()? } else { 0 };
        if flags & 2 != 0 {
            self.long()?;
        }
        let mode = if flags & 4 != 0 { self.number()? } else { 0 };
        if flags & 8 != 0 {
            self.long()?;
        }
        if flags & 0x8000_0000 != 0 {
            for _ in 0..self.number()?.min(1_000) {
                self.text()?;
                self.text()?;
            }
        }
        Ok((size, mode))
    }
}

pub(super) fn strange() -> Wrong {
    Wrong::Lost("the server's answer is none of SFTP".to_owned())
}

/// A packet that is made.
pub(super) struct Packet(Vec<u8>);

impl Packet {
    pub(super) fn text(mut self, text: &[u8]) -> Self {
        self.0.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(text);
        self
    }

    fn number(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    fn long(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }
}

/// A connection.
pub(super) struct Session {
    // Before the process: it ends when its input does.
    pub(super) input: ChildStdin,
    pub(super) output: ChildStdout,
    pub(super) program: Program,
    next: u32,
    can_flush: bool,
}

impl Session {
    pub(super) fn open(invocation: &Invocation) -> Result<Self, Wrong> {
        let lost = |error: burgrave_sys::SysError| Wrong::Lost(crate::archive::told(&error));
        let mut program = Program::start(invocation.clone()).map_err(lost)?;
        let (Some(input), Some(output)) = (program.take_input(), program.take_output()) else {
            return Err(Wrong::Lost("`ssh` has no pipes".to_owned()));
        };
        let mut session = Self { input, output, program, next: 0, can_flush: false };
        session.input.write_all(&[0, 0, 0, 5, 1, 0, 0, 0, 3])?;
        session.input.flush()?;
        let answer = match session.packet() {
            Ok(answer) => answer,
            Err(error) => return Err(session.last_words(error)),
        };
        let (2, rest) = answer.split_first().map_or((0, &[][..]), |(kind, rest)| (*kind, rest))
        else {
            return Err(strange());
        };
        let mut fields = Fields(rest);
        if fields.number()? < 3 {
            return Err(Wrong::Lost("the server speaks an older SFTP".to_owned()));
        }
        while !fields.0.is_empty() {
            let name = fields.text()?;
            fields.text()?;
            session.can_flush |= name == b"fsync@openssh.com";
        }
        Ok(session)
    }

    /// What `ssh` said when it gave up.
    fn last_words(self, error: Wrong) -> Wrong {
        let Self { input, output, program, .. } = self;
        drop((input, output));
        match program.finish(Duration::from_secs(2)) {
            Ok((ended, said)) => {
                Wrong::Lost(format!("ssh: {}", crate::source::failure(ended, &said)))
            }
            Err(_) => error,
        }
    }

    fn packet(&mut self) -> Result<Vec<u8>, Wrong> {
        let mut length = [0; 4];
        self.output.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length == 0 || length > PACKET_BYTES_MAX {
            return Err(strange());
        }
        let mut packet = vec![0; usize::try_from(length).map_err(|_long| strange())?];
        self.output.read_exact(&mut packet)?;
        Ok(packet)
    }

    fn send(&mut self, kind: u8, fields: impl FnOnce(Packet) -> Packet) -> Result<u32, Wrong> {
        self.next = self.next.wrapping_add(1);
        let packet = fields(Packet(vec![kind]).number(self.next)).0;
        let length = u32::try_from(packet.len()).map_err(|_long| strange())?;
        self.input.write_all(&length.to_be_bytes())?;
        self.input.write_all(&packet)?;
        Ok(self.next)
    }

    /// The next answer: to which request, of which kind, and its fields.
    fn receive(&mut self) -> Result<(u32, u8, Vec<u8>), Wrong> {
        self.input.flush()?;
        let packet = self.packet()?;
        let (kind, rest) = packet.split_first().ok_or_else(strange)?;
        let mut fields = Fields(rest);
        let id = fields.number()?;
        Ok((id, *kind, fields.0.to_vec()))
    }

    /// A request and its answer, which has to be of a kind.
    pub(super) fn ask(
        &mut self,
        kind: u8,
        wanted: u8,
        fields: impl FnOnce(Packet) -> Packet,
    ) -> Result<Vec<u8>, Wrong> {
        let id = self.send(kind, fields)?;
        let (answered, got, fields) = self.receive()?;
        if answered != id {
            return Err(strange());
        }
        if got == STATUS {
            let said = status(&fields)?;
            return match said {
                None if wanted == STATUS => Ok(fields),
                None => Err(strange()),
                Some(wrong) => Err(wrong),
            };
        }
        if got == wanted { Ok(fields) } else { Err(strange()) }
    }

    fn handle(
        &mut self,
        kind: u8,
        fields: impl FnOnce(Packet) -> Packet,
    ) -> Result<Vec<u8>, Wrong> {
        let answer = self.ask(kind, HANDLE, fields)?;
        Ok(Fields(&answer).text()?.to_vec())
    }

    fn close(&mut self, handle: &[u8]) -> Result<(), Wrong> {
        self.ask(CLOSE, STATUS, |packet| packet.text(handle)).map(drop)
    }

    pub(super) fn list(&mut self, path: &str) -> Result<Vec<(Vec<u8>, u64, u32)>, Wrong> {
        let handle = self.handle(OPENDIR, |packet| packet.text(path.as_bytes()))?;
        let mut all = Vec::new();
        loop {
            let answer = match self.ask(READDIR, NAME, |packet| packet.text(&handle)) {
                Err(Wrong::End) => break,
                other => other?,
            };
            let mut fields = Fields(&answer);
            for _ in 0..fields.number()? {
                let name = fields.text()?.to_vec();
                fields.text()?;
                let (size, mode) = fields.attributes()?;
                all.push((name, size, mode));
            }
            if all.len() > NAMES_MAX {
                return Err(Wrong::Refused("a directory has too many names".to_owned()));
            }
        }
        self.close(&handle)?;
        Ok(all)
    }

    pub(super) fn size(&mut self, path: &str) -> Result<u64, Wrong> {
        let answer = self.ask(LSTAT, ATTRS, |packet| packet.text(path.as_bytes()))?;
        Ok(Fields(&answer).attributes()?.0)
    }

    pub(super) fn read(&mut self, path: &str, offset: u64, bytes: usize) -> Result<Vec<u8>, Wrong> {
        let handle =
            self.handle(OPEN, |packet| packet.text(path.as_bytes()).number(1).number(0))?;
        let mut content = vec![0; bytes];
        let read = self.read_pieces(&handle, offset, &mut content);
        if !matches!(read, Err(Wrong::Lost(_))) {
            self.close(&handle)?;
        }
        read.map(|()| content)
    }

    fn read_pieces(&mut self, handle: &[u8], offset: u64, content: &mut [u8]) -> Result<(), Wrong> {
        let mut at = offset;
        for batch in content.chunks_mut(PIECE * AHEAD) {
            let mut ids = Vec::new();
            for piece in batch.chunks(PIECE) {
                let length = u32::try_from(piece.len()).map_err(|_long| strange())?;
                ids.push(self.send(READ, |packet| packet.text(handle).long(at).number(length))?);
                at = at.saturating_add(u64::from(length));
            }
            let mut wrong = None;
            let mut answers = Vec::new();
            for _ in &ids {
                answers.push(self.receive()?);
            }
            for (piece, id) in batch.chunks_mut(PIECE).zip(&ids) {
                let answer =
                    answers.iter().find(|(answered, ..)| answered == id).ok_or_else(strange)?;
                match answer {
                    (_, DATA, fields) => {
                        let data = Fields(fields).text()?;
                        // Servers give a piece of this length whole, but for the end of a file.
                        if data.len() == piece.len() {
                            piece.copy_from_slice(data);
                        } else {
                            wrong = wrong.or(Some(Wrong::End));
                        }
                    }
                    (_, STATUS, fields) => wrong = wrong.or(status(fields)?),
                    _ => return Err(strange()),
                }
            }
            if let Some(wrong) = wrong {
                return Err(wrong);
            }
        }
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        path: &str,
        temporary: &str,
        content: &[u8],
    ) -> Result<(), Wrong> {
        // Write, create, and not over what is there.
        let flags = 0x02 | 0x08 | 0x20;
        let open = |packet: Packet| {
            packet.text(temporary.as_bytes()).number(flags).number(4).number(0o600)
        };
        let handle = self.handle(OPEN, open)?;
        let mut at = 0_u64;
        for batch in content.chunks(PIECE * AHEAD) {
            let mut count = 0;
            for piece in batch.chunks(PIECE) {
                self.send(WRITE, |packet| packet.text(&handle).long(at).text(piece))?;
                at = at.saturating_add(u64::try_from(piece.len()).unwrap_or(0));
                count += 1;
            }
            for _ in 0..count {
                let (_, kind, fields) = self.receive()?;
                if kind != STATUS {
                    return Err(strange());
                }
                if let Some(wrong) = status(&fields)? {
                    return Err(wrong);
                }
            }
        }
        if self.can_flush {
            self.ask(EXTENDED, STATUS, |packet| packet.text(b"fsync@openssh.com").text(&handle))?;
        }
        self.close(&handle)?;
        self.ask(RENAME, STATUS, |packet| packet.text(temporary.as_bytes()).text(path.as_bytes()))
            .map(drop)
    }

    pub(super) fn make_folder(&mut self, path: &str) -> Result<(), Wrong> {
        if self.size(path).is_ok() {
            return Ok(());
        }
        let made =
            self.ask(MKDIR, STATUS, |packet| packet.text(path.as_bytes()).number(4).number(0o700));
        match made {
            // Somebody was faster.
            Err(Wrong::Refused(_)) if self.size(path).is_ok() => Ok(()),
            other => other.map(drop),
        }
    }
}

/// What a status means; `None` is well.
fn status(fields: &[u8]) -> Result<Option<Wrong>, Wrong> {
    let mut fields = Fields(fields);
    let code = fields.number()?;
    let said = fields.text().map(|text| text.escape_ascii().to_string()).unwrap_or_default();
    Ok(match code {
        0 => None,
        1 => Some(Wrong::End),
        2 => Some(Wrong::Missing),
        3 => Some(Wrong::Refused("permission denied".to_owned())),
        _ => Some(Wrong::Refused(format!("{said} ({code})"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_and_shown_without_its_controls() {
        let packet = |code: u32, text: &[u8]| Packet(Vec::new()).number(code).text(text).0;
        assert!(status(&packet(0, b"")).unwrap().is_none());
        assert!(matches!(status(&packet(1, b"")).unwrap(), Some(Wrong::End)));
        assert!(matches!(status(&packet(2, b"")).unwrap(), Some(Wrong::Missing)));
        let Some(Wrong::Refused(said)) = status(&packet(4, b"\x1b[31mno")).unwrap() else {
            panic!("refused")
        };
        assert!(said.contains("no") && !said.contains('\x1b'), "{said}");
        assert!(matches!(status(&[0, 0]), Err(Wrong::Lost(_))), "cut short");
    }

    #[test]
    fn attributes_are_read_whatever_comes_with_them() {
        let all = Packet(Vec::new())
            .number(0x8000_000f)
            .long(77)
            .long(0)
            .number(0o100_600)
            .long(0)
            .number(1)
            .text(b"a")
            .text(b"b");
        let mut fields = Fields(&all.0);
        assert_eq!(fields.attributes().unwrap(), (77, 0o100_600));
        assert!(fields.0.is_empty());
        assert_eq!(Fields(&[0; 4]).attributes().unwrap(), (0, 0));
        for length in 0..all.0.len() {
            assert!(Fields(&all.0[..length]).attributes().is_err(), "cut to {length}");
        }
    }
}

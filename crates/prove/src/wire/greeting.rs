//! What a server says to a first message that was written by hand.

use super::hello::{Hello, SOUND, Said, Version, said};
use super::{Piece, Wire, now};
use crate::evidence::saw;
use crate::target::Door;

/// Whether the server would go on.
pub(crate) enum Greeted {
    /// It would; with what.
    Accepted(String),
    /// It said no, or closed.
    Refused(String),
    /// Neither.
    Unclear(String),
}

/// Says it on a connection of its own.
pub(crate) fn greet(wire: &mut Wire, door: Door, hello: &Hello<'_>) -> Greeted {
    let mut connection = match wire.open_raw(door) {
        Ok(connection) => connection,
        Err(reply) => return Greeted::Unclear(saw(&reply)),
    };
    let end = now() + wire.limits().answer_time;
    connection.send(&hello.bytes());
    let mut bytes = Vec::new();
    loop {
        match said(&bytes) {
            Said::ServerHello(version, suite) => {
                return Greeted::Accepted(format!("server hello: {version}, suite 0x{suite:04x}"));
            }
            Said::Alert(number) => return Greeted::Refused(format!("alert {number}")),
            Said::Other => return Greeted::Unclear("bytes that are no TLS".to_owned()),
            Said::Part => {}
        }
        match connection.piece(end.saturating_sub(now())) {
            Piece::Bytes(more) => bytes.extend_from_slice(&more),
            Piece::Ended(how) if bytes.is_empty() => return Greeted::Refused(how),
            Piece::Ended(how) => return Greeted::Unclear(how),
            Piece::Quiet => return Greeted::Unclear("nothing within the time".to_owned()),
        }
    }
}

/// Asks for a name as a sound client of TLS 1.2 would.
pub(crate) fn ask_for(wire: &mut Wire, door: Door, host: &str) -> Greeted {
    greet(wire, door, &Hello { version: Version(0x0303), suites: SOUND, host })
}

//! The lines of one event loop, gathered and handed over in pieces.
//!
//! A piece is handed over when it is large, or a moment after its first line. When the writer does
//! not keep up, lines are counted as lost; the event loop never waits.

use super::writer::{Piece, Sink};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Handed over when this large.
const PIECE_BYTES: usize = 32 * 1024;
/// Handed over at least this long after the first line.
const PIECE_TIME: Duration = Duration::from_millis(5);

/// See the module.
#[derive(Debug)]
pub(crate) struct Buffer {
    sink: Sink,
    bytes: RefCell<Vec<u8>>,
    lines: Cell<u64>,
    waiting: Cell<bool>,
}

impl Buffer {
    pub(crate) fn new(sink: Sink) -> Rc<Self> {
        Rc::new(Self {
            sink,
            bytes: RefCell::default(),
            lines: Cell::new(0),
            waiting: Cell::new(false),
        })
    }

    /// Adds a line that `write` appends. Must be called on an event loop.
    pub(crate) fn add(self: &Rc<Self>, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.sink.wanted() {
            return;
        }
        let mut bytes = self.bytes.borrow_mut();
        write(&mut bytes);
        self.lines.set(self.lines.get() + 1);
        let full = bytes.len() >= PIECE_BYTES;
        drop(bytes);
        if full {
            self.flush();
        } else if !self.waiting.replace(true) {
            let this = Rc::clone(self);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(PIECE_TIME).await;
                this.waiting.set(false);
                this.flush();
            });
        }
    }

    /// Hands over what there is.
    pub(crate) fn flush(&self) {
        let lines = self.lines.take();
        if lines > 0 {
            let bytes = self.bytes.replace(Vec::with_capacity(PIECE_BYTES + 4096));
            self.sink.give(Piece { bytes, lines });
        }
    }
}

//! A pattern of a service: its pieces, what it means, when it counts.

use crate::event::Kind;
use crate::piece::{self, Found, Piece};

/// In which mode a pattern counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// In both.
    Always,
    /// Only where the service is watched strictly.
    Strict,
    /// Only where it is not.
    Lax,
}

/// What a matching line does to its session: several lines with one key tell one story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It counts by itself.
    Counts,
    /// It counts, and the session ends.
    CountsAndEnds,
    /// It only counts where something is pending, or where several accounts were tried.
    Notes,
    /// As `Notes`, and the session ends.
    NotesAndEnds,
    /// A sign-in went through: nothing is pending any more, and the session is over.
    Clears,
    /// The line says nothing, and no later pattern is tried.
    Ignores,
}

/// Reads a text by code.
pub(crate) type Read = for<'a> fn(&'a [u8]) -> Option<Found<'a>>;

/// One thing that a service writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pattern {
    pub(crate) pieces: &'static [Piece],
    pub(crate) kind: Kind,
    pub(crate) when: When,
    pub(crate) turn: Turn,
    /// What has to hold beside the pieces.
    pub(crate) test: Option<fn(&Found<'_>) -> bool>,
    /// Reads what pieces cannot tell. Linear in the text.
    pub(crate) by: Option<Read>,
    /// Whether that function only reads forward, so that it may be given a line whose end was cut off.
    pub(crate) is_forward: bool,
}

impl Pattern {
    const fn new(pieces: &'static [Piece], kind: Kind) -> Self {
        Self {
            pieces,
            kind,
            when: When::Always,
            turn: Turn::Counts,
            test: None,
            by: None,
            is_forward: false,
        }
    }

    /// A sign-in that was refused.
    pub(crate) const fn auth(pieces: &'static [Piece]) -> Self {
        Self::new(pieces, Kind::AuthFailure)
    }

    /// What no honest client does.
    pub(crate) const fn attack(pieces: &'static [Piece]) -> Self {
        Self::new(pieces, Kind::Attack)
    }

    /// Any other kind.
    pub(crate) const fn of(kind: Kind, pieces: &'static [Piece]) -> Self {
        Self::new(pieces, kind)
    }

    /// Says nothing, and nothing after it is tried.
    pub(crate) const fn ignore(pieces: &'static [Piece]) -> Self {
        Self::new(pieces, Kind::Attack).turn(Turn::Ignores)
    }

    /// Read by a function that only reads forward.
    pub(crate) const fn forward(kind: Kind, by: Read) -> Self {
        let mut pattern = Self::by(kind, by);
        pattern.is_forward = true;
        pattern
    }

    /// Read by a function.
    pub(crate) const fn by(kind: Kind, by: Read) -> Self {
        let mut pattern = Self::new(&[], kind);
        pattern.by = Some(by);
        pattern
    }

    pub(crate) const fn strict(mut self) -> Self {
        self.when = When::Strict;
        self
    }

    pub(crate) const fn lax(mut self) -> Self {
        self.when = When::Lax;
        self
    }

    pub(crate) const fn turn(mut self, turn: Turn) -> Self {
        self.turn = turn;
        self
    }

    pub(crate) const fn test(mut self, test: fn(&Found<'_>) -> bool) -> Self {
        self.test = Some(test);
        self
    }

    /// Whether it counts in this mode.
    pub(crate) fn counts(&self, is_strict: bool) -> bool {
        match self.when {
            When::Always => true,
            When::Strict => is_strict,
            When::Lax => !is_strict,
        }
    }

    /// Whether it can match a text that begins with this byte.
    pub(crate) fn may_start(&self, byte: u8) -> bool {
        self.by.is_some() || piece::may_start(self.pieces, byte)
    }

    /// Matches a text from its beginning; `is_cut`: its end is missing.
    pub(crate) fn find<'a>(&self, text: &'a [u8], is_cut: bool) -> Option<Found<'a>> {
        let found = match self.by {
            Some(_) if is_cut && !self.is_forward => return None,
            Some(by) => by(text)?,
            None => piece::find_in(self.pieces, text, is_cut)?,
        };
        self.test.is_none_or(|test| test(&found)).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::piece::Piece::{Host, K, L, Q, Word};

    #[test]
    fn modes_and_tests_are_heeded() {
        let pattern = Pattern::auth(&[L("from "), Host]).strict();
        assert!(pattern.counts(true) && !pattern.counts(false));
        assert!(!pattern.lax().counts(true) && pattern.lax().counts(false));
        assert!(pattern.may_start(b'f') && !pattern.may_start(b'g'));
        let tested = Pattern::auth(&[K, Word, Q]).test(|found| found.key == Some(b"yes"));
        assert!(tested.find(b"yes", false).is_some() && tested.find(b"no", false).is_none());
        let by = Pattern::by(Kind::Attack, |text| (text == b"x").then(Found::default));
        assert!(
            by.find(b"x", false).is_some()
                && by.find(b"y", false).is_none()
                && by.find(b"x", true).is_none()
        );
    }
}

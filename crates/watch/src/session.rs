//! What earlier lines of the same session said: an address in one line, a failure in the next.
//!
//! Invariants: a table of fixed size. A session that is pushed out by another is forgotten, which can
//! hide a failure that needs two lines, and never make one up; keys and names are kept as keyed hashes,
//! so that nobody can aim at a place of the table.

use crate::pattern::Turn;
use foldhash::quality::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;

/// Sessions that are remembered.
const SESSIONS_MAX: usize = 4_096;
/// After so many lines a session is forgotten.
const LINES_MAX: u64 = 200_000;

#[derive(Debug, Clone, Copy, Default)]
struct Session {
    key: u64,
    line: u64,
    ip: Option<IpAddr>,
    user: u64,
    /// More than one account was tried.
    has_several: bool,
    /// A failure waits for its address.
    is_pending: bool,
    /// Lines that were noted and not counted.
    noted: u32,
}

/// The sessions of one source.
#[derive(Debug)]
pub(crate) struct Sessions {
    hasher: RandomState,
    table: Vec<Session>,
    line: u64,
}

/// What a line comes to, once its session is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing yet.
    Nothing,
    /// So many events, of this client.
    Counts(Option<IpAddr>, u32),
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::default(), table: Vec::new(), line: 0 }
    }

    /// Takes the next line of a session.
    pub(crate) fn turn(
        &mut self,
        key: &[u8],
        turn: Turn,
        ip: Option<IpAddr>,
        has_host: bool,
        user: Option<&[u8]>,
    ) -> Outcome {
        self.line += 1;
        if self.table.is_empty() {
            self.table = vec![Session::default(); SESSIONS_MAX];
        }
        let hash = self.hasher.hash_one(key).max(1);
        let name = user
            .filter(|user| !user.is_empty())
            .map_or(0, |user| self.hasher.hash_one(user).max(1));
        let line = self.line;
        let place = usize::try_from(hash % 4_096).unwrap_or_default();
        let Some(session) = self.table.get_mut(place) else { return Outcome::Nothing };
        if session.key != hash || line - session.line > LINES_MAX {
            *session = Session { key: hash, ..Session::default() };
        }
        session.line = line;
        session.ip = ip.or(session.ip);
        session.has_several |= name != 0 && session.user != 0 && session.user != name;
        if name != 0 {
            session.user = name;
        }
        let outcome = session.outcome(turn, has_host);
        if matches!(turn, Turn::CountsAndEnds | Turn::NotesAndEnds | Turn::Clears) {
            *session = Session::default();
        }
        outcome
    }
}

impl Session {
    fn outcome(&mut self, turn: Turn, has_host: bool) -> Outcome {
        let only_notes = match turn {
            Turn::Counts | Turn::CountsAndEnds => false,
            Turn::Notes | Turn::NotesAndEnds => !self.is_pending && !self.has_several,
            // The failures of other accounts, before this one was let in, were noted and not counted.
            Turn::Clears if self.has_several && self.noted > 0 => {
                return Outcome::Counts(self.ip, self.noted);
            }
            Turn::Clears | Turn::Ignores => return Outcome::Nothing,
        };
        if only_notes {
            self.noted += 1;
            return Outcome::Nothing;
        }
        if self.ip.is_none() && !has_host {
            self.is_pending = true;
            return Outcome::Nothing;
        }
        self.is_pending = false;
        let noted = std::mem::take(&mut self.noted);
        let is_note = matches!(turn, Turn::Notes | Turn::NotesAndEnds);
        Outcome::Counts(self.ip, if is_note && self.has_several { noted + 1 } else { 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Turn::{Clears, Counts, Notes, NotesAndEnds};

    const NOBODY: Option<IpAddr> = None;

    const CLIENT: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

    fn check(steps: &[(Turn, Option<IpAddr>, &str, Outcome)]) {
        let mut sessions = Sessions::new();
        for (turn, ip, user, expected) in steps {
            let user = Some(user.as_bytes());
            assert_eq!(
                sessions.turn(b"host sshd[1]:", *turn, *ip, false, user),
                *expected,
                "{steps:?}"
            );
        }
        let other = sessions.turn(b"host sshd[2]:", Notes, NOBODY, false, None);
        assert_eq!(other, Outcome::Nothing, "another session knows nothing of it");
    }

    #[test]
    fn a_failure_waits_for_its_address() {
        let is = CLIENT;
        check(&[
            (Counts, NOBODY, "", Outcome::Nothing),
            (NotesAndEnds, is, "", Outcome::Counts(is, 1)),
            (NotesAndEnds, is, "", Outcome::Nothing),
        ]);
        check(&[(Notes, is, "", Outcome::Nothing), (Counts, NOBODY, "", Outcome::Counts(is, 1))]);
    }

    #[test]
    fn noted_failures_count_when_a_second_account_is_tried() {
        let is = CLIENT;
        check(&[(Notes, is, "a", Outcome::Nothing), (Notes, is, "b", Outcome::Counts(is, 2))]);
        check(&[
            (Notes, is, "a", Outcome::Nothing),
            (Notes, is, "a", Outcome::Nothing),
            (NotesAndEnds, is, "", Outcome::Nothing),
        ]);
        check(&[
            (Notes, is, "a", Outcome::Nothing),
            (Clears, is, "a", Outcome::Nothing),
            (Notes, is, "b", Outcome::Nothing),
        ]);
    }

    #[test]
    fn a_sign_in_tells_of_failures_of_other_accounts() {
        let is = CLIENT;
        check(&[(Notes, is, "a", Outcome::Nothing), (Clears, is, "b", Outcome::Counts(is, 1))]);
        check(&[(Notes, is, "a", Outcome::Nothing), (Clears, is, "a", Outcome::Nothing)]);
    }

    #[test]
    fn the_table_does_not_grow() {
        let mut sessions = Sessions::new();
        for number in 0..100_000_u32 {
            sessions.turn(&number.to_le_bytes(), Notes, NOBODY, false, None);
        }
        assert_eq!(sessions.table.len(), SESSIONS_MAX);
    }
}

//! What bouncers are told: all that is in force, or what has changed since they last asked.
//!
//! Invariants: an answer that was lost on its way loses nothing, because each tells again what the one before told; whose
//! first one was lost begins again, as bouncers do;
//! whoever is not known any more (the process began anew) is told all, with all that is over; what is remembered of changes
//! is bounded, and who has missed more is told all.

use crate::decision::Decision;
use crate::query::Query;
use burgrave_agent::Book;
use burgrave_watch::Target;
use std::collections::{HashMap, HashSet, VecDeque};

/// Changes that are remembered.
const CHANGES_MAX: usize = 100_000;

/// What was told to whom.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Who was in force when that was last looked at, and until when.
    known: HashMap<Target, u64>,
    changes: VecDeque<(u64, Target)>,
    /// Of the last change.
    number: u64,
    /// Of the last change that is forgotten.
    forgotten: u64,
    /// The changes that each bouncer was told, up to the last answer and up to the one before.
    told: HashMap<String, (u64, u64)>,
}

impl Answers {
    /// Compares with what is in force now.
    fn observe(&mut self, book: &Book, now: u64) {
        let mut changed = Vec::new();
        let mut count = 0_usize;
        for ban in book.all(now) {
            count += 1;
            if self.known.insert(ban.target, ban.until) != Some(ban.until) {
                changed.push(ban.target);
            }
        }
        if count != self.known.len() {
            self.known.retain(|target, _| {
                let is_in_force = book.active(*target, now).is_some();
                if !is_in_force {
                    changed.push(*target);
                }
                is_in_force
            });
        }
        for target in changed {
            self.number += 1;
            self.changes.push_back((self.number, target));
            if self.changes.len() > CHANGES_MAX {
                self.forgotten = self.changes.pop_front().map_or(self.number, |(number, _)| number);
            }
        }
    }

    /// What has changed for a bouncer, or all: `{"deleted":[…],"new":[…]}`.
    pub(crate) fn stream(
        &mut self,
        bouncer: &str,
        query: &Query,
        book: &Book,
        now: u64,
    ) -> Vec<u8> {
        self.observe(book, now);
        let before = self.told.get(bouncer).copied().filter(|_| !query.startup);
        let (new, over) =
            if let Some((_, before)) = before.filter(|(_, before)| *before >= self.forgotten) {
                self.since(before, book, now)
            } else {
                let new = book.all(now).map(|ban| Decision::of(ban, now)).collect();
                // Who has just begun has nothing that could be over; who was here before this process may have.
                let over = book.over(now).filter(|_| !query.startup);
                (new, over.map(Decision::over).collect())
            };
        let last = before.map_or(self.number, |(last, _)| last);
        self.told.insert(bouncer.to_owned(), (self.number, last));
        let new: Vec<Decision> = new.into_iter().filter(|own| query.takes(own)).collect();
        let over: Vec<Decision> = over.into_iter().filter(|own| query.takes_scope(own)).collect();
        let (over, new) = (or_null(&over), or_null(&new));
        [b"{\"deleted\":", &over[..], b",\"new\":", &new, b"}"].concat()
    }

    fn since(&self, number: u64, book: &Book, now: u64) -> (Vec<Decision>, Vec<Decision>) {
        let changed = self.changes.iter().rev().take_while(|(own, _)| *own > number);
        let changed: HashSet<Target> = changed.map(|(_, target)| *target).collect();
        let (mut new, mut over) = (Vec::new(), Vec::new());
        for target in changed {
            match book.active(target, now) {
                Some(ban) => new.push(Decision::of(ban, now)),
                None => over.push(Decision::over(target)),
            }
        }
        (new, over)
    }

    /// The bans that are asked for: `[…]`, or `null` where nobody is banned.
    pub(crate) fn list(query: &Query, book: &Book, now: u64) -> Vec<u8> {
        let found = match query.place {
            Some(place) => query.about(place, book, now),
            None => book.all(now).map(|ban| Decision::of(ban, now)).collect(),
        };
        let found: Vec<Decision> = found.into_iter().filter(|own| query.takes(own)).collect();
        or_null(&found)
    }
}

/// As the engine writes a list, which is `null` where it is empty.
fn or_null(all: &[Decision]) -> Vec<u8> {
    let value = if all.is_empty() { None } else { Some(all) };
    // What is made of numbers and strings can always be written.
    serde_json::to_vec(&value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_agent::{Ban, Entry, parse_target};

    struct Stage {
        answers: Answers,
        book: Book,
    }

    impl Stage {
        fn ban(&mut self, text: &str, until: u64) {
            let target = parse_target(text).unwrap();
            self.book.take(Ban { until, ..Ban::by_hand(target, 100, 0, "sshd") }.entry());
        }

        /// Who is new and who is over, in order.
        fn ask(&mut self, bouncer: &str, query: &str, now: u64) -> (Vec<String>, Vec<String>) {
            let query = Query::parse(query).unwrap();
            let text = self.answers.stream(bouncer, &query, &self.book, now);
            let read: HashMap<String, Option<Vec<Decision>>> =
                serde_json::from_slice(&text).unwrap();
            let of = |name: &str| {
                let all = read[name].iter().flatten();
                let mut all: Vec<String> = all.map(|own| own.value.clone()).collect();
                all.sort();
                all
            };
            (of("new"), of("deleted"))
        }
    }

    fn both(new: &[&str], over: &[&str]) -> (Vec<String>, Vec<String>) {
        let of = |all: &[&str]| all.iter().map(|&text| text.to_owned()).collect();
        (of(new), of(over))
    }

    #[test]
    fn each_bouncer_is_told_what_is_new_to_it_and_once_more() {
        let mut stage = Stage { answers: Answers::default(), book: Book::default() };
        stage.ban("192.0.2.1", 500);
        stage.ban("192.0.2.2", 150);
        let all = ["192.0.2.1", "192.0.2.2"];
        assert_eq!(stage.ask("a", "startup=true", 100), both(&all, &[]));
        assert_eq!(stage.ask("a", "", 110), both(&[], &[]));
        stage.ban("192.0.2.3", 500);
        assert_eq!(stage.ask("a", "", 120), both(&["192.0.2.3"], &[]));
        // Its answer may have been lost.
        assert_eq!(stage.ask("a", "", 130), both(&["192.0.2.3"], &[]));
        assert_eq!(stage.ask("a", "", 140), both(&[], &[]));
        stage.book.take(Entry::unban(parse_target("192.0.2.1").unwrap(), 145));
        assert_eq!(stage.ask("a", "", 150), both(&[], &["192.0.2.1", "192.0.2.2"]), "one is over");
        // A longer ban is news as well.
        stage.ban("192.0.2.3", 900);
        let (new, _) = stage.ask("a", "startup=false", 160);
        assert_eq!(new, ["192.0.2.3"]);
        assert_eq!(
            stage.ask("b", "startup=true", 160),
            both(&["192.0.2.3"], &[]),
            "nothing is over"
        );
    }

    #[test]
    fn whoever_is_not_known_any_more_is_told_all_that_is_and_was() {
        let mut stage = Stage { answers: Answers::default(), book: Book::default() };
        stage.ban("192.0.2.1", 500);
        stage.ban("192.0.2.2", 150);
        stage.book.take(Entry::unban(parse_target("192.0.2.4").unwrap(), 145));
        let expected = both(&["192.0.2.1"], &["192.0.2.2", "192.0.2.4"]);
        assert_eq!(stage.ask("a", "", 200), expected);
        // So is who has missed more than is remembered.
        for n in 0..CHANGES_MAX / 4 {
            stage.ban(&format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255), 210);
        }
        for _ in 0..5 {
            stage.ask("b", "startup=true", 205);
            stage.ask("b", "", 220);
            for n in 0..CHANGES_MAX / 4 {
                let target = format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255);
                stage.ban(&target, 210);
            }
        }
        assert!(stage.answers.changes.len() <= CHANGES_MAX);
        let (new, over) = stage.ask("a", "", 230);
        assert_eq!((new.len(), over.len()), (1, CHANGES_MAX / 4 + 2));
    }

    #[test]
    fn an_empty_answer_reads_as_the_engines_does() {
        let mut answers = Answers::default();
        let (query, book) = (Query::parse("").unwrap(), Book::default());
        assert_eq!(answers.stream("a", &query, &book, 1), b"{\"deleted\":null,\"new\":null}");
        assert_eq!(Answers::list(&query, &book, 1), b"null");
    }
}

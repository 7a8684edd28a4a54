//! What goes through the spool: something that happened, or what a person wants.

use burgrave_model::{Severity, Topic};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Bytes of a subject, a title and a text; what is longer is cut.
const SUBJECT_BYTES_MAX: usize = 256;
const TITLE_BYTES_MAX: usize = 256;
const TEXT_BYTES_MAX: usize = 2_048;

/// Something that happened, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in microseconds since 1970.
    pub time: i64,
    /// The word of its [`Topic`].
    pub topic: String,
    /// The word of its [`Severity`].
    pub severity: String,
    /// To whom or what: alerts of one topic about one subject are one alert.
    pub subject: String,
    /// In a line.
    pub title: String,
    /// What else is to be said.
    pub text: String,
    /// It is over.
    pub is_over: bool,
}

impl Event {
    /// Of a topic, as much as it usually matters.
    pub fn new(time: i64, topic: Topic, subject: &str, title: &str, text: &str) -> Self {
        Self {
            time,
            topic: topic.word().to_owned(),
            severity: topic.severity().id().to_owned(),
            subject: cut(subject, SUBJECT_BYTES_MAX),
            title: cut(title, TITLE_BYTES_MAX),
            text: cut(text, TEXT_BYTES_MAX),
            is_over: false,
        }
    }

    /// What lasted is over.
    pub fn over(time: i64, topic: Topic, subject: &str, title: &str) -> Self {
        Self { is_over: true, ..Self::new(time, topic, subject, title, "") }
    }

    /// The same, as much as the raiser says.
    #[must_use]
    pub fn at(mut self, severity: Severity) -> Self {
        severity.id().clone_into(&mut self.severity);
        self
    }

    /// Its topic and severity, where they are of this release.
    pub(crate) fn kind(&self) -> Option<(Topic, Severity)> {
        Some((self.topic.parse().ok()?, severity(&self.severity)?))
    }

    /// What makes it the same alert as another.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.topic, &self.subject)
    }
}

/// A severity by its word.
pub(crate) fn severity(word: &str) -> Option<Severity> {
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|severity| severity.id() == word)
}

/// One line at most of it where it is one, and nothing that a terminal or a protocol would obey.
fn cut(text: &str, most: usize) -> String {
    let mut short = String::new();
    for letter in text.chars() {
        let plain = if letter.is_control() { ' ' } else { letter };
        if short.len() + plain.len_utf8() > most {
            short.push('…');
            break;
        }
        short.push(plain);
    }
    short
}

/// What makes alerts the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

impl Fingerprint {
    /// Of a topic and a subject.
    pub fn of(topic: &str, subject: &str) -> Self {
        let digest = Sha256::digest(format!("{topic}\n{subject}").as_bytes());
        Self(digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// Alerts whose fingerprint begins so, or with `all` every one, are somebody's now.
    Acknowledge {
        /// How the fingerprint begins, or `all`.
        which: String,
        /// Who.
        by: String,
        /// When.
        time: i64,
    },
    /// Nobody is told of these until a time.
    Silence {
        /// Its name.
        id: String,
        /// How the topic begins.
        topic: Option<String>,
        /// What the subject is.
        subject: Option<String>,
        /// Until when.
        until: i64,
        /// Why.
        reason: String,
        /// Who.
        by: String,
    },
    /// A silence ends now.
    Unsilence {
        /// Its name.
        id: String,
    },
}

/// A line of a file of the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Spooled {
    /// Something happened.
    Event(Event),
    /// Somebody wants something.
    Order(Order),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_typed_is_one_bounded_line() {
        let event = Event::new(0, Topic::AttackSeen, "a\r\nb", &"ä".repeat(1_000), "x\u{1b}[31m");
        assert_eq!((event.subject.as_str(), event.text.as_str()), ("a  b", "x [31m"));
        assert!(event.title.len() <= TITLE_BYTES_MAX + 3 && event.title.ends_with('…'));
        assert_eq!(event.kind(), Some((Topic::AttackSeen, Severity::High)));
        let line = serde_json::to_string(&Spooled::Event(event.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Spooled>(&line).unwrap(), Spooled::Event(event.clone()));
        assert_eq!(Event { topic: "new.one".to_owned(), ..event }.kind(), None);
    }

    #[test]
    fn the_manual_has_every_topic() {
        let manual = include_str!("../../../docs/alerts.md");
        for topic in Topic::ALL {
            let lasts = if topic.is_lasting() { "yes" } else { "no" };
            let level = topic.severity().id();
            let row = format!("\n| `{topic}` | {level} | {lasts} | {} |\n", topic.says());
            assert!(manual.contains(&row), "docs/alerts.md lacks{row}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_topic_and_subject() {
        let of = |topic, subject| Event::new(1, topic, subject, "t", "x").fingerprint();
        assert_eq!(
            of(Topic::BackupFailed, "j"),
            Event::over(2, Topic::BackupFailed, "j", "").fingerprint()
        );
        assert_ne!(of(Topic::BackupFailed, "j"), of(Topic::BackupOdd, "j"));
        assert_ne!(of(Topic::BackupFailed, "j"), of(Topic::BackupFailed, "k"));
        assert_eq!(of(Topic::BackupFailed, "j").to_string().len(), 12);
    }
}

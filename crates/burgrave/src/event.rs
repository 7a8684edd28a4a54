//! Events of this machine that somebody has to know: raised in one place, in one form.
//!
//! Invariants: [`raise`] is the only way out; an event is one line, its text escaped; what it says is typed, so that
//! whoever routes alerts need not read words.

use crate::command::raise;
use crate::output;
use burgrave_audit::appeared::Appearance;
use burgrave_audit::baseline::Difference;
use burgrave_audit::{Change, News};
use burgrave_config::Settings;
use burgrave_model::{Severity, Topic};
use serde_json::{Value, json};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// A fault is new, weighs more, cannot be seen any more, or is gone.
    Audit(Box<Change>),
    /// A path is not as it was accepted.
    Changed(Difference),
    /// A path in a folder that nobody has accepted yet has changed.
    Touched(String),
    /// More paths changed than are told one by one.
    More(usize),
    /// A program has begun to listen.
    Listens(Appearance),
    /// A file has begun to run with its owner's rights.
    RunsAsOwner(Appearance),
    /// The audit or the watch could not do its work.
    Trouble(String),
}

impl Event {
    /// What it is, in a word that does not change.
    fn kind(&self) -> &'static str {
        match self {
            Self::Audit(change) => match change.news {
                News::New => "audit.new",
                News::Heavier => "audit.heavier",
                News::Unseen => "audit.unseen",
                News::Gone => "audit.gone",
            },
            Self::Changed(_) => "baseline.changed",
            Self::Touched(_) => "files.changed",
            Self::More(_) => "files.more",
            Self::Listens(_) => "listener.new",
            Self::RunsAsOwner(_) => "setuid.new",
            Self::Trouble(_) => "audit.trouble",
        }
    }

    /// How much it weighs.
    fn severity(&self) -> Severity {
        match self {
            Self::Audit(change) => match change.news {
                News::New | News::Heavier => change.fault.weight(),
                News::Unseen => Severity::Medium,
                News::Gone => Severity::Info,
            },
            Self::Listens(own) | Self::RunsAsOwner(own) => own.severity,
            Self::Changed(_) | Self::Trouble(_) => Severity::High,
            Self::Touched(_) | Self::More(_) => Severity::Medium,
        }
    }

    /// As people are told; what is over is nobody's alarm.
    fn alert(&self) -> Option<raise::Event> {
        let (topic, subject, title) = match self {
            Self::Audit(change) => {
                let title = match change.news {
                    News::New => "new",
                    News::Heavier => "weighs more now",
                    News::Unseen => "cannot be seen any more",
                    News::Gone => return None,
                };
                let fault = &change.fault;
                (Topic::AuditFinding, fault.id.clone(), format!("{}: {title}", fault.title))
            }
            Self::Changed(difference) => {
                let path = difference.shown_path();
                let title = format!("`{path}` is not as it was accepted");
                (Topic::FilesChanged, path, title)
            }
            Self::Touched(path) => {
                (Topic::FilesChanged, path.clone(), format!("`{path}` has changed"))
            }
            Self::More(count) => {
                (Topic::FilesChanged, "more".to_owned(), format!("{count} more paths have changed"))
            }
            Self::Listens(own) => (Topic::ListenerNew, own.words.clone(), own.words.clone()),
            Self::RunsAsOwner(own) => (Topic::SetuidNew, own.words.clone(), own.words.clone()),
            Self::Trouble(text) => (Topic::AuditTrouble, "audit".to_owned(), text.clone()),
        };
        let text = self.json().to_string();
        Some(raise::event(topic, &subject, &title, &text).at(self.severity()))
    }

    /// As programs read it.
    fn json(&self) -> Value {
        let mut value = json!({ "event": self.kind(), "severity": self.severity() });
        let rest = match self {
            Self::Audit(change) => json!({
                "id": change.fault.id,
                "safeguard": change.fault.safeguard,
                "title": change.fault.title,
                "evidence": change.fault.evidence,
            }),
            Self::Changed(difference) => {
                json!({ "path": difference.shown_path(), "what": difference.what })
            }
            Self::Touched(path) => json!({ "path": path }),
            Self::More(count) => json!({ "count": count }),
            Self::Listens(own) | Self::RunsAsOwner(own) => json!({ "text": own.words }),
            Self::Trouble(text) => json!({ "text": text }),
        };
        if let (Value::Object(value), Value::Object(rest)) = (&mut value, rest) {
            value.extend(rest);
        }
        value
    }
}

/// Raises an event: written down where the program speaks, and told to whoever is to be told.
pub(crate) fn raise(settings: &Settings, event: &Event) {
    output::notice(&format!("event: {}", event.json()));
    raise::raise(settings, &event.alert().into_iter().collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_audit::baseline::What;

    #[test]
    fn an_event_is_one_line_with_its_kind_and_weight() {
        let changed =
            Difference { path: "/srv/www/a\n\u{1b}".into(), what: vec![What::New, What::Mode] };
        for (event, kind, severity) in [
            (Event::Changed(changed), "baseline.changed", "high"),
            (Event::Touched("/etc/x".to_owned()), "files.changed", "medium"),
            (Event::More(7), "files.more", "medium"),
            (Event::Trouble("a\nb".to_owned()), "audit.trouble", "high"),
        ] {
            let value = event.json();
            assert_eq!((&value["event"], &value["severity"]), (&kind.into(), &severity.into()));
            assert!(!value.to_string().contains(['\n', '\u{1b}']), "{value}");
        }
    }
}

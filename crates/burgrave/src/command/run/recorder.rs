//! Rows and alerts of what the supervisor itself sees, and of what the keeper of certificates tells it: that one is
//! confined and speaks with the network, so it gets neither the ledger's key nor the spool.

use super::super::raise::{self, Raiser};
use super::super::record;
use super::agent::wrote;
use crate::error::Error;
use burgrave_config::Settings;
use burgrave_ledger::{Kind, Scribe};
use burgrave_model::{Severity, Topic};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::process::ExitStatus;
use std::sync::Arc;

/// How messages about certificates begin on the supervisor's channel.
pub(super) const CERTIFICATE: &[u8] = b"certificate ";
/// Of what a message says, so that it fits the channel.
const TEXT_BYTES_MAX: usize = 1_500;

/// What the keeper of certificates tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Certificate {
    /// One was fetched, or an operator has put another one in place.
    Taken { name: String, said: String, is_fetched: bool },
    /// One could not be fetched.
    Failed { name: String, said: String },
    /// One is near its end, or past it.
    Ending { name: String, said: String },
}

impl Certificate {
    /// The message.
    pub(super) fn message(mut self) -> Vec<u8> {
        match &mut self {
            Self::Taken { name, said, .. }
            | Self::Failed { name, said }
            | Self::Ending { name, said } => {
                for text in [name, said] {
                    *text = text.chars().take(TEXT_BYTES_MAX / 4).collect();
                }
            }
        }
        // What is made of texts can always be written.
        [CERTIFICATE, &serde_json::to_vec(&self).unwrap_or_default()].concat()
    }

    /// What a message says; `None`: nothing that is known.
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        serde_json::from_slice(message.strip_prefix(CERTIFICATE)?).ok()
    }
}

/// See the module.
pub(super) struct Recorder {
    scribe: Scribe,
    raiser: Arc<Raiser>,
}

impl Recorder {
    /// By a configuration.
    pub(super) fn start(settings: &Settings) -> Result<Self, Error> {
        let wrong = |error| Error::Runtime("the ledger's thread", error);
        let raiser = Arc::new(Raiser::start(settings).map_err(wrong)?);
        let told = Arc::clone(&raiser);
        let scribe = Scribe::start(&settings.state, move |said| wrote(&said, &told));
        Ok(Self { scribe: scribe.map_err(wrong)?, raiser })
    }

    /// The gateway has ended by itself, and is started again.
    pub(super) fn gateway_ended(&self, status: ExitStatus) {
        let how = status.to_string();
        self.scribe.add(record::event(Kind::GatewayRestarted, "", json!({ "ended": how })));
        let title = "the gateway has ended by itself, and is started again";
        self.raiser.add(raise::event(Topic::GatewayRestarted, "", title, &how));
    }

    /// Something about a certificate.
    pub(super) fn certificate(&self, told: &Certificate) {
        let (kind, name, said) = match told {
            Certificate::Taken { name, said, .. } => (Kind::CertificateRenewed, name, said),
            Certificate::Failed { name, said } => (Kind::CertificateFailed, name, said),
            Certificate::Ending { name, said } => (Kind::CertificateEnding, name, said),
        };
        let is_fetched = matches!(told, Certificate::Taken { is_fetched: true, .. });
        let detail = json!({ "said": said, "is_fetched": is_fetched });
        self.scribe.add(record::event(kind, name.as_str(), detail));
        for event in alerts(told) {
            self.raiser.add(event);
        }
    }
}

/// What becomes an alert, or ends one.
fn alerts(told: &Certificate) -> Vec<raise::Event> {
    match told {
        Certificate::Taken { name, said, .. } => {
            let topics = [Topic::CertificateEnding, Topic::CertificateFailed];
            topics.into_iter().map(|topic| raise::over(topic, name, said)).collect()
        }
        Certificate::Failed { name, said } => {
            let title = format!("no certificate for `{name}` could be fetched");
            vec![raise::event(Topic::CertificateFailed, name, &title, said)]
        }
        Certificate::Ending { name, said } => {
            let event = raise::event(Topic::CertificateEnding, name, said, "");
            let has_ended = said.ends_with("has ended");
            vec![if has_ended { event.at(Severity::Critical) } else { event }]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_keeper_tells_arrives_or_is_nothing() {
        let told = Certificate::Failed { name: "a.example".to_owned(), said: "no".to_owned() };
        assert_eq!(Certificate::parse(&told.clone().message()), Some(told));
        let long = Certificate::Ending { name: "ä".repeat(9_000), said: "\u{1}".repeat(9_000) };
        assert!(long.message().len() < burgrave_sys::MESSAGE_BYTES_MAX);
        for other in [&b"ready"[..], b"certificate ", b"certificate {}", b"certificate {\"x\":1}"] {
            assert_eq!(Certificate::parse(other), None);
        }
    }

    #[test]
    fn an_end_is_an_alert_until_another_certificate_is_there() {
        let state = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(&Settings::new(state.path().to_owned())).unwrap();
        let name = || "a.example".to_owned();
        let said = |said: &str| said.to_owned();
        let ending = Certificate::Ending { name: name(), said: said("it ends within a day") };
        let event = &alerts(&ending)[0];
        assert_eq!((event.severity.as_str(), event.is_over), ("high", false));
        let ended = Certificate::Ending { name: name(), said: said("it has ended") };
        assert_eq!(alerts(&ended)[0].severity, "critical");
        let taken = Certificate::Taken { name: name(), said: said("new"), is_fetched: true };
        let over = alerts(&taken);
        assert!(over.len() == 2 && over.iter().all(|event| event.is_over));
        assert_eq!(over[0].fingerprint(), event.fingerprint());
        recorder.certificate(&taken);
        recorder.gateway_ended(ExitStatus::default());
        drop(recorder);
        let filter = burgrave_ledger::Filter { kind: None, subject: None, most: 9 };
        let folder = burgrave_ledger::folder(state.path());
        let (rows, _) = burgrave_ledger::last(&folder, &filter).unwrap();
        let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
        assert_eq!(kinds, ["ledger.begun", "certificate.renewed", "gateway.restarted"]);
    }
}

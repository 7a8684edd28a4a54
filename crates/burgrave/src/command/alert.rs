//! `burgrave alert`: what is the matter, and what people want to be done about it.

use super::record::{self, event};
use super::{Exit, raise};
use crate::cli::{Alert as Command, Format};
use crate::error::Error;
use crate::{load, output};
use burgrave_alerts::{Alert, AlertError, Channel, Event, Order, Spool, State, Store};
use burgrave_config::{AlertChannel, Settings};
use burgrave_ledger::Kind;
use burgrave_model::Topic;
use burgrave_sys::{Live, UnixTime, seed, wall_clock};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Digits of a silence's id.
const ID_BYTES: usize = 3;

/// Runs the command.
pub(super) fn dispatch(command: &Command) -> Result<Exit, Error> {
    match command {
        Command::List { config, format } => list(&settings(config)?, *format),
        Command::Ack { which, config } => acknowledge(&settings(config)?, which),
        Command::Silence { topic, subject, time, reason, end, config } => {
            let settings = settings(config)?;
            match (end, time) {
                (Some(id), _) => unsilence(&settings, id),
                (None, time) => {
                    silence(&settings, topic.as_deref(), subject.as_deref(), *time, reason)
                }
            }
        }
        Command::Test { channel, config } => test(&settings(config)?, channel.as_deref()),
    }
}

fn settings(config: &Path) -> Result<Settings, Error> {
    let settings = load::settings(&Live, config)?;
    if settings.alerts.channels.is_empty() {
        return Err(Error::NoAlerts);
    }
    Ok(settings)
}

impl From<AlertError> for Error {
    fn from(error: AlertError) -> Self {
        Self::Alerts(error)
    }
}

fn list(settings: &Settings, format: Format) -> Result<Exit, Error> {
    let state = Store::read(&settings.state)?.unwrap_or_default();
    output::text(&match format {
        Format::Text => as_text(&state),
        Format::Json => format!(
            "{}\n",
            json!({
                "version": 1, "alerts": state.alerts, "silences": state.silences,
                "waiting": state.queue.values().collect::<Vec<_>>(),
            })
        ),
    })?;
    let is_the_matter = state.alerts.values().any(Alert::is_open);
    Ok(if is_the_matter { Exit::Findings } else { Exit::Clean })
}

fn when(micros: i64) -> String {
    UnixTime(micros).rfc3339().split('.').next().unwrap_or_default().to_owned()
}

fn as_text(state: &State) -> String {
    let mut text = String::new();
    for (fingerprint, alert) in &state.alerts {
        let how = match (&alert.over, &alert.acknowledged) {
            (Some(time), _) => format!("over since {}Z", when(*time)),
            (None, Some(by)) => format!("taken on by {}", by.by.escape_debug()),
            (None, None) => "open".to_owned(),
        };
        let told: Vec<&str> = alert.told.keys().map(String::as_str).collect();
        let told = if told.is_empty() { "nobody yet".to_owned() } else { told.join(", ") };
        text.push_str(&format!(
            "{fingerprint}  {:<8} {:<18} {}\n  {how}; {} time(s), last {}Z; told: {told}\n",
            alert.severity,
            alert.topic,
            alert.title.escape_debug(),
            alert.count,
            when(alert.last),
        ));
    }
    for message in state.queue.values() {
        text.push_str(&format!(
            "waits for channel `{}` after {} attempt(s): {} alert(s)\n",
            message.channel,
            message.attempts,
            message.items.len() + message.more
        ));
    }
    for (id, silence) in &state.silences {
        let of = |what: &Option<String>| {
            what.as_ref().map_or_else(|| "any".to_owned(), |text| text.escape_debug().to_string())
        };
        text.push_str(&format!(
            "silence {id}: topic {}, subject {}, until {}Z, by {}: {}\n",
            of(&silence.topic),
            of(&silence.subject),
            when(silence.until),
            silence.by.escape_debug(),
            silence.reason.escape_debug(),
        ));
    }
    let open = state.alerts.values().filter(|alert| alert.is_open()).count();
    text.push_str(&format!("{open} open\n"));
    text
}

/// Who gives the order.
fn by() -> String {
    let by = record::by();
    let name = by.get("sudo_user").and_then(serde_json::Value::as_str).map(str::to_owned);
    name.or_else(|| std::env::var("USER").ok())
        .unwrap_or_else(|| format!("uid {}", by.get("uid").unwrap_or_default()))
        .chars()
        .take(64)
        .collect()
}

fn acknowledge(settings: &Settings, which: &str) -> Result<Exit, Error> {
    let state = Store::read(&settings.state)?.unwrap_or_default();
    let named =
        |fingerprint: &str| which == "all" || which.len() >= 4 && fingerprint.starts_with(which);
    let open = state.alerts.iter().filter(|(_, alert)| alert.is_open());
    let titles: Vec<&str> = open
        .filter(|(fingerprint, _)| named(&fingerprint.0))
        .map(|(_, alert)| alert.title.as_str())
        .collect();
    if titles.is_empty() {
        output::notice(&format!(
            "no open alert is called `{}`: see `burgrave alert list`",
            which.escape_debug()
        ));
        return Ok(Exit::Findings);
    }
    let order = Order::Acknowledge { which: which.to_owned(), by: by(), time: wall_clock().0 };
    Spool::open(&settings.state)?.order(order)?;
    let detail = json!({ "alerts": titles, "by": record::by() });
    record::record(&settings.state, &[event(Kind::AlertAcknowledged, which, detail)]);
    output::text(&format!("taken on: {} alert(s)\n", titles.len()))?;
    Ok(Exit::Clean)
}

fn silence(
    settings: &Settings,
    topic: Option<&str>,
    subject: Option<&str>,
    time: Option<Duration>,
    reason: &str,
) -> Result<Exit, Error> {
    let time = time.unwrap_or_default();
    if let Some(topic) = topic {
        let begins = |own: &Topic| {
            own.word()
                .strip_prefix(topic)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if !Topic::ALL.iter().any(begins) {
            return Err(Error::NoTopic(topic.to_owned()));
        }
    }
    let id: String = seed()
        .map_err(Error::Sockets)?
        .iter()
        .take(ID_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let until = wall_clock().0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
    let order = Order::Silence {
        id: id.clone(),
        topic: topic.map(str::to_owned),
        subject: subject.map(str::to_owned),
        until,
        reason: reason.chars().take(200).collect(),
        by: by(),
    };
    Spool::open(&settings.state)?.order(order)?;
    let detail = json!({
        "topic": topic, "subject": subject, "until": until, "reason": reason, "by": record::by(),
    });
    record::record(&settings.state, &[event(Kind::AlertSilenced, id.as_str(), detail)]);
    output::text(&format!("silence {id} until {}Z\n", when(until)))?;
    Ok(Exit::Clean)
}

fn unsilence(settings: &Settings, id: &str) -> Result<Exit, Error> {
    let state = Store::read(&settings.state)?.unwrap_or_default();
    if !state.silences.contains_key(id) {
        let id = id.escape_debug();
        output::notice(&format!("no silence is called `{id}`: see `burgrave alert list`"));
        return Ok(Exit::Findings);
    }
    Spool::open(&settings.state)?.order(Order::Unsilence { id: id.to_owned() })?;
    let detail = json!({ "has_ended": true, "by": record::by() });
    record::record(&settings.state, &[event(Kind::AlertSilenced, id, detail)]);
    output::text(&format!("silence {id} has ended\n"))?;
    Ok(Exit::Clean)
}

/// Sends past the queue, so that what a channel answers can be told.
fn test(settings: &Settings, only: Option<&str>) -> Result<Exit, Error> {
    let channels: Vec<&AlertChannel> = settings
        .alerts
        .channels
        .iter()
        .filter(|channel| only.is_none_or(|only| only == channel.name))
        .collect();
    if channels.is_empty() {
        return Err(Error::NoChannel(only.unwrap_or_default().to_owned()));
    }
    let now = wall_clock().0;
    let title = "a test of alerts, sent by hand";
    let event = Event::new(now, Topic::AlertTest, "", title, "nothing is the matter");
    let mut exit = Exit::Clean;
    for config in channels {
        let message = burgrave_alerts::Message::alone(&config.name, &event, now);
        let sent = Channel::new(config, &raise::host())
            .map_err(|error| error.to_string())
            .and_then(|channel| channel.send(&message, &mut |_| {}).map_err(|failure| failure.why));
        match sent {
            Ok(()) => output::text(&format!("channel `{}` took it\n", config.name))?,
            Err(why) => {
                output::text(&format!("channel `{}` did not take it: {why}\n", config.name))?;
                exit = Exit::Findings;
            }
        }
    }
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_matter_is_shown() {
        let mut state = State::new("s".to_owned());
        let time = 1_795_228_938_000_000;
        let failed = Event::new(time, Topic::BackupFailed, "job", "backup `job` failed", "");
        state.take(&failed, time);
        state.obey(Order::Silence {
            id: "abc".to_owned(),
            topic: Some("ban".to_owned()),
            subject: None,
            until: time,
            reason: "a \u{1b}[31m".to_owned(),
            by: "olga".to_owned(),
        });
        let text = as_text(&state);
        let fingerprint = failed.fingerprint();
        assert_eq!(
            text,
            format!(
                "{fingerprint}  high     backup.failed      backup `job` failed\n  open; 1 time(s), last 2026-11-21T02:42:18Z; told: nobody yet\n\
                 silence abc: topic ban, subject any, until 2026-11-21T02:42:18Z, by olga: a \\u{{1b}}[31m\n1 open\n"
            )
        );
    }
}

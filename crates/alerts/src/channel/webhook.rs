//! Webhooks: requests by POST, in the form that the receiver takes.
//!
//! Each request carries what tells a second attempt from another message, in the way that its receiver knows.

use super::{Failure, IDLE_TIME};
use crate::message::{Item, Message, Status};
use crate::secret::Secret;
use burgrave_client::{Address, Client, ClientError, Patience, Request, Trust};
use burgrave_config::{AlertChannel, HttpAddress, Template};
use serde_json::{Value, json};
use std::time::Duration;

/// How long is waited for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Telegram takes 4,096 characters, ntfy 4,096 bytes, Slack some more.
const TEXT_BYTES_MAX: usize = 3_500;

pub(super) fn check(address: &HttpAddress, config: &AlertChannel) -> Result<(), String> {
    client(address, config).map(drop).map_err(|error| error.to_string())
}

/// A client of the receiver; connects when it is asked.
fn client(address: &HttpAddress, config: &AlertChannel) -> Result<Client, ClientError> {
    let trust = Trust { ca: config.ca.clone(), own: None };
    let tls = address.is_secure.then(|| trust.load()).transpose()?;
    let at = Address { host: address.host.clone(), port: address.port };
    Ok(Client::new(at, tls, Patience { connect: CONNECT_TIME, idle: IDLE_TIME }))
}

/// One request.
#[derive(Debug, PartialEq, Eq)]
struct Post {
    path: String,
    body: Value,
}

pub(super) fn send(
    message: &Message,
    host: &str,
    config: &AlertChannel,
    address: &HttpAddress,
    secret: Option<&Secret>,
    taken: &mut dyn FnMut(usize),
) -> Result<(), Failure> {
    let posts = posts(message, host, config, &address.path, secret);
    let client = client(address, config).map_err(|error| Failure::of(error, message.parts))?;
    for (post, part) in posts.iter().zip(0..).skip(message.parts) {
        one(&client, post, message, config.template, secret, part)
            .map_err(|why| Failure::of(why, part))?;
        taken(part + 1);
    }
    Ok(())
}

fn one(
    client: &Client,
    post: &Post,
    message: &Message,
    template: Template,
    secret: Option<&Secret>,
    part: usize,
) -> Result<(), String> {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", "burgrave".to_owned()),
        ("connection", "close".to_owned()),
        ("idempotency-key", format!("{}-{part}", message.id)),
    ];
    let is_token = matches!(template, Template::Json | Template::Ntfy | Template::Alertmanager);
    if let Some(secret) = secret.filter(|_| is_token) {
        headers.push(("authorization", format!("Bearer {}", secret.reveal())));
    }
    let body = post.body.to_string().into_bytes();
    let target = if post.path.is_empty() { "/".to_owned() } else { post.path.clone() };
    let request = Request {
        method: "POST",
        target,
        headers,
        body: &body,
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    let answer = client.attempt(&request).map_err(|error| error.to_string())?;
    if (200..300).contains(&answer.status) { Ok(()) } else { Err(answer.words()) }
}

fn posts(
    message: &Message,
    host: &str,
    config: &AlertChannel,
    path: &str,
    secret: Option<&Secret>,
) -> Vec<Post> {
    let secret = secret.map(Secret::reveal).unwrap_or_default();
    let post = |path: String, body: Value| Post { path, body };
    match config.template {
        Template::Json => vec![post(path.to_owned(), message.json(host))],
        Template::Slack => {
            let path = format!("{path}/{}", secret.trim_start_matches('/'));
            vec![post(path, json!({ "text": for_slack(&short(&message.text(host))) }))]
        }
        Template::Telegram => config
            .recipients
            .iter()
            .map(|chat| {
                let body = json!({ "chat_id": chat, "text": short(&message.text(host)) });
                post(format!("{path}/bot{secret}/sendMessage"), body)
            })
            .collect(),
        Template::Ntfy => vec![ntfy(message, host, path)],
        Template::PagerDuty => {
            let event = |item| post(format!("{path}/v2/enqueue"), pager_duty(item, host, secret));
            message.items.iter().map(event).collect()
        }
        Template::Alertmanager => {
            let alerts: Vec<Value> =
                message.items.iter().map(|item| alertmanager(item, host)).collect();
            vec![post(format!("{path}/api/v2/alerts"), Value::Array(alerts))]
        }
    }
}

fn short(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// What would be a mention or a link of Slack's is plain text.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn ntfy(message: &Message, host: &str, path: &str) -> Post {
    let (base, topic) = path.rsplit_once('/').unwrap_or(("", path));
    let priority = match message.items.first().map(|item| item.severity.as_str()) {
        Some("critical") => 5,
        Some("high") => 4,
        Some("low") => 2,
        Some("info") | None => 1,
        Some(_) => 3,
    };
    let body = json!({
        "topic": topic, "title": message.subject(host), "message": short(&message.text(host)),
        "priority": priority,
    });
    Post { path: base.to_owned(), body }
}

/// Version 2 of the events of `PagerDuty`.
fn pager_duty(item: &Item, host: &str, routing_key: &str) -> Value {
    let severity = match item.severity.as_str() {
        "critical" => "critical",
        "high" => "error",
        "medium" => "warning",
        _ => "info",
    };
    json!({
        "routing_key": routing_key,
        "event_action": if item.status == Status::Over { "resolve" } else { "trigger" },
        "dedup_key": format!("burgrave/{host}/{}", item.fingerprint),
        "payload": {
            "summary": format!("[{host}] {}", item.title), "source": host, "severity": severity,
            "component": item.subject, "class": item.topic,
            "custom_details": { "text": item.text, "count": item.count },
        },
    })
}

/// Version 2 of the interface of Alertmanager.
fn alertmanager(item: &Item, host: &str) -> Value {
    let time = |micros| burgrave_sys::UnixTime(micros).rfc3339();
    let mut alert = json!({
        "labels": {
            "alertname": item.topic, "severity": item.severity, "subject": item.subject,
            "instance": host, "service": "burgrave",
        },
        "annotations": { "summary": item.title, "description": item.text },
        "startsAt": time(item.first),
    });
    if let (Status::Over, Some(alert)) = (item.status, alert.as_object_mut()) {
        alert.insert("endsAt".to_owned(), time(item.last).into());
    }
    alert
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;
    use std::os::unix::fs::PermissionsExt;

    fn config(template: &str, more: &str) -> AlertChannel {
        let text = format!(
            "[[alert]]\nto = \"https://h.example\"\ntemplate = \"{template}\"\n{more}\n[[listen]]\naddress = \"127.0.0.1:80\"\n\
             [[site]]\nhosts = [\"a\"]\nfiles = {{ root = \"/srv\" }}\n"
        );
        let parsed = burgrave_config::parse(&text);
        parsed.unwrap_or_else(|errors| panic!("{}", errors.render("c"))).alerts.channels.remove(0)
    }

    fn secret() -> Secret {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "S3CRET").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        Secret::read(&path).unwrap()
    }

    fn sent(template: &str, more: &str, path: &str) -> Vec<Post> {
        let mut message = message();
        message.items[0].text = "<!channel> & <http://x>".to_owned();
        posts(&message, "h", &config(template, more), path, Some(&secret()))
    }

    const KEY: &str = "password_file = \"/k\"";

    #[test]
    fn chats_get_plain_text_that_nobody_can_make_a_mention_of() {
        let slack = sent("slack", KEY, "/services");
        assert_eq!(slack[0].path, "/services/S3CRET");
        let text = slack[0].body["text"].as_str().unwrap();
        assert!(text.contains("&lt;!channel&gt; &amp; &lt;http://x&gt;"), "{text}");
        let telegram = sent("telegram", &format!("{KEY}\nrecipients = [\"-100\", \"@ops\"]"), "");
        assert_eq!(telegram.len(), 2);
        assert_eq!(telegram[1].path, "/botS3CRET/sendMessage");
        assert_eq!(telegram[1].body["chat_id"], "@ops");
        assert!(telegram[0].body.get("parse_mode").is_none(), "no markup");
        let ntfy = sent("ntfy", "", "/base/topic");
        assert_eq!((ntfy[0].path.as_str(), &ntfy[0].body["topic"]), ("/base", &"topic".into()));
        assert_eq!(ntfy[0].body["priority"], 4);
    }

    #[test]
    fn pagers_get_an_event_an_alert_with_a_key_of_its_own() {
        let posts = sent("pagerduty", KEY, "");
        assert_eq!((posts.len(), posts[0].path.as_str()), (2, "/v2/enqueue"));
        let (first, over) = (&posts[0].body, &posts[1].body);
        assert_eq!(first["routing_key"], "S3CRET");
        assert_eq!(
            (&first["event_action"], &over["event_action"]),
            (&"trigger".into(), &"resolve".into())
        );
        assert_eq!(first["dedup_key"], "burgrave/h/abc");
        assert_eq!(first["payload"]["severity"], "error");
    }

    #[test]
    fn alertmanager_gets_labels_and_ends() {
        let posts = sent("alertmanager", "", "/am");
        assert_eq!(posts[0].path, "/am/api/v2/alerts");
        let alerts = posts[0].body.as_array().unwrap();
        assert_eq!(alerts[0]["labels"]["alertname"], "backup.failed");
        assert!(alerts[0].get("endsAt").is_none());
        assert_eq!(alerts[1]["endsAt"], "2026-11-21T02:42:18.000000Z");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(short("short"), "short");
        let long = short(&"ä".repeat(4_000));
        assert!(long.len() <= TEXT_BYTES_MAX + 3 && long.ends_with('…'));
    }
}

//! Reads `[[alert]]` and `[alerts]`: who is told what, when and how.

use crate::alert_keys::{
    ALERT, ALERTS, ARGUMENTS, BELOW, BY, CA, DIGEST, ESCALATE_AFTER, ESCALATE_TO, EVERY,
    GROUP_INTERVAL, GROUP_WAIT, HEARTBEAT, INHIBIT, LEVEL, MAIL_FROM, MAIL_USER, NAME, OF, OFFSET,
    PASSWORD_FILE, PER_HOUR, QUIET, QUIET_FROM, QUIET_LEVEL, QUIET_TO, RECIPIENTS, REPEAT,
    SAME_SUBJECT, TEMPLATE, TLS, TO, TOPICS,
};
use crate::backup::HttpAddress;
use crate::sink::{Located, Sink, Spot};
use crate::table::Table;
use crate::watch_settings::Syslog;
use burgrave_model::Severity;
use std::path::PathBuf;
use std::time::Duration;

/// Everything about alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// Where they go. Empty: nobody is told.
    pub channels: Vec<AlertChannel>,
    /// What is not told while something else is the matter.
    pub inhibit: Vec<Inhibit>,
}

/// A place that alerts go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertChannel {
    /// Unique; its number from 1 where it has no name.
    pub name: String,
    /// How it is reached.
    pub to: AlertTarget,
    /// The form of what is sent to a webhook.
    pub template: Template,
    /// The account at a mail server.
    pub user: Option<String>,
    /// The file with the secret.
    pub password_file: Option<PathBuf>,
    /// Who sends mail.
    pub from: Option<String>,
    /// Who gets it: mail addresses, or chats of Telegram.
    pub recipients: Vec<String>,
    /// Who vouches for the server, where the machine's authorities do not.
    pub ca: Option<PathBuf>,
    /// Arguments of a command.
    pub arguments: Vec<String>,
    /// What matters less is not told here.
    pub level: Severity,
    /// How the topics begin that are told here. Empty: all.
    pub topics: Vec<String>,
    /// How long is waited for more of a group, at first and between messages.
    pub group_wait: Duration,
    /// See above.
    pub group_interval: Duration,
    /// After how long what lasts is told again.
    pub repeat: Duration,
    /// Messages within an hour.
    pub per_hour: u32,
    /// What is gathered.
    pub digest: Option<Digest>,
    /// When only what matters most is told.
    pub quiet: Option<Quiet>,
    /// Who is told when nobody acknowledges.
    pub escalate: Option<Escalate>,
    /// Gets a sign of life so often, and nothing else.
    pub heartbeat: Option<Duration>,
}

/// How a channel is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertTarget {
    /// A mail server.
    Smtp {
        /// Name or address of the machine.
        host: String,
        /// 1 to 65535.
        port: u16,
        /// How it is spoken to.
        tls: SmtpTls,
    },
    /// A web server.
    Webhook(HttpAddress),
    /// A program of this machine.
    Command(PathBuf),
    /// A socket of syslog.
    Syslog(Syslog),
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// In the clear first, then TLS, or nothing is sent.
    Start,
    /// TLS from the first byte.
    Wrapped,
    /// In the clear: to this machine only.
    Off,
}

/// The form of what is sent to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// Our own.
    Json,
    /// Slack's incoming webhooks.
    Slack,
    /// Telegram's bots.
    Telegram,
    /// ntfy.
    Ntfy,
    /// Events of `PagerDuty`, version 2.
    PagerDuty,
    /// Prometheus's Alertmanager, version 2 of its interface.
    Alertmanager,
}

/// What is gathered, and told all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// How often, counted from midnight UTC.
    pub every: Duration,
    /// What matters less than this.
    pub below: Severity,
}

/// Hours in which only what matters most is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// Minutes of the day.
    pub from: u16,
    /// The first that is not quiet.
    pub to: u16,
    /// Minutes that the clock of these hours is before UTC.
    pub offset: i16,
    /// What is told all the same.
    pub level: Severity,
}

/// Who is told when nobody acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalate {
    /// After how long.
    pub after: Duration,
    /// The channel's name.
    pub to: String,
}

/// What is not told while something else is the matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inhibit {
    /// The topic that is the matter.
    pub by: String,
    /// How the topics begin that are not told meanwhile.
    pub of: Vec<String>,
    /// Only those about the same thing.
    pub same_subject: bool,
}

const CHANNELS_MAX: usize = 50;

/// Both sections.
pub(crate) fn alerts(root: &Table<'_, '_>, sink: &mut Sink<'_>) -> Alerts {
    let tables = root.tables(&ALERT, sink);
    if let Some(table) = tables.get(CHANNELS_MAX) {
        let message = format!("there are {} channels", tables.len());
        sink.wrong(&table.spot, message, format!("at most {CHANNELS_MAX}"));
    }
    let mut names: Vec<(String, Spot)> = Vec::new();
    let mut channels = Vec::new();
    let mut escalations = Vec::new();
    for (table, number) in tables.iter().zip(1..) {
        let name = table.located(&NAME, sink);
        let spot = name.as_ref().map_or(&table.spot, |name| &name.spot).clone();
        let name = name.map_or_else(|| number.to_string(), |name| name.value);
        if names.iter().any(|(other, _)| *other == name) {
            sink.wrong(&spot, format!("two channels are called `{name}`"), None);
        }
        names.push((name.clone(), spot));
        if let Some(to) = table.located(&ESCALATE_TO, sink) {
            escalations.push((name.clone(), to));
        }
        channels.extend(channel(table, name, sink));
    }
    let is_alive_only = |name: &str| {
        channels
            .iter()
            .any(|channel: &AlertChannel| channel.name == name && channel.heartbeat.is_some())
    };
    for (from, to) in escalations {
        if is_alive_only(&to.value) {
            let message = format!("`{}` gets a sign of life and nothing else", to.value);
            sink.wrong(&to.spot, message, "the `name` of another `[[alert]]`".to_owned());
        } else if from == to.value || names.iter().all(|(name, _)| *name != to.value) {
            let message = format!("no other channel is called `{}`", to.value);
            sink.wrong(&to.spot, message, "the `name` of another `[[alert]]`".to_owned());
        }
    }
    let table = root.table(&ALERTS, sink);
    if let Some(table) = table.as_ref().filter(|_| tables.is_empty()) {
        let message = "`[alerts]` says nothing without a channel: add `[[alert]]`";
        sink.wrong(&table.spot, message, None);
    }
    let inhibit = table.filter(|table| table.has(&INHIBIT)).map(|table| {
        let rules = table.tables(&INHIBIT, sink);
        rules.iter().filter_map(|rule| inhibit(rule, sink)).collect()
    });
    Alerts { channels, inhibit: inhibit.unwrap_or_else(|| vec![of_default()]) }
}

/// A backup that fails is told; that it is late then as well is not.
fn of_default() -> Inhibit {
    Inhibit {
        by: "backup.failed".to_owned(),
        of: vec!["backup.overdue".to_owned()],
        same_subject: true,
    }
}

fn inhibit(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Inhibit> {
    let by = table.needed(&BY, sink);
    let of = table.needed(&OF, sink);
    let same_subject = table.get(&SAME_SUBJECT, sink).unwrap_or(true);
    Some(Inhibit { by: by?.value, of: plain(of?.value), same_subject })
}

fn plain<T>(list: Vec<Located<T>>) -> Vec<T> {
    list.into_iter().map(|item| item.value).collect()
}

fn channel(table: &Table<'_, '_>, name: String, sink: &mut Sink<'_>) -> Option<AlertChannel> {
    let to = table.needed(&TO, sink);
    let tls = table.located(&TLS, sink);
    let after = table.get(&ESCALATE_AFTER, sink);
    let escalate_to = table.get(&ESCALATE_TO, sink);
    if after.is_some() != escalate_to.is_some() {
        let message = "`escalate_after` and `escalate_to` go together";
        sink.wrong(&table.spot, message, None);
    }
    let escalate = after.zip(escalate_to).map(|(after, to)| Escalate { after, to });
    let mut channel = AlertChannel {
        name,
        to: to.as_ref()?.value.clone(),
        template: table.get(&TEMPLATE, sink).unwrap_or(Template::Json),
        user: table.get(&MAIL_USER, sink),
        password_file: table.get(&PASSWORD_FILE, sink),
        from: table.get(&MAIL_FROM, sink),
        recipients: table.get(&RECIPIENTS, sink).map(plain).unwrap_or_default(),
        ca: table.get(&CA, sink),
        arguments: table.get(&ARGUMENTS, sink).map(plain).unwrap_or_default(),
        level: table.get(&LEVEL, sink).unwrap_or(Severity::Medium),
        topics: table.get(&TOPICS, sink).map(plain).unwrap_or_default(),
        group_wait: table.get(&GROUP_WAIT, sink).unwrap_or(Duration::from_secs(10)),
        group_interval: table.get(&GROUP_INTERVAL, sink).unwrap_or(Duration::from_mins(5)),
        repeat: table.get(&REPEAT, sink).unwrap_or(Duration::from_hours(4)),
        per_hour: table.get(&PER_HOUR, sink).unwrap_or(60),
        digest: table.table(&DIGEST, sink).and_then(|table| digest(&table, sink)),
        quiet: table.table(&QUIET, sink).and_then(|table| quiet(&table, sink)),
        escalate,
        heartbeat: table.get(&HEARTBEAT, sink),
    };
    if let (Some(tls), AlertTarget::Smtp { tls: way, .. }) = (&tls, &mut channel.to)
        && !tls.value
    {
        *way = SmtpTls::Off;
    }
    fits(table, &channel, to.as_ref(), sink);
    is_plain(table, &channel, to.as_ref(), sink);
    Some(channel)
}

fn digest(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Digest> {
    let every = table.needed(&EVERY, sink)?.value;
    Some(Digest { every, below: table.get(&BELOW, sink).unwrap_or(Severity::High) })
}

fn quiet(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Quiet> {
    let from = table.needed(&QUIET_FROM, sink);
    let to = table.needed(&QUIET_TO, sink);
    Some(Quiet {
        from: from?.value,
        to: to?.value,
        offset: table.get(&OFFSET, sink).unwrap_or(0),
        level: table.get(&QUIET_LEVEL, sink).unwrap_or(Severity::Critical),
    })
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Whether what is written goes with where it goes.
fn fits(
    table: &Table<'_, '_>,
    channel: &AlertChannel,
    to: Option<&Located<AlertTarget>>,
    sink: &mut Sink<'_>,
) {
    let spot = to.map_or(&table.spot, |to| &to.spot);
    let mut wrong = |when: bool, message: &str| {
        if when {
            sink.wrong(spot, message, None);
        }
    };
    let is_mail = matches!(channel.to, AlertTarget::Smtp { .. });
    let is_web = matches!(channel.to, AlertTarget::Webhook(_));
    let is_command = matches!(channel.to, AlertTarget::Command(_));
    let is_telegram = channel.template == Template::Telegram;
    wrong(is_mail && channel.recipients.is_empty(), "mail has no `recipients`");
    wrong(is_mail && channel.from.is_none(), "mail has no `from`");
    wrong(!is_mail && channel.from.is_some(), "`from` is of mail only");
    wrong(!is_mail && channel.user.is_some(), "`user` is of mail only");
    wrong(!is_mail && table.has(&TLS), "`tls` is of mail only");
    wrong(
        is_mail && channel.user.is_some() != channel.password_file.is_some(),
        "`user` and `password_file` go together",
    );
    wrong(
        is_mail && channel.recipients.iter().any(|one| !one.contains('@')),
        "`recipients` of mail are addresses, such as `ops@example.com`",
    );
    wrong(!is_web && table.has(&TEMPLATE), "`template` is of webhooks only");
    wrong(!is_command && table.has(&ARGUMENTS), "`arguments` are of commands only");
    wrong(
        !is_mail && !is_telegram && !channel.recipients.is_empty(),
        "`recipients` are of mail and Telegram only",
    );
    wrong(is_telegram && channel.recipients.is_empty(), "Telegram has no `recipients`: its chats");
    let needs_secret =
        matches!(channel.template, Template::Slack | Template::Telegram | Template::PagerDuty);
    wrong(
        needs_secret && channel.password_file.is_none(),
        "this template needs `password_file`: Slack the path of its webhook, Telegram the bot's token, PagerDuty the \
         routing key",
    );
    wrong(
        !is_mail && !is_web && (channel.password_file.is_some() || channel.ca.is_some()),
        "`password_file` and `ca` are of servers only",
    );
}

/// Whether it is a channel of alerts or of signs of life, and its secrets go only where they may.
fn is_plain(
    table: &Table<'_, '_>,
    channel: &AlertChannel,
    to: Option<&Located<AlertTarget>>,
    sink: &mut Sink<'_>,
) {
    let spot = to.map_or(&table.spot, |to| &to.spot);
    let mut wrong = |when: bool, message: &str| {
        if when {
            sink.wrong(spot, message, None);
        }
    };
    let of_alerts = table.has(&LEVEL)
        || table.has(&TOPICS)
        || table.has(&GROUP_WAIT)
        || table.has(&GROUP_INTERVAL)
        || table.has(&REPEAT)
        || table.has(&PER_HOUR)
        || table.has(&DIGEST)
        || table.has(&QUIET)
        || table.has(&ESCALATE_TO);
    let is_alive_only = channel.heartbeat.is_some();
    wrong(
        is_alive_only && of_alerts,
        "a channel with `heartbeat` gets no alerts: move its other keys to another channel",
    );
    wrong(
        is_alive_only && matches!(channel.template, Template::PagerDuty | Template::Alertmanager),
        "this template has no sign of life: `heartbeat` goes with the others",
    );
    let has_ca = channel.ca.is_some();
    match &channel.to {
        AlertTarget::Smtp { host, tls: SmtpTls::Off, .. } => {
            wrong(!is_loopback(host), "`tls = false` is taken for this machine only");
            wrong(has_ca, "`ca` says nothing without TLS: remove it");
        }
        AlertTarget::Webhook(address) => {
            wrong(
                !address.is_secure
                    && channel.password_file.is_some()
                    && !is_loopback(&address.host),
                "a secret goes over `https` only",
            );
            wrong(!address.is_secure && has_ca, "`ca` says nothing without TLS: remove it");
        }
        AlertTarget::Smtp { .. } | AlertTarget::Command(_) | AlertTarget::Syslog(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const REST: &str = "[[listen]]\naddress = \"127.0.0.1:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";
    const MAIL: &str = "to = \"smtp://mail.example.com\"\nfrom = \"b@example.com\"\nrecipients = [\"ops@example.com\"]\n";

    fn read(text: &str) -> Result<Alerts, String> {
        let said = |errors: crate::ConfigErrors| errors.render("c");
        parse(&format!("{text}\n{REST}")).map(|settings| settings.alerts).map_err(said)
    }

    #[test]
    fn a_channel_has_safe_defaults() {
        let alerts = read(&format!("[[alert]]\n{MAIL}")).unwrap();
        let channel = &alerts.channels[0];
        let to = AlertTarget::Smtp {
            host: "mail.example.com".to_owned(),
            port: 587,
            tls: SmtpTls::Start,
        };
        assert_eq!((channel.name.as_str(), &channel.to), ("1", &to));
        assert_eq!(channel.level, Severity::Medium);
        assert_eq!(channel.group_wait, Duration::from_secs(10));
        assert_eq!(alerts.inhibit, [of_default()]);
        assert_eq!(read("").unwrap().channels, []);
    }

    #[test]
    fn everything_that_can_be_said_is_read() {
        let text = format!(
            "[alerts]\ninhibit = [{{ by = \"gateway.restarted\", of = [\"source\"], same_subject = false }}]\n\
             [[alert]]\nname = \"duty\"\nto = \"command:/usr/local/bin/page\"\narguments = [\"-x\"]\n\
             [[alert]]\n{MAIL}user = \"u\"\npassword_file = \"/k\"\nca = \"/ca\"\nlevel = \"high\"\ntopics = [\"backup\"]\n\
             group_wait = \"0s\"\ngroup_interval = \"1m\"\nrepeat = \"1h\"\nper_hour = 5\n\
             digest = {{ every = \"1d\", below = \"critical\" }}\n\
             quiet = {{ from = \"22:00\", to = \"07:00\", offset = \"+01:00\", level = \"high\" }}\n\
             escalate_after = \"15m\"\nescalate_to = \"duty\"\n\
             [[alert]]\nto = \"https://ping.example.com/x\"\nheartbeat = \"5m\"\n\
             [[alert]]\nto = \"syslog:unix:/dev/log\"\n[[alert]]\nto = \"smtp://[::1]:2525\"\ntls = false\nfrom = \"a@b\"\n\
             recipients = [\"a@b\"]\n"
        );
        let alerts = read(&text).unwrap();
        assert!(!alerts.inhibit[0].same_subject);
        let mail = &alerts.channels[1];
        assert_eq!(
            mail.quiet.unwrap(),
            Quiet { from: 1_320, to: 420, offset: 60, level: Severity::High }
        );
        assert_eq!(mail.escalate.as_ref().unwrap().to, "duty");
        assert_eq!(mail.digest.unwrap().below, Severity::Critical);
        assert_eq!(alerts.channels[2].heartbeat, Some(Duration::from_mins(5)));
        assert!(matches!(
            alerts.channels[4].to,
            AlertTarget::Smtp { tls: SmtpTls::Off, port: 2525, .. }
        ));
    }

    fn check(text: &str, expected: &str) {
        let said = read(text).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
        assert!(said.starts_with("c:"), "with its place: {said}");
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_its_line() {
        let web = "[[alert]]\nto = \"https://h.example\"\n";
        for (more, expected) in [
            ("template = \"slack\"", "needs `password_file`"),
            ("template = \"telegram\"\npassword_file = \"/k\"", "Telegram has no `recipients`"),
            ("template = \"teams\"", "`template` cannot be `teams`"),
            ("from = \"a@b\"", "`from` is of mail only"),
            ("user = \"a\"", "`user` is of mail only"),
            ("tls = false", "`tls` is of mail only"),
            ("recipients = [\"a@b\"]", "of mail and Telegram only"),
            ("arguments = [\"a\"]", "of commands only"),
            ("password = \"x\"", "stands in a file of its own"),
            ("escalate_after = \"1h\"", "go together"),
            ("escalate_after = \"1h\"\nescalate_to = \"no\"", "no other channel is called `no`"),
            ("escalate_after = \"1h\"\nescalate_to = \"1\"", "no other channel is called `1`"),
            ("topics = [\"bans\"]", "no topic of alerts"),
            ("heartbeat = \"1m\"\nlevel = \"high\"", "gets no alerts"),
            ("heartbeat = \"1m\"\ntemplate = \"alertmanager\"", "no sign of life"),
            (
                "escalate_after = \"1h\"\nescalate_to = \"p\"\n[[alert]]\nname = \"p\"\nto = \"https://p.example\"\nheartbeat = \"1m\"",
                "`p` gets a sign of life and nothing else",
            ),
            ("quiet = { from = \"22:00\" }", "has no `to`"),
            ("digest = {}", "has no `every`"),
            ("[[alert]]\nname = \"1\"\nto = \"https://h.example\"", "two channels are called `1`"),
        ] {
            check(&format!("{web}{more}"), expected);
        }
        for (to, expected) in [
            ("teams://x", "nothing is known to reach this"),
            ("smtp://", "no name of a machine"),
            ("smtp://h:0", "no port"),
            ("https://u:p@h.example/", "secrets belong into `password_file`"),
            ("command:page", "by its absolute path"),
            ("syslog:tcp://127.0.0.1:1", "is spoken to by"),
            ("smtp://h.example", "mail has no `recipients`"),
        ] {
            check(&format!("[[alert]]\nto = \"{to}\""), expected);
        }
        check(&format!("[[alert]]\n{MAIL}tls = false"), "for this machine only");
        check(&format!("[[alert]]\n{MAIL}user = \"u\""), "go together");
        let secret = "[[alert]]\nto = \"http://h.example\"\npassword_file = \"/k\"";
        check(secret, "over `https` only");
        let plain = "[[alert]]\nto = \"http://h.example\"\nca = \"/ca\"";
        check(plain, "`ca` says nothing without TLS");
        check("[alerts]\ninhibit = []", "says nothing without a channel");
    }
}

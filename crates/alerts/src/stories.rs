//! The core by stories: what happens and when, and what each channel is told and when.

use crate::event::{Event, Order};
use crate::state::{ALERTS_MAX, HOUR, Outcome, SECOND, State};
use burgrave_config::Alerts;
use burgrave_model::{Severity, Topic};
use proptest::prelude::*;

enum Step {
    Raise(Topic, &'static str),
    At(Severity, &'static str),
    Over(Topic, &'static str),
    Acknowledge(&'static str),
    Silence(&'static str, i64),
}

use Step::{Acknowledge, At, Over, Raise, Silence};

fn rules(text: &str) -> Alerts {
    let rest = "[[listen]]\naddress = \"127.0.0.1:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";
    let whole = format!("{text}\n{rest}");
    burgrave_config::parse(&whole).unwrap_or_else(|errors| panic!("{}", errors.render("c"))).alerts
}

fn act(state: &mut State, step: &Step, now: i64) {
    let event = |topic, subject| Event::new(now, topic, subject, subject, "");
    match step {
        Raise(topic, subject) => drop(state.take(&event(*topic, subject), now)),
        At(severity, subject) => {
            state.take(&event(Topic::AttackSeen, subject).at(*severity), now);
        }
        Over(topic, subject) => {
            state.take(&Event::over(now, *topic, subject, subject), now);
        }
        Acknowledge(which) => {
            let which = (*which).to_owned();
            state.obey(Order::Acknowledge { which, by: "olga".to_owned(), time: now });
        }
        Silence(topic, secs) => state.obey(Order::Silence {
            id: (*topic).to_owned(),
            topic: Some((*topic).to_owned()),
            subject: None,
            until: now + secs * SECOND,
            reason: String::new(),
            by: String::new(),
        }),
    }
}

/// Lets time pass second by second from midnight on; what is due is taken at once. Told: `SECS CHANNEL: …`.
fn story(config: &str, steps: &[(i64, Step)], end: i64, expected: &[&str]) {
    let rules = rules(config);
    let mut state = State::new("s".to_owned());
    let mut said = Vec::new();
    for second in 0..=end {
        let now = second * SECOND;
        for (_, step) in steps.iter().filter(|(at, _)| *at == second) {
            act(&mut state, step, now);
        }
        state.tick(&rules, now);
        for number in state.due(now) {
            let message = &state.queue[&number];
            let what = message.subject("h").replace("[burgrave h] ", "");
            said.push(format!("{second} {}: {what}", message.channel));
            state.delivered(number);
        }
    }
    assert_eq!(said, expected, "{config}");
}

const ONE: &str = "[[alert]]\nto = \"command:/x\"\n";

#[test]
fn alerts_of_a_topic_are_told_together_and_each_once() {
    story(
        ONE,
        &[
            (0, Raise(Topic::BanAdded, "a")),
            (3, Raise(Topic::BanAdded, "b")),
            (4, Raise(Topic::GatewayRestarted, "g")),
            (5, Raise(Topic::BanAdded, "a")),
            (20, Raise(Topic::BanAdded, "c")),
            (30, Raise(Topic::BanAdded, "a")),
        ],
        1_000,
        &["10 1: medium: b and 1 more", "14 1: high: g", "310 1: medium: c and 1 more"],
    );
}

#[test]
fn what_lasts_is_told_again_until_it_is_over_or_somebodys() {
    let config = format!("{ONE}group_wait = \"0s\"\nrepeat = \"10m\"\n");
    let failed = Topic::BackupFailed;
    story(
        &config,
        &[(0, Raise(failed, "j")), (60, Raise(failed, "j")), (1_500, Over(failed, "j"))],
        3_000,
        &[
            "0 1: high: j",
            "600 1: high: j (2 times)",
            "1200 1: high: j (2 times)",
            "1500 1: over: high: j (2 times)",
        ],
    );
    story(
        &config,
        &[
            (0, Raise(failed, "j")),
            (60, Acknowledge("all")),
            (1_500, Over(failed, "j")),
            (2_000, Raise(failed, "j")),
        ],
        2_400,
        &["0 1: high: j", "1500 1: over: high: j", "2000 1: high: j"],
    );
    // It came and went while it was waited for more.
    story(ONE, &[(0, Raise(failed, "j")), (5, Over(failed, "j"))], 600, &["10 1: over: high: j"]);
    story(ONE, &[(0, Over(failed, "j"))], 600, &[]);
}

#[test]
fn each_channel_has_its_level_and_topics() {
    story(
        "[[alert]]\nto = \"command:/x\"\nlevel = \"high\"\n[[alert]]\nname = \"all\"\nto = \"command:/y\"\nlevel = \"info\"\n\
         [[alert]]\nname = \"backups\"\nto = \"command:/z\"\ntopics = [\"backup\", \"drill\"]\n",
        &[
            (0, At(Severity::Medium, "m")),
            (100, Raise(Topic::BackupFailed, "j")),
            (200, Raise(Topic::DrillFailed, "d")),
        ],
        300,
        &[
            "10 all: medium: m",
            "110 1: high: j",
            "110 all: high: j",
            "110 backups: high: j",
            "210 1: critical: d",
            "210 all: critical: d",
            "210 backups: critical: d",
        ],
    );
}

#[test]
fn what_explains_others_inhibits_them_until_it_is_over() {
    let (failed, overdue) = (Topic::BackupFailed, Topic::BackupOverdue);
    story(
        ONE,
        &[
            (0, Raise(failed, "j")),
            (20, Raise(overdue, "j")),
            (20, Raise(overdue, "other")),
            (500, Over(failed, "j")),
        ],
        600,
        &["10 1: high: j", "30 1: high: other", "500 1: over: high: j", "500 1: high: j"],
    );
    story(
        &format!(
            "[alerts]\ninhibit = [{{ by = \"gateway.restarted\", of = [\"source\"], same_subject = false }}]\n{ONE}"
        ),
        &[
            (0, Raise(Topic::GatewayRestarted, "g")),
            (5, Raise(Topic::SourceSilent, "log")),
            (60, Over(Topic::SourceSilent, "log")),
        ],
        600,
        &["10 1: high: g"],
    );
}

#[test]
fn a_silence_has_an_end() {
    story(
        ONE,
        &[
            (0, Silence("ban", 60)),
            (0, Silence("backup", 60)),
            (1, Raise(Topic::BanAdded, "a")),
            (1, Raise(Topic::BackupFailed, "j")),
            (100, Raise(Topic::BanAdded, "a")),
        ],
        300,
        &["60 1: high: j", "100 1: medium: a (2 times)"],
    );
}

#[test]
fn quiet_hours_hold_back_and_let_through() {
    // From midnight on.
    let quiet = format!("{ONE}quiet = {{ from = \"22:00\", to = \"00:05\" }}\n");
    story(
        &quiet,
        &[(0, Raise(Topic::BackupFailed, "j")), (10, Raise(Topic::DrillFailed, "d"))],
        400,
        &["20 1: critical: d", "300 1: high: j"],
    );
}

#[test]
fn what_matters_less_comes_as_a_digest() {
    let digest = format!("{ONE}digest = {{ every = \"10m\" }}\nrepeat = \"1d\"\n");
    story(
        &digest,
        &[
            (0, Raise(Topic::BanAdded, "a")),
            (5, Raise(Topic::BackupFailed, "j")),
            (50, Raise(Topic::BackupOdd, "o")),
            (700, Raise(Topic::BanAdded, "a")),
        ],
        2_000,
        &[
            "15 1: high: j",
            "600 1: digest: medium: a and 1 more",
            "1200 1: digest: medium: a (2 times)",
        ],
    );
}

#[test]
fn nobody_acknowledging_is_told_elsewhere_once() {
    let config = "[[alert]]\nto = \"command:/x\"\ngroup_wait = \"0s\"\nrepeat = \"1d\"\nescalate_after = \"5m\"\nescalate_to = \"boss\"\n\
                  [[alert]]\nname = \"boss\"\nto = \"command:/y\"\nlevel = \"critical\"\n";
    let failed = Topic::BackupFailed;
    story(
        config,
        &[(0, Raise(failed, "j")), (10, Raise(Topic::BanAdded, "a"))],
        2_000,
        &[
            "0 1: high: j",
            "10 1: medium: a",
            "300 boss: nobody has acknowledged: high: j",
            "310 boss: nobody has acknowledged: medium: a",
        ],
    );
    story(config, &[(0, Raise(failed, "j")), (200, Acknowledge("all"))], 2_000, &["0 1: high: j"]);
    story(
        config,
        &[(0, Raise(failed, "j")), (200, Over(failed, "j"))],
        2_000,
        &["0 1: high: j", "300 1: over: high: j"],
    );
}

#[test]
fn a_channel_is_not_flooded() {
    let config = format!(
        "{ONE}group_wait = \"0s\"\ngroup_interval = \"0s\"\nper_hour = 2\nrepeat = \"1d\"\n"
    );
    story(
        &config,
        &[
            (0, Raise(Topic::BanAdded, "a")),
            (10, Raise(Topic::BanAdded, "b")),
            (20, Raise(Topic::BanAdded, "c")),
            (30, Raise(Topic::BackupFailed, "j")),
            (40, Raise(Topic::BanAdded, "d")),
        ],
        3_700,
        &["0 1: medium: a", "10 1: medium: b", "3600 1: high: j", "3610 1: medium: c and 1 more"],
    );
}

#[test]
fn a_sign_of_life_comes_in_time_and_alone() {
    story(
        "[[alert]]\nto = \"https://ping.example\"\nheartbeat = \"1m\"\n",
        &[(0, Raise(Topic::DrillFailed, "d"))],
        150,
        &["0 1: is alive", "60 1: is alive", "120 1: is alive"],
    );
}

#[test]
fn what_is_not_taken_is_tried_again_later_and_later_and_given_up_out_loud() {
    let rules = rules(&format!("{ONE}group_wait = \"0s\"\nrepeat = \"30d\"\n"));
    let mut state = State::new("s".to_owned());
    let mut attempts = Vec::new();
    state.take(&Event::new(0, Topic::BackupFailed, "j", "t", ""), 0);
    let mut now = 0;
    let ids: std::collections::BTreeSet<String> = loop {
        state.tick(&rules, now);
        let due = state.due(now);
        let mut given_up = false;
        for number in &due {
            attempts.push(now / SECOND);
            let id = state.queue[number].id.clone();
            assert_eq!(id, format!("s-{number}"));
            given_up |= state.failed(*number, 0, now) == Some(Outcome::GivenUp(1));
        }
        if given_up {
            break state.queue.values().map(|message| message.id.clone()).collect();
        }
        now += SECOND * if attempts.len() < 12 { 1 } else { 60 };
    };
    assert_eq!(attempts[..6], [0, 5, 15, 35, 75, 155]);
    assert!(now > 7 * 24 * HOUR && attempts.len() < 200, "{} {}", now / HOUR, attempts.len());
    assert!(ids.is_empty());
    let lost = state.alerts.values().find(|alert| alert.topic == "alert.lost").unwrap();
    assert!(lost.title.starts_with("1 alert(s) were dropped: channel `1`"), "{}", lost.title);
    assert_eq!(state.failed(99, 0, now), None);
}

#[test]
fn the_table_is_bounded_and_what_it_drops_is_counted() {
    let mut state = State::new("s".to_owned());
    state.take(&Event::new(0, Topic::BackupFailed, "j", "t", ""), 0);
    for n in 0..ALERTS_MAX + 10 {
        state.take(&Event::new(1, Topic::BanAdded, &n.to_string(), "t", ""), 1);
    }
    assert!(state.alerts.len() <= ALERTS_MAX + 1);
    let of = |topic: &str| state.alerts.values().filter(|alert| alert.topic == topic).count();
    assert_eq!(of("backup.failed"), 1, "what lasts stays");
    let lost = state.alerts.values().find(|alert| alert.topic == "alert.lost").unwrap();
    let bans = u64::try_from(of("ban.added")).unwrap();
    assert_eq!(lost.count + bans, u64::try_from(ALERTS_MAX + 10).unwrap());
}

#[test]
fn a_moment_is_forgotten_after_a_day_and_channels_that_are_gone_are_not_waited_for() {
    let rules = rules(ONE);
    let mut state = State::new("s".to_owned());
    state.take(&Event::new(0, Topic::BanAdded, "a", "t", ""), 0);
    state.tick(&rules, HOUR);
    assert_eq!((state.queue.len(), state.retain_channels(&["1"])), (1, 0));
    assert_eq!((state.retain_channels(&["2"]), state.queue.len()), (1, 0));
    state.tick(&rules, 23 * HOUR);
    assert_eq!(state.alerts.len(), 1);
    assert!(state.tick(&rules, 25 * HOUR));
    assert!(state.alerts.is_empty());
    assert!(!state.tick(&rules, 26 * HOUR), "nothing is to be written where nothing has changed");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever comes in whatever order, with kills between any two steps and channels that fail: every alert is told
    /// to every channel that is for it, and none twice while nothing new has happened.
    #[test]
    fn each_alert_is_told_and_no_moment_twice(
        steps in prop::collection::vec((0_i64..400, 0_u8..6, any::<bool>()), 1..40),
    ) {
        let rules = rules(&format!(
            "{ONE}group_wait = \"2s\"\ngroup_interval = \"7s\"\nper_hour = 10000\n\
             [[alert]]\nname = \"digest\"\nto = \"command:/y\"\ndigest = {{ every = \"1m\" }}\n"
        ));
        let mut state = State::new("s".to_owned());
        let mut raised = std::collections::BTreeMap::<String, u64>::new();
        let mut heard = std::collections::BTreeMap::<(String, String), Vec<u64>>::new();
        for second in 0..2_000 {
            let now = second * SECOND;
            for (_, subject, _) in steps.iter().filter(|(at, ..)| *at == second) {
                *raised.entry(subject.to_string()).or_default() += 1;
                let subject = subject.to_string();
                state.take(&Event::new(now, Topic::BanAdded, &subject, &subject, ""), now);
            }
            state.tick(&rules, now);
            // A kill: what is on the disk is all that is left.
            let disk = serde_json::to_string(&state).unwrap();
            state = serde_json::from_str(&disk).unwrap();
            for number in state.due(now) {
                let fails = steps.iter().any(|(at, _, fails)| *fails && second % 400 == *at);
                if fails {
                    state.failed(number, 0, now);
                    continue;
                }
                for item in &state.queue[&number].items {
                    let key = (state.queue[&number].channel.clone(), item.subject.clone());
                    heard.entry(key).or_default().push(item.count);
                }
                state.delivered(number);
            }
        }
        for (subject, count) in raised {
            for channel in ["1", "digest"] {
                let counts = &heard[&(channel.to_owned(), subject.clone())];
                prop_assert_eq!(counts.last(), Some(&count), "all of it is told");
                prop_assert!(counts.is_sorted_by(|a, b| a < b), "nothing is told twice: {:?}", counts);
            }
        }
    }
}

//! The gateway holds; those who look at nothing, or at the wrong thing, do not.

use super::*;
use crate::application::head;
use crate::stand_in::StandIn;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[test]
fn the_gateway_lets_in_who_has_worked() {
    let all = challenge(&Settings::new("/nowhere".into()));
    assert_eq!(all.len(), 21, "{all:#?}");
    assert!(all.iter().all(|part| part.outcome == Outcome::Held), "{all:#?}");
}

/// What one who asks for work does not look at.
#[derive(Clone, Copy, PartialEq)]
enum Blind {
    /// Nothing is asked.
    All,
    /// Whether an answer is right, and what a pass is.
    Answers,
    /// Whose it is, and for how long.
    Owners,
    /// The right answers.
    Right,
}

/// One for whom everybody is the same client.
fn blind(to: Blind) -> impl Fn(SocketAddr) -> Result<Front, String> {
    move |upstream| {
        let now = Arc::new(AtomicU64::new(1_000_000));
        let clock = Arc::clone(&now);
        let given = Mutex::new(Vec::<String>::new());
        let own = StandIn::start(move |mut client| {
            let Some(head) = head(&mut client) else { return };
            let path = head.split(' ').nth(1).unwrap_or_default();
            let pass = head.split("clearance=").nth(1).map(|rest| rest.lines().next().unwrap());
            let mut given = given.lock().unwrap();
            let is_in = match to {
                Blind::All => true,
                Blind::Answers => pass.is_some(),
                Blind::Owners | Blind::Right => {
                    pass.is_some_and(|pass| given.iter().any(|own| own == pass))
                }
            };
            if is_in {
                let mut backend = TcpStream::connect(upstream).unwrap();
                backend.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
                backend.shutdown(std::net::Shutdown::Write).unwrap();
                let mut answer = Vec::new();
                backend.read_to_end(&mut answer).unwrap();
                return drop(client.write_all(&answer));
            }
            let number = path.strip_prefix(PLACE);
            let right = number.and_then(|own| own.parse().ok());
            let right = right.is_some_and(|own| zero_bits("asked", own) >= 8);
            let is_taken = match to {
                Blind::Answers => number.is_some(),
                Blind::Owners => right,
                Blind::All | Blind::Right => false,
            };
            let answer = if is_taken {
                let tag = Sha256::digest(given.len().to_string()).first_chunk().copied();
                let tag = u64::from_be_bytes(tag.unwrap());
                let pass = format!("{}.{tag:016x}", clock.load(Ordering::SeqCst));
                given.push(pass.clone());
                format!(
                    "HTTP/1.1 303 X\r\nSet-Cookie: clearance={pass}; Path=/\r\nContent-Length: 0\r\n\r\n"
                )
            } else {
                let page = "<p data-question=\"asked\" data-bits=\"8\">";
                format!("HTTP/1.1 503 X\r\nContent-Length: {}\r\n\r\n{page}", page.len())
            };
            drop(client.write_all(answer.as_bytes()));
        })?;
        let settings = Settings {
            listeners: vec![Listen::new(own.address)],
            sites: vec![Site::new(HOST)],
            ..Settings::new("/nowhere".into())
        };
        let target = Target::from_settings(&settings);
        let pass_time = move |time: Duration| {
            now.fetch_add(time.as_secs(), Ordering::SeqCst);
        };
        Ok(Front { target, pass_time: Box::new(pass_time), _kept: Box::new(own) })
    }
}

fn fallen(to: Blind) -> Vec<String> {
    let all = play(&blind(to));
    let fell = all.into_iter().filter(|part| part.outcome == Outcome::Fell);
    fell.map(|part| part.did).collect()
}

#[test]
fn whoever_asks_nothing_falls() {
    assert_eq!(fallen(Blind::All), ["a request without a pass"]);
}

#[test]
fn whoever_looks_at_no_answer_falls_at_each() {
    let all = play(&blind(Blind::Answers));
    assert_eq!(all.len(), 21, "{all:#?}");
    for part in &all {
        let is_control = part.did.contains("control") || part.did == "a request without a pass";
        let wanted = if is_control { Outcome::Held } else { Outcome::Fell };
        assert_eq!(part.outcome, wanted, "{part:?}");
    }
}

#[test]
fn whoever_does_not_ask_whose_it_is_falls_there() {
    let wanted = [
        "right answers of another client",
        "right answers to another site",
        "a number of twenty digits as an answer",
        "a pass of another client",
        "a pass of another site",
        "right answers after their time",
        "a pass that has ended",
    ];
    assert_eq!(fallen(Blind::Owners), wanted);
}

#[test]
fn nothing_is_proven_where_no_right_answer_is_taken() {
    let all = play(&blind(Blind::Right));
    assert_eq!(all.len(), 2, "{all:#?}");
    assert_eq!(Outcome::of_all(all.iter().map(|part| part.outcome)), Outcome::NotProven);
    let gone = |_| -> Result<Front, String> {
        let own = StandIn::start(drop)?;
        let settings = Settings {
            listeners: vec![Listen::new(own.address)],
            sites: vec![Site::new(HOST)],
            ..Settings::new("/nowhere".into())
        };
        let target = Target::from_settings(&settings);
        Ok(Front { target, pass_time: Box::new(drop), _kept: Box::new(()) })
    };
    let all = play(&gone);
    assert_eq!((all.len(), all[0].outcome), (1, Outcome::NotProven));
    assert_eq!(play(&|_| Err("no port".to_owned()))[0].saw, "no port");
}

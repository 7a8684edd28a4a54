//! Passwords that are guessed faster than they may be looked at.
//!
//! Before one's own door that would end with this machine's bucket empty, and with an alert. What is played is what the
//! gateway does by itself, before anybody is banned.

use crate::house::{FRONT, House};
use crate::{evidence, not_proven};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use burgrave_config::{Access as Entry, Files, Limits, Listen, Settings, Site, Tls};
use burgrave_gateway::password_hash;
use burgrave_model::{Evidence, Outcome};
use burgrave_prove::{Reply, Target, Wire, WireLimits};
use burgrave_sys::{Access, make_shared_directory, replace_own};
use std::any::Any;
use std::path::Path;

/// More than are looked at in a row (`docs/denial-of-service.md`).
const GUESSES: usize = 15;
const HOST: &str = "rehearsal.test";
const NAME: &str = "tester";
const PASSWORD: &str = "rehearsal-only";

/// Whether whoever guesses is made to wait.
pub fn sign_in() -> Vec<Evidence> {
    play(&gateway)
}

/// What guesses come to, until it is dropped.
struct Front {
    target: Target,
    _kept: Box<dyn Any>,
}

type Opening<'a> = &'a dyn Fn() -> Result<Front, String>;

fn play(open: Opening<'_>) -> Vec<Evidence> {
    let control = "the right password, and none, as the control";
    let known = open().map(|front| (asked(&front, Some((NAME, PASSWORD))), asked(&front, None)));
    match known {
        Ok((Some(200), Some(401))) => {}
        Ok(told) => return vec![not_proven(control, format!("answered with {told:?}"))],
        Err(why) => return vec![not_proven(control, why)],
    }
    let mut all = vec![evidence(control, "200, and 401", Outcome::Held)];
    let did = "the right password behind too many wrong ones";
    match open() {
        Ok(front) => {
            let guesses = (0..GUESSES).map(|number| (NAME.to_owned(), format!("guess-{number}")));
            all.push(guessed("wrong passwords for one name", &front, guesses));
            all.push(match asked(&front, Some((NAME, PASSWORD))) {
                Some(429) => evidence(did, "429: it is not looked at", Outcome::Held),
                Some(status @ 200..=499) => evidence(did, status.to_string(), Outcome::Fell),
                told => not_proven(did, format!("answered with {told:?}")),
            });
        }
        Err(why) => all.push(not_proven(did, why)),
    }
    let did = "one password for many names";
    all.push(match open() {
        Ok(front) => {
            let names = (0..GUESSES).map(|number| (format!("name-{number}"), PASSWORD.to_owned()));
            guessed(did, &front, names)
        }
        Err(why) => not_proven(did, why),
    });
    all
}

/// Held when none gets in, and not all of them are looked at.
fn guessed(did: &str, front: &Front, guesses: impl Iterator<Item = (String, String)>) -> Evidence {
    let told: Vec<_> = guesses.map(|(name, word)| asked(front, Some((&name, &word)))).collect();
    let count = |wanted| told.iter().filter(|status| **status == Some(wanted)).count();
    let (looked, waiting) = (count(401), count(429));
    let saw = format!("of {GUESSES}, {looked} were looked at and {waiting} had to wait");
    let outcome = match (looked + waiting == GUESSES, waiting) {
        (true, 1..) => Outcome::Held,
        (true, 0) => Outcome::Fell,
        (false, _) if told.iter().flatten().any(|status| *status < 400) => Outcome::Fell,
        (false, _) => Outcome::NotProven,
    };
    evidence(did, saw, outcome)
}

/// The status of one request, which is made once.
fn asked(front: &Front, known: Option<(&str, &str)>) -> Option<u16> {
    let door = front.target.sites.first()?.door?;
    let field = known.map_or_else(String::new, |(name, word)| {
        format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{word}")))
    });
    let text = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{field}\r\n");
    let mut connection = Wire::new(&front.target, WireLimits::default()).open(door, HOST).ok()?;
    connection.send(text.as_bytes());
    match connection.answer() {
        Reply::Answer(answer) => Some(answer.status),
        Reply::Closed(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => None,
    }
}

/// The gateway itself, with one who may sign in.
fn gateway() -> Result<Front, String> {
    let house = House::open(settings)?;
    Ok(Front { target: house.target.clone(), _kept: Box::new(house) })
}

fn settings(folder: &Path) -> Result<Settings, String> {
    let words = |error: burgrave_sys::SysError| error.to_string();
    let (root, users) = (folder.join("www"), folder.join("users"));
    make_shared_directory(&root).map_err(words)?;
    replace_own(&root.join("index.html"), b"rehearsal\n", Access::All).map_err(words)?;
    let line = format!("{NAME}:{}\n", password_hash(PASSWORD)?);
    replace_own(&users, line.as_bytes(), Access::Owner).map_err(words)?;
    let site = Site {
        tls: Some(Tls::SelfSigned),
        files: Some(Files::new(root)),
        access: Entry { users: Some(users), ..Entry::default() },
        ..Site::new(HOST)
    };
    Ok(Settings {
        listeners: vec![Listen { tls: true, ..Listen::new(FRONT) }],
        limits: Limits::default(),
        sites: vec![site],
        ..Settings::new(folder.join("state"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in::StandIn;
    use std::io::{Read as _, Write as _};

    fn outcomes(open: Opening<'_>) -> Vec<Outcome> {
        play(open).iter().map(|part| part.outcome).collect()
    }

    #[test]
    fn the_gateway_makes_them_wait() {
        let all = play(&gateway);
        assert!(all.iter().all(|part| part.outcome == Outcome::Held), "{all:#?}");
        assert_eq!(all.len(), 4);
        assert!(all[1].saw.contains("10 were looked at and 5"), "{:?}", all[1]);
    }

    /// A door that answers with what a word of the request stands for; without any of them with the last.
    fn door(known: Vec<(String, u16)>) -> Result<Front, String> {
        let own = StandIn::start(move |mut client| {
            let mut piece = [0; 4096];
            let count = client.read(&mut piece).unwrap_or(0);
            let text = String::from_utf8(piece[..count].to_vec()).unwrap();
            let found = known.iter().find(|(word, _)| text.contains(word));
            let head = format!("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", found.unwrap().1);
            drop(client.write_all(head.as_bytes()));
        })?;
        let settings = Settings {
            listeners: vec![Listen::new(own.address)],
            sites: vec![Site::new(HOST)],
            ..Settings::new("/nowhere".into())
        };
        Ok(Front { target: Target::from_settings(&settings), _kept: Box::new(own) })
    }

    #[test]
    fn a_door_that_looks_at_every_guess_falls() {
        use Outcome::{Fell, Held, NotProven};
        let right = STANDARD.encode(format!("{NAME}:{PASSWORD}"));
        let all = |status| (String::new(), status);
        let patient = || door(vec![(right.clone(), 200), all(401)]);
        assert_eq!(outcomes(&patient), [Held, Fell, Fell, Fell]);
        let careless = || door(vec![("Basic".to_owned(), 200), all(401)]);
        assert_eq!(outcomes(&careless), [Held, Fell, Fell, Fell]);
        let broken = || door(vec![(right.clone(), 200), ("Basic".to_owned(), 500), all(401)]);
        assert_eq!(outcomes(&broken), [Held, NotProven, Fell, NotProven]);
        let open = || door(vec![all(200)]);
        assert_eq!(outcomes(&open), [NotProven], "nobody is asked for a password");
        assert_eq!(outcomes(&|| Err("no port".to_owned())), [NotProven]);
    }
}

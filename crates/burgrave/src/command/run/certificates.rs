//! The process that fetches certificates and watches them, as the supervisor starts it.
//!
//! It keeps root's account, for the files are root's, and nothing else of it: it writes its own folder, reads the
//! folders of certificates, connects to the authority's port, and can start no program. Hooks are run by a
//! process of its own that was started before and speaks with nobody else.

use super::super::Exit;
use super::confinement;
use super::recorder::Certificate;
use super::serve::READY;
use crate::error::Error;
use crate::{load, output};
use burgrave_certificates::{Action, Hook, Service, Told, run_hook};
use burgrave_sys::{Channel, Live, channel, confine, forget_mask};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// What the supervisor is told when certificates on the disk are not those that are served.
pub(super) const RELOAD: &[u8] = b"reload";
/// How it is told what is served.
pub(super) const SERVED_VARIABLE: &str = "BURGRAVE_SERVED";
/// The answer of the process that runs hooks.
const DONE: &[u8] = b"done";
/// How often it is looked whether that process has ended.
const LOOK: Duration = Duration::from_secs(1);

/// Works until the supervisor is gone.
pub(super) fn run(config: &Path) -> Result<Exit, Error> {
    let supervisor = Arc::new(Channel::of_child().ok_or(Error::NoSupervisor)?);
    let settings = load::settings(&Live, config)?;
    forget_mask();
    let lost = Arc::new(AtomicBool::new(false));
    let has_hook = settings.acme.as_ref().is_some_and(|acme| !acme.hook.is_empty());
    let hook = has_hook.then(|| start_hook(config, &lost)).transpose()?;
    let served = std::env::var(SERVED_VARIABLE).ok();
    let service = Service::new(&settings, hook, served.as_deref()).map_err(Error::Certificates)?;
    let missing = confine(&confinement::of_certificates(&settings)).map_err(Error::Confine)?;
    for part in missing {
        output::notice(&format!("warning: certificates are fetched without {part}"));
    }
    supervisor.send(READY, None).map_err(Error::Sockets)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Runtime("the fetching of certificates", error))?;
    let (gone, ended) = oneshot::channel::<()>();
    let heard = Arc::clone(&supervisor);
    std::thread::Builder::new()
        .name("supervisor".to_owned())
        .spawn(move || {
            // It says nothing; an end is the end.
            while let Ok(Some(_)) = heard.receive(true) {}
            drop(gone);
        })
        .map_err(|error| Error::Runtime("the supervisor's channel", error))?;
    let pass_on = |said: &str, told: Certificate| {
        output::notice(said);
        // A supervisor that is gone needs no telling.
        drop(supervisor.send(&told.message(), None));
    };
    let tell = |told| match told {
        Told::Notice(text) => output::notice(&text),
        Told::Fetched(name, said) => {
            pass_on(&said.clone(), Certificate::Taken { name, said, is_fetched: true });
        }
        Told::Changed(name, said) => {
            pass_on(&said.clone(), Certificate::Taken { name, said, is_fetched: false });
        }
        Told::Failed(name, said) => pass_on(&said.clone(), Certificate::Failed { name, said }),
        Told::Ending(name, said) => pass_on(&said.clone(), Certificate::Ending { name, said }),
        Told::Reload => drop(supervisor.send(RELOAD, None)),
    };
    let exit = runtime.block_on(async {
        tokio::select! {
            () = service.run(&tell) => Exit::Unproven,
            _ = ended => Exit::Clean,
            () = until(&lost) => Exit::Unproven,
        }
    });
    // What it was at can be taken up again at any point.
    runtime.shutdown_background();
    Ok(exit)
}

async fn until(lost: &AtomicBool) {
    while !lost.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK).await;
    }
}

/// Starts the process that runs hooks, and says how it is asked.
#[expect(clippy::disallowed_methods, reason = "this program again, not a tool of the machine")]
fn start_hook(config: &Path, lost: &Arc<AtomicBool>) -> Result<Hook, Error> {
    let program = std::env::current_exe().map_err(|error| Error::Runtime("the hook", error))?;
    let (own, childs) = channel().map_err(Error::Sockets)?;
    Command::new(program)
        .args(["run", "--hook", "--config"])
        .arg(config)
        .stdin(childs.into_stdio())
        .spawn()
        .map_err(|error| Error::Runtime("the hook", error))?;
    let (own, lost) = (Mutex::new(own), Arc::clone(lost));
    Ok(Arc::new(move |action, name, value| {
        let own = own.lock().unwrap_or_else(PoisonError::into_inner);
        let message = [action.word(), name, value].join("\n");
        let answer = own.send(message.as_bytes(), None).and_then(|()| own.receive(true));
        match answer {
            Ok(Some(answer)) if answer.bytes == DONE => Ok(()),
            Ok(Some(answer)) => Err(answer.bytes.iter().map(|byte| char::from(*byte)).collect()),
            Ok(None) | Err(_) => {
                lost.store(true, Ordering::Relaxed);
                Err("the process that runs it has ended".to_owned())
            }
        }
    }))
}

/// Runs hooks until whoever asks for them is gone.
pub(super) fn hooks(config: &Path) -> Result<Exit, Error> {
    let asker = Channel::of_child().ok_or(Error::NoSupervisor)?;
    let settings = load::settings(&Live, config)?;
    let command = settings.acme.map(|acme| acme.hook).unwrap_or_default();
    while let Some(message) = asker.receive(true).map_err(Error::Sockets)? {
        let answer = match question(&message.bytes) {
            Some((action, name, value)) => run_hook(&command, action, name, value),
            None => Err("this is no question for a hook".to_owned()),
        };
        let said = match &answer {
            Ok(()) => DONE,
            Err(why) => why.as_bytes(),
        };
        asker.send(said, None).map_err(Error::Sockets)?;
    }
    Ok(Exit::Clean)
}

/// What is asked: an action, a name of the domain name system, a value in base64url.
fn question(bytes: &[u8]) -> Option<(Action, &str, &str)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut words = text.split('\n');
    let (action, name, value) = (words.next()?, words.next()?, words.next()?);
    let action = [Action::Set, Action::Remove].into_iter().find(|own| own.word() == action)?;
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let of_value = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let plain = name.strip_prefix("_acme-challenge.").is_some_and(|rest| !rest.is_empty())
        && name.bytes().all(of_name)
        && !value.is_empty()
        && value.bytes().all(of_value);
    (plain && words.next().is_none()).then_some((action, name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_asked_for_records_only() {
        let name = "_acme-challenge.a.example";
        let asked = format!("set\n{name}\nabc-_1");
        assert_eq!(question(asked.as_bytes()), Some((Action::Set, name, "abc-_1")));
        let asked = format!("remove\n{name}\nabc");
        assert_eq!(question(asked.as_bytes()).unwrap().0, Action::Remove);
        for wrong in [
            String::new(),
            format!("set\n{name}"),
            format!("set\n{name}\n"),
            format!("set\n{name}\nabc\nmore"),
            format!("set\n{name}\n$(id)"),
            "set\nwww.a.example\nabc".to_owned(),
            "set\n_acme-challenge.\nabc".to_owned(),
            "set\n_acme-challenge.a;b\nabc".to_owned(),
            format!("run\n{name}\nabc"),
        ] {
            assert_eq!(question(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(question(b"\xff"), None);
    }
}

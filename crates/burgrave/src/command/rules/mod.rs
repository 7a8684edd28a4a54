//! `burgrave rules`: one command a file; here what several of them need.

mod except;
mod explain;
mod list;
mod profile;
mod test;
mod trial;

use super::{Exit, update};
use crate::cli::{Recorded, Rules};
use crate::error::Error;
use burgrave_replay::{
    Circumstances, MESSAGE_BYTES_MAX, NamedRequest, RECORDED_BYTES_MAX, Request, Response, Verdict,
    recorded,
};
use burgrave_sys::{Live, System};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Runs one of them.
pub(super) fn dispatch(command: &Rules) -> Result<Exit, Error> {
    match command {
        Rules::List(list) => list::run(list),
        Rules::Explain(explain) => explain::run(explain),
        Rules::Try(trial) => trial::run(trial),
        Rules::Test(test) => test::run(test),
        Rules::Except(except) => except::run(except),
        Rules::Profile(profile) => profile::run(profile),
        Rules::Update(update) => update::run(update),
    }
}

/// A recorded request with its answer, where there is one.
struct Messages {
    request: Request,
    response: Option<Response>,
    circumstances: Circumstances,
}

impl Messages {
    fn read(system: &dyn System, recorded: &Recorded) -> Result<Self, Error> {
        let unusable = |path: &Path| {
            let path = path.to_path_buf();
            move |why| Error::Message(path, Box::new(why))
        };
        let raw = bytes(system, &recorded.request, MESSAGE_BYTES_MAX)?;
        let request = Request::parse(&raw).map_err(unusable(&recorded.request))?;
        let response = match &recorded.response {
            None => None,
            Some(path) => {
                let raw = bytes(system, path, MESSAGE_BYTES_MAX)?;
                Some(Response::parse(&raw).map_err(unusable(path))?)
            }
        };
        let mut circumstances = Circumstances::at(system.now().0);
        circumstances.client = recorded.client.unwrap_or(circumstances.client);
        Ok(Self { request, response, circumstances })
    }
}

/// All requests of files of them.
fn requests(files: &[PathBuf]) -> Result<Vec<NamedRequest>, Error> {
    let mut all = Vec::new();
    for path in files {
        let content = bytes(&Live, path, RECORDED_BYTES_MAX)?;
        let own = recorded(&path.display().to_string(), &content);
        all.extend(own.map_err(|why| Error::Message(path.clone(), Box::new(why)))?);
    }
    Ok(all)
}

/// The content of a file; `-` is standard input.
fn bytes(system: &dyn System, path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let unread =
        |why: Box<dyn std::error::Error + Send + Sync>| Error::Read(path.to_path_buf(), why);
    if path != Path::new("-") {
        return system.read(path, most).map_err(|why| unread(Box::new(why)));
    }
    let mut bytes = Vec::new();
    let mut limited = std::io::stdin().lock().take(most.saturating_add(1));
    limited.read_to_end(&mut bytes).map_err(|why| unread(Box::new(why)))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        return Err(unread(format!("it is longer than {most} bytes").into()));
    }
    Ok(bytes)
}

/// A request that is blocked, or would be, is a finding.
fn exit(verdict: &Verdict) -> Exit {
    match verdict {
        Verdict::Passed => Exit::Clean,
        Verdict::Blocked(..) | Verdict::WouldBlock(..) => Exit::Findings,
        Verdict::Off => Exit::Unproven,
    }
}

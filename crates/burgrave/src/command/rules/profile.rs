//! `burgrave rules profile`: the profile of an application, drafted for people to read.

use super::{bytes, requests};
use crate::cli::Profile;
use crate::command::Exit;
use crate::error::Error;
use crate::{load, output};
use burgrave_replay::Circumstances;
use burgrave_replay::profile::{Draft, Lesson, OPENAPI_BYTES_MAX, learn, openapi};
use burgrave_sys::{Live, System as _};
use std::path::Path;

/// Drafts, and shows.
pub(super) fn run(asked: &Profile) -> Result<Exit, Error> {
    let draft = match &asked.openapi {
        Some(document) => from_openapi(document, asked.base.as_deref())?,
        None => from_requests(asked)?,
    };
    output::text(&draft.text())?;
    let (typed, _) = draft.count();
    Ok(if typed > 0 { Exit::Clean } else { Exit::Findings })
}

fn from_openapi(document: &Path, base: Option<&str>) -> Result<Draft, Error> {
    let content = bytes(&Live, document, OPENAPI_BYTES_MAX)?;
    openapi(&document.display().to_string(), &content, base)
        .map_err(|why| Error::Message(document.to_path_buf(), Box::new(why)))
}

fn from_requests(asked: &Profile) -> Result<Draft, Error> {
    let settings = load::settings(&Live, &asked.config)?;
    let rules = load::rules(&Live, &settings)?.ok_or(Error::NoRules)?;
    let recorded = requests(&asked.requests)?;
    let lesson = Lesson { requests: &recorded, least: asked.least };
    Ok(learn(&rules, &lesson, &Circumstances::at(Live.now().0)))
}

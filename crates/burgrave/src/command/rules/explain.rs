//! `burgrave rules explain`.

use super::{Messages, exit};
use crate::cli::{ExplainRequest, Format};
use crate::command::Exit;
use crate::error::Error;
use crate::{load, output};
use burgrave_replay::explain;
use burgrave_sys::Live;

/// Shows what the configured rules make of a recorded request.
pub(super) fn run(asked: &ExplainRequest) -> Result<Exit, Error> {
    let settings = load::settings(&Live, &asked.config)?;
    let rules = load::rules_to_tell(&Live, &settings)?;
    let Messages { request, response, circumstances } = Messages::read(&Live, &asked.recorded)?;
    let told = explain(&rules, &request, response.as_ref(), &circumstances, asked.rule);
    output::text(&match asked.recorded.format {
        Format::Json => format!("{:#}\n", told.json()),
        Format::Text => told.text(),
    })?;
    Ok(exit(&told.verdict))
}

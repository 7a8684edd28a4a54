//! `burgrave rules try`: rules that stand in no file yet.

use super::{Messages, exit};
use crate::cli::{Format, Try};
use crate::command::Exit;
use crate::error::Error;
use crate::{load, output};
use burgrave_model::Mode;
use burgrave_replay::{Explanation, explain};
use burgrave_seclang::Options;
use burgrave_sys::Live;
use serde_json::json;
use std::path::PathBuf;

/// How lines of the command line are called in errors and explanations.
const GIVEN: &str = "--rule";
/// Tried rules that are told one by one.
const TOLD_MAX: usize = 20;

/// Compiles them, alone or behind the configured rules, and explains them on a request.
pub(super) fn run(trial: &Try) -> Result<Exit, Error> {
    let (mut include, application, options) = match &trial.config {
        None => (Vec::new(), None, Options { mode: Some(Mode::Block), ..Options::default() }),
        Some(config) => {
            let settings = load::settings(&Live, config)?;
            let rules = settings.rules.as_ref().ok_or(Error::NoRules)?;
            (rules.include.clone(), rules.application.clone(), load::options(rules))
        }
    };
    let given = trial.rule.join("\n").into_bytes();
    let unwritten = [(PathBuf::from(GIVEN), given)];
    let mut tried = trial.file.clone();
    if !trial.rule.is_empty() {
        tried.push(PathBuf::from(GIVEN));
    }
    include.extend(tried.iter().cloned());
    let options = Options { plain: true, ..options };
    let rules = load::compile(&Live, application.as_deref(), &include, &unwritten, options)
        .map_err(Error::Rules)?;
    let Messages { request, response, circumstances } = Messages::read(&Live, &trial.recorded)?;
    let facts = rules.facts();
    let ids = facts.iter().filter(|facts| facts.id > 0 && tried.contains(&facts.file));
    let told = |rule| explain(&rules, &request, response.as_ref(), &circumstances, rule);
    let whole = told(None);
    let each: Vec<Explanation> = ids.take(TOLD_MAX).map(|facts| told(Some(facts.id))).collect();
    output::text(&match trial.recorded.format {
        Format::Json => {
            let rules: Vec<_> =
                each.iter().filter_map(|told| told.json().get("rule").cloned()).collect();
            format!("{:#}\n", json!({ "version": 1, "explanation": whole.json(), "tried": rules }))
        }
        Format::Text => {
            let rules: Vec<String> = each.iter().map(Explanation::rule_text).collect();
            format!("{}\n{}", whole.verdict_only(), rules.join("\n"))
        }
    })?;
    Ok(exit(&whole.verdict))
}

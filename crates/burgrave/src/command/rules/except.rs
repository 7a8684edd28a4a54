//! `burgrave rules except`: an exception for a false positive, tried before it is shown.

use super::requests;
use crate::cli::{Except, Format};
use crate::command::Exit;
use crate::error::Error;
use crate::{load, output};
use burgrave_config::{Rules, Settings};
use burgrave_replay::Circumstances;
use burgrave_replay::except::{Proposal, Wish, free_id, propose};
use burgrave_seclang::{LoadError, RuleSet};
use burgrave_sys::{Access, Live, SysError, System, replace_own};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the exception is called in errors while it stands in no file.
const PROPOSED: &str = "(proposed exception)";
/// Bytes of a file of exceptions.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Proposes, and writes where that was asked for.
pub(super) fn run(except: &Except) -> Result<Exit, Error> {
    let settings = load::settings(&Live, &except.config)?;
    let place = Place::find(&settings, except.write.as_deref())?;
    let compile = |text: &str| place.compile(text);
    let now = compile("").map_err(Error::Rules)?;
    let benign = requests(&except.request)?;
    let attacks = requests(&except.attacks)?;
    let wish = Wish {
        benign: &benign,
        attacks: &attacks,
        rule: except.rule,
        prefix: except.prefix.as_deref(),
        id: except.id.unwrap_or_else(|| free_id(&now)),
    };
    let circumstances = Circumstances::at(Live.now().0);
    let proposal = propose(&wish, &circumstances, &compile).map_err(Error::Rules)?;
    output::text(&match except.format {
        Format::Json => format!("{:#}\n", proposal.json(&wish)),
        Format::Text => proposal.text(&wish),
    })?;
    let Proposal::Found(found) = &proposal else {
        return Ok(match proposal {
            Proposal::Refused(_) => Exit::Findings,
            Proposal::NotNeeded | Proposal::Found(_) => Exit::Clean,
        });
    };
    if let Some(file) = &except.write {
        let content = place.with(&found.text);
        replace_own(file, &content, Access::All).map_err(|why| Error::Write(file.clone(), why))?;
        output::notice(&format!("written to `{}`", file.display()));
    }
    if !place.is_included {
        output::notice(&format!("not in force yet: {}", place.advice()));
    }
    Ok(Exit::Clean)
}

/// Where the exception goes.
struct Place<'a> {
    rules: &'a Rules,
    include: Vec<PathBuf>,
    /// The file, or a name for what is in none.
    name: PathBuf,
    /// What stands in it already.
    content: Vec<u8>,
    /// Whether the configuration names the file.
    is_included: bool,
}

impl<'a> Place<'a> {
    /// A file that the configuration names keeps its place; otherwise the exception is tried before all files.
    fn find(settings: &'a Settings, file: Option<&Path>) -> Result<Self, Error> {
        let rules = settings.rules.as_ref().ok_or(Error::NoRules)?;
        let mut include = rules.include.clone();
        let name = file.unwrap_or(Path::new(PROPOSED)).to_path_buf();
        let content = match file.map(|file| Live.read(file, FILE_BYTES_MAX)) {
            None | Some(Err(SysError::Missing(_))) => Vec::new(),
            Some(Ok(content)) => content,
            Some(Err(why)) => return Err(Error::Read(name, Box::new(why))),
        };
        let names = |pattern: &PathBuf| {
            Live.glob(pattern, FILE_COUNT_MAX).is_ok_and(|files| files.contains(&name))
        };
        let is_included = file.is_some() && rules.include.iter().any(names);
        if !is_included {
            include.insert(0, name.clone());
        }
        Ok(Self { rules, include, name, content, is_included })
    }

    fn with(&self, text: &str) -> Vec<u8> {
        let mut content = self.content.clone();
        if !content.is_empty() && !content.ends_with(b"\n") {
            content.push(b'\n');
        }
        content.extend_from_slice(text.as_bytes());
        content
    }

    fn compile(&self, text: &str) -> Result<Arc<RuleSet>, Vec<LoadError>> {
        let unwritten = [(self.name.clone(), self.with(text))];
        let (application, options) = (self.rules.application.as_deref(), load::options(self.rules));
        load::compile(&Live, application, &self.include, &unwritten, options)
    }

    fn advice(&self) -> String {
        let name = if self.name == Path::new(PROPOSED) {
            "its file".to_owned()
        } else {
            format!("`{}`", self.name.display())
        };
        format!("{name} goes before the rule files, first in `include` of [rules]; then reload")
    }
}

/// Files that one pattern of the configuration may name.
const FILE_COUNT_MAX: usize = 2_000;

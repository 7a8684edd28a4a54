//! From rule files to a [`RuleSet`]: every error of every file at once.

mod directive;
mod draft;
pub(crate) mod known;
mod update;

use crate::audit::AuditEngine;
use crate::error::LoadError;
use crate::interface::{Options, RuleFiles};
use crate::operator::{DataFiles, build_all};
use crate::plan::{Chains, EngineSettings, Flow, Rule, RuleDisruption};
use crate::ruleset::{RuleSet, Words};
use crate::source::{self, Line};
use crate::strings::Strings;
use draft::{Draft, PhaseDefaults};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use update::Update;

/// Includes within includes.
const INCLUDE_DEPTH_MAX: usize = 16;
/// Files in all.
const FILES_MAX: usize = 2_000;

/// What the directives have said so far.
pub(crate) struct Compiler<'a> {
    files: &'a dyn RuleFiles,
    read: usize,
    strings: Strings,
    chains: Chains,
    settings: EngineSettings,
    defaults: HashMap<u8, PhaseDefaults>,
    drafts: Vec<Draft>,
    /// Marker name → order; a name may stand more than once.
    markers: Vec<(Vec<u8>, usize)>,
    next_order: usize,
    updates: Vec<Update>,
    signatures: Vec<String>,
    /// A `chain` is open: the next `SecRule` belongs to the last draft.
    chain_open: Option<Line>,
    /// The chain that is open began with an error: its other lines are passed over.
    chain_broken: bool,
    errors: Vec<LoadError>,
    /// What is no error, and what whoever loads the rules should know.
    notes: Vec<String>,
}

/// Compiles files and globs in this order.
pub(crate) fn compile(
    include: &[PathBuf],
    files: &dyn RuleFiles,
    options: Options,
) -> Result<RuleSet, Vec<LoadError>> {
    let mut compiler = Compiler::new(files);
    for pattern in include {
        compiler.include(pattern, None, 0);
    }
    compiler.finish(options)
}

impl<'a> Compiler<'a> {
    fn new(files: &'a dyn RuleFiles) -> Self {
        Self {
            files,
            read: 0,
            strings: Strings::constants(),
            chains: Chains::default(),
            settings: EngineSettings::default(),
            defaults: HashMap::new(),
            drafts: Vec::new(),
            markers: Vec::new(),
            next_order: 0,
            updates: Vec::new(),
            signatures: Vec::new(),
            chain_open: None,
            chain_broken: false,
            errors: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Reads the files of a pattern; `from` is the line that asked for them.
    fn include(&mut self, pattern: &Path, from: Option<&Line>, depth: usize) {
        let fail = |message: String| match from {
            Some(line) => line.error(message),
            None => LoadError { file: pattern.to_path_buf(), line: 0, message },
        };
        if depth > INCLUDE_DEPTH_MAX {
            self.errors.push(fail("files include each other too deeply".to_owned()));
            return;
        }
        let paths = match self.files.glob(pattern) {
            Ok(paths) if paths.is_empty() => {
                self.errors.push(fail(format!("no file matches `{}`", pattern.display())));
                return;
            }
            Ok(paths) => paths,
            Err(why) => {
                self.errors.push(fail(why));
                return;
            }
        };
        for path in paths {
            self.read += 1;
            if self.read > FILES_MAX {
                self.errors.push(fail(format!("more than {FILES_MAX} rule files")));
                return;
            }
            match self.files.read(&path) {
                Ok(text) => self.file(&path, &text, depth),
                Err(why) => self.errors.push(fail(why)),
            }
        }
    }

    fn file(&mut self, path: &Path, text: &[u8], depth: usize) {
        let (before, mut unreadable) = (self.errors.len(), Vec::new());
        let lines = source::lines(path, text, &mut unreadable);
        for line in lines {
            if let Err(message) = self.directive(&line, depth) {
                self.errors.push(line.error(message));
                self.chain_broken = directive::goes_on(&line);
                self.chain_open = None;
            }
        }
        if let Some(open) = self.chain_open.take() {
            self.leave_open(&open);
        }
        for error in unreadable {
            self.insert_error(error, before);
        }
    }

    /// Where its line stands among the errors of its file from `first` on, whoever noticed them.
    fn insert_error(&mut self, error: LoadError, first: usize) {
        let behind = |other: &LoadError| other.file == error.file && other.line > error.line;
        let place = self.errors.iter().skip(first).position(behind);
        let at = place.map_or(self.errors.len(), |place| first + place);
        self.errors.insert(at, error);
    }

    /// A chain whose next rule never comes cannot match. Whoever loads it is told.
    fn leave_open(&mut self, open: &Line) {
        let Some(draft) = self.drafts.last_mut() else { return };
        draft.removed = Some("chain");
        let place = open.error(format!(
            "rule {} has `chain` and no next rule in its file: it never matches",
            draft.id()
        ));
        self.notes.push(place.to_string());
    }

    /// The next place in file order.
    fn order(&mut self) -> usize {
        self.next_order += 1;
        self.next_order - 1
    }

    fn finish(mut self, options: Options) -> Result<RuleSet, Vec<LoadError>> {
        let updates = std::mem::take(&mut self.updates);
        for update in &updates {
            if let Err(error) = update.apply(&mut self.drafts) {
                self.errors.push(error);
            }
        }
        self.unique_ids();
        let mut drafts = std::mem::take(&mut self.drafts);
        let links = drafts.iter_mut().flat_map(|draft| &mut draft.links);
        build_all(links.map(|link| &mut link.operator).collect());
        let mut rules = Vec::with_capacity(drafts.len());
        for draft in drafts {
            self.notes.extend(draft.note(&self.defaults));
            match draft.finish(&self.defaults, &mut self.chains) {
                Ok((rule, skip_after)) => rules.push((rule, skip_after)),
                Err(error) => self.insert_error(error, 0),
            }
        }
        let rules = self.resolve_skips(rules);
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let settings = with_options(self.settings, options);
        if settings.audit.engine != AuditEngine::Off && settings.audit.path.is_none() {
            let note =
                "`SecAuditEngine` is on and no `SecAuditLog` names its file: nothing is written";
            self.notes.push(note.to_owned());
        }
        if let Some(page) = &settings.code_page {
            self.chains.set_page(page);
        }
        let words = Words { signatures: self.signatures, notes: self.notes };
        Ok(RuleSet::new(self.strings, rules, self.chains, settings, words, options.plain))
    }

    fn unique_ids(&mut self) {
        let mut seen: HashMap<u32, (PathBuf, usize)> = HashMap::new();
        for draft in &self.drafts {
            let id = draft.id();
            if id == 0 {
                continue;
            }
            if let Some((file, line)) = seen.get(&id) {
                let place = format!("{}:{line}", file.display());
                self.errors.push(draft.line.error(format!("rule id {id} is taken by {place}")));
            } else {
                seen.insert(id, (draft.line.file.to_path_buf(), draft.line.number));
            }
        }
    }

    /// A marker that does not stand behind its rule would switch off everything that follows.
    fn resolve_skips(&mut self, rules: Vec<(Rule, Option<Vec<u8>>)>) -> Vec<Rule> {
        let ids: Vec<(u32, usize)> = rules.iter().map(|(rule, _)| (rule.id, rule.order)).collect();
        let mut finished = Vec::with_capacity(rules.len());
        for (mut rule, skip_after) in rules {
            if let Some(name) = skip_after {
                match self.skip_order(&name, rule.order, &ids) {
                    Some(order) => rule.flow = Flow::SkipTo(order),
                    None => self.errors.push(LoadError {
                        file: rule.file.to_path_buf(),
                        line: rule.line,
                        message: format!(
                            "`skipAfter:{}` names no marker or rule behind it",
                            bstr::BStr::new(&name)
                        ),
                    }),
                }
            }
            finished.push(rule);
        }
        finished
    }

    fn skip_order(&self, name: &[u8], behind: usize, ids: &[(u32, usize)]) -> Option<usize> {
        let marker = self.markers.iter().find(|(marker, order)| marker == name && *order > behind);
        if let Some((_, order)) = marker {
            return Some(order + 1);
        }
        let id: u32 = std::str::from_utf8(name).ok()?.parse().ok()?;
        let rule = ids.iter().find(|(other, order)| *other == id && *order > behind);
        rule.map(|(_, order)| order + 1)
    }
}

fn with_options(mut settings: EngineSettings, options: Options) -> EngineSettings {
    settings.mode = options.mode.unwrap_or(settings.mode);
    settings.request_body = options.request_body.unwrap_or(settings.request_body);
    settings.response_body = options.response_body.unwrap_or(settings.response_body);
    settings.budget = options.budget.unwrap_or(settings.budget);
    settings.decode = options.layer.decode;
    settings.lists = options.lists;
    settings
}

/// Data files stand beside the rule file that names them.
struct Beside<'a> {
    files: &'a dyn RuleFiles,
    rule_file: &'a Path,
}

impl Beside<'_> {
    /// A file that a directive names; the error says which.
    fn named(&self, name: &str) -> Result<Vec<u8>, String> {
        self.data(Path::new(name)).map_err(|why| format!("`{name}`: {why}"))
    }
}

impl DataFiles for Beside<'_> {
    fn data(&self, path: &Path) -> Result<Vec<u8>, String> {
        if path.to_str().is_some_and(|name| name.contains("://")) {
            return Err(
                "a data file on another machine is refused: fetch it before rules load".to_owned()
            );
        }
        let folder = self.rule_file.parent().unwrap_or(Path::new("."));
        self.files.read(&folder.join(path))
    }
}

/// The status of an error page where a rule names none.
const STATUS_DEFAULT: u16 = 403;

/// What `block` means for a rule.
fn resolve_block(defaults: Option<&PhaseDefaults>) -> RuleDisruption {
    defaults.map_or(RuleDisruption::Pass, |defaults| defaults.disruption.clone())
}

//! The directives.

use super::draft::{DraftLink, PhaseDefaults, disruption};
use super::known::{MET, REFUSED};
use super::update::{Change, Update};
use super::{Beside, Compiler, Draft};
use crate::action::{self, Action, Disrupt};
use crate::geo::Places;
use crate::operator::{self, Operator, Unbuilt};
use crate::plan::{Confirmation, OverLimit, RuleDisruption, RuleSelector, Written};
use crate::source::Line;
use crate::target::{self, Targets};
use crate::transform::CodePage;
use crate::variable::{Selector, Target, Variable};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

impl Compiler<'_> {
    /// Obeys one directive. An argument that it does not read is an error.
    pub(super) fn directive(&mut self, line: &Line, depth: usize) -> Result<(), String> {
        if line.is_open {
            let note = "the actions lack their closing quote: they end with the line";
            self.notes.push(line.error(note).to_string());
        }
        self.obey(line, depth)?;
        if line.words.len() > words_max(&line.directive.to_ascii_lowercase()) {
            return Err(format!(
                "`{}` has more arguments than it takes: put quotes around an argument with spaces",
                line.directive
            ));
        }
        Ok(())
    }

    fn obey(&mut self, line: &Line, depth: usize) -> Result<(), String> {
        let name = line.directive.to_ascii_lowercase();
        if self.chain_open.is_some() && name != "secrule" && name != "secaction" {
            self.chain_open = None;
            return Err("the chain before this directive has no next rule".to_owned());
        }
        match name.as_str() {
            "include" => {
                let path = relative(line, &text(line, 0)?);
                self.include(&path, Some(line), depth + 1);
                Ok(())
            }
            "secrule" | "secaction" if self.chain_broken => {
                self.chain_broken = goes_on(line);
                Ok(())
            }
            "secrule" => self.rule(line),
            "secaction" => self.sec_action(line),
            "secmarker" => {
                let name = word(line, 0)?.to_vec();
                let order = self.order();
                self.markers.push((name, order));
                Ok(())
            }
            "secdefaultaction" => self.default_action(line),
            "seccomponentsignature" => {
                self.signatures.push(text(line, 0)?);
                Ok(())
            }
            "secruleconfirmbyid" => self.confirm(line),
            _ if name.starts_with("secruleremove") || name.starts_with("secruleupdate") => {
                self.update(line, &name)
            }
            _ => self.setting(line, &name),
        }
    }

    fn rule(&mut self, line: &Line) -> Result<(), String> {
        let (variables, question, actions) = match line.words.as_slice() {
            [variables, question] => (variables, question, &[][..]),
            [variables, question, actions] => (variables, question, actions.as_slice()),
            _ => return Err("a rule is `SecRule VARIABLES OPERATOR [ACTIONS]`".to_owned()),
        };
        let targets = target::parse(variables, &mut self.strings)?;
        if targets.included.is_empty() {
            return Err("a rule needs a variable to look at beside what it leaves out".to_owned());
        }
        let (negated, operator, mut written) = self.operator(line, question)?;
        written.targets.clone_from(variables);
        let is_whole = |target: &Target| {
            target.variable == Variable::Xml && matches!(target.selector, Selector::All)
        };
        if targets.included.iter().any(is_whole) {
            let note = "`XML` without a path is no part of the document: write `XML:/*`";
            self.notes.push(line.error(note).to_string());
        }
        let actions = action::parse(actions, &mut self.strings)?;
        self.push(DraftLink {
            line: line.clone(),
            targets,
            operator,
            negated,
            actions,
            confirmations: Vec::new(),
            written,
        })
    }

    fn sec_action(&mut self, line: &Line) -> Result<(), String> {
        let actions = action::parse(word(line, 0)?, &mut self.strings)?;
        self.push(DraftLink {
            line: line.clone(),
            targets: Targets::default(),
            operator: Unbuilt::Built(Operator::Always),
            negated: false,
            actions,
            confirmations: Vec::new(),
            written: Written::default(),
        })
    }

    fn push(&mut self, link: DraftLink) -> Result<(), String> {
        let goes_on = link.actions.iter().any(|action| matches!(action, Action::Chain));
        let place = link.line.clone();
        if self.chain_open.take().is_some() {
            if let Some(draft) = self.drafts.last_mut() {
                draft.links.push(link);
            }
        } else {
            let order = self.order();
            let draft = Draft {
                line: place.clone(),
                order,
                links: vec![link],
                removed: None,
                changes: Vec::new(),
            };
            if draft.id() == 0 && !draft.is_unconditional() {
                return Err("a rule needs an `id`".to_owned());
            }
            self.drafts.push(draft);
        }
        self.chain_open = goes_on.then_some(place);
        Ok(())
    }

    fn operator(
        &mut self,
        line: &Line,
        question: &[u8],
    ) -> Result<(bool, Unbuilt, Written), String> {
        let question = question.trim_ascii_start();
        let (negated, question) = match question.strip_prefix(b"!") {
            Some(rest) => (true, rest.trim_ascii_start()),
            None => (false, question),
        };
        let (name, parameter) = match question.strip_prefix(b"@") {
            Some(rest) => {
                let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                rest.split_at(end)
            }
            None => (&b"rx"[..], question),
        };
        let name =
            std::str::from_utf8(name).map_err(|_ignored| "an operator's name is not UTF-8")?;
        let parameter = parameter.strip_prefix(b" ").unwrap_or(parameter);
        let parameter =
            if name.eq_ignore_ascii_case("rx") { parameter } else { parameter.trim_ascii() };
        let beside = Beside { files: self.files, rule_file: &line.file };
        let operator = operator::read(name, parameter, &mut self.strings, &beside)?;
        let written = Written {
            targets: Vec::new(),
            operator: name.to_owned(),
            parameter: parameter.to_vec(),
        };
        Ok((negated, operator, written))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what has no default is refused")]
    fn default_action(&mut self, line: &Line) -> Result<(), String> {
        let actions = action::parse(word(line, 0)?, &mut self.strings)?;
        let mut phase = 2;
        let mut disrupt = None;
        let mut status = None;
        let mut block = false;
        let mut defaults = PhaseDefaults {
            disruption: RuleDisruption::Pass,
            log: true,
            audit: None,
            transformations: Vec::new(),
        };
        for action in actions {
            match action {
                Action::Phase(number) => phase = number,
                Action::Disrupt(Disrupt::Block) => block = true,
                Action::Disrupt(found) => disrupt = Some(found),
                Action::Status(found) => status = Some(found),
                Action::Log(log) => defaults.log = log,
                Action::Audit(audit) => defaults.audit = Some(audit),
                Action::Transform(None) => {
                    return Err("`t:none` has nothing to take away in a default".to_owned());
                }
                Action::Transform(Some(step)) => defaults.transformations.push(step),
                Action::Note | Action::Tag(_) | Action::Capture => {}
                _ => {
                    return Err(
                        "only phase, disruption, status, logging and `t:` have defaults".to_owned()
                    );
                }
            }
        }
        if block && disrupt.is_none() {
            return Err("`block` cannot be its own default".to_owned());
        }
        defaults.disruption = disruption(disrupt.as_ref(), status, || RuleDisruption::Pass);
        if self.defaults.insert(phase, defaults).is_some() {
            return Err(format!("phase {phase} has its default already"));
        }
        Ok(())
    }

    /// `SecRuleConfirmById IDS OPERATOR`: a match of these rules counts only for a value of which the
    /// operator holds as well. A directive of Burgrave's own.
    fn confirm(&mut self, line: &Line) -> Result<(), String> {
        let (negated, operator, _written) = self.operator(line, word(line, 1)?)?;
        let confirmation = Confirmation { operator: Arc::new(operator.build()?), negated };
        for ids in word(line, 0)?.split(|byte| matches!(byte, b' ' | b',')) {
            if ids.is_empty() {
                continue;
            }
            let selector = action::ids(std::str::from_utf8(ids).unwrap_or_default())?;
            let change = Change::Confirm(confirmation.clone());
            self.updates.push(Update { line: line.clone(), selector, change });
        }
        Ok(())
    }

    fn update(&mut self, line: &Line, name: &str) -> Result<(), String> {
        let what = text(line, 0)?;
        let selectors = match name.rsplit_once("by").map(|(_, by)| by) {
            Some("id") => line
                .words
                .iter()
                .take(if name.starts_with("secruleremove") { usize::MAX } else { 1 })
                .flat_map(|word| word.split(|byte| matches!(byte, b' ' | b',')))
                .filter(|word| !word.is_empty())
                .map(|word| action::ids(std::str::from_utf8(word).unwrap_or_default()))
                .collect::<Result<Vec<_>, _>>()?,
            Some("tag") => vec![RuleSelector::Tag(what.into_bytes())],
            Some("msg") => vec![RuleSelector::Message(what.into_bytes())],
            _ => return Err(format!("unknown directive `{}`", line.directive)),
        };
        let change = if name.starts_with("secruleremove") {
            Change::Remove
        } else if name.starts_with("secruleupdatetarget") {
            let targets = target::parse(word(line, 1)?, &mut self.strings)?;
            let replaced = line.words.get(2).map(|old| target::parse(old, &mut self.strings));
            Change::Targets(targets, replaced.transpose()?)
        } else if name == "secruleupdateactionbyid" {
            Change::Actions(action::parse(word(line, 1)?, &mut self.strings)?)
        } else {
            return Err(format!("unknown directive `{}`", line.directive));
        };
        for selector in selectors {
            self.updates.push(Update { line: line.clone(), selector, change: change.clone() });
        }
        Ok(())
    }

    fn setting(&mut self, line: &Line, name: &str) -> Result<(), String> {
        if MET.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        if let Some((known, why)) =
            REFUSED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            let is_off = |word: &Vec<u8>| word.eq_ignore_ascii_case(b"off") || word == b"0";
            let off = line.words.first().is_some_and(is_off);
            return if off { Ok(()) } else { Err(format!("`{known}` is refused: {why}")) };
        }
        if name.starts_with("secaudit") && self.settings.audit.obey(name, &text(line, 0)?)? {
            return Ok(());
        }
        let beside = Beside { files: self.files, rule_file: &line.file };
        let settings = &mut self.settings;
        match name {
            "secgeolookupdb" => {
                let content = beside.named(&text(line, 0)?)?;
                settings.places = Some(Arc::new(Places::read(content)?));
            }
            "secunicodemapfile" => {
                let content = beside.named(&text(line, 0)?)?;
                let page = text(line, 1)?;
                let page = page.parse().map_err(|_ignored| format!("`{page}` is no code page"))?;
                settings.code_page = Some(Arc::new(CodePage::read(&content, page)?));
            }
            "secruleengine" => settings.mode = action::mode(&text(line, 0)?)?,
            "secrequestbodyaccess" => settings.request_body = switch(line)?,
            "secresponsebodyaccess" => settings.response_body = switch(line)?,
            "secrequestbodylimit" => settings.request_body_limit = number(line)?,
            "secrequestbodynofileslimit" => {
                settings.request_body_no_files_limit = Some(number(line)?);
            }
            "secrequestbodylimitaction" => settings.request_over_limit = over_limit(line)?,
            "secresponsebodylimit" => settings.response_body_limit = number(line)?,
            "secresponsebodylimitaction" => settings.response_over_limit = over_limit(line)?,
            "secresponsebodymimetype" => {
                settings.response_types =
                    line.words.iter().map(|word| word.to_ascii_lowercase()).collect();
            }
            "secresponsebodymimetypesclear" => settings.response_types.clear(),
            "secrequestbodyjsondepthlimit" => settings.json_depth_max = number(line)?,
            "secargumentslimit" => settings.arguments_max = number(line)?,
            "secargumentseparator" => match word(line, 0)? {
                [separator] => settings.argument_separator = *separator,
                _ => return Err("the argument separator is one character".to_owned()),
            },
            "seccookieformat" if word(line, 0)? == b"0" => {}
            "seccookieformat" => return Err("only cookie format 0 is supported".to_owned()),
            "seccollectiontimeout" => {
                let seconds = u64::try_from(number(line)?).unwrap_or(u64::MAX);
                settings.collection_timeout = Duration::from_secs(seconds);
            }
            "secwebappid" => settings.webapp_id = word(line, 0)?.to_vec(),
            _ => return Err(format!("unknown directive `{}`", line.directive)),
        }
        Ok(())
    }
}

/// How many arguments a directive takes at most; those with lists take any number.
fn words_max(name: &str) -> usize {
    let lists = ["secruleremoveby", "secresponsebodymimetype"];
    let not_read = |known: &str| known.eq_ignore_ascii_case(name);
    match name {
        // A rule says itself how it is written.
        "secrule" => usize::MAX,
        _ if lists.iter().any(|list| name.starts_with(list)) => usize::MAX,
        _ if MET.iter().any(|known| not_read(known)) => usize::MAX,
        _ if REFUSED.iter().any(|(known, _)| not_read(known)) => usize::MAX,
        _ if name.starts_with("secruleupdatetarget") => 3,
        "secruleupdateactionbyid" | "secruleconfirmbyid" | "secunicodemapfile" => 2,
        _ => 1,
    }
}

/// Whether a rule's actions, which may not be readable, announce another link.
pub(super) fn goes_on(line: &Line) -> bool {
    let last = line.words.last().map_or(&[][..], Vec::as_slice);
    line.directive.eq_ignore_ascii_case("secrule")
        && last.split(|&byte| byte == b',').any(|action| action.trim_ascii() == b"chain")
}

fn relative(line: &Line, path: &str) -> PathBuf {
    line.file.parent().unwrap_or(Path::new(".")).join(path)
}

fn word(line: &Line, index: usize) -> Result<&[u8], String> {
    let word = line.words.get(index).map(Vec::as_slice);
    word.ok_or_else(|| format!("`{}` lacks an argument", line.directive))
}

fn text(line: &Line, index: usize) -> Result<String, String> {
    let word = word(line, index)?.to_vec();
    String::from_utf8(word)
        .map_err(|_ignored| format!("the argument of `{}` is not UTF-8", line.directive))
}

fn switch(line: &Line) -> Result<bool, String> {
    match text(line, 0)?.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("`{}` is On or Off, not `{other}`", line.directive)),
    }
}

fn number(line: &Line) -> Result<usize, String> {
    let word = text(line, 0)?;
    word.parse().map_err(|_ignored| format!("`{}` takes a number, not `{word}`", line.directive))
}

fn over_limit(line: &Line) -> Result<OverLimit, String> {
    match text(line, 0)?.to_ascii_lowercase().as_str() {
        "reject" => Ok(OverLimit::Reject),
        "processpartial" => Ok(OverLimit::Partial),
        other => Err(format!("`{}` is Reject or ProcessPartial, not `{other}`", line.directive)),
    }
}

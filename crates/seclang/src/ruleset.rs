//! Compiled rules, shared by all threads.

use crate::application::Application;
use crate::audit::AuditEngine;
use crate::compile;
use crate::error::LoadError;
use crate::interface::{Connection, Options, RuleFiles};
use crate::layer::{self, WithOurs};
use crate::operator::Operator;
use crate::plan::{Chains, Control, Effect, EngineSettings, Rule};
use crate::prelude::Prelude;
use crate::stage::Stage;
use crate::store::Store;
use crate::strings::{StrId, Strings};
use crate::transaction::Transaction;
use crate::variable::Variable;
use burgrave_model::Mode;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Compiled rules, shared by all threads.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) constants: Arc<Strings>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) chains: Chains,
    pub(crate) settings: EngineSettings,
    pub(crate) store: Store,
    pub(crate) stage: Stage,
    pub(crate) prelude: Prelude,
    /// Whether a rule looks at the content of uploads; otherwise it is not kept.
    pub(crate) reads_file_content: bool,
    /// Whether a rule may switch the audit log on.
    pub(crate) switches_audit: bool,
    /// Whether a rule looks at `REQUEST_OTHER`; otherwise it is not filled.
    pub(crate) reads_other: bool,
    pub(crate) names: Names,
    /// The application's profile, where there is one.
    pub(crate) application: Option<Application>,
    words: Words,
}

/// What a rule set has to say to people.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// `SecComponentSignature`
    pub(crate) signatures: Vec<String>,
    /// What is no error and should be known.
    pub(crate) notes: Vec<String>,
}

impl RuleSet {
    /// Compiles files and globs in this order, on top of the base rules unless
    /// [`Options::bare`]; all errors of all files at once.
    pub fn compile(
        include: &[PathBuf],
        files: &dyn RuleFiles,
        options: Options,
    ) -> Result<Self, Vec<LoadError>> {
        Self::compile_for(None, include, files, options)
    }

    /// The same, with the profile of an application ([`crate::application`]) from its file.
    pub fn compile_for(
        application: Option<&Path>,
        include: &[PathBuf],
        files: &dyn RuleFiles,
        options: Options,
    ) -> Result<Self, Vec<LoadError>> {
        let profile = application.map(|file| read_application(file, files)).transpose();
        let compiled = if options.bare {
            compile::compile(include, files, options)
        } else {
            let all: Vec<PathBuf> =
                layer::names(options.layer).chain(include.iter().cloned()).collect();
            compile::compile(&all, &WithOurs(files), options)
        };
        match (compiled, profile) {
            (Ok(mut rules), Ok(profile)) => {
                if let Some(mut profile) = profile {
                    crate::application::narrow(&mut rules.rules);
                    profile.is_read = reads(&rules.rules, Variable::ArgsMistyped);
                    rules.application = Some(profile);
                }
                Ok(rules)
            }
            (Err(errors), Ok(_)) | (Ok(_), Err(errors)) => Err(errors),
            (Err(mut errors), Err(more)) => {
                errors.extend(more);
                Err(errors)
            }
        }
    }

    pub(crate) fn new(
        mut constants: Strings,
        mut rules: Vec<Rule>,
        chains: Chains,
        settings: EngineSettings,
        words: Words,
        plain: bool,
    ) -> Self {
        crate::plan::resolve_selectors(&mut rules);
        if settings.decode {
            crate::plan::offer_forms(&mut rules);
        }
        let names = Names::new(&mut constants);
        let (stage, prelude) = if plain {
            (Stage::plain(&rules), Prelude::default())
        } else {
            let prelude = Prelude::of(&rules, &names.digits, &mut constants);
            crate::stage::fill_settled(&mut rules, &prelude, &mut constants);
            let names = (&constants, &names.digits[..]);
            (Stage::build(&mut rules, &prelude, names, &chains), prelude)
        };
        let reads = |variable| reads(&rules, variable);
        let reads_file_content = reads(Variable::FilesTmpContent);
        let reads_other = reads(Variable::RequestOther);
        let switches = |effect: &Effect| matches!(effect, Effect::Control(Control::AuditEngine(engine)) if *engine != AuditEngine::Off);
        let switches_audit =
            rules.iter().flat_map(|rule| &rule.links).flat_map(|link| &link.effects).any(switches);
        let store = Store::new(settings.collection_timeout);
        Self {
            constants: Arc::new(constants),
            rules,
            chains,
            settings,
            store,
            stage,
            prelude,
            reads_file_content,
            switches_audit,
            reads_other,
            names,
            application: None,
            words,
        }
    }

    /// Number of rules (`SecRule` chains and `SecAction`), the base rules included.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What an operator should know about rules that load and cannot be answered here, each with its
    /// file and line.
    #[expect(clippy::wildcard_enum_match_arm, reason = "one operator of many is looked for")]
    pub fn warnings(&self) -> Vec<String> {
        let asks = |rule: &Rule| {
            rule.links.iter().find_map(|link| match &link.operator {
                Operator::Unavailable(name) => Some(*name),
                Operator::Listed(zone) if !self.asks(zone) => Some("rbl"),
                _ => None,
            })
        };
        let warning = |rule: &Rule, name| {
            format!(
                "{}:{}: rule {} asks `@{name}`, {}: a request that reaches it is refused",
                rule.file.display(),
                rule.line,
                rule.id,
                if name == "rbl" {
                    "and `[rules]` has no `block_lists = true`, or the list wants a key"
                } else {
                    "which this release does not have"
                }
            )
        };
        let is_answered = |name: &str| name == "geoLookup" && self.settings.places.is_some();
        let asks = |rule: &Rule| asks(rule).filter(|name| !is_answered(name));
        let unanswered = self.rules.iter().filter_map(|rule| Some(warning(rule, asks(rule)?)));
        let idle = self.settings.lists && self.lists().is_empty();
        let idle = idle.then(|| {
            "`block_lists` asks nobody: no rule has an `@rbl` that can be asked".to_owned()
        });
        unanswered.chain(idle).chain(self.words.notes.iter().cloned()).collect()
    }

    /// The lists that have to be asked about each client before its transaction, each once. Empty where nobody asks.
    #[expect(clippy::wildcard_enum_match_arm, reason = "one operator of many is looked for")]
    pub fn lists(&self) -> Vec<Arc<str>> {
        let links = self.rules.iter().flat_map(|rule| &rule.links);
        let all = links.filter_map(|link| match &link.operator {
            Operator::Listed(zone) if self.asks(zone) => Some(Arc::clone(zone)),
            _ => None,
        });
        all.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    fn asks(&self, zone: &str) -> bool {
        self.settings.lists && crate::lists::is_open(zone)
    }

    /// The file for audit records (`SecAuditLog`), where records may be made at all. Whoever runs the
    /// engine appends [`crate::Record::audit`] to it.
    pub fn audit_log(&self) -> Option<&std::path::Path> {
        let audit = &self.settings.audit;
        let made = audit.engine != AuditEngine::Off || self.switches_audit;
        audit.path.as_deref().filter(|_| made)
    }

    /// What the rule sets call themselves (`SecComponentSignature`).
    pub fn signatures(&self) -> &[String] {
        &self.words.signatures
    }

    /// A new transaction.
    ///
    /// `mode` is the route's own and goes before the rule set's; `now_unix_micros` is the wall clock;
    /// `clock` is a monotonic clock that the engine asks for its budget.
    pub fn transaction(
        self: &Arc<Self>,
        connection: Connection,
        mode: Option<Mode>,
        unique_id: &str,
        now_unix_micros: i64,
        clock: fn() -> Duration,
    ) -> Transaction {
        Transaction::new(Arc::clone(self), connection, mode, unique_id, now_unix_micros, clock)
    }
}

/// Whether a rule looks at a variable.
fn reads(rules: &[Rule], variable: Variable) -> bool {
    let links = rules.iter().flat_map(|rule| &rule.links);
    links.flat_map(|link| &link.targets).any(|target| target.variable == variable)
}

fn read_application(file: &Path, files: &dyn RuleFiles) -> Result<Application, Vec<LoadError>> {
    let unread = |message| vec![LoadError { file: file.to_path_buf(), line: 0, message }];
    crate::application::read(file, &files.read(file).map_err(unread)?)
}

/// Members of `TX` that the engine itself sets or reads.
#[derive(Debug)]
pub(crate) struct Names {
    /// `0` to `9`: captures.
    pub(crate) digits: [StrId; 10],
    /// The score of a request.
    pub(crate) inbound: ScoreNames,
    /// The score of an answer.
    pub(crate) outbound: ScoreNames,
}

/// Where the Core Rule Set keeps a score.
#[derive(Debug)]
pub(crate) struct ScoreNames {
    /// In all: version 4's name, then version 3's.
    pub(crate) totals: [StrId; 2],
    /// By paranoia level, before they are added up.
    pub(crate) levels: [StrId; 4],
}

impl Names {
    fn new(strings: &mut Strings) -> Self {
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let score = |totals: [&str; 2], level: &str, strings: &mut Strings| ScoreNames {
            totals: totals.map(|name| strings.intern(name.as_bytes())),
            levels: [1, 2, 3, 4]
                .map(|number| strings.intern(format!("{level}{number}").as_bytes())),
        };
        Self {
            digits: DIGITS.map(|digit| strings.intern(digit.as_bytes())),
            inbound: score(
                ["blocking_inbound_anomaly_score", "anomaly_score"],
                "inbound_anomaly_score_pl",
                strings,
            ),
            outbound: score(
                ["blocking_outbound_anomaly_score", "outbound_anomaly_score"],
                "outbound_anomaly_score_pl",
                strings,
            ),
        }
    }
}

//! Compiled rules, shared by all threads.

use crate::audit::AuditEngine;
use crate::compile;
use crate::error::LoadError;
use crate::interface::{Connection, Options, RuleFiles};
use crate::operator::Operator;
use crate::plan::{Chains, Control, Effect, EngineSettings, Rule};
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
    /// Whether a rule looks at the content of uploads; otherwise it is not kept.
    pub(crate) reads_file_content: bool,
    /// Whether a rule may switch the audit log on.
    pub(crate) switches_audit: bool,
    /// The names `0` to `9` of captures.
    pub(crate) digits: [StrId; 10],
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
        if options.bare {
            return compile::compile(include, files, options);
        }
        let base = PathBuf::from(BASE_NAME);
        let all: Vec<PathBuf> = std::iter::once(base).chain(include.iter().cloned()).collect();
        compile::compile(&all, &WithBase(files), options)
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
        let digits = DIGITS.map(|digit| constants.intern(digit));
        let stage = if plain { Stage::plain(&rules) } else { Stage::build(&mut rules) };
        let reads_file_content = rules
            .iter()
            .flat_map(|rule| &rule.links)
            .flat_map(|link| &link.targets)
            .any(|target| target.variable == Variable::FilesTmpContent);
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
            reads_file_content,
            switches_audit,
            digits,
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
            rule.links.iter().find_map(|link| match link.operator {
                Operator::Unavailable(name) => Some(name),
                _ => None,
            })
        };
        let warning = |rule: &Rule, name| {
            format!(
                "{}:{}: rule {} asks `@{name}`, which this release does not have: a request that reaches it is refused",
                rule.file.display(),
                rule.line,
                rule.id
            )
        };
        let is_answered = |name: &str| name == "geoLookup" && self.settings.places.is_some();
        let asks = |rule: &Rule| asks(rule).filter(|name| !is_answered(name));
        let unanswered = self.rules.iter().filter_map(|rule| Some(warning(rule, asks(rule)?)));
        unanswered.chain(self.words.notes.iter().cloned()).collect()
    }

    /// The file for audit records (`SecAuditLog`), where records may be made at all. Whoever runs the
    /// engine appends [`crate::Record::audit`] to it.
    pub fn audit_log(&self) -> Option<&Path> {
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

/// Names of captures.
const DIGITS: [&[u8]; 10] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"];

const BASE_NAME: &str = "burgrave/base.conf";

/// The base rules as if they were a file.
struct WithBase<'a>(&'a dyn RuleFiles);

impl RuleFiles for WithBase<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        if path == Path::new(BASE_NAME) {
            return Ok(include_bytes!("base.conf").to_vec());
        }
        self.0.read(path)
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        if pattern == Path::new(BASE_NAME) {
            return Ok(vec![pattern.to_path_buf()]);
        }
        self.0.glob(pattern)
    }
}

/// What there is to say about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFacts {
    /// Its id.
    pub id: u32,
    /// 1 to 5.
    pub phase: u8,
    /// Where it stands.
    pub file: PathBuf,
    /// Where it stands.
    pub line: usize,
    /// `msg:` as written, up to the first macro.
    pub message: Vec<u8>,
    /// `tag:` as written, those without macros.
    pub tags: Vec<Vec<u8>>,
}

impl RuleSet {
    /// Every rule in file order.
    pub fn facts(&self) -> Vec<RuleFacts> {
        let facts = |rule: &Rule| RuleFacts {
            id: rule.id,
            phase: rule.phase,
            file: rule.file.to_path_buf(),
            line: rule.line,
            message: rule.meta.message.as_ref().map(crate::macros::Macro::lead).unwrap_or_default(),
            tags: rule
                .meta
                .tags
                .iter()
                .filter_map(|tag| tag.constant().map(<[u8]>::to_vec))
                .collect(),
        };
        self.rules.iter().map(facts).collect()
    }
}

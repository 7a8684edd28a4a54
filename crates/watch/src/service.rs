//! A service: what its lines look like. One list holds them all.

use crate::formats;
use crate::pattern::Pattern;

/// A program whose log is understood.
#[derive(Debug)]
pub struct Service {
    /// Its name, which is that of fail2ban's jail where there is one.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it is and what is seen, in a sentence. Becomes the manual.
    pub about: &'static str,
    /// Where its log is, usually.
    pub file: &'static str,
    /// The names under which it writes to syslog.
    pub(crate) programs: &'static [&'static str],
    /// What may stand before its text and says nothing.
    pub(crate) skips: &'static [&'static str],
    /// Whether several lines tell one story.
    pub(crate) has_sessions: bool,
    /// Whether a line counts only where its header names one of those programs.
    pub(crate) is_named: bool,
    pub(crate) patterns: &'static [Pattern],
}

impl Service {
    /// A service with a log file of its own.
    pub(crate) const fn new(name: &'static str, about: &'static str, file: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            about,
            file,
            programs: &[],
            skips: &[],
            has_sessions: false,
            is_named: false,
            patterns: &[],
        }
    }

    pub(crate) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(crate) const fn programs(mut self, programs: &'static [&'static str]) -> Self {
        self.programs = programs;
        self
    }

    pub(crate) const fn skips(mut self, skips: &'static [&'static str]) -> Self {
        self.skips = skips;
        self
    }

    pub(crate) const fn sessions(mut self) -> Self {
        self.has_sessions = true;
        self
    }

    /// Lines whose header names no program of the service say nothing: others could have written them.
    pub(crate) const fn named(mut self) -> Self {
        self.is_named = true;
        self
    }

    pub(crate) const fn patterns(mut self, patterns: &'static [Pattern]) -> Self {
        self.patterns = patterns;
        self
    }

    /// Whether anything more is seen when it is watched strictly.
    pub fn knows_strict(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.counts(true) && !pattern.counts(false))
    }
}

/// Every service, family by family.
pub fn all() -> impl Iterator<Item = &'static Service> {
    formats::ALL.iter().copied().flatten().copied()
}

/// The service of this name.
pub fn by_name(name: &str) -> Option<&'static Service> {
    all().find(|service| service.name == name || service.aliases.contains(&name))
}

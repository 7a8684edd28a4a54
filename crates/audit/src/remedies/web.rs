//! Changing what nginx and Apache are told.

use super::draft::{Draft, Refusal, refused};
use super::nginx;
use super::texts::appended;
use super::way::Line;
use crate::check::Finding;
use crate::evidence::Evidence;
use crate::facts::{Facts, Place, effective};
use burgrave_model::Program;
use std::path::Path;
use std::sync::Arc;

const APACHE: &str = "/etc/apache2/apache2.conf";

/// One question to both servers.
#[derive(Debug)]
pub(crate) struct Web {
    /// Directives of nginx that may stand there; the first is put in where none does.
    pub(crate) names: &'static [&'static str],
    /// What they get; empty: the directive is taken away.
    pub(crate) value: &'static str,
    /// A line of Apache that a finding names.
    pub(crate) apache: Option<Line>,
    /// What Apache's main file gets at its end where no line is named.
    pub(crate) apache_lacks: Option<&'static str>,
}

/// Blocks that a directive may be put into.
const BLOCKS: [&str; 3] = ["server", "location", "http"];

impl Web {
    pub(crate) fn mend(
        &self,
        draft: &Draft<'_>,
        facts: &Facts<'_>,
        faults: &[Finding],
    ) -> Result<(), Refusal> {
        // From the end of each file, since what is put in moves the lines below it.
        let mut seen: Vec<&Evidence> =
            faults.iter().filter_map(|fault| fault.evidence.first()).collect();
        seen.sort_by_key(|evidence| (&evidence.path, std::cmp::Reverse(evidence.line)));
        seen.dedup_by_key(|evidence| (&evidence.path, evidence.line, &evidence.text));
        for evidence in seen {
            let Some(path) = &evidence.path else { continue };
            let path = Path::new(path);
            match evidence.line {
                Some(line) if path.starts_with("/etc/nginx") => {
                    draft.uses(Program::Nginx);
                    let place = Place { path: Arc::from(path), line };
                    let inherited = inherited(facts, self.names, &place);
                    self.nginx(draft, &place, &evidence.text, &inherited)?;
                }
                Some(line) => {
                    let Some(edit) = self.apache else { continue };
                    draft.uses(Program::Apache);
                    let place = Place { path: Arc::from(path), line };
                    draft.edit_line(&place, edit)?;
                }
                None => {
                    let Some(lacks) = self.apache_lacks else { continue };
                    draft.uses(Program::Apache);
                    let text = draft.text(Path::new(APACHE))?.unwrap_or_default();
                    draft.write(Path::new(APACHE), appended(&text, lacks), 0o644)?;
                }
            }
        }
        Ok(())
    }

    fn nginx(
        &self,
        draft: &Draft<'_>,
        place: &Place,
        seen: &str,
        inherited: &str,
    ) -> Result<(), Refusal> {
        let (path, line) = (&*place.path, place.line);
        let Some(text) = draft.text(path)? else { return Ok(()) };
        let first = seen.split_whitespace().next().unwrap_or_default();
        let named = self.names.iter().find(|name| **name == first);
        let whole = |name: &str| {
            if self.value.is_empty() { String::new() } else { format!("{name} {};", self.value) }
        };
        let new = match (named, self.names.first()) {
            (Some(name), _) => nginx::replaced(&text, line, name, &whole(name)),
            (None, Some(name)) => BLOCKS.iter().find_map(|block| {
                nginx::inserted(&text, line, block, &format!("{inherited}{}", whole(name)))
            }),
            (None, None) => None,
        };
        let why = "is left: its blocks and directives could not be told apart";
        draft.write(path, new.ok_or_else(|| refused(path, why))?, 0o644)
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        let apache = if self.apache.is_some() || self.apache_lacks.is_some() {
            "; the same for Apache"
        } else {
            ""
        };
        if self.value.is_empty() {
            return format!("takes the directive away where it stands{apache}");
        }
        let name = self.names.first().unwrap_or(&"");
        format!("sets nginx's `{name} {}` in the block that lacks it{apache}", self.value)
    }
}

/// Headers that a block has from outer ones, and loses with the first that it gets of its own.
fn inherited(facts: &Facts<'_>, names: &[&str], place: &Place) -> String {
    if !names.iter().any(|name| name.starts_with("add_header")) {
        return String::new();
    }
    let servers = facts.nginx_servers().unwrap_or_default();
    let chains = servers.iter().flat_map(crate::facts::Server::scopes);
    let Some(chain) =
        chains.into_iter().find(|chain| chain.last().is_some_and(|block| block.place == *place))
    else {
        return String::new();
    };
    if chain.last().is_some_and(|block| block.own("add_header").next().is_some()) {
        return String::new();
    }
    let quoted = |word: &String| {
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/=,+".contains(c));
        if plain && !word.is_empty() {
            word.clone()
        } else if word.contains('"') {
            format!("'{word}'")
        } else {
            format!("\"{word}\"")
        }
    };
    effective(&chain, "add_header")
        .into_iter()
        .map(|header| {
            let words: Vec<String> = header.arguments.iter().map(quoted).collect();
            format!("add_header {}; ", words.join(" "))
        })
        .collect()
}

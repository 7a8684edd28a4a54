//! The profile of an application, drafted for people to read: from an OpenAPI document, or from recorded
//! requests.
//!
//! Invariants: nothing is put in force; what is drafted loads as it is; an argument whose values could be an
//! attack is in a comment with the reason, and lowers nothing; words of a document or a request stand
//! escaped in comments, or as names of letters, digits and plain marks.

mod learn;
mod openapi;
mod pattern;
mod schema;

pub use learn::{LEAST_DEFAULT, Lesson, learn};
pub use openapi::{OPENAPI_BYTES_MAX, OpenApiError, openapi};

use crate::show::{cut, escaped};
use burgrave_seclang::application::{Kind, Template};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a foreign text in a comment.
const SHOWN: usize = 100;

/// A profile that is not in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What it was made from and how, one line each.
    notes: Vec<String>,
    /// By path and method.
    routes: BTreeMap<(String, String), Vec<Line>>,
    /// The method and the paths of each: a route that takes the same as another would not load.
    shapes: BTreeSet<(String, String)>,
    /// Routes that cannot be written, with the reason.
    left: Vec<String>,
}

/// What is known of one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// `path`, `query`, `form` or `json`.
    word: &'static str,
    name: Vec<u8>,
    /// Or why there is none.
    kind: Result<Kind, String>,
    /// On what it is based.
    about: Option<String>,
}

impl Draft {
    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Takes a route, unless it cannot be written.
    fn route(&mut self, method: &str, path: &str, mut lines: Vec<Line>) {
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if let Err(why) = Template::parse(path.as_bytes()) {
            self.left.push(cut(why.as_bytes(), SHOWN));
            return;
        }
        if !is_method || lines.is_empty() {
            return;
        }
        lines.retain(|line| line.word != "path" || member_of(path, &line.name));
        if !self.shapes.insert((method.to_owned(), shape(path, &lines))) {
            self.left.push(format!("`{method} {path}` takes the same paths as another route"));
            return;
        }
        for line in lines.iter_mut().filter(|line| !is_plain(&line.name)) {
            line.kind = Err("its name cannot be written".to_owned());
        }
        lines.sort_by(|one, other| (one.word, &one.name).cmp(&(other.word, &other.name)));
        lines.dedup_by(|one, other| (one.word, &one.name) == (other.word, &other.name));
        self.routes.insert((path.to_owned(), method.to_owned()), lines);
    }

    /// Arguments that have a type, and those that have none.
    pub fn count(&self) -> (usize, usize) {
        let all = || self.routes.values().flatten().filter(|line| line.word != "path");
        let typed = all().filter(|line| line.kind.is_ok()).count();
        (typed, all().count() - typed)
    }

    /// As a file.
    pub fn text(&self) -> String {
        let (typed, open) = self.count();
        let mut text = String::new();
        for note in &self.notes {
            text.push_str(&format!("# {note}\n"));
        }
        text.push_str(&format!(
            "# Arguments with a type: {typed}; without one, and looked at as ever: {open}.\n"
        ));
        text.push_str(
            "# Read it, take out what is wrong, and name the file as `application` in [rules].\n",
        );
        for why in &self.left {
            text.push_str(&format!("# left out: {why}.\n"));
        }
        for ((path, method), lines) in &self.routes {
            text.push_str(&format!("\nroute {method} {path}\n"));
            for line in lines {
                line.text(&mut text);
            }
        }
        text
    }
}

impl Line {
    fn text(&self, out: &mut String) {
        let (word, name) = (self.word, escaped(&self.name));
        match &self.kind {
            Ok(kind) => {
                let about = self.about.iter().map(|about| format!("  # {about}\n"));
                out.push_str(&format!("{}  {word} {name} {kind}\n", about.collect::<String>()));
            }
            Err(why) => {
                let (name, why) = (cut(&self.name, SHOWN), cut(why.as_bytes(), SHOWN));
                out.push_str(&format!("  # {word} {name}: {why}.\n"));
            }
        }
    }
}

/// The member's name, where a segment is one.
fn member(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn member_of(path: &str, name: &[u8]) -> bool {
    path.split('/').filter_map(member).any(|own| own.as_bytes() == name)
}

/// The paths that a route takes, in words, whatever its members are called.
fn shape(path: &str, lines: &[Line]) -> String {
    let of_member = |name: &str| {
        let line = lines.iter().find(|line| line.word == "path" && line.name == name.as_bytes());
        line.and_then(|line| line.kind.as_ref().ok())
            .map_or("*".to_owned(), |kind| format!("{{{kind}}}"))
    };
    let part = |part: &str| match member(part) {
        Some(name) => of_member(name),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A name that a profile reads as it is written.
fn is_plain(name: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\#".contains(byte);
    !name.is_empty() && name.iter().all(is_plain)
}

#[cfg(test)]
mod tests;

//! The paths that rules ask for: a part of `XPath` 1.0 without axes, reverse steps and unions.
//!
//! Names are compared without their prefix: what a path of rules looks for must not be hidden by another
//! prefix for the same name space.

use super::predicate::{Budget, Predicate, outside};
use super::{Content, Document, local};
use crate::Malformed;
use std::collections::HashMap;

/// A path: steps of `/` or `//` with a name, `*`, `@name`, `@*`, `text()` or `node()`, each with any
/// number of predicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    anywhere_below: bool,
    test: Test,
    predicates: Vec<Predicate>,
}

/// Which nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    AnyElement,
    Element(Vec<u8>),
    AnyAttribute,
    Attribute(Vec<u8>),
    Text,
}

impl XPath {
    /// Parses a path; the error names what is not supported.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some(after) = rest.strip_prefix('/') else {
                return Err(format!("path `{text}` is not supported: begin with `/`"));
            };
            let (anywhere_below, after) = match after.strip_prefix('/') {
                Some(after) => (true, after),
                None => (false, after),
            };
            let (step, after) = after.split_at_checked(step_end(after)).unwrap_or((after, ""));
            let bad = |why: &str| format!("path `{text}` is not supported: {why}");
            let (name, predicates) = step
                .split_once('[')
                .map_or((step, ""), |(name, _)| (name, step.get(name.len()..).unwrap_or_default()));
            steps.push(Step {
                anywhere_below,
                test: Test::parse(name.trim()).ok_or_else(|| bad(&format!("`{name}`")))?,
                predicates: Predicate::parse_all(predicates).map_err(|why| bad(&why))?,
            });
            rest = after;
        }
        if steps.is_empty() {
            return Err("path is empty".to_owned());
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Where the step ends: at a `/` outside brackets and quotes.
fn step_end(text: &str) -> usize {
    let found = outside(text).find(|&(_, character, depth)| character == '/' && depth == 0);
    found.map_or(text.len(), |(at, ..)| at)
}

impl Test {
    /// A name, `*`, `@name`, `@*`, `text()` or `node()`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let plain = |name: &str| {
            let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
            name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(allowed)
        };
        match name {
            "*" | "node()" => Some(Self::AnyElement),
            "@*" => Some(Self::AnyAttribute),
            "text()" => Some(Self::Text),
            _ => match name.strip_prefix('@') {
                Some(attribute) if plain(attribute) => {
                    Some(Self::Attribute(local(attribute.as_bytes()).to_vec()))
                }
                None if plain(name) => Some(Self::Element(local(name.as_bytes()).to_vec())),
                _ => None,
            },
        }
    }

    pub(super) fn accepts(&self, content: &Content) -> bool {
        match (self, content) {
            (Self::AnyElement, Content::Element(_))
            | (Self::AnyAttribute, Content::Attribute(..))
            | (Self::Text, Content::Text(_)) => true,
            (Self::Element(wanted), Content::Element(name))
            | (Self::Attribute(wanted), Content::Attribute(name, _)) => wanted == name,
            _ => false,
        }
    }
}

impl Document {
    /// The values that a path selects: an element's is all text within it. A text within several
    /// selected elements stands in each of their values; more than [`super::Limits::text_bytes_max`] in
    /// all, those that predicates look at included, is an error.
    pub fn select(&self, path: &XPath) -> Result<Vec<Vec<u8>>, Malformed> {
        let budget = Budget::new(self.selected_bytes_max);
        let mut here: Vec<Option<usize>> = vec![None];
        for step in &path.steps {
            let mut next = Vec::new();
            let mut done = 0;
            for &at in &here {
                self.step(at, step, &mut done, &mut next);
            }
            for predicate in &step.predicates {
                next = self.filtered(next, predicate, &budget)?;
            }
            here = next;
        }
        let mut values = Vec::with_capacity(here.len());
        for at in here.into_iter().flatten() {
            let value = self.value(at);
            budget.spend(value.len())?;
            values.push(value);
        }
        Ok(values)
    }

    /// Nodes are in document order, so `done` keeps a node below two others from being taken twice.
    fn step(
        &self,
        at: Option<usize>,
        step: &Step,
        done: &mut usize,
        next: &mut Vec<Option<usize>>,
    ) {
        let (from, to) = match at {
            None => (0, self.nodes.len()),
            Some(at) => (at + 1, self.nodes.get(at).map_or(0, |node| node.end)),
        };
        let from = if step.anywhere_below { from.max(*done) } else { from };
        let mut index = from;
        while let Some(node) = self.nodes.get(index).filter(|_| index < to) {
            if (step.anywhere_below || node.parent == at) && step.test.accepts(&node.content) {
                next.push(Some(index));
            }
            index = if step.anywhere_below { index + 1 } else { node.end.max(index + 1) };
        }
        *done = (*done).max(to);
    }

    /// Those for which the predicate holds. A position counts among the nodes of one parent.
    fn filtered(
        &self,
        nodes: Vec<Option<usize>>,
        predicate: &Predicate,
        budget: &Budget,
    ) -> Result<Vec<Option<usize>>, Malformed> {
        let parent = |at: Option<usize>| at.and_then(|at| self.nodes.get(at)?.parent);
        let mut sizes: HashMap<Option<usize>, usize> = HashMap::new();
        for &at in &nodes {
            *sizes.entry(parent(at)).or_default() += 1;
        }
        let mut places: HashMap<Option<usize>, usize> = HashMap::new();
        let mut kept = Vec::new();
        for at in nodes {
            let place = places.entry(parent(at)).or_default();
            *place += 1;
            let size = sizes.get(&parent(at)).copied().unwrap_or_default();
            if let Some(index) = at
                && predicate.holds(self, index, (*place, size), budget)?
            {
                kept.push(at);
            }
        }
        Ok(kept)
    }

    pub(super) fn value(&self, at: usize) -> Vec<u8> {
        let Some(node) = self.nodes.get(at) else { return Vec::new() };
        match &node.content {
            Content::Attribute(_, value) | Content::Text(value) => value.clone(),
            Content::Element(_) => {
                let within = self.nodes.get(at..node.end).unwrap_or_default();
                let texts = within.iter().filter_map(|node| match &node.content {
                    Content::Text(text) => Some(text.as_slice()),
                    Content::Element(_) | Content::Attribute(..) => None,
                });
                texts.collect::<Vec<_>>().concat()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    const LIMITS: Limits = Limits { depth_max: 8, nodes_max: 40, text_bytes_max: 500 };

    fn select(input: &str, path: &str) -> Vec<String> {
        let document = Document::parse(input.as_bytes(), LIMITS).unwrap();
        let path = XPath::parse(path).unwrap_or_else(|error| panic!("{error}"));
        let values = document.select(&path).unwrap();
        values.into_iter().map(|value| String::from_utf8(value).unwrap()).collect()
    }

    #[test]
    fn paths() {
        let document = "<?xml version='1.0'?><!-- c --><a x='1'>t<b y='2' xmlns:n='u' n:z='3'>u</b><![CDATA[<c>]]><b/></a>";
        for (path, expected) in [
            ("/*", vec!["tu<c>"]),
            ("//@*", vec!["1", "2", "3"]),
            ("/a/b", vec!["u", ""]),
            ("/a/b/text()", vec!["u"]),
            ("//b", vec!["u", ""]),
            ("/a/@x", vec!["1"]),
            ("//@z", vec!["3"]),
            ("/b", vec![]),
            ("//*//@y", vec!["2"]),
        ] {
            assert_eq!(select(document, path), expected, "{path}");
        }
    }

    #[test]
    fn predicates() {
        let document = "<s><p id='1'>10<q>x</q></p><p id='2' k='y'>20</p><p>/]</p><n:r xmlns:n='u'><p>40</p></n:r></s>";
        for (path, expected) in [
            ("/s/p[2]", vec!["20"]),
            ("//p[1]", vec!["10x", "40"]),
            ("/s/p[last()]", vec!["/]"]),
            ("/s/p[position()=1]", vec!["10x"]),
            ("/s/p[@id]", vec!["10x", "20"]),
            ("/s/p[@id='2']", vec!["20"]),
            ("/s/p[@id!='2']", vec!["10x"]),
            ("/s/p[@id][@k='y']", vec!["20"]),
            ("/s/p[text()]", vec!["10x", "20", "/]"]),
            ("/s/p[text()='20']", vec!["20"]),
            ("/s/p[q]", vec!["10x"]),
            ("/s/p[q=\"x\"]/q", vec!["x"]),
            ("/s/p[.='/]']", vec!["/]"]),
            ("//*[local-name()='r']/p", vec!["40"]),
            ("//*[name()='r' or @k]", vec!["20", "40"]),
            ("/s/p[not(@id)]", vec!["/]"]),
            ("/s/p[contains(., '0') and @id]", vec!["10x", "20"]),
            ("/s/p[starts-with(@id,'2')]", vec!["20"]),
            ("/s/p[9]", vec![]),
        ] {
            assert_eq!(select(document, path), expected, "{path}");
        }
    }

    #[test]
    fn predicates_cost_no_more_than_the_bound() {
        let nested = "<a>".repeat(8) + &"x".repeat(100) + &"</a>".repeat(8);
        let document = Document::parse(nested.as_bytes(), LIMITS).unwrap();
        assert!(document.select(&XPath::parse("//a[.='x']").unwrap()).is_err());
        assert!(document.select(&XPath::parse("/a[.='x']").unwrap()).is_ok());
    }

    #[test]
    fn paths_that_are_not_supported_are_refused() {
        for path in [
            "",
            "a",
            "/a/..",
            "//a|//b",
            "/count(a)",
            "/a[",
            "/a[]",
            "/a[b",
            "/a[count(b)>1]",
            "/a[1]x",
            "/a[@]",
            "/a['x']",
            "/a[0x]",
            "/a[b=]",
            "/a[not(]",
            "/a[b='x]",
            "/a[contains(b)]",
        ] {
            assert!(XPath::parse(path).is_err(), "{path}");
        }
        let deep = format!("/a[{}b{}]", "not(".repeat(40), ")".repeat(40));
        assert!(XPath::parse(&deep).is_err(), "nested deeper than the bound");
    }
}

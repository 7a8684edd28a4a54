//! XML 1.0 as a flat list of nodes, with the few paths that rules ask for.
//!
//! No external entity or subset is ever fetched. Entities that the document declares itself are
//! expanded within a bound, because an application behind may expand them too.

use crate::Malformed;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// Entities that a document may declare.
const ENTITIES_MAX: usize = 64;
/// Bytes of a reference to one, from `&` to `;`.
const REFERENCE_BYTES_MAX: usize = 64;

/// Bounds of a document.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Elements within each other.
    pub depth_max: usize,
    /// Elements, attributes, name spaces and texts; uses of entities, too.
    pub nodes_max: usize,
    /// Bytes of text, after entities are expanded; also of all values that one path selects.
    pub text_bytes_max: usize,
}

/// A parsed document.
#[derive(Clone, Debug, Default)]
pub struct Document {
    nodes: Vec<Node>,
    doctype: Option<Vec<u8>>,
    selected_bytes_max: usize,
}

#[derive(Clone, Debug)]
struct Node {
    parent: Option<usize>,
    /// One past the last node of its subtree.
    end: usize,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Element(Vec<u8>),
    Attribute(Vec<u8>, Vec<u8>),
    Text(Vec<u8>),
}

/// A path of the supported form: steps of `/` or `//` with a name, `*`, `@name`, `@*` or `text()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    anywhere_below: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
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
            let end = after.find('/').unwrap_or(after.len());
            let (name, after) = after.split_at_checked(end).unwrap_or((after, ""));
            steps.push(Step { anywhere_below, test: test(name, text)? });
            rest = after;
        }
        if steps.is_empty() {
            return Err("path is empty".to_owned());
        }
        Ok(Self { steps })
    }
}

fn test(name: &str, path: &str) -> Result<Test, String> {
    let plain = |name: &str| {
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(allowed)
    };
    match name {
        "*" | "node()" => Ok(Test::AnyElement),
        "@*" => Ok(Test::AnyAttribute),
        "text()" => Ok(Test::Text),
        _ => match name.strip_prefix('@') {
            Some(attribute) if plain(attribute) => {
                Ok(Test::Attribute(local(attribute.as_bytes()).to_vec()))
            }
            None if plain(name) => Ok(Test::Element(local(name.as_bytes()).to_vec())),
            _ => Err(format!("path `{path}` is not supported: `{name}`")),
        },
    }
}

/// The name without its prefix.
fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|&byte| byte == b':').next().unwrap_or_default()
}

impl Document {
    /// Parses a whole document; one that is not well-formed or past a limit is malformed.
    pub fn parse(input: &[u8], limits: Limits) -> Result<Self, Malformed> {
        let mut builder = Builder::new(limits);
        let mut reader = Reader::from_reader(input);
        reader.config_mut().check_comments = true;
        loop {
            match reader.read_event() {
                Ok(Event::Eof) => return builder.finish(),
                Ok(event) => builder.event(event)?,
                Err(error) => {
                    return Err(Malformed::new(format!("xml is not well-formed: {error}")));
                }
            }
        }
    }

    /// The values that a path selects: an element's is all text within it. A text within several
    /// selected elements stands in each of their values; more than [`Limits::text_bytes_max`] in all is
    /// an error.
    pub fn select(&self, path: &XPath) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut here: Vec<Option<usize>> = vec![None];
        for step in &path.steps {
            let mut next = Vec::new();
            let mut done = 0;
            for &at in &here {
                self.step(at, step, &mut done, &mut next);
            }
            here = next;
        }
        let mut room = self.selected_bytes_max;
        let mut values = Vec::with_capacity(here.len());
        for at in here.into_iter().flatten() {
            let value = self.value(at);
            room = room
                .checked_sub(value.len())
                .ok_or_else(|| Malformed::new("xml values are longer than the limit"))?;
            values.push(value);
        }
        Ok(values)
    }

    /// What stands between `<!DOCTYPE` and its `>`, where there is one.
    pub fn doctype(&self) -> Option<&[u8]> {
        self.doctype.as_deref()
    }

    /// All text of the document in a row: what `/*` selects.
    pub fn root_text(&self) -> Vec<u8> {
        let texts = self.nodes.iter().filter_map(|node| match &node.content {
            Content::Text(text) => Some(text.as_slice()),
            Content::Element(_) | Content::Attribute(..) => None,
        });
        texts.collect::<Vec<_>>().concat()
    }

    /// Every text and every attribute's value, each by itself, in document order.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.nodes.iter().filter_map(|node| match &node.content {
            Content::Attribute(_, text) | Content::Text(text) => Some(text.as_slice()),
            Content::Element(_) => None,
        })
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

    fn value(&self, at: usize) -> Vec<u8> {
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

impl Test {
    fn accepts(&self, content: &Content) -> bool {
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

struct Builder {
    document: Document,
    open: Vec<usize>,
    entities: HashMap<Vec<u8>, Vec<u8>>,
    seen_root: bool,
    text_bytes: usize,
    name_spaces: usize,
    /// Uses of entities, those within entities included: what expands to nothing costs time as well.
    references: Cell<usize>,
    limits: Limits,
}

impl Builder {
    fn new(limits: Limits) -> Self {
        Self {
            document: Document {
                nodes: Vec::new(),
                doctype: None,
                selected_bytes_max: limits.text_bytes_max,
            },
            open: Vec::new(),
            entities: HashMap::new(),
            seen_root: false,
            text_bytes: 0,
            name_spaces: 0,
            references: Cell::new(0),
            limits,
        }
    }

    fn finish(self) -> Result<Document, Malformed> {
        if !self.open.is_empty() {
            return Err(Malformed::new("xml ends within an element"));
        }
        if !self.seen_root {
            return Err(Malformed::new("xml has no element"));
        }
        Ok(self.document)
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Malformed> {
        match event {
            Event::Start(start) => self.element(&start, true),
            Event::Empty(start) => self.element(&start, false),
            Event::End(_) => {
                let end = self.document.nodes.len();
                if let Some(node) = self.open.pop().and_then(|at| self.document.nodes.get_mut(at)) {
                    node.end = end;
                }
                Ok(())
            }
            Event::Text(text) => self.text(&with_line_feeds(&text), false),
            Event::CData(text) => self.text(&with_line_feeds(&text), true),
            Event::GeneralRef(name) => {
                let mut out = Vec::new();
                self.expand(&name, 0, &mut out)?;
                self.text(&out, true)
            }
            Event::DocType(text) => {
                self.document.doctype = Some(text.to_vec());
                declared_entities(&text, &mut self.entities)
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn element(&mut self, start: &BytesStart<'_>, open: bool) -> Result<(), Malformed> {
        if self.open.is_empty() && std::mem::replace(&mut self.seen_root, true) {
            return Err(Malformed::new("xml has more than one root element"));
        }
        if self.open.len() >= self.limits.depth_max {
            return Err(Malformed::new("xml nesting is deeper than the limit"));
        }
        let at = self.push(Content::Element(start.local_name().as_ref().to_vec()))?;
        self.open.push(at);
        // The reader compares each name with all before it; a set does not slow down with their number.
        let mut seen = HashSet::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute =
                attribute.map_err(|error| Malformed::new(format!("xml attribute: {error}")))?;
            let key = attribute.key.into_inner();
            if !seen.insert(key) {
                return Err(Malformed::new("xml attribute stands twice"));
            }
            if key == b"xmlns" || key.starts_with(b"xmlns:") {
                self.name_spaces += 1;
                self.check_nodes()?;
                continue;
            }
            let value = self.attribute_value(&attribute.value)?;
            self.count(value.len())?;
            self.push(Content::Attribute(local(key).to_vec(), value))?;
        }
        if !open {
            let end = self.document.nodes.len();
            if let Some(node) = self.open.pop().and_then(|at| self.document.nodes.get_mut(at)) {
                node.end = end;
            }
        }
        Ok(())
    }

    fn attribute_value(&self, raw: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut out = Vec::new();
        let blank = |byte: u8| if matches!(byte, b'\t' | b'\n') { b' ' } else { byte };
        let normal: Vec<u8> = with_line_feeds(raw).into_iter().map(blank).collect();
        self.expand_text(&normal, 0, &mut out)?;
        Ok(out)
    }

    fn text(&mut self, text: &[u8], raw: bool) -> Result<(), Malformed> {
        if self.open.is_empty() {
            return if !raw && text.iter().all(u8::is_ascii_whitespace) {
                Ok(())
            } else {
                Err(Malformed::new("xml has text outside its element"))
            };
        }
        self.count(text.len())?;
        self.push(Content::Text(text.to_vec())).map(drop)
    }

    fn count(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.text_bytes = self.text_bytes.saturating_add(bytes);
        if self.text_bytes > self.limits.text_bytes_max {
            return Err(Malformed::new("xml text is longer than the limit"));
        }
        Ok(())
    }

    fn push(&mut self, content: Content) -> Result<usize, Malformed> {
        self.check_nodes()?;
        let at = self.document.nodes.len();
        self.document.nodes.push(Node { parent: self.open.last().copied(), end: at + 1, content });
        Ok(at)
    }

    fn check_nodes(&self) -> Result<(), Malformed> {
        if self.document.nodes.len() + self.name_spaces >= self.limits.nodes_max {
            return Err(Malformed::new("xml has more nodes than the limit"));
        }
        Ok(())
    }

    /// Replaces `&name;` in a text; an ampersand that begins no reference stays.
    fn expand_text(&self, text: &[u8], depth: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'&', rest) {
            let (before, reference) = rest.split_at(at);
            out.extend_from_slice(before);
            let window =
                reference.get(..reference.len().min(REFERENCE_BYTES_MAX)).unwrap_or_default();
            let Some(end) = memchr::memchr(b';', window) else {
                out.push(b'&');
                rest = reference.get(1..).unwrap_or_default();
                continue;
            };
            self.expand(reference.get(1..end).unwrap_or_default(), depth, out)?;
            rest = reference.get(end + 1..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        if out.len() > self.limits.text_bytes_max {
            return Err(Malformed::new("xml entities are longer than the limit"));
        }
        Ok(())
    }

    fn expand(&self, name: &[u8], depth: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
        if depth > 8 {
            return Err(Malformed::new("xml entities are nested deeper than the limit"));
        }
        if let Some(character) = character_reference(name) {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        let predefined: Option<&[u8]> = match name {
            b"lt" => Some(b"<"),
            b"gt" => Some(b">"),
            b"amp" => Some(b"&"),
            b"quot" => Some(b"\""),
            b"apos" => Some(b"'"),
            _ => None,
        };
        if let Some(text) = predefined {
            out.extend_from_slice(text);
            return Ok(());
        }
        let Some(text) = self.entities.get(name) else { return Ok(()) };
        self.references.set(self.references.get() + 1);
        if self.references.get() > self.limits.nodes_max {
            return Err(Malformed::new("xml uses entities more often than the limit"));
        }
        self.expand_text(text, depth + 1, out)
    }
}

/// Line ends as XML reads them (XML 1.0 §2.11): CR LF and a lone CR are one LF.
fn with_line_feeds(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\r', rest) {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        out.push(b'\n');
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

fn character_reference(name: &[u8]) -> Option<char> {
    let digits = std::str::from_utf8(name.strip_prefix(b"#")?).ok()?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code)
}

/// `<!ENTITY name "text">` of an internal subset; external ones are left out, and so never fetched.
///
/// An application may expand every one, so none is left out for being one too many.
fn declared_entities(
    doctype: &[u8],
    entities: &mut HashMap<Vec<u8>, Vec<u8>>,
) -> Result<(), Malformed> {
    let mut rest = doctype;
    while let Some(at) = memchr::memmem::find(rest, b"<!ENTITY") {
        rest = rest.get(at + 8..).unwrap_or_default().trim_ascii_start();
        let name_end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let after = after.trim_ascii_start();
        if let Some(&quote @ (b'"' | b'\'')) = after.first()
            && let Some(end) = memchr::memchr(quote, after.get(1..).unwrap_or_default())
        {
            if entities.len() >= ENTITIES_MAX || name.len() + 2 > REFERENCE_BYTES_MAX {
                return Err(Malformed::new("xml declares more or longer entities than the limit"));
            }
            let text = after.get(1..=end).unwrap_or_default();
            entities.entry(name.to_vec()).or_insert_with(|| text.to_vec());
        }
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { depth_max: 8, nodes_max: 40, text_bytes_max: 500 };

    fn select(input: &str, path: &str) -> Result<Vec<String>, Malformed> {
        let document = Document::parse(input.as_bytes(), LIMITS)?;
        let values = document.select(&XPath::parse(path).unwrap())?;
        Ok(values.into_iter().map(|value| String::from_utf8(value).unwrap()).collect())
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
            ("/a/@x", vec!["1"]),
            ("//*//@y", vec!["2"]),
        ] {
            assert_eq!(select(document, path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn entities_are_expanded_within_bounds_and_never_fetched() {
        let own = "<!DOCTYPE a [<!ENTITY e 'x&#60;'><!ENTITY f '&e;&e;'>]><a b='&e;'>&f;&amp;&unknown;</a>";
        assert_eq!(select(own, "/*").unwrap(), ["x<x<&"]);
        assert_eq!(select(own, "//@*").unwrap(), ["x<"]);
        let outside = "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>";
        assert_eq!(select(outside, "/*").unwrap(), [""]);
        let laughs: String = (1..9)
            .map(|n| format!("<!ENTITY e{n} '{}'>", format!("&e{};", n - 1).repeat(10)))
            .collect();
        let bomb = format!("<!DOCTYPE a [<!ENTITY e0 'lol'>{laughs}]><a>&e8;</a>");
        assert!(select(&bomb, "/*").is_err());
        let own_tail = "<!DOCTYPE a [<!ENTITY e '&e;'>]><a>&e;</a>";
        assert!(select(own_tail, "/*").is_err());
    }

    #[test]
    fn line_ends_and_blanks_are_normalised() {
        let document = "<a b='1\r\n2\t3&#10;4'>x\r\ny\rz&#13;</a>";
        assert_eq!(select(document, "/*").unwrap(), ["x\ny\nz\r"]);
        assert_eq!(select(document, "//@*").unwrap(), ["1 2 3\n4"]);
    }

    #[test]
    fn malformed_documents() {
        for input in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "x<a/>",
            "<a x=1/>",
            "<a x='1' x='2'/>",
            "<a",
            "plain",
        ] {
            assert!(Document::parse(input.as_bytes(), LIMITS).is_err(), "{input}");
        }
        let deep = "<a>".repeat(9) + &"</a>".repeat(9);
        assert!(Document::parse(deep.as_bytes(), LIMITS).is_err());
        let wide = format!("<a>{}</a>", "<b/>".repeat(40));
        assert!(Document::parse(wide.as_bytes(), LIMITS).is_err());
    }

    #[test]
    fn paths_that_are_not_supported_are_refused() {
        for path in ["", "a", "/a[1]", "/a/..", "//a|//b", "/count(a)"] {
            assert!(XPath::parse(path).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(input in proptest::collection::vec(
            prop::sample::select(&b"<>/a='\"!-[]&;?# \xff"[..]), 0..80)) {
            if let Ok(document) = Document::parse(&input, LIMITS) {
                for path in ["/*", "//@*"] {
                    let values = document.select(&XPath::parse(path).unwrap());
                    let bytes: usize = values.unwrap().iter().map(Vec::len).sum();
                    prop_assert!(bytes <= LIMITS.text_bytes_max);
                }
            }
        }
    }
}

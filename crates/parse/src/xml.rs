//! XML 1.0 as a flat list of nodes, with the few paths that rules ask for.
//!
//! No external entity or subset is ever fetched. Entities that the document declares itself are
//! expanded within a bound, because an application behind may expand them too.

mod path;
mod predicate;

pub use path::XPath;

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

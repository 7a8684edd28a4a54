//! A route: a method, a template of its path, and its arguments.

use super::{Kind, Place};
use std::collections::HashMap;

/// Bytes of a path's segment that stands for a member.
const MEMBER_BYTES_MAX: usize = 128;
/// Segments of a path.
const SEGMENTS_MAX: usize = 64;

/// A declared argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) kind: Kind,
    /// Of the profile.
    pub(crate) line: usize,
}

/// A route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Vec<u8>,
    pub(crate) template: Template,
    arguments: HashMap<(Place, Vec<u8>), Declared>,
}

impl Route {
    pub(super) fn new(method: Vec<u8>, template: Template) -> Self {
        Self { method, template, arguments: HashMap::new() }
    }

    /// An argument by the engine's name for it, such as `json.items.array_0.id`.
    pub(crate) fn argument(&self, place: Place, name: &[u8]) -> Option<&Declared> {
        let name = match place {
            Place::Query | Place::Form => name.to_vec(),
            Place::Json => any_element(name),
        };
        self.arguments.get(&(place, name))
    }

    pub(super) fn declare(
        &mut self,
        place: Place,
        name: &[u8],
        declared: Declared,
    ) -> Result<(), String> {
        let name = match place {
            Place::Query | Place::Form => name.to_vec(),
            Place::Json => engine_json(name),
        };
        match self.arguments.insert((place, name), declared) {
            None => Ok(()),
            Some(before) => Err(format!("it stands in line {} already", before.line)),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.arguments.len()
    }
}

/// A path with members: `/orders/{id}`. A member is a whole segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(Vec<u8>),
    Member(Vec<u8>, Option<Kind>),
}

impl Template {
    /// Reads one.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let shown = || text.escape_ascii();
        let Some(path) = text.strip_prefix(b"/") else {
            return Err(format!("the path `{}` does not begin with `/`", shown()));
        };
        let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        if parts.len() > SEGMENTS_MAX {
            return Err(format!("the path `{}` has more than {SEGMENTS_MAX} segments", shown()));
        }
        let mut segments: Vec<Segment> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let member = part.strip_prefix(b"{").and_then(|part| part.strip_suffix(b"}"));
            let segment = match member {
                Some(name) if is_name(name) => Segment::Member(name.to_vec(), None),
                // A path may end with a slash; nowhere else is a segment empty.
                None if part.is_empty() && at + 1 == parts.len() => Segment::Literal(Vec::new()),
                None if is_plain(part) => Segment::Literal(part.to_vec()),
                Some(_) | None => {
                    return Err(format!(
                        "the segment `{}` of `{}` is neither plain nor a member such as `{{id}}`",
                        part.escape_ascii(),
                        shown()
                    ));
                }
            };
            if matches!(&segment, Segment::Member(..)) && segments.contains(&segment) {
                return Err(format!("the path `{}` has a member twice", shown()));
            }
            segments.push(segment);
        }
        Ok(Self(segments))
    }

    /// How many segments.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Which of them are members: sorts what is narrower first.
    pub(super) fn openness(&self) -> Vec<u8> {
        let open = |segment: &Segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Member(_, Some(_)) => 1,
            Segment::Member(_, None) => 2,
        };
        self.0.iter().map(open).collect()
    }

    /// The paths that it takes, in words: the same for two that take the same, whatever members are called.
    pub(super) fn shape(&self) -> Vec<u8> {
        let mut shape = Vec::new();
        for segment in &self.0 {
            shape.push(b'/');
            match segment {
                Segment::Literal(own) => shape.extend_from_slice(own),
                Segment::Member(_, None) => shape.push(b'*'),
                Segment::Member(_, Some(kind)) => shape.extend(format!("{{{kind}}}").bytes()),
            }
        }
        shape
    }

    /// Says what a member has to be.
    pub(super) fn declare(&mut self, member: &[u8], kind: Kind) -> Result<(), String> {
        for segment in &mut self.0 {
            if let Segment::Member(name, own) = segment
                && name == member
            {
                return match own.replace(kind) {
                    None => Ok(()),
                    Some(_) => Err("it is said already what the member is".to_owned()),
                };
            }
        }
        Err(format!("the route's path has no member `{}`", member.escape_ascii()))
    }

    /// Whether a path, as it was sent, is one of these. Another spelling is not.
    pub fn takes(&self, path: &[u8]) -> bool {
        let Some(path) = path.strip_prefix(b"/") else { return false };
        let mut parts = path.split(|byte| *byte == b'/');
        let all = self.0.iter().all(|segment| match (segment, parts.next()) {
            (_, None) => false,
            (Segment::Literal(own), Some(part)) => own == part,
            (Segment::Member(_, Some(kind)), Some(part)) => kind.admits(part),
            (Segment::Member(_, None), Some(part)) => is_plain(part),
        });
        all && parts.next().is_none()
    }
}

/// Bytes that no reader of a path takes for anything but themselves (RFC 3986, `unreserved`).
fn is_plain(part: &[u8]) -> bool {
    let is_unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    (1..=MEMBER_BYTES_MAX).contains(&part.len())
        && part.iter().all(is_unreserved)
        && part.iter().any(|byte| *byte != b'.')
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// Stands for any element of a list.
const ANY: &[u8] = b".array_*";
/// Of an element's name, what stands before its number.
const ELEMENT: &[u8] = b"array_";

/// `json.items.array_*.id` for `items[].id`.
fn engine_json(written: &[u8]) -> Vec<u8> {
    let mut name = b"json".to_vec();
    for part in written.split(|byte| *byte == b'.') {
        let mut key = part;
        let mut lists = 0;
        while let Some(rest) = key.strip_suffix(b"[]") {
            key = rest;
            lists += 1;
        }
        if !key.is_empty() || lists == 0 {
            name.push(b'.');
            name.extend_from_slice(key);
        }
        (0..lists).for_each(|_| name.extend_from_slice(ANY));
    }
    name
}

/// The engine's name with the numbers of elements left out.
fn any_element(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for (at, part) in name.split(|byte| *byte == b'.').enumerate() {
        let number = part.strip_prefix(ELEMENT);
        let is_element =
            number.is_some_and(|own| !own.is_empty() && own.iter().all(u8::is_ascii_digit));
        if is_element {
            out.extend_from_slice(ANY);
            continue;
        }
        if at > 0 {
            out.push(b'.');
        }
        out.extend_from_slice(part);
    }
    out
}

/// `items[].id` for `json.items.array_0.id`.
pub(super) fn written_json(name: &[u8]) -> Option<Vec<u8>> {
    let name = any_element(name);
    let rest = name.strip_prefix(b"json")?;
    let mut out = Vec::new();
    for part in rest.split(|byte| *byte == b'.').skip(1) {
        if part == ANY.get(1..)? {
            out.extend_from_slice(b"[]");
            continue;
        }
        if !out.is_empty() {
            out.push(b'.');
        }
        out.extend_from_slice(part);
    }
    // What does not come back as it was would be a key with odd characters in it.
    (engine_json(&out) == name).then_some(out)
}

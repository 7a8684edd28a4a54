//! From a schema of OpenAPI (3.0, and 3.1 with its JSON Schema) to the type of an argument.
//!
//! A type may be narrower than its schema, for what is not of its type is looked at as ever; it is never one
//! that the schema does not speak of.

use super::pattern;
use burgrave_seclang::application::{Kind, TOKEN_BYTES_MAX};
use serde_json::Value;

/// References one behind the other.
const REFERENCES_MAX: usize = 16;
/// Objects and lists within each other.
const DEPTH_MAX: usize = 12;
/// Arguments of one operation.
pub(super) const MEMBERS_MAX: usize = 500;
/// Schemas that are looked at for one operation.
const VISITS_MAX: usize = 20_000;

/// An argument's name, and its type or why it has none.
pub(super) type Member = (String, Result<Kind, String>);

/// A document in which references are looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a>(pub(super) &'a Value);

/// How members of an object are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// `a.b`, `list[].c`
    Json,
    /// Fields of a form or a query: `a`; a list has its name more than once.
    Flat,
}

impl<'a> Document<'a> {
    /// What a value stands for, references followed within the document.
    pub(super) fn resolve(self, mut value: &'a Value) -> Result<&'a Value, String> {
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return Ok(value);
            };
            let pointer = reference.strip_prefix('#').ok_or_else(|| {
                format!("`{reference}` is in another document, which is not read")
            })?;
            value =
                self.0.pointer(pointer).ok_or_else(|| format!("`{reference}` leads nowhere"))?;
        }
        Err("it refers to itself".to_owned())
    }

    /// The type of a schema that is one value.
    pub(super) fn kind(self, schema: &'a Value) -> Result<Kind, String> {
        let schema = self.single(schema)?;
        if let Some(word) = schema.get("const").and_then(text) {
            return Kind::one_of(std::iter::once(word.as_bytes()));
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            let words: Option<Vec<String>> =
                words.iter().filter(|word| !word.is_null()).map(text).collect();
            let words = words.ok_or("one of its values is no single value")?;
            return Kind::one_of(words.iter().map(String::as_bytes));
        }
        match kind_name(schema).as_deref() {
            Some("integer") => {
                Ok(Kind::Integer(bound(schema, "minimum", 1), bound(schema, "maximum", -1)))
            }
            Some("number") => Ok(Kind::Number),
            Some("boolean") => Ok(Kind::Boolean),
            Some("string") => string(schema),
            Some(other) => Err(format!("`{other}` is no single value")),
            None => Err("its schema says no type".to_owned()),
        }
    }

    /// References followed, and what may be null taken for what it is else.
    fn single(self, schema: &'a Value) -> Result<&'a Value, String> {
        let mut schema = self.resolve(schema)?;
        for word in ["allOf", "anyOf", "oneOf"] {
            let Some(all) = schema.get(word).and_then(Value::as_array) else { continue };
            let is_null = |one: &&Value| one.get("type").and_then(Value::as_str) == Some("null");
            let mut others = all.iter().filter(|one| !is_null(one));
            match (others.next(), others.next()) {
                (Some(only), None) => schema = self.resolve(only)?,
                (_, _) => return Err(format!("its schema is several (`{word}`)")),
            }
        }
        Ok(schema)
    }

    /// All values within a schema, by their names.
    pub(super) fn members(self, schema: &'a Value, naming: Naming) -> Vec<Member> {
        let mut walk =
            Walk { document: self, naming, seen: Vec::new(), visits: 0, found: Vec::new() };
        walk.value(String::new(), schema);
        walk.found
    }
}

struct Walk<'a> {
    document: Document<'a>,
    naming: Naming,
    /// The schemas that are walked, outermost first.
    seen: Vec<&'a Value>,
    visits: usize,
    found: Vec<Member>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, name: String, schema: &'a Value) {
        self.visits += 1;
        if self.found.len() >= MEMBERS_MAX || self.visits > VISITS_MAX {
            return;
        }
        let schema = match self.document.resolve(schema) {
            Ok(schema) => schema,
            Err(why) => return self.found.push((name, Err(why))),
        };
        let repeats = self.seen.iter().any(|outer| std::ptr::eq(*outer, schema));
        if repeats || self.seen.len() >= DEPTH_MAX {
            let why = if repeats { "its schema is within itself" } else { "it lies too deep" };
            return self.found.push((name, Err(why.to_owned())));
        }
        self.seen.push(schema);
        self.within(name, schema);
        self.seen.pop();
    }

    fn within(&mut self, name: String, schema: &'a Value) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let parts = schema.get("allOf").and_then(Value::as_array);
        if let Some(items) = schema.get("items") {
            match self.naming {
                Naming::Json => self.value(format!("{name}[]"), items),
                Naming::Flat if !name.is_empty() && self.seen.len() <= 2 => {
                    let kind = self.document.kind(items);
                    self.found.push((name, kind));
                }
                Naming::Flat => self.found.push((name, Err("it is a list in a list".to_owned()))),
            }
        } else if properties.is_some() || parts.is_some_and(|parts| parts.len() > 1) {
            for part in parts.into_iter().flatten() {
                self.value(name.clone(), part);
            }
            for (key, schema) in properties.into_iter().flatten() {
                self.property(&name, key, schema);
            }
        } else {
            let kind = self.document.kind(schema);
            self.found.push((name, kind));
        }
    }

    fn property(&mut self, outer: &str, key: &str, schema: &'a Value) {
        match self.naming {
            Naming::Json | Naming::Flat if outer.is_empty() => self.value(key.to_owned(), schema),
            Naming::Json => self.value(format!("{outer}.{key}"), schema),
            Naming::Flat => self.found.push((
                format!("{outer}.{key}"),
                Err("how an object is written in a form is not said".to_owned()),
            )),
        }
    }
}

/// The schema's `type`; in 3.1 it may be a list with `null` in it.
fn kind_name(schema: &Value) -> Option<String> {
    match schema.get("type")? {
        Value::String(name) => Some(name.clone()),
        Value::Array(names) => {
            let mut names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            let only = names.next()?;
            names.next().is_none().then(|| only.to_owned())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// `minimum` or `maximum`, also where it is exclusive: a flag in 3.0, a number of its own in 3.1.
fn bound(schema: &Value, name: &str, step: i128) -> Option<i128> {
    let integer = |value: &Value| {
        text(value)?.parse::<i128>().ok().filter(|own| own.unsigned_abs() < 1 << 64)
    };
    let exclusive = schema.get(match name {
        "minimum" => "exclusiveMinimum",
        _ => "exclusiveMaximum",
    });
    let own = schema.get(name).and_then(integer);
    let is_flag = exclusive.and_then(text).as_deref() == Some("true");
    match (own, exclusive.and_then(integer)) {
        (Some(own), _) if is_flag => Some(own + step),
        (own, Some(other)) => match (own, step > 0) {
            (Some(own), true) => Some(own.max(other + step)),
            (Some(own), false) => Some(own.min(other + step)),
            (None, _) => Some(other + step),
        },
        (own, None) => own,
    }
}

fn string(schema: &Value) -> Result<Kind, String> {
    match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => return Ok(Kind::Uuid),
        Some("date") => return Ok(Kind::Date),
        Some("date-time") => return Ok(Kind::DateTime),
        Some(_) | None => {}
    }
    let length = |name: &str| schema.get(name).and_then(text)?.parse::<usize>().ok();
    let pattern = schema.get("pattern").and_then(Value::as_str);
    let Some(shape) = pattern.and_then(pattern::shape) else {
        let longest = length("maxLength").map(|own| format!(" of at most {own} characters"));
        let what = if pattern.is_some() {
            "its pattern lets more through than a token"
        } else {
            "free text"
        };
        return Err(format!("{what}{}", longest.unwrap_or_default()));
    };
    let min = length("minLength").unwrap_or(0).max(shape.min).max(1);
    let max =
        length("maxLength").unwrap_or(TOKEN_BYTES_MAX).min(shape.max.unwrap_or(TOKEN_BYTES_MAX));
    Kind::token(shape.alphabet, min, max.min(TOKEN_BYTES_MAX))
}

/// A single value as text: in YAML every one is.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;

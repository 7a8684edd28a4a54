//! YAML and JSON to one tree, within bounds.
//!
//! Every scalar of YAML is text here, as written: the schema says what it is. Aliases, tags of other types
//! and more than one document are refused: nobody needs them here, and an alias can make a small file
//! huge.

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

/// Levels within one another.
const DEPTH_MAX: usize = 32;
/// Values in all.
const NODES_MAX: usize = 200_000;

/// Reads YAML.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| format!("not YAML: {error}"))?;
        let line = span.start.line();
        builder.event(event).map_err(|why| format!("line {line}: {why}"))?;
    }
    builder.root.ok_or_else(|| "nothing stands in it".to_owned())
}

/// A value that is not complete yet.
enum Open {
    List(Vec<Value>),
    /// With the key that waits for its value.
    Map(Map<String, Value>, Option<String>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Value>,
    nodes: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, _, _) => {
                let is_null = style == saphyr_parser::ScalarStyle::Plain
                    && matches!(&*text, "" | "~" | "null");
                self.scalar(if is_null { None } else { Some(text.into_owned()) })
            }
            Event::SequenceStart(..) => self.begin(Open::List(Vec::new())),
            Event::MappingStart(..) => self.begin(Open::Map(Map::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(_) => Err("aliases (`*name`) are not taken".to_owned()),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err("there is a second document".to_owned())
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} levels within one another"));
        }
        self.open.push(open);
        Ok(())
    }

    fn scalar(&mut self, text: Option<String>) -> Result<(), String> {
        if let Some(Open::Map(_, key @ None)) = self.open.last_mut() {
            *key = Some(text.unwrap_or_default());
            return Ok(());
        }
        self.put(text.map_or(Value::Null, Value::String))
    }

    fn end(&mut self) -> Result<(), String> {
        match self.open.pop() {
            Some(Open::List(list)) => self.put(Value::Array(list)),
            Some(Open::Map(map, _)) => self.put(Value::Object(map)),
            None => Err("something ends that did not begin".to_owned()),
        }
    }

    fn put(&mut self, value: Value) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(format!("more than {NODES_MAX} values"));
        }
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::List(list)) => list.push(value),
            Some(Open::Map(map, key)) => {
                let key = key.take().ok_or("a key is no plain text")?;
                if map.insert(key.clone(), value).is_some() {
                    return Err(format!("the key `{key}` stands twice"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_becomes_a_tree() {
        let text = "---\nmeta:\n  enabled: true\n  name: \"a\"\ntests:\n  - id: 1\n    data: |\n      two\n      lines\n    none: ~\n    text: \"~\"\n  - {id: 2, list: [403, 404]}\n";
        let wanted = json!({
            "meta": {"enabled": "true", "name": "a"},
            "tests": [
                {"id": "1", "data": "two\nlines\n", "none": null, "text": "~"},
                {"id": "2", "list": ["403", "404"]},
            ],
        });
        assert_eq!(parse(text), Ok(wanted));
    }

    #[test]
    fn what_would_grow_or_is_unclear_is_refused() {
        let deep = "[".repeat(DEPTH_MAX + 1);
        for (text, wanted) in [
            ("a: &x 1\nb: *x\n", "line 2: aliases"),
            ("a: 1\na: 2\n", "line 2: the key `a` stands twice"),
            ("a: 1\n---\nb: 2\n", "second document"),
            ("a: [1\n", "not YAML"),
            ("", "nothing stands in it"),
            (deep.as_str(), "more than 32 levels"),
            ("? [a]\n: b\n", "no plain text"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(wanted), "{text:?}: {error}");
        }
        let many = "- a\n".repeat(NODES_MAX + 1);
        assert!(parse(&many).unwrap_err().contains("values"));
    }
}

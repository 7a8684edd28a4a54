//! A profile from an OpenAPI document, 3.0 or 3.1, in JSON or YAML.

use super::schema::{Document, MEMBERS_MAX, Member, Naming, text};
use super::{Draft, Line};
use crate::show::cut;
use crate::yaml;
use serde_json::{Map, Value};

/// Bytes of a document.
pub const OPENAPI_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Operations that are taken of one document.
const OPERATIONS_MAX: usize = 5_000;
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// A document that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenApiError {
    /// It is neither JSON nor YAML.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is of another kind or version.
    #[error("it is no OpenAPI document of version 3: {0}")]
    Version(String),
    /// It has more than a profile takes.
    #[error("it has more than {OPERATIONS_MAX} operations")]
    TooMany,
}

/// Drafts a profile; `name` is the document's, `base` stands before its paths in place of what its first
/// server says.
pub fn openapi(name: &str, bytes: &[u8], base: Option<&str>) -> Result<Draft, OpenApiError> {
    let root = tree(bytes)?;
    let version = root.get("openapi").and_then(text);
    match version.as_deref() {
        Some(own) if own.starts_with("3.") => {}
        Some(own) => {
            return Err(OpenApiError::Version(format!("it says `{}`", cut(own.as_bytes(), 20))));
        }
        None if root.get("swagger").is_some() => {
            return Err(OpenApiError::Version("it is Swagger 2, convert it first".to_owned()));
        }
        None => return Err(OpenApiError::Version("it has no `openapi`".to_owned())),
    }
    let mut draft = Draft::default();
    draft.note(format!("Drafted from {}.", cut(name.as_bytes(), super::SHOWN)));
    let base = match base {
        Some(base) => base.to_owned(),
        None => server_path(&root, &mut draft),
    };
    let mut reader = Reader {
        document: Document(&root),
        base: base.trim_end_matches('/').to_owned(),
        draft,
        count: 0,
    };
    let paths = root.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten() {
        reader.path(path, item)?;
    }
    Ok(reader.draft)
}

fn tree(bytes: &[u8]) -> Result<Value, OpenApiError> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(bytes)
            .map_err(|why| OpenApiError::Unreadable(why.to_string()));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_not_text| OpenApiError::Unreadable("it is not UTF-8".to_owned()))?;
    yaml::parse(text).map_err(OpenApiError::Unreadable)
}

/// The path of the first server: its address, or a path alone.
fn server_path(root: &Value, draft: &mut Draft) -> String {
    let servers = root.get("servers").and_then(Value::as_array);
    let mut paths: Vec<String> = Vec::new();
    for server in servers.into_iter().flatten() {
        let url = server.get("url").and_then(Value::as_str).unwrap_or_default();
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
            None => url,
        };
        let path = path.trim_end_matches('/').to_owned();
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    if paths.len() > 1 {
        draft.note(
            "It names servers with other paths as well: `--base` chooses another than the first.",
        );
    }
    match paths.into_iter().next() {
        Some(path) if path.contains('{') => {
            draft.note("The path of its server has a variable in it: `--base` says what it is.");
            String::new()
        }
        path => path.unwrap_or_default(),
    }
}

struct Reader<'a> {
    document: Document<'a>,
    base: String,
    draft: Draft,
    count: usize,
}

impl<'a> Reader<'a> {
    fn path(&mut self, path: &str, item: &'a Value) -> Result<(), OpenApiError> {
        let Ok(item) = self.document.resolve(item) else {
            self.draft
                .left
                .push(format!("`{}` stands in another document", cut(path.as_bytes(), 80)));
            return Ok(());
        };
        for method in METHODS {
            let Some(operation) = item.get(method).and_then(Value::as_object) else { continue };
            self.count += 1;
            if self.count > OPERATIONS_MAX {
                return Err(OpenApiError::TooMany);
            }
            let mut lines = self.parameters(item, operation);
            if let Some(body) = operation.get("requestBody") {
                lines.extend(self.body(body));
            }
            let path = format!("{}{path}", self.base);
            self.draft.route(&method.to_ascii_uppercase(), &path, lines);
        }
        Ok(())
    }

    /// Those of the operation go before those of the path that have the same name and place.
    fn parameters(&self, item: &'a Value, operation: &'a Map<String, Value>) -> Vec<Line> {
        let lists = [operation.get("parameters"), item.get("parameters")];
        let all = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
        all.take(MEMBERS_MAX).flat_map(|parameter| self.parameter(parameter)).collect()
    }

    /// Headers and cookies are no arguments.
    fn parameter(&self, parameter: &'a Value) -> Vec<Line> {
        let Ok(parameter) = self.document.resolve(parameter) else { return Vec::new() };
        let string = |key: &str| parameter.get(key).and_then(Value::as_str);
        let Some(name) = string("name") else { return Vec::new() };
        let word = match string("in") {
            Some("query") => "query",
            Some("path") => "path",
            Some(_) | None => return Vec::new(),
        };
        let Some(schema) = parameter.get("schema") else {
            let why = "its value has a media type of its own".to_owned();
            return vec![line(word, (name.to_owned(), Err(why)))];
        };
        if word == "path" {
            return vec![line(word, (name.to_owned(), self.document.kind(schema)))];
        }
        let explodes = parameter.get("explode").and_then(text).is_none_or(|own| own != "false");
        let members = match string("style") {
            None | Some("form") if explodes => self.query(name, schema, |_, key| key.to_owned()),
            Some("deepObject") => self.query(name, schema, |name, key| format!("{name}[{key}]")),
            None | Some(_) if self.is_list(schema) => {
                vec![(
                    name.to_owned(),
                    Err("its values stand in one, with marks between them".to_owned()),
                )]
            }
            None | Some(_) => vec![(name.to_owned(), self.document.kind(schema))],
        };
        members.into_iter().map(|member| line(word, member)).collect()
    }

    /// A single value or a list of them by its name; an object by those of its members.
    fn query(
        &self,
        name: &str,
        schema: &'a Value,
        named: impl Fn(&str, &str) -> String,
    ) -> Vec<Member> {
        let Ok(resolved) = self.document.resolve(schema) else {
            return vec![(name.to_owned(), self.document.kind(schema))];
        };
        if let Some(items) = resolved.get("items") {
            return vec![(name.to_owned(), self.document.kind(items))];
        }
        let members = self.document.members(resolved, Naming::Flat).into_iter();
        members
            .map(
                |(key, kind)| {
                    if key.is_empty() { (name.to_owned(), kind) } else { (named(name, &key), kind) }
                },
            )
            .collect()
    }

    fn is_list(&self, schema: &'a Value) -> bool {
        let resolved = self.document.resolve(schema);
        resolved.is_ok_and(|own| own.get("items").is_some() || own.get("properties").is_some())
    }

    fn body(&self, body: &'a Value) -> Vec<Line> {
        let Ok(body) = self.document.resolve(body) else { return Vec::new() };
        let content = body.get("content").and_then(Value::as_object);
        let mut lines = Vec::new();
        for (media, content) in content.into_iter().flatten() {
            let Some(schema) = content.get("schema") else { continue };
            let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let (word, naming) = match media.as_str() {
                "application/x-www-form-urlencoded" | "multipart/form-data" => {
                    ("form", Naming::Flat)
                }
                json if json == "application/json" || json.ends_with("+json") => {
                    ("json", Naming::Json)
                }
                _ => continue,
            };
            let members = self.document.members(schema, naming).into_iter();
            lines.extend(members.map(|member| line(word, member)));
        }
        lines
    }
}

fn line(word: &'static str, (name, kind): Member) -> Line {
    Line { word, name: name.into_bytes(), kind, about: None }
}

#[cfg(test)]
mod tests;

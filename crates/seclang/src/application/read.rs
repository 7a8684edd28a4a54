//! From a profile's text to its routes: every error at once, each with its line.

use super::route::{Declared, Route, Template};
use super::{Application, Kind, Place};
use crate::error::LoadError;
use crate::source::{self, Line};
use std::collections::HashMap;
use std::path::Path;

/// Routes of one profile.
const ROUTES_MAX: usize = 5_000;
/// Arguments of one profile.
const ARGUMENTS_MAX: usize = 50_000;
/// What a line may begin with.
const WORDS: &str = "`route`, `path`, `query`, `form` or `json`";

/// Reads a profile.
pub fn read(file: &Path, text: &[u8]) -> Result<Application, Vec<LoadError>> {
    let mut reader = Reader::default();
    let lines = source::lines(file, text, &mut reader.errors);
    for line in lines {
        if let Err(message) = reader.line(&line) {
            reader.errors.push(line.error(message));
        }
    }
    reader.unique(file);
    reader.errors.sort_by_key(|error| error.line);
    if reader.errors.is_empty() {
        return Ok(Application::new(file.to_path_buf(), reader.routes));
    }
    Err(reader.errors)
}

#[derive(Default)]
struct Reader {
    routes: Vec<Route>,
    /// The lines of the routes.
    lines: Vec<usize>,
    /// The last `route` was refused: what stands below it is passed over.
    is_lost: bool,
    arguments: usize,
    errors: Vec<LoadError>,
}

impl Reader {
    fn line(&mut self, line: &Line) -> Result<(), String> {
        if line.is_open {
            return Err("a quote is not closed".to_owned());
        }
        let place = match line.directive.as_str() {
            "route" => return self.route(line),
            "path" => return self.member(line),
            "query" => Place::Query,
            "form" => Place::Form,
            "json" => Place::Json,
            other => return Err(format!("a line begins with {WORDS}, not with `{other}`")),
        };
        self.argument(place, line)
    }

    fn route(&mut self, line: &Line) -> Result<(), String> {
        self.is_lost = true;
        let [method, path] = line.words.as_slice() else {
            return Err("a route is `route METHOD PATH`, as in `route GET /orders/{id}`".to_owned());
        };
        if method.is_empty() || !method.iter().all(u8::is_ascii_uppercase) {
            return Err(format!("`{}` is no method such as `GET`", method.escape_ascii()));
        }
        let template = Template::parse(path)?;
        if self.routes.len() >= ROUTES_MAX {
            return Err(format!("a profile has at most {ROUTES_MAX} routes"));
        }
        self.routes.push(Route::new(method.clone(), template));
        self.lines.push(line.number);
        self.is_lost = false;
        Ok(())
    }

    /// Of two routes with the same paths the second would never be asked.
    fn unique(&mut self, file: &Path) {
        let mut seen: HashMap<(&[u8], Vec<u8>), usize> = HashMap::new();
        for (route, &line) in self.routes.iter().zip(&self.lines) {
            let key = (route.method.as_slice(), route.template.shape());
            if let Some(before) = seen.get(&key) {
                let message = format!("the route stands in line {before} already");
                self.errors.push(LoadError { file: file.to_path_buf(), line, message });
                continue;
            }
            seen.insert(key, line);
        }
    }

    fn member(&mut self, line: &Line) -> Result<(), String> {
        let Some((name, kind)) = self.declared(line)? else { return Ok(()) };
        self.last(|route| route.template.declare(name, kind))
    }

    fn argument(&mut self, place: Place, line: &Line) -> Result<(), String> {
        let Some((name, kind)) = self.declared(line)? else { return Ok(()) };
        let declared = Declared { kind, line: line.number };
        self.last(|route| route.declare(place, name, declared))
    }

    /// A name and its type; `None` below a route that was refused.
    fn declared<'a>(&mut self, line: &'a Line) -> Result<Option<(&'a [u8], Kind)>, String> {
        let Some((name, kind)) = line.words.split_first() else {
            return Err(format!("`{0}` names no argument: `{0} NAME TYPE`", line.directive));
        };
        let kind = Kind::parse(kind)?;
        self.arguments += 1;
        if self.arguments > ARGUMENTS_MAX {
            return Err(format!("a profile has at most {ARGUMENTS_MAX} arguments"));
        }
        if self.is_lost {
            return Ok(None);
        }
        Ok(Some((name, kind)))
    }

    fn last(
        &mut self,
        change: impl FnOnce(&mut Route) -> Result<(), String>,
    ) -> Result<(), String> {
        match self.routes.last_mut() {
            Some(route) => change(route),
            None => Err("it stands below no `route`".to_owned()),
        }
    }
}

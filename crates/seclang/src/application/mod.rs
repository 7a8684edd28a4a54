//! What an application takes: for each of its routes the arguments whose values cannot be an attack.
//!
//! A rule's match on such an argument does not count where every value of it is of its declared type
//! ([`Kind`]); all else is looked at as without a profile. It only ever takes a match of this one argument
//! away: it adds no trust to another argument, a header, a cookie, a name, the body or the path.
//!
//! Invariants: a type that could hold an attack is an error at load, with file and line; a path in another
//! spelling than the profile's has no route.

mod alphabet;
mod kind;
mod narrow;
mod read;
mod route;

pub use alphabet::Alphabet;
pub use kind::{Kind, TOKEN_BYTES_MAX, WORDS_MAX};
pub(crate) use narrow::narrow;
pub use read::read;
pub(crate) use route::Route;
pub use route::Template;

use std::collections::HashMap;
use std::path::PathBuf;

/// Where an argument stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The query.
    Query,
    /// A form, of either kind.
    Form,
    /// A JSON body.
    Json,
}

impl Place {
    /// The word for it in a profile.
    pub fn word(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Form => "form",
            Self::Json => "json",
        }
    }

    /// An argument's name as a profile writes it, from the engine's: `items[].id` for
    /// `json.items.array_0.id`. `None`: it cannot be written.
    pub fn written(self, name: &[u8]) -> Option<String> {
        let name = match self {
            Self::Query | Self::Form => name.to_vec(),
            Self::Json => route::written_json(name)?,
        };
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\#".contains(byte);
        let name = String::from_utf8(name).ok()?;
        (!name.is_empty() && name.as_bytes().iter().all(is_plain)).then_some(name)
    }
}

/// A profile that was read. Shared by all threads.
#[derive(Debug, Default)]
pub struct Application {
    file: PathBuf,
    routes: Vec<Route>,
    /// Routes by method and number of segments: literal segments go before members.
    index: HashMap<(Vec<u8>, usize), Vec<usize>>,
    /// Whether a rule looks at `ARGS_MISTYPED`; otherwise it is not filled.
    pub(crate) is_read: bool,
}

impl Application {
    fn new(file: PathBuf, routes: Vec<Route>) -> Self {
        let mut index: HashMap<(Vec<u8>, usize), Vec<usize>> = HashMap::new();
        for (place, route) in routes.iter().enumerate() {
            index.entry((route.method.clone(), route.template.len())).or_default().push(place);
        }
        for places in index.values_mut() {
            places.sort_by_key(|place| routes.get(*place).map(|own| own.template.openness()));
        }
        Self { file, routes, index, is_read: false }
    }

    /// The route of a request; `path` is as it was sent, without its query.
    pub(crate) fn route(&self, method: &[u8], path: &[u8]) -> Option<&Route> {
        let segments = memchr::memchr_iter(b'/', path).count();
        let places = self.index.get(&(method.to_vec(), segments))?;
        let mut routes = places.iter().filter_map(|place| self.routes.get(*place));
        routes.find(|route| route.template.takes(path))
    }

    /// Its file.
    pub(crate) fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// Routes, and arguments of all of them.
    pub fn count(&self) -> (usize, usize) {
        (self.routes.len(), self.routes.iter().map(Route::count).sum())
    }
}

#[cfg(test)]
mod tests;

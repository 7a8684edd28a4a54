//! A profile from recorded requests.
//!
//! Invariants: an argument gets a type only where every value that was seen of it is of that type, in enough
//! requests that are not the same; a request that a rule takes for an attack teaches nothing, unless all that
//! the rule found are values that cannot be one wherever they stand (numbers, dates, UUIDs); neither does one
//! in which a rule found something decoded.

use super::{Draft, Line};
use crate::message::Request;
use crate::recorded::NamedRequest;
use crate::run::{Circumstances, Seen, run};
use crate::story::{self, Story};
use burgrave_model::Mode;
use burgrave_seclang::application::{Alphabet, Kind, Place, TOKEN_BYTES_MAX, Template};
use burgrave_seclang::{Event, Focus, RuleSet, Source, Trace};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Requests in which an argument has to be seen, where nobody says how many.
pub const LEAST_DEFAULT: u32 = 20;
/// Routes that are learned.
const ROUTES_MAX: usize = 2_000;
/// Arguments that are learned.
const ARGUMENTS_MAX: usize = 20_000;
/// Words of an argument that is one of several, and the share of its requests that each has.
const WORDS_MAX: usize = 16;
const SHARE_OF_A_WORD: usize = 50;
/// Severity up to which a match is serious: warning.
const SEVERITY_MAX: u8 = 4;

/// How it is learned.
#[derive(Clone, Copy, Debug)]
pub struct Lesson<'a> {
    /// What was recorded.
    pub requests: &'a [NamedRequest],
    /// In how many requests an argument has to be seen. At least 1.
    pub least: u32,
}

/// Drafts a profile. The rules are those in force; all of them are asked, whatever their mode.
pub fn learn(rules: &Arc<RuleSet>, lesson: &Lesson<'_>, circumstances: &Circumstances) -> Draft {
    let mut school = School { severities: severities(rules), ..School::default() };
    let circumstances = Circumstances { mode: Some(Mode::Detect), ..*circumstances };
    for (_, request) in lesson.requests {
        if !school.seen.insert(digest(request)) {
            school.repeated += 1;
            continue;
        }
        let seen = run(rules, request, None, &circumstances, Some(Focus::Matches));
        let Some(arguments) = school.teaches(seen) else {
            school.suspect += 1;
            continue;
        };
        match route(request.path()) {
            Some(route) => school.take(&request.method, route, arguments),
            None => school.odd += 1,
        }
    }
    school.draft(lesson)
}

/// Tells requests apart that are not the same.
fn digest(request: &Request) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&request.method, &request.target, &request.body).hash(&mut hasher);
    hasher.finish()
}

fn severities(rules: &RuleSet) -> HashMap<u32, u8> {
    let all = rules.facts().into_iter();
    all.filter_map(|facts| Some((facts.id, facts.severity?))).collect()
}

/// A path as a template, its parts that cannot be an attack as members, with their types.
type Route = (String, Vec<(String, Kind)>);

/// `None`: in a spelling that a profile does not take.
fn route(path: &[u8]) -> Option<Route> {
    let text = std::str::from_utf8(path).ok()?;
    Template::parse(path).ok().filter(|template| template.takes(path))?;
    let (mut template, mut members) = (String::new(), Vec::new());
    for part in text.split('/').skip(1) {
        template.push('/');
        let kinds = [Kind::Integer(None, None), Kind::Uuid, Kind::Date];
        match kinds.into_iter().find(|kind| kind.admits(part.as_bytes())) {
            None => template.push_str(part),
            Some(kind) => {
                let name = format!("{}{}", name_of(&kind), members.len() + 1);
                template.push_str(&format!("{{{name}}}"));
                members.push((name, kind));
            }
        }
    }
    Some((template, members))
}

fn name_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Uuid => "uuid",
        Kind::Date | Kind::DateTime => "date",
        Kind::Integer(..) | Kind::Number | Kind::Boolean | Kind::OneOf(_) | Kind::Token(..) => "id",
    }
}

/// An argument: where it stands, and its name as a profile has it, or as it is where that cannot be written.
type Named = (Place, Result<String, Vec<u8>>);

#[derive(Debug, Default)]
struct School {
    severities: HashMap<u32, u8>,
    seen: HashSet<u64>,
    routes: BTreeMap<(Vec<u8>, String), Class>,
    arguments: usize,
    repeated: usize,
    suspect: usize,
    odd: usize,
    taught: usize,
    beyond: usize,
}

/// What is known of a route.
#[derive(Debug, Default)]
struct Class {
    members: Vec<(String, Kind)>,
    pupils: BTreeMap<Named, Pupil>,
}

impl School {
    /// The arguments of a request that may teach.
    fn teaches(&self, seen: Seen) -> Option<Vec<(Named, Vec<u8>)>> {
        let record = seen.record;
        let is_decoded = record.matches.iter().any(|own| own.variable.ends_with(b")"));
        let is_fault = record.interruption.as_ref().is_some_and(|own| own.rule.is_none());
        let ended_by = record.interruption.as_ref().and_then(|own| own.rule);
        let trace = record.trace?;
        if is_decoded || is_fault || trace.missing > 0 {
            return None;
        }
        let arguments = arguments(&trace);
        let reading = story::read(trace);
        let is_serious = |story: &&Story| {
            let severity = self.severities.get(&story.id).is_some_and(|own| *own <= SEVERITY_MAX);
            story.matched && (severity || story.added() > 0 || ended_by == Some(story.id))
        };
        reading.stories.iter().filter(is_serious).all(is_harmless).then_some(arguments)
    }

    fn take(&mut self, method: &[u8], (path, members): Route, arguments: Vec<(Named, Vec<u8>)>) {
        let key = (method.to_vec(), path);
        if self.routes.len() >= ROUTES_MAX && !self.routes.contains_key(&key) {
            self.beyond += 1;
            return;
        }
        self.taught += 1;
        let class = self.routes.entry(key).or_default();
        class.members = members;
        let mut names = BTreeSet::new();
        for (name, value) in arguments {
            if !class.pupils.contains_key(&name) {
                if self.arguments >= ARGUMENTS_MAX {
                    self.beyond += 1;
                    continue;
                }
                self.arguments += 1;
            }
            let pupil = class.pupils.entry(name.clone()).or_default();
            pupil.learn(&value, names.insert(name));
        }
    }

    fn draft(self, lesson: &Lesson<'_>) -> Draft {
        let mut draft = Draft::default();
        let all = lesson.requests.len();
        draft.note(format!(
            "Learned from {} of {all} requests; an argument has to be in {} of them.",
            self.taught, lesson.least
        ));
        for (count, why) in [
            (self.repeated, "The same as one before"),
            (self.suspect, "Taken for an attack, and taught nothing"),
            (self.odd, "With a path in an odd spelling, and taught nothing"),
            (self.beyond, "Beyond what is learned"),
        ] {
            if count > 0 {
                draft.note(format!("{why}: {count}."));
            }
        }
        for ((method, path), Class { members, pupils }) in self.routes {
            let Ok(method) = std::str::from_utf8(&method) else { continue };
            let mut lines: Vec<Line> =
                pupils.into_iter().map(|(key, pupil)| pupil.line(key, lesson.least)).collect();
            if lines.is_empty() {
                continue;
            }
            lines.extend(members.into_iter().map(|(name, kind)| Line {
                word: "path",
                name: name.into_bytes(),
                kind: Ok(kind),
                about: None,
            }));
            draft.route(method, &path, lines);
        }
        draft
    }
}

/// Whether all that a rule found are arguments with a value that cannot be an attack wherever it stands, or
/// what other rules have left.
fn is_harmless(story: &Story) -> bool {
    let is_argument = |name: &[u8]| {
        ["ARGS:", "ARGS_GET:", "ARGS_POST:", "MATCHED_VAR"]
            .iter()
            .any(|own| name.starts_with(own.as_bytes()))
    };
    // Of a line with many values not all are kept.
    let is_whole = story.links.iter().all(|link| link.values.len() < Trace::VALUES_MAX);
    let harmless = |value: &story::ValueStory| {
        value.name.starts_with(b"TX")
            || (is_argument(&value.name) && Kind::plain(&value.received).is_some())
    };
    is_whole && story.hits().next().is_some() && story.hits().all(|(_, value)| harmless(value))
}

/// An empty value says nothing of its type.
fn arguments(trace: &Trace) -> Vec<(Named, Vec<u8>)> {
    let mut found = Vec::new();
    for event in &trace.events {
        let Event::Argument(source, own) = event else { continue };
        let place = match source {
            Source::Query => Place::Query,
            Source::Form | Source::Multipart => Place::Form,
            Source::Json => Place::Json,
        };
        let name = place.written(&own.name).ok_or_else(|| own.name.clone());
        if !own.value.is_empty() {
            found.push(((place, name), own.value.clone()));
        }
    }
    found
}

/// What is known of an argument.
#[derive(Debug, Default)]
struct Pupil {
    requests: u32,
    values: usize,
    longest: usize,
    shortest: usize,
    /// Of the types without words and bounds those that all values are of. `None`: nothing was seen yet.
    plain: Option<Vec<Kind>>,
    /// The values and how often each; `None`: there are too many for words.
    words: Option<BTreeMap<Vec<u8>, usize>>,
    /// `None`: one value is no token.
    alphabet: Option<Alphabet>,
}

impl Pupil {
    fn learn(&mut self, value: &[u8], is_first: bool) {
        let bytes = value.len();
        if self.values == 0 {
            self.shortest = bytes;
            self.words = Some(BTreeMap::new());
            self.alphabet = Some(Alphabet::default());
        }
        self.values += 1;
        self.requests += u32::from(is_first);
        self.longest = self.longest.max(bytes);
        self.shortest = self.shortest.min(bytes);
        self.plain.get_or_insert_with(|| Kind::PLAIN.to_vec()).retain(|kind| kind.admits(value));
        let own = Alphabet::of(value).filter(|own| {
            Kind::token(*own, 1, TOKEN_BYTES_MAX).is_ok_and(|kind| kind.admits(value))
        });
        self.alphabet = self.alphabet.zip(own).map(|(all, own)| all.or(own));
        if let Some(words) = &mut self.words {
            *words.entry(value.to_vec()).or_default() += 1;
            if words.len() > WORDS_MAX || bytes > TOKEN_BYTES_MAX {
                self.words = None;
            }
        }
    }

    fn line(self, (place, name): Named, least: u32) -> Line {
        let about = format!(
            "values: {}, requests: {}, bytes: {} to {}",
            self.values, self.requests, self.shortest, self.longest
        );
        let kind = match &name {
            Ok(_) => self.kind(least).map_err(|why| format!("{about}; {why}")),
            Err(_) => Err("its name cannot be written".to_owned()),
        };
        let name = name.map_or_else(|raw| raw, String::into_bytes);
        Line { word: place.word(), name, kind, about: Some(about) }
    }

    fn kind(&self, least: u32) -> Result<Kind, String> {
        if self.requests < least {
            return Err("too few".to_owned());
        }
        if let Some(kind) = self.plain.iter().flatten().next() {
            return Ok(kind.clone());
        }
        if let Some(words) = &self.words
            && words
                .values()
                .all(|count| *count > 1 && count.saturating_mul(SHARE_OF_A_WORD) >= self.values)
        {
            return Kind::one_of(words.keys().map(Vec::as_slice))
                .map_err(|_unsafe| "that could be an attack".to_owned());
        }
        let token = self.alphabet.map(|own| Kind::token(own, self.shortest, self.longest));
        match token {
            Some(Ok(kind)) => Ok(kind),
            Some(Err(_)) | None => Err("free text".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;

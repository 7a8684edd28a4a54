//! Static content.
//!
//! Invariants: what is opened lies beneath the site's root, whatever links say; what
//! [`names`] lists is not served under any spelling; there are no directory listings; a file that is
//! gone or changed is served for a second at most from memory.

pub(crate) mod cache;
mod conditional;
mod encoding;
mod names;
pub(crate) mod path;
mod range;
mod stream;
mod types;

use crate::answer;
use crate::body::OutBody;
use crate::coder::Coding;
use crate::exchange::Exchange;
use crate::guard::head::Head;
use crate::inspect::{Permit, Stop};
use crate::refusal::Reason;
use crate::route::path_and_query;
use crate::upstream::asked::encode;
use burgrave_config::Files;
use burgrave_sys::Kind;
use bytes::Bytes;
use cache::{Content, Entry};
use conditional::Outcome;
pub(crate) use encoding::coding_for;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, LAST_MODIFIED, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use path::Name;
use range::Range;
use std::rc::Rc;
pub(crate) use stream::FileStream;

/// Fields that an answer has room for at once; most have fewer in the end.
const FIELDS: usize = 12;

/// What a directory is served as.
const INDEX: &[u8] = b"index.html";

/// Serves a file of the exchange's site.
pub(crate) fn serve(_permit: Permit, exchange: &Exchange) -> Result<Response<OutBody>, Stop> {
    let head = &exchange.head;
    let site = exchange.site.ok_or(Reason::NotFound)?;
    if exchange.plan.sites.get(site).is_none_or(|plan| plan.root.is_none()) {
        return Err(Reason::NotFound.into());
    }
    if !matches!(head.method(), b"GET" | b"HEAD") {
        return Err(Reason::FileMethod.into());
    }
    let (path, query) = path_and_query(head.target());
    let mut name = path::resolve(path)?;
    if name.directory {
        push_segment(&mut name.bytes, INDEX);
    }
    let entry = match open(exchange, site, &name.bytes) {
        Err(Reason::NotFound) => return fall_back(exchange, site),
        other => other?,
    };
    match entry.facts.kind {
        Kind::Directory if name.directory => Err(Reason::NotFound.into()),
        Kind::Link | Kind::Other => Err(Reason::NotFound.into()),
        Kind::Directory => {
            let mut index = name.bytes.clone();
            push_segment(&mut index, INDEX);
            open(exchange, site, &index)?;
            to_slash(&name, query)
        }
        Kind::File => send(exchange, site, &name.bytes, &entry),
    }
}

/// What a path that names no file is served as.
fn fall_back(exchange: &Exchange, site: usize) -> Result<Response<OutBody>, Stop> {
    let files = exchange.plan.sites.get(site).and_then(|plan| plan.site.files.as_ref());
    let fallback = files.and_then(|files| files.fallback.as_deref()).ok_or(Reason::NotFound)?;
    let name = path::resolve(fallback.as_bytes())?;
    let entry = open(exchange, site, &name.bytes)?;
    match entry.facts.kind {
        Kind::File => send(exchange, site, &name.bytes, &entry),
        Kind::Directory | Kind::Link | Kind::Other => Err(Reason::NotFound.into()),
    }
}

/// The site's own page for a status, if it has one that is there.
pub(crate) fn error_page(exchange: &Exchange, status: StatusCode) -> Option<Response<OutBody>> {
    let site = exchange.site?;
    let files = exchange.plan.sites.get(site)?.site.files.as_ref()?;
    let name = path::resolve(files.pages.get(&status.as_u16())?.as_bytes()).ok()?;
    let entry = open(exchange, site, &name.bytes).ok()?;
    let Content::Memory(bytes, _) = &entry.content else { return None };
    let mut response = Response::new(OutBody::Whole(bytes.clone()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(entry.kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

fn push_segment(name: &mut Vec<u8>, segment: &[u8]) {
    if !name.is_empty() {
        name.push(b'/');
    }
    name.extend_from_slice(segment);
}

fn open(exchange: &Exchange, site: usize, name: &[u8]) -> Result<Rc<Entry>, Reason> {
    exchange.worker.files.open(&exchange.plan, site, name)
}

/// Sends the client from `/dir` to `/dir/`, where a script answers.
pub(crate) fn to_directory(
    _permit: Permit,
    exchange: &Exchange,
    name: &Name,
) -> Result<Response<OutBody>, Stop> {
    to_slash(name, path_and_query(exchange.head.target()).1)
}

/// From `/dir` to `/dir/`. The name was resolved, so it has one slash in front and none follows.
fn to_slash(name: &Name, query: Option<&[u8]>) -> Result<Response<OutBody>, Stop> {
    let mut location = Vec::from(&b"/"[..]);
    for byte in &name.bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            location.push(*byte);
        } else {
            location.push(b'%');
            crate::log::json::hex(&mut location, *byte);
        }
    }
    location.push(b'/');
    if let Some(query) = query {
        location.push(b'?');
        encode(&mut location, query);
    }
    let location = HeaderValue::from_maybe_shared(Bytes::from(location)).ok();
    let location = location.ok_or(Reason::Target)?;
    Ok(answer::redirect(StatusCode::MOVED_PERMANENTLY, location))
}

/// The file or its best precompressed sibling, as the request's conditions and range want it.
fn send(
    exchange: &Exchange,
    site: usize,
    name: &[u8],
    plain: &Rc<Entry>,
) -> Result<Response<OutBody>, Stop> {
    let head = &exchange.head;
    let (entry, coding) = best_coding(exchange, site, name, plain);
    let mut response = Response::new(OutBody::Empty);
    *response.headers_mut() = HeaderMap::with_capacity(FIELDS);
    let headers = response.headers_mut();
    let files = exchange.plan.sites.get(site).and_then(|plan| plan.site.files.as_ref());
    let packable = coding.is_none() && files.is_some_and(|files| files.compress);
    let packed = packable.then(|| packed(head, &entry)).flatten();
    let etag = match &packed {
        // Another representation has another tag (RFC 9110 §8.8.3).
        Some((coding, _)) => tagged(&entry.etag, *coding)?,
        None => entry.etag.clone(),
    };
    if let Some(value) = kept(files, plain.kind) {
        headers.insert(CACHE_CONTROL, value);
    }
    headers.insert(ETAG, etag.clone());
    headers.insert(LAST_MODIFIED, entry.modified.clone());
    if plain.siblings != 0 || (packable && types::is_text(plain.kind)) {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    match conditional::evaluate(head, etag.as_bytes(), entry.facts.modified_secs) {
        Outcome::Failed => return Err(Reason::Precondition.into()),
        Outcome::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        Outcome::Send => {}
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(plain.kind));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some((coding, packed)) = packed {
        headers.remove(ACCEPT_RANGES);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(packed.len()));
        *response.body_mut() = OutBody::Whole(packed);
        return Ok(response);
    }
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    send_part(exchange, &entry, response)
}

/// The content in the coding that the client likes best, unless it asks for a part.
fn packed(head: &Head, entry: &Entry) -> Option<(Coding, Bytes)> {
    let coding = coding_for(&head.list(b"accept-encoding")?)?;
    head.field(b"range").is_none().then(|| Some((coding, entry.coded(coding)?)))?
}

fn tagged(etag: &HeaderValue, coding: Coding) -> Result<HeaderValue, Reason> {
    let plain = etag.as_bytes().strip_suffix(b"\"").ok_or(Reason::FileFault)?;
    let tag = [plain, b"-", coding.name().as_bytes(), b"\""].concat();
    HeaderValue::from_bytes(&tag).ok().ok_or(Reason::FileFault)
}

/// How long browsers keep it.
fn kept(files: Option<&Files>, kind: &str) -> Option<HeaderValue> {
    let time = files?.cache?;
    if kind.starts_with("text/html") {
        return Some(HeaderValue::from_static("no-cache"));
    }
    HeaderValue::try_from(format!("public, max-age={}", time.as_secs())).ok()
}

/// All of the file, or the range that is asked for.
fn send_part(
    exchange: &Exchange,
    entry: &Rc<Entry>,
    mut response: Response<OutBody>,
) -> Result<Response<OutBody>, Stop> {
    let (head, size) = (&exchange.head, entry.facts.size);
    let (start, length) = match asked(head, entry) {
        Range::Whole => (0, size),
        Range::Part { start, length } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let value = format!("bytes {start}-{}/{size}", start + length - 1);
            set(&mut response, value)?;
            (start, length)
        }
        Range::Unsatisfiable => {
            let reader = answer::Reader { id: &exchange.id, json: false };
            let mut refused = answer::page(StatusCode::RANGE_NOT_SATISFIABLE, reader);
            set(&mut refused, format!("bytes */{size}"))?;
            return Ok(refused);
        }
    };
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    let many = head.version.multiplexes();
    *response.body_mut() = content(entry, start, length, many)?;
    if let Some(file) = entry.source().filter(|_| !many) {
        exchange.client.wire.comes_from(file);
    }
    Ok(response)
}

/// The range that counts: of a GET, for this very content.
fn asked(head: &Head, entry: &Entry) -> Range {
    let holds = conditional::range_holds(head, entry.etag.as_bytes(), entry.facts.modified_secs);
    if holds && head.method() == b"GET" {
        range::parse(head.field(b"range"), entry.facts.size)
    } else {
        Range::Whole
    }
}

fn set(response: &mut Response<OutBody>, content_range: String) -> Result<(), Stop> {
    let value = HeaderValue::try_from(content_range).ok().ok_or(Reason::Range)?;
    response.headers_mut().insert(CONTENT_RANGE, value);
    Ok(())
}

fn content(entry: &Rc<Entry>, start: u64, length: u64, many: bool) -> Result<OutBody, Reason> {
    match &entry.content {
        Content::Memory(bytes, _) => {
            let start = usize::try_from(start).ok().ok_or(Reason::Range)?;
            let length = usize::try_from(length).ok().ok_or(Reason::Range)?;
            let end = start.saturating_add(length).min(bytes.len());
            Ok(OutBody::Whole(bytes.slice(start.min(end)..end)))
        }
        Content::Disk(_) => {
            Ok(OutBody::File(FileStream::new(Rc::clone(entry), start, length, many)))
        }
    }
}

fn best_coding(
    exchange: &Exchange,
    site: usize,
    name: &[u8],
    plain: &Rc<Entry>,
) -> (Rc<Entry>, Option<&'static str>) {
    if plain.siblings != 0 {
        let accepted = exchange.head.list(b"accept-encoding").unwrap_or_default();
        for coding in encoding::preferred(&accepted, plain.siblings) {
            let sibling = [name, coding.suffix()].concat();
            if let Ok(entry) = open(exchange, site, &sibling)
                && entry.facts.kind == Kind::File
            {
                return (entry, Some(coding.name()));
            }
        }
    }
    (Rc::clone(plain), None)
}

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
use crate::exchange::Exchange;
use crate::guard::head::{Head, Version};
use crate::inspect::{Permit, Stop};
use crate::refusal::Reason;
use crate::route::path_and_query;
use burgrave_sys::Kind;
use bytes::Bytes;
use cache::{Content, Entry};
use conditional::Outcome;
use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    LAST_MODIFIED, VARY,
};
use http::{HeaderValue, Response, StatusCode};
use path::Name;
use range::Range;
use std::rc::Rc;
pub(crate) use stream::FileStream;

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
    let entry = open(exchange, site, &name.bytes)?;
    match entry.facts.kind {
        Kind::Directory if name.directory => Err(Reason::NotFound.into()),
        Kind::Link | Kind::Other => Err(Reason::NotFound.into()),
        Kind::Directory => {
            let mut index = name.bytes.clone();
            push_segment(&mut index, INDEX);
            open(exchange, site, &index)?;
            to_directory(&name, query)
        }
        Kind::File => send(exchange, site, &name.bytes, &entry),
    }
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

/// From `/dir` to `/dir/`. The name was resolved, so it has one slash in front and none follows.
fn to_directory(name: &Name, query: Option<&[u8]>) -> Result<Response<OutBody>, Stop> {
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
        location.extend_from_slice(query);
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
    let headers = response.headers_mut();
    headers.insert(ETAG, entry.etag.clone());
    headers.insert(LAST_MODIFIED, entry.modified.clone());
    if plain.siblings != 0 {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    match conditional::evaluate(head, entry.etag.as_bytes(), entry.facts.modified_secs) {
        Outcome::Failed => return Err(Reason::Precondition.into()),
        Outcome::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        Outcome::Send => {}
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(plain.kind));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    send_part(exchange, &entry, response)
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
    let many = head.version == Version::Http2;
    *response.body_mut() = content(entry, start, length, many)?;
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
        Content::Memory(bytes) => {
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
        let accepted = exchange.head.field(b"accept-encoding").unwrap_or_default();
        for coding in encoding::preferred(accepted, plain.siblings) {
            let sibling = [name, coding.suffix].concat();
            if let Ok(entry) = open(exchange, site, &sibling)
                && entry.facts.kind == Kind::File
            {
                return (entry, Some(coding.name));
            }
        }
    }
    (Rc::clone(plain), None)
}

//! What arrives before the body, and the variables made of it.

use super::{Connection, RequestLine, Transaction};
use crate::plan::Processor;
use crate::strings::{StrId, write_number};
use crate::trace::Source;
use crate::transaction::state::{Entry, entry};
use crate::transform::url_decode;
use crate::variable::Variable;
use burgrave_parse::{cookies, form};
use std::net::IpAddr;

/// Cookies looked at in one request.
const COOKIES_MAX: usize = 1_000;
/// Headers looked at; the gateway's own limit is far lower.
const HEADERS_MAX: usize = 10_000;

impl Transaction {
    pub(super) fn set_connection(&mut self, connection: Connection, unique_id: &str) {
        let Connection { client, server } = connection;
        let client_address = self.address_id(client.0);
        let server_address = self.address_id(server.0);
        let [no, nothing] = [self.strings.intern(b"0"), StrId::EMPTY];
        for (variable, id) in [
            (Variable::RemoteAddr, client_address),
            (Variable::RemoteHost, client_address),
            (Variable::ServerAddr, server_address),
            (Variable::InboundDataError, no),
            (Variable::OutboundDataError, no),
            (Variable::ReqbodyError, no),
            (Variable::ReqbodyProcessorError, no),
            (Variable::UrlencodedError, no),
            (Variable::ArgsCombinedSize, no),
            (Variable::FilesCombinedSize, no),
            (Variable::ReqbodyProcessor, nothing),
            (Variable::ReqbodyErrorMsg, nothing),
        ] {
            self.state.set_id(variable, Some(id));
        }
        for (variable, port) in [(Variable::RemotePort, client.1), (Variable::ServerPort, server.1)]
        {
            self.state.set_number(variable, usize::from(port), &mut self.strings);
        }
        self.state.set(Variable::UniqueId, unique_id.as_bytes(), &mut self.strings);
        self.state.set(Variable::WebappId, &self.rules.settings.webapp_id, &mut self.strings);
        self.state.set(Variable::ModsecBuild, b"030000000", &mut self.strings);
    }

    /// An address as text; one of version 4 within version 6 as itself.
    fn address_id(&mut self, address: IpAddr) -> StrId {
        let IpAddr::V4(address) = address.to_canonical() else {
            return self.strings.intern(address.to_string().as_bytes());
        };
        self.room.clear();
        for octet in address.octets() {
            write_number(i64::from(octet), &mut self.room);
            self.room.push(b'.');
        }
        self.room.pop();
        self.strings.intern(&self.room)
    }

    pub(super) fn take_request_line(&mut self, line: &RequestLine<'_>) {
        let whole = [line.method, line.target, line.protocol].join(&b' ');
        let unframed = line.target.split(|&byte| byte == b'#').next().unwrap_or_default();
        let raw_uri = without_authority(unframed);
        let path_end = memchr::memchr(b'?', raw_uri).unwrap_or(raw_uri.len());
        let (raw_path, raw_query) = raw_uri.split_at(path_end);
        let query = raw_query.get(1..).unwrap_or_default();
        let path = percent_decoded(raw_path);
        let uri = [&path, raw_query].concat();
        let base_at = path.iter().rposition(|byte| matches!(byte, b'/' | b'\\'));
        let base = path.get(base_at.map_or(0, |at| at + 1)..).unwrap_or_default();
        for (variable, value) in [
            (Variable::RequestMethod, line.method),
            (Variable::RequestProtocol, line.protocol),
            (Variable::RequestUriRaw, line.target),
            (Variable::RequestLine, &whole),
            (Variable::RequestUri, &uri),
            (Variable::PathInfo, &path),
            (Variable::RequestFilename, &path),
            (Variable::RequestBasename, base),
            (Variable::QueryString, query),
        ] {
            self.state.set(variable, value, &mut self.strings);
        }
        let (pairs, more) = form::pairs(
            query,
            self.rules.settings.argument_separator,
            self.rules.settings.arguments_max,
        );
        self.left_out |= more;
        if form::has_bad_escape(query) {
            self.state.set_flag(Variable::UrlencodedError, true, &mut self.strings);
        }
        for (name, value) in pairs {
            let made = self.decoded_entry(name, value);
            self.tell_argument(Source::Query, made);
            self.state.args_get.push(made);
        }
        self.count_arguments();
    }

    pub(super) fn decoded_entry(&mut self, name: &[u8], value: &[u8]) -> Entry {
        let key = self.decoded(name);
        let lower = self.lower_id(key);
        Entry { key, lower, value: self.decoded(value) }
    }

    fn decoded(&mut self, text: &[u8]) -> StrId {
        self.room.clear();
        url_decode(text, &mut self.room);
        self.strings.intern(&self.room)
    }

    /// `ARGS_COMBINED_SIZE`: names and values, decoded.
    pub(super) fn count_arguments(&mut self) {
        let all = self.state.args_get.iter().chain(&self.state.args_post);
        let size = all
            .map(|arg| self.strings.get(arg.key).len() + self.strings.get(arg.value).len())
            .sum();
        self.state.set_number(Variable::ArgsCombinedSize, size, &mut self.strings);
    }

    pub(super) fn take_request_header(&mut self, name: &[u8], value: &[u8]) {
        if self.state.request_headers.len() >= HEADERS_MAX {
            self.left_out = true;
            return;
        }
        let made = entry(name, value, &mut self.strings);
        self.state.request_headers.push(made);
        if name.eq_ignore_ascii_case(b"cookie") {
            let room = COOKIES_MAX.saturating_sub(self.state.cookies.len());
            let found = cookies::pairs(value, room + 1);
            self.left_out |= found.len() > room;
            for (name, value) in found.into_iter().take(room) {
                let made = entry(name, value, &mut self.strings);
                self.state.cookies.push(made);
            }
        } else if name.eq_ignore_ascii_case(b"authorization") {
            let kind = value.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            self.state.set(Variable::AuthType, kind, &mut self.strings);
            if let Some(user) = basic_user(value) {
                self.state.set(Variable::RemoteUser, &user, &mut self.strings);
            }
        } else if name.eq_ignore_ascii_case(b"host") {
            self.state.set(Variable::ServerName, host_name(value), &mut self.strings);
        }
    }

    /// Which body processor the content type asks for, before any rule may choose another.
    pub(super) fn finish_request_headers(&mut self) {
        let Some(content_type) = self.request_header_value(b"content-type") else { return };
        let starts = |prefix: &[u8]| {
            content_type.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if starts(b"application/x-www-form-urlencoded") {
            self.set_processor(Processor::Urlencoded);
        } else if starts(b"multipart/form-data") {
            self.set_processor(Processor::Multipart);
        }
    }

    pub(super) fn set_processor(&mut self, processor: Processor) {
        self.processor = Some(processor);
        self.state.set(Variable::ReqbodyProcessor, processor.name().as_bytes(), &mut self.strings);
    }

    /// The first header of this lower-case name.
    pub(super) fn request_header_value(&self, lower: &[u8]) -> Option<Vec<u8>> {
        let lower = self.strings.find(lower)?;
        let found = self.state.request_headers.iter().find(|header| header.lower == lower)?;
        Some(self.strings.get(found.value).to_vec())
    }
}

/// As a web server decodes a path: a plus sign stays.
fn percent_decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for (index, part) in path.split(|&byte| byte == b'+').enumerate() {
        if index > 0 {
            out.push(b'+');
        }
        url_decode(part, &mut out);
    }
    out
}

/// `http://host/path` is `/path`.
pub(super) fn without_authority(target: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(target, b"://") else { return target };
    let is_scheme =
        |scheme: &[u8]| !scheme.is_empty() && scheme.iter().all(u8::is_ascii_alphanumeric);
    if !target.get(..at).is_some_and(is_scheme) {
        return target;
    }
    let rest = target.get(at + 3..).unwrap_or_default();
    match rest.iter().position(|byte| matches!(byte, b'/' | b'?')) {
        Some(path) => rest.get(path..).unwrap_or_default(),
        None => b"/",
    }
}

/// The user name of Basic authentication (RFC 7617), as the client claims it.
fn basic_user(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, credentials) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let mut pair = Vec::new();
    (crate::transform::find("base64Decode")?.apply)(credentials.trim_ascii(), &mut pair);
    let end = memchr::memchr(b':', &pair)?;
    pair.truncate(end);
    Some(pair)
}

/// Without the port.
fn host_name(value: &[u8]) -> &[u8] {
    if value.starts_with(b"[") {
        let end = memchr::memchr(b']', value).map_or(value.len(), |end| end + 1);
        return value.get(..end).unwrap_or_default();
    }
    value.split(|&byte| byte == b':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_targets_and_hosts() {
        for (target, uri) in [
            ("/a?b=http://c", "/a?b=http://c"),
            ("http://h/a?b", "/a?b"),
            ("http://h", "/"),
            ("http://h?x", "?x"),
            ("*", "*"),
            ("://x", "://x"),
        ] {
            assert_eq!(without_authority(target.as_bytes()), uri.as_bytes(), "{target}");
        }
        for (host, name) in [("a:80", "a"), ("a", "a"), ("[::1]:80", "[::1]"), ("", "")] {
            assert_eq!(host_name(host.as_bytes()), name.as_bytes(), "{host}");
        }
    }
}

//! The request's body, read by its processor.

use super::{Fault, Transaction};
use crate::plan::Processor;
use crate::strings::Strings;
use crate::trace::{Event, Source, shown};
use crate::transaction::state::{Entry, entry};
use crate::variable::Variable;
use burgrave_parse::{Malformed, form, json, multipart, xml};

const XML_LIMITS: xml::Limits =
    xml::Limits { depth_max: 256, nodes_max: 200_000, text_bytes_max: 32 * 1024 * 1024 };
const MULTIPART_LIMITS: multipart::Limits =
    multipart::Limits { parts_max: 1_000, headers_max: 32, header_bytes_max: 8 * 1024 };

/// Bytes by which a text is told from a file.
const TEXT_BYTES_SEEN: usize = 64;

fn begins_as_text(body: &[u8]) -> bool {
    let start = body.get(..body.len().min(TEXT_BYTES_SEEN)).unwrap_or_default();
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    // A character that is cut at the end is no error.
    let is_utf8 = match std::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && !start.iter().any(is_control)
}

/// The values of a document, as arguments; nothing where it is malformed.
fn members_of_json(
    body: &[u8],
    limits: json::Limits,
    members: &mut Vec<Entry>,
    strings: &mut Strings,
) -> Result<(), Malformed> {
    let before = members.len();
    let take = |path: &[u8], value: &[u8]| members.push(entry(path, value, strings));
    json::read(body, limits, take).inspect_err(|_| members.truncate(before))
}

/// Whether a body is lines of JSON, whose values are then arguments: of one document over all lines, or of one document a
/// line.
fn lines_of_json(
    body: &[u8],
    limits: json::Limits,
    members: &mut Vec<Entry>,
    strings: &mut Strings,
) -> bool {
    if !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return false;
    }
    if members_of_json(body, limits, members, strings).is_ok() {
        return true;
    }
    let before = members.len();
    for line in body.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let values_max = limits.values_max.saturating_sub(members.len() - before);
        let limits = json::Limits { values_max, ..limits };
        if members_of_json(line, limits, members, strings).is_err() {
            members.truncate(before);
            return false;
        }
    }
    true
}

/// `SecRequestBodyNoFilesLimit` of a multipart form where no rule file sets one.
const NO_FILES_LIMIT_DEFAULT: usize = 1_048_576;

impl Transaction {
    pub(super) fn read_request_body(&mut self) -> Result<(), Fault> {
        if !self.wants_request_body() {
            self.tell(|own| {
                let why = if own.rules.settings.request_body {
                    "a control switched it off"
                } else {
                    "it is switched off"
                };
                Event::NotInspected("request", why.to_owned())
            });
            return Ok(());
        }
        let body = std::mem::take(&mut self.request_body);
        self.keep_body(&body);
        self.state.set_number(Variable::RequestBodyLength, body.len(), &mut self.strings);
        let without = self.processor.is_some_and(|processor| processor != Processor::Multipart);
        let limit = self.rules.settings.request_body_no_files_limit;
        let over = without && limit.is_some_and(|limit| body.len() > limit);
        if over {
            self.over_no_files_limit();
        }
        match self.processor {
            _ if body.is_empty() || over => {}
            Some(Processor::Urlencoded) => self.read_form(&body),
            Some(Processor::Multipart) => self.read_multipart(&body),
            Some(Processor::Json) => self.read_json(&body),
            Some(Processor::Xml) => self.read_xml(&body),
            Some(Processor::Text) => self.read_text(&body),
            None => {}
        }
        // What its processor could not read is looked at as it is.
        let unread = self.scalar(Variable::ReqbodyProcessorError).as_deref() == Some(b"1");
        let raw = match self.processor {
            Some(Processor::Multipart | Processor::Xml) => unread || self.force_request_body,
            Some(Processor::Text) => false,
            Some(Processor::Urlencoded | Processor::Json) | None => true,
        };
        if raw {
            self.state.set(Variable::RequestBody, &body, &mut self.strings);
        }
        self.count_arguments();
        self.check_memory()
    }

    fn read_form(&mut self, body: &[u8]) {
        let room = self.rules.settings.arguments_max.saturating_sub(self.state.args_get.len());
        let (pairs, more) = form::pairs(body, self.rules.settings.argument_separator, room);
        if more {
            self.body_error("form has more arguments than the limit");
        }
        if form::has_bad_escape(body) {
            self.state.set_flag(Variable::UrlencodedError, true, &mut self.strings);
        }
        for (name, value) in pairs {
            let made = self.decoded_entry(name, value);
            self.tell_argument(Source::Form, made);
            self.state.args_post.push(made);
        }
    }

    fn read_json(&mut self, body: &[u8]) {
        let (limits, before) = (self.json_limits(), self.state.args_post.len());
        let members = &mut self.state.args_post;
        if let Err(error) = members_of_json(body, limits, members, &mut self.strings) {
            self.body_error(&error.0);
        }
        for at in before..self.state.args_post.len() {
            if let Some(made) = self.state.args_post.get(at).copied() {
                self.tell_argument(Source::Json, made);
            }
        }
    }

    fn json_limits(&self) -> json::Limits {
        json::Limits {
            depth_max: self.rules.settings.json_depth_max,
            values_max: self.rules.settings.arguments_max.saturating_sub(self.state.args_get.len()),
        }
    }

    /// A body of a type that no other processor reads: lines of JSON as their values, any other text as
    /// one argument, `body`. What begins with bytes of no text is a file, and passed as uploads are.
    fn read_text(&mut self, body: &[u8]) {
        if !begins_as_text(body) {
            return;
        }
        let (limits, members) = (self.json_limits(), &mut self.state.args_post);
        if !lines_of_json(body, limits, members, &mut self.strings) {
            members.push(entry(b"body", body, &mut self.strings));
        }
    }

    fn read_xml(&mut self, body: &[u8]) {
        match xml::Document::parse(body, XML_LIMITS) {
            Ok(document) => {
                if let Some(doctype) = document.doctype() {
                    self.state.set(Variable::XmlDoctype, doctype, &mut self.strings);
                }
                self.state.xml = Some(document);
            }
            Err(error) => self.body_error(&error.0),
        }
    }

    fn read_multipart(&mut self, body: &[u8]) {
        let content_type = self.request_header_value(b"content-type").unwrap_or_default();
        let read = multipart::parse(&content_type, body, MULTIPART_LIMITS);
        if !read.boundary.is_empty() {
            self.tell(|_| Event::Boundary(shown(&read.boundary), read.boundary_has_more));
        }
        // A body cut at the limit has no end: that is no error of the client's.
        if let Some(error) = read.error.as_ref().filter(|_| !self.request_body_cut) {
            self.body_error(&error.0);
        }
        self.set_oddities(&read.oddities, read.error.is_some());
        if let Some(part) = &read.incomplete {
            for line in &part.headers {
                let made = entry(&part.name, line, &mut self.strings);
                self.state.part_headers.push(made);
            }
        }
        let mut file_bytes = 0;
        for part in &read.parts {
            let content = body.get(part.content.clone()).unwrap_or_default();
            self.take_part(part, content);
            if part.filename.is_some() {
                file_bytes += content.len();
            }
        }
        self.state.set_number(Variable::FilesCombinedSize, file_bytes, &mut self.strings);
        let limit = self.rules.settings.request_body_no_files_limit;
        if body.len() - file_bytes > limit.unwrap_or(NO_FILES_LIMIT_DEFAULT) {
            self.over_no_files_limit();
        }
    }

    fn take_part(&mut self, part: &multipart::Part, content: &[u8]) {
        let strings = &mut self.strings;
        for line in &part.headers {
            let made = entry(&part.name, line, strings);
            self.state.part_headers.push(made);
        }
        self.state.multipart_names.push(entry(&part.name, &part.name, strings));
        let Some(filename) = &part.filename else {
            let made = entry(&part.name, content, strings);
            self.tell_argument(Source::Multipart, made);
            self.state.args_post.push(made);
            return;
        };
        self.state.files.push(entry(&part.name, filename, strings));
        self.state.multipart_filenames.push(entry(&part.name, filename, strings));
        let size = content.len().to_string();
        self.state.files_sizes.push(entry(&part.name, size.as_bytes(), strings));
        if self.rules.reads_file_content {
            self.state.files_content.push(entry(&part.name, content, strings));
        }
    }

    fn set_oddities(&mut self, odd: &multipart::Oddities, failed: bool) {
        for (variable, flag) in [
            (Variable::MultipartBoundaryQuoted, odd.boundary_quoted),
            (Variable::MultipartBoundaryWhitespace, odd.boundary_whitespace),
            (Variable::MultipartCrlfLfLines, odd.crlf_line && odd.lf_line),
            (Variable::MultipartDataAfter, odd.data_after),
            (Variable::MultipartDataBefore, odd.data_before),
            (Variable::MultipartFileLimitExceeded, false),
            (Variable::MultipartHeaderFolding, odd.header_folding),
            (Variable::MultipartInvalidHeaderFolding, odd.invalid_header_folding),
            (Variable::MultipartInvalidPart, odd.invalid_part),
            (Variable::MultipartInvalidQuoting, odd.invalid_quoting),
            (Variable::MultipartLfLine, odd.lf_line),
            (Variable::MultipartMissingSemicolon, odd.missing_semicolon),
            (Variable::MultipartSemicolonMissing, odd.missing_semicolon),
            (
                Variable::MultipartStrictError,
                odd.strict_error() || (failed && !self.request_body_cut),
            ),
        ] {
            self.state.set_flag(variable, flag, &mut self.strings);
            if flag {
                self.tell(|_| Event::Odd(variable.name()));
            }
        }
        // 2: it may have been content, for the body's own boundary came behind it.
        let unmatched =
            usize::from(odd.unmatched_boundary) + usize::from(odd.matched_after_unmatched);
        self.state.set_number(Variable::MultipartUnmatchedBoundary, unmatched, &mut self.strings);
    }

    fn over_no_files_limit(&mut self) {
        self.state.set_flag(Variable::InboundDataError, true, &mut self.strings);
        self.body_error("request body without files is longer than the limit");
    }

    /// `REQBODY_ERROR`, by which rule sets refuse what was not read whole.
    fn body_error(&mut self, why: &str) {
        self.tell(|_| Event::BodyError(why.to_owned()));
        for variable in [Variable::ReqbodyError, Variable::ReqbodyProcessorError] {
            self.state.set_flag(variable, true, &mut self.strings);
        }
        for variable in [Variable::ReqbodyErrorMsg, Variable::ReqbodyProcessorErrorMsg] {
            self.state.set(variable, why.as_bytes(), &mut self.strings);
        }
    }
}

//! What comes back, and the variables made of it.

use super::Transaction;
use crate::trace::Event;
use crate::transaction::state::entry;
use crate::variable::Variable;

/// Headers looked at.
const HEADERS_MAX: usize = 10_000;

impl Transaction {
    pub(super) fn take_response_line(&mut self, status: u16, protocol: &[u8]) {
        let status = status.to_string();
        let line = [protocol, status.as_bytes()].join(&b' ');
        self.state.set(Variable::ResponseStatus, status.as_bytes(), &mut self.strings);
        self.state.set(Variable::ResponseProtocol, protocol, &mut self.strings);
        self.state.set(Variable::StatusLine, &line, &mut self.strings);
    }

    pub(super) fn take_response_header(&mut self, name: &[u8], value: &[u8]) {
        if self.state.response_headers.len() >= HEADERS_MAX {
            return;
        }
        let made = entry(name, value, &mut self.strings);
        self.state.response_headers.push(made);
        if name.eq_ignore_ascii_case(b"content-type") {
            self.state.set(Variable::ResponseContentType, value, &mut self.strings);
        }
    }

    /// `Content-Encoding` other than `identity`.
    pub(super) fn response_is_encoded(&self) -> bool {
        let Some(name) = self.strings.find(b"content-encoding") else { return false };
        self.state.response_headers.iter().any(|header| {
            header.lower == name
                && !self.strings.get(header.value).trim_ascii().eq_ignore_ascii_case(b"identity")
        })
    }

    /// `SecResponseBodyMimeType`
    pub(super) fn response_type_is_inspected(&self) -> bool {
        let Some(id) = self.state.scalar(Variable::ResponseContentType) else { return false };
        let value = self.strings.get(id);
        let kind = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        self.rules.settings.response_types.iter().any(|wanted| wanted.eq_ignore_ascii_case(kind))
    }

    pub(super) fn read_response_body(&mut self) {
        if self.wants_response_body() {
            let body = std::mem::take(&mut self.response_body);
            self.state.set(Variable::ResponseBody, &body, &mut self.strings);
            let length = body.len();
            self.state.set_number(Variable::ResponseContentLength, length, &mut self.strings);
        } else if self.inspects_responses() {
            self.tell(|own| {
                let kind = own.scalar(Variable::ResponseContentType).unwrap_or_default();
                let kind = bstr::BStr::new(&kind);
                Event::NotInspected("response", format!("`{kind}` is no type to inspect"))
            });
        }
    }
}

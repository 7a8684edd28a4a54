//! What `sanitise…` hides: covered by asterisks, as many as there were bytes, wherever a record shows it.

use super::{Side, Transaction};
use crate::transform::url_decode;
use crate::variable::{Selector, Variable};

/// Shorter values are covered only where they stand by name: elsewhere they would cover everything.
const ANYWHERE_BYTES_MIN: usize = 4;

/// What is to be hidden.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    /// Names in lower case; `None`: all.
    arguments: Vec<Option<Vec<u8>>>,
    request_headers: Vec<Option<Vec<u8>>>,
    response_headers: Vec<Option<Vec<u8>>>,
    values: Vec<Vec<u8>>,
}

impl Hidden {
    pub(super) fn of(own: &Transaction) -> Self {
        let mut hidden = Self::default();
        for target in &own.sanitised {
            let name = match &target.selector {
                Selector::Key(key) => Some(own.strings.get(*key).to_vec()),
                Selector::All | Selector::Pattern(_) | Selector::XPath(_) => None,
            };
            own.members(target.variable, &mut |entry| {
                let is_meant =
                    name.as_ref().is_none_or(|name| own.strings.get(entry.lower) == name);
                if is_meant {
                    hidden.values.push(own.strings.get(entry.value).to_vec());
                }
            });
            hidden.values.extend(own.scalar(target.variable).map(std::borrow::Cow::into_owned));
            let arguments = [Variable::Args, Variable::ArgsGet, Variable::ArgsPost];
            if target.variable == Variable::RequestHeaders {
                hidden.request_headers.push(name);
            } else if target.variable == Variable::ResponseHeaders {
                hidden.response_headers.push(name);
            } else if arguments.contains(&target.variable) {
                hidden.arguments.push(name);
            }
        }
        hidden.values.retain(|value| !value.is_empty());
        // A value that holds another is covered whole.
        hidden.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        hidden
    }

    /// A request target: arguments by their names.
    pub(super) fn in_target(&self, target: &[u8]) -> Vec<u8> {
        let query = memchr::memchr(b'?', target).map_or(target.len(), |mark| mark + 1);
        let (path, query) = target.split_at(query);
        [self.anywhere(path), self.in_pairs(query)].concat()
    }

    /// A body: arguments by their names where it is a form, and the values themselves.
    pub(super) fn in_body(&self, body: &[u8]) -> Vec<u8> {
        if self.values.is_empty() {
            return body.to_vec();
        }
        self.covered(&self.in_pairs(body), 1)
    }

    /// A header field's value.
    pub(super) fn in_header(&self, of: Side, name: &[u8], value: &[u8]) -> Vec<u8> {
        let names = match of {
            Side::Request => &self.request_headers,
            Side::Response => &self.response_headers,
        };
        if is_in(names, name) { vec![b'*'; value.len()] } else { self.anywhere(value) }
    }

    /// Any other text.
    pub(super) fn anywhere(&self, text: &[u8]) -> Vec<u8> {
        self.covered(text, ANYWHERE_BYTES_MIN)
    }

    fn in_pairs(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        for (index, pair) in text.split(|&byte| byte == b'&').enumerate() {
            if index > 0 {
                out.push(b'&');
            }
            let equals = memchr::memchr(b'=', pair).map_or(pair.len(), |equals| equals + 1);
            let (name, value) = pair.split_at(equals);
            let mut decoded = Vec::new();
            url_decode(name.strip_suffix(b"=").unwrap_or(name), &mut decoded);
            out.extend_from_slice(name);
            if is_in(&self.arguments, &decoded) {
                out.extend(std::iter::repeat_n(b'*', value.len()));
            } else {
                out.extend_from_slice(value);
            }
        }
        out
    }

    fn covered(&self, text: &[u8], bytes_min: usize) -> Vec<u8> {
        let mut out = text.to_vec();
        for value in self.values.iter().filter(|value| value.len() >= bytes_min) {
            let places: Vec<usize> = memchr::memmem::find_iter(&out, value).collect();
            for at in places {
                out.get_mut(at..at + value.len()).unwrap_or_default().fill(b'*');
            }
        }
        out
    }
}

fn is_in(names: &[Option<Vec<u8>>], name: &[u8]) -> bool {
    names.iter().any(|wanted| wanted.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_covered_where_it_stands() {
        let hidden = Hidden {
            arguments: vec![Some(b"pass".to_vec())],
            request_headers: vec![Some(b"authorization".to_vec())],
            response_headers: Vec::new(),
            values: vec![b"secret word".to_vec(), b"ab".to_vec()],
        };
        let shown = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        for (text, expected) in [
            ("/x?pass=a%20b&passage=c", "/x?pass=*****&passage=c"),
            ("/x?p%61ss=ab&PASS=q", "/x?p%61ss=**&PASS=*"),
            ("/secret word?q=ab", "/***********?q=ab"),
            ("/x", "/x"),
        ] {
            assert_eq!(shown(hidden.in_target(text.as_bytes())), expected);
        }
        assert_eq!(
            shown(hidden.in_body(b"{\"a\":\"secret word\"}ab")),
            "{\"a\":\"***********\"}**"
        );
        for (name, value) in [("Authorization", "*****"), ("X", "Basic")] {
            let found = hidden.in_header(Side::Request, name.as_bytes(), b"Basic");
            assert_eq!(shown(found), value);
        }
        assert_eq!(shown(hidden.anywhere(b"ab secret word")), "ab ***********");
    }
}

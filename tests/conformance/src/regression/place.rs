//! Where a variable's value stands in the request as it is sent: request line, header fields, an empty
//! line, the body; each line end counts one byte. `ModSecurity`'s `ref` names these places.

use super::case::Case;
use burgrave_seclang::Named;

/// A named piece of the request.
struct Piece {
    /// `ARGS:name`, as the engine names it.
    variable: String,
    start: usize,
    /// The piece as it stands there.
    raw: usize,
    value: Vec<u8>,
}

/// All pieces of a request.
pub(super) struct Places(Vec<Piece>);

impl Places {
    pub(super) fn of(case: &Case) -> Self {
        let mut places = Self(Vec::new());
        let request = &case.request;
        let mut at = places.line(&request.method, &request.uri, &request.protocol());
        for (name, value) in request.headers() {
            places.header(name, value, at);
            at += name.len() + 2 + value.len() + 1;
        }
        let body = request.body();
        // That of the body itself is where the empty line begins.
        places.add("REQUEST_BODY", "", at, body.len(), &body);
        let kind =
            request.headers().iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        match kind.map(|(_, value)| value.as_str()) {
            Some(kind) if kind.contains("urlencoded") => places.form("ARGS_POST", &body, at + 1),
            Some(kind) if kind.starts_with("multipart/") => {
                let boundary = kind.split("boundary=").nth(1).unwrap_or_default();
                places.parts(&format!("--{boundary}"), &String::from_utf8_lossy(&body), at + 1);
            }
            _ => {}
        }
        places
    }

    /// The places of a value: start and length.
    pub(super) fn find(&self, value: &Named) -> Vec<(usize, usize)> {
        let name = String::from_utf8_lossy(&value.name).into_owned();
        let all = |names: &[&str]| {
            let is = |piece: &&Piece| {
                names.contains(&piece.variable.split(':').next().unwrap_or_default())
            };
            self.0.iter().filter(is).map(|piece| (piece.start, piece.raw)).collect()
        };
        match name.as_str() {
            "ARGS_COMBINED_SIZE" => return all(&["ARGS", "ARGS_NAMES"]),
            "FILES_COMBINED_SIZE" => return all(&["FILES_TMP_CONTENT"]),
            _ => {}
        }
        // Where the same name stands twice, the value decides; sizes are no values of the request.
        let named = |piece: &&Piece| piece.variable.eq_ignore_ascii_case(&name);
        let same = self.0.iter().find(|piece| named(piece) && piece.value == value.value);
        let found = same.or_else(|| self.0.iter().find(named));
        found.map(|piece| (piece.start, piece.raw)).into_iter().collect()
    }

    fn add(&mut self, collection: &str, key: &str, start: usize, raw: usize, value: &[u8]) {
        let variable =
            if key.is_empty() { collection.to_owned() } else { format!("{collection}:{key}") };
        self.0.push(Piece { variable, start, raw, value: value.to_vec() });
    }

    /// The first line; where the next begins.
    fn line(&mut self, method: &str, uri: &str, protocol: &str) -> usize {
        let at = method.len() + 1;
        let sent = uri.split('#').next().unwrap_or_default();
        let path = sent.split('?').next().unwrap_or_default();
        let base = path.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
        let whole = format!("{method} {uri} {protocol}");
        self.add("REQUEST_METHOD", "", 0, method.len(), method.as_bytes());
        self.add("REQUEST_LINE", "", 0, whole.len(), whole.as_bytes());
        self.add("REQUEST_PROTOCOL", "", at + uri.len() + 1, protocol.len(), protocol.as_bytes());
        self.add("REQUEST_URI", "", at, sent.len(), sent.as_bytes());
        self.add("REQUEST_URI_RAW", "", at, uri.len(), uri.as_bytes());
        for name in ["PATH_INFO", "REQUEST_FILENAME"] {
            self.add(name, "", at, path.len(), path.as_bytes());
        }
        self.add("REQUEST_BASENAME", "", at + base, path.len() - base, path.as_bytes());
        if let Some(query) = sent.get(path.len() + 1..) {
            let start = at + path.len() + 1;
            self.add("QUERY_STRING", "", start, query.len(), query.as_bytes());
            self.form("ARGS_GET", query.as_bytes(), start);
        }
        whole.len() + 1
    }

    fn header(&mut self, name: &str, value: &str, at: usize) {
        let start = at + name.len() + 2;
        self.add("REQUEST_HEADERS_NAMES", name, at, name.len(), name.as_bytes());
        self.add("REQUEST_HEADERS", name, start, value.len(), value.as_bytes());
        let first = value.split([' ', ':']).next().unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "authorization" => {
                self.add("AUTH_TYPE", "", start, first.len(), first.as_bytes());
            }
            "host" => self.add("SERVER_NAME", "", start, first.len(), first.as_bytes()),
            "cookie" => {
                let mut at = start;
                for cookie in value.split(';') {
                    let bare = cookie.trim_start();
                    let from = at + cookie.len() - bare.len();
                    let (key, value) = bare.split_once('=').unwrap_or((bare, ""));
                    self.add("REQUEST_COOKIES_NAMES", key, from, key.len(), key.as_bytes());
                    let from = from + key.len() + 1;
                    self.add("REQUEST_COOKIES", key, from, value.len(), value.as_bytes());
                    at += cookie.len() + 1;
                }
            }
            _ => {}
        }
    }

    /// Pairs of a query or a form. Lengths are those of the decoded texts.
    fn form(&mut self, collection: &str, text: &[u8], start: usize) {
        let mut at = start;
        for pair in text.split(|&byte| byte == b'&') {
            if pair.is_empty() {
                at += 1;
                continue;
            }
            let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let (raw_name, raw_value) = pair.split_at(equals);
            let decoded = |raw: &[u8]| {
                burgrave_seclang::probe::transformation("urlDecode", raw).unwrap_or_default()
            };
            let (name, value) =
                (decoded(raw_name), decoded(raw_value.get(1..).unwrap_or_default()));
            let key = String::from_utf8_lossy(&name).into_owned();
            self.argument(
                collection,
                &key,
                (at, name.len()),
                (at + equals + 1, value.len()),
                &value,
            );
            at += pair.len() + 1;
        }
    }

    fn argument(
        &mut self,
        collection: &str,
        key: &str,
        name: (usize, usize),
        place: (usize, usize),
        value: &[u8],
    ) {
        for own in ["ARGS", collection] {
            self.add(&format!("{own}_NAMES"), key, name.0, name.1, key.as_bytes());
            self.add(own, key, place.0, place.1, value);
        }
    }

    /// Parts of a multipart body with plain line ends.
    fn parts(&mut self, boundary: &str, body: &str, start: usize) {
        let mut at = 0;
        for part in body.split(boundary) {
            let head_end = part.find("\r\n\r\n").map(|end| end + 4);
            let head_end = head_end.or_else(|| part.find("\n\n").map(|end| end + 2));
            let head_end = head_end.unwrap_or(part.len());
            let (head, content) = part.split_at_checked(head_end).unwrap_or((part, ""));
            let content = content.strip_suffix('\n').unwrap_or(content);
            let parameter = |key: &str| {
                let from = head.find(&format!(" {key}=\""))? + key.len() + 3;
                let text = head.get(from..)?.split('"').next()?;
                Some((start + at + from, text.to_owned()))
            };
            if let Some((name_at, name)) = parameter("name") {
                let place = (start + at + head_end, content.len());
                self.add("MULTIPART_NAME", &name, name_at, name.len(), name.as_bytes());
                if let Some((file_at, file)) = parameter("filename") {
                    for own in ["FILES", "MULTIPART_FILENAME"] {
                        self.add(own, &name, file_at, file.len(), file.as_bytes());
                    }
                    self.add("FILES_NAMES", &name, name_at, name.len(), name.as_bytes());
                    for own in ["FILES_TMP_CONTENT", "FILES_SIZES"] {
                        self.add(own, &name, place.0, place.1, content.as_bytes());
                    }
                } else {
                    let name_place = (name_at, name.len());
                    self.argument("ARGS_POST", &name, name_place, place, content.as_bytes());
                }
            }
            at += part.len() + boundary.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(name: &str, value: &str, body: &str) -> Vec<(usize, usize)> {
        let text = format!(
            r#"{{"request": {{"method": "GET", "uri": "/a?b=c%20&b=d",
                "headers": {{"H": "v", "Content-Type": "application/x-www-form-urlencoded"}},
                "body": ["{body}"]}}, "rules": []}}"#
        );
        let case: Case = serde_json::from_str(&text).unwrap();
        Places::of(&case).find(&Named { name: name.into(), value: value.into() })
    }

    #[test]
    fn pieces_of_a_request() {
        for (name, value, place) in [
            ("REQUEST_METHOD", "GET", (0, 3)),
            ("REQUEST_URI", "/a?b=c%20&b=d", (4, 13)),
            ("QUERY_STRING", "b=c%20&b=d", (7, 10)),
            ("ARGS:b", "c ", (9, 2)),
            ("ARGS:b", "d", (16, 1)),
            ("ARGS_NAMES:b", "b", (7, 1)),
            ("REQUEST_HEADERS:h", "v", (27, 1)),
            ("ARGS_POST:e", "f\n", (80, 2)),
        ] {
            assert_eq!(places(name, value, "e=f"), [place], "{name} {value}");
        }
        assert!(places("TX:x", "", "").is_empty());
    }
}

//! A search for the request of a given size that costs the engine most: pieces that rules, detectors and
//! transformations react to, repeated and mixed, in every place of a request; what cost most is varied.

use crate::message::Request;

/// Pieces that something in the engine reacts to.
const PIECES: &[&str] = &[
    "a",
    " ",
    "/",
    "../",
    "\\",
    "'",
    "\"",
    "`",
    "<",
    ">",
    "<a ",
    "<a href=",
    "<!--",
    "<?",
    "&#x41;",
    "&lt;",
    "%41",
    "%25",
    "%u0041",
    "\\u0041",
    "\\x41",
    "\\",
    " or ",
    " and 1=1 ",
    "select ",
    "union select ",
    "case when ",
    "in (",
    "$(",
    "${",
    "$",
    "/*",
    "*/",
    "--",
    "#",
    ";",
    "|",
    "&&",
    "{",
    "[",
    "0x41",
    "=",
    "()",
    ",",
    "1",
    "1,",
    "1=1 ",
    "'a'",
    "@",
    "!",
    "+",
    "~",
    "^",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{e9}",
    "YWFh",
    "QUJD",
    "PHNjcmlwdD4",
    "cat ",
    "eval(",
    "java.lang.",
    "on",
    "onx=",
    "data:",
    "script",
    "s c r i p t",
    "b\\u\\s\\y",
    "c\\a\\t ",
    "e\"c\"h\"o ",
    "time ",
    "wget ",
    "http://",
    "file:",
    ".php",
    "user",
    "from ",
    "where ",
    "like ",
    "sleep(",
    "x=x;",
    "q=0.",
    "bin/",
    "etc/",
    "\\\\",
    "%%",
    "??",
    "$$",
    "))",
    "((",
    "]]",
    "{{",
    "}}",
    "<<",
    ">>",
    "::",
    "..",
];

/// Where the text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One argument of the query.
    Query,
    /// Many short arguments of the query.
    QueryMany,
    /// The path.
    Path,
    /// A header that rules look at.
    Referer,
    /// Cookies.
    Cookies,
    /// One field of a form.
    Form,
    /// Many fields of a form.
    FormMany,
    /// A text in JSON.
    Json,
    /// Many texts in JSON.
    JsonMany,
    /// Texts and attributes in XML.
    Xml,
    /// A field of a multipart form.
    Multipart,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Query,
        Self::QueryMany,
        Self::Path,
        Self::Referer,
        Self::Cookies,
        Self::Form,
        Self::FormMany,
        Self::Json,
        Self::JsonMany,
        Self::Xml,
        Self::Multipart,
    ];

    /// The request that holds the text there.
    pub fn request(self, text: &[u8]) -> Request {
        let many = |separator: &str| {
            let pieces: Vec<Vec<u8>> = text
                .chunks(16)
                .enumerate()
                .take(900)
                .map(|(number, piece)| [format!("f{number}=").as_bytes(), &escaped(piece)].concat())
                .collect();
            pieces.join(separator.as_bytes())
        };
        let one = || [b"a=", escaped(text).as_slice()].concat();
        match self {
            Self::Query => get(&[b"/?", one().as_slice()].concat(), None),
            Self::QueryMany => get(&[b"/?", many("&").as_slice()].concat(), None),
            Self::Path => get(&[b"/", escaped(text).as_slice()].concat(), None),
            Self::Referer => get(b"/", Some(("Referer", text))),
            Self::Cookies => get(b"/", Some(("Cookie", &many("; ")))),
            Self::Form => post("application/x-www-form-urlencoded", one()),
            Self::FormMany => post("application/x-www-form-urlencoded", many("&")),
            Self::Json => post("application/json", json(&[text])),
            Self::JsonMany => post("application/json", json(&text.chunks(16).collect::<Vec<_>>())),
            Self::Xml => post("text/xml", xml(text)),
            Self::Multipart => post("multipart/form-data; boundary=B", multipart(text)),
        }
    }
}

fn get(target: &[u8], header: Option<(&str, &[u8])>) -> Request {
    let mut headers = vec![(b"Host".to_vec(), b"localhost".to_vec())];
    headers.extend(header.map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())));
    Request {
        method: b"GET".to_vec(),
        target: target.to_vec(),
        protocol: b"HTTP/1.1".to_vec(),
        headers,
        body: Vec::new(),
    }
}

fn post(kind: &str, body: Vec<u8>) -> Request {
    let mut request = get(b"/", Some(("Content-Type", kind.as_bytes())));
    request.method = b"POST".to_vec();
    request.headers.push((b"Content-Length".to_vec(), body.len().to_string().into_bytes()));
    request.body = body;
    request
}

fn escaped(text: &[u8]) -> Vec<u8> {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let each = text
        .iter()
        .map(|&byte| if keep(byte) { vec![byte] } else { format!("%{byte:02X}").into_bytes() });
    each.collect::<Vec<_>>().concat()
}

fn json(texts: &[&[u8]]) -> Vec<u8> {
    let values: Vec<String> = texts
        .iter()
        .take(900)
        .map(|text| serde_json::Value::from(bstr::BStr::new(text).to_string()).to_string())
        .collect();
    format!("{{\"a\":[{}]}}", values.join(",")).into_bytes()
}

fn xml(text: &[u8]) -> Vec<u8> {
    let clean: String = bstr::BStr::new(text)
        .to_string()
        .chars()
        .filter(|letter| !letter.is_control())
        .collect::<String>()
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;");
    format!("<a b=\"{clean}\"><c>{clean}</c></a>").into_bytes()
}

fn multipart(text: &[u8]) -> Vec<u8> {
    [&b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"[..], text, b"\r\n--B--\r\n"]
        .concat()
}

/// A text made of pieces that repeat.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Which pieces, in order.
    pub pieces: Vec<usize>,
    /// Where it stands.
    pub place: Place,
}

impl Recipe {
    /// The text, cut at so many bytes.
    pub fn text(&self, bytes: usize) -> Vec<u8> {
        let unit: Vec<u8> = self
            .pieces
            .iter()
            .filter_map(|piece| PIECES.get(*piece))
            .flat_map(|piece| piece.bytes())
            .collect();
        unit.iter().copied().cycle().take(if unit.is_empty() { 0 } else { bytes }).collect()
    }

    /// Its pieces, to be read.
    pub fn words(&self) -> String {
        let pieces = self.pieces.iter().filter_map(|piece| PIECES.get(*piece));
        format!(
            "{:?}: {}",
            self.place,
            pieces.map(|piece| piece.escape_debug().to_string()).collect::<String>()
        )
    }

    /// Every single piece in every place: where a search begins.
    pub fn simple() -> Vec<Self> {
        let in_all = |piece| Place::ALL.map(|place| Self { pieces: vec![piece], place });
        (0..PIECES.len()).flat_map(in_all).collect()
    }

    /// Another recipe near this one. `random` gives numbers below its argument.
    #[must_use]
    pub fn varied(&self, random: &mut impl FnMut(usize) -> usize) -> Self {
        let mut other = self.clone();
        let piece = random(PIECES.len());
        match random(5) {
            0 => {
                other.place =
                    Place::ALL.get(random(Place::ALL.len())).copied().unwrap_or(self.place);
            }
            1 if other.pieces.len() > 1 => {
                other.pieces.remove(random(self.pieces.len()));
            }
            2 if !other.pieces.is_empty() => {
                let at = random(self.pieces.len());
                if let Some(place) = other.pieces.get_mut(at) {
                    *place = piece;
                }
            }
            _ if other.pieces.len() < 12 => {
                other.pieces.insert(random(self.pieces.len() + 1), piece);
            }
            _ => {}
        }
        other
    }
}

/// Numbers that look random and are the same each time (a linear congruential generator; Knuth's constants).
pub fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = usize::try_from(seed >> 33).unwrap_or_default();
        high % below.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_holds_the_text() {
        let recipe = Recipe { pieces: vec![0, 2], place: Place::Query };
        assert_eq!(recipe.text(5), b"a/a/a");
        for place in Place::ALL {
            let request = place.request(&recipe.text(64));
            let all = [request.target, request.body, request.headers.concat_values()].concat();
            assert!(all.len() >= 64, "{place:?}");
        }
    }

    trait Values {
        fn concat_values(&self) -> Vec<u8>;
    }

    impl Values for Vec<(Vec<u8>, Vec<u8>)> {
        fn concat_values(&self) -> Vec<u8> {
            self.iter().flat_map(|(_, value)| value.iter().copied()).collect()
        }
    }

    #[test]
    fn variations_stay_within_bounds_and_differ() {
        let mut random = numbers(1);
        let mut recipe = Recipe { pieces: vec![0], place: Place::Path };
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            recipe = recipe.varied(&mut random);
            assert!(recipe.pieces.len() <= 12);
            seen.insert(recipe.words());
        }
        assert!(seen.len() > 300, "{}", seen.len());
    }
}

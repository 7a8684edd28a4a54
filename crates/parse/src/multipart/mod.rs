//! `multipart/form-data` (RFC 7578) as strictly as a rule engine must read it.
//!
//! Applications disagree about malformed bodies, so each irregularity is a flag of its own
//! ([`Oddities`]); what cannot be read at all is an error beside the parts found so far.

mod boundary;
mod disposition;

use crate::Malformed;
use std::ops::Range;

/// Bounds of a body.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Parts.
    pub parts_max: usize,
    /// Header lines of one part.
    pub headers_max: usize,
    /// Bytes of one header line with its continuations.
    pub header_bytes_max: usize,
}

/// One part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// `name` of Content-Disposition, unescaped.
    pub name: Vec<u8>,
    /// `filename` of Content-Disposition: the part is a file.
    pub filename: Option<Vec<u8>>,
    /// Header lines without their line ends, continuations joined.
    pub headers: Vec<Vec<u8>>,
    /// Where its content stands in the body.
    pub content: Range<usize>,
}

/// What was odd. Each has a variable of its own in rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "twelve independent observations, each a variable"
)]
pub struct Oddities {
    /// The boundary stands in quotes.
    pub boundary_quoted: bool,
    /// White space around the boundary parameter.
    pub boundary_whitespace: bool,
    /// Data before the first boundary.
    pub data_before: bool,
    /// Data after the last boundary.
    pub data_after: bool,
    /// A folded header line.
    pub header_folding: bool,
    /// A folded line with nothing before it, or with control characters.
    pub invalid_header_folding: bool,
    /// A line that ends in CR LF.
    pub crlf_line: bool,
    /// A line that ends in LF alone.
    pub lf_line: bool,
    /// No semicolon between the media type and its boundary.
    pub missing_semicolon: bool,
    /// Quotes where none belong, or of the wrong kind.
    pub invalid_quoting: bool,
    /// A part that could not be read.
    pub invalid_part: bool,
    /// A line that looks like a boundary and is none.
    pub unmatched_boundary: bool,
    /// Behind such a line the body's own boundary closed a part.
    pub matched_after_unmatched: bool,
}

impl Oddities {
    /// Whether strict readers would refuse the body.
    pub fn strict_error(&self) -> bool {
        self.boundary_quoted
            || self.boundary_whitespace
            || self.data_before
            || self.data_after
            || self.header_folding
            || self.invalid_header_folding
            || self.lf_line
            || self.missing_semicolon
            || self.invalid_quoting
            || self.invalid_part
    }
}

/// A body that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The parts that were complete.
    pub parts: Vec<Part>,
    /// What was odd.
    pub oddities: Oddities,
    /// The part within which reading ended, as far as its header was seen.
    pub incomplete: Option<Part>,
    /// Why reading ended early.
    pub error: Option<Malformed>,
    /// The boundary; empty where there is no valid one.
    pub boundary: Vec<u8>,
    /// Other parameters stand behind it.
    pub boundary_has_more: bool,
}

/// Reads a body by the boundary that its `Content-Type` names.
pub fn parse(content_type: &[u8], body: &[u8], limits: Limits) -> Form {
    let mut form = Form::default();
    match boundary::find(content_type, &mut form.oddities) {
        Ok(boundary::Boundary { text: boundary, has_more }) => {
            form.boundary.clone_from(&boundary);
            form.boundary_has_more = has_more;
            let mut reader =
                Reader { body, boundary, limits, form: &mut form, at: 0, in_part: false };
            if let Err(error) = reader.read() {
                form.error = Some(error);
            }
        }
        Err(error) => form.error = Some(error),
    }
    form
}

struct Reader<'a, 'f> {
    body: &'a [u8],
    boundary: Vec<u8>,
    limits: Limits,
    form: &'f mut Form,
    at: usize,
    /// The first boundary was seen.
    in_part: bool,
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// `--boundary`
    Delimiter,
    /// `--boundary--`
    Close,
    /// Anything else.
    Data,
}

impl<'a> Reader<'a, '_> {
    fn read(&mut self) -> Result<(), Malformed> {
        if !self.preamble()? {
            return Err(Malformed::new("multipart has no boundary"));
        }
        self.in_part = true;
        loop {
            if self.form.parts.len() >= self.limits.parts_max {
                return Err(Malformed::new("multipart has more parts than the limit"));
            }
            let mut part = Part::default();
            let read = self.headers(&mut part).and_then(|()| self.content(&mut part));
            let ended = match read {
                Ok(ended) => ended,
                Err(error) => {
                    self.form.incomplete = Some(part);
                    return Err(error);
                }
            };
            self.form.parts.push(part);
            if ended == Line::Close {
                self.form.oddities.data_after |= self.at < self.body.len();
                return Ok(());
            }
        }
    }

    /// The next line with its end, or `None` at the end of the body.
    fn line(&mut self) -> Option<(Range<usize>, &'a [u8])> {
        let rest = self.body.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let range = self.at..self.at + length;
        self.at = range.end;
        Some((range.clone(), self.body.get(range)?))
    }

    fn preamble(&mut self) -> Result<bool, Malformed> {
        while let Some((_, line)) = self.line() {
            match self.kind(line)? {
                Line::Delimiter => return Ok(true),
                Line::Close => return Err(Malformed::new("multipart ends before its first part")),
                Line::Data => self.form.oddities.data_before = true,
            }
        }
        Ok(false)
    }

    fn kind(&mut self, line: &[u8]) -> Result<Line, Malformed> {
        let Some(after_dashes) = line.strip_prefix(b"--") else { return Ok(Line::Data) };
        let Some(tail) = after_dashes.strip_prefix(self.boundary.as_slice()) else {
            self.form.oddities.unmatched_boundary = true;
            self.form.oddities.matched_after_unmatched = false;
            return Ok(Line::Data);
        };
        self.form.oddities.matched_after_unmatched =
            self.in_part && self.form.oddities.unmatched_boundary;
        match tail {
            b"\r\n" => self.form.oddities.crlf_line = true,
            b"\n" => self.form.oddities.lf_line = true,
            b"--\r\n" | b"--" => return Ok(Line::Close),
            b"--\n" => {
                self.form.oddities.lf_line = true;
                return Ok(Line::Close);
            }
            [b'-', b'-', ..] => {
                self.form.oddities.data_after = true;
                return Ok(Line::Close);
            }
            _ => {
                self.form.oddities.unmatched_boundary = true;
                return Err(Malformed::new("multipart boundary line goes on after the boundary"));
            }
        }
        Ok(Line::Delimiter)
    }

    fn headers(&mut self, part: &mut Part) -> Result<(), Malformed> {
        loop {
            let Some((_, line)) = self.line() else {
                self.form.oddities.invalid_part = true;
                return Err(Malformed::new("multipart ends within a part's header"));
            };
            let text = self.line_end(line);
            if text.contains(&0) {
                return Err(Malformed::new("multipart part header holds a nul byte"));
            }
            if text.is_empty() {
                return self.describe(part);
            }
            if text.first().is_some_and(u8::is_ascii_whitespace) {
                self.fold(part, text)?;
            } else {
                self.header(part, text)?;
            }
        }
    }

    fn line_end<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        if let Some(text) = line.strip_suffix(b"\r\n") {
            self.form.oddities.crlf_line = true;
            return text;
        }
        self.form.oddities.lf_line = true;
        line.strip_suffix(b"\n").unwrap_or(line)
    }

    fn fold(&mut self, part: &mut Part, text: &[u8]) -> Result<(), Malformed> {
        self.form.oddities.header_folding = true;
        let odd = !text.starts_with(b" ") && !text.starts_with(b"\t");
        let Some(last) = part.headers.last_mut() else {
            self.form.oddities.invalid_header_folding = true;
            return Err(Malformed::new("multipart part header begins with a continuation"));
        };
        self.form.oddities.invalid_header_folding |= odd;
        last.push(b' ');
        last.extend_from_slice(text.trim_ascii());
        if last.len() > self.limits.header_bytes_max {
            return Err(Malformed::new("multipart part header is longer than the limit"));
        }
        Ok(())
    }

    fn header(&mut self, part: &mut Part, text: &[u8]) -> Result<(), Malformed> {
        if part.headers.len() >= self.limits.headers_max
            || text.len() > self.limits.header_bytes_max
        {
            return Err(Malformed::new("multipart part header is longer than the limit"));
        }
        let name = memchr::memchr(b':', text).and_then(|colon| text.get(..colon));
        let valid =
            |name: &&[u8]| !name.is_empty() && name.iter().all(|byte| (33..127).contains(byte));
        let Some(name) = name.filter(valid) else {
            part.headers.push(text.to_vec());
            self.form.oddities.invalid_part = true;
            return Err(Malformed::new("multipart part header has no valid name"));
        };
        if part.headers.iter().any(|line| header_value(line, name).is_some()) {
            return Err(Malformed::new("multipart part header stands twice"));
        }
        part.headers.push(text.to_vec());
        Ok(())
    }

    /// Takes name and file name from `Content-Disposition`.
    fn describe(&mut self, part: &mut Part) -> Result<(), Malformed> {
        let value = part.headers.iter().find_map(|line| header_value(line, b"content-disposition"));
        let Some(value) = value else {
            return Err(Malformed::new("multipart part has no content-disposition"));
        };
        let disposition = disposition::parse(value, &mut self.form.oddities)?;
        part.name = disposition.name;
        part.filename = disposition.filename;
        Ok(())
    }

    /// Up to the next boundary; the line end before it belongs to the boundary.
    fn content(&mut self, part: &mut Part) -> Result<Line, Malformed> {
        let start = self.at;
        let mut end = start;
        while let Some((range, line)) = self.line() {
            let kind = self.kind(line)?;
            if kind == Line::Data {
                continue;
            }
            end = end.max(range.start);
            let content = self.body.get(start..end).unwrap_or_default();
            let trimmed = content.strip_suffix(b"\r\n").or_else(|| content.strip_suffix(b"\n"));
            part.content = start..start + trimmed.unwrap_or(content).len();
            return Ok(kind);
        }
        self.form.oddities.invalid_part = true;
        Err(Malformed::new("multipart lacks its final boundary"))
    }
}

/// The value of a header line with this name, case ignored.
fn header_value<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let colon = memchr::memchr(b':', line)?;
    let (found, value) = line.split_at(colon);
    found.eq_ignore_ascii_case(name).then(|| value.get(1..).unwrap_or_default().trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { parts_max: 4, headers_max: 4, header_bytes_max: 200 };
    const TYPE: &[u8] = b"multipart/form-data; boundary=B";

    fn body(text: &str) -> Form {
        parse(TYPE, text.replace('~', "\r\n").as_bytes(), LIMITS)
    }

    const PLAIN: &str = "--B~Content-Disposition: form-data; name=\"a\"~~1~2~--B~content-disposition: form-data; name=f; filename=\"x.txt\"~Content-Type: text/plain~~data~--B--~";

    #[test]
    fn parts_of_a_regular_body() {
        let text = PLAIN.replace('~', "\r\n");
        let form = parse(TYPE, text.as_bytes(), LIMITS);
        assert_eq!(form.error, None);
        assert_eq!(form.oddities, Oddities { crlf_line: true, ..Oddities::default() });
        assert!(!form.oddities.strict_error());
        let [first, second] = form.parts.as_slice() else { panic!("{form:?}") };
        assert_eq!((first.name.as_slice(), first.filename.as_deref()), (&b"a"[..], None));
        assert_eq!(&text.as_bytes()[first.content.clone()], b"1\r\n2");
        assert_eq!(second.filename.as_deref(), Some(&b"x.txt"[..]));
        assert_eq!(&text.as_bytes()[second.content.clone()], b"data");
        assert_eq!(second.headers[1], b"Content-Type: text/plain");
    }

    #[test]
    fn oddities_are_named() {
        type Odd = fn(&Oddities) -> bool;
        let cases: [(&str, Odd); 6] = [
            ("x~--B~Content-Disposition: form-data; name=a~~1~--B--~", |odd| odd.data_before),
            ("--B~Content-Disposition: form-data; name=a~~1~--B--~x", |odd| odd.data_after),
            ("--B~Content-Disposition: form-data;~ name=a~~1~--B--~", |odd| odd.header_folding),
            ("--B\nContent-Disposition: form-data; name=a~~1~--B--~", |odd| odd.lf_line),
            ("--B~Content-Disposition: form-data; name='a'~~1~--B--~", |odd| odd.invalid_quoting),
            ("--B~Content-Disposition: form-data; name=a~~--C~1~--B--~", |odd| {
                odd.unmatched_boundary
            }),
        ];
        for (text, odd) in cases {
            let form = body(text);
            assert_eq!(form.error, None, "{text}");
            assert!(odd(&form.oddities), "{text}: {form:?}");
        }
        assert!(!body(PLAIN).oddities.unmatched_boundary);
    }

    #[test]
    fn unreadable_bodies_are_errors() {
        for text in [
            "",
            "--B--~",
            "--B~Content-Disposition: form-data; name=a~~1~",
            "--B~Content-Disposition: form-data; name=a",
            "--B~X: y~~1~--B--~",
            "--B~Content-Disposition: attachment; name=a~~1~--B--~",
            "--B~Content-Disposition: form-data; name=a~Content-Disposition: form-data; name=b~~1~--B--~",
            "--B~ folded~~1~--B--~",
            "--B~no colon~~1~--B--~",
            "--B~bad name: x~~1~--B--~",
            "--Bx~Content-Disposition: form-data; name=a~~1~--B--~",
            "--B~Content-Disposition: form-data; name=\0~~1~--B--~",
        ] {
            assert!(body(text).error.is_some(), "{text:?}: {:?}", body(text));
        }
        let many = "--B~Content-Disposition: form-data; name=a~~1~".repeat(5) + "--B--~";
        assert!(body(&many).error.is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_end_and_ranges_lie_within(input in proptest::collection::vec(
            prop::sample::select(vec!["--B", "--", "\r\n", "\n", "Content-Disposition: form-data; name=a",
                "; filename=\"b\"", "x", "\0", ":", " ", "\u{ff}"]), 0..40)) {
            let text = input.concat();
            let form = parse(TYPE, text.as_bytes(), LIMITS);
            for part in &form.parts {
                prop_assert!(text.as_bytes().get(part.content.clone()).is_some());
            }
        }
    }
}

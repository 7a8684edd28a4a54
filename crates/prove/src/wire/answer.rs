//! Reading answers: leniently, since what an attacked server says need not be well formed.

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200 to 599; answers 1xx are passed over.
    pub status: u16,
    head: Vec<u8>,
    /// As far as it was read, chunks joined.
    pub body: Vec<u8>,
}

impl Answer {
    /// One that did not come as text.
    pub(crate) fn of_http3(status: u16, body: Vec<u8>) -> Self {
        Self { status, head: format!("HTTP/3 {status}\r\n\r\n").into_bytes(), body }
    }

    /// The first line.
    pub fn status_line(&self) -> &[u8] {
        lines(&self.head).next().unwrap_or_default()
    }

    /// Header fields: name and value without white space around them.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        fields(&self.head)
    }
}

/// What bytes from a server turn out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// The beginning of an answer; more must come.
    More,
    /// An answer and how many bytes it took.
    Answer(Answer, usize),
    /// No HTTP.
    Garbage,
}

/// Reads one answer from the start of `bytes`; `ended` when no more will come.
pub(crate) fn parse(bytes: &[u8], ended: bool) -> Parsed {
    let mut start = 0;
    // Interim answers are few; a server that sends more is not worth following.
    for _ in 0..8 {
        let rest = bytes.get(start..).unwrap_or_default();
        let Some(head_end) = head_end(rest) else {
            let is_http = rest.starts_with(b"HTTP/") || b"HTTP/".starts_with(rest);
            return if is_http && !ended { Parsed::More } else { Parsed::Garbage };
        };
        let head = rest.get(..head_end).unwrap_or_default();
        let Some(status) = status(head) else { return Parsed::Garbage };
        start += head_end;
        if (100..=199).contains(&status) {
            continue;
        }
        let rest = bytes.get(start..).unwrap_or_default();
        let Some((body, used)) = body(head, status, rest, ended) else { return Parsed::More };
        return Parsed::Answer(Answer { status, head: head.to_vec(), body }, start + used);
    }
    Parsed::Garbage
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    let find = |mark: &[u8]| {
        bytes.windows(mark.len()).position(|window| window == mark).map(|at| at + mark.len())
    };
    match (find(b"\r\n\r\n"), find(b"\n\n")) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = lines(head).next()?;
    let rest = line.strip_prefix(b"HTTP/")?;
    let code = rest.split(|byte| *byte == b' ').nth(1)?;
    let status: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
    (100..=599).contains(&status).then_some(status)
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(head).skip(1).filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((line.get(..colon)?, line.get(colon + 1..)?.trim_ascii()))
    })
}

fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    fields(head).find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The body and how many bytes it took; `None` while it is not complete.
fn body(head: &[u8], status: u16, rest: &[u8], ended: bool) -> Option<(Vec<u8>, usize)> {
    if matches!(status, 204 | 304) {
        return Some((Vec::new(), 0));
    }
    let chunked = field(head, b"transfer-encoding")
        .is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
    let whole = || ended.then(|| (rest.to_vec(), rest.len()));
    if chunked {
        return chunks(rest).or_else(whole);
    }
    let length = field(head, b"content-length")
        .and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
    match length.map(|length| rest.get(..length)) {
        Some(Some(body)) => Some((body.to_vec(), body.len())),
        Some(None) | None => whole(),
    }
}

fn chunks(mut rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let total = rest.len();
    let mut body = Vec::new();
    loop {
        let line_end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest.get(..line_end)?.trim_ascii();
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?.trim(), 16).ok()?;
        rest = rest.get(line_end + 1..)?;
        if size == 0 {
            let end = if rest.starts_with(b"\r\n") { 2 } else { head_end(rest)? };
            return Some((body, total - rest.len() + end));
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?;
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    }
}

#[cfg(test)]
pub(crate) fn sample(text: &str) -> super::Reply {
    let Parsed::Answer(answer, _) = parse(text.as_bytes(), true) else { panic!("{text}") };
    super::Reply::Answer(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: &[u8], ended: bool) -> (u16, Vec<u8>, usize) {
        let Parsed::Answer(answer, used) = parse(bytes, ended) else {
            panic!("no answer in {}", bytes.escape_ascii());
        };
        (answer.status, answer.body, used)
    }

    #[test]
    fn answers_end_where_they_say() {
        for (bytes, ended, status, body, left) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP"[..], false, 200, &b"ok"[..], 4),
            (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false, 200, b"ok", 0),
            (b"HTTP/1.0 404 Not Found\r\n\r\nall of it", true, 404, b"all of it", 0),
            (b"HTTP/1.1 204 No\r\n\r\nHTTP", false, 204, b"", 4),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\nH",
                false,
                200,
                b"abc",
                1,
            ),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 X\r\n\r\n", true, 413, b"", 0),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", true, 200, b"cut", 0),
        ] {
            let got = answer(bytes, ended);
            assert_eq!(got, (status, body.to_vec(), bytes.len() - left), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn parts_wait_and_other_protocols_do_not() {
        for bytes in [
            &b""[..],
            b"HT",
            b"HTTP/1.1 200 OK\r\nA: b",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            b"HTTP/1.1 100 Continue\r\n\r\n",
        ] {
            assert_eq!(parse(bytes, false), Parsed::More, "{}", bytes.escape_ascii());
        }
        for bytes in
            [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 999 X\r\n\r\n", b"SSH"]
        {
            assert_eq!(parse(bytes, false), Parsed::Garbage, "{}", bytes.escape_ascii());
        }
        let flood = b"HTTP/1.1 103 Hints\r\n\r\n".repeat(50);
        assert_eq!(parse(&flood, false), Parsed::Garbage);
    }

    #[test]
    fn fields_are_trimmed() {
        let Parsed::Answer(answer, _) =
            parse(b"HTTP/1.1 200 OK\r\nServer:  x/1 \r\nbad\r\n\r\n", true)
        else {
            panic!("no answer");
        };
        assert_eq!(answer.fields().collect::<Vec<_>>(), [(&b"Server"[..], &b"x/1"[..])]);
        assert_eq!(answer.status_line(), b"HTTP/1.1 200 OK");
    }
}

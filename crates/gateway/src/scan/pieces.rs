//! The files within a form, so that each is scanned as a file: many a signature looks at a file's beginning.

use burgrave_parse::multipart::{Limits, Oddities, parse};
use std::ops::Range;

/// Parts of a form; one with more is refused.
const PARTS_MAX: usize = 100;
const LIMITS: Limits =
    Limits { parts_max: PARTS_MAX, headers_max: 32, header_bytes_max: 16 * 1024 };

/// Where the parts are, for a body that has any. `None`: it cannot be told for sure how somebody else reads it.
pub(super) fn pieces(kind: &[u8], body: &[u8]) -> Option<Vec<Range<usize>>> {
    let is_multipart = kind
        .trim_ascii_start()
        .get(..10)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"));
    if !is_multipart {
        return Some(Vec::new());
    }
    let form = parse(kind, body, LIMITS);
    // A boundary in quotes is what RFC 2046 (5.1.1) has; nobody reads it in two ways.
    let odd = Oddities { boundary_quoted: false, ..form.oddities }.strict_error();
    if form.error.is_some() || form.incomplete.is_some() || odd {
        return None;
    }
    if form.parts.iter().any(|part| part.headers.iter().any(|line| hides(line))) {
        return None;
    }
    Some(form.parts.into_iter().map(|part| part.content).filter(|part| !part.is_empty()).collect())
}

/// Whether a part's header says that its content is another text than it seems: encoded (RFC 7578, 4.7, has done
/// away with that), or a form within the form (4.3).
fn hides(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
    let (name, value) = line.split_at(colon);
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    let starts =
        |with: &[u8]| value.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    if name.trim_ascii().eq_ignore_ascii_case(b"content-transfer-encoding") {
        return ![&b"binary"[..], b"8bit", b"7bit"]
            .iter()
            .any(|plain| value.eq_ignore_ascii_case(plain));
    }
    name.trim_ascii().eq_ignore_ascii_case(b"content-type")
        && (starts(b"multipart/") || starts(b"message/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &[u8] = b"multipart/form-data; boundary=b";

    fn form(head: &str) -> Vec<u8> {
        let name = "content-disposition: form-data; name=\"f\"; filename=\"x\"\r\n";
        format!("--b\r\n{name}{head}\r\nCONTENT\r\n--b\r\n{name}\r\n\r\n--b--\r\n").into_bytes()
    }

    #[test]
    fn each_file_of_a_form_is_a_piece() {
        let body = form("");
        let found = pieces(KIND, &body).unwrap();
        assert_eq!(found.len(), 1, "an empty one is nothing");
        assert_eq!(&body[found[0].clone()], b"CONTENT");
        assert_eq!(pieces(b"application/octet-stream", &body), Some(Vec::new()));
        assert_eq!(pieces(b"", &body), Some(Vec::new()));
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_not_read_at_all() {
        for head in [
            "Content-Transfer-Encoding: base64\r\n",
            "content-transfer-encoding : quoted-printable\r\n",
            "Content-Type: multipart/mixed; boundary=c\r\n",
            "content-type: message/rfc822\r\n",
        ] {
            assert_eq!(pieces(KIND, &form(head)), None, "{head}");
        }
        assert!(pieces(KIND, &form("Content-Transfer-Encoding: binary\r\n")).is_some());
        let whole = form("");
        assert_eq!(pieces(KIND, whole.get(..whole.len() - 9).unwrap()), None, "it does not end");
        assert_eq!(pieces(b" MULTIPART/form-data", &whole), None, "no boundary");
        let many =
            "--b\r\ncontent-disposition: form-data; name=\"f\"\r\n\r\nx\r\n".repeat(PARTS_MAX + 1);
        assert_eq!(pieces(KIND, format!("{many}--b--\r\n").as_bytes()), None);
    }
}

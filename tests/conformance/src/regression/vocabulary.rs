//! Names and errors of ours beside the suite's words for the same.

use bstr::ByteSlice as _;
use burgrave_seclang::Disruption;
use std::fmt::Write as _;

pub(super) fn disruption(how: &Disruption) -> &'static str {
    match how {
        Disruption::Deny(_) => "deny",
        Disruption::Drop => "drop",
        Disruption::Redirect { .. } => "redirect",
    }
}

/// Oddities of multipart bodies → the suite's words for the same.
pub(super) static ODD: &[(&str, &str)] = &[
    ("MULTIPART_BOUNDARY_QUOTED", "boundary was quoted."),
    ("MULTIPART_BOUNDARY_WHITESPACE", "boundary whitespace in C-T header."),
    ("MULTIPART_CRLF_LF_LINES", "mixed line endings used (CRLF/LF)."),
    ("MULTIPART_DATA_AFTER", "seen data after last boundary."),
    ("MULTIPART_DATA_BEFORE", "seen data before first boundary."),
    ("MULTIPART_HEADER_FOLDING", "header folding used."),
    ("MULTIPART_INVALID_HEADER_FOLDING", "invalid header folding used."),
    ("MULTIPART_INVALID_PART", "invalid part parsing."),
    ("MULTIPART_INVALID_QUOTING", "invalid quoting used."),
    ("MULTIPART_LF_LINE", "incorrect line endings used (LF)."),
    ("MULTIPART_MISSING_SEMICOLON", "missing semicolon in C-T header."),
];

/// Our errors of bodies → the suite's words for the same.
pub(super) static BODY: &[(&str, &str)] = &[
    ("`filename*` has no character set", "Multipart: Invalid Content-Disposition header (-16)"),
    ("`filename*` has no language", "Multipart: Invalid Content-Disposition header (-17)"),
    ("`filename*` has a bad character", "Multipart: Invalid Content-Disposition header (-18)"),
    ("`filename*` without `filename`", "Multipart: Warning: no filename= but filename*:"),
    (
        "content-disposition has no name",
        "Multipart: Content-Disposition header missing name field.",
    ),
    ("content-disposition has", "Multipart: Invalid Content-Disposition header."),
    ("content-disposition is", "Multipart: Invalid Content-Disposition header."),
    ("content-disposition names", "Multipart: Invalid Content-Disposition header."),
    ("content-disposition parameter", "Multipart: Invalid Content-Disposition header."),
    ("content type is not multipart", "Multipart: Invalid MIME type."),
    ("boundary goes on after its quote", "Multipart: Invalid boundary in C-T (characters)."),
    ("boundary holds characters", "Multipart: Invalid boundary in C-T (characters)."),
    ("boundary has no value", "Multipart: Invalid boundary in C-T (malformed)."),
    ("boundary is empty", "Multipart: Invalid boundary in C-T (empty)."),
    ("boundary is longer", "Multipart: Invalid boundary in C-T (length)."),
    (
        "boundary parameter is not in lower",
        "Multipart: Invalid boundary in C-T (case sensitivity).",
    ),
    ("boundary parameter is malformed", "Multipart: Invalid boundary in C-T (parameter name)."),
    ("boundary's quote does not end", "Multipart: Invalid boundary in C-T (quote)."),
    ("boundary has a quote on one side", "Multipart: Invalid boundary in C-T (quote)."),
    ("boundary line goes on", "Multipart: Invalid boundary: "),
    ("more than one boundary", "Multipart: Multiple boundary parameters in C-T."),
    ("names no boundary", "Multipart: Boundary not found in C-T."),
    ("multipart has no boundary", "Multipart: No boundaries found in payload."),
    ("lacks its final boundary", "Multipart: Final boundary missing."),
    ("ends within a part's header", "Multipart: Final boundary missing."),
    ("part has no content-disposition", "Multipart: Part missing Content-Disposition header."),
    ("header begins with a continuation", "Multipart: Invalid part header (folding error)."),
    ("part header has no valid name", "Multipart: Invalid part header (colon missing): "),
    ("part header holds a nul", "Multipart: Nul byte in part headers."),
    ("part header is longer", "Multipart: Part header too long."),
    ("part header stands twice", "Multipart: Duplicate part header: "),
    (
        "body without files is longer",
        "Request body excluding files is bigger than the maximum expected.",
    ),
    ("form has more arguments", "Skipping request argument, over limit"),
    ("json has more values", "Skipping request argument, over limit"),
    ("xml", "XML: Failed parsing document."),
];

/// An error of ours as `REQBODY_ERROR_MSG` has it there.
pub(super) fn translated(error: &str) -> Option<String> {
    let (_, theirs) = BODY.iter().find(|(ours, _)| error.contains(ours))?;
    let kind = theirs.split(':').next().filter(|kind| matches!(*kind, "Multipart" | "XML"));
    Some(
        kind.map_or_else(|| (*theirs).to_owned(), |kind| format!("{kind} parsing error: {theirs}")),
    )
}

/// The suite names operators by their classes.
pub(super) fn class(operator: &str) -> String {
    const IRREGULAR: &[(&str, &str)] = &[
        ("streq", "StrEq"),
        ("strmatch", "StrMatch"),
        ("pmf", "PmFromFile"),
        ("ipmatchf", "IpMatchFromFile"),
        ("detectsqli", "DetectSQLi"),
        ("detectxss", "DetectXSS"),
        ("verifycc", "VerifyCC"),
        ("verifycpf", "VerifyCPF"),
        ("verifyssn", "VerifySSN"),
        ("verifysvnr", "VerifySVNR"),
        ("rxglobal", "RxGlobal"),
        ("pmfromfile", "PmFromFile"),
        ("beginswith", "BeginsWith"),
        ("endswith", "EndsWith"),
        ("containsword", "ContainsWord"),
        ("geolookup", "GeoLookup"),
        ("ipmatch", "IpMatch"),
        ("ipmatchfromfile", "IpMatchFromFile"),
    ];
    let known = IRREGULAR.iter().find(|(name, _)| name.eq_ignore_ascii_case(operator));
    if let Some((_, class)) = known {
        return (*class).to_owned();
    }
    let mut letters = operator.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

pub(super) fn text(bytes: &[u8]) -> String {
    bstr::BStr::new(bytes).to_string()
}

/// What is not printable as `\xHH`.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes.bytes() {
        match byte {
            32..=126 => out.push(char::from(byte)),
            _ => {
                let _infallible = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out
}

/// The first bytes, and how many there are beside.
pub(super) fn limited(most: usize, text: String) -> String {
    match text.split_at_checked(most) {
        Some((start, rest)) if !rest.is_empty() => {
            format!("{start} ({} characters omitted)", rest.len())
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_suite() {
        for (ours, theirs) in
            [("rx", "Rx"), ("STREQ", "StrEq"), ("validateByteRange", "ValidateByteRange"), ("", "")]
        {
            assert_eq!(class(ours), theirs);
        }
        assert_eq!(hex(b"a\n\xff"), "a\\x0a\\xff");
        assert_eq!(limited(2, "abcd".to_owned()), "ab (2 characters omitted)");
        assert_eq!(limited(4, "abcd".to_owned()), "abcd");
        assert_eq!(
            translated("multipart lacks its final boundary").as_deref(),
            Some("Multipart parsing error: Multipart: Final boundary missing.")
        );
        assert_eq!(translated("something else"), None);
    }
}

//! XML.

use crate::linear;
use burgrave_parse::xml::{Document, Limits, XPath};
use std::time::{Duration, Instant};

const LIMITS: Limits = Limits { depth_max: 64, nodes_max: 1_000, text_bytes_max: 10_000 };
const WIDE: Limits =
    Limits { depth_max: 256, nodes_max: 1_000_000, text_bytes_max: 32 * 1024 * 1024 };

fn select(input: &[u8], path: &str) -> Result<Vec<String>, String> {
    let document = Document::parse(input, LIMITS).map_err(|error| error.0)?;
    let found = document.select(&XPath::parse(path).unwrap()).map_err(|error| error.0)?;
    Ok(found.iter().map(|value| value.escape_ascii().to_string()).collect())
}

fn text(input: &[u8]) -> Result<String, String> {
    select(input, "/*").map(|values| values.concat())
}

#[test]
fn references_and_encodings() {
    for (input, expected) in [
        (&b"<a>&#60;&#x3c;&#X3C;</a>"[..], Some("<<<")),
        (b"<a>&#0;</a>", Some(r"\x00")),
        (b"<a>\xff\xc0\xaf</a>", Some(r"\xff\xc0\xaf")),
        (b"\xef\xbb\xbf<a>b</a>", Some("b")),
        (b"<a><![CDATA[]]>]]&gt;</a>", Some("]]>")),
        (b"<a><![CDATA[<script>]]></a>", Some("<script>")),
        (b"<a>1<!-- c -->2<?p i?>3</a>", Some("123")),
        (b"<!DOCTYPE a [<!ENTITY e '1'><!ENTITY e '2'>]><a>&e;</a>", Some("1")),
        (b"<!DOCTYPE a [<!ENTITY e \"a'b\">]><a>&e;</a>", Some(r"a\'b")),
        (b"<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>x&e;y</a>", Some("xy")),
        (b"<!DOCTYPE a [<!ENTITY e PUBLIC 'p' 'http://h/'>]><a>x&e;y</a>", Some("xy")),
        (b"<!DOCTYPE a SYSTEM 'http://h/d'><a>x</a>", Some("x")),
        (b"<a b='&lt;'>&lt</a>", None),
        // UTF-16 is not read, and so is refused.
        (b"\xff\xfe<\0a\0/\0>\0", None),
        (b"\xfe\xff\0<\0a\0/\0>", None),
        (b"<a/>\0", None),
        (b"<a/>x", None),
        (b"<a/>&lt;", None),
        (b"<a><b></a></b>", None),
        (b"<a x='1' X='2' x='3'/>", None),
        (b"<a <b/></a>", None),
        (b"<a><!-- -- --></a>", None),
        (b"<a><![CDATA[x</a>", None),
        (b"<a><!-- x</a>", None),
    ] {
        assert_eq!(text(input).ok().as_deref(), expected, "{}", input.escape_ascii());
    }
}

#[test]
fn attributes_are_seen_under_their_local_names() {
    let document = b"<r xmlns:p='u' p:x='1' y='&amp;2'><p:e x='3'/></r>";
    for (path, expected) in [
        ("//@*", vec!["1", "&2", "3"]),
        ("//@x", vec!["1", "3"]),
        ("/r/@y", vec!["&2"]),
        ("/r/e/@x", vec!["3"]),
        ("/r/e/@y", vec![]),
        ("//e", vec![""]),
        ("/r/@x/text()", vec![]),
    ] {
        assert_eq!(select(document, path).unwrap(), expected, "{path}");
    }
}

#[test]
fn an_element_holds_its_limits() {
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    assert!(Document::parse(nested(64).as_bytes(), LIMITS).is_ok());
    assert!(Document::parse(nested(65).as_bytes(), LIMITS).is_err());
    let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count));
    assert!(Document::parse(wide(999).as_bytes(), LIMITS).is_ok());
    assert!(Document::parse(wide(1_000).as_bytes(), LIMITS).is_err());
    let long = |bytes: usize| format!("<a>{}</a>", "x".repeat(bytes));
    assert!(Document::parse(long(10_000).as_bytes(), LIMITS).is_ok());
    assert!(Document::parse(long(10_001).as_bytes(), LIMITS).is_err());
    let attribute = format!("<a b='{}'/>", "x".repeat(10_001));
    assert!(Document::parse(attribute.as_bytes(), LIMITS).is_err());
    let spaces = (0..2_000).map(|n| format!(" xmlns:n{n}='u'")).collect::<String>();
    let named = format!("<a{spaces}/>");
    assert!(Document::parse(named.as_bytes(), LIMITS).is_err(), "name spaces count as well");
}

/// Ten references to ten references…: a document that is small and would be huge, or would take for
/// ever to become nothing.
fn bomb(seed: &str, levels: usize, width: usize) -> String {
    let declared: String = (1..=levels)
        .map(|level| {
            let inner = format!("&e{};", level - 1).repeat(width);
            format!("<!ENTITY e{level} '{inner}'>")
        })
        .collect();
    format!("<!DOCTYPE a [<!ENTITY e0 '{seed}'>{declared}]><a x='&e{levels};'>&e{levels};</a>")
}

#[test]
fn entity_bombs_end_soon() {
    let began = Instant::now();
    for (seed, levels, width) in [("lol", 7, 10), ("", 7, 10), ("", 7, 100), ("x", 2, 10_000)] {
        let document = bomb(seed, levels, width);
        assert!(Document::parse(document.as_bytes(), WIDE).is_err(), "{seed:?} {levels} {width}");
    }
    let repeated = format!(
        "<!DOCTYPE a [<!ENTITY e '{}'>]><a>{}</a>",
        "x".repeat(100_000),
        "&e;".repeat(100_000)
    );
    assert!(Document::parse(repeated.as_bytes(), WIDE).is_err());
    let loops = "<!DOCTYPE a [<!ENTITY e '&f;&f;'><!ENTITY f '&e;&e;'>]><a>&e;</a>";
    assert!(Document::parse(loops.as_bytes(), WIDE).is_err());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn few_entities_are_still_expanded() {
    let document = bomb("x", 2, 10);
    assert_eq!(text(document.as_bytes()).unwrap().len(), 100);
}

/// The application may know the entity that we would leave out.
#[test]
fn no_entity_is_left_out_for_being_one_too_many() {
    let document = |others: usize, name: &str| {
        let others: String = (0..others).map(|n| format!("<!ENTITY o{n} ''>")).collect();
        let declared = format!("<!DOCTYPE a [{others}<!ENTITY {name} 'attack'>]>");
        format!("{declared}<a x='&{name};'>&{name};</a>")
    };
    for (others, name, read) in [
        (0, "e".to_owned(), true),
        (63, "e".to_owned(), true),
        (64, "e".to_owned(), false),
        (0, "e".repeat(62), true),
        (0, "e".repeat(63), false),
    ] {
        for path in ["/*", "//@*"] {
            let found = select(document(others, &name).as_bytes(), path).ok();
            let expected = read.then(|| vec!["attack".to_owned()]);
            assert_eq!(found, expected, "{others} {name} {path}");
        }
    }
}

#[test]
fn text_of_nested_elements_is_not_multiplied_without_bound() {
    let depth = 200;
    let body = "x".repeat(20 * 1024 * 1024);
    let document = "<a>".repeat(depth) + &body + &"</a>".repeat(depth);
    let document = Document::parse(document.as_bytes(), WIDE).unwrap();
    let selected = document.select(&XPath::parse("/*").unwrap()).unwrap();
    assert_eq!(selected.iter().map(Vec::len).sum::<usize>(), body.len());
    assert!(document.select(&XPath::parse("//*").unwrap()).is_err(), "two hundred times the text");
}

#[test]
fn cost_grows_with_the_input() {
    let run = |input: &[u8]| {
        if let Ok(document) = Document::parse(input, WIDE) {
            for path in ["/*", "//@*", "//b", "/a/b/text()"] {
                let _result = document.select(&XPath::parse(path).unwrap());
            }
        }
    };
    let numbered = |prefix: &'static str| {
        move |n: usize| {
            let all: String = (0..n).map(|at| format!(" {prefix}{at}='v'")).collect();
            format!("<a{all}/>").into_bytes()
        }
    };
    linear("attributes", numbered("b"), run);
    linear("name spaces", numbered("xmlns:b"), run);
    linear("siblings", |n| format!("<a>{}</a>", "<b/>".repeat(n)).into_bytes(), run);
    linear("texts", |n| format!("<a>{}</a>", "x<b/>".repeat(n)).into_bytes(), run);
    linear("open elements", |n| "<a>".repeat(n).into_bytes(), run);
    linear("references", |n| format!("<a>{}</a>", "&lt;".repeat(n)).into_bytes(), run);
    linear("ampersands", |n| format!("<a b='{}'/>", "&".repeat(n)).into_bytes(), run);
    linear("comments", |n| format!("<a>{}</a>", "<!---->".repeat(n)).into_bytes(), run);
    linear("open comment", |n| format!("<a><!--{}", "-".repeat(n * 4)).into_bytes(), run);
    linear("brackets", |n| "<".repeat(n * 4).into_bytes(), run);
    linear("carriage returns", |n| format!("<a>{}</a>", "\r".repeat(n)).into_bytes(), run);
    let declarations = |n: usize| {
        let all: String = (0..n).map(|at| format!("<!ENTITY e{at} 'x'>")).collect();
        format!("<!DOCTYPE a [{all}]><a/>").into_bytes()
    };
    linear("declarations", declarations, run);
    let quotes =
        |n: usize| format!("<!DOCTYPE a [{}]><a/>", "<!ENTITY e 'x".repeat(n)).into_bytes();
    linear("open quotes in declarations", quotes, run);
}

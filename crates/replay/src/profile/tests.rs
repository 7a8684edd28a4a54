//! Whatever is drafted loads, and says nothing of a stranger's unescaped.

use super::*;
use burgrave_seclang::application::read;
use proptest::prelude::*;
use std::path::Path;

fn line(word: &'static str, name: &str, kind: Result<Kind, String>) -> Line {
    Line { word, name: name.as_bytes().to_vec(), kind, about: None }
}

fn text(routes: &[(&str, &str, Vec<Line>)]) -> String {
    let mut draft = Draft::default();
    for (method, path, lines) in routes {
        draft.route(method, path, lines.clone());
    }
    draft.text()
}

#[test]
fn a_draft_reads_as_it_loads() {
    let about = Some("40 values".to_owned());
    let lines = vec![
        line("query", "q", Err("free text".to_owned())),
        Line { about, ..line("query", "limit", Ok(Kind::Integer(None, None))) },
        line("path", "id", Ok(Kind::Uuid)),
        line("query", "limit", Ok(Kind::Number)),
        line("path", "other", Ok(Kind::Uuid)),
        line("json", "a b", Ok(Kind::Date)),
    ];
    let text = text(&[("GET", "/orders/{id}", lines)]);
    assert_eq!(
        text,
        "# Arguments with a type: 1; without one, and looked at as ever: 2.\n\
         # Read it, take out what is wrong, and name the file as `application` in [rules].\n\
         \n\
         route GET /orders/{id}\n\
         \x20 # json a b: its name cannot be written.\n\
         \x20 path id uuid\n\
         \x20 # 40 values\n\
         \x20 query limit integer\n\
         \x20 # query q: free text.\n"
    );
    assert_eq!(read(Path::new("p"), text.as_bytes()).unwrap().count(), (1, 1));
}

#[test]
fn what_would_not_load_is_left_out() {
    let uuid = |name| vec![line("path", name, Ok(Kind::Uuid)), line("query", "a", Ok(Kind::Date))];
    let text = text(&[
        ("GET", "/a/{id}", uuid("id")),
        ("GET", "/a/{x}", uuid("x")),
        ("GET", "/a/{y}", uuid("id")),
        ("GET", "/a/{y}.json", uuid("y")),
        ("GET", "/a/\u{1b}[2J", uuid("y")),
        ("get", "/b", uuid("y")),
        ("GET", "/c", Vec::new()),
    ]);
    assert_eq!(read(Path::new("p"), text.as_bytes()).unwrap().count(), (2, 2));
    assert!(text.contains("# left out: `GET /a/{x}` takes the same paths as another route.\n"));
    assert!(text.contains("`{y}.json`") && !text.contains('\u{1b}'), "{text}");
}

proptest! {
    /// Whatever a document or a request says: what is drafted loads, and has no line of theirs.
    #[test]
    fn every_draft_loads(
        names in proptest::collection::vec(("[ -~\n\r\u{1b}é\\\\\"']{0,10}", any::<bool>()), 0..8),
        path in "/[a-z{}/.%\n ]{0,12}",
    ) {
        let kind = |typed: bool, why: &str| if typed { Ok(Kind::Date) } else { Err(why.to_owned()) };
        let lines: Vec<Line> =
            names.iter().map(|(name, typed)| line("query", name, kind(*typed, name))).collect();
        let mut draft = Draft::default();
        draft.route("GET", &path, lines);
        let text = draft.text();
        let count = read(Path::new("p"), text.as_bytes()).map(|own| own.count().1);
        prop_assert_eq!(count.ok(), Some(text.lines().filter(|line| line.starts_with("  query ")).count()), "{}", text);
        prop_assert!(text.chars().all(|own| own == '\n' || own == '…' || (' '..='~').contains(&own)), "{text:?}");
    }
}

//! Whatever the text, the answer is settings that can be acted upon or errors that can be shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::string_slice,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use burgrave_config::{ConfigErrors, TEXT_BYTES_MAX, parse};
use proptest::prelude::*;
use std::time::{Duration, Instant};

const EXAMPLE: &str = include_str!("../../../dist/burgrave.example.toml");

/// What holds of every answer.
fn check(text: &str) {
    match parse(text) {
        Ok(settings) => {
            assert!(!settings.listeners.is_empty() && !settings.sites.is_empty());
            assert!(settings.state.is_absolute());
            for site in &settings.sites {
                assert!(!site.hosts.is_empty() && site.name == site.hosts[0]);
                assert!(site.files.is_some() || !site.routes.is_empty());
                for route in &site.routes {
                    assert!(route.path.starts_with('/') && !route.upstream.is_empty());
                }
            }
        }
        Err(errors) => check_errors(text, &errors),
    }
}

fn check_errors(text: &str, errors: &ConfigErrors) {
    assert!(!errors.errors.is_empty() && errors.errors.len() <= ConfigErrors::SHOWN_MAX);
    let lines: Vec<&str> = text.split('\n').collect();
    for error in &errors.errors {
        let line = lines.get(error.place.line - 1).expect("the line exists");
        assert!(error.place.column >= 1 && error.place.column <= line.chars().count() + 1);
        assert!(!error.message.is_empty() && !error.message.ends_with('.'));
    }
    let rendered = errors.render("burgrave.toml");
    assert!(rendered.lines().count() >= errors.errors.len() * 3);
    assert!(!rendered.chars().any(|character| character.is_control() && character != '\n'));
}

/// Pieces of which a configuration is made, in any order.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "[[listen]]",
        "[[site]]",
        "[[site.route]]",
        "[rules]",
        "[limits]",
        "[log]",
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        ",",
        ".",
        "\"",
        "'",
        "\"\"\"",
        "#",
        "address",
        "tls",
        "hosts",
        "path",
        "upstream",
        "files",
        "root",
        "limit",
        "per_client",
        "burst",
        "mode",
        "true",
        "false",
        "0",
        "-1",
        "1e9",
        "1979-05-27",
        "\"127.0.0.1:80\"",
        "\"/\"",
        "\"*\"",
        "\"10s\"",
        "\"1MiB\"",
        "\"self-signed\"",
        "\"http://127.0.0.1:1\"",
        "\u{feff}",
        "\r\n",
        "\0",
        "é",
    ];
    prop_oneof![4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(piece(), 0..60), gap in "[ \n]") {
        check(&pieces.join(&gap));
    }

    #[test]
    fn a_damaged_example(from in 0..EXAMPLE.len(), length in 0..40_usize, put in piece()) {
        let cut = |at: usize| (at..=EXAMPLE.len()).find(|&at| EXAMPLE.is_char_boundary(at)).unwrap();
        let (from, to) = (cut(from), cut((from + length).min(EXAMPLE.len())));
        check(&format!("{}{put}{}", &EXAMPLE[..from], &EXAMPLE[to..]));
    }
}

#[test]
fn deep_nesting_ends_in_an_error() {
    for (open, close) in [("[", "]"), ("{a=", "}"), ("[{a=[", "]}]")] {
        let text = format!("site = {}{}", open.repeat(100_000), close.repeat(100_000));
        check(&text);
        assert!(parse(&text).is_err());
    }
    check(&format!("{} = 1", vec!["a"; 100_000].join(".")));
    check(&format!("[{}]", vec!["a"; 100_000].join(".")));
}

#[test]
fn the_size_is_bounded() {
    let padding = "#".repeat(TEXT_BYTES_MAX - EXAMPLE.len());
    assert!(parse(&format!("{EXAMPLE}{padding}")).is_ok());
    let errors = parse(&format!("{EXAMPLE}{padding}#")).unwrap_err();
    assert_eq!(errors.errors[0].message, "the configuration has 1048577 bytes");
}

#[test]
fn a_text_full_of_errors_is_answered_in_time() {
    let lines: Vec<String> = (0..80_000).map(|number| format!("key{number} = 1")).collect();
    let unknown = lines.join("\n");
    let one_line = format!("site = [{}]", "1,".repeat(500_000));
    let broken = "=\n".repeat(500_000);
    let tables = "[[site]]\n".repeat(100_000);
    for text in [unknown, one_line, broken, tables] {
        let start = Instant::now();
        let errors = parse(&text).unwrap_err();
        check_errors(&text, &errors);
        assert!(errors.more > 1_000);
        assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
    }
}

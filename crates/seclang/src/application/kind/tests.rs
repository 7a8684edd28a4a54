//! Values of every type and near misses; types that are refused.

use super::*;
use proptest::prelude::*;

fn kind(written: &str) -> Result<Kind, String> {
    let words: Vec<Vec<u8>> = written.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    Kind::parse(&words)
}

const ALL: [&str; 11] = [
    "integer",
    "integer 1..100",
    "integer ..9",
    "number",
    "boolean",
    "uuid",
    "date",
    "date-time",
    "one-of asc desc",
    "token A-Za-z0-9_- 1..20",
    "token a-f0-9 32..32",
];

#[test]
fn types_are_written_as_they_are_read() {
    for written in ALL {
        assert_eq!(kind(written).unwrap().to_string(), written);
    }
    assert_eq!(kind("token 0-9 4").unwrap().to_string(), "token 0-9 4..4");
    assert_eq!(kind("one-of b a b").unwrap().to_string(), "one-of a b");
}

#[test]
fn values_are_of_their_type_or_not() {
    let digits = "1".repeat(21);
    let bits = "0".repeat(129);
    for (written, yes, no) in [
        (
            "integer",
            &["0", "-7", "007", "18446744073709551615"][..],
            &["", "-", "+1", "1.0", "1e3", "0x1", " 1", "1 ", "1\n", "１", digits.as_str()][..],
        ),
        ("integer 1..100", &["1", "100"], &["0", "101", "-1"]),
        ("integer ..9", &["-99", "9"], &["10"]),
        ("number", &["1", "-1.50", "0.1"], &[".5", "1.", "1.2.3", "1e9", "1,5", "NaN", "--1"]),
        ("boolean", &["true", "false"], &["True", "1", "", "true "]),
        (
            "uuid",
            &["6f9619ff-8b86-d011-b42d-00c04fc964ff", "6F9619FF-8B86-D011-B42D-00C04FC964FF"],
            &["6f9619ff8b86d011b42d00c04fc964ff", "6f9619ff-8b86-d011-b42d-00c04fc964fg"],
        ),
        ("date", &["2024-02-29"], &["2024-13-01", "2024-01-00", "2024-1-1", "2024-01-01'"]),
        (
            "date-time",
            &["2024-02-29T23:59:60Z", "2024-02-29T00:00:00.123456789+01:30"],
            &[
                "2024-02-29",
                "2024-02-29 00:00:00Z",
                "2024-02-29T00:00:00",
                "2024-02-29T24:00:00Z",
                "2024-02-29T00:00:00.Z",
                "2024-02-29T00:00:00.1234567890Z",
                "2024-02-29T00:00:00+1:30",
                "2024-02-29T00:00:00Z--",
            ],
        ),
        ("one-of asc desc", &["asc", "desc"], &["ASC", "as", "asc ", ""]),
        (
            "token A-Za-z0-9_- 1..20",
            &["a1", "BTC-USD-1", "x_9"],
            &[
                "whoami",
                "phpinfo",
                "-1",
                "--9",
                "a--1",
                "1-",
                "__proto__1",
                "a1.b",
                "a1'",
                "a1 b",
                "123456789012345678901",
                "",
            ],
        ),
        ("token 0-9 1..128", &["1"], &[bits.as_str()]),
    ] {
        let kind = kind(written).unwrap();
        for value in yes {
            assert!(kind.admits(value.as_bytes()), "{written}: {value:?}");
        }
        for value in no {
            assert!(!kind.admits(value.as_bytes()), "{written}: {value:?}");
        }
    }
}

#[test]
fn what_could_be_an_attack_is_no_type() {
    for (written, why) in [
        ("text", "`text` is no type whose values cannot be an attack"),
        ("token A-Za-z0-9. 1..20", "a token with `.` could be an attack"),
        ("token A-Za-z 1..20", "letters alone could be a command"),
        ("token a-z0-9 1..129", "1 to 128 bytes, not `1..129`"),
        ("token a-z0-9 0..5", "1 to 128 bytes, not `0..5`"),
        ("token a-z0-9 5..", "at most 128 bytes"),
        ("token a-z0-9 -5..-2", "no number of bytes"),
        ("token a-z0-9", "`token ALPHABET MIN..MAX`"),
        ("one-of a ../etc", "`../etc` could be an attack"),
        ("one-of -rf", "`-rf` could be an attack"),
        ("one-of a..b", "`a..b` could be an attack"),
        ("one-of __proto__", "could be an attack"),
        ("one-of '", "`\\'` could be an attack"),
        ("one-of", "names no word"),
        ("integer 9..1", "`9..1` is no range"),
        ("integer ..", "`..` is no range"),
        ("integer a", "`a` is no range"),
        ("uuid 4", "`uuid` has too much behind it"),
    ] {
        let error = kind(written).unwrap_err();
        assert!(error.contains(why), "{written}: {error}");
    }
    assert!(Kind::parse(&[]).unwrap_err().contains("a type is missing"));
    let words: Vec<Vec<u8>> = (0..=WORDS_MAX).map(|word| word.to_string().into_bytes()).collect();
    let many = Kind::one_of(words.iter().map(Vec::as_slice)).unwrap_err();
    assert!(many.contains("more than 1000 words"), "{many}");
}

proptest! {
    /// Whatever a type lets through holds nothing that a language could take hold of.
    #[test]
    fn no_type_has_a_value_that_could_be_an_attack(
        value in prop_oneof![
            "[ -~]{0,40}",
            "[a-z0-9_.:T+-]{0,40}",
            "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]{0,20}",
            proptest::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| bytes.iter().map(|byte| char::from(*byte)).collect()),
        ],
    ) {
        for written in ALL {
            if kind(written).unwrap().admits(value.as_bytes()) {
                prop_assert!(value.len() <= TOKEN_BYTES_MAX);
                prop_assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte)), "{written}: {value:?}");
                prop_assert!(!value.contains("--") && !value.contains("..") && !value.contains("__"), "{written}: {value:?}");
            }
        }
    }
}

#[test]
fn a_token_with_a_word_in_it_is_not_spared() {
    let token = kind("token A-Za-z0-9_- 1..40").unwrap();
    for value in
        ["python3", "perl5", "sqlite3", "base64_decode", "hex2bin-word1", "image2wbmp", "A1-select"]
    {
        assert!(token.admits(value.as_bytes()) && !token.spares(value.as_bytes()), "{value}");
    }
    for value in ["ORD-2024-0001", "a1b2c3", "DE89370400440532013000", "deadbeefcafe0", "X9"] {
        assert!(token.spares(value.as_bytes()), "{value}");
    }
    // Of the other types nothing is a word but those that are named.
    assert!(kind("one-of pending sent").unwrap().spares(b"pending"));
    assert!(kind("date-time").unwrap().spares(b"2026-11-26T10:00:00Z"));
}

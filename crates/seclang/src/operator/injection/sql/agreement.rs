//! Verdicts and fingerprints held against the original's, over values made from pieces of SQL.
//!
//! The original is no part of the tree, so what stands here is the digest of its answers for each block of values: that of
//! libinjection at commit 85e252a, in C, on x86-64. To find what differs in a block, run the original over the same
//! values and compare the digests, value by value.

use super::injection;

const BLOCK: u32 = 4096;

const PIECES: [&str; 128] = [
    "'",
    "\"",
    "`",
    "``",
    "''",
    "\\'",
    "\\",
    "\\N",
    "(",
    ")",
    "((",
    "))",
    "{",
    "}",
    "{``",
    "[",
    "]",
    "[a]",
    ",",
    ";",
    ";;",
    ".",
    ":",
    "::",
    ":=",
    "=",
    "<=>",
    "<=",
    "<>",
    "!=",
    "!",
    "!!",
    "~",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "|",
    "||",
    "|/",
    "&",
    "&&",
    "<",
    ">",
    "<@",
    "--",
    "-- ",
    "--\n",
    "#",
    "#\n",
    "/*",
    "*/",
    "/**/",
    "/*!",
    "/*/",
    "$",
    "$$",
    "$a$",
    "$.",
    "$1,2.3",
    "@",
    "@@",
    "@a",
    "@`",
    "@'",
    "1",
    "0",
    "12",
    "0x",
    "0x1F",
    "0b",
    "0b01",
    "1.",
    ".5",
    "1e",
    "1e5",
    "1e-5",
    "1f",
    "1d;",
    "b'01'",
    "b'0",
    "x'aF'",
    "x'",
    "e'a'",
    "n'",
    "nq'[a]'",
    "q'(a)'",
    "q'!a!'",
    "q' ",
    "u&'a'",
    "u&'",
    " ",
    "\t",
    "\u{a0}",
    "\0",
    "\u{1}",
    "?",
    "sp_password",
    "a",
    "a_b",
    "a.b",
    "union",
    "select",
    "all",
    "or",
    "and",
    "not",
    "in",
    "like",
    "collate",
    "int",
    "if",
    "user",
    "user(",
    "user_id",
    "into",
    "outfile",
    "order",
    "by",
    "sleep",
    "null",
    "case",
    "drop",
    "limit",
    "is",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// The values of a block: up to twelve pieces each, with or without spaces.
fn values(block: u32) -> impl Iterator<Item = Vec<u8>> {
    let mut state = 2 * u64::from(block) + 1;
    let mut draw = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..BLOCK).map(move |_| {
        let (count, spaces) = (1 + draw(12), draw(3));
        let mut value = Vec::new();
        for _ in 0..count {
            let piece = usize::try_from(draw(128)).unwrap();
            value.extend_from_slice(PIECES[piece].as_bytes());
            if draw(2) < spaces {
                value.push(b' ');
            }
        }
        value
    })
}

/// FNV-1a over each answer's letters and the end of a line.
fn digest(answers: impl Iterator<Item = Vec<u8>>) -> u64 {
    answers
        .flat_map(|letters| letters.into_iter().chain([b'\n']))
        .fold(0xCBF2_9CE4_8422_2325, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
}

#[test]
fn answers_are_those_of_the_original() {
    // Digest and number of injections.
    const DIGESTS: [(u64, usize); 16] = [
        (0x3C13_177F_C398_78FB, 535),
        (0x10C3_E436_B464_402B, 552),
        (0x8C30_EE7B_DD94_2F91, 489),
        (0xC864_7292_2523_D25F, 509),
        (0x7D91_CA05_00DB_4047, 524),
        (0x92B7_2886_B280_E615, 529),
        (0x1FFA_86D8_4337_C70C, 475),
        (0xDA7C_A78E_152F_7E25, 532),
        (0x8432_4901_434A_82CC, 534),
        (0xC28D_AE04_EDE4_A0E7, 514),
        (0x3171_EEA2_304E_4685, 476),
        (0x8F61_1F2F_9791_596F, 537),
        (0x0ADF_6723_8C4C_ABF3, 555),
        (0x311C_3E74_6E02_E9BB, 494),
        (0x235C_446F_30B6_656E, 522),
        (0xBA65_21B7_A1A4_7B8D, 584),
    ];
    for (block, (expected, injections)) in (0..).zip(DIGESTS) {
        let answer = |value: Vec<u8>| {
            injection(&value).map(|print| print.as_bytes().to_vec()).unwrap_or_default()
        };
        let found = values(block).map(answer).filter(|letters| !letters.is_empty()).count();
        assert_eq!((digest(values(block).map(answer)), found), (expected, injections), "{block}");
    }
}

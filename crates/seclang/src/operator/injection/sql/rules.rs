//! What says nothing about a statement's shape: the conditions of folding, each on the tokens it is given.
//!
//! They are libinjection's. A condition must not change a token or know the window; that is the folding's.

use super::token::{Kind, Token};
use super::words;

/// Names of columns that are functions before a parenthesis.
const CALLABLE: [&[u8]; 11] = [
    b"USER_ID",
    b"USER_NAME",
    b"DATABASE",
    b"PASSWORD",
    b"USER",
    b"CURRENT_USER",
    b"CURRENT_DATE",
    b"CURRENT_TIME",
    b"CURRENT_TIMESTAMP",
    b"LOCALTIME",
    b"LOCALTIMESTAMP",
];

/// Whether it is one of them.
pub(super) fn is_callable(name: &Token<'_>) -> bool {
    CALLABLE.iter().any(|callable| name.is(callable))
}

/// Five tokens, and a sixth perhaps, that are a list or a calculation: what follows may say something.
pub(super) fn is_list(tokens: &[Token<'_>]) -> bool {
    let Some(five) = tokens.first_chunk::<5>() else { return false };
    matches!(
        five.map(|token| token.kind),
        [Kind::Number, Kind::Operator | Kind::Comma, Kind::Open, Kind::Number, Kind::Close]
            | [Kind::Word, Kind::Operator, Kind::Open, Kind::Word | Kind::Number, Kind::Close]
            | [Kind::Number, Kind::Close, Kind::Comma, Kind::Open, Kind::Number]
            | [Kind::Word, Kind::Close, Kind::Operator, Kind::Open, Kind::Word]
    )
}

/// `, -1`: one more item.
pub(super) fn is_signed_item(first: &Token<'_>, second: &Token<'_>, third: &Token<'_>) -> bool {
    first.kind == Kind::Comma
        && second.is_unary()
        && matches!(third.kind, Kind::Number | Kind::Word | Kind::Variable | Kind::Text)
}

/// Whether the second says nothing: the sign of a value, as in `select -1`, or a dot without a name before it.
pub(super) fn is_second_nothing(first: &Token<'_>, second: &Token<'_>, third: &Token<'_>) -> bool {
    let is_value = matches!(
        third.kind,
        Kind::Number | Kind::Word | Kind::Variable | Kind::Text | Kind::Function
    );
    match (first.kind, second.kind) {
        (Kind::Expression, Kind::Dot) => third.kind == Kind::Word,
        (Kind::Expression | Kind::Group, _) => {
            second.is_unary() && (is_value || third.kind == Kind::Open)
        }
        (Kind::Keyword, _) => second.is_unary() && is_value,
        (Kind::Comma, _) => second.is_unary() && matches!(third.kind, Kind::Open | Kind::Function),
        _ => false,
    }
}

/// What two words mean together.
pub(super) fn phrase<'a>(first: &Token<'a>, second: &Token<'a>) -> Option<Token<'static>> {
    let is_word = |kind| {
        matches!(
            kind,
            Kind::Keyword
                | Kind::Word
                | Kind::Operator
                | Kind::Union
                | Kind::Function
                | Kind::Expression
                | Kind::Statement
                | Kind::Type
        )
    };
    let may_join = is_word(first.kind) && (is_word(second.kind) || second.kind == Kind::Logic);
    may_join.then(|| words::phrase(first.text, second.text)).flatten()
}

/// Whether three tokens are no more than the first.
pub(super) fn is_one_value(first: &Token<'_>, second: &Token<'_>, third: &Token<'_>) -> bool {
    match (first.kind, second.kind, third.kind) {
        // Two operators with something between them, or two conditions.
        (Kind::Operator, kind, Kind::Operator) => kind != Kind::Open,
        (Kind::Logic, _, Kind::Logic)
        // A calculation,
        | (Kind::Number | Kind::Word, Kind::Operator, Kind::Number | Kind::Word)
        | (Kind::Variable, Kind::Operator, Kind::Variable | Kind::Number | Kind::Word)
        // a list,
        | (
            Kind::Word | Kind::Number | Kind::Text | Kind::Variable,
            Kind::Comma,
            Kind::Word | Kind::Number | Kind::Text | Kind::Variable,
        )
        // a qualified name.
        | (Kind::Word, Kind::Dot, Kind::Word) => true,
        // PostgreSQL's conversion, `1::text`.
        (
            Kind::Word | Kind::Number | Kind::Text | Kind::Variable,
            Kind::Operator,
            Kind::Type,
        ) => second.text == b"::",
        _ => false,
    }
}

/// In Transact-SQL a statement, elsewhere a function.
pub(super) fn begins_with_if(name: &[u8]) -> bool {
    name.first_chunk::<2>().is_some_and(|begin| begin.eq_ignore_ascii_case(b"IF"))
}

/// Collations have an underscore. What stands after a NUL is not looked at.
pub(super) fn names_collation(name: &[u8]) -> bool {
    name.iter().take_while(|byte| **byte != 0).any(|byte| *byte == b'_')
}

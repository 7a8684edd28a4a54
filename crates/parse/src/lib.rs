//! Bodies and headers as bytes: urlencoded forms, cookies, multipart, JSON, XML; and certificates.
//!
//! Every parser takes the whole body and bounds of its caller, runs in time linear in its input, and
//! reports what was odd about it beside what it found: to a rule engine the oddity is the news.
//!
//! Invariants: no I/O; no allocation without a limit from the caller; no panic on any input; nothing is
//! decoded to text on the way (an invalid byte stays that byte).

pub mod certificate;
pub mod cookies;
pub mod form;
pub mod json;
pub mod multipart;
pub mod xml;

/// A body that cannot be what it says it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Appends a number in decimal, without an allocation of its own.
pub fn push_decimal(number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = number;
    loop {
        out.push(b'0' + u8::try_from(rest % 10).unwrap_or_default());
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.get_mut(start..).unwrap_or_default().reverse();
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_in_decimal() {
        for number in [0, 9, 10, 99, 1234, u64::MAX] {
            let mut out = b".".to_vec();
            super::push_decimal(number, &mut out);
            assert_eq!(out, format!(".{number}").into_bytes());
        }
    }
}

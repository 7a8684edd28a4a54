//! `@verifyCC`, `@verifyCPF`, `@verifySSN`, `@verifySVNR`: numbers whose check digits are right, found
//! by the rule's own pattern.

use crate::regex::{Exhausted, Regex};
use std::ops::Range;

/// Which kind of number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// Payment cards (ISO/IEC 7812, Luhn).
    Card,
    /// Brazilian taxpayers.
    Cpf,
    /// United States social security.
    Ssn,
    /// Austrian social insurance.
    Svnr,
}

impl Number {
    /// By the operator's name in lower case.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "verifycc" => Self::Card,
            "verifycpf" => Self::Cpf,
            "verifyssn" => Self::Ssn,
            "verifysvnr" => Self::Svnr,
            _ => return None,
        })
    }

    fn is_right(self, text: &[u8]) -> bool {
        let digits: Vec<u32> =
            text.iter().filter_map(|&byte| char::from(byte).to_digit(10)).collect();
        match self {
            Self::Card => card(&digits),
            Self::Cpf => cpf(&digits),
            Self::Ssn => ssn(&digits),
            Self::Svnr => svnr(&digits),
        }
    }
}

/// The first match of the pattern that is a right number.
pub(super) fn find(
    number: Number,
    pattern: &Regex,
    value: &[u8],
) -> Result<Option<Range<usize>>, Exhausted> {
    let mut start = 0;
    while start <= value.len() {
        let Some(found) = pattern.captures_from(value, start)? else { return Ok(None) };
        let Some(Some(whole)) = found.into_iter().next() else { return Ok(None) };
        if number.is_right(value.get(whole.clone()).unwrap_or_default()) {
            return Ok(Some(whole));
        }
        start = whole.start + 1;
    }
    Ok(None)
}

fn card(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, &digit)| match (index % 2, digit * 2) {
            (1, double) if double > 9 => double - 9,
            (1, double) => double,
            _ => digit,
        })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

fn cpf(digits: &[u32]) -> bool {
    let [numbers @ .., first, second] = digits else { return false };
    let check = |digits: &[u32]| {
        let weights = (2..).take(digits.len());
        let sum: u32 = digits.iter().rev().zip(weights).map(|(digit, weight)| digit * weight).sum();
        match 11 - sum % 11 {
            10 | 11 => 0,
            digit => digit,
        }
    };
    let varied = digits.windows(2).any(|pair| matches!(pair, [left, right] if left != right));
    numbers.len() == 9
        && varied
        && check(numbers) == *first
        && digits.get(..10).is_some_and(|ten| check(ten) == *second)
}

fn ssn(digits: &[u32]) -> bool {
    if digits.len() != 9 {
        return false;
    }
    let number = |range: Range<usize>| {
        digits.get(range).unwrap_or_default().iter().fold(0, |sum, digit| sum * 10 + digit)
    };
    let (area, group, serial) = (number(0..3), number(3..5), number(5..9));
    let same = digits.windows(2).all(|pair| matches!(pair, [left, right] if left == right));
    let rising = digits.windows(2).all(|pair| matches!(pair, [left, right] if left + 1 == *right));
    !(same || rising) && area > 0 && area < 740 && area != 666 && group > 0 && serial > 0
}

fn svnr(digits: &[u32]) -> bool {
    const WEIGHTS: [u32; 10] = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6];
    let same = digits.windows(2).all(|pair| matches!(pair, [left, right] if left == right));
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    digits.len() == 10 && !same && digits.get(3) == Some(&(sum % 11))
}

#[cfg(test)]
mod tests {
    use super::super::testing::matches;

    #[test]
    fn check_digits() {
        for (name, pattern, value, right) in [
            ("verifyCC", r"\d{13,16}", "card 5484605089158216 x", true),
            ("verifyCC", r"\b\d{16}\b", "card 5484605089158217 x", false),
            ("verifyCC", r"\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}", "5484-6050-8915-8216", true),
            ("verifyCPF", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", "529.982.247-25", true),
            ("verifyCPF", r"\d{11}", "52998224726", false),
            ("verifyCPF", r"\d{11}", "11111111111", false),
            ("verifySSN", r"\d{3}-?\d{2}-?\d{4}", "123-45-6780", true),
            ("verifySSN", r"\d{3}-?\d{2}-?\d{4}", "666-45-6789", false),
            ("verifySVNR", r"\d{10}", "1237010180", true),
            ("verifySVNR", r"\d{10}", "1234010180", false),
        ] {
            assert_eq!(matches(name, pattern, value.as_bytes()), right, "{name} {value}");
        }
    }
}

//! `@eq`, `@ge`, `@gt`, `@le`, `@lt`.

/// Which comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Comparison {
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
}

impl Comparison {
    /// By its name in lower case.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Eq,
            "ge" => Self::Ge,
            "gt" => Self::Gt,
            "le" => Self::Le,
            "lt" => Self::Lt,
            _ => return None,
        })
    }

    /// The value on the left, the parameter on the right.
    pub(super) fn holds(self, value: &[u8], parameter: &[u8]) -> bool {
        self.compare(parse_integer(value), parse_integer(parameter))
    }

    /// The same of numbers.
    pub(crate) fn compare(self, value: i64, parameter: i64) -> bool {
        match self {
            Self::Eq => value == parameter,
            Self::Ge => value >= parameter,
            Self::Gt => value > parameter,
            Self::Le => value <= parameter,
            Self::Lt => value < parameter,
        }
    }
}

/// C's `atoll`: white space, a sign, digits; what follows is ignored, no digits are 0. Saturates.
pub(crate) fn parse_integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let digits = digits.iter().map_while(|&byte| char::from(byte).to_digit(10));
    let number =
        digits.fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(digit.into()));
    if negative { -number } else { number }
}

#[cfg(test)]
mod tests {
    use super::super::testing::matches;
    use super::parse_integer;

    #[test]
    fn comparisons() {
        for (name, parameter, value, holds) in [
            ("eq", "5", "5", true),
            ("eq", "0", "abc", true),
            ("eq", "5", "5abc", true),
            ("ge", "5", "5", true),
            ("gt", "5", "5", false),
            ("gt", "5", "10", true),
            ("le", "-1", "-2", true),
            ("lt", "5", "4", true),
            ("lt", "5", "5", false),
        ] {
            assert_eq!(
                matches(name, parameter, value.as_bytes()),
                holds,
                "{value} {name} {parameter}"
            );
        }
    }

    #[test]
    fn numbers_saturate() {
        assert_eq!(parse_integer(b" +12x"), 12);
        assert_eq!(parse_integer(b"99999999999999999999"), i64::MAX);
        assert_eq!(parse_integer(b"--1"), 0);
    }
}

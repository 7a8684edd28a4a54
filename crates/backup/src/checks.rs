//! What a restored database is asked, and whether the answer is what it has to be.

use burgrave_config::DrillCheck;

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What was asked.
    pub query: String,
    /// What was to come.
    pub expect: Option<String>,
    /// What came.
    pub value: String,
    /// Whether it was that.
    pub held: bool,
}

/// Whether an answer is what was expected.
pub(crate) fn judge(check: &DrillCheck, value: String) -> Checked {
    let held = match &check.expect {
        None => !matches!(value.as_str(), "" | "0" | "f" | "false"),
        Some(expect) => {
            let (operator, wanted) = expect.split_once(' ').unwrap_or(("=", expect));
            let wanted = wanted.trim();
            let numbers = (value.parse::<f64>().ok(), wanted.parse::<f64>().ok());
            let order = match numbers {
                (Some(value), Some(wanted)) => value.partial_cmp(&wanted),
                _ => Some(value.as_str().cmp(wanted)),
            };
            order.is_some_and(|order| match operator {
                "=" => order.is_eq(),
                "!=" => order.is_ne(),
                ">=" => order.is_ge(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                "<" => order.is_lt(),
                _ => false,
            })
        }
    };
    Checked { query: check.query.clone(), expect: check.expect.clone(), value, held }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_judged() {
        for (expect, value, held) in [
            (None, "1", true),
            (None, "", false),
            (None, "f", false),
            (None, "0", false),
            (Some(">= 1000"), "1000", true),
            (Some(">= 1000"), "999", false),
            (Some(">= 1000"), "", false),
            (Some("> 9"), "10", true),
            (Some("< 9"), "10", false),
            (Some("= ok"), "ok", true),
            (Some("!= ok"), "ok", false),
            (Some(">= 2026-11-21"), "2026-11-22 10:00", true),
        ] {
            let check = DrillCheck { query: "q".to_owned(), expect: expect.map(str::to_owned) };
            assert_eq!(judge(&check, value.to_owned()).held, held, "{expect:?} {value}");
        }
    }
}

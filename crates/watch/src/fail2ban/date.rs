//! A `datepattern`: what of a line is its time. Only the place matters here, as it is taken out before
//! the expressions are tried; a pattern of fail2ban's own (`{^LN-BEG}`, `Epoch`) takes what we take anyway.

use super::translate::translate;

/// The times that `{DATE}` stands for.
const DATE: &str = r"(?:\d{4}[-/.]\d{2}[-/.]\d{2}[T ]\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?(?:\s?(?:Z|[+-]\d{2}:?\d{2}))?|\d{1,2}/[A-Za-z]{3}/\d{4}:\d{2}:\d{2}:\d{2}(?: [+-]\d{4})?|(?:[A-Za-z]{3} )?[A-Za-z]{3} [ \d]?\d \d{2}:\d{2}:\d{2}(?:\.\d+)?(?: \d{4})?)";

/// The expression of one line of a `datepattern`, once `%%` is `%`; `Ok(None)`: one of fail2ban's own.
pub(super) fn expression(pattern: &str) -> Result<Option<String>, String> {
    let pattern = pattern.trim();
    let is_own = ["{^LN-BEG}", "{UNB}", "Epoch", "EPOCH", "TAI64N", "**"]
        .iter()
        .any(|own| pattern.contains(own));
    if pattern.is_empty() || is_own {
        return Ok(None);
    }
    let mut out = String::new();
    let mut rest = pattern.replace("{DATE}", DATE);
    while let Some(at) = rest.find('%') {
        out.push_str(rest.get(..at).unwrap_or_default());
        let after = rest.get(at + 1..).unwrap_or_default();
        let exact = after.strip_prefix("Ex").unwrap_or(after);
        let mut letters = exact.chars();
        let letter =
            letters.next().ok_or_else(|| "a `%` at the end of `datepattern`".to_owned())?;
        out.push_str(match letter {
            'Y' => r"\d{4}",
            'y' | 'm' | 'd' | 'H' | 'I' | 'M' | 'S' => r"\d{1,2}",
            'f' => r"\d{1,9}",
            'b' | 'B' | 'a' | 'A' => r"[^\W\d_]{2,12}\.?",
            'p' => "[AaPp][Mm]",
            'z' => r"(?:Z|[+-]\d{2}:?\d{2})",
            'Z' => "[A-Z]{1,5}",
            _ => return Err(format!("`%{letter}` in `datepattern` is not known")),
        });
        rest = letters.as_str().to_owned();
    }
    out.push_str(&rest);
    translate(&out).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_times_become_expressions() {
        assert_eq!(expression("{^LN-BEG}%ExY-%m"), Ok(None));
        assert_eq!(
            expression(r"^\[%d/%b/%Y %H:%M:%S\]"),
            Ok(Some(r"^\[\d{1,2}/[^\W\d_]{2,12}\.?/\d{4} \d{1,2}:\d{1,2}:\d{1,2}\]".to_owned()))
        );
        assert!(expression(r"^[^\[]*(\[{DATE}\s*\])").unwrap().unwrap().contains(r"\d{4}"));
        for wrong in ["%Q", "%", r"(?P<x>%Y)(?P=x)"] {
            assert!(expression(wrong).is_err(), "{wrong}");
        }
    }
}

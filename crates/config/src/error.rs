//! What is wrong with a configuration, rendered as a compiler does.

use crate::Place;
use std::fmt::{self, Write};

/// One thing that is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// The key as a path, `site[1].route[0].upstream`; empty where the text is no TOML.
    pub path: String,
    /// What was found and why it cannot stay.
    pub message: String,
    /// What is allowed, or what to do.
    pub allowed: Option<String>,
    /// The known key that is most like an unknown one.
    pub nearest: Option<&'static str>,
}

/// Everything that is wrong with a configuration, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    /// Never empty; at most [`Self::SHOWN_MAX`].
    pub errors: Vec<ConfigError>,
    /// How many more were found and not kept.
    pub more: usize,
}

impl ConfigErrors {
    /// Errors that are kept of one text.
    pub const SHOWN_MAX: usize = 100;

    /// All errors for people, with the lines that they stand in. `file` is what the text is called.
    pub fn render(&self, file: &str) -> String {
        let mut text = String::new();
        for error in &self.errors {
            // Writing to a `String` does not fail.
            error.write(file, &mut text).ok();
        }
        if self.more > 0 {
            writeln!(text, "{file}: {} more errors are not shown", self.more).ok();
        }
        text
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.len().saturating_add(self.more) {
            1 => f.write_str("the configuration has 1 error"),
            count => write!(f, "the configuration has {count} errors"),
        }
    }
}

impl ConfigError {
    fn write(&self, file: &str, text: &mut String) -> fmt::Result {
        let Place { line, column, width, shown, shown_column } = &self.place;
        write!(text, "{file}:{line}:{column}: {}", self.message)?;
        if let Some(nearest) = self.nearest {
            write!(text, " (did you mean `{nearest}`?)")?;
        }
        let gutter = line.to_string().len();
        let (indent, carets) = (" ".repeat(*shown_column), "^".repeat(*width));
        writeln!(text, "\n {line} | {}", shown.trim_end())?;
        writeln!(text, " {:gutter$} | {indent}{carets}", "")?;
        if !self.path.is_empty() {
            writeln!(text, " {:gutter$} = at: {}", "", self.path)?;
        }
        if let Some(allowed) = &self.allowed {
            writeln!(text, " {:gutter$} = allowed: {allowed}", "")?;
        }
        Ok(())
    }
}

/// A user's words as they can be shown: quoted, short, and without control characters.
pub(crate) fn quoted(words: &str) -> String {
    const CHARS_MAX: usize = 80;
    let mut shown: String = words.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if words.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Lines;

    fn error(nearest: Option<&'static str>, allowed: Option<&str>) -> ConfigError {
        ConfigError {
            place: Lines::new("\n\tlisen = 1\n").place(&(2..7)),
            path: "lisen".to_owned(),
            message: "unknown key `lisen`".to_owned(),
            allowed: allowed.map(str::to_owned),
            nearest,
        }
    }

    #[test]
    fn errors_show_their_line() {
        let whole = error(Some("listen"), Some("`listen`, `site`"));
        let bare = ConfigError { path: String::new(), ..error(None, None) };
        let errors = ConfigErrors { errors: vec![whole, bare], more: 3 };
        assert_eq!(
            errors.render("burgrave.toml"),
            "burgrave.toml:2:2: unknown key `lisen` (did you mean `listen`?)
 2 |  lisen = 1
   |  ^^^^^
   = at: lisen
   = allowed: `listen`, `site`
burgrave.toml:2:2: unknown key `lisen`
 2 |  lisen = 1
   |  ^^^^^
burgrave.toml: 3 more errors are not shown
"
        );
        assert_eq!(errors.to_string(), "the configuration has 5 errors");
        let one = ConfigErrors { errors: vec![error(None, None)], more: 0 };
        assert_eq!(one.to_string(), "the configuration has 1 error");
    }

    #[test]
    fn words_are_quoted_short_and_harmless() {
        assert_eq!(quoted("a`b"), "`a`b`");
        assert_eq!(quoted("a\u{1b}[2J\n"), "`a\\u{1b}[2J\\n`");
        assert_eq!(quoted(&"x".repeat(81)), format!("`{}…`", "x".repeat(80)));
        assert_eq!(quoted(&"x".repeat(80)), format!("`{}`", "x".repeat(80)));
    }
}

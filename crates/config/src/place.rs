//! Byte offsets → lines and columns.

use std::ops::Range;

/// Characters of a source line that are shown.
const SHOWN_CHARS_MAX: usize = 120;

/// A text with the beginnings of its lines.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// Where something stands, with the line it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters it takes of its first line; at least 1.
    pub width: usize,
    /// The line as it can be shown: a long one cut, control characters replaced.
    pub(crate) shown: String,
    /// Column of [`Self::column`] within `shown`, from 0.
    pub(crate) shown_column: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The number of the line, from 0, that holds an offset.
    pub(crate) fn index(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset).saturating_sub(1)
    }

    /// A span that may reach over several lines is shown as far as its first one goes.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let index = self.index(span.start);
        let start = self.starts.get(index).copied().unwrap_or_default();
        let next = self.starts.get(index + 1).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..next).unwrap_or_default();
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (from, to) = (span.start - start, span.end.saturating_sub(start));
        let starts_before =
            |end: usize| line.char_indices().take_while(|(at, _)| *at < end).count();
        let before = starts_before(from);
        let width = starts_before(to).saturating_sub(before).max(1);
        let skipped = before.saturating_sub(SHOWN_CHARS_MAX / 2);
        let shown: String = line.chars().skip(skipped).take(SHOWN_CHARS_MAX).map(plain).collect();
        let width_max = shown.chars().count().saturating_sub(before - skipped).max(1);
        Place {
            line: index + 1,
            column: before + 1,
            width: width.min(width_max),
            shown,
            shown_column: before - skipped,
        }
    }
}

/// One character in the place of one, so that columns stay what they are.
fn plain(character: char) -> char {
    match character {
        '\t' => ' ',
        control if control.is_control() => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns() {
        let text = "ab\r\nüß = 1\n\tx";
        let lines = Lines::new(text);
        for (span, line, column, width, shown) in [
            (0..2, 1, 1, 2, "ab"),
            (4..6, 2, 1, 1, "üß = 1"),
            (6..8, 2, 2, 1, "üß = 1"),
            (11..12, 2, 6, 1, "üß = 1"),
            (13..15, 3, 1, 2, " x"),
            (14..15, 3, 2, 1, " x"),
            (15..15, 3, 3, 1, " x"),
            (4..15, 2, 1, 6, "üß = 1"),
        ] {
            let place = lines.place(&span);
            let got = (place.line, place.column, place.width, place.shown.as_str());
            assert_eq!(got, (line, column, width, shown), "{span:?}");
        }
    }

    #[test]
    fn an_empty_text_has_one_place() {
        let place = Lines::new("").place(&(0..0));
        assert_eq!((place.line, place.column, place.width), (1, 1, 1));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = "x".repeat(100_000);
        let place = Lines::new(&text).place(&(50_000..60_000));
        assert_eq!((place.column, place.shown_column), (50_001, 60));
        assert_eq!((place.shown.len(), place.width), (120, 60));
    }

    #[test]
    fn control_characters_are_not_shown() {
        let place = Lines::new("a\u{1b}[31mb").place(&(0..1));
        assert_eq!(place.shown, "a\u{fffd}[31mb");
    }
}

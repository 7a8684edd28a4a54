//! The difference of two texts, line by line, for people.
//!
//! Invariants: bounded in time and in output; control characters of the host are escaped.

/// Lines of the middle part, of both sides multiplied, that are compared one with another.
const CELLS_MAX: usize = 1_000_000;
/// Unchanged lines that are shown around a change.
const AROUND: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Both,
    Old,
    New,
}

/// Lines with `-` and `+` in front, unchanged ones around them; `…` where some are left out.
pub(crate) fn diff(old: &[u8], new: &[u8]) -> Vec<String> {
    let (old, new) = (lines(old), lines(new));
    let rows = rows(&old, &new);
    let mut shown = vec![false; rows.len()];
    for (at, (side, _)) in rows.iter().enumerate() {
        if *side != Side::Both {
            let range = at.saturating_sub(AROUND)..(at + AROUND + 1).min(rows.len());
            if let Some(part) = shown.get_mut(range) {
                part.fill(true);
            }
        }
    }
    let mut out = Vec::new();
    let mut left_out = false;
    for ((side, line), shown) in rows.iter().zip(shown) {
        if !shown {
            left_out = true;
            continue;
        }
        if left_out {
            out.push("  …".to_owned());
        }
        left_out = false;
        let mark = match side {
            Side::Both => ' ',
            Side::Old => '-',
            Side::New => '+',
        };
        out.push(format!("{mark} {}", visible(line)));
    }
    out
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    if text.is_empty() {
        return Vec::new();
    }
    text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n').collect()
}

/// Control characters and what is no UTF-8 become visible.
pub(crate) fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let turns = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
            if letter == '\t' || !(letter.is_control() || turns) {
                text.push(letter);
            } else {
                text.extend(letter.escape_default());
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// What both begin and end with is taken off; the middle is compared by its longest common
/// subsequence, or shown as replaced where it is too long for that.
fn rows<'t>(old: &[&'t [u8]], new: &[&'t [u8]]) -> Vec<(Side, &'t [u8])> {
    let first = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - first;
    let last = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b);
    let last = last.count();
    let middle = |all: &[&'t [u8]]| -> Vec<&'t [u8]> {
        all.get(first..all.len() - last).unwrap_or_default().to_vec()
    };
    let mut out: Vec<_> = old.iter().take(first).map(|line| (Side::Both, *line)).collect();
    let (a, b) = (middle(old), middle(new));
    if a.len().saturating_mul(b.len()) > CELLS_MAX {
        out.extend(a.iter().map(|line| (Side::Old, *line)));
        out.extend(b.iter().map(|line| (Side::New, *line)));
    } else {
        common(&a, &b, &mut out);
    }
    out.extend(old.iter().skip(old.len() - last).map(|line| (Side::Both, *line)));
    out
}

fn common<'t>(old: &[&'t [u8]], new: &[&'t [u8]], out: &mut Vec<(Side, &'t [u8])>) {
    let table = lengths(old, new);
    let width = new.len() + 1;
    let cell = |row: usize, column: usize| table.get(row * width + column).copied().unwrap_or(0);
    let (mut row, mut column) = (0, 0);
    loop {
        match (old.get(row), new.get(column)) {
            (Some(left), Some(right)) if left == right => {
                out.push((Side::Both, left));
                (row, column) = (row + 1, column + 1);
            }
            (Some(left), None) => {
                out.push((Side::Old, left));
                row += 1;
            }
            (Some(left), Some(_)) if cell(row + 1, column) >= cell(row, column + 1) => {
                out.push((Side::Old, left));
                row += 1;
            }
            (_, Some(right)) => {
                out.push((Side::New, right));
                column += 1;
            }
            (None, None) => return,
        }
    }
}

/// For each pair of places how long the longest common subsequence of what follows is.
fn lengths(old: &[&[u8]], new: &[&[u8]]) -> Vec<usize> {
    let width = new.len() + 1;
    let mut table = vec![0_usize; (old.len() + 1) * width];
    for (row, left) in old.iter().enumerate().rev() {
        for (column, right) in new.iter().enumerate().rev() {
            let cell =
                |row: usize, column: usize| table.get(row * width + column).copied().unwrap_or(0);
            let best = if left == right {
                cell(row + 1, column + 1) + 1
            } else {
                cell(row + 1, column).max(cell(row, column + 1))
            };
            if let Some(slot) = table.get_mut(row * width + column) {
                *slot = best;
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_with_what_stands_around_them() {
        for (old, new, wanted) in [
            ("", "a\n", &["+ a"][..]),
            ("a\n", "", &["- a"]),
            ("a\nb\n", "a\nb\n", &[]),
            ("a\nb\nc\n", "a\nx\nc\n", &["  a", "- b", "+ x", "  c"]),
            ("1\n2\n3\n4\nx", "1\n2\n3\n4\ny", &["  …", "  3", "  4", "- x", "+ y"]),
            ("a\n\u{1b}[2J", "a\n", &["  a", "- \\u{1b}[2J"]),
            ("a\nb\na\n", "a\na\n", &["  a", "- b", "  a"]),
        ] {
            assert_eq!(diff(old.as_bytes(), new.as_bytes()), wanted, "{old:?} {new:?}");
        }
        assert_eq!(diff(b"\xff", b""), ["- \\xff"]);
    }

    #[test]
    fn long_texts_are_compared_in_bounds() {
        let text = |mark: char| (0..20_000).map(|n| format!("{mark}{n}\n")).collect::<String>();
        assert_eq!(diff(text('a').as_bytes(), text('b').as_bytes()).len(), 40_000);
    }

    #[test]
    fn a_difference_rebuilds_both_sides() {
        let words = ["a", "b", "c"];
        for seed in 0_usize..2_000 {
            let text = |mut n: usize| -> String {
                let mut out = String::new();
                while n > 0 {
                    out.push_str(words[n % 3]);
                    out.push('\n');
                    n /= 3;
                }
                out
            };
            let (old, new) = (text(seed), text(seed * 7 % 2_187));
            let (a, b) = (lines(old.as_bytes()), lines(new.as_bytes()));
            let rows = rows(&a, &b);
            let side = |not: Side| -> Vec<&[u8]> {
                rows.iter().filter(|(side, _)| *side != not).map(|(_, line)| *line).collect()
            };
            assert_eq!(
                (side(Side::New), side(Side::Old)),
                (a.clone(), b.clone()),
                "{old:?} {new:?}"
            );
        }
    }
}

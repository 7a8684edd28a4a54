//! The known word that a mistyped one was most likely meant to be.

/// Longer words are not compared: nobody mistypes a key of twelve letters that far.
const CHARS_MAX: usize = 40;

/// The nearest of the known words, when it is near: one edit in a short word, up to a third of the
/// letters in a longer one.
pub(crate) fn nearest(
    word: &str,
    known: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    if word.chars().count() > CHARS_MAX {
        return None;
    }
    let word = word.to_ascii_lowercase().replace('-', "_");
    let distances = known.map(|candidate| (distance(&word, candidate), candidate));
    let (distance, candidate) = distances.min_by_key(|(distance, _)| *distance)?;
    let letters = candidate.chars().count().max(word.chars().count());
    (distance <= (letters / 3).max(1) && distance < letters).then_some(candidate)
}

/// Edits that turn one word into the other: a letter put in, left out or replaced, or two
/// neighbours swapped (Damerau's distance in its restricted form).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut last = None;
    for (index, letter) in from.chars().enumerate() {
        let mut next = vec![index + 1];
        for (column, &other) in to.iter().enumerate() {
            let at =
                |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&row, column) + usize::from(letter != other);
            let mut best = replaced.min(at(&row, column + 1) + 1).min(at(&next, column) + 1);
            let neighbour = column.checked_sub(1).and_then(|column| to.get(column));
            if last == Some(other) && neighbour == Some(&letter) {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(letter);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (from, to, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("lisen", "listen", 1),
            ("lsiten", "listen", 1),
            ("listens", "listen", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
        ] {
            assert_eq!(distance(from, to), edits, "{from} {to}");
            assert_eq!(distance(to, from), edits, "{to} {from}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = || ["listen", "log", "limits", "body_bytes", "tls"].into_iter();
        for (word, found) in [
            ("lisen", Some("listen")),
            ("LISTEN", Some("listen")),
            ("limit", Some("limits")),
            ("body-bytes", Some("body_bytes")),
            ("bodybytes", Some("body_bytes")),
            ("ssl", None),
            ("tsl", Some("tls")),
            ("x", None),
            ("completely", None),
        ] {
            assert_eq!(nearest(word, known()), found, "{word}");
        }
        assert_eq!(nearest(&"l".repeat(1_000_000), known()), None);
    }
}

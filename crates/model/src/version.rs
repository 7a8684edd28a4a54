//! Debian's order of versions (Debian Policy, 5.6.12).

use std::cmp::Ordering;

/// Compares two versions by Debian's rules: epoch, upstream version, revision.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let (epoch_a, rest_a) = epoch(a);
    let (epoch_b, rest_b) = epoch(b);
    let (upstream_a, revision_a) = rest_a.rsplit_once('-').unwrap_or((rest_a, ""));
    let (upstream_b, revision_b) = rest_b.rsplit_once('-').unwrap_or((rest_b, ""));
    epoch_a
        .cmp(&epoch_b)
        .then_with(|| compare_parts(upstream_a, upstream_b))
        .then_with(|| compare_parts(revision_a, revision_b))
}

fn epoch(version: &str) -> (u64, &str) {
    let split = version.split_once(':');
    split.map_or((0, version), |(epoch, rest)| (epoch.parse().unwrap_or(0), rest))
}

fn compare_parts(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = cut(a, |letter| !letter.is_ascii_digit());
        let (text_b, rest_b) = cut(b, |letter| !letter.is_ascii_digit());
        let order = |text: &str| -> Vec<i32> { text.chars().map(weight).chain([0]).collect() };
        let texts = order(text_a).cmp(&order(text_b));
        let (number_a, next_a) = cut(rest_a, |letter| letter.is_ascii_digit());
        let (number_b, next_b) = cut(rest_b, |letter| letter.is_ascii_digit());
        let both = texts.then_with(|| compare_numbers(number_a, number_b));
        if both != Ordering::Equal {
            return both;
        }
        (a, b) = (next_a, next_b);
    }
    Ordering::Equal
}

fn cut(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    let at = text.find(|letter| !wanted(letter)).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// A tilde comes before everything, even the end; letters before other signs.
fn weight(letter: char) -> i32 {
    let code = i32::try_from(u32::from(letter)).unwrap_or(i32::MAX);
    match letter {
        '~' => -1,
        letter if letter.is_ascii_alphabetic() => code,
        _ => code.saturating_add(256),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        for (a, b) in [
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0~rc1", "1.0"),
            ("1.0", "1:0.1"),
            ("1.0-1", "1.0-2"),
            ("1:9.2p1-2", "1:9.2p1-2+deb12u3"),
            ("1.0a", "1.0+"),
            ("1.0~~", "1.0~"),
            ("2.36-9+deb12u4", "2.36-9+deb12u10"),
        ] {
            assert_eq!(compare_versions(a, b), Ordering::Less, "{a} < {b}");
            assert_eq!(compare_versions(b, a), Ordering::Greater, "{b} > {a}");
        }
        for (a, b) in [("1.0", "1.00"), ("0:1", "1"), ("1.0-0", "1.0")] {
            assert_eq!(compare_versions(a, b), Ordering::Equal, "{a} = {b}");
        }
    }
}

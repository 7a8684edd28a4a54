//! How much one label of a domain looks like another (RFC 3492 for those that are no ASCII).

/// Letters of the longest label.
const LABEL_LETTERS_MAX: usize = 63;

/// How two labels resemble each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resemblance {
    /// The same.
    Same,
    /// Letters that look alike.
    Letters,
    /// A letter more, less, changed or moved.
    Slip,
}

/// Whether somebody could take `other` for `own`.
pub fn resembles(own: &str, other: &str) -> Option<Resemblance> {
    let shown = shown(other)?;
    if own == shown {
        return Some(Resemblance::Same);
    }
    if skeleton(own) == skeleton(&shown) {
        return Some(Resemblance::Letters);
    }
    // In short labels one letter makes another word.
    let (own, other): (Vec<char>, Vec<char>) = (own.chars().collect(), shown.chars().collect());
    let near = own.len() >= 5 && own.len().abs_diff(other.len()) <= 1 && is_slip(&own, &other);
    near.then_some(Resemblance::Slip)
}

/// One letter more, less, changed, or two neighbours changed about.
fn is_slip(own: &[char], other: &[char]) -> bool {
    let start = own.iter().zip(other).take_while(|(left, right)| left == right).count();
    let own = own.get(start..).unwrap_or_default();
    let other = other.get(start..).unwrap_or_default();
    let is_moved = own
        .get(..2)
        .zip(other.get(..2))
        .is_some_and(|(own, other)| own.first() == other.get(1) && own.get(1) == other.first());
    own.get(1..) == other.get(1..)
        || own.get(1..) == Some(other)
        || other.get(1..) == Some(own)
        || is_moved && own.get(2..) == other.get(2..)
}

/// A label as it looks, letters that are taken for each other as one.
fn skeleton(label: &str) -> String {
    let letters: String = label.chars().map(plain).collect();
    letters.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

/// The Latin letter that a letter is taken for (after the confusables of Unicode's report 39; the usual ones).
const fn plain(letter: char) -> char {
    match letter {
        '0' | 'о' | 'ο' | 'ö' | 'ó' | 'ò' | 'ô' | 'õ' | 'ø' => 'o',
        '1' | 'i' | 'ı' | 'і' | 'ι' | 'í' | 'ì' | 'î' | 'ï' | 'ӏ' | '|' => 'l',
        '3' | 'е' | 'é' | 'è' | 'ê' | 'ë' | 'ё' => 'e',
        '5' | 'ѕ' => 's',
        'а' | 'ɑ' | 'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'α' => 'a',
        'с' | 'ç' | 'ć' | 'č' => 'c',
        'р' | 'ρ' => 'p',
        'х' => 'x',
        'у' | 'ý' | 'ÿ' => 'y',
        'ԁ' => 'd',
        'һ' => 'h',
        'ј' => 'j',
        'ո' | 'ñ' | 'ń' => 'n',
        'ü' | 'ú' | 'ù' | 'û' | 'υ' => 'u',
        'ԝ' => 'w',
        other => other,
    }
}

/// A label as a browser may show it; `None`: it is none.
fn shown(label: &str) -> Option<String> {
    if label.is_empty() || label.len() > LABEL_LETTERS_MAX {
        return None;
    }
    match label.strip_prefix("xn--") {
        Some(code) => decoded(code),
        None => Some(label.to_owned()),
    }
}

/// Punycode (RFC 3492, 6.2).
fn decoded(code: &str) -> Option<String> {
    let (basic, tail) = code.rsplit_once('-').unwrap_or(("", code));
    let mut out: Vec<char> = basic.chars().collect();
    let (mut n, mut at, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut bytes = tail.bytes();
    while bytes.len() > 0 {
        let (before, mut weight) = (at, 1_u32);
        for k in (36_u32..).step_by(36) {
            let byte = bytes.next()?;
            let digit = match byte {
                b'a'..=b'z' => u32::from(byte - b'a'),
                b'0'..=b'9' => u32::from(byte - b'0') + 26,
                _ => return None,
            };
            at = at.checked_add(digit.checked_mul(weight)?)?;
            let least = k.saturating_sub(bias).clamp(1, 26);
            if digit < least {
                break;
            }
            weight = weight.checked_mul(36 - least)?;
        }
        let count = u32::try_from(out.len()).ok()?.checked_add(1)?;
        bias = adapted(at - before, count, before == 0);
        n = n.checked_add(at / count)?;
        at %= count;
        out.insert(usize::try_from(at).ok()?, char::from_u32(n)?);
        at += 1;
    }
    Some(out.into_iter().collect())
}

const fn adapted(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_look_alike_are_told_from_other_words() {
        for (own, other, wanted) in [
            ("paypal", "paypal", Some(Resemblance::Same)),
            ("paypal", "paypa1", Some(Resemblance::Letters)),
            ("modern", "rnodern", Some(Resemblance::Letters)),
            ("apple", "xn--pple-43d", Some(Resemblance::Letters)),
            ("bucher", "xn--bcher-kva", Some(Resemblance::Letters)),
            ("kestrel", "kestel", Some(Resemblance::Slip)),
            ("kestrel", "kestrell", Some(Resemblance::Slip)),
            ("kestrel", "kestrle", Some(Resemblance::Slip)),
            ("kestrel", "kastrel", Some(Resemblance::Slip)),
            ("kestrel", "kastral", None),
            ("shop", "ship", None),
            ("kestrel", "", None),
            ("kestrel", "xn--\u{e4}", None),
            ("kestrel", "xn--99999999", None),
        ] {
            assert_eq!(resembles(own, other), wanted, "{own} {other}");
        }
    }
}

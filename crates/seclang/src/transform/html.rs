//! `htmlEntityDecode`: numeric references and the five names that matter to an attack.

use super::scan;

/// `&#DD`, `&#xHH`, `&quot`, `&amp`, `&lt`, `&gt`, `&nbsp`, each with or without a semicolon; a number is
/// cut to its low byte; anything else stays.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    scan(input, out, |rest, out| {
        if let Some((byte, used)) = reference(rest) {
            out.push(byte);
            return used + usize::from(rest.get(used) == Some(&b';'));
        }
        out.extend(rest.first());
        1
    });
}

fn reference(rest: &[u8]) -> Option<(u8, usize)> {
    match rest {
        [b'&', b'#', b'x' | b'X', digits @ ..] => number(digits, 16).map(|(byte, n)| (byte, n + 3)),
        [b'&', b'#', digits @ ..] => number(digits, 10).map(|(byte, n)| (byte, n + 2)),
        [b'&', name @ ..] => {
            let length = name.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let byte = match name.get(..length)?.to_ascii_lowercase().as_slice() {
                b"quot" => b'"',
                b"amp" => b'&',
                b"lt" => b'<',
                b"gt" => b'>',
                b"nbsp" => 0xa0,
                _ => return None,
            };
            Some((byte, length + 1))
        }
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<(u8, usize)> {
    let mut value = 0_u32;
    let mut used = 0;
    for &digit in digits {
        let Some(add) = char::from(digit).to_digit(radix) else { break };
        value = value.saturating_mul(radix).saturating_add(add);
        used += 1;
    }
    (used > 0).then(|| (u8::try_from(value & 0xff).unwrap_or_default(), used))
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn references() {
        for (input, output) in [
            ("&lt;script&gt;", &b"<script>"[..]),
            ("&#60script&#X3e;", b"<script>"),
            ("&#0000000000060;", b"<"),
            ("&ltx", b"&ltx"),
            ("&;&#;&#x;", b"&;&#;&#x;"),
            ("&amp;lt;", b"&lt;"),
        ] {
            assert_eq!(run("htmlEntityDecode", input.as_bytes()), output, "{input}");
        }
    }

    #[test]
    fn long_names_cost_linear_time() {
        let input = b"&".repeat(100_000);
        assert_eq!(run("htmlEntityDecode", &input), input);
    }
}

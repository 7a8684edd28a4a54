//! As much of FIX as an attack needs (FIX 4.4, volume 2).

const END_OF_FIELD: u8 = 1;

/// A whole message of these fields, written with `|` for their ends: begin, length and check sum around them.
pub fn fix_message(fields: &str) -> Vec<u8> {
    let body: Vec<u8> =
        fields.bytes().map(|byte| if byte == b'|' { END_OF_FIELD } else { byte }).collect();
    let mut out = format!("8=FIX.4.4\u{1}9={}\u{1}", body.len()).into_bytes();
    out.extend_from_slice(&body);
    let sum = out.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    out.extend(format!("10={sum:03}\u{1}").bytes());
    out
}

/// A Logon of these parties.
pub fn fix_logon(sender: &str, target: &str) -> Vec<u8> {
    fix_message(&format!("35=A|34=1|49={sender}|52=20260101-00:00:00.000|56={target}|98=0|108=30|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_length_and_its_sum() {
        let heartbeat = fix_message("35=0|34=2|49=A|56=B|");
        let text = String::from_utf8(heartbeat).unwrap().replace('\u{1}', "|");
        assert_eq!(text, "8=FIX.4.4|9=20|35=0|34=2|49=A|56=B|10=126|");
        let logon = String::from_utf8(fix_logon("A", "B")).unwrap();
        assert!(logon.contains("\u{1}49=A\u{1}") && logon.contains("\u{1}56=B\u{1}"));
    }
}

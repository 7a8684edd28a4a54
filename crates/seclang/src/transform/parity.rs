//! `parityEven7bit`, `parityOdd7bit`, `parityZero7bit`: the eighth bit as seven-bit systems set it.

/// The eighth bit makes the number of ones even.
pub(super) fn even(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|&byte| with_parity(byte, 1)));
}

/// The eighth bit makes the number of ones odd.
pub(super) fn odd(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|&byte| with_parity(byte, 0)));
}

/// The eighth bit is cleared.
pub(super) fn zero(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|byte| byte & 0x7f));
}

/// Sets the eighth bit where the other seven have an odd (`when` 1) or even (0) number of ones.
fn with_parity(byte: u8, when: u32) -> u8 {
    let seven = byte & 0x7f;
    if seven.count_ones() % 2 == when { seven | 0x80 } else { seven }
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn eighth_bits() {
        assert_eq!(run("parityEven7bit", b"ac"), b"\xe1c");
        assert_eq!(run("parityOdd7bit", b"ac"), b"a\xe3");
        assert_eq!(run("parityZero7bit", b"\xe1c"), b"ac");
    }
}

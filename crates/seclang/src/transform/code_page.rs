//! `SecUnicodeMapFile`: which byte of a code page stands for a character, for `t:urlDecodeUni`.
//!
//! A line of the file is a code page's number and pairs `HHHH:HH` of a character and its byte.

use super::hex_pair;
use super::url::decode_with;

/// Bytes of a file.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The bytes of one code page.
#[derive(Debug)]
pub(crate) struct CodePage(Vec<Option<u8>>);

impl CodePage {
    /// Reads one page of a file.
    pub(crate) fn read(content: &[u8], page: u32) -> Result<Self, String> {
        if content.len() > BYTES_MAX {
            return Err("the map file is longer than 4 MiB".to_owned());
        }
        let mut map = vec![None; 0x1_0000];
        let (mut seen, mut active) = (false, false);
        for line in content.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
            if line.starts_with(b"#") {
                continue;
            }
            for word in line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
                if let Some(number) = number(word) {
                    active = number == page;
                    seen |= active;
                } else if active && word.contains(&b':') {
                    let (character, byte) = pair(word)?;
                    if let Some(place) = map.get_mut(usize::from(character)) {
                        *place = Some(byte);
                    }
                }
            }
        }
        if seen { Ok(Self(map)) } else { Err(format!("the map file has no code page {page}")) }
    }

    fn byte(&self, high: u8, low: u8) -> Option<u8> {
        self.0.get(usize::from(u16::from_be_bytes([high, low]))).copied().flatten()
    }

    /// `urlDecodeUni` with this page; what it does not have is decoded as without it.
    pub(crate) fn url_decode(&self, input: &[u8], out: &mut Vec<u8>) {
        decode_with(input, out, &|high, low| self.byte(high, low));
    }
}

/// A code page's number.
fn number(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// `HHHH:HH`
fn pair(word: &[u8]) -> Result<(u16, u8), String> {
    let bad = || format!("`{}` is no pair of a character and a byte", bstr::BStr::new(word));
    let two = |digits: &[u8]| match digits {
        [first, second] => hex_pair(*first, *second).ok_or_else(bad),
        _ => Err(bad()),
    };
    let (character, byte) = word.split_at_checked(4).ok_or_else(bad)?;
    let (high, low) = character.split_at_checked(2).ok_or_else(bad)?;
    let byte = byte.strip_prefix(b":").ok_or_else(bad)?;
    Ok((u16::from_be_bytes([two(high)?, two(low)?]), two(byte)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_a_code_page() {
        let file = b"# a comment\n(MAC - A)\n\n1250 (A - B)\n00a1:21\n\n1251 0434:64 043e:6f\n0440:70\n1252 00a1:3f";
        let page = CodePage::read(file, 1251).unwrap();
        for (input, output) in
            [("%u0434%u043E%u0440", "dop"), ("%u0023%u0041%uff1c", "#A<"), ("%41+%zz", "A %zz")]
        {
            let mut out = Vec::new();
            page.url_decode(input.as_bytes(), &mut out);
            let shown = bstr::BStr::new(&out).to_string();
            assert_eq!(shown, output, "{input}");
        }
        assert!(CodePage::read(file, 437).unwrap_err().contains("no code page 437"));
        assert!(CodePage::read(b"1 00g1:20", 1).unwrap_err().contains("00g1:20"));
        assert!(CodePage::read(b"", 1).is_err());
    }
}

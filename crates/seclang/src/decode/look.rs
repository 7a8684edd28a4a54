//! The first look at a value: one pass over its bytes that says which encodings it could have at all.

/// Not in either alphabet of base64 (RFC 4648 §4, §5), its padding, or the white space that stands in
/// for a plus sign or folds a long line.
const NOT_BASE64: u8 = 1;
/// `+`, `/` or white space: of the first alphabet only.
const STANDARD: u8 = 2;
/// `-` or `_`: of the second alphabet only.
const URL_SAFE: u8 = 4;
const NOT_HEX: u8 = 8;
const PERCENT: u8 = 16;
const AMPERSAND: u8 = 32;
const BACKSLASH: u8 = 64;
/// Neither of the second alphabet nor a full stop.
const NOT_TOKEN: u8 = 128;

/// Shorter values have no forms.
const BYTES_MIN: usize = 4;
/// The shortest base64: four bytes. What is shorter is too often a word.
const BASE64_BYTES_MIN: usize = 6;
/// The shortest hexadecimal text: five bytes.
const HEX_BYTES_MIN: usize = 10;

#[expect(clippy::indexing_slicing, reason = "a table of all bytes, filled when compiled")]
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = match byte {
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' => 0,
            b'g'..=b'z' | b'G'..=b'Z' | b'=' => NOT_HEX,
            b'-' | b'_' => NOT_HEX | URL_SAFE,
            b'+' | b'/' | b' ' | b'\r' | b'\n' => NOT_HEX | STANDARD | NOT_TOKEN,
            b'.' => NOT_HEX | NOT_BASE64,
            _ => NOT_HEX | NOT_BASE64 | NOT_TOKEN,
        };
        if byte == b'%' {
            class |= PERCENT;
        }
        if byte == b'&' {
            class |= AMPERSAND;
        }
        if byte == b'\\' {
            class |= BACKSLASH;
        }
        #[expect(clippy::as_conversions, reason = "`from` is not known when compiling")]
        {
            classes[byte as usize] = class;
        }
        if byte == 255 {
            break;
        }
        byte += 1;
    }
    classes
};

/// With these only escapes are left to find.
const SETTLED: u8 = NOT_BASE64 | NOT_HEX | NOT_TOKEN;

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

/// What one pass found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    length: usize,
    classes: u8,
}

impl Look {
    /// Looks once at every byte. When it is neither base64 nor a token, only escapes are left to find.
    pub(super) fn at(value: &[u8]) -> Self {
        let mut classes = 0;
        let mut rest = value.iter();
        while classes & SETTLED != SETTLED
            && let Some(&byte) = rest.next()
        {
            classes |= class(byte);
        }
        let rest = rest.as_slice();
        if memchr::memchr3(b'%', b'&', b'\\', rest).is_some() {
            classes |= rest.iter().fold(0, |all, &byte| all | class(byte));
        }
        Self { length: value.len(), classes }
    }

    const fn lacks(self, class: u8) -> bool {
        self.classes & class == 0
    }

    /// Whether it can have no form.
    pub(super) fn is_plain(self) -> bool {
        self.length < BYTES_MIN
            || (self.lacks(PERCENT | AMPERSAND | BACKSLASH)
                && !self.may_be_base64()
                && !self.may_be_hex()
                && !self.may_be_token()
                && self.lacks_data_url())
    }

    /// A `data:` URL holds bytes of no alphabet (`:`, `;`, `,`) and slashes.
    const fn lacks_data_url(self) -> bool {
        self.lacks(NOT_TOKEN) || self.lacks(NOT_BASE64) || self.length < 20
    }

    pub(super) const fn may_be_base64(self) -> bool {
        self.length >= BASE64_BYTES_MIN
            && self.lacks(NOT_BASE64)
            && (self.lacks(STANDARD) || self.lacks(URL_SAFE))
    }

    pub(super) const fn may_be_hex(self) -> bool {
        self.length >= HEX_BYTES_MIN && self.lacks(NOT_HEX)
    }

    /// Parts of the second alphabet with full stops between them, as in a JSON Web Token (RFC 7519).
    pub(super) const fn may_be_token(self) -> bool {
        self.length >= 20 && self.lacks(NOT_TOKEN) && !self.lacks(NOT_BASE64)
    }

    pub(super) const fn has_percent(self) -> bool {
        !self.lacks(PERCENT)
    }

    pub(super) const fn has_ampersand(self) -> bool {
        !self.lacks(AMPERSAND)
    }

    pub(super) const fn has_backslash(self) -> bool {
        !self.lacks(BACKSLASH)
    }
}

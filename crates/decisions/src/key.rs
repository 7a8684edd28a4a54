//! Keys of bouncers: read from files that their owner alone may read, and compared without telling how far they agree.

use crate::error::DecisionsError;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use burgrave_sys::read_secret;
use std::path::Path;

const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=512;

/// A key; never shown.
#[derive(Clone)]
pub(crate) struct ApiKey(String);

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("[redacted]")
    }
}

impl ApiKey {
    pub(crate) fn read(path: &Path) -> Result<Self, DecisionsError> {
        let file = || path.to_path_buf();
        let bytes =
            read_secret(path, 4096).map_err(|why| DecisionsError::Secret { file: file(), why })?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
        if !KEY_BYTES.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(DecisionsError::NoKey(file()));
        }
        Ok(Self(text.to_owned()))
    }

    /// For what it is sent in.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether somebody has shown it. Digests are compared, which are of one length.
    pub(crate) fn is(&self, shown: &[u8]) -> bool {
        let of = |bytes: &[u8]| digest(&SHA256, bytes);
        verify_slices_are_equal(of(self.0.as_bytes()).as_ref(), of(shown).as_ref()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_one_long_word_that_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let read = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            ApiKey::read(&path)
        };
        let key = read(b"0123456789abcdef\n").unwrap();
        assert_eq!(format!("{key:?}"), "[redacted]");
        assert!(key.is(b"0123456789abcdef"));
        for other in [&b""[..], b"0123456789abcde", b"0123456789abcdef\n", b"0123456789abcdeF"] {
            assert!(!key.is(other), "{other:?}");
        }
        let long = [b'x'; 513];
        for text in [&b""[..], b"short", b"0123456789abcdef g", b"0123456789abcdef\xff", &long] {
            assert!(matches!(read(text), Err(DecisionsError::NoKey(_))), "{text:?}");
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(ApiKey::read(&path), Err(DecisionsError::Secret { .. })));
    }
}

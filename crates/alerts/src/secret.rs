//! A secret from a file that its owner alone may read.

use crate::store::AlertError;
use burgrave_sys::read_secret;
use std::fmt;
use std::path::Path;

const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Secret {
    /// The first line of a file.
    pub(crate) fn read(path: &Path) -> Result<Self, AlertError> {
        let refuse = |why: String| AlertError::Secret { path: path.to_path_buf(), why };
        let bytes = read_secret(path, SECRET_BYTES_MAX)
            .map_err(|error| refuse(burgrave_sys::chain(&error)))?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(refuse("holds no single line of text".to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// For what it is sent in.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_its_owner_may_read_it_and_it_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let check = |content: &str, mode: u32, expected: Result<&str, &str>| {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            match (Secret::read(&path), expected) {
                (Ok(secret), Ok(expected)) => {
                    assert_eq!(secret.reveal(), expected);
                    assert_eq!(format!("{secret:?}"), "[redacted]");
                }
                (Err(error), Err(expected)) => {
                    let said = error.to_string();
                    assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
                }
                (found, _) => panic!("{content:?} {mode:o}: {found:?}"),
            }
        };
        check("hunter2\n", 0o600, Ok("hunter2"));
        check("hunter2\n", 0o640, Err("may be used by others than its owner (mode 0640)"));
        check("hunter2\n", 0o604, Err("may be used by others"));
        check(" \n", 0o600, Err("holds no single line"));
        check("a\nb", 0o600, Err("holds no single line"));
        assert!(Secret::read(folder.path()).is_err());
        assert!(Secret::read(&folder.path().join("none")).is_err());
    }
}

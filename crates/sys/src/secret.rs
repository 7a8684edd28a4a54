//! Files with a key or a password in them: read only where nobody but their owner may.

use crate::{SysError, own_ids};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Why a secret is not read. Its words follow the file's name.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is none.
    #[error("does not exist")]
    Missing,
    /// It is a directory, a device or a pipe.
    #[error("is no regular file")]
    NoFile,
    /// Its mode lets others use it (CWE-732).
    #[error(
        "may be used by others than its owner (mode {0:04o}): `chmod 600` it, and change what it holds if anybody may have \
         read it"
    )]
    Open(u32),
    /// Neither root nor this account owns it.
    #[error("belongs to the account {0}, not to root")]
    Foreign(u32),
    /// It cannot be read, or is too large.
    #[error("cannot be read")]
    Unreadable(#[source] SysError),
}

/// Reads a file of at most `bytes_max` bytes that only its owner may use, who is root or this account. What is looked at
/// is the file that is read: nobody can exchange it in between.
///
/// # Errors
///
/// It may be used by others, or cannot be read.
pub fn read_secret(path: &Path, bytes_max: u64) -> Result<Vec<u8>, SecretError> {
    let wrong = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            return SecretError::Missing;
        }
        SecretError::Unreadable(SysError::from_io("reading", path, error))
    };
    // A pipe that nobody writes to must not hold us up.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = open(path, flags, Mode::empty()).map_err(|error| wrong(error.into()))?;
    let facts = fstat(&file).map_err(|error| wrong(error.into()))?;
    if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
        return Err(SecretError::NoFile);
    }
    if facts.st_mode & 0o077 != 0 {
        return Err(SecretError::Open(facts.st_mode & 0o7777));
    }
    let (own, _) = own_ids();
    if facts.st_uid != 0 && facts.st_uid != own {
        return Err(SecretError::Foreign(facts.st_uid));
    }
    let mut content = Vec::new();
    let mut limited = File::from(file).take(bytes_max.saturating_add(1));
    limited.read_to_end(&mut content).map_err(wrong)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > bytes_max {
        let error = SysError::TooLarge { path: path.into(), limit: bytes_max };
        return Err(SecretError::Unreadable(error));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown};

    /// Reads a file of this content and mode; what is found, or how the error reads.
    fn read(content: &str, mode: u32, bytes_max: u64) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        read_secret(&path, bytes_max).map_err(|error| error.to_string())
    }

    #[test]
    fn only_what_its_owner_alone_may_use_is_read() {
        for mode in [0o600, 0o400] {
            assert_eq!(read("hunter2\n", mode, 64), Ok(b"hunter2\n".to_vec()));
        }
        for mode in [0o640, 0o604, 0o620, 0o601] {
            let said = read("hunter2\n", mode, 64).unwrap_err();
            assert!(said.contains(&format!("(mode {mode:04o})")) && !said.contains("hunter2"));
        }
        assert_eq!(read("hunter2\n", 0o600, 7), Err("cannot be read".to_owned()));
    }

    #[test]
    fn what_is_no_file_of_its_owner_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(matches!(read_secret(folder.path(), 64), Err(SecretError::NoFile)));
        assert!(matches!(read_secret(&at("none"), 64), Err(SecretError::Missing)));
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), FileType::Fifo, mode, 0).unwrap();
        assert!(matches!(read_secret(&at("pipe"), 64), Err(SecretError::NoFile)));
        std::fs::write(at("other"), "x").unwrap();
        std::fs::set_permissions(at("other"), PermissionsExt::from_mode(0o600)).unwrap();
        // Only root can give a file away.
        if chown(at("other"), Some(12_345), None).is_ok() {
            assert!(matches!(read_secret(&at("other"), 64), Err(SecretError::Foreign(12_345))));
        }
    }
}

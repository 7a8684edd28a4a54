//! Passwords and the repository's keys: each key file holds the same keys, sealed by a password of its own.

use crate::crypto::{Base64, Key};
use crate::error::BackupError;
use burgrave_sys::{Live, SecretError, System as _, UnixTime, read_secret};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The longest password.
const PASSWORD_BYTES_MAX: u64 = 16 * 1024;
/// The cost of a guess: the log of scrypt's N, r and p, as restic takes them at least.
const COST: (u8, u32, u32) = (15, 8, 1);
/// What a key file may ask for at most, in bytes of memory: it may be a stranger's.
const MEMORY_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The password of a repository; never shown.
#[derive(Clone)]
pub struct Password(Vec<u8>);

impl std::fmt::Debug for Password {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("[redacted]")
    }
}

impl Password {
    /// Of a file that its owner alone may read.
    pub fn read(path: &Path) -> Result<Self, BackupError> {
        let refuse =
            |why: &str| BackupError::Refused(format!("the key file `{}` {why}", path.display()));
        let content = read_secret(path, PASSWORD_BYTES_MAX).map_err(|error| {
            let is_missing = matches!(error, SecretError::Missing);
            if is_missing { refuse(NO_KEY) } else { refuse(&burgrave_sys::chain(&error)) }
        })?;
        let password = content.trim_ascii();
        if password.is_empty() {
            return Err(refuse("is empty"));
        }
        Ok(Self(password.to_vec()))
    }

    /// A new one: 256 bits of the kernel's randomness, as 64 hexadecimal digits.
    pub fn random() -> Result<Self, BackupError> {
        let mut bytes = [0; 32];
        Live.random(&mut bytes)?;
        Ok(Self(crate::id::Id(bytes).hex().into_bytes()))
    }

    /// The bytes, for those who write it down.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

const NO_KEY: &str = "does not exist: `burgrave backup key JOB --new` makes one";

/// A key as the repository holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeyFile {
    pub(crate) created: String,
    #[serde(default)]
    pub(crate) username: String,
    #[serde(default)]
    pub(crate) hostname: String,
    kdf: String,
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
    salt: Base64,
    data: Base64,
}

/// The key that a password makes.
fn derive(password: &Password, log_n: u8, r: u32, p: u32, salt: &[u8]) -> Result<Key, BackupError> {
    let wrong = |why: String| BackupError::damaged("a key of the repository", why);
    let params = scrypt::Params::new(log_n, r, p, 64).map_err(|error| wrong(error.to_string()))?;
    let mut bytes = [0; 64];
    scrypt::scrypt(&password.0, salt, &params, &mut bytes)
        .map_err(|error| wrong(error.to_string()))?;
    Key::from_bytes(&bytes)
}

impl KeyFile {
    /// Seals the repository's keys by a password.
    pub(crate) fn make(key: &Key, password: &Password, now: UnixTime) -> Result<Self, BackupError> {
        let mut salt = vec![0; 64];
        Live.random(&mut salt)?;
        let (log_n, r, p) = COST;
        let sealed = derive(password, log_n, r, p, &salt)?.seal(&key.to_json()?)?;
        Ok(Self {
            created: now.rfc3339(),
            username: "burgrave".to_owned(),
            hostname: crate::host(),
            kdf: "scrypt".to_owned(),
            n: 1 << log_n,
            r,
            p,
            salt: Base64(salt),
            data: Base64(sealed),
        })
    }

    /// The repository's keys. `None`: it is not this password.
    pub(crate) fn open(&self, password: &Password, name: &str) -> Result<Option<Key>, BackupError> {
        let wrong = |why: &str| BackupError::damaged(format!("key `{name}`"), why);
        if self.kdf != "scrypt" {
            return Err(wrong("its password is not stretched by scrypt"));
        }
        let log_n = self.n.checked_ilog2().filter(|_| self.n.is_power_of_two());
        let log_n = log_n.and_then(|log_n| u8::try_from(log_n).ok()).filter(|log_n| *log_n > 0);
        let log_n = log_n.ok_or_else(|| wrong("its N is no power of two"))?;
        let memory = self.n.saturating_mul(128).saturating_mul(u64::from(self.r));
        let work = memory.saturating_mul(u64::from(self.p));
        if memory > MEMORY_BYTES_MAX || work > MEMORY_BYTES_MAX.saturating_mul(16) {
            return Err(wrong("it asks for more work than any key that was made in good faith"));
        }
        let stretched = derive(password, log_n, self.r, self.p, &self.salt.0)?;
        let mut sealed = self.data.0.clone();
        stretched.open(&mut sealed).map(|json| Key::from_json(json)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::{Access, replace_own};

    #[test]
    fn a_key_is_opened_by_its_password_alone() {
        let key = Key::from_bytes(&[4; 64]).unwrap();
        let file = KeyFile::make(&key, &Password::of(b"right"), UnixTime(0)).unwrap();
        let json = serde_json::to_string(&file).unwrap();
        let file: KeyFile = serde_json::from_str(&json).unwrap();
        assert!(file.open(&Password::of(b"wrong"), "k").unwrap().is_none());
        let opened = file.open(&Password::of(b"right"), "k").unwrap().unwrap();
        let sealed = key.seal(b"text").unwrap();
        assert_eq!(opened.open(&mut sealed.clone()).unwrap(), b"text");
        for (from, to) in [("scrypt", "md5"), ("32768", "32767"), ("32768", "1073741824")] {
            let strange: KeyFile = serde_json::from_str(&json.replace(from, to)).unwrap();
            assert!(strange.open(&Password::of(b"right"), "k").is_err(), "{to}");
        }
    }

    #[test]
    fn a_key_file_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let error = Password::read(&path).unwrap_err().to_string();
        assert!(error.contains("--new"), "{error}");
        for (access, content, taken) in [
            (Access::Owner, &b"secret\n"[..], true),
            (Access::Group, b"secret", false),
            (Access::All, b"secret", false),
            (Access::Owner, b" \n", false),
        ] {
            replace_own(&path, content, access).unwrap();
            let read = Password::read(&path);
            assert_eq!(read.is_ok(), taken, "{access:?}");
            if let Err(error) = read {
                let error = error.to_string();
                assert!(error.contains("key") && !error.contains("secret"), "{error}");
            }
        }
        replace_own(&path, b"secret\r\n", Access::Owner).unwrap();
        assert_eq!(Password::read(&path).unwrap().bytes(), b"secret");
        assert!(Password::read(dir.path()).is_err());
    }

    #[test]
    fn passwords_are_random_and_not_shown() {
        let (a, b) = (Password::random().unwrap(), Password::random().unwrap());
        assert_ne!(a.bytes(), b.bytes());
        assert_eq!((a.bytes().len(), format!("{a:?}").as_str()), (64, "[redacted]"));
    }
}

//! The passwords that open a job's repository.

use crate::error::BackupError;
use crate::id::Id;
use crate::job::Job;
use crate::keyfile::Password;
use burgrave_config::Identity;
use burgrave_sys::{Live, System as _};
use std::path::Path;

impl Job<'_> {
    /// Makes the key file, with a new password. One that is there is not touched.
    pub fn new_key(&self) -> Result<(), BackupError> {
        let path = &self.settings.key;
        if Live.metadata(path).is_ok() {
            return Err(BackupError::Refused(format!(
                "the key file `{}` is there already: it is not overwritten",
                path.display()
            )));
        }
        if let Some(parent) = path.parent() {
            burgrave_sys::make_own_directory(parent)?;
        }
        let mut text = Password::random()?.bytes().to_vec();
        text.push(b'\n');
        burgrave_sys::replace_own(path, &text, burgrave_sys::Access::Owner)?;
        Ok(())
    }

    /// The repository's keys: name, when and where each was made.
    pub fn keys(&self) -> Result<Vec<(Id, String, String)>, BackupError> {
        let repository = self.open()?;
        let keys = repository.keys()?.into_iter();
        let one = |(name, file): (String, crate::keyfile::KeyFile)| {
            Some((Id::parse(&name)?, file.created, format!("{}@{}", file.username, file.hostname)))
        };
        Ok(keys.filter_map(one).collect())
    }

    /// Adds a key whose password is in a file.
    pub fn add_key(&self, file: &Path) -> Result<Id, BackupError> {
        self.may("add keys", &[Identity::Reader])?;
        let password = Password::read(file)?;
        self.open()?.add_key(&password)
    }

    /// Removes a key; not the last one, nor the one that is used here.
    pub fn remove_key(&self, name: &str) -> Result<Id, BackupError> {
        self.may("remove keys", &[Identity::Writer, Identity::Reader])?;
        let repository = self.open()?;
        let password = Password::read(&self.settings.key)?;
        let keys = repository.keys()?;
        let is_short = name.len() < 4;
        let matching: Vec<_> =
            keys.iter().filter(|(full, _)| !is_short && full.starts_with(name)).collect();
        let [(full, file)] = matching.as_slice() else {
            return Err(BackupError::Refused(format!(
                "`{name}` names {} of the repository's keys",
                matching.len()
            )));
        };
        if file.open(&password, full)?.is_some() {
            return Err(BackupError::Refused(format!(
                "the key `{}` is the one of `{}`: it is not removed with itself",
                name,
                self.settings.key.display()
            )));
        }
        repository.target().remove(crate::target::FileKind::Key, full)?;
        Id::parse(full).ok_or_else(|| BackupError::Refused("no digest".to_owned()))
    }
}

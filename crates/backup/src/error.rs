//! What can go wrong with a backup. Each names the object that is affected.

use burgrave_sys::SysError;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The machine's answer.
    #[error("the machine refused")]
    Sys(#[from] SysError),
    /// TLS cannot be spoken.
    #[error("no server of repositories can be reached within TLS")]
    Client(#[from] burgrave_client::ClientError),
    /// The place that holds the repository did not do it.
    #[error("the repository `{target}`: {doing}: {cause}")]
    Target {
        /// The repository, without secrets.
        target: String,
        /// What was being done, on which object.
        doing: String,
        /// Why it failed.
        cause: String,
    },
    /// Nothing has this name there.
    #[error("the repository `{target}` has no {object}")]
    Missing {
        /// The repository.
        target: String,
        /// What was looked for.
        object: String,
    },
    /// There is no repository.
    #[error("there is no repository at `{0}`: `burgrave backup run` makes one")]
    NoRepository(String),
    /// It is not what was written.
    #[error("{object} is damaged: {why}")]
    Damaged {
        /// Which object.
        object: String,
        /// What is wrong with it.
        why: String,
    },
    /// The password opens none of the repository's keys.
    #[error(
        "the key file `{key}` does not open the repository `{target}`: none of its {keys} key(s) has this password"
    )]
    WrongKey {
        /// The repository.
        target: String,
        /// The file with the password.
        key: String,
        /// How many keys were tried.
        keys: usize,
    },
    /// Another process works on it.
    #[error(
        "the repository `{target}` is locked by process {pid} on `{host}` since {since}: wait for it, or see `burgrave backup unlock` if it is known to be dead"
    )]
    Locked {
        /// The repository.
        target: String,
        /// The process.
        pid: u32,
        /// Its machine.
        host: String,
        /// Since when.
        since: String,
    },
    /// It is not done, and here is why and what to do.
    #[error("{0}")]
    Refused(String),
    /// What is backed up could not be read as a whole.
    #[error("the source `{name}` failed: {cause}")]
    Source {
        /// Which.
        name: String,
        /// What it said.
        cause: String,
    },
}

impl BackupError {
    /// An object that is not what was written.
    pub(crate) fn damaged(object: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Damaged { object: object.into(), why: why.into() }
    }

    /// The whole chain in one line.
    pub fn told(&self) -> String {
        burgrave_sys::chain(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_what_is_affected() {
        let missing = SysError::Missing("/srv/a".into());
        for (error, words) in [
            (BackupError::Sys(missing), vec!["/srv/a", "does not exist"]),
            (BackupError::damaged("pack `ab`", "cut short"), vec!["pack `ab`", "cut short"]),
            (BackupError::NoRepository("/r".to_owned()), vec!["/r", "backup run"]),
            (
                BackupError::WrongKey { target: "/r".into(), key: "/k".into(), keys: 2 },
                vec!["/k", "/r", "2 key(s)"],
            ),
        ] {
            for word in words {
                assert!(error.told().contains(word), "{}", error.told());
            }
        }
    }
}

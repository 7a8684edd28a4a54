//! Why decisions are not exchanged.

use burgrave_agent::AgentError;
use burgrave_client::ClientError;
use burgrave_sys::{SecretError, SysError};
use std::path::PathBuf;

/// Why decisions are not exchanged.
#[derive(Debug, thiserror::Error)]
pub enum DecisionsError {
    /// The file of bans cannot be read or written.
    #[error("bans cannot be kept")]
    Bans(#[from] AgentError),
    /// A file with a secret.
    #[error("the file `{}` {why}", file.display())]
    Secret {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: SecretError,
    },
    /// It holds no key.
    #[error("the file `{}` holds no key: one line of 16 to 512 letters, digits and signs", .0.display())]
    NoKey(PathBuf),
    /// Two bouncers have the same key.
    #[error("the bouncers `{0}` and `{1}` have the same key: nobody could tell one from the other")]
    SameKey(String, String),
    /// A certificate, or a key that does not go with it.
    #[error("`{}` cannot be used: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An engine's authorities.
    #[error("the engine `{0}` cannot be spoken to")]
    Client(String, #[source] ClientError),
    /// The address is taken, or not of this machine.
    #[error("bouncers cannot be heard")]
    Listen(#[from] SysError),
    /// Its thread cannot run.
    #[error("bouncers are not answered")]
    Runtime(#[from] std::io::Error),
}

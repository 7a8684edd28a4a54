//! Why lines are not where they are to be.

use burgrave_client::ClientError;
use burgrave_sys::SysError;
use std::path::PathBuf;

/// A collector that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ShippingError {
    /// The machine's answer.
    #[error("the machine refused")]
    Sys(#[from] SysError),
    /// TLS cannot be spoken.
    #[error("`{0}` cannot be reached within TLS")]
    Client(String, #[source] ClientError),
    /// It did not take lines.
    #[error("`{name}` does not take lines")]
    Away {
        /// As configured.
        name: String,
        /// What was seen.
        #[source]
        cause: std::io::Error,
    },
    /// Where reading ended is no such text.
    #[error("`{0}` does not say where reading ended: remove it, and only what is new is sent")]
    Position(PathBuf, #[source] serde_json::Error),
}

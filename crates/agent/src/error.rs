//! Why bans or rules could not be put in force.

use burgrave_sys::SysError;
use std::path::PathBuf;

/// Why bans or rules could not be put in force.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The machine did not do it.
    #[error("the machine refused")]
    Machine(#[from] SysError),
    /// There is no nft to be found.
    #[error("`nft` is in none of {0}: install the package nftables")]
    NoNft(String),
    /// nft refused a script.
    #[error("nft refused the rules: {0}")]
    Refused(String),
    /// The kernel's tables may not be changed.
    #[error("no right to change the kernel's tables: run it as root, or give it CAP_NET_ADMIN")]
    NoRight,
    /// Neither an address nor a network.
    #[error("`{0}` is neither an address nor a network, such as `192.0.2.7` or `2001:db8::/64`")]
    NoTarget(String),
    /// It must not be banned.
    #[error("`{0}` is never banned: it is, or holds, {1}")]
    Never(String, &'static str),
    /// A log's filter cannot be used.
    #[error("the filter `{}` cannot be run: {why}", file.display())]
    Filter {
        /// The filter.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate or key that cannot be used.
    #[error("`{}` cannot be used: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Certificate, key and authorities do not go together.
    #[error("TLS cannot be spoken: {0}")]
    Tls(String),
    /// No more bans are kept.
    #[error("{0} bans are kept already, and no more are taken")]
    Full(usize),
}

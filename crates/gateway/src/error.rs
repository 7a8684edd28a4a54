//! What can keep the gateway from starting or from taking a new configuration.

use burgrave_sys::SysError;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the gateway did not start, or kept its old configuration.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A listener's address cannot be had.
    #[error("cannot listen on `{address}`: stop what uses it, or choose another address")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// Why.
        #[source]
        source: SysError,
    },
    /// A web root cannot be opened.
    #[error("cannot open the web root `{}` of `{site}`", root.display())]
    Root {
        /// The site's first host.
        site: String,
        /// As configured.
        root: PathBuf,
        /// Why.
        #[source]
        source: SysError,
    },
    /// A folder of our own cannot be had.
    #[error("cannot use `{}`", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: SysError,
    },
    /// A certificate or key cannot be read or kept.
    #[error("cannot use `{}` for the certificate of `{site}`", path.display())]
    CertificateFile {
        /// The site's first host.
        site: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: SysError,
    },
    /// A certificate and key are there but are no pair that can be used.
    #[error("the certificate of `{site}` cannot be used: {message}")]
    Certificate {
        /// The site's first host.
        site: String,
        /// What is wrong with it.
        message: String,
    },
    /// A file of users cannot be had.
    #[error("cannot use the users in `{}`: {why}", file.display())]
    Users {
        /// The file.
        file: PathBuf,
        /// What is wrong with it; never a hash.
        why: String,
    },
    /// The authorities for `https` upstreams or for client certificates cannot be had.
    #[error("cannot use the authorities in `{}`: {why}", file.display())]
    Authorities {
        /// The file of authorities.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The library refused the whole TLS set-up.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// A site's header cannot be sent.
    #[error("`{name}` with value `{value}` in the headers of `{site}` is no header")]
    Header {
        /// The site's first host.
        site: String,
        /// Field name.
        name: String,
        /// Field value.
        value: String,
    },
    /// The access log cannot be opened at the start.
    #[error("cannot open the access log")]
    Log(#[source] SysError),
    /// The machine gave no randomness.
    #[error("cannot seed the request ids")]
    Seed(#[source] SysError),
    /// An event loop could not be started.
    #[error("cannot start an event loop")]
    Runtime(#[source] std::io::Error),
    /// An event loop has ended, which is a fault of Burgrave's.
    #[error("an event loop has ended: restart burgrave and report this")]
    Gone,
}

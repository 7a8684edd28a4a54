//! What is kept on the disk between runs: the account's key, the certificates, and the order under way.
//!
//! Invariants: everything here has mode 0600 and is replaced whole; a key is here before the server hears of it.

use crate::error::CertificateError;
use burgrave_config::{Acme, Settings, Site};
use burgrave_sys::{Access, SysError, read_own, remove_own, replace_own};
use instant_acme::Key;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::path::PathBuf;

/// Most bytes of a file that is kept.
const KEPT_BYTES_MAX: u64 = 256 * 1024;

/// An order that the server has taken and that is not finished.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// The directory of the server that has it.
    pub(crate) directory: String,
    pub(crate) names: Vec<String>,
    /// Where it is; empty while the server has not said.
    pub(crate) url: String,
    /// The certificate's key, as PEM.
    pub(crate) key: String,
}

/// The files of an account's server.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    directory: String,
}

impl Store {
    pub(crate) fn new(settings: &Settings, acme: &Acme) -> Self {
        Self { folder: settings.acme_folder(), directory: acme.directory.url.clone() }
    }

    /// Each server has an account of its own.
    fn account_file(&self) -> PathBuf {
        let digest = sha2::Sha256::digest(self.directory.as_bytes());
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("account-{name}.key"))
    }

    fn order_file(&self, site: &Site) -> PathBuf {
        self.folder.join(format!("{}.order", site.file_name()))
    }

    /// The account's key; made, and kept, if there is none.
    pub(crate) fn account_key(
        &self,
    ) -> Result<(Key, PrivatePkcs8KeyDer<'static>), CertificateError> {
        let file = self.account_file();
        let of = |error: instant_acme::Error| CertificateError::Made(error.to_string());
        match read_own(&file, KEPT_BYTES_MAX) {
            Ok(bytes) => {
                let der = PrivatePkcs8KeyDer::from(bytes);
                let key = Key::from_pkcs8_der(der.clone_key()).map_err(|error| {
                    // A new one in its place would be another account: that is for people to decide.
                    let why = format!("the account's key `{}` is damaged: {error}", file.display());
                    CertificateError::Made(why)
                })?;
                Ok((key, der))
            }
            Err(SysError::Missing(_)) => {
                let (key, der) = Key::generate_pkcs8().map_err(of)?;
                replace_own(&file, der.secret_pkcs8_der(), Access::Owner)?;
                Ok((key, der))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The site's order under way, if it is for these names and this server.
    pub(crate) fn pending(&self, site: &Site) -> Option<Pending> {
        let bytes = read_own(&self.order_file(site), KEPT_BYTES_MAX).ok()?;
        let pending: Pending = serde_json::from_slice(&bytes).ok()?;
        (pending.directory == self.directory && pending.names == site.hosts).then_some(pending)
    }

    /// Keeps a new order with its key.
    pub(crate) fn keep(
        &self,
        site: &Site,
        url: &str,
        key: &str,
    ) -> Result<Pending, CertificateError> {
        let pending = Pending {
            directory: self.directory.clone(),
            names: site.hosts.clone(),
            url: url.to_owned(),
            key: key.to_owned(),
        };
        let text = serde_json::to_vec(&pending)
            .map_err(|error| CertificateError::Made(error.to_string()))?;
        replace_own(&self.order_file(site), &text, Access::Owner)?;
        Ok(pending)
    }

    /// Forgets the site's order.
    pub(crate) fn forget(&self, site: &Site) -> Result<(), CertificateError> {
        Ok(remove_own(&self.order_file(site))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn store(folder: &std::path::Path, directory: &str) -> Store {
        Store { folder: folder.to_path_buf(), directory: directory.to_owned() }
    }

    #[test]
    fn a_servers_account_keeps_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (store(folder.path(), "https://a/"), store(folder.path(), "https://b/"));
        let key = |store: &Store| store.account_key().unwrap().1.secret_pkcs8_der().to_vec();
        assert_eq!(key(&one), key(&one));
        assert_ne!(key(&one), key(&other));
        let mode = std::fs::metadata(one.account_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(one.account_file(), b"damaged").unwrap();
        assert!(one.account_key().is_err(), "it is never replaced in silence");
        assert_eq!(std::fs::read(one.account_file()).unwrap(), b"damaged");
    }

    #[test]
    fn an_order_is_taken_up_only_for_its_names_and_its_server() {
        let folder = tempfile::tempdir().unwrap();
        let own = store(folder.path(), "https://a/");
        let mut site = Site::new("a.example");
        assert_eq!(own.pending(&site), None);
        let kept = own.keep(&site, "https://a/order/1", "key").unwrap();
        assert_eq!(own.pending(&site), Some(kept));
        let mode = std::fs::metadata(own.order_file(&site)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(store(folder.path(), "https://b/").pending(&site), None);
        site.hosts.push("b.example".to_owned());
        assert_eq!(own.pending(&site), None);
        std::fs::write(own.order_file(&site), b"{").unwrap();
        assert_eq!(own.pending(&site), None, "half a file is none");
        own.forget(&site).unwrap();
        own.forget(&site).unwrap();
        assert!(!own.order_file(&site).exists());
    }
}

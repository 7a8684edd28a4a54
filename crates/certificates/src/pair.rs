//! A certificate's chain with its private key, as far as it can be used.

use crate::error::CertificateError;
use burgrave_parse::certificate::{Certificate, parse};
use burgrave_sys::read_own;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::Path;

/// Most bytes of a file of PEM.
pub(crate) const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// A chain and its key that belong together.
#[derive(Debug)]
pub struct Pair {
    /// What the first certificate says.
    pub leaf: Certificate,
    /// Its bytes.
    pub der: Vec<u8>,
}

impl Pair {
    /// Of the text of a chain and the text of a key, which may be the same.
    pub fn of(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let wrong = |why: String| CertificateError::Unusable(why);
        let certificates = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong(format!("the chain is no PEM: {error}")))?;
        let first = certificates.first().ok_or_else(|| wrong("there is no certificate".into()))?;
        let der = first.to_vec();
        let leaf = parse(&der).ok_or_else(|| wrong("this is no X.509 certificate".into()))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| wrong(format!("there is no private key: {error}")))?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        CertifiedKey::from_der(certificates, key, &provider)
            .and_then(|pair| pair.keys_match())
            .map_err(|error| wrong(format!("certificate and key are no pair: {error}")))?;
        Ok(Self { leaf, der })
    }

    /// Of two files, which may be the same.
    pub fn read(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        Self::of(&read_own(chain, PEM_BYTES_MAX)?, &read_own(key, PEM_BYTES_MAX)?)
    }

    /// Whether all of these hosts are named.
    pub fn covers(&self, hosts: &[String]) -> bool {
        hosts.iter().all(|host| self.leaf.covers(host) || self.leaf.names.contains(host))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A certificate of our own and its key, as PEM.
    pub(crate) fn made(
        names: &[&str],
        begins: (i32, u8, u8),
        ends: (i32, u8, u8),
    ) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(begins.0, begins.1, begins.2);
        params.not_after = rcgen::date_time_ymd(ends.0, ends.1, ends.2);
        params.use_authority_key_identifier_extension = true;
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_pair_tells_its_names_and_dates() {
        let (chain, key) = made(&["a.example", "*.b.example"], (2026, 1, 1), (2026, 4, 1));
        let pair = Pair::of(chain.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!((pair.leaf.begins, pair.leaf.ends), (1_767_225_600, 1_775_001_600));
        let hosts =
            |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>();
        assert!(pair.covers(&hosts(&["a.example", "x.b.example", "*.b.example"])));
        assert!(!pair.covers(&hosts(&["a.example", "c.example"])));
        assert!(!pair.leaf.serial.is_empty() && pair.leaf.authority.len() >= 20);
        let both = format!("{key}{chain}");
        assert!(Pair::of(both.as_bytes(), both.as_bytes()).is_ok(), "one file may hold both");
    }

    #[test]
    fn what_does_not_belong_together_is_no_pair() {
        let (chain, key) = made(&["a.example"], (2026, 1, 1), (2026, 4, 1));
        let (other, _) = made(&["a.example"], (2026, 1, 1), (2026, 4, 1));
        for (chain, key, why) in [
            (other.as_str(), key.as_str(), "no pair"),
            ("", key.as_str(), "no certificate"),
            (chain.as_str(), "", "no private key"),
            (chain.get(..chain.len() / 2).unwrap(), key.as_str(), "PEM"),
        ] {
            let said = Pair::of(chain.as_bytes(), key.as_bytes()).unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
    }
}

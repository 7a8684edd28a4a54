//! Certificates for a rehearsal: an authority that nobody trusts but who is told to, and what it signs.

use burgrave_prove::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use sha2::{Digest as _, Sha256};

/// See the module.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, both as DER.
#[derive(Clone)]
pub(crate) struct Papers {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Authority {
    /// All of them have the same name: whoever goes by that is deceived.
    pub(crate) fn new() -> Result<Self, String> {
        let make = || {
            let mut params = CertificateParams::new(Vec::new())?;
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, "rehearsal authority");
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        make().map(Self).map_err(words)
    }

    /// Its own certificate, as PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs a certificate for a name or an address.
    pub(crate) fn issue(&self, name: &str) -> Result<Papers, String> {
        CertificateParams::new(vec![name.to_owned()])
            .and_then(|params| self.sign(&params))
            .map_err(words)
    }

    /// The same, of long ago.
    pub(crate) fn issue_ended(&self, name: &str) -> Result<Papers, String> {
        let params = CertificateParams::new(vec![name.to_owned()]).and_then(|mut params| {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
            self.sign(&params)
        });
        params.map_err(words)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Papers, rcgen::Error> {
        let key = KeyPair::generate()?;
        let signed = params.signed_by(&key, &self.0)?;
        Ok(Papers { certificate: signed.der().to_vec(), key: key.serialize_der() })
    }
}

impl Papers {
    /// As a client shows them.
    pub(crate) fn identity(&self) -> Identity {
        Identity::new(vec![self.certificate.clone()], self.key.clone())
    }

    /// As the configuration writes it.
    pub(crate) fn fingerprint(&self) -> String {
        let digits = Sha256::digest(&self.certificate);
        let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of `map_err`")]
fn words(error: rcgen::Error) -> String {
    format!("making a certificate: {error}")
}

//! What a certificate and its chain must be like, whoever shows them.

use crate::evidence::{evidence, not_proven};
use burgrave_model::{Evidence, Outcome};
use burgrave_parse::certificate::{Certificate, KeyKind, parse};
use burgrave_sys::read_own;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const DAY: i64 = 86_400;
/// The last of a certificate's life, in which it should have been renewed: at most this.
const END_DAYS_MAX: i64 = 7;
const RSA_BITS_MIN: usize = 2_048;
/// Where distributions keep the authorities that they trust.
const SYSTEM_FILES: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
const AUTHORITIES_BYTES_MAX: u64 = 16 << 20;

/// `now` in seconds since 1970.
pub(super) fn is_in_date(about: &str, leaf: &Certificate, now: i64) -> Evidence {
    let did = format!("dates of the {about}");
    let life = leaf.ends.saturating_sub(leaf.begins);
    let left = leaf.ends.saturating_sub(now);
    if now < leaf.begins {
        return evidence(&did, "it has not begun", Outcome::Fell);
    }
    if left <= 0 {
        return evidence(&did, "it has ended", Outcome::Fell);
    }
    let outcome =
        if left > (life / 10).min(END_DAYS_MAX * DAY) { Outcome::Held } else { Outcome::Fell };
    let saw = format!("it ends in {} days and {} hours", left / DAY, left % DAY / 3_600);
    evidence(&did, &saw, outcome)
}

/// NIST SP 800-57 part 1, and what browsers take.
pub(super) fn is_strong(about: &str, leaf: &Certificate) -> Evidence {
    let did = format!("strength of the {about}");
    let (kind, bits) = (leaf.key.kind, leaf.key.bits);
    let is_weak_key = match kind {
        KeyKind::Rsa => bits < RSA_BITS_MIN,
        KeyKind::Dsa => true,
        KeyKind::Curve | KeyKind::Other => false,
    };
    let is_weak_digest = matches!(leaf.digest, "md2" | "md5" | "sha1");
    let outcome = if is_weak_key || is_weak_digest { Outcome::Fell } else { Outcome::Held };
    let digest = if leaf.digest.is_empty() { "its own digest" } else { leaf.digest };
    evidence(&did, &format!("{kind:?} key of {bits} bits, signed with {digest}"), outcome)
}

/// Each certificate is signed by the one behind it. `now` in seconds since 1970.
pub(super) fn is_in_order(about: &str, chain: &[Vec<u8>], now: i64) -> Evidence {
    is_in_order_for(about, chain, now, &system())
}

fn is_in_order_for(about: &str, chain: &[Vec<u8>], now: i64, system: &RootCertStore) -> Evidence {
    let did = format!("chain of the {about}");
    let read: Option<Vec<Certificate>> = chain.iter().map(|own| parse(own)).collect();
    let Some(read) = read else { return not_proven(&did, "it holds what is no certificate") };
    let pairs = read.iter().zip(read.iter().skip(1));
    if let Some(at) = pairs.clone().position(|(own, next)| own.issuer != next.subject) {
        let saw = format!("certificate {} is not of who signed the one before", at + 2);
        return evidence(&did, &saw, Outcome::Fell);
    }
    let [leaf, ..] = read.as_slice() else { return not_proven(&did, "there is none") };
    let count = read.len();
    let (words, roots) = match (count, leaf.is_self_issued) {
        (1, true) => return evidence(&did, "it is its own authority", Outcome::Held),
        (1, false) => ("an authority of this system signed it".to_owned(), system.clone()),
        _ => (format!("{count} certificates in order"), last_of(chain)),
    };
    match (verified(chain, leaf, now, roots), count) {
        (Ok(()), _) => evidence(&did, &words, Outcome::Held),
        (Err(_unknown), 1) => {
            not_proven(&did, "who signed it is not shown, and none of this system's authorities")
        }
        (Err(why), _) => evidence(&did, &why, Outcome::Fell),
    }
}

/// By signatures, for a name of its own and on a day of its own: both are asked elsewhere.
fn verified(
    chain: &[Vec<u8>],
    leaf: &Certificate,
    now: i64,
    roots: RootCertStore,
) -> Result<(), String> {
    let der: Vec<CertificateDer<'_>> =
        chain.iter().map(|own| CertificateDer::from(own.as_slice())).collect();
    let [first, between @ ..] = der.as_slice() else { return Err("there is none".to_owned()) };
    let mut names = leaf.names.iter().map(|name| name.replace('*', "x"));
    let name = names.find_map(|name| ServerName::try_from(name).ok());
    let name = name.ok_or("it is for no name")?;
    let day = u64::try_from(now.clamp(leaf.begins, leaf.ends)).unwrap_or_default();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let verifier = verifier.map_err(|error| error.to_string())?;
    let day = UnixTime::since_unix_epoch(Duration::from_secs(day));
    let done = verifier.verify_server_cert(first, between, &name, &[], day);
    done.map(drop).map_err(|error| error.to_string())
}

/// Whoever stands last is taken at its word: whom a client trusts is its own business.
fn last_of(chain: &[Vec<u8>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let last = chain.last().map(|own| CertificateDer::from(own.clone()));
    drop(last.map(|last| roots.add(last)));
    roots
}

fn system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let text =
        SYSTEM_FILES.iter().find_map(|file| read_own(Path::new(file), AUTHORITIES_BYTES_MAX).ok());
    for authority in CertificateDer::pem_slice_iter(&text.unwrap_or_default()).flatten() {
        drop(roots.add(authority));
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    type Issuer = CertifiedIssuer<'static, KeyPair>;

    fn issuer() -> Issuer {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "root");
        Issuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn leaf(issuer: &Issuer) -> Vec<u8> {
        let params = CertificateParams::new(vec!["*.a.test".to_owned()]).unwrap();
        params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().to_vec()
    }

    #[test]
    fn an_end_is_near_by_the_length_of_a_life() {
        let root = issuer();
        let mut own = parse(&leaf(&root)).unwrap();
        for (days, left, wanted) in [
            (365, 8 * DAY, Outcome::Held),
            (365, 7 * DAY, Outcome::Fell),
            (90, 6 * DAY, Outcome::Fell),
            (6, 15 * 3_600, Outcome::Held),
            (6, 14 * 3_600, Outcome::Fell),
            (90, 0, Outcome::Fell),
            (90, 91 * DAY, Outcome::Fell),
        ] {
            (own.begins, own.ends) = (1_000, 1_000 + days * DAY);
            let seen = is_in_date("own", &own, own.ends - left);
            assert_eq!(seen.outcome, wanted, "{days} {left}: {seen:?}");
        }
    }

    #[test]
    fn weak_keys_and_digests_are_told_apart() {
        let mut own = parse(&leaf(&issuer())).unwrap();
        for (kind, bits, digest, wanted) in [
            (KeyKind::Curve, 256, "sha256", Outcome::Held),
            (KeyKind::Rsa, 2_048, "sha512", Outcome::Held),
            (KeyKind::Other, 0, "", Outcome::Held),
            (KeyKind::Rsa, 1_024, "sha256", Outcome::Fell),
            (KeyKind::Dsa, 0, "sha256", Outcome::Fell),
            (KeyKind::Rsa, 4_096, "sha1", Outcome::Fell),
        ] {
            (own.key.kind, own.key.bits, own.digest) = (kind, bits, digest);
            let seen = is_strong("own", &own);
            assert_eq!(seen.outcome, wanted, "{seen:?}");
        }
    }

    #[test]
    fn one_certificate_is_proven_by_a_known_authority_alone() {
        let (known, unknown) = (issuer(), issuer());
        let mut roots = RootCertStore::empty();
        roots.add(known.der().clone()).unwrap();
        let outcome = |chain: &[Vec<u8>]| is_in_order_for("own", chain, 0, &roots).outcome;
        assert_eq!(outcome(&[leaf(&known)]), Outcome::Held);
        assert_eq!(outcome(&[leaf(&unknown)]), Outcome::NotProven);
        // Whom a client trusts is its own business, but not what was signed by whom.
        assert_eq!(outcome(&[leaf(&unknown), unknown.der().to_vec()]), Outcome::Held);
        assert_eq!(outcome(&[leaf(&unknown), known.der().to_vec()]), Outcome::Fell);
        assert_eq!(outcome(&[unknown.der().to_vec()]), Outcome::Held);
        assert_eq!(outcome(&[leaf(&unknown), leaf(&unknown)]), Outcome::Fell);
        assert_eq!(outcome(&[b"no certificate".to_vec()]), Outcome::NotProven);
        assert_eq!(outcome(&[]), Outcome::NotProven);
    }
}

//! Answers an ACME authority that asks for proof of control: over HTTP by a page, within TLS by a certificate
//! that nobody else gets.
//!
//! The answers lie in a folder that another process writes and this one may only read; each is short and public.
//! Invariants: a name from outside is looked up only if it can be no path; what is read has a bound; without a
//! question under way nothing here changes what a client gets.

use crate::GatewayError;
use crate::body::OutBody;
use crate::exchange::Exchange;
use crate::log::line::Decided;
use crate::plan::Purpose;
use crate::route::{digit, path_and_query};
use burgrave_config::{AcmeChallenge, Settings, Site, Tls};
use burgrave_sys::{Kind, Root, make_own_directory, make_shared_directory};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::ClientHello;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::path::PathBuf;
use std::sync::Arc;

/// What such an authority speaks within TLS (RFC 8737, 6.2).
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";
/// Where it asks over HTTP (RFC 8555, 8.3).
const PLACE: &[u8] = b"/.well-known/acme-challenge/";
/// Most bytes of a token, and of an answer.
const TOKEN_BYTES_MAX: usize = 128;
const ANSWER_BYTES_MAX: usize = 512;
/// Bytes of the digest in the certificate.
const DIGEST_BYTES: usize = 32;

/// The folder of answers.
#[derive(Debug)]
pub(crate) struct Answers {
    folder: Root,
    challenge: AcmeChallenge,
}

impl Answers {
    /// Opens the folder, where the configuration has a use for it. To serve it is made if it is not there.
    pub(crate) fn open(
        settings: &Settings,
        purpose: Purpose,
    ) -> Result<Option<Arc<Self>>, GatewayError> {
        let Some(acme) = &settings.acme else { return Ok(None) };
        if acme.challenge == AcmeChallenge::Dns {
            return Ok(None);
        }
        let place = settings.acme_challenges();
        let wrong = |source| GatewayError::State { path: place.clone(), source };
        match purpose {
            Purpose::Serve => {
                make_own_directory(&settings.acme_folder()).map_err(wrong)?;
                make_shared_directory(&place).map_err(wrong)?;
            }
            Purpose::Check => return Ok(None),
        }
        let folder = Root::open(&place).map_err(wrong)?;
        Ok(Some(Arc::new(Self { folder, challenge: acme.challenge })))
    }

    /// Whether handshakes may be questions.
    pub(crate) fn within_tls(&self) -> bool {
        self.challenge == AcmeChallenge::TlsAlpn
    }

    fn read(&self, name: &[u8]) -> Option<Vec<u8>> {
        let opened = self.folder.open_beneath(name).ok()?;
        if opened.facts.kind != Kind::File {
            return None;
        }
        let mut bytes = vec![0; ANSWER_BYTES_MAX];
        let mut length = 0;
        while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match opened.read_at(rest, u64::try_from(length).ok()?).ok()? {
                0 => break,
                count => length += count,
            }
        }
        bytes.truncate(length);
        Some(bytes)
    }

    /// The page for a path, if it is one of ours.
    fn page(&self, path: &[u8]) -> Option<Vec<u8>> {
        let token = path.strip_prefix(PLACE)?;
        let of_it = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !token.iter().all(of_it) {
            return None;
        }
        // The authority compares all of it.
        self.read(token).filter(|text| text.starts_with(token))
    }

    /// The set-up for a handshake that is a question about a name.
    pub(crate) fn handshake(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut protocols = hello.alpn()?;
        if !self.within_tls() || protocols.next() != Some(PROTOCOL) || protocols.next().is_some() {
            return None;
        }
        let name = hello.server_name()?.to_ascii_lowercase();
        let digest = self.read(format!("{name}.alpn").as_bytes())?;
        config(&name, &digest)
    }
}

/// A certificate for a name with the digest that the authority looks for (RFC 8737, 3).
fn config(name: &str, digest: &[u8]) -> Option<Arc<ServerConfig>> {
    let pairs = digest.chunks_exact(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    let digest: Vec<u8> = pairs.collect::<Option<_>>()?;
    if digest.len() != DIGEST_BYTES {
        return None;
    }
    let key = rcgen::KeyPair::generate().ok()?;
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).ok()?;
    params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(&digest)];
    let certificate = params.self_signed(&key).ok()?;
    let private = PrivateKeyDer::try_from(key.serialize_der()).ok()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let signing = provider.key_provider.load_private_key(private).ok()?;
    // Made as it is here, unlooked at: the extension is critical, and known to authorities alone.
    let pair = CertifiedKey::new(vec![certificate.der().clone()], signing);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .ok()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.send_tls13_tickets = 0;
    Some(Arc::new(config))
}

/// The answer to a request that is such a question about its site.
pub(crate) fn answer(exchange: &mut Exchange) -> Option<Response<OutBody>> {
    let plan = Arc::clone(&exchange.plan);
    let answers = plan.acme.as_ref()?;
    let site = exchange.site.and_then(|site| plan.sites.get(site))?;
    let (path, _) = path_and_query(exchange.head.target());
    if site.site.tls != Some(Tls::Acme) || !matches!(exchange.head.method(), b"GET" | b"HEAD") {
        return None;
    }
    let text = answers.page(path)?;
    exchange.decide(Decided::File);
    let mut response = Response::new(OutBody::Whole(Bytes::from(text)));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

/// The sites whose first certificate is still to be fetched, which are served with one of our own meanwhile.
pub fn waiting(settings: &Settings) -> Vec<String> {
    let acme = settings.sites.iter().filter(|site| site.tls == Some(Tls::Acme));
    let none = |site: &&Site| !crate::tls::has_fetched(settings, site);
    acme.filter(none).map(|site| site.name.clone()).collect()
}

/// The folder that the gateway's process reads while it serves.
pub fn answers_folder(settings: &Settings) -> Option<PathBuf> {
    let acme = settings.acme.as_ref()?;
    (acme.challenge != AcmeChallenge::Dns).then(|| settings.acme_challenges())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_config::parse;
    use burgrave_sys::{Access, replace_own};

    fn answers(challenge: &str) -> (tempfile::TempDir, Option<Arc<Answers>>) {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "state = \"{}\"\n[[listen]]\naddress = \"127.0.0.1:443\"\ntls = true\n[[listen]]\naddress = \"127.0.0.1:80\"\n\
             [acme]\ndirectory = \"https://ca.example/dir\"\n{challenge}\n[[site]]\nhosts = [\"a.example\"]\n\
             tls = \"acme\"\nfiles = {{ root = \"/srv\" }}\n",
            folder.path().display()
        );
        let settings = parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("test")));
        assert_eq!(waiting(&settings), ["a.example"]);
        let open = |purpose| Answers::open(&settings, purpose).unwrap();
        assert!(
            open(Purpose::Check).is_none() && !settings.acme_folder().exists(),
            "changes nothing"
        );
        let answers = open(Purpose::Serve);
        assert_eq!(answers.is_some(), answers_folder(&settings).is_some());
        (folder, answers)
    }

    #[test]
    fn only_a_token_that_is_asked_for_has_a_page() {
        let (folder, answers) = answers("");
        let answers = answers.unwrap();
        let place = folder.path().join("acme/challenges");
        let write = |name: &str, text: &str| {
            replace_own(&place.join(name), text.as_bytes(), Access::All).unwrap();
        };
        write("token", "token.thumb");
        write("other", "something else");
        write("a.example.alpn", "a.example.alpn");
        std::os::unix::fs::symlink("/etc/passwd", place.join("passwd")).unwrap();
        let page =
            |token: &str| answers.page(format!("/.well-known/acme-challenge/{token}").as_bytes());
        assert_eq!(page("token").unwrap(), b"token.thumb");
        for none in
            ["", "none", "other", "a.example.alpn", "passwd", "../challenges/token", "token/", "."]
        {
            assert_eq!(page(none), None, "{none}");
        }
        assert_eq!(answers.page(b"/.well-known/acme-challenge"), None);
        assert_eq!(page(&"a".repeat(TOKEN_BYTES_MAX + 1)), None);
        write("long", &format!("long{}", "x".repeat(5_000)));
        assert_eq!(page("long").unwrap().len(), ANSWER_BYTES_MAX);
    }

    #[test]
    fn nothing_is_answered_where_records_are_set() {
        let dns = "challenge = \"dns-01\"\nhook = [\"/bin/true\"]";
        assert!(answers(dns).1.is_none());
        let within = |challenge: &str| answers(challenge).1.unwrap().within_tls();
        assert!(within("challenge = \"tls-alpn-01\"") && !within("challenge = \"http-01\""));
    }

    #[test]
    fn a_certificate_for_an_authority_needs_a_whole_digest() {
        let digest = "0f".repeat(DIGEST_BYTES);
        let config = config("a.example", digest.as_bytes()).unwrap();
        assert_eq!(config.alpn_protocols, [PROTOCOL]);
        for (name, digest) in [
            ("a.example", ""),
            ("a.example", digest.get(2..).unwrap()),
            ("a.example", &format!("{digest}00")),
            ("a.example", &digest.replace('0', "g")),
        ] {
            assert!(super::config(name, digest.as_bytes()).is_none(), "{digest}");
        }
    }
}

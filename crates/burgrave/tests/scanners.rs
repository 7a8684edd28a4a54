//! What scanners of TLS say of the listener: `sslscan` and `testssl.sh`, where they are installed.

use crate::support::Burgrave;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Of the test's own authority and network, which the gateway has no part in.
const NOT_OURS: [&str; 3] = ["cert_revocation", "DNS_CAArecord", "cert_expirationStatus"];

/// An authority's certificate, and one for `localhost` that it has signed, in files.
fn certificates(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
    // The scanners find fault with less than two months that are left, and with more than 398 days in all.
    let now = SystemTime::now();
    leaf.not_before = (now - Duration::from_hours(24)).into();
    leaf.not_after = (now + Duration::from_hours(200 * 24)).into();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
    std::fs::write(folder.join("leaf.pem"), leaf.pem()).unwrap();
    std::fs::write(folder.join("leaf.key"), key.serialize_pem()).unwrap();
}

fn there(program: &str) -> bool {
    let found = Path::new("/usr/bin").join(program).exists();
    if !found {
        println!("{program} is not installed: not tried");
    }
    found
}

#[test]
fn no_scanner_finds_anything() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = folder.path().display();
    let burgrave = Burgrave::start_on(
        "127.0.0.2:0",
        &format!(
            "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = true\n[[site]]\nhosts = [\"localhost\"]\n\
         files = {{ root = \"/usr/share\" }}\n\
         tls = {{ certificate = \"{path}/leaf.pem\", key = \"{path}/leaf.key\" }}\n"
        ),
    );
    let target = burgrave.address.to_string();
    if there("sslscan") {
        let output = Command::new("sslscan")
            .args(["--no-colour", "--sni-name=localhost", &target])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for line in [
            "SSLv2     disabled",
            "SSLv3     disabled",
            "TLSv1.0   disabled",
            "TLSv1.1   disabled",
            "TLSv1.2   enabled",
            "TLSv1.3   enabled",
            "Session renegotiation not supported",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let suites =
            text.lines().filter(|line| line.contains("Accepted") || line.contains("Preferred"));
        for suite in suites {
            let strong = suite.contains("GCM") || suite.contains("POLY1305");
            assert!(strong && (suite.contains("ECDHE") || suite.contains("TLSv1.3")), "{suite}");
        }
    }
    if there("testssl") {
        let report = folder.path().join("report.json");
        let output = Command::new("testssl")
            .args(["--quiet", "--color", "0", "--warnings", "batch", "--nodns", "min", "--add-ca"])
            .arg(folder.path().join("ca.pem"))
            .arg("--jsonfile")
            .arg(&report)
            .arg(format!("localhost:{}", burgrave.address.port()))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let text = std::fs::read_to_string(&report).unwrap_or_else(|_| panic!("{said}"));
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert!(rows.len() > 50, "{said}");
        let found = rows.iter().filter(|row| {
            let id = row["id"].as_str().unwrap_or_default();
            // A warning is a check that the scanner could not make.
            let calm = matches!(row["severity"].as_str(), Some("OK" | "INFO" | "WARN"));
            !calm && !NOT_OURS.iter().any(|own| id.starts_with(own))
        });
        let found: Vec<_> = found.collect();
        assert!(found.is_empty(), "{found:#?}");
    }
}

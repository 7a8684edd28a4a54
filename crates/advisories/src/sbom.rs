//! A list of what is installed, as `CycloneDX` 1.6 in JSON.
//!
//! Invariant: the same packages and the same time give the same bytes; the serial number is made from the packages.

use crate::installed::Host;
use burgrave_audit::facts::{Manager, Package};
use burgrave_sys::UnixTime;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The list, with the time that it is to bear.
pub fn sbom(host: &Host, time: UnixTime, version: &str) -> String {
    let components: Vec<Value> =
        host.packages.values().map(|package| component(host, package)).collect();
    let system = format!("{}@{}", host.system, host.version);
    let mut digest = Sha256::new();
    digest.update(&host.name);
    digest.update(&system);
    for package in host.packages.values() {
        for text in [&package.name, &package.version, &package.architecture] {
            digest.update([0]);
            digest.update(text);
        }
    }
    let (year, month, day, hour, minute, second) = time.civil();
    let value = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial(&digest.finalize()),
        "version": 1,
        "metadata": {
            "timestamp": format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
            "tools": { "components": [{ "type": "application", "name": "burgrave", "version": version }] },
            "component": {
                "type": "operating-system",
                "bom-ref": system,
                "name": host.system,
                "version": host.version,
                "description": host.release(),
            },
        },
        "components": components,
    });
    format!("{value:#}\n")
}

fn component(host: &Host, package: &Package) -> Value {
    // Of rpm's packages the epoch stands apart, and the release has no name.
    let (kind, epoch, version, release) = match host.manager {
        Manager::Rpm => {
            let (epoch, version) = match package.version.split_once(':') {
                Some((epoch, version)) => (Some(epoch), version),
                None => (None, package.version.as_str()),
            };
            ("rpm", epoch, version, &host.version)
        }
        Manager::Dpkg | Manager::None => ("deb", None, package.version.as_str(), &host.codename),
    };
    let mut address = format!(
        "pkg:{kind}/{}/{}@{}",
        encoded(&host.system),
        encoded(&package.name),
        encoded(version)
    );
    let mut qualifiers = Vec::new();
    if !package.architecture.is_empty() {
        qualifiers.push(format!("arch={}", encoded(&package.architecture)));
    }
    if !release.is_empty() {
        qualifiers.push(format!("distro={}-{}", encoded(&host.system), encoded(release)));
    }
    qualifiers.extend(epoch.map(|epoch| format!("epoch={}", encoded(epoch))));
    if !qualifiers.is_empty() {
        address.push('?');
        address.push_str(&qualifiers.join("&"));
    }
    json!({
        "type": "library",
        "bom-ref": address,
        "name": package.name,
        "version": package.version,
        "purl": address,
        "properties": [
            { "name": "burgrave:source", "value": package.source },
            { "name": "burgrave:source-version", "value": package.source_version },
        ],
    })
}

/// A version 8 UUID (RFC 9562) of a digest.
fn serial(digest: &[u8]) -> String {
    let mut hex: Vec<char> = digest
        .iter()
        .take(16)
        .flat_map(|byte| format!("{byte:02x}").chars().collect::<Vec<_>>())
        .collect();
    if let Some(kind) = hex.get_mut(12) {
        *kind = '8';
    }
    if let Some(variant) = hex.get_mut(16) {
        *variant = 'a';
    }
    let mut out = String::from("urn:uuid:");
    for (index, digit) in hex.into_iter().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}

/// As a part of a package URL.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installed::tests::fake;
    use burgrave_audit::{Facts, Ground};
    use std::collections::BTreeSet;

    fn of(time: i64) -> String {
        let fake = fake();
        let host = crate::host(&Facts::new(&fake, Ground::Tree)).unwrap();
        sbom(&host, UnixTime(time * 1_000_000), "0.1.0")
    }

    #[test]
    fn it_has_what_the_schema_asks_for() {
        let bom: Value = serde_json::from_str(&of(1_795_228_938)).unwrap();
        assert_eq!(
            (&bom["bomFormat"], &bom["specVersion"], &bom["version"]),
            (&json!("CycloneDX"), &json!("1.6"), &json!(1))
        );
        let known = [
            "$schema",
            "bomFormat",
            "specVersion",
            "serialNumber",
            "version",
            "metadata",
            "components",
        ];
        assert!(bom.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())));
        let serial = bom["serialNumber"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
        let lengths: Vec<usize> = serial.split('-').map(str::len).collect();
        assert!(
            lengths == [8, 4, 4, 4, 12]
                && serial.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()),
            "{serial}"
        );
        assert_eq!(bom["metadata"]["timestamp"], "2026-11-21T02:42:18Z");
        let kinds = [
            "application",
            "framework",
            "library",
            "container",
            "platform",
            "operating-system",
            "device",
            "file",
        ];
        let components = bom["components"].as_array().unwrap();
        let mut seen = BTreeSet::new();
        for component in components.iter().chain([&bom["metadata"]["component"]]) {
            assert!(kinds.contains(&component["type"].as_str().unwrap()));
            assert!(!component["name"].as_str().unwrap().is_empty());
            assert!(seen.insert(component["bom-ref"].as_str().unwrap()), "unique");
        }
        assert_eq!(components.len(), 5);
        let redis =
            components.iter().find(|component| component["name"] == "redis-server").unwrap();
        assert_eq!(
            redis["purl"],
            "pkg:deb/debian/redis-server@5%3A7.0.11-1?arch=amd64&distro=debian-bookworm"
        );
        assert_eq!(redis["properties"][0]["value"], "redis");
    }

    #[test]
    fn only_the_time_makes_two_lists_of_one_host_differ() {
        assert_eq!(of(7), of(7));
        let (a, b) = (of(7), of(8));
        let differing = a.lines().zip(b.lines()).filter(|(a, b)| a != b).count();
        assert_eq!(differing, 1);
    }
}

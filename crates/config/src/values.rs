//! The values that have a form of their own: certificates, response headers, rates.

use crate::error::quoted;
use crate::keys::{CERTIFICATE, PRIVATE_KEY, TLS_SECTION};
use crate::kinds::{Kind, Words, refuse, text};
use crate::names;
use crate::settings::Tls;
use crate::sink::{Sink, Spot};
use crate::table::{Section, Table, quoted_if_odd};
use crate::units::{self, Rate};
use std::collections::BTreeMap;
use toml::de::DeValue;

/// Most headers that a site sets.
const HEADERS_MAX: usize = 64;
/// Most bytes of a header's value.
const VALUE_MAX: usize = 8 * 1024;
/// Headers that belong to the connection or the message, not to a site (RFC 9110, 7.6.1).
const NOT_A_SITES: [&str; 9] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Where a certificate comes from.
pub(crate) struct TlsSource;

impl Words for TlsSource {
    fn words(&self) -> String {
        "`\"acme\"`, `\"self-signed\"` or `{ certificate = \"/…\", key = \"/…\" }`".to_owned()
    }

    fn nested(&self) -> Option<&'static Section> {
        Some(&TLS_SECTION)
    }
}

impl Kind for TlsSource {
    type Value = Tls;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<Tls> {
        if let DeValue::Table(table) = value {
            let table = Table::open(table, spot.clone(), &TLS_SECTION, sink);
            let certificate = table.needed(&CERTIFICATE, sink);
            let key = table.needed(&PRIVATE_KEY, sink);
            return Some(Tls::Files { certificate: certificate?.value, key: key?.value });
        }
        match text(self, value, spot, sink)? {
            "self-signed" => Some(Tls::SelfSigned),
            "acme" => Some(Tls::Acme),
            _ => {
                refuse(self, value, spot, sink);
                None
            }
        }
    }
}

/// Response headers by name.
pub(crate) struct HeaderMap;

impl Words for HeaderMap {
    fn words(&self) -> String {
        "a table of header names and their values, such as `{ x-frame-options = \"DENY\" }`"
            .to_owned()
    }
}

impl Kind for HeaderMap {
    type Value = BTreeMap<String, String>;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<Self::Value> {
        let DeValue::Table(table) = value else {
            refuse(self, value, spot, sink);
            return None;
        };
        if table.len() > HEADERS_MAX {
            let message = format!("`headers` sets {} headers", table.len());
            sink.wrong(spot, message, format!("at most {HEADERS_MAX}"));
            return None;
        }
        let mut headers = BTreeMap::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let here = spot.key(name, value.span());
            let name = match names::header(name) {
                Ok(name) => name,
                Err(why) => {
                    sink.wrong(
                        &spot.key(&quoted_if_odd(name), key.span()),
                        format!("{}: {why}", quoted(name)),
                        None,
                    );
                    continue;
                }
            };
            if NOT_A_SITES.contains(&name.as_str()) {
                let why = "belongs to the connection, not to the site: remove it";
                sink.wrong(&spot.key(&name, key.span()), format!("`{name}` {why}"), None);
            } else if let Some(text) = text(self, value.get_ref(), &here, sink) {
                if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || text.len() > VALUE_MAX
                {
                    let message = format!("`{name}` cannot be {}", quoted(text));
                    sink.wrong(&here, message, "visible ASCII characters and spaces".to_owned());
                } else if headers.insert(name.clone(), text.to_owned()).is_some() {
                    let message = format!("`{name}` is set twice, in different spellings");
                    sink.wrong(&here, message, None);
                }
            }
        }
        Some(headers)
    }
}

/// Requests in a unit of time.
pub(crate) struct RateText;

impl Words for RateText {
    fn words(&self) -> String {
        "requests in a unit of time, from `\"1/h\"` to `\"1000000/s\"`: `\"20/s\"` (a second), \
         `\"100/m\"` (a minute) or `\"5/h\"` (an hour)"
            .to_owned()
    }
}

impl Kind for RateText {
    type Value = Rate;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<Rate> {
        let rate = units::rate(text(self, value, spot, sink)?);
        if rate.is_none() {
            refuse(self, value, spot, sink);
        }
        rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::tests::read;
    use std::path::PathBuf;

    #[test]
    fn certificates_come_from_three_places() {
        assert_eq!(read(&TlsSource, "\"self-signed\""), Ok(Tls::SelfSigned));
        assert_eq!(read(&TlsSource, "\"acme\""), Ok(Tls::Acme));
        let given = Tls::Files { certificate: PathBuf::from("/a"), key: PathBuf::from("/b") };
        assert_eq!(read(&TlsSource, "{ certificate = \"/a\", key = \"/b\" }"), Ok(given));
        for (value, said) in [
            ("\"selfsigned\"", "`x` cannot be `selfsigned`"),
            ("true", "`x` cannot be `true`"),
            ("{ key = \"/b\" }", "`x` has no `certificate`"),
            ("{ certificate = \"/a\" }", "`x` has no `key`"),
            ("{ certificate = \"/a\", key = \"/b\", chain = \"/c\" }", "unknown key `chain`"),
            ("{ certificate = \"/a\", key = \"b\" }", "`key` cannot be `b`"),
        ] {
            assert_eq!(read(&TlsSource, value).unwrap_err(), said, "{value}");
        }
    }

    #[test]
    fn response_headers_are_a_sites_own() {
        let headers =
            read(&HeaderMap, "{ X-Frame-Options = \"DENY\", referrer-policy = \"\" }").unwrap();
        let pairs: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("referrer-policy", ""), ("x-frame-options", "DENY")]);
        let wide = format!("{{ a = \"{}\" }}", "x".repeat(VALUE_MAX + 1));
        for (value, said) in [
            ("\"DENY\"", "`x` cannot be `DENY`"),
            ("{ \"a b\" = \"1\" }", "`a b`: this is not the name of a header"),
            ("{ \"a\\r\\nb\" = \"1\" }", "`a\\r\\nb`: this is not the name of a header"),
            ("{ a = \"1\\r\\nset-cookie: x\" }", "`a` cannot be `1\\r\\nset-cookie: x`"),
            ("{ a = 5 }", "`a` cannot be the integer `5`"),
            ("{ a = \"1\", A = \"2\" }", "`a` is set twice, in different spellings"),
            (
                "{ Transfer-Encoding = \"x\" }",
                "`transfer-encoding` belongs to the connection, not to the site: remove it",
            ),
        ] {
            assert_eq!(read(&HeaderMap, value).unwrap_err(), said, "{value}");
        }
        assert!(read(&HeaderMap, &wide).is_err());
        let many: Vec<String> = (0..=HEADERS_MAX).map(|index| format!("h{index} = \"\"")).collect();
        let said = read(&HeaderMap, &format!("{{ {} }}", many.join(", "))).unwrap_err();
        assert_eq!(said, "`headers` sets 65 headers");
    }

    #[test]
    fn rates_name_their_unit() {
        assert_eq!(read(&RateText, "\"20/s\""), Ok(Rate { count: 20, seconds: 1 }));
        for value in ["\"20\"", "20", "\"20/w\"", "\"0/s\"", "\"-1/s\"", "[\"20/s\"]"] {
            assert!(read(&RateText, value).is_err(), "{value}");
        }
    }
}

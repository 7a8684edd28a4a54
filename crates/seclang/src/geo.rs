//! `SecGeoLookupDb`: where an address is, from a file of the `MaxMind` DB format that is read when rules load.
//!
//! A look-up reads memory alone. Names of hosts are not resolved: what is no address is not found.

use maxminddb::{Reader, geoip2};
use std::net::IpAddr;

/// Bytes of a database.
const BYTES_MAX: usize = 512 * 1024 * 1024;

/// A database.
#[derive(Debug)]
pub(crate) struct Places(Reader<Vec<u8>>);

/// A member of `GEO`.
pub(crate) type Fact = (&'static str, String);

impl Places {
    /// Reads a database; the error says what is wrong with the file.
    pub(crate) fn read(content: Vec<u8>) -> Result<Self, String> {
        if content.len() > BYTES_MAX {
            return Err("the database is longer than 512 MiB".to_owned());
        }
        if !content.windows(METADATA.len()).rev().any(|window| window == METADATA) {
            return Err(
                "`SecGeoLookupDb` is refused: the file is no MaxMind database (`.mmdb`); older formats are not read"
                    .to_owned(),
            );
        }
        Reader::from_source(content).map(Self).map_err(|error| format!("the database: {error}"))
    }

    /// What is known of an address; `None` where it is no address or is not in the database.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Vec<Fact>> {
        let address: IpAddr = std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
        let found: geoip2::City<'_> =
            self.0.lookup(address.to_canonical()).ok()?.decode().ok().flatten()?;
        let number = |number: f64| format!("{number:.6}");
        let region = found.subdivisions.first().and_then(|region| region.names.english);
        let facts = [
            ("COUNTRY_CODE", found.country.iso_code.map(str::to_owned)),
            ("COUNTRY_NAME", found.country.names.english.map(str::to_owned)),
            ("COUNTRY_CONTINENT", found.continent.names.english.map(str::to_owned)),
            ("REGION", region.map(str::to_owned)),
            ("CITY", found.city.names.english.map(str::to_owned)),
            ("POSTAL_CODE", found.postal.code.map(str::to_owned)),
            ("LATITUDE", found.location.latitude.map(number)),
            ("LONGITUDE", found.location.longitude.map(number)),
            ("DMA_CODE", found.location.metro_code.map(|code| code.to_string())),
        ];
        Some(facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }
}

/// Begins the last part of such a file.
const METADATA: &[u8] = b"\xab\xcd\xefMaxMind.com";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_database_is_refused() {
        assert!(Places::read(Vec::new()).unwrap_err().contains("no MaxMind database"));
        assert!(Places::read(b"GEO-106FREE".to_vec()).unwrap_err().contains("older formats"));
        let cut = METADATA.to_vec();
        assert!(Places::read(cut).unwrap_err().contains("the database"));
    }
}

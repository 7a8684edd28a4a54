//! Units of systemd that a package brings, and whether they can still be started.
//!
//! A package's units are its files in the folders of units and its scripts in `/etc/init.d`, which systemd
//! takes for services of the same name (systemd-sysv-generator(8)).

use super::{Facts, Seen};
use std::collections::BTreeMap;
use std::path::Path;

/// Endings of units that start something.
const STARTING: [&str; 4] = [".service", ".socket", ".path", ".timer"];
/// Where systemd itself lies. Without it a mask stops nothing.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

impl Facts<'_> {
    /// The units of a package by name, each with whether it is masked; none of a package that brings none.
    pub fn brought_units(&self, package: &str) -> Seen<BTreeMap<String, bool>> {
        let packages = self.packages().as_ref().map_err(Clone::clone)?;
        let names: Vec<String> = packages.paths(package).filter_map(unit_of).collect();
        let mut out = BTreeMap::new();
        for name in names {
            let is_masked = self.unit_named(&name)?.is_some_and(|unit| unit.is_masked);
            out.insert(name, is_masked);
        }
        Ok(out)
    }

    /// Whether systemd is there, so that units are what starts things.
    pub fn has_systemd(&self) -> Seen<bool> {
        for path in SYSTEMD {
            if self.metadata(path)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The unit that a path is, or is taken for.
fn unit_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let folder = path.parent()?;
    if folder == Path::new("/etc/init.d") {
        return Some(format!("{name}.service"));
    }
    let is_unit = super::units::FOLDERS.iter().any(|known| folder == Path::new(known))
        && STARTING.iter().any(|end| name.ends_with(end));
    is_unit.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn units_of_a_package_are_its_files_and_its_old_scripts() {
        let fake = Fake::new();
        fake.file(
            "/var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nVersion: 1\n",
        )
        .file(
            "/var/lib/dpkg/info/a.list",
            "/.\n/lib/systemd/system/a.service\n/lib/systemd/system/a.target\n/etc/init.d/a-old\n/usr/share/a.service\n",
        )
        .file("/var/lib/dpkg/info/b.list", "/lib/systemd/system/b.service\n")
        .file("/lib/systemd/system/a.service", "[Unit]\n")
        .link("/etc/systemd/system/a-old.service", "/dev/null");
        let facts = Facts::new(&fake, Ground::Tree);
        let wanted = [("a-old.service", true), ("a.service", false)];
        let wanted = wanted.map(|(name, masked)| (name.to_owned(), masked));
        assert_eq!(facts.brought_units("a").unwrap(), BTreeMap::from(wanted));
        assert_eq!(facts.brought_units("c").unwrap(), BTreeMap::new());
        assert!(!facts.has_systemd().unwrap());
        fake.file("/lib/systemd/systemd", "");
        assert!(facts.has_systemd().unwrap());
    }
}

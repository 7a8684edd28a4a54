//! Kernel settings: what runs now, and what is configured for the next start (sysctl.d(5)): one
//! file of a name over all directories, files in the order of their names, later lines win.

use super::ini::{LOOSE, settings};
use super::text::Place;
use super::{Facts, Seen};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One configured setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctl {
    /// With dots.
    pub key: String,
    /// As written.
    pub value: String,
    /// Where.
    pub place: Place,
}

/// Directories, the strongest first.
const FOLDERS: [&str; 5] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];

impl Facts<'_> {
    /// The configured settings, in the order in which they are set.
    pub fn sysctls(&self) -> &Seen<Vec<Sysctl>> {
        self.cells.sysctl.get_or_init(|| {
            let mut files: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
            for folder in FOLDERS {
                for path in self.files_in(folder, ".conf")? {
                    if let Some(name) = path.file_name() {
                        files.entry(name.to_owned()).or_insert(path.clone());
                    }
                }
            }
            let mut found = Vec::new();
            for path in files.into_values().chain([PathBuf::from("/etc/sysctl.conf")]) {
                self.sysctl_file(&path, &mut found)?;
            }
            Ok(found)
        })
    }

    fn sysctl_file(&self, path: &Path, found: &mut Vec<Sysctl>) -> Seen<()> {
        let Some(lines) = self.lines(path)? else { return Ok(()) };
        for setting in settings(&lines, LOOSE) {
            let key = dotted(setting.key.trim_start_matches('-'));
            if !key.starts_with(';') {
                found.push(Sysctl { key, value: setting.value, place: setting.place });
            }
        }
        Ok(())
    }

    /// What is configured for a key: the last line that names it or a pattern that covers it.
    pub fn sysctl_configured(&self, key: &str) -> Seen<Option<&Sysctl>> {
        let all = self.sysctls().as_ref().map_err(Clone::clone)?;
        let exact = all.iter().rev().find(|setting| setting.key == key);
        Ok(exact.or_else(|| all.iter().rev().find(|setting| covers(&setting.key, key))))
    }

    /// What the running kernel says; `None` in a tree or where it knows no such key.
    pub fn sysctl_running(&self, key: &str) -> Seen<Option<String>> {
        if !self.is_running() {
            return Ok(None);
        }
        let path = Path::new("/proc/sys").join(key.replace('.', "/"));
        let bytes = self.bytes(path, 4096)?;
        Ok(bytes.map(|bytes| super::text_of(&bytes).trim().to_owned()))
    }
}

/// A key may be written with slashes; then dots in it are part of a name.
fn dotted(key: &str) -> String {
    let slash_first =
        key.find(['/', '.']).and_then(|at| key.get(at..)).is_some_and(|rest| rest.starts_with('/'));
    if slash_first { key.replace('/', ".") } else { key.to_owned() }
}

fn covers(pattern: &str, key: &str) -> bool {
    if !pattern.contains('*') {
        return false;
    }
    let (mut wanted, mut named) = (pattern.split('.'), key.split('.'));
    loop {
        match (wanted.next(), named.next()) {
            (None, None) => return true,
            (Some(part), Some(name)) if part == "*" || part == name => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn files_are_taken_in_order_and_names_once() {
        let fake = Fake::new();
        fake.file(
            "/usr/lib/sysctl.d/50-default.conf",
            "kernel.sysrq = 1\nnet.ipv4.conf.*.rp_filter=2\n",
        );
        fake.file("/etc/sysctl.d/50-default.conf", "kernel/sysrq = 0\n# kernel.sysrq = 1\n");
        fake.file("/usr/lib/sysctl.d/90-x.conf", "-net.ipv4.conf.*.rp_filter = 1\n");
        fake.file("/etc/sysctl.conf", "fs.suid_dumpable=2\n");
        fake.file("/proc/sys/kernel/sysrq", "438\n");
        let facts = Facts::new(&fake, Ground::Tree);
        let value =
            |key| facts.sysctl_configured(key).unwrap().map(|setting| setting.value.clone());
        assert_eq!(value("kernel.sysrq").unwrap(), "0");
        assert_eq!(value("net.ipv4.conf.all.rp_filter").unwrap(), "1");
        assert_eq!(value("fs.suid_dumpable").unwrap(), "2");
        assert_eq!(value("net.ipv4.conf.all.x"), None);
        assert_eq!(facts.sysctl_running("kernel.sysrq").unwrap(), None);
        let facts = Facts::new(&fake, Ground::Running);
        assert_eq!(facts.sysctl_running("kernel.sysrq").unwrap().unwrap(), "438");
    }
}

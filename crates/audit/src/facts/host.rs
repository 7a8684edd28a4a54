//! What the host is: its name, its release, whether there is a system at all.

use super::ini::INI;
use super::{Facts, Seen};

impl Facts<'_> {
    /// Whether a system lies here; an empty directory has nothing in order.
    pub fn is_host(&self) -> bool {
        ["/etc/passwd", "/etc/os-release", "/etc/debian_version", "/usr/lib/os-release"]
            .iter()
            .any(|path| self.exists(path))
    }

    /// Its name: of the running machine, else as configured.
    pub fn host_name(&self) -> String {
        let running = self
            .is_running()
            .then(|| self.bytes("/proc/sys/kernel/hostname", 4_096).ok().flatten())
            .flatten();
        let bytes = running.or_else(|| self.bytes("/etc/hostname", 4_096).ok().flatten());
        let name = super::text_of(&bytes.unwrap_or_default());
        crate::evidence::shown(name.lines().next().unwrap_or_default())
    }

    /// A value of `os-release`.
    pub fn release(&self, key: &str) -> Seen<Option<String>> {
        for path in ["/etc/os-release", "/usr/lib/os-release"] {
            let all = self.settings(path, INI)?;
            if let Some(found) = super::ini::last(&all, None, key) {
                return Ok(Some(found.value.clone()));
            }
        }
        Ok(None)
    }

    /// Whether programs of the host are in a container, where the kernel and its start are not its own.
    pub fn has_kernel(&self) -> bool {
        self.is_running() || self.exists("/boot") || self.exists("/lib/modules")
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::{Facts, Ground};
    use burgrave_sys::Fake;

    #[test]
    fn an_empty_folder_is_no_host() {
        let fake = Fake::new();
        assert!(!Facts::new(&fake, Ground::Tree).is_host());
        fake.file("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
            .file("/etc/hostname", "a\u{7}b\n");
        let facts = Facts::new(&fake, Ground::Tree);
        assert!(facts.is_host());
        assert_eq!(facts.release("VERSION_ID").unwrap().as_deref(), Some("12"));
        assert_eq!(facts.host_name(), "a\\u{7}b");
    }
}

//! Names of accounts, for people who read a snapshot; restores go by the numbers.

use burgrave_sys::read_own;
use std::collections::HashMap;
use std::path::Path;

const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The names of this machine's accounts and groups.
#[derive(Default)]
pub(crate) struct Accounts {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Accounts {
    /// From `/etc/passwd` and `/etc/group`. What cannot be read has no names.
    pub(crate) fn read() -> Self {
        let names = |path: &str| {
            read_own(Path::new(path), FILE_BYTES_MAX).map(|text| names(&text)).unwrap_or_default()
        };
        Self { users: names("/etc/passwd"), groups: names("/etc/group") }
    }

    pub(crate) fn user(&self, uid: u32) -> String {
        self.users.get(&uid).cloned().unwrap_or_default()
    }

    pub(crate) fn group(&self, gid: u32) -> String {
        self.groups.get(&gid).cloned().unwrap_or_default()
    }
}

/// `name:password:number:…` by number; the first of a number counts.
fn names(text: &[u8]) -> HashMap<u32, String> {
    let mut all = HashMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, number) = (fields.next(), fields.nth(1));
        let number = number.and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        if let (Some(name), Some(number)) = (name, number) {
            all.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_number() {
        let all = names(
            b"root:x:0:0:root:/root:/bin/sh\nalias:x:0:0::/:/\nbroken\nu:x:nine:\nweb:x:33:33\n",
        );
        assert_eq!(all.len(), 2);
        assert_eq!((all[&0].as_str(), all[&33].as_str()), ("root", "web"));
        assert_eq!(Accounts::default().user(0), "");
    }
}

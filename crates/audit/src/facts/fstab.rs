//! Mounts: what is configured (fstab(5)) and what is mounted now.

use super::text::Place;
use super::{Facts, Seen};
use std::path::{Path, PathBuf};

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// As `UUID=…` or `/dev/mapper/x`.
    pub source: String,
    /// Where.
    pub target: PathBuf,
    /// As `ext4`.
    pub kind: String,
    /// As `nosuid`.
    pub options: Vec<String>,
    /// Which line says so.
    pub place: Place,
}

impl Mount {
    /// Whether an option is set.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|own| own == option)
    }

    /// The line, without its spacing.
    pub fn line(&self) -> String {
        format!(
            "{} {} {} {}",
            self.source,
            self.target.display(),
            self.kind,
            self.options.join(",")
        )
    }
}

impl Facts<'_> {
    /// The configured mounts; `None` where there is no `fstab` or it is empty.
    pub fn fstab(&self) -> &Seen<Option<Vec<Mount>>> {
        self.cells.fstab.get_or_init(|| {
            let found = self.mounts_of("/etc/fstab")?;
            Ok(Some(found).filter(|found| !found.is_empty()))
        })
    }

    /// What is mounted now; `None` in a tree.
    pub fn mounted(&self) -> Seen<Option<Vec<Mount>>> {
        if !self.is_running() {
            return Ok(None);
        }
        self.mounts_of("/proc/mounts").map(Some)
    }

    /// The mount that counts for a directory: where it is mounted now, else as configured.
    pub fn mount_at(&self, target: &str) -> Seen<Option<Mount>> {
        let find = |all: &[Mount]| {
            all.iter().rev().find(|mount| mount.target == Path::new(target)).cloned()
        };
        if let Some(mounted) = self.mounted()? {
            return Ok(find(&mounted));
        }
        let all = self.fstab().as_ref().map_err(Clone::clone)?;
        Ok(find(all.as_deref().unwrap_or_default()))
    }

    fn mounts_of(&self, path: &str) -> Seen<Vec<Mount>> {
        let Some(lines) = self.lines(path)? else { return Ok(Vec::new()) };
        let parsed = lines.iter().filter_map(|line| parse(&line.text, &line.place));
        Ok(parsed.collect())
    }
}

fn parse(text: &str, place: &Place) -> Option<Mount> {
    let text = text.trim();
    if text.starts_with('#') {
        return None;
    }
    let mut words = text.split_whitespace();
    let (source, target, kind) = (words.next()?, words.next()?, words.next()?);
    let options = words.next().unwrap_or("defaults").split(',').map(str::to_owned).collect();
    let target = PathBuf::from(target.replace("\\040", " "));
    Some(Mount {
        source: source.to_owned(),
        target,
        kind: kind.to_owned(),
        options,
        place: place.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn what_is_mounted_counts_where_it_can_be_seen() {
        let fake = Fake::new();
        fake.file(
            "/etc/fstab",
            "# /tmp\nUUID=1 / ext4 errors=remount-ro 0 1\ntmpfs /tmp tmpfs nosuid,nodev\n",
        );
        fake.file("/proc/mounts", "tmpfs /tmp tmpfs rw 0 0\n");
        let tree = Facts::new(&fake, Ground::Tree);
        assert!(tree.mount_at("/tmp").unwrap().unwrap().has("nosuid"));
        assert!(tree.mount_at("/home").unwrap().is_none());
        let live = Facts::new(&fake, Ground::Running);
        assert!(!live.mount_at("/tmp").unwrap().unwrap().has("nosuid"));
    }
}

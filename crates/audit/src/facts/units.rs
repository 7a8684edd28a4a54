//! systemd's units with their drop-ins (systemd.unit(5)): which files make one, whether it starts,
//! what counts of its settings.

use super::ini::{Setting, UNIT, settings};
use super::text::joined;
use super::{Facts, Seen};
use burgrave_sys::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Directories of the system's manager, the strongest first.
pub(super) const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
const UNITS_MAX: usize = 5_000;

/// One unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// With its ending, as `ssh.service`.
    pub name: String,
    /// The file that is the unit itself; of a unit that has only drop-ins the first of these.
    pub path: PathBuf,
    /// Settings of the file and of its drop-ins, in order; an empty value takes back what is before.
    pub settings: Vec<Setting>,
    /// Something wants it at start.
    pub is_enabled: bool,
    /// A link to `/dev/null` or an empty file stands for it.
    pub is_masked: bool,
}

impl Unit {
    /// The values of a key that count: after the last empty one.
    pub fn values(&self, section: &str, key: &str) -> Vec<&Setting> {
        let mut found: Vec<&Setting> = Vec::new();
        for setting in self.settings.iter().filter(|s| s.section == section && s.key == key) {
            if setting.value.is_empty() {
                found.clear();
            } else {
                found.push(setting);
            }
        }
        found
    }

    /// The value of a key that holds one.
    pub fn value(&self, section: &str, key: &str) -> Option<&Setting> {
        let last = self.settings.iter().rev().find(|s| s.section == section && s.key == key);
        last.filter(|setting| !setting.value.is_empty())
    }

    /// Every command that it runs.
    pub fn commands(&self) -> Vec<&Setting> {
        [
            "ExecStartPre",
            "ExecStart",
            "ExecStartPost",
            "ExecReload",
            "ExecStop",
            "ExecStopPost",
            "ExecCondition",
        ]
        .into_iter()
        .flat_map(|key| self.values("Service", key))
        .collect()
    }

    /// Whether the administrator made it, or a package.
    pub fn is_local(&self) -> bool {
        !self.path.starts_with("/usr/lib") && !self.path.starts_with("/lib")
    }
}

impl Facts<'_> {
    /// Every unit of the system's manager.
    pub fn units(&self) -> &Seen<Vec<Unit>> {
        self.cells.units.get_or_init(|| {
            let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
            let mut drops: BTreeMap<String, BTreeMap<Vec<u8>, PathBuf>> = BTreeMap::new();
            let mut wanted = BTreeSet::new();
            for folder in FOLDERS.map(Path::new) {
                if folder == Path::new("/lib/systemd/system") && self.is_merged()? {
                    continue;
                }
                self.unit_folder(folder, &mut files, &mut drops, &mut wanted)?;
            }
            let names: BTreeSet<String> = files.keys().chain(drops.keys()).cloned().collect();
            let mut out = Vec::new();
            for name in names.into_iter().take(UNITS_MAX) {
                out.extend(self.unit(name, &files, &drops, &wanted)?);
            }
            Ok(out)
        })
    }

    /// Whether `/lib` is a link to `/usr/lib`, so that its folders would be read twice.
    fn is_merged(&self) -> Seen<bool> {
        Ok(self.metadata("/lib")?.is_some_and(|metadata| metadata.kind == Kind::Link))
    }

    /// A unit by its name.
    pub fn unit_named(&self, name: &str) -> Seen<Option<&Unit>> {
        let all = self.units().as_ref().map_err(Clone::clone)?;
        Ok(all.iter().find(|unit| unit.name == name))
    }

    fn unit_folder(
        &self,
        folder: &Path,
        files: &mut BTreeMap<String, PathBuf>,
        drops: &mut BTreeMap<String, BTreeMap<Vec<u8>, PathBuf>>,
        wanted: &mut BTreeSet<String>,
    ) -> Seen<()> {
        for entry in self.list(folder)? {
            let Some(name) = entry.path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if name.ends_with(".wants") || name.ends_with(".requires") {
                let inner = self.list(&entry.path)?;
                let names = inner
                    .iter()
                    .filter_map(|entry| entry.path.file_name()?.to_str().map(str::to_owned));
                wanted.extend(names);
            } else if let Some(unit) = name.strip_suffix(".d") {
                let list = drops.entry(unit.to_owned()).or_default();
                for path in self.files_in(&entry.path, ".conf")? {
                    if let Some(file) = path.file_name().map(|file| file.as_bytes().to_vec()) {
                        list.entry(file).or_insert(path);
                    }
                }
            } else if entry.kind != Kind::Directory && name.contains('.') {
                files.entry(name.to_owned()).or_insert_with(|| entry.path.clone());
            }
        }
        Ok(())
    }

    fn unit(
        &self,
        name: String,
        files: &BTreeMap<String, PathBuf>,
        drops: &BTreeMap<String, BTreeMap<Vec<u8>, PathBuf>>,
        wanted: &BTreeSet<String>,
    ) -> Seen<Option<Unit>> {
        let template = name
            .split_once('@')
            .and_then(|(base, rest)| Some(format!("{base}@.{}", rest.rsplit_once('.')?.1)));
        let file = files.get(&name).or_else(|| files.get(template.as_ref()?));
        let own = drops.get(&name).into_iter().flat_map(BTreeMap::values);
        let common = template
            .as_ref()
            .filter(|template| **template != name)
            .and_then(|name| drops.get(name));
        let mut parts: Vec<&PathBuf> = file.into_iter().collect();
        parts.extend(common.into_iter().flat_map(BTreeMap::values).chain(own));
        let Some(path) = parts.first().map(|path| (*path).clone()) else { return Ok(None) };
        // An alias is the unit that it leads to.
        let real = self.followed(&path)?.map(|(real, _)| real);
        let path = real.filter(|real| !real.starts_with("/dev")).unwrap_or(path);
        let is_masked = match file {
            Some(file) => self.is_mask(file)?,
            None => false,
        };
        let mut all = Vec::new();
        for part in parts {
            if let Some(lines) = self.lines(part)? {
                all.extend(settings(&joined(lines.to_vec()), UNIT));
            }
        }
        let is_enabled = !is_masked
            && (wanted.contains(&name)
                || template.is_some_and(|template| {
                    template == name && wanted.iter().any(|want| instance_of(want, &template))
                }));
        Ok(Some(Unit { name, path, settings: all, is_enabled, is_masked }))
    }

    fn is_mask(&self, path: &Path) -> Seen<bool> {
        let Some(metadata) = self.metadata(path)? else { return Ok(false) };
        if metadata.kind == Kind::Link {
            let target = self.system.link(path);
            return Ok(target.is_ok_and(|target| target == Path::new("/dev/null")));
        }
        Ok(metadata.kind == Kind::File && metadata.len == 0)
    }
}

fn instance_of(name: &str, template: &str) -> bool {
    template
        .split_once('@')
        .is_some_and(|(base, _)| name.strip_prefix(base).is_some_and(|rest| rest.starts_with('@')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn drop_ins_take_back_and_add() {
        let fake = Fake::new();
        fake.file(
            "/usr/lib/systemd/system/a.service",
            "[Service]\nExecStart=/bin/a \\\n -x\nUser=a\n",
        );
        fake.file(
            "/etc/systemd/system/a.service.d/1.conf",
            "[Service]\nExecStart=\nExecStart=/bin/b\nUser=\n",
        );
        fake.link(
            "/etc/systemd/system/multi-user.target.wants/a.service",
            "/usr/lib/systemd/system/a.service",
        );
        fake.link("/etc/systemd/system/b.service", "/dev/null");
        fake.file("/usr/lib/systemd/system/b.service", "[Service]\nExecStart=/bin/c\n");
        fake.file("/usr/lib/systemd/system/g@.service", "[Service]\nExecStart=/bin/g %I\n");
        fake.file(
            "/etc/systemd/system/g@tty1.service.d/o.conf",
            "[Service]\nExecStart=\nExecStart=/bin/h\n",
        );
        let facts = Facts::new(&fake, Ground::Tree);
        let unit = |name| facts.unit_named(name).unwrap().unwrap();
        let commands =
            |name| unit(name).commands().iter().map(|s| s.value.clone()).collect::<Vec<_>>();
        assert_eq!(commands("a.service"), ["/bin/b"]);
        assert!(
            unit("a.service").is_enabled && unit("a.service").value("Service", "User").is_none()
        );
        assert!(unit("b.service").is_masked && !unit("b.service").is_enabled);
        assert_eq!(commands("g@tty1.service"), ["/bin/h"]);
    }
}

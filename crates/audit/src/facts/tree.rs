//! Every path of the host with its owner, mode and time: walked once, in memory.
//!
//! Invariants: pseudo file systems, other machines' file systems and containers' layers are left out;
//! the number of paths is bounded, and a host that has more makes what rests on the walk unknown.

use super::{Blind, Facts, Seen};
use burgrave_sys::{Kind, Metadata, Step, WalkLimits};
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

const LIMITS: WalkLimits = WalkLimits { entries_max: 3_000_000, depth_max: 64 };

/// One path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where.
    pub path: PathBuf,
    /// What is known of it.
    pub metadata: Metadata,
    /// Its name where that is no UTF-8, with its bytes made visible.
    odd_name: Option<Box<str>>,
}

impl Node {
    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.metadata.kind == Kind::File
    }

    /// Whether it is a directory.
    pub fn is_folder(&self) -> bool {
        self.metadata.kind == Kind::Directory
    }

    /// Whether everybody may write to it.
    pub fn is_world_writable(&self) -> bool {
        self.metadata.mode & 0o002 != 0 && self.metadata.kind != Kind::Link
    }

    /// Whether everybody may read it.
    pub fn is_world_readable(&self) -> bool {
        self.metadata.mode & 0o004 != 0
    }

    /// Its last component.
    pub fn name(&self) -> &str {
        let plain = self.path.file_name().and_then(|name| name.to_str());
        plain.or(self.odd_name.as_deref()).unwrap_or_default()
    }

    fn new(path: &Path, metadata: &Metadata) -> Self {
        let odd = path.file_name().filter(|name| name.to_str().is_none());
        let odd_name = odd.map(|name| super::text_of(name.as_bytes()).into_boxed_str());
        Self { path: path.to_owned(), metadata: metadata.clone(), odd_name }
    }
}

/// All of them, directories in front of what they hold.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Sorted by path.
    pub nodes: Vec<Node>,
    /// Directories that could not be read.
    pub unreadable: Vec<PathBuf>,
}

impl Index {
    /// A path.
    pub fn node(&self, path: &Path) -> Option<&Node> {
        let at = self.nodes.binary_search_by(|node| node.path.as_path().cmp(path)).ok()?;
        self.nodes.get(at)
    }

    /// Everything below a directory, itself left out.
    pub fn below<'i>(&'i self, folder: &'i Path) -> impl Iterator<Item = &'i Node> {
        let start = self.nodes.partition_point(|node| node.path.as_path() <= folder);
        let rest = self.nodes.get(start..).unwrap_or_default();
        rest.iter().take_while(move |node| node.path.starts_with(folder))
    }

    /// Whether somebody who owns nothing can reach a path: every directory above lets everybody pass.
    pub fn is_reachable_by_all(&self, path: &Path) -> bool {
        path.ancestors().skip(1).all(|folder| {
            folder.parent().is_none()
                || self.node(folder).is_none_or(|node| node.metadata.mode & 0o001 != 0)
        })
    }
}

impl Facts<'_> {
    /// The walk.
    pub fn index(&self) -> &Seen<Index> {
        self.cells.index.get_or_init(|| {
            let mut index = Index::default();
            index.unreadable = self.each(&mut |path, metadata| {
                index.nodes.push(Node::new(path, metadata));
            })?;
            index.nodes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
            Ok(index)
        })
    }

    /// Looks at every path without keeping it. Directories that could not be read.
    pub(crate) fn each(&self, look: &mut dyn FnMut(&Path, &Metadata)) -> Seen<Vec<PathBuf>> {
        let over = self.left_out()?;
        let walked = self.system.walk(Path::new("/"), LIMITS, &mut |path, metadata| {
            look(path, metadata);
            if over.contains(path) { Step::Over } else { Step::Into }
        });
        let walked = walked.map_err(|error| Blind::because(Path::new("/"), &error))?;
        if walked.cut {
            return Err(Blind::new("/", "the host has more files than one audit looks at"));
        }
        Ok(walked.unreadable)
    }

    /// What is not walked: the kernel's own trees, other machines' disks, layers of containers.
    fn left_out(&self) -> Seen<HashSet<PathBuf>> {
        let fixed = [
            "/proc",
            "/sys",
            "/dev/pts",
            "/dev/mqueue",
            "/dev/hugepages",
            "/var/lib/docker/overlay2",
            "/var/lib/docker/containers",
            "/var/lib/containers/storage",
            "/var/lib/containerd",
            "/snap",
            "/var/lib/lxcfs",
            "/run/user",
        ];
        let mut over: HashSet<PathBuf> = fixed.iter().map(PathBuf::from).collect();
        let foreign = [
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "fuse",
            "9p",
            "ceph",
            "glusterfs",
            "overlay",
            "squashfs",
            "proc",
            "sysfs",
            "cgroup",
            "cgroup2",
            "autofs",
            "iso9660",
            "tracefs",
            "debugfs",
            "bpf",
            "nsfs",
        ];
        for mount in self.mounted()?.unwrap_or_default() {
            let kind = mount.kind.split('.').next().unwrap_or_default();
            if foreign.contains(&kind) && mount.target != Path::new("/") {
                over.insert(mount.target);
            }
        }
        Ok(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn the_index_knows_what_lies_where() {
        let fake = Fake::new();
        fake.file("/a/b/c", "")
            .file("/a.x", "")
            .file("/proc/1/x", "")
            .mode("/a", 0o750)
            .mode("/a/b/c", 0o666);
        let facts = Facts::new(&fake, Ground::Tree);
        let index = facts.index().as_ref().unwrap();
        let below: Vec<_> = index.below(Path::new("/a")).map(|node| node.path.clone()).collect();
        assert_eq!(below, [Path::new("/a/b"), Path::new("/a/b/c")]);
        assert!(index.node(Path::new("/proc/1")).is_none(), "the kernel's tree is left out");
        assert!(
            !index.is_reachable_by_all(Path::new("/a/b/c"))
                && index.is_reachable_by_all(Path::new("/a.x"))
        );
        assert!(index.node(Path::new("/a/b/c")).unwrap().is_world_writable());
    }
}

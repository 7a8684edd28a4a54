//! Walking a directory tree: everything below a directory, each once, within bounds.
//!
//! Invariants: symbolic links are reported and never followed; a directory that cannot be read is
//! counted, not skipped in silence; entries and depth have limits, and reaching one is told.

use crate::{Kind, Metadata, SysError, System};
use std::path::{Path, PathBuf};

/// Directories that are named because they could not be read.
const UNREADABLE_MAX: usize = 64;

/// How far a walk may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkLimits {
    /// Paths that are reported at most.
    pub entries_max: usize,
    /// Directories above a path, counted from where the walk begins.
    pub depth_max: usize,
}

/// Whether a walk enters the directory that was just reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What lies below is reported next.
    Into,
    /// What lies below is left out.
    Over,
}

/// How a walk went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Paths that were reported.
    pub entries: usize,
    /// Directories that could not be read; the first few of them.
    pub unreadable: Vec<PathBuf>,
    /// A limit was reached: something was not reported.
    pub cut: bool,
}

impl Walked {
    pub(crate) fn could_not_read(&mut self, path: &Path) {
        if self.unreadable.len() < UNREADABLE_MAX {
            self.unreadable.push(path.to_owned());
        }
    }
}

/// What a walk reports to.
pub type Visitor<'v> = dyn FnMut(&Path, &Metadata) -> Step + 'v;

/// The entries of one directory with what they are, or why they cannot be had.
pub(crate) type Level = Result<Vec<(PathBuf, Metadata)>, SysError>;

/// See [`System::walk`]: directories in depth-first order, names sorted.
pub(crate) fn walk(
    top: &Path,
    limits: WalkLimits,
    visit: &mut Visitor<'_>,
    level: &mut dyn FnMut(&Path, usize) -> Level,
) -> Result<Walked, SysError> {
    let mut walked = Walked::default();
    let mut todo = vec![(top.to_owned(), 0_usize)];
    while let Some((directory, depth)) = todo.pop() {
        let left = limits.entries_max.saturating_sub(walked.entries);
        let entries = match level(&directory, left) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            Err(SysError::Missing(_)) => continue,
            Err(SysError::TooLarge { .. }) => {
                walked.cut = true;
                continue;
            }
            Err(_) => {
                walked.could_not_read(&directory);
                continue;
            }
        };
        let mut below = Vec::new();
        for (path, metadata) in entries {
            walked.entries += 1;
            if visit(&path, &metadata) == Step::Over || metadata.kind != Kind::Directory {
                continue;
            }
            if depth >= limits.depth_max {
                walked.cut = true;
            } else {
                below.push((path, depth + 1));
            }
        }
        todo.extend(below.into_iter().rev());
    }
    Ok(walked)
}

/// One level of a system that can only list and look.
pub(crate) fn level<S: System + ?Sized>(system: &S, directory: &Path, entries_max: usize) -> Level {
    let mut found = Vec::new();
    for entry in system.list(directory, entries_max)? {
        match system.metadata(&entry.path) {
            Ok(metadata) => found.push((entry.path, metadata)),
            Err(SysError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fake, Refusal, Tree};

    const LIMITS: WalkLimits = WalkLimits { entries_max: 100, depth_max: 10 };

    fn seen(system: &dyn System, limits: WalkLimits, over: &str) -> (Vec<String>, Walked) {
        let mut paths = Vec::new();
        let walked = system.walk(Path::new("/"), limits, &mut |path, _| {
            paths.push(path.display().to_string());
            if path == Path::new(over) { Step::Over } else { Step::Into }
        });
        (paths, walked.unwrap())
    }

    #[test]
    fn everything_is_seen_once_and_links_are_not_followed() {
        let fake = Fake::new();
        fake.file("/a/b/c", "").file("/a/d", "").link("/a/up", "/").file("/e/f", "");
        let (paths, walked) = seen(&fake, LIMITS, "/e");
        assert_eq!(paths, ["/a", "/e", "/a/b", "/a/d", "/a/up", "/a/b/c"]);
        assert_eq!((walked.entries, walked.cut), (6, false));
    }

    #[test]
    fn a_real_tree_is_walked_as_a_made_up_one() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("a/b")).unwrap();
        std::fs::write(root.path().join("a/b/c"), "x").unwrap();
        std::os::unix::fs::symlink("/", root.path().join("a/up")).unwrap();
        let tree = Tree::new(root.path()).unwrap();
        let (paths, walked) = seen(&tree, LIMITS, "");
        assert_eq!(paths, ["/a", "/a/b", "/a/up", "/a/b/c"]);
        assert_eq!(walked.entries, 4);
    }

    #[test]
    fn limits_and_closed_directories_are_told() {
        let fake = Fake::new();
        fake.file("/a/b/c/d", "").file("/closed/x", "").refuse("/closed", Refusal::Denied);
        let (paths, walked) = seen(&fake, WalkLimits { depth_max: 1, ..LIMITS }, "");
        assert_eq!(paths, ["/a", "/closed", "/a/b"]);
        assert!(walked.cut);
        assert_eq!(walked.unreadable, [PathBuf::from("/closed")]);
        let (_, walked) = seen(&fake, WalkLimits { entries_max: 3, ..LIMITS }, "");
        assert!(walked.cut && walked.entries <= 3);
        let missing = fake.walk(Path::new("/none"), LIMITS, &mut |_, _| Step::Into);
        assert!(matches!(missing, Err(SysError::Missing(_))));
    }
}

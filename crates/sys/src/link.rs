//! Symbolic links of our own, changed atomically: how a verified release becomes the one in use.

use crate::SysError;
use rustix::fs::{CWD, rename, symlinkat, unlink};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where a link of ours points; `None` when there is none.
pub fn own_link(path: &Path) -> Result<Option<PathBuf>, SysError> {
    match std::fs::read_link(path) {
        Ok(target) => Ok(Some(target)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SysError::from_io("reading the link", path, error)),
    }
}

/// Points a link at a target: made beside it and renamed over it, so that at every moment either the
/// old or the new one is there.
pub fn replace_link(path: &Path, target: &Path) -> Result<(), SysError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let fresh = PathBuf::from(name);
    let wrong =
        |error: rustix::io::Errno| SysError::from_io("changing the link", path, error.into());
    match unlink(&fresh) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(wrong(error)),
    }
    symlinkat(target, CWD, &fresh).map_err(wrong)?;
    rename(&fresh, path).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("current");
        assert_eq!(own_link(&link).unwrap(), None);
        for target in ["/a", "/b", "/b"] {
            replace_link(&link, Path::new(target)).unwrap();
            assert_eq!(own_link(&link).unwrap(), Some(PathBuf::from(target)));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(own_link(&folder.path().join("file")).is_err(), "a file is no link");
        assert!(replace_link(&folder.path().join("none/x"), Path::new("/a")).is_err());
    }
}

//! Masks of units and links that are taken away, laid over the host.

use super::{Draft, Refusal, plain, refused};
use burgrave_model::{MASK, UnitName};
use burgrave_sys::{Kind, SysError, System as _};
use std::path::Path;

/// Where a mask counts before every unit of a package.
const MASKS: &str = "/etc/systemd/system";

impl Draft<'_> {
    /// Puts a mask in a unit's place. A unit that is a file there is not masked: systemd would read the file.
    pub(crate) fn mask(&self, unit: &UnitName) -> Result<(), Refusal> {
        let path = plain(&Path::new(MASKS).join(unit.text()))?;
        match self.metadata(&path) {
            Err(SysError::Missing(_)) => {}
            Ok(metadata) if metadata.kind == Kind::Link => {
                if self.link(&path).is_ok_and(|to| to == Path::new(MASK)) {
                    return Ok(());
                }
                self.unlink(&path)?;
            }
            Ok(_) => return Err(refused(&path, "is a unit of the administrator's own")),
            Err(error) => return Err(Refusal(error.to_string())),
        }
        self.make_parents(&path)?;
        self.touch(&path, |edits| {
            edits.masks.insert(path.clone());
            edits.stops.insert(unit.clone());
        });
        Ok(())
    }

    /// Takes a symbolic link away.
    pub(crate) fn unlink(&self, path: &Path) -> Result<(), Refusal> {
        let path = plain(path)?;
        let to = self.link(&path).map_err(|error| Refusal(error.to_string()))?;
        let Some(to) = to.to_str().map(str::to_owned) else {
            return Err(refused(&path, "leads to a name that is no UTF-8"));
        };
        self.touch(&path, |edits| {
            edits.unlinked.insert(path.clone(), to);
        });
        Ok(())
    }

    /// Units that are stopped once they are masked.
    pub(crate) fn stops(&self) -> Vec<UnitName> {
        self.edits().stops.iter().cloned().collect()
    }
}

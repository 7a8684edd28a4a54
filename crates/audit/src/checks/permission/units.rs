//! Only root changes what systemd starts.

use super::{ground, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-units",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "only root changes what systemd starts",
    why: "Who can write a unit, its drop-in or the program behind it has that program run as \
              root at the next start. One unit is enough.",
    remedy: "`chown root:root` and `chmod go-w` the unit and the program.",
    controls: &["PCI 7.2.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/systemd/system/x.service", "[Service]\nExecStart=/bin/x\n"),
            Mode("/etc/systemd/system/x.service", 0o666),
        ],
        pass: &[File("/etc/systemd/system/x.service", "[Service]\nExecStart=/bin/x\n")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for unit in units {
        let mut paths: Vec<(PathBuf, &str)> = vec![(unit.path.clone(), "the unit")];
        paths.extend(
            unit.settings
                .iter()
                .map(|setting| (setting.place.path.to_path_buf(), "a drop-in of the unit")),
        );
        paths.dedup();
        for (path, what) in paths {
            let Some(node) = index.node(&path) else { continue };
            if node.metadata.kind == burgrave_sys::Kind::File
                && (node.metadata.uid != 0 || node.metadata.mode & 0o022 != 0)
            {
                rows.fail(
                    format!("others than root can write {} ({what} {})", path.display(), unit.name),
                    Evidence::path(&path, mode(node, accounts)),
                );
            } else {
                rows.looked(Evidence::path(&path, mode(node, accounts)));
            }
        }
    }
}

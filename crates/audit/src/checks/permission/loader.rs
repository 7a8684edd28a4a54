//! Only root writes where the loader looks for libraries.

use super::{ground, is_changeable, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-loader",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "only root writes where the loader looks for libraries",
    why: "A library in such a directory is loaded into every program, root's among them. Who \
              can write there is root as soon as root runs anything.",
    remedy: "`chown root:root` and `chmod 755` the directory, or take it out of \
              /etc/ld.so.conf.d.",
    controls: &["PCI 7.2.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/ld.so.conf.d/x.conf", "/opt/x/lib\n"),
            Folder("/opt/x/lib"),
            Mode("/opt/x/lib", 0o777),
        ],
        pass: &[File("/etc/ld.so.conf.d/x.conf", "/opt/x/lib\n"), Folder("/opt/x/lib")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let mut files = vec![PathBuf::from("/etc/ld.so.conf")];
    files.extend(rows.take(facts.files_in("/etc/ld.so.conf.d", ".conf")).unwrap_or_default());
    for file in files {
        let lines = rows.take(facts.lines(&file)).flatten();
        for line in lines.iter().flat_map(|lines| lines.iter()) {
            let text = crate::facts::uncommented(&line.text, "#").trim();
            if !text.starts_with('/') {
                continue;
            }
            let folder = Path::new(text);
            let why = is_changeable(index, folder);
            if crate::facts::is_scratch(folder) || why.is_some() {
                let node = index.node(folder).map(|node| mode(node, accounts)).unwrap_or_default();
                rows.fail(format!("the loader (ld.so) takes libraries from {text}, where others than root can write: {node}"), vec![Evidence::at(&line.place, text), Evidence::path(folder, node)]);
            } else {
                rows.looked(Evidence::at(&line.place, text));
            }
        }
    }
    rows.looked(Evidence::path(
        Path::new("/etc/ld.so.conf"),
        "the loader's directories were looked at",
    ));
}

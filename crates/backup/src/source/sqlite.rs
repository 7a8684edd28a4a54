//! A database of `SQLite`: copied by its own backup interface, which sees one state of it while it is written to, and
//! then backed up as a file.

use super::{Errand, find, output};
use crate::archive::Part;
use crate::error::BackupError;
use crate::run::{Report, What, run};
use burgrave_sys::{Folder, make_own_directory};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

/// How long the copy may take.
const COPY_TIME: Duration = Duration::from_hours(6);
/// The copy's name.
const COPY: &str = "sqlite-copy";

/// Copies it and backs the copy up under its own name.
pub(super) fn back_up(path: &Path, mut errand: Errand<'_>) -> Result<Report, BackupError> {
    make_own_directory(errand.work)?;
    let folder = Folder::open(errand.work)?;
    let copy = errand.work.join(COPY);
    let (text, copy_text) = (path.display().to_string(), copy.display().to_string());
    if copy_text.contains(['\'', '"', '\n']) {
        return Err(BackupError::Refused(format!("the path `{copy_text}` cannot be quoted")));
    }
    if burgrave_sys::System::metadata(&burgrave_sys::Live, path).is_err() {
        return Err(BackupError::Source { name: text, cause: "it does not exist".to_owned() });
    }
    remove_copy(&folder)?;
    let program = find(&["sqlite3"])?.display().to_string();
    let command = [
        program.as_str(),
        "-bail",
        "-batch",
        "-readonly",
        "-cmd",
        ".timeout 60000",
        &text,
        &format!(".backup '{copy_text}'"),
    ];
    let copied = output(&command.map(str::to_owned), COPY_TIME);
    let done = copied.and_then(|_| {
        let (mut file, _) = folder.read(COPY.as_bytes())?;
        let name = path.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
        let name = String::from_utf8(name).unwrap_or_else(|_odd| "database".to_owned());
        errand.labels.paths = vec![text.clone()];
        let part = Part::Stream { name, input: &mut file, finish: &mut || Ok(()) };
        run(errand.repository, &errand.labels, What::Parts(vec![part]), errand.progress)
    });
    remove_copy(&folder)?;
    done
}

fn remove_copy(folder: &Folder) -> Result<(), BackupError> {
    for end in ["", "-journal", "-wal", "-shm"] {
        folder.remove(format!("{COPY}{end}").as_bytes())?;
    }
    Ok(())
}

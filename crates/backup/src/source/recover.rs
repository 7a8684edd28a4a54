//! From a base backup and WAL to a directory in which `PostgreSQL` starts, at a moment of one's choice.

use super::program::{as_account, find, output};
use crate::error::BackupError;
use burgrave_sys::{Access, Folder, UnixTime, read_own, replace_own};
use std::path::Path;
use std::time::Duration;

/// The base backup's name in a snapshot.
pub(crate) const BASE: &str = "base.tar";
/// The directory of WAL in a snapshot.
pub(crate) const WAL: &str = "wal";
/// The tag that says when the base backup was begun.
pub(crate) const BASE_TAG: &str = "burgrave-base:";
/// How long unpacking may take.
const UNPACK_TIME: Duration = Duration::from_hours(12);

/// Unpacks the base backup that was restored to a directory, and has the server that is started there go on by the WAL
/// beside it: to the moment, or to its end. The data directory.
pub(crate) fn recover(
    at: &Path,
    time: Option<UnixTime>,
) -> Result<std::path::PathBuf, BackupError> {
    let data = at.join("data");
    let folder = Folder::open(at)?;
    if !folder.make_folder(b"data")? {
        return Err(BackupError::Refused(format!("`{}` is there already", data.display())));
    }
    let tar = find(&["tar"])?.display().to_string();
    let base = at.join(BASE).display().to_string();
    let into = data.display().to_string();
    let unpack = [&tar, "--extract", "--numeric-owner", "--file", &base, "--directory", &into];
    output(&unpack.map(str::to_owned), UNPACK_TIME)?;
    let wal = at.join(WAL);
    let quoted = wal.display().to_string().replace('\'', "'\\''");
    let mut lines = vec![
        String::new(),
        "# written by the restore".to_owned(),
        format!("restore_command = {}", quote(&format!("cp '{quoted}/%f' \"%p\""))),
        "archive_mode = 'off'".to_owned(),
    ];
    if let Some(time) = time {
        lines.push(format!(
            "recovery_target_time = {}",
            quote(&time.rfc3339().replace('T', " ").replace('Z', "+00"))
        ));
        lines.push("recovery_target_action = 'promote'".to_owned());
    }
    lines.push(String::new());
    let settings = data.join("postgresql.auto.conf");
    let mut text = read_own(&settings, 16 * 1024 * 1024).unwrap_or_default();
    text.extend_from_slice(lines.join("\n").as_bytes());
    replace_own(&settings, &text, Access::Owner)?;
    if Folder::open(&wal).is_ok() {
        replace_own(&data.join("recovery.signal"), b"", Access::Owner)?;
    }
    folder.remove(BASE.as_bytes())?;
    own(at)?;
    Ok(data)
}

/// A text in the server's configuration.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Gives everything to the account that the server runs as.
fn own(at: &Path) -> Result<(), BackupError> {
    if as_account("postgres")?.is_empty() {
        return Ok(());
    }
    let chown = find(&["chown"])?.display().to_string();
    let path = at.display().to_string();
    let command = [&chown, "-R", "-h", "postgres:postgres", "--", &path].map(str::to_owned);
    output(&command, Duration::from_hours(1)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_for_the_server() {
        assert_eq!(quote("a"), "'a'");
        assert_eq!(quote("cp 'x' y"), "'cp ''x'' y'");
    }
}

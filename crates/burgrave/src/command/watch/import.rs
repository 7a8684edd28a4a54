//! `burgrave watch import-fail2ban`: filters and jails into `[[watch]]` sections.

use super::trial::text;
use crate::command::Exit;
use crate::error::Error;
use crate::output;
use burgrave_sys::{Kind, Live, System};
use burgrave_watch::fail2ban::{Import, import};
use std::path::Path;

/// Most files in `jail.d`.
const FILES_MAX: usize = 2_000;

/// Reads the folder and shows what became of it.
pub(super) fn run(folder: &Path) -> Result<Exit, Error> {
    let import = read(&Live, folder)?;
    output::text(&import.toml)?;
    for line in &import.report {
        output::notice(line);
    }
    output::notice(&format!("{} jail(s) carried over", import.jails));
    Ok(if import.report.is_empty() { Exit::Clean } else { Exit::Findings })
}

fn read(system: &dyn System, folder: &Path) -> Result<Import, Error> {
    let unread = |why| Error::Read(folder.to_path_buf(), Box::new(why));
    if system.metadata(folder).map_err(unread)?.kind != Kind::Directory {
        return Err(Error::Read(folder.to_path_buf(), "it is no folder".into()));
    }
    let jails = system.list(&folder.join("jail.d"), FILES_MAX).unwrap_or_default();
    let names =
        jails.iter().filter_map(|entry| entry.path.file_name()?.to_str().map(str::to_owned));
    let files = |path: &str| text(system, &folder.join(path));
    Ok(import(&files, &names.collect::<Vec<_>>(), &folder.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::Fake;

    #[test]
    fn a_folder_is_read_with_what_lies_in_jail_d() {
        let fake = Fake::new();
        fake.file("/f/jail.conf", "[sshd]\nlogpath = /var/log/auth.log\n");
        fake.file("/f/jail.d/on.conf", "[sshd]\nenabled = true\n");
        let import = read(&fake, Path::new("/f")).unwrap();
        assert!(import.toml.contains("service = \"sshd\""), "{}", import.toml);
        assert_eq!((import.jails, import.report.len()), (1, 0));
        assert!(read(&fake, Path::new("/none")).is_err());
    }
}

//! Everything that starts by a clock or at a start without systemd: cron's tables and folders,
//! users' tables, `rc.local`, at's jobs.

use super::text::{Line, Place};
use super::{Facts, Seen};
use burgrave_sys::Kind;
use std::path::{Path, PathBuf};

/// One job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Whom it runs as.
    pub user: String,
    /// The command line, or the path of the script.
    pub command: String,
    /// Where.
    pub place: Place,
}

/// Folders whose scripts run as root.
pub(super) const FOLDERS: [&str; 4] =
    ["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"];

impl Facts<'_> {
    /// Every job of cron.
    pub fn jobs(&self) -> &Seen<Vec<Job>> {
        self.cells.jobs.get_or_init(|| {
            let mut out = Vec::new();
            let mut tables = vec![PathBuf::from("/etc/crontab"), PathBuf::from("/etc/anacrontab")];
            tables.extend(
                self.files_in("/etc/cron.d", "")?.into_iter().filter(|path| is_plain(path)),
            );
            for table in tables {
                let lines = self.lines(&table)?;
                let has_user = !table.ends_with("anacrontab");
                let all = lines.iter().flat_map(|lines| lines.iter());
                out.extend(all.filter_map(|line| job(line, has_user.then_some(""))));
            }
            for table in self.files_in("/var/spool/cron/crontabs", "")? {
                let owner =
                    table.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
                let lines = self.lines(&table)?;
                let all = lines.iter().flat_map(|lines| lines.iter());
                out.extend(all.filter_map(|line| {
                    job(line, None).map(|job| Job { user: owner.clone(), ..job })
                }));
            }
            Ok(out)
        })
    }

    /// The scripts that cron's folders hold.
    pub fn cron_scripts(&self) -> Seen<Vec<PathBuf>> {
        let mut out = Vec::new();
        for folder in FOLDERS {
            let entries = self.list(folder)?;
            let scripts = entries
                .into_iter()
                .filter(|entry| entry.kind != Kind::Directory && is_plain(&entry.path));
            out.extend(scripts.map(|entry| entry.path));
        }
        Ok(out)
    }
}

/// run-parts(8) and cron take names of letters, digits, `-` and `_` only.
fn is_plain(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// With a user's field, or without one.
fn job(line: &Line, user: Option<&str>) -> Option<Job> {
    let text = line.text.trim();
    let first = text.split_whitespace().next()?;
    if text.starts_with('#')
        || (first.contains('=') && !first.starts_with('@'))
        || text.contains(" = ") && !text.contains('/')
    {
        return None;
    }
    let fields = if first.starts_with('@') { 1 } else { 5 } + usize::from(user.is_some());
    let mut rest = text;
    let mut last = "";
    for _ in 0..fields {
        let (word, tail) = rest.split_once(char::is_whitespace)?;
        (last, rest) = (word, tail.trim_start());
    }
    let user = if user.is_some() { last } else { "root" };
    (!rest.is_empty()).then(|| Job {
        user: user.to_owned(),
        command: rest.to_owned(),
        place: line.place.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn tables_are_read_with_and_without_users() {
        let fake = Fake::new();
        fake.file("/etc/crontab", "SHELL=/bin/sh\n# 1 2 3 4 5 root /x\n17 * * * *\troot cd / && /bin/x\n@reboot bob /bin/y a\n");
        fake.file("/etc/cron.d/a", "1 2 3 4 5 c /bin/z\n")
            .file("/etc/cron.d/a.dpkg-old", "1 2 3 4 5 c /bin/n\n");
        fake.file("/var/spool/cron/crontabs/d", "*/5 * * * * /bin/w\n")
            .file("/etc/cron.daily/s", "");
        let facts = Facts::new(&fake, Ground::Tree);
        let jobs: Vec<_> = facts
            .jobs()
            .as_ref()
            .unwrap()
            .iter()
            .map(|job| (job.user.as_str(), job.command.as_str()))
            .collect();
        assert_eq!(
            jobs,
            [("root", "cd / && /bin/x"), ("bob", "/bin/y a"), ("c", "/bin/z"), ("d", "/bin/w")]
        );
        assert_eq!(facts.cron_scripts().unwrap(), [Path::new("/etc/cron.daily/s")]);
    }
}

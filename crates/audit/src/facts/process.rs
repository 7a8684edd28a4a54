//! Processes of a running machine, by `/proc` (proc(5)).
//!
//! Invariants: a process that ends while it is looked at is left out; what only root may see of
//! another's process is unknown and told by the checks that need it.

use super::{Facts, Seen, text_of};
use std::path::{Path, PathBuf};

const PROCESSES_MAX: usize = 50_000;
const FDS_MAX: usize = 4_096;

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// What it calls itself, at most 15 bytes.
    pub name: String,
    /// Its command line; empty of a kernel thread.
    pub command: Vec<String>,
    /// Whom it runs as: the effective user.
    pub uid: u32,
    /// Effective capabilities.
    pub capabilities: u64,
    /// The program's file, with ` (deleted)` where it is gone; `None` where it cannot be seen.
    pub executable: Option<PathBuf>,
    /// Targets of its open files: number and link.
    pub files: Vec<(u32, String)>,
    /// Files that are mapped into it, deleted ones marked.
    pub mapped: Vec<String>,
    /// Variables of its environment that the loader obeys.
    pub preload: Vec<String>,
    /// Its control group, which names the unit.
    pub unit: Option<String>,
}

impl Process {
    /// The program's file without the mark of deletion.
    pub fn program(&self) -> Option<PathBuf> {
        let text = self.executable.as_ref()?.to_str()?;
        Some(PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(text)))
    }

    /// Whether the program's file is gone.
    pub fn is_deleted(&self) -> bool {
        self.executable
            .as_ref()
            .and_then(|path| path.to_str())
            .is_some_and(|path| path.ends_with(" (deleted)"))
    }

    /// For people: name, number and user.
    pub fn label(&self, facts: &Facts<'_>) -> String {
        let user = facts
            .accounts()
            .as_ref()
            .map_or_else(|_| self.uid.to_string(), |accounts| accounts.owner(self.uid));
        let program =
            self.program().map(|path| format!(", {}", path.display())).unwrap_or_default();
        format!("{} (pid {}, user {user}{program})", self.name, self.pid)
    }

    /// What it was really started as: the file's name, whatever it calls itself.
    pub fn program_name(&self) -> String {
        let path = self.program();
        let name = path.as_ref().and_then(|path| path.file_name()?.to_str());
        name.unwrap_or(&self.name).to_owned()
    }
}

impl Facts<'_> {
    /// Every process; none in a tree.
    pub fn processes(&self) -> &Seen<Vec<Process>> {
        self.cells.processes.get_or_init(|| {
            if !self.is_running() {
                return Ok(Vec::new());
            }
            let mut out = Vec::new();
            for entry in self.list("/proc")? {
                let pid = entry
                    .path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .and_then(|name| name.parse().ok());
                if let Some(pid) = pid
                    && out.len() < PROCESSES_MAX
                {
                    out.extend(self.process(&entry.path, pid));
                }
            }
            Ok(out)
        })
    }

    fn process(&self, folder: &Path, pid: u32) -> Option<Process> {
        let read = |name: &str, max: u64| self.system.read(&folder.join(name), max);
        let status = text_of(&read("status", 64 * 1024).ok()?);
        let field = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        let number = |name: &str, at: usize| field(name)?.split_whitespace().nth(at)?.parse().ok();
        let command = read("cmdline", 256 * 1024).unwrap_or_default();
        let environment = read("environ", 1024 * 1024).unwrap_or_default();
        let list = |bytes: &[u8]| -> Vec<String> {
            bytes.split(|byte| *byte == 0).map(text_of).filter(|word| !word.is_empty()).collect()
        };
        let preload = list(&environment).into_iter().filter(|one| {
            one.starts_with("LD_PRELOAD=")
                || one.starts_with("LD_AUDIT=")
                || one.starts_with("LD_LIBRARY_PATH=")
        });
        Some(Process {
            pid,
            parent: number("PPid", 0).unwrap_or_default(),
            name: field("Name").unwrap_or_default().to_owned(),
            command: list(&command),
            uid: number("Uid", 1).unwrap_or_default(),
            capabilities: field("CapEff")
                .and_then(|text| u64::from_str_radix(text, 16).ok())
                .unwrap_or_default(),
            executable: self.executable(folder),
            files: self.open_files(folder),
            mapped: mapped(&text_of(&read("maps", 8 * 1024 * 1024).unwrap_or_default())),
            preload: preload.collect(),
            unit: unit(&text_of(&read("cgroup", 16 * 1024).unwrap_or_default())),
        })
    }

    fn executable(&self, folder: &Path) -> Option<PathBuf> {
        // Kernel threads have none, and another account's is not shown to everybody.
        self.system.link(&folder.join("exe")).ok()
    }

    fn open_files(&self, folder: &Path) -> Vec<(u32, String)> {
        let entries = self.system.list(&folder.join("fd"), FDS_MAX).unwrap_or_default();
        let file = |path: &PathBuf| {
            let number = path.file_name()?.to_str()?.parse().ok()?;
            let target = self.system.link(path).ok()?;
            Some((number, crate::evidence::shown_path(&target)))
        };
        entries.iter().filter_map(|entry| file(&entry.path)).collect()
    }
}

/// Paths that are mapped, each once.
fn mapped(maps: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in maps.lines() {
        let Some(at) = line.find('/') else { continue };
        let path = line.get(at..).unwrap_or_default();
        if out.last().is_none_or(|last| last != path)
            && !out.iter().any(|known| known == path)
            && out.len() < 4_096
        {
            out.push(path.to_owned());
        }
    }
    out
}

/// The unit in the path of a control group, as `system.slice/ssh.service`.
fn unit(cgroup: &str) -> Option<String> {
    let path = cgroup
        .lines()
        .filter_map(|line| line.rsplit(':').next())
        .find(|path| path.contains('.'))?;
    let found =
        path.split('/').rev().find(|part| part.ends_with(".service") || part.ends_with(".scope"));
    found.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn processes_are_read_from_proc() {
        let fake = Fake::new();
        fake.file(
            "/proc/7/status",
            "Name:\tx\nPPid:\t1\nUid:\t5\t6\t5\t5\nCapEff:\t00000000000000ff\n",
        );
        fake.file("/proc/7/cmdline", b"/bin/x\0-a\0".to_vec())
            .link("/proc/7/exe", "/bin/x (deleted)");
        fake.file("/proc/7/environ", b"A=b\0LD_PRELOAD=/tmp/l.so\0".to_vec())
            .link("/proc/7/fd/0", "socket:[99]");
        fake.file("/proc/7/maps", "1-2 r-xp 0 08:01 5 /usr/lib/a.so (deleted)\n3-4 r 0 0 0 /usr/lib/a.so (deleted)\n5-6 r 0 0 0 [heap]\n");
        fake.file("/proc/7/cgroup", "0::/system.slice/x.service\n")
            .file("/proc/version", "")
            .directory("/proc/8");
        let facts = Facts::new(&fake, Ground::Running);
        let all = facts.processes().as_ref().unwrap();
        assert_eq!(all.len(), 1);
        let process = &all[0];
        assert_eq!((process.uid, process.capabilities, process.is_deleted()), (6, 255, true));
        assert_eq!(process.program().unwrap(), Path::new("/bin/x"));
        assert_eq!(process.preload, ["LD_PRELOAD=/tmp/l.so"]);
        assert_eq!(process.files, [(0, "socket:[99]".to_owned())]);
        assert_eq!(process.mapped, ["/usr/lib/a.so (deleted)"]);
        assert_eq!(process.unit.as_deref(), Some("x.service"));
        assert!(Facts::new(&fake, Ground::Tree).processes().as_ref().unwrap().is_empty());
    }
}

//! What is to be changed on a host: a list of small steps, each of which can be taken back.
//!
//! Invariants: a plan says what the host will be, never how to find that out; paths are absolute,
//! without `..`, in UTF-8 and without control characters, so that a journal and a terminal show
//! them as they are; programs are named by kind, so that nothing that a host says can be run.

use std::fmt;
use std::path::{Component, Path, PathBuf};

/// A path that a step may change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(String);

/// A path that no step may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTarget(
    /// Why, in words that follow the path.
    pub &'static str,
);

impl fmt::Display for BadTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadTarget {}

/// Bytes of the longest path.
const TARGET_BYTES_MAX: usize = 4_000;

impl TryFrom<&Path> for Target {
    type Error = BadTarget;

    fn try_from(path: &Path) -> Result<Self, BadTarget> {
        let text = path.to_str().ok_or(BadTarget("its name is no UTF-8"))?;
        if text.len() > TARGET_BYTES_MAX {
            return Err(BadTarget("its name is too long"));
        }
        if text.chars().any(|letter| letter.is_control() || letter == '\\') {
            return Err(BadTarget("its name holds control characters or a backslash"));
        }
        let mut parts = path.components();
        let plain = parts.next() == Some(Component::RootDir)
            && parts.all(|part| matches!(part, Component::Normal(_)));
        if !plain || text == "/" {
            return Err(BadTarget("it is no absolute path without `..`"));
        }
        // Written anew, so that one place has one name.
        let clean: PathBuf = path.components().collect();
        clean.to_str().map(|text| Self(text.to_owned())).ok_or(BadTarget("its name is no UTF-8"))
    }
}

impl Target {
    /// As a path.
    pub fn path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// As text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The kinds of steps. There are no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file gets this content, whole. One that exists keeps owner, mode and extended attributes;
    /// a new one belongs to root.
    Write {
        /// What it holds now; `None`: it is not there.
        old: Option<Vec<u8>>,
        /// The content.
        content: Vec<u8>,
        /// Permission bits of a file that is new.
        new_mode: u32,
    },
    /// A directory is made, root's.
    Folder {
        /// Permission bits.
        mode: u32,
    },
    /// Permission bits, `0o7777`.
    Mode {
        /// What they are now.
        old: u32,
        /// The new ones.
        mode: u32,
    },
    /// Owner and group.
    Owner {
        /// What they are now.
        old: (u32, u32),
        /// The new owner.
        uid: u32,
        /// The new group.
        gid: u32,
    },
    /// Moved out of the way into the quarantine.
    Remove,
    /// A symbolic link to `/dev/null` where nothing is: systemd starts no unit that it stands for.
    Mask,
    /// A symbolic link is taken away.
    Unlink {
        /// Where it leads, as it is written.
        to: String,
    },
}

/// Where a mask leads.
pub const MASK: &str = "/dev/null";

/// The name of a unit of systemd that may be stopped. It stands in a command, so that it holds nothing that
/// could be taken for an option, a path or a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitName(String);

/// Bytes of the longest name of a unit (systemd.unit(5)).
const UNIT_BYTES_MAX: usize = 255;

impl TryFrom<&str> for UnitName {
    type Error = BadTarget;

    fn try_from(name: &str) -> Result<Self, BadTarget> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":_.@-".contains(&byte);
        let ends = [".service", ".socket", ".path", ".timer"];
        let stem = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or_default();
        let starts = stem.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if starts && name.len() <= UNIT_BYTES_MAX && name.bytes().all(plain) {
            return Ok(Self(name.to_owned()));
        }
        Err(BadTarget("it is no plain name of a unit"))
    }
}

impl UnitName {
    /// As text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it is a template, which runs only in its instances.
    pub fn is_template(&self) -> bool {
        self.0.contains("@.")
    }
}

/// One change of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is changed.
    pub target: Target,
    /// How.
    pub change: Change,
    /// Ids of the checks that ask for it.
    pub checks: Vec<&'static str>,
}

/// A program that says whether a configuration can be used, or that makes it count. On a tree none runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// OpenSSH's server.
    Sshd,
    /// sudo's rules.
    Sudo,
    /// nginx.
    Nginx,
    /// Apache.
    Apache,
    /// Kernel settings.
    Sysctl,
    /// systemd's units.
    Systemd,
    /// systemd's journal.
    Journald,
    /// rsyslog.
    Rsyslog,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Sshd,
        Self::Sudo,
        Self::Nginx,
        Self::Apache,
        Self::Sysctl,
        Self::Systemd,
        Self::Journald,
        Self::Rsyslog,
    ];

    /// Whether a mistake can lock out who administers the machine.
    pub const fn is_a_way_in(self) -> bool {
        match self {
            Self::Sshd | Self::Sudo => true,
            Self::Nginx
            | Self::Apache
            | Self::Sysctl
            | Self::Systemd
            | Self::Journald
            | Self::Rsyslog => false,
        }
    }

    /// The command that says whether its configuration can be used: the first of these that is there.
    pub const fn validator(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Sshd => &[&["/usr/sbin/sshd", "-t"]],
            Self::Sudo => &[&["/usr/sbin/visudo", "-c"]],
            Self::Nginx => &[&["/usr/sbin/nginx", "-t"]],
            Self::Apache => &[&["/usr/sbin/apache2ctl", "-t"], &["/usr/sbin/httpd", "-t"]],
            Self::Rsyslog => &[&["/usr/sbin/rsyslogd", "-N1"]],
            Self::Sysctl | Self::Systemd | Self::Journald => &[],
        }
    }

    /// The command that makes it count without cutting a connection: the first of these that is there.
    pub const fn reload(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Sshd => &[&["/usr/bin/systemctl", "try-reload-or-restart", "ssh.service"]],
            Self::Sudo => &[],
            Self::Nginx => &[&["/usr/bin/systemctl", "try-reload-or-restart", "nginx.service"]],
            Self::Apache => &[&["/usr/bin/systemctl", "try-reload-or-restart", "apache2.service"]],
            Self::Sysctl => &[&["/usr/sbin/sysctl", "--system"], &["/sbin/sysctl", "--system"]],
            Self::Systemd => &[&["/usr/bin/systemctl", "daemon-reload"]],
            Self::Journald => &[&["/usr/bin/systemctl", "try-restart", "systemd-journald.service"]],
            Self::Rsyslog => &[&["/usr/bin/systemctl", "try-restart", "rsyslog.service"]],
        }
    }

    /// Its name in every output.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Sshd => "sshd",
            Self::Sudo => "sudo",
            Self::Nginx => "nginx",
            Self::Apache => "apache",
            Self::Sysctl => "sysctl",
            Self::Systemd => "systemd",
            Self::Journald => "journald",
            Self::Rsyslog => "rsyslog",
        }
    }
}

/// What is to be changed, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The changes.
    pub steps: Vec<Step>,
    /// What is asked before and after them, and made to count.
    pub programs: Vec<Program>,
    /// Units that are stopped once they are masked, and started again where that is taken back.
    pub stops: Vec<UnitName>,
    /// The checks that are mended by it: id, title and what can go wrong.
    pub mends: Vec<Mend>,
    /// The checks that fail and could have been mended, and why they are not.
    pub refused: Vec<(&'static str, String)>,
}

/// A check that a plan mends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// The check's id.
    pub id: &'static str,
    /// What is wrong now.
    pub fault: String,
    /// What somebody may miss afterwards.
    pub risk: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_absolute_paths_are_targets() {
        for (path, wanted) in [
            ("/etc/x", Some("/etc/x")),
            ("/etc//x/", Some("/etc/x")),
            ("/etc/./x", Some("/etc/x")),
            ("etc/x", None),
            ("/etc/../x", None),
            ("/", None),
            ("", None),
            ("/a\nb", None),
            ("/a\\nb", None),
            ("/a\u{7f}", None),
        ] {
            let found = Target::try_from(Path::new(path));
            assert_eq!(found.as_ref().ok().map(Target::text), wanted, "{path:?}");
        }
        let long = format!("/{}", "x".repeat(TARGET_BYTES_MAX));
        assert!(Target::try_from(Path::new(&long)).is_err());
    }

    #[test]
    fn only_plain_names_of_units_are_stopped() {
        for name in ["cups.service", "a@b.socket", "getty@.service", "x-y_z:1.path", "a.b.timer"] {
            assert_eq!(UnitName::try_from(name).unwrap().text(), name);
        }
        let long = format!("{}.service", "x".repeat(UNIT_BYTES_MAX));
        for name in [
            "",
            ".service",
            "-a.service",
            "a",
            "a.target",
            "a.mount",
            "../a.service",
            "a/b.service",
            "a b.service",
            "a\\x2d.service",
            "*.service",
            "a.service\n",
            "\u{e4}.service",
            &long,
        ] {
            assert!(UnitName::try_from(name).is_err(), "{name:?}");
        }
        assert!(UnitName::try_from("a@.service").unwrap().is_template());
        assert!(!UnitName::try_from("a@b.service").unwrap().is_template());
    }

    #[test]
    fn programs_are_absolute_and_have_names_of_their_own() {
        let mut ids: Vec<_> = Program::ALL.iter().map(|program| program.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Program::ALL.len());
        for program in Program::ALL {
            for command in program.validator().iter().chain(program.reload()) {
                assert!(command[0].starts_with('/') && command.len() > 1, "{command:?}");
            }
        }
        assert!(Program::Sshd.is_a_way_in() && !Program::Nginx.is_a_way_in());
    }
}

//! The ways in which findings are mended, with their parameters.

use super::draft::{Draft, Refusal};
use super::{files, legacy, listen, modes, sshd, sudo, units, web};
use crate::check::Finding;
use crate::facts::{Facts, Place, ini::Dialect};
use burgrave_model::Program;
use std::path::Path;
use std::sync::Arc;

/// Whose a path becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// As it is.
    Kept,
    /// Root's; its group is kept.
    Root,
    /// Root's where a service's account has it; who could read it still can.
    RootReadable,
    /// The account's in whose home it lies.
    Home,
}

/// One line in, its new text out; `None`: it is left.
pub(crate) type Line = fn(&str) -> Option<String>;

/// Servers that are made to listen for this machine alone, by how their configurations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locally {
    /// A directive a line, of which the last counts.
    Lines,
    /// An option a line, each of which counts.
    Memcached,
    /// Keys and values in YAML.
    Yaml,
}

/// How findings are mended.
#[derive(Debug)]
pub(crate) enum Way {
    /// A keyword of sshd gets a value: in a drop-in where that counts first, else in its place.
    Sshd { key: &'static str, value: &'static str, guard: sshd::Guard },
    /// Names that hold one of these are taken out of a list of sshd's algorithms.
    SshdList { weak: &'static [&'static str] },
    /// Kernel settings, in a file of their own; other files' lines of the same keys are put out of force.
    Sysctl(&'static [(&'static str, &'static str)]),
    /// Modules that can no longer be loaded.
    Modules(&'static [&'static str]),
    /// Permission bits are taken away, and an owner given.
    Modes { clear: u32, owner: Owner },
    /// Directories that everybody writes to get the sticky bit, those of the system are closed.
    Sticky,
    /// A key of a file gets a value.
    Set {
        /// The file; empty: the one that the finding names.
        file: &'static str,
        dialect: Dialect,
        section: &'static str,
        key: &'static str,
        value: &'static str,
        program: Option<Program>,
    },
    /// A file is made, or gets a line that it lacks.
    Line { file: &'static str, line: &'static str, mode: u32, program: Option<Program> },
    /// The lines that the finding names are changed.
    Lines { edit: Line, words: &'static str, program: Option<Program> },
    /// A setting of sudo for all.
    SudoDefault(&'static str),
    /// Lines of sudo's rules that let somebody do all without a password.
    SudoPassword,
    /// A directive of nginx is replaced where it stands, or put into the block that the finding names.
    Web(web::Web),
    /// Protections in a drop-in of each service.
    Sandbox,
    /// Automatic updates are switched on.
    Unattended,
    /// Moved into the quarantine.
    Quarantine,
    /// Services of the unencrypted age are switched off in inetd and xinetd.
    Inetd,
    /// File servers let nobody in without a name.
    Ftp,
    /// A server listens on this machine's own address.
    Locally(Locally),
    /// The units of the packages that findings name are masked and stopped.
    Mask,
}

impl Way {
    /// Lays the edits over the host.
    pub(crate) fn mend(
        &self,
        draft: &Draft<'_>,
        facts: &Facts<'_>,
        faults: &[Finding],
    ) -> Result<(), Refusal> {
        match self {
            Self::Sshd { key, value, guard } => {
                sshd::set(draft, facts, faults, (key, value), *guard)
            }
            Self::SshdList { weak } => sshd::without(draft, faults, weak),
            Self::Sysctl(wanted) => files::sysctl(draft, facts, faults, wanted),
            Self::Modules(modules) => files::modules(draft, faults, modules),
            Self::Modes { clear, owner } => modes::tighten(draft, facts, faults, *clear, *owner),
            Self::Sticky => modes::sticky(draft, faults),
            Self::Set { file, dialect, section, key, value, program } => {
                used(draft, *program);
                files::set(draft, faults, file, *dialect, (section, key, value))
            }
            Self::Line { file, line, mode, program } => {
                used(draft, *program);
                files::line(draft, Path::new(file), line, *mode)
            }
            Self::Lines { edit, program, .. } => {
                used(draft, *program);
                edit_places(draft, faults, *edit)
            }
            Self::SudoDefault(text) => sudo::default(draft, text),
            Self::SudoPassword => sudo::ask_for_passwords(draft, facts, faults),
            Self::Web(web) => web.mend(draft, facts, faults),
            Self::Sandbox => files::sandbox(draft, facts, faults),
            Self::Unattended => files::unattended(draft, faults),
            Self::Quarantine => modes::quarantine(draft, facts, faults),
            Self::Inetd => legacy::inetd(draft, faults),
            Self::Ftp => legacy::ftp(draft, faults),
            Self::Locally(Locally::Lines) => listen::locally(draft, faults),
            Self::Locally(Locally::Memcached) => listen::memcached(draft, faults),
            Self::Locally(Locally::Yaml) => listen::yaml(draft, faults),
            Self::Mask => units::mask(draft, facts, faults),
        }
    }

    /// Whether its edits rest on paths alone, so that it need not be asked again after each of them.
    pub(crate) const fn is_by_path(&self) -> bool {
        match self {
            Self::Modes { .. } | Self::Sticky | Self::Quarantine | Self::Mask => true,
            Self::Sshd { .. }
            | Self::SshdList { .. }
            | Self::Sysctl(_)
            | Self::Modules(_)
            | Self::Set { .. }
            | Self::Line { .. }
            | Self::Lines { .. }
            | Self::SudoDefault(_)
            | Self::SudoPassword
            | Self::Web(_)
            | Self::Sandbox
            | Self::Inetd
            | Self::Ftp
            | Self::Locally(_)
            | Self::Unattended => false,
        }
    }

    /// Whether a mistake in it can lock out who administers the machine.
    pub(crate) const fn is_a_way_in(&self) -> bool {
        match self {
            Self::Sshd { .. }
            | Self::SshdList { .. }
            | Self::SudoDefault(_)
            | Self::SudoPassword => true,
            Self::Lines { program: Some(program), .. }
            | Self::Set { program: Some(program), .. }
            | Self::Line { program: Some(program), .. } => program.is_a_way_in(),
            Self::Sysctl(_)
            | Self::Modules(_)
            | Self::Modes { .. }
            | Self::Sticky
            | Self::Set { .. }
            | Self::Line { .. }
            | Self::Lines { .. }
            | Self::Web(_)
            | Self::Sandbox
            | Self::Unattended
            | Self::Quarantine
            | Self::Inetd
            | Self::Ftp
            | Self::Locally(_)
            | Self::Mask => false,
        }
    }

    /// What it does, in one sentence.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Sshd { key, value, .. } => format!(
                "sets `{key} {value}`, in `/etc/ssh/sshd_config.d/00-burgrave.conf` where that counts first, else in its place"
            ),
            Self::SshdList { weak } => format!(
                "takes the names with `{}` out of the list; a list that would be empty is put out of force",
                weak.join("`, `")
            ),
            Self::Sysctl(all) => {
                let all: Vec<_> =
                    all.iter().map(|(key, value)| format!("`{key} = {value}`")).collect();
                format!("sets {} in `/etc/sysctl.d/99-burgrave.conf`", all.join(", "))
            }
            Self::Modules(all) => {
                format!(
                    "keeps `{}` from being loaded, in `/etc/modprobe.d/burgrave.conf`",
                    all.join("`, `")
                )
            }
            Self::Modes { clear, owner } => {
                let owner = match owner {
                    Owner::Kept => "",
                    Owner::Root => ", and gives it to root",
                    Owner::RootReadable => {
                        ", and gives what a service's account has to root; who could read it still can"
                    }
                    Owner::Home => ", and gives it to the account in whose home it lies",
                };
                format!("takes the bits `{clear:04o}` away{owner}")
            }
            Self::Sticky => {
                "sets the sticky bit; directories of the system are closed to others".to_owned()
            }
            Self::Set { file, section, key, value, .. } => {
                let file = if file.is_empty() { "the file that is named" } else { file };
                let section =
                    if section.is_empty() { String::new() } else { format!(" in `[{section}]`") };
                format!("sets `{key}` to `{value}`{section} in `{file}`")
            }
            Self::Line { file, line, .. } => {
                format!("puts `{}` into `{file}`", line.replace('\n', "`, `"))
            }
            Self::Lines { words, .. } => (*words).to_owned(),
            Self::SudoDefault(text) => format!("puts `{text}` into sudo's rules"),
            Self::SudoPassword => {
                "takes `NOPASSWD:` away where the account has a password".to_owned()
            }
            Self::Web(web) => web.words(),
            Self::Sandbox => "shuts each service in by a drop-in `50-burgrave.conf`".to_owned(),
            Self::Unattended => {
                "switches lists and upgrades on in `/etc/apt/apt.conf.d/99burgrave`".to_owned()
            }
            Self::Quarantine => "moves it into the quarantine".to_owned(),
            Self::Inetd => {
                "puts the line out of force in inetd's table, and sets `disable = yes` in xinetd's service".to_owned()
            }
            Self::Ftp => {
                "sets vsftpd's `anonymous_enable=NO`; lets tftpd listen on this machine's own address only and make no files".to_owned()
            }
            Self::Locally(_) => {
                "lets it listen on this machine's own address only, in the line that counts or, where none does, in a new one".to_owned()
            }
            Self::Mask => "masks its units, stops them and takes away what would start them; what another unit needs is left".to_owned(),
        }
    }
}

fn used(draft: &Draft<'_>, program: Option<Program>) {
    if let Some(program) = program {
        draft.uses(program);
    }
}

/// The places with lines that findings name, each once, and what was seen there.
pub(crate) fn places(faults: &[Finding]) -> Vec<(Place, String)> {
    let mut out: Vec<(Place, String)> = Vec::new();
    for evidence in faults.iter().flat_map(|fault| &fault.evidence) {
        let (Some(path), Some(line)) = (&evidence.path, evidence.line) else { continue };
        let place = Place { path: Arc::from(Path::new(path)), line };
        if out.iter().all(|(known, _)| *known != place) {
            out.push((place, evidence.text.clone()));
        }
    }
    out
}

/// Changes every line that findings name.
pub(crate) fn edit_places(
    draft: &Draft<'_>,
    faults: &[Finding],
    edit: Line,
) -> Result<(), Refusal> {
    for (place, _) in places(faults) {
        draft.edit_line(&place, edit)?;
    }
    Ok(())
}

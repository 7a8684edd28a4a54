//! sudo's rules (sudoers(5)): includes in their place, continuation lines, aliases of commands.

use super::text::{Place, joined, uncommented};
use super::{Facts, Seen};
use std::path::{Path, PathBuf};

const DEPTH_MAX: usize = 16;

/// One line that is no comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudoRule {
    /// `Defaults…`, an alias' name, or whom it is for: `root`, `%sudo`.
    pub who: String,
    /// The rest of the line.
    pub what: String,
    /// Where.
    pub place: Place,
}

impl SudoRule {
    /// The line as written.
    pub fn line(&self) -> String {
        format!("{} {}", self.who, self.what)
    }

    /// Whether it is a setting for all.
    pub fn is_default(&self) -> bool {
        self.who.starts_with("Defaults")
    }

    /// Whether it grants something.
    pub fn is_grant(&self) -> bool {
        !self.is_default() && !self.who.ends_with("_Alias") && self.what.contains('=')
    }

    /// The commands that it grants, without tags and without whom they run as.
    pub fn commands(&self) -> Vec<String> {
        let after = self.what.split_once('=').map_or("", |(_, rest)| rest);
        let mut rest = after.trim();
        if rest.starts_with('(') {
            rest = rest.split_once(')').map_or("", |(_, rest)| rest);
        }
        let commands =
            rest.split(',').map(|command| command.rsplit_once(": ").map_or(command, |(_, c)| c));
        let commands = commands.map(|c| c.trim().trim_start_matches("NOPASSWD:").trim().to_owned());
        commands.filter(|command| !command.is_empty()).collect()
    }

    /// Whether a tag stands in it.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.what.split_once('=').is_some_and(|(_, rest)| rest.contains(&format!("{tag}:")))
    }
}

impl Facts<'_> {
    /// Every rule and setting, in order.
    pub fn sudo(&self) -> &Seen<Vec<SudoRule>> {
        self.cells.sudo.get_or_init(|| {
            let mut out = Vec::new();
            self.sudo_file(Path::new("/etc/sudoers"), &mut out, 0)?;
            Ok(out)
        })
    }

    fn sudo_file(&self, path: &Path, out: &mut Vec<SudoRule>, depth: usize) -> Seen<()> {
        let Some(lines) = self.lines(path)? else { return Ok(()) };
        for line in joined(lines.to_vec()) {
            let text = line.text.trim();
            if let Some((how, file)) = included(text) {
                if depth < DEPTH_MAX {
                    self.sudo_include(how, file, path, out, depth + 1)?;
                }
                continue;
            }
            let text = uncommented(text, "#").trim();
            if let Some((who, what)) = text.split_once(char::is_whitespace) {
                out.push(SudoRule {
                    who: who.to_owned(),
                    what: what.trim().to_owned(),
                    place: line.place.clone(),
                });
            }
        }
        Ok(())
    }

    /// In a directory, names with a dot or a tilde are passed over.
    fn sudo_include(
        &self,
        how: Included,
        name: &str,
        from: &Path,
        out: &mut Vec<SudoRule>,
        depth: usize,
    ) -> Seen<()> {
        let path: PathBuf =
            from.parent().unwrap_or(Path::new("/etc")).join(name.trim().trim_matches('"'));
        let files = match how {
            Included::File => vec![path],
            Included::Folder => self.files_in(&path, "")?,
        };
        for file in files {
            let name =
                file.file_name().map(std::os::unix::ffi::OsStrExt::as_bytes).unwrap_or_default();
            let plain = !name.ends_with(b"~") && !name.contains(&b'.');
            if how == Included::File || plain {
                self.sudo_file(&file, out, depth)?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Included {
    File,
    Folder,
}

fn included(text: &str) -> Option<(Included, &str)> {
    let rest = text.strip_prefix(['#', '@'])?;
    if let Some(folder) = rest.strip_prefix("includedir ") {
        return Some((Included::Folder, folder));
    }
    rest.strip_prefix("include ").map(|file| (Included::File, file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn rules_are_read_where_sudo_reads_them() {
        let fake = Fake::new();
        fake.file("/etc/sudoers", "Defaults env_reset\n# x ALL=(ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n%sudo ALL=(ALL:ALL) ALL\n");
        fake.file("/etc/sudoers.d/a", "d ALL=(ALL) NOPASSWD: /bin/x, \\\n /bin/y\n");
        fake.file("/etc/sudoers.d/b.bak", "e ALL=(ALL) NOPASSWD: ALL\n");
        let facts = Facts::new(&fake, Ground::Tree);
        let rules = facts.sudo().as_ref().unwrap();
        let who: Vec<_> = rules.iter().map(|rule| rule.who.as_str()).collect();
        assert_eq!(who, ["Defaults", "d", "%sudo"]);
        assert!(rules[1].has_tag("NOPASSWD") && rules[1].is_grant() && !rules[0].is_grant());
        assert_eq!(rules[1].commands(), ["/bin/x", "/bin/y"]);
        assert_eq!(rules[2].commands(), ["ALL"]);
    }
}

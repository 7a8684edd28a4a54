//! OpenSSH's configuration as its programs read it (`sshd_config(5)`, `ssh_config(5))`: `Include` in
//! its place, `Match` and `Host` blocks, the first value of a keyword counts.

use super::text::{Place, words};
use super::{Facts, Seen};
use std::path::{Path, PathBuf};

/// Files that one configuration may include, and how deep.
const FILES_MAX: usize = 500;
const DEPTH_MAX: usize = 16;

/// One keyword with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// In lower case.
    pub key: String,
    /// The values.
    pub values: Vec<String>,
    /// The condition of the block that it stands in; empty outside of any.
    pub condition: String,
    /// Where.
    pub place: Place,
}

impl Keyword {
    /// The values as one text.
    pub fn value(&self) -> String {
        self.values.join(" ")
    }

    /// The line as written, without its spacing.
    pub fn line(&self) -> String {
        format!("{} {}", self.key, self.value())
    }
}

/// A configuration with what it includes, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshConfig {
    /// All of them.
    pub options: Vec<Keyword>,
}

impl SshConfig {
    /// What counts for a connection that no block is made for.
    pub fn global(&self, key: &str) -> Option<&Keyword> {
        let key = key.to_ascii_lowercase();
        self.options.iter().find(|option| is_for_all(&option.condition) && option.key == key)
    }

    /// Every value outside of blocks, for keywords that add up.
    pub fn all<'c>(&'c self, key: &'c str) -> impl Iterator<Item = &'c Keyword> {
        self.options.iter().filter(move |option| is_for_all(&option.condition) && option.key == key)
    }

    /// What counts in each block that sets the keyword: the first of that block.
    pub fn in_blocks(&self, key: &str) -> Vec<&Keyword> {
        let key = key.to_ascii_lowercase();
        let mut found: Vec<&Keyword> = Vec::new();
        for option in &self.options {
            let new = found.iter().all(|known| known.condition != option.condition);
            if option.key == key && !is_for_all(&option.condition) && new {
                found.push(option);
            }
        }
        found
    }
}

fn is_for_all(condition: &str) -> bool {
    condition.is_empty() || condition.eq_ignore_ascii_case("all") || condition == "*"
}

impl Facts<'_> {
    /// The server's configuration; `None` where there is none.
    pub fn sshd(&self) -> &Seen<Option<SshConfig>> {
        self.cells.sshd.get_or_init(|| self.ssh_config(Path::new("/etc/ssh/sshd_config")))
    }

    /// A configuration of either program.
    pub fn ssh_config(&self, path: &Path) -> Seen<Option<SshConfig>> {
        if !self.exists(path) {
            return Ok(None);
        }
        let mut reader = Reader { facts: self, config: SshConfig::default(), files: 0 };
        reader.file(path, "", 0)?;
        Ok(Some(reader.config))
    }
}

struct Reader<'f, 's> {
    facts: &'f Facts<'s>,
    config: SshConfig,
    files: usize,
}

impl Reader<'_, '_> {
    fn file(&mut self, path: &Path, outer: &str, depth: usize) -> Seen<()> {
        self.files += 1;
        if depth > DEPTH_MAX || self.files > FILES_MAX {
            return Ok(());
        }
        let Some(lines) = self.facts.lines(path)? else { return Ok(()) };
        let mut condition = outer.to_owned();
        for line in lines.iter() {
            let Some((key, values)) = keyword(&line.text) else { continue };
            match key.as_str() {
                "match" | "host" => {
                    condition = both(outer, &values.join(" "));
                    continue;
                }
                "include" => {
                    for pattern in &values {
                        self.include(path, pattern, &condition, depth)?;
                    }
                    continue;
                }
                _ => {}
            }
            let place = line.place.clone();
            self.config.options.push(Keyword { key, values, condition: condition.clone(), place });
        }
        Ok(())
    }

    /// Relative names begin in `/etc/ssh`.
    fn include(&mut self, path: &Path, pattern: &str, condition: &str, depth: usize) -> Seen<()> {
        let base = if pattern.starts_with('~') {
            return Ok(());
        } else {
            path.parent()
                .filter(|folder| folder.starts_with("/etc/ssh"))
                .map_or("/etc/ssh", |_| "/etc/ssh")
        };
        let mut files: Vec<PathBuf> = self.facts.glob(Path::new(base).join(pattern))?;
        files.sort();
        for file in files {
            self.file(&file, condition, depth + 1)?;
        }
        Ok(())
    }
}

fn both(outer: &str, inner: &str) -> String {
    if is_for_all(outer) { inner.to_owned() } else { format!("{outer} and {inner}") }
}

/// Keyword and values of a line: separated by white space or one `=`, quotes taken off.
fn keyword(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let at =
        line.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(line.len());
    let (key, rest) = line.split_at_checked(at)?;
    let rest = rest.trim_start().strip_prefix('=').unwrap_or(rest);
    let rest = super::text::uncommented(rest, "#");
    Some((key.to_ascii_lowercase(), words(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn the_first_value_counts_and_includes_stand_in_their_place() {
        let fake = Fake::new();
        fake.file(
            "/etc/ssh/sshd_config",
            "Include sshd_config.d/*.conf\n#PermitRootLogin yes\nPermitRootLogin=no # really\nPasswordAuthentication no\nMatch User a\n  PasswordAuthentication yes\n X11Forwarding yes\nMatch all\nX11Forwarding no\n",
        );
        fake.file(
            "/etc/ssh/sshd_config.d/1.conf",
            "passwordauthentication yes\nMatch Address 10.0.0.0/8\nMaxAuthTries 9\n",
        );
        fake.file("/etc/ssh/sshd_config.d/x.bak", "PermitRootLogin yes\n");
        let facts = Facts::new(&fake, Ground::Tree);
        let config = facts.sshd().as_ref().unwrap().as_ref().unwrap();
        let global = |key| config.global(key).map(Keyword::value);
        assert_eq!(global("PermitRootLogin").unwrap(), "no");
        assert_eq!(global("PasswordAuthentication").unwrap(), "yes");
        assert_eq!(global("X11Forwarding").unwrap(), "no");
        assert_eq!(global("MaxAuthTries"), None);
        let blocks = config.in_blocks("maxauthtries");
        assert_eq!((blocks.len(), blocks[0].condition.as_str()), (1, "Address 10.0.0.0/8"));
        assert_eq!(config.in_blocks("PasswordAuthentication")[0].place.line, 6);
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let fake = Fake::new();
        fake.file("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config\nPort 1\n");
        let facts = Facts::new(&fake, Ground::Tree);
        let config = facts.sshd().as_ref().unwrap().as_ref().unwrap();
        assert_eq!(config.global("port").unwrap().value(), "1");
    }
}

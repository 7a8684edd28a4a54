//! Configurations that take in other files where they say so: the settings of all of them, in the order in
//! which their program reads them.
//!
//! Invariants: a loop ends, and what is cut off is not seen rather than left out; a file that may not be read
//! makes all of it unseen, since it could say the opposite of the rest.

use super::ini::{self, Dialect, Setting};
use super::{Blind, Facts, Seen, unquoted};
use std::path::{Path, PathBuf};

/// How deep files include each other: PostgreSQL's and MySQL's own bound.
const DEPTH_MAX: usize = 10;
const FILES_MAX: usize = 200;
const SETTINGS_MAX: usize = 100_000;

/// How a program includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `include PATTERN`, absolute.
    Redis,
    /// `include`, `include_if_exists` and `include_dir`, from the file's own folder (PostgreSQL 19.1.5).
    Postgres,
    /// `!include FILE` and `!includedir FOLDER`.
    Mysql,
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Included {
    /// The settings, in order; directives that include are not among them.
    pub settings: Vec<Setting>,
    /// Every file, the main one first.
    pub files: Vec<PathBuf>,
}

/// What one directive takes in.
enum Takes {
    File(PathBuf),
    Pattern(PathBuf),
    Folder(PathBuf),
}

impl Form {
    const fn dialect(self) -> Dialect {
        match self {
            Self::Redis => ini::SPACED,
            Self::Postgres => ini::LOOSE,
            Self::Mysql => ini::INI,
        }
    }

    /// Files of a folder that are taken in.
    const fn ending(self) -> &'static str {
        match self {
            Self::Redis | Self::Postgres => ".conf",
            Self::Mysql => ".cnf",
        }
    }

    fn takes(self, setting: &Setting) -> Option<Takes> {
        let folder = setting.place.path.parent().unwrap_or(Path::new("/"));
        let value = || folder.join(&setting.value);
        match self {
            Self::Redis if setting.key.eq_ignore_ascii_case("include") => {
                Some(Takes::Pattern(PathBuf::from(&setting.value)))
            }
            Self::Postgres if setting.key.eq_ignore_ascii_case("include_dir") => {
                Some(Takes::Folder(value()))
            }
            Self::Postgres => ["include", "include_if_exists"]
                .iter()
                .any(|key| setting.key.eq_ignore_ascii_case(key))
                .then(|| Takes::File(value())),
            Self::Mysql => {
                let text = setting.key.strip_prefix('!')?;
                let (word, path) = text.split_once(char::is_whitespace)?;
                let path = folder.join(unquoted(path.trim()));
                match word {
                    "include" => Some(Takes::File(path)),
                    "includedir" => Some(Takes::Folder(path)),
                    _ => None,
                }
            }
            Self::Redis => None,
        }
    }
}

impl Facts<'_> {
    /// A configuration with all that it takes in; without a file where none is.
    pub fn included(&self, main: &Path, form: Form) -> Seen<Included> {
        let mut out = Included::default();
        self.include(main, form, 0, &mut out)?;
        Ok(out)
    }

    fn include(&self, path: &Path, form: Form, depth: usize, out: &mut Included) -> Seen<()> {
        let settings = self.settings(path, form.dialect())?;
        if self.lines(path)?.is_none() {
            return Ok(());
        }
        let shown = crate::evidence::shown_path(path);
        if depth > DEPTH_MAX || out.files.len() >= FILES_MAX || out.settings.len() > SETTINGS_MAX {
            return Err(Blind::new(shown, "it includes more files than are read"));
        }
        out.files.push(path.to_owned());
        for setting in settings {
            let files = match form.takes(&setting) {
                None => {
                    out.settings.push(setting);
                    continue;
                }
                Some(Takes::Pattern(pattern)) if !pattern.is_absolute() => {
                    let why = "what it includes depends on the folder that its program starts in";
                    return Err(Blind::new(shown, why));
                }
                Some(Takes::File(file)) => vec![file],
                Some(Takes::Pattern(pattern)) => self.glob(&pattern)?,
                Some(Takes::Folder(folder)) => self.files_in(&folder, form.ending())?,
            };
            for file in files {
                self.include(&file, form, depth + 1, out)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::{Fake, Refusal};

    fn read(fake: &Fake, main: &str, form: Form) -> Seen<String> {
        let facts = Facts::new(fake, Ground::Tree);
        let all = facts.included(Path::new(main), form)?;
        let settings = all.settings.iter().map(|s| format!("{}={}", s.key, s.value));
        Ok(settings.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_program_includes_where_it_says_so() {
        let fake = Fake::new();
        fake.file("/etc/r.conf", "a 1\ninclude /etc/r.d/*.conf\na 3\ninclude /etc/none\n")
            .file("/etc/r.d/x.conf", "a 2\n")
            .file(
                "/etc/p/p.conf",
                "a = 1\ninclude_dir 'd'\ninclude_if_exists = 'none'\nINCLUDE '../o'\n",
            )
            .file("/etc/p/d/2.conf", "a = 3\n")
            .file("/etc/p/d/1.conf", "a = 2\n")
            .file("/etc/p/d/.h.conf", "a = 9\n")
            .file("/etc/p/d/x.txt", "a = 9\n")
            .file("/etc/o", "a = 4\n")
            .file("/etc/my.cnf", "[mysqld]\na=1\n!includedir /etc/my.d/\n!include /etc/one\nb\n")
            .file("/etc/my.d/b.cnf", "[mysqld]\na=2\n")
            .file("/etc/my.d/c.ini", "[mysqld]\na=9\n")
            .file("/etc/one", "[mysqld]\na=3\n");
        for (main, form, wanted) in [
            ("/etc/r.conf", Form::Redis, "a=1 a=2 a=3"),
            ("/etc/p/p.conf", Form::Postgres, "a=1 a=2 a=3 a=4"),
            ("/etc/my.cnf", Form::Mysql, "a=1 a=2 a=3 b="),
            ("/etc/none", Form::Mysql, ""),
        ] {
            assert_eq!(read(&fake, main, form).unwrap(), wanted, "{main}");
        }
    }

    #[test]
    fn what_is_not_seen_whole_is_not_seen() {
        let fake = Fake::new();
        fake.file("/etc/loop", "a 1\ninclude /etc/loop\n")
            .file("/etc/near", "a 1\ninclude near.d/x\n")
            .file("/etc/two", "include /etc/two*\ninclude /etc/two*\n")
            .file("/etc/closed", "include /etc/secret\n")
            .file("/etc/secret", "a 2\n")
            .refuse("/etc/secret", Refusal::Denied);
        for (main, why) in [
            ("/etc/loop", "more files than are read"),
            ("/etc/near", "folder that its program starts in"),
            ("/etc/two", "more files than are read"),
            ("/etc/closed", ""),
        ] {
            let blind = read(&fake, main, Form::Redis).unwrap_err();
            assert!(blind.why.contains(why), "{main}: {blind:?}");
        }
    }
}

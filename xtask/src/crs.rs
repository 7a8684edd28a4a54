//! Which OWASP Core Rule Set there is: `BURGRAVE_CRS`, else the shared folder's, else Debian's.

use crate::{process, setup};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// A rule set on disk.
#[derive(Clone, Debug)]
pub(crate) struct Crs {
    /// The set-up file, then the pattern of its rules.
    pub(crate) include: [PathBuf; 2],
    /// For people: which one it is.
    pub(crate) name: String,
}

/// The folder of suites and corpora, where there is one.
pub(crate) fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("BURGRAVE_SHARED")
        .map_or_else(|| process::root().join("../shared"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Finds one, and installs Debian's where there is no other.
pub(crate) fn find() -> Result<Crs> {
    if let Some(folder) = std::env::var_os("BURGRAVE_CRS").map(PathBuf::from) {
        return match in_folder(&folder) {
            Some(crs) => Ok(crs),
            None => bail!("BURGRAVE_CRS names `{}`, which holds no rule set", folder.display()),
        };
    }
    if let Some(crs) = shared().and_then(|shared| in_folder(&shared.join("crs"))) {
        return Ok(crs);
    }
    debian()
}

/// Debian's package.
pub(crate) fn debian() -> Result<Crs> {
    setup::packages(&["modsecurity-crs"])?;
    let setup = PathBuf::from("/etc/modsecurity/crs/crs-setup.conf");
    if !setup.is_file() {
        bail!("Debian's modsecurity-crs is not where it should be");
    }
    let rules = PathBuf::from("/usr/share/modsecurity-crs/rules/*.conf");
    Ok(Crs { include: [setup, rules], name: "Debian's modsecurity-crs (version 3.3)".to_owned() })
}

fn in_folder(folder: &Path) -> Option<Crs> {
    let folder = folder.canonicalize().ok()?;
    let setup = ["crs-setup.conf", "crs-setup.conf.example"]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())?;
    folder.join("rules").is_dir().then(|| Crs {
        include: [setup, folder.join("rules/*.conf")],
        name: format!("the rule set in {}", folder.display()),
    })
}

impl Crs {
    /// The `include` line of a configuration.
    pub(crate) fn toml(&self) -> String {
        line(&self.include.each_ref())
    }

    /// The same with a file behind the set-up and before the rules.
    pub(crate) fn toml_with(&self, between: &PathBuf) -> String {
        let [setup, rules] = &self.include;
        line(&[setup, between, rules])
    }
}

fn line(paths: &[&PathBuf]) -> String {
    format!("{:?}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_set_is_a_setup_file_and_a_folder_of_rules() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        assert!(in_folder(folder.path()).is_none());
        make("crs-setup.conf.example");
        assert!(in_folder(folder.path()).is_none(), "no rules");
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        let found = in_folder(folder.path()).unwrap();
        assert!(found.include[0].ends_with("crs-setup.conf.example"));
        assert!(found.include[1].ends_with("rules/*.conf"));
        make("crs-setup.conf");
        assert!(in_folder(folder.path()).unwrap().include[0].ends_with("crs-setup.conf"));
        assert!(in_folder(&folder.path().join("absent")).is_none());
    }

    #[test]
    fn the_include_line_is_a_list_of_quoted_texts() {
        let include = [PathBuf::from("/a \"b\"/s.conf"), PathBuf::from("/r/*.conf")];
        let crs = Crs { include, name: String::new() };
        assert_eq!(crs.toml(), r#"["/a \"b\"/s.conf", "/r/*.conf"]"#);
    }
}

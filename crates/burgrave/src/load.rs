//! From files to settings and compiled rules.

use crate::error::Error;
use burgrave_audit::Ground;
use burgrave_config::{Rules, Settings, TEXT_BYTES_MAX};
use burgrave_seclang::{Layer, LoadError, Options, RuleFiles, RuleSet};
use burgrave_sys::{Live, System, Tree};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the state is when no configuration says so.
pub(crate) const STATE_DEFAULT: &str = "/var/lib/burgrave";
/// Size of one rule or data file.
const RULE_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Files that one pattern may name.
const MATCHES_MAX: usize = 2_000;

/// A host to look at: this machine, or a tree.
pub(crate) fn host(root: Option<&Path>) -> Result<(Box<dyn System>, Ground), Error> {
    Ok(match root {
        Some(root) => (Box::new(Tree::new(root).map_err(Error::Root)?), Ground::Tree),
        None => (Box::new(Live), Ground::Running),
    })
}

/// Where what we make is kept: as a configuration says, else the usual place.
pub(crate) fn state(config: Option<&Path>) -> Result<PathBuf, Error> {
    match config {
        Some(config) => Ok(settings(&Live, config)?.state),
        None => Ok(PathBuf::from(STATE_DEFAULT)),
    }
}

/// Folders that a configuration of ours serves.
pub(crate) fn served(config: Option<&Path>) -> Result<Vec<PathBuf>, Error> {
    config.map_or(Ok(Vec::new()), |config| Ok(roots(&settings(&Live, config)?)))
}

/// Folders that these settings serve.
pub(crate) fn roots(settings: &Settings) -> Vec<PathBuf> {
    let sites = settings.sites.iter().filter_map(|site| site.files.as_ref());
    sites.map(|files| files.root.clone()).collect()
}

/// Reads and checks a configuration.
pub(crate) fn settings(system: &dyn System, file: &Path) -> Result<Settings, Error> {
    let most = u64::try_from(TEXT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let bytes = system.read(file, most).map_err(Error::ReadConfig)?;
    let text = String::from_utf8(bytes).map_err(|_not_text| Error::NotText(file.to_path_buf()))?;
    burgrave_config::parse(&text).map_err(|errors| {
        let rendered = errors.render(&file.display().to_string());
        Error::Config { file: file.to_path_buf(), errors, rendered }
    })
}

/// Compiles the rules that the settings ask for.
pub(crate) fn rules(
    system: &dyn System,
    settings: &Settings,
) -> Result<Option<Arc<RuleSet>>, Error> {
    let Some(rules) = &settings.rules else { return Ok(None) };
    let application = rules.application.as_deref();
    compile(system, application, &rules.include, &[], options(rules))
        .map(Some)
        .map_err(Error::Rules)
}

/// Rules that stand in no file: a name to show, and their text.
pub(crate) type Unwritten = (PathBuf, Vec<u8>);

/// Compiles files, with unwritten ones among them or in place of some, and the profile of an application.
pub(crate) fn compile(
    system: &dyn System,
    application: Option<&Path>,
    include: &[PathBuf],
    unwritten: &[Unwritten],
    options: Options,
) -> Result<Arc<RuleSet>, Vec<LoadError>> {
    let files = WithUnwritten { files: Files(system), unwritten };
    RuleSet::compile_for(application, include, &files, options).map(Arc::new)
}

/// The rules of a configuration, compiled to be looked into: every rule is told, whatever its outcome.
pub(crate) fn rules_to_tell(
    system: &dyn System,
    settings: &Settings,
) -> Result<Arc<RuleSet>, Error> {
    let rules = settings.rules.as_ref().ok_or(Error::NoRules)?;
    let options = Options { plain: true, ..options(rules) };
    let application = rules.application.as_deref();
    compile(system, application, &rules.include, &[], options).map_err(Error::Rules)
}

struct WithUnwritten<'a> {
    files: Files<'a>,
    unwritten: &'a [Unwritten],
}

impl RuleFiles for WithUnwritten<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        match self.unwritten.iter().find(|(name, _)| name == path) {
            Some((_, text)) => Ok(text.clone()),
            None => self.files.read(path),
        }
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        if self.unwritten.iter().any(|(name, _)| name == pattern) {
            return Ok(vec![pattern.to_path_buf()]);
        }
        self.files.glob(pattern)
    }
}

/// What the settings say about the engine.
pub(crate) fn options(rules: &Rules) -> Options {
    Options {
        mode: rules.mode,
        request_body: rules.request_body,
        response_body: rules.response_body,
        budget: Some(rules.budget),
        layer: Layer {
            decode: rules.decode,
            profile: rules.profile,
            extra: rules.extra,
            enforce: rules.enforce,
        },
        lists: rules.block_lists,
        ..Options::default()
    }
}

/// Rule files by way of the system.
pub(crate) struct Files<'a>(pub(crate) &'a dyn System);

impl RuleFiles for Files<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        self.0.read(path, RULE_FILE_BYTES_MAX).map_err(|error| error.to_string())
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        self.0.glob(pattern, MATCHES_MAX).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::Fake;

    const CONFIG: &str = "[[listen]]\naddress = \"127.0.0.1:0\"\n[rules]\ninclude = [\"/r/*.conf\"]\n[[site]]\nhosts = [\"*\"]\nfiles = { root = \"/srv\" }\n";

    fn fake(rule: &str) -> Fake {
        let fake = Fake::new();
        fake.file("/c.toml", CONFIG);
        fake.file("/r/a.conf", rule);
        fake
    }

    #[test]
    fn settings_and_rules_come_from_the_system() {
        let system = fake("SecAction \"id:1,phase:1,pass\"");
        let settings = settings(&system, Path::new("/c.toml")).unwrap();
        let rules = rules(&system, &settings).unwrap().unwrap();
        assert!(rules.len() > 1, "the base rules and one more");
    }

    #[test]
    fn the_layer_is_loaded_as_configured() {
        let system = fake("SecAction \"id:1,phase:1,pass\"");
        let count = |keys: &str| {
            system.file("/c.toml", CONFIG.replace("[rules]\n", &format!("[rules]\n{keys}\n")));
            let settings = settings(&system, Path::new("/c.toml")).unwrap();
            rules(&system, &settings).unwrap().unwrap().len()
        };
        let off = "decode = false\nprofile = \"none\"\nextra = false";
        let alone = count(off);
        let profile = count(&off.replace("none", "trading"));
        let extra = count(&off.replace("extra = false", "extra = true"));
        assert!(profile > alone && extra > alone, "{alone} {profile} {extra}");
        assert_eq!(count(""), profile + extra - alone, "all of it is the default");
    }

    #[test]
    fn the_profile_of_an_application_is_loaded_with_the_rules() {
        let system = fake("SecFrob");
        let key = "[rules]\napplication = \"/r/shop.profile\"\n";
        system.file("/c.toml", CONFIG.replace("[rules]\n", key));
        system
            .file("/r/shop.profile", "route GET /\nquery a text\nquery b integer\nquery b uuid\n");
        let ours = settings(&system, Path::new("/c.toml")).unwrap();
        let error = rules(&system, &ours).unwrap_err().to_string();
        for line in ["/r/a.conf:1: ", "/r/shop.profile:2: ", "/r/shop.profile:4: "] {
            assert!(error.contains(line), "{error}");
        }
        system.file("/r/a.conf", "SecAction \"id:1,phase:1,pass\"");
        system.file("/r/shop.profile", "route GET /\nquery a integer\n");
        assert!(rules(&system, &ours).is_ok() && rules_to_tell(&system, &ours).is_ok());
    }

    #[test]
    fn errors_name_the_file() {
        let system = fake("SecFrob");
        let ours = settings(&system, Path::new("/c.toml")).unwrap();
        let error = rules(&system, &ours).unwrap_err().to_string();
        assert!(error.contains("/r/a.conf:1: unknown directive `SecFrob`"), "{error}");
        assert!(matches!(settings(&system, Path::new("/none")), Err(Error::ReadConfig(_))));
        system.file("/bad.toml", "nope = 1");
        let error = settings(&system, Path::new("/bad.toml")).unwrap_err().to_string();
        assert!(error.contains("/bad.toml:1:1"), "{error}");
    }
}

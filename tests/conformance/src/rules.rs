//! The CRS as its own tests want it configured.

use anyhow::{Context as _, Result};
use burgrave_seclang::{Options, RuleFiles, RuleSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files of the disk, with the globs that rule sets use (`*` in the last component).
pub struct Disk;

impl RuleFiles for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|error| error.to_string())
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((before, after)) = name.split_once('*') else {
            return Ok(vec![pattern.to_path_buf()]);
        };
        let folder = pattern.parent().unwrap_or(Path::new("."));
        let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                name.starts_with(before) && name.ends_with(after)
            })
            .collect();
        found.sort();
        Ok(found)
    }
}

/// The limits of the CRS project's own test set-up, over `crs-setup.conf.example`.
pub const LIMITS: &str = "\
SecAction \"id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=4\"\n\
SecAction \"id:900003,phase:1,pass,t:none,nolog,setvar:tx.arg_length=400,setvar:tx.total_arg_length=6400,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535\"\n\
SecResponseBodyAccess On\n\
SecResponseBodyMimeType text/plain text/html text/xml application/json\n";

/// What the regression tests want on top: more limits, and the rule that records a test's marker.
pub const TEST_SETTINGS: &str = "\
SecAction \"id:900004,phase:1,pass,t:none,nolog,setvar:tx.arg_name_length=100,setvar:tx.max_num_args=255,setvar:tx.crs_validate_utf8_encoding=1\"\n\
SecRule REQUEST_HEADERS:X-CRS-Test \"@rx ^.*$\" \"id:999999,pass,phase:1,log,msg:'X-CRS-Test %{MATCHED_VAR}',ctl:ruleRemoveById=1-999999\"\n";

/// Writes the settings to `scratch` and returns the include list for a rule set in `folder`.
pub fn includes(folder: &Path, scratch: &Path, settings_text: &[&str]) -> Result<Vec<PathBuf>> {
    let settings = scratch.join("test-settings.conf");
    std::fs::write(&settings, settings_text.concat()).context("writing the test settings")?;
    Ok(vec![folder.join("crs-setup.conf.example"), settings, folder.join("rules/*.conf")])
}

/// Compiles them.
pub fn compile(include: &[PathBuf], options: Options) -> Result<RuleSet> {
    // What rules say is asked here, and no busy machine may change it.
    let options = Options { budget: options.budget.or(Some(Duration::from_mins(1))), ..options };
    RuleSet::compile(include, &Disk, options).map_err(|errors| {
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", shown.join("\n"))
    })
}

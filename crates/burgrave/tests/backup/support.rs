//! A job in a folder of its own, and the real restic beside it.

use serde_json::Value;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub use crate::support::PROGRAM;

/// A job called `job`, with its source, repository, key and state below one folder.
pub struct Place {
    pub dir: tempfile::TempDir,
    /// The repository, where it is no directory.
    pub target: Option<String>,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap(), target: None };
        std::fs::create_dir(place.source()).unwrap();
        place.configure("");
        let made = place.burgrave(&["key", "job", "--new"]);
        assert!(made.status.success(), "{}", text(&made));
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn source(&self) -> PathBuf {
        self.path("source")
    }

    pub fn repository(&self) -> PathBuf {
        self.path("repository")
    }

    pub fn config(&self) -> PathBuf {
        self.path("burgrave.toml")
    }

    /// Writes the configuration with a source of paths and more lines.
    pub fn configure(&self, rest: &str) {
        let source = format!("source = {{ paths = [{:?}], own_state = false }}", self.source());
        self.configure_source(&source, rest);
    }

    /// The same with a source of one's own.
    pub fn configure_source(&self, source: &str, rest: &str) {
        let text = format!(
            "state = {:?}\n[[backup]]\nname = \"job\"\n{source}\nrepository = {:?}\nkey = {:?}\n{rest}\n",
            self.path("state"),
            self.target.clone().unwrap_or_else(|| self.repository().display().to_string()),
            self.path("key")
        );
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("backup").args(arguments).arg("--config").arg(self.config());
        command
    }

    pub fn burgrave(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A command that ends as expected; what it says.
    pub fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.burgrave(arguments);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    pub fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let output = self.burgrave(&[arguments, &["--format", "json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Restores the latest into a fresh folder and compares it with the source.
    pub fn restores_as_it_is(&self) {
        let to = tempfile::tempdir_in(self.dir.path()).unwrap();
        let into = to.path().join("x");
        self.expect(0, &["restore", "job", "--to", into.to_str().unwrap()]);
        let own = self.source();
        let restored = into.join(own.strip_prefix("/").unwrap());
        assert_eq!(facts(&restored), facts(&own));
    }

    /// The names of the repository's files of a kind.
    pub fn files(&self, kind: &str) -> Vec<PathBuf> {
        let mut all = Vec::new();
        let mut folders = vec![self.repository().join(kind)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    all.push(entry.path());
                }
            }
        }
        all.sort();
        all
    }

    pub fn restic(&self, arguments: &[&str]) -> Output {
        Command::new("restic")
            .args(["--no-cache", "--repo"])
            .arg(self.repository())
            .arg("--password-file")
            .arg(self.path("key"))
            .args(arguments)
            .output()
            .unwrap()
    }

    pub fn restic_expect(&self, arguments: &[&str]) -> String {
        let output = self.restic(arguments);
        let said = text(&output);
        assert!(output.status.success(), "restic {arguments:?}: {said}");
        said
    }
}

/// Both outputs.
pub fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].concat().iter().map(|&byte| char::from(byte)).collect()
}

/// Whether a program is there; where it is not, the test says so and does nothing.
pub fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    if !found.status.success() {
        println!("SKIPPED: `{program}` is not installed");
    }
    found.status.success()
}

/// Everything below a folder: name, kind, mode, owner, size, time, links, target, digest and attributes.
pub fn facts(folder: &Path) -> Vec<Vec<u8>> {
    let find = Command::new("find")
        .arg(folder)
        .args(["-printf", "%P\\001%y\\t%m\\t%U:%G\\t%T@\\t%l\\t"])
        .args(["(", "-type", "d", "-printf", "\\0", "-o", "-printf", "%s %n\\0", ")"])
        .output()
        .unwrap();
    assert!(find.status.success(), "{}", text(&find));
    let mut all: Vec<Vec<u8>> = Vec::new();
    for line in find.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let mut line = line.to_vec();
        let name: Vec<u8> = line.iter().copied().take_while(|byte| *byte != 1).collect();
        let path = folder.join(std::ffi::OsStr::from_bytes(&name));
        if std::fs::symlink_metadata(&path).unwrap().is_file() {
            line.extend_from_slice(&digest(&std::fs::read(&path).unwrap()));
        }
        let xattr = Command::new("getfattr")
            .args(["-h", "-d", "-m", "-", "--absolute-names"])
            .arg(&path)
            .output();
        if let Ok(xattr) = xattr {
            let lines =
                xattr.stdout.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#"));
            line.extend(lines.flatten());
        }
        all.push(line);
    }
    all.sort();
    all
}

fn digest(content: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(content).to_vec()
}

/// Bytes without a pattern, the same for the same seed.
pub fn noise(bytes: usize, mut seed: u64) -> Vec<u8> {
    seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()
    };
    (0..bytes.div_ceil(8)).flat_map(|_| next()).take(bytes).collect()
}

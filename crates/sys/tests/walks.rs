//! The made-up machine and the real disk agree on random trees: what a test shows on the one holds
//! on the other.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

use burgrave_sys::{Fake, SysError, System, Tree};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Numbers below a bound, the same ones for the same seed.
struct Dice(Fake);

impl Dice {
    fn new(seed: u64) -> Self {
        let fake = Fake::new();
        fake.seed(seed);
        Self(fake)
    }

    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.random(&mut bytes).unwrap();
        u64::from_le_bytes(bytes) % bound
    }

    fn name(&self) -> &'static str {
        match self.below(5) {
            0 => "a",
            1 => "b",
            2 => "c",
            3 => ".d",
            _ => "e.conf",
        }
    }

    /// One to four components, some of them `..` or `.`.
    fn path(&self) -> PathBuf {
        let mut path = PathBuf::from(if self.below(4) == 0 { "/" } else { "" });
        for _ in 0..=self.below(4) {
            match self.below(8) {
                0 => path.push(".."),
                1 => path.push("."),
                _ => path.push(self.name()),
            }
        }
        path
    }
}

/// Builds the same random tree on disk and in memory.
fn build(dice: &Dice, root: &Path) -> Fake {
    let fake = Fake::new();
    for _ in 0..12 {
        let mut place = PathBuf::new();
        for _ in 0..=dice.below(3) {
            place.push(dice.name());
        }
        let real = root.join(&place);
        let parent = real.parent().unwrap();
        let free = std::fs::symlink_metadata(&real).is_err();
        let plain = parent.ancestors().take_while(|path| *path != root).all(|path| {
            std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) || !path.exists()
        });
        if !free || !plain || std::fs::create_dir_all(parent).is_err() {
            continue;
        }
        match dice.below(3) {
            0 => {
                std::fs::create_dir(&real).unwrap();
                fake.directory(&place);
            }
            1 => {
                let text = format!("{}", dice.below(1_000));
                std::fs::write(&real, &text).unwrap();
                fake.file(&place, text);
            }
            _ => {
                let target = dice.path();
                if symlink(&target, &real).is_ok() {
                    fake.link(&place, target);
                }
            }
        }
    }
    fake
}

/// An answer without the parts that may differ: the words of an operating system's error.
fn shape<T: std::fmt::Debug>(answer: Result<T, SysError>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(SysError::Io { .. }) => "io".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn random_trees_look_the_same_on_disk_and_in_memory() {
    let mut looked = 0;
    for seed in 0..60 {
        let directory = tempfile::tempdir().unwrap();
        let dice = Dice::new(seed);
        let fake = build(&dice, directory.path());
        let tree = Tree::new(directory.path()).unwrap();
        for _ in 0..60 {
            let path = Path::new("/").join(dice.path());
            let told = format!("seed {seed}, {}", path.display());
            assert_eq!(shape(tree.read(&path, 2)), shape(fake.read(&path, 2)), "read, {told}");
            assert_eq!(shape(tree.list(&path, 3)), shape(fake.list(&path, 3)), "list, {told}");
            let kind = |system: &dyn System| shape(system.metadata(&path).map(|found| found.kind));
            assert_eq!(kind(&tree), kind(&fake), "metadata, {told}");
            looked += usize::from(tree.read(&path, 9).is_ok());
        }
        for pattern in ["/*", "/*/*", "/[ab]/*", "/*/.*", "/a/?.conf", "/?/../*"] {
            let find = |system: &dyn System| shape(system.glob(Path::new(pattern), 50));
            assert_eq!(find(&tree), find(&fake), "seed {seed}, {pattern}");
        }
    }
    assert!(looked > 100, "the walks find files, not only errors: {looked}");
}

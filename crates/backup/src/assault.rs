//! What an intruder would do to a repository with this machine's credentials: remove and overwrite. It is tried on a decoy
//! that is written for it, and never on anything that holds a backup.
//!
//! The decoy is a pack of noise that no index names: no restore asks for it, and the keeper's next `prune` removes it where the
//! place lets it.

use crate::error::BackupError;
use crate::id::Id;
use crate::job::Job;
use crate::target::{self, FileKind, Target};
use burgrave_config::Identity;
use burgrave_model::{Evidence, Outcome};
use burgrave_sys::{Live, System as _};

/// The size of a decoy: shorter than any pack that holds something.
pub(crate) const DECOY_BYTES: u64 = 31;
const BYTES: usize = 31;

impl Job<'_> {
    /// Tries to remove and to overwrite, as a writer; no evidence where this machine is none.
    ///
    /// # Errors
    ///
    /// None: what could not be tried is evidence that nothing is proven.
    pub fn assault(&self) -> Vec<Evidence> {
        if self.settings.identity != Identity::Writer {
            return Vec::new();
        }
        let tried = target::open(self.settings).and_then(|place| assault(place.as_ref()));
        tried.unwrap_or_else(|error| {
            vec![evidence(
                "reaching the repository as its writer",
                &error.told(),
                Outcome::NotProven,
            )]
        })
    }
}

fn evidence(did: &str, saw: &str, outcome: Outcome) -> Evidence {
    let short = |text: &str| text.chars().map(one_line).take(300).collect();
    Evidence { did: short(did), saw: short(saw), outcome }
}

fn one_line(letter: char) -> char {
    if letter.is_control() { ' ' } else { letter }
}

fn noise() -> Result<Vec<u8>, BackupError> {
    let mut noise = vec![0; BYTES];
    Live.random(&mut noise)?;
    Ok(noise)
}

fn assault(place: &dyn Target) -> Result<Vec<Evidence>, BackupError> {
    // Where there is no repository yet none is begun by this.
    place.read(FileKind::Config, "config", 1 << 20)?;
    let content = noise()?;
    let name = Id::of(&content).hex();
    let decoy = Decoy { place, name: &name, content: &content };
    place.write(FileKind::Pack, &name, &content)?;
    place.barrier()?;
    let overwritten = place.overwrite(FileKind::Pack, &name, &noise()?);
    let overwritten = decoy.after("overwriting", &overwritten);
    // Where a removal only hides, what is hidden is attacked next, and each name is as safe as the decoy's.
    let is_refused = place.remove(FileKind::Pack, &name).is_err();
    let erased = place.erase(FileKind::Pack, &name);
    let removed = decoy.after("removing", &erased);
    let mut all = vec![overwritten, removed];
    if is_refused && all.iter().all(|tried| tried.outcome == Outcome::Held) {
        all.extend(by_name(place)?);
    }
    Ok(all)
}

/// What is written of a backup beside its packs, at places where each name may have its own rule. The names are of nothing:
/// only whether it is refused is looked at.
fn by_name(place: &dyn Target) -> Result<Vec<Evidence>, BackupError> {
    let mut all = Vec::new();
    for kind in [FileKind::Snapshot, FileKind::Index, FileKind::Key] {
        let did = format!(
            "removing the {} of a name that nothing has, at `{}`",
            kind.word(),
            place.name()
        );
        let tried = place.remove(kind, &Id::of(&noise()?).hex());
        // A server that has gone away meanwhile has refused nothing.
        let is_there = place.read(FileKind::Config, "config", 1 << 20);
        all.push(match (tried, is_there) {
            (_, Err(error)) => evidence(&did, &error.told(), Outcome::NotProven),
            (Err(refusal), Ok(_)) => evidence(&did, &refusal.told(), Outcome::Held),
            (Ok(_), Ok(_)) => {
                evidence(&did, "it is not refused: one that is there would be gone", Outcome::Fell)
            }
        });
    }
    Ok(all)
}

struct Decoy<'a> {
    place: &'a dyn Target,
    name: &'a str,
    content: &'a [u8],
}

impl Decoy<'_> {
    /// Only what can still be read afterwards has held.
    fn after(&self, doing: &str, tried: &Result<(), BackupError>) -> Evidence {
        let did = format!("{doing} a decoy at `{}`", self.place.name());
        let how = match tried {
            Ok(()) => "it was not refused".to_owned(),
            Err(error) => error.told(),
        };
        match self.place.survives(FileKind::Pack, self.name, self.content) {
            Ok(true) if tried.is_ok() => evidence(
                &did,
                &format!("{how}, and an older version stays that cannot be removed"),
                Outcome::Held,
            ),
            Ok(true) => evidence(&did, &how, Outcome::Held),
            Ok(false) => evidence(&did, &format!("{how}: what was written is lost"), Outcome::Fell),
            Err(error) => evidence(
                &did,
                &format!("{how}; whether it is still there could not be seen: {}", error.told()),
                Outcome::NotProven,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Listed;
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    /// A place that allows what it is told to.
    #[derive(Default)]
    #[expect(clippy::struct_excessive_bools, reason = "each is one thing that a place may allow")]
    struct Fake {
        files: Mutex<BTreeMap<String, Vec<u8>>>,
        overwrites: bool,
        removes: bool,
        removes_others: bool,
        keeps_versions: bool,
        goes_away: bool,
    }

    fn refused() -> BackupError {
        BackupError::Refused("403".to_owned())
    }

    impl Target for Fake {
        fn name(&self) -> String {
            "fake".to_owned()
        }
        fn prepare(&self) -> Result<(), BackupError> {
            Ok(())
        }
        fn list(&self, _: FileKind) -> Result<Vec<Listed>, BackupError> {
            Ok(Vec::new())
        }
        fn read(&self, kind: FileKind, name: &str, _: u64) -> Result<Vec<u8>, BackupError> {
            // Once the decoy is there.
            if self.goes_away && !self.files.lock().unwrap().is_empty() {
                return Err(BackupError::NoRepository("fake".to_owned()));
            }
            if kind == FileKind::Config {
                return Ok(Vec::new());
            }
            let missing = || BackupError::Missing { target: String::new(), object: String::new() };
            self.files.lock().unwrap().get(name).cloned().ok_or_else(missing)
        }
        fn read_part(
            &self,
            _: FileKind,
            _: &str,
            _: u64,
            _: usize,
        ) -> Result<Vec<u8>, BackupError> {
            Ok(Vec::new())
        }
        fn write(&self, _: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
            self.files.lock().unwrap().insert(name.to_owned(), content.to_vec());
            Ok(())
        }
        fn barrier(&self) -> Result<(), BackupError> {
            Ok(())
        }
        fn overwrite(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
            if self.overwrites { self.write(kind, name, content) } else { Err(refused()) }
        }
        fn remove(&self, kind: FileKind, name: &str) -> Result<bool, BackupError> {
            if kind == FileKind::Pack && self.removes {
                return Ok(self.files.lock().unwrap().remove(name).is_some());
            }
            if kind != FileKind::Pack && self.removes_others { Ok(false) } else { Err(refused()) }
        }
        fn survives(
            &self,
            kind: FileKind,
            name: &str,
            content: &[u8],
        ) -> Result<bool, BackupError> {
            if self.keeps_versions {
                return Ok(true);
            }
            match self.read(kind, name, 1 << 20) {
                Ok(now) => Ok(now == content),
                Err(BackupError::Missing { .. }) => Ok(false),
                Err(other) => Err(other),
            }
        }
    }

    fn outcomes(place: &Fake) -> Vec<Outcome> {
        assault(place).unwrap().into_iter().map(|tried| tried.outcome).collect()
    }

    #[test]
    fn only_what_survives_has_held() {
        use Outcome::{Fell, Held, NotProven};
        assert_eq!(outcomes(&Fake::default()), [Held; 5]);
        assert_eq!(outcomes(&Fake { overwrites: true, ..Fake::default() }), [Fell, Fell]);
        assert_eq!(outcomes(&Fake { removes: true, ..Fake::default() }), [Held, Fell]);
        let lax = Fake { removes_others: true, ..Fake::default() };
        assert_eq!(outcomes(&lax), [Held, Held, Fell, Fell, Fell]);
        let versions =
            Fake { removes: true, overwrites: true, keeps_versions: true, ..Fake::default() };
        assert_eq!(outcomes(&versions), [Held, Held]);
        let away = Fake { goes_away: true, ..Fake::default() };
        assert_eq!(outcomes(&away), [NotProven, NotProven], "refused by nobody");
    }
}

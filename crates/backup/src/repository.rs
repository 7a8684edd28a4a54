//! A repository in restic's format, version 1 or 2: opened by a password, its files loaded and saved.
//!
//! Invariant: nothing is handed on whose authenticator or digest is not right; the error names the file.

use crate::compress::{Zstd, unpack_bounded};
use crate::crypto::Key;
use crate::error::BackupError;
use crate::id::{Id, confirm};
use crate::index::{Index, IndexFile, Place};
use crate::keyfile::{KeyFile, Password};
use crate::pack::{Blob, BlobKind, header_bytes, read_header};
use crate::target::{FileKind, Target};
use burgrave_sys::{Live, System as _};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Most bytes of a file that is no pack.
pub(crate) const FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Most bytes of a blob as it was. A chunk has 8 MiB at most; the list of a huge directory has more.
pub(crate) const BLOB_BYTES_MAX: u32 = 1024 * 1024 * 1024;
/// Keys that are tried.
const KEYS_MAX: usize = 100;
/// How a compressed file begins.
const COMPRESSED: u8 = 2;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Config {
    version: u32,
    id: Id,
    chunker_polynomial: String,
}

/// An open repository.
pub struct Repository {
    target: Box<dyn Target>,
    key: Key,
    config: Config,
    index: RwLock<Index>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "repository {}", self.target.name())
    }
}

/// JSON of our own types, which has no reason to fail.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, BackupError> {
    serde_json::to_vec(value).map_err(|error| BackupError::Refused(error.to_string()))
}

/// JSON of a file that was authenticated.
pub(crate) fn from_json<'j, T: Deserialize<'j>>(
    kind: FileKind,
    name: &str,
    json: &'j [u8],
) -> Result<T, BackupError> {
    serde_json::from_slice(json).map_err(|error| {
        BackupError::damaged(format!("{} `{name}`", kind.word()), error.to_string())
    })
}

impl Repository {
    /// Makes a new one where there is none.
    pub(crate) fn create(
        target: Box<dyn Target>,
        password: &Password,
    ) -> Result<Self, BackupError> {
        target.prepare()?;
        for kind in [FileKind::Snapshot, FileKind::Index, FileKind::Pack] {
            if !target.list(kind)?.is_empty() {
                let why =
                    "its file `config` is missing, and it is not empty: nothing is made over it";
                return Err(BackupError::damaged(
                    format!("the repository `{}`", target.name()),
                    why,
                ));
            }
        }
        // Of an attempt that was interrupted before it had a configuration.
        for stray in target.list(FileKind::Key)? {
            target.remove(FileKind::Key, &stray.name)?;
        }
        let key = Key::random()?;
        let mut id = [0; 32];
        Live.random(&mut id)?;
        let polynomial = crate::chunker::random_polynomial()?;
        let config =
            Config { version: 2, id: Id(id), chunker_polynomial: format!("{polynomial:x}") };
        let repository = Self { target, key, config, index: RwLock::default() };
        repository.add_key(password)?;
        repository.target.barrier()?;
        let json = to_json(&repository.config)?;
        repository.target.write(FileKind::Config, "config", &repository.key.seal(&json)?)?;
        repository.target.barrier()?;
        Ok(repository)
    }

    /// Opens one by its password; `key` is the file that it came from, for messages.
    pub(crate) fn open(
        target: Box<dyn Target>,
        password: &Password,
        key: &Path,
    ) -> Result<Self, BackupError> {
        let name = target.name();
        let sealed = match target.read(FileKind::Config, "config", FILE_BYTES_MAX) {
            Err(BackupError::Missing { .. }) => return Err(BackupError::NoRepository(name)),
            other => other?,
        };
        let keys = target.list(FileKind::Key)?;
        let (mut is_right, mut trouble) = (false, None);
        for listed in keys.iter().take(KEYS_MAX) {
            let opened = match open_key(&*target, &listed.name, password) {
                Ok(opened) => opened,
                Err(error) => {
                    trouble.get_or_insert(error);
                    continue;
                }
            };
            let Some(opened) = opened else { continue };
            is_right = true;
            let mut sealed = sealed.clone();
            let Some(json) = opened.open(&mut sealed) else { continue };
            let config: Config = from_json(FileKind::Config, "config", json)?;
            if !(1..=2).contains(&config.version) {
                return Err(BackupError::Refused(format!(
                    "the repository `{name}` has version {}, which is not known here",
                    config.version
                )));
            }
            return Ok(Self { target, key: opened, config, index: RwLock::default() });
        }
        if is_right {
            let object = format!("the file `config` of the repository `{name}`");
            return Err(BackupError::damaged(object, "its authenticator is wrong"));
        }
        let key = key.display().to_string();
        Err(trouble.unwrap_or(BackupError::WrongKey { target: name, key, keys: keys.len() }))
    }

    /// Where it is.
    pub(crate) fn target(&self) -> &dyn Target {
        &*self.target
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Its own name, which it keeps for ever.
    pub fn id(&self) -> Id {
        self.config.id
    }

    /// Whether blobs and files are compressed.
    pub(crate) fn compresses(&self) -> bool {
        self.config.version >= 2
    }

    pub(crate) fn polynomial(&self) -> Result<u64, BackupError> {
        u64::from_str_radix(&self.config.chunker_polynomial, 16).map_err(|error| {
            BackupError::damaged("the repository's configuration", error.to_string())
        })
    }

    /// Seals the repository's keys by one more password; the new key's name.
    pub(crate) fn add_key(&self, password: &Password) -> Result<Id, BackupError> {
        let file = to_json(&KeyFile::make(&self.key, password, Live.now())?)?;
        let id = Id::of(&file);
        self.target.write(FileKind::Key, &id.hex(), &file)?;
        self.target.barrier()?;
        Ok(id)
    }

    /// The names of the keys, with when and where they were made.
    pub(crate) fn keys(&self) -> Result<Vec<(String, KeyFile)>, BackupError> {
        let mut all = Vec::new();
        for listed in self.target.list(FileKind::Key)? {
            all.push((listed.name.clone(), read_key(&*self.target, &listed.name)?));
        }
        all.sort_by(|(_, a), (_, b)| a.created.cmp(&b.created));
        Ok(all)
    }

    /// Saves a file that is no pack; its name.
    pub(crate) fn save(&self, kind: FileKind, json: &[u8]) -> Result<Id, BackupError> {
        let sealed = if self.compresses() {
            let mut packed = vec![COMPRESSED];
            packed.extend_from_slice(&Zstd::new()?.pack(json)?);
            self.key.seal(&packed)?
        } else {
            self.key.seal(json)?
        };
        let id = Id::of(&sealed);
        self.target.write(kind, &id.hex(), &sealed)?;
        Ok(id)
    }

    /// Loads a file that is no pack.
    pub(crate) fn load(&self, kind: FileKind, name: &str) -> Result<Vec<u8>, BackupError> {
        let mut sealed = self.target.read(kind, name, FILE_BYTES_MAX)?;
        if let Some(id) = Id::parse(name) {
            confirm(kind.word(), &id, &sealed)?;
        }
        let wrong = |why| BackupError::damaged(format!("{} `{name}`", kind.word()), why);
        let text = self.key.open(&mut sealed).ok_or_else(|| wrong("its authenticator is wrong"))?;
        match text.first() {
            Some(b'{' | b'[') => Ok(text.to_vec()),
            Some(&COMPRESSED) => {
                let packed = text.get(1..).unwrap_or_default();
                unpack_bounded(packed).ok_or_else(|| wrong("it cannot be unpacked"))
            }
            _ => Err(wrong("it is neither JSON nor compressed")),
        }
    }

    /// What is known of blobs.
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads all indexes. What is wrong with some of them is given back: what they named counts as not there.
    pub(crate) fn load_index(&self) -> Result<Vec<BackupError>, BackupError> {
        let mut index = Index::default();
        let mut damaged = Vec::new();
        for listed in self.target.list(FileKind::Index)? {
            let loaded = self.load(FileKind::Index, &listed.name).and_then(|json| {
                let file: IndexFile = from_json(FileKind::Index, &listed.name, &json)?;
                file.load(&mut index, &listed.name)
            });
            match loaded {
                Ok(()) => {}
                Err(error @ (BackupError::Damaged { .. } | BackupError::Missing { .. })) => {
                    damaged.push(error);
                }
                Err(other) => return Err(other),
            }
        }
        index.settle();
        *self.index_mut() = index;
        Ok(damaged)
    }

    /// The blobs that a pack says it has.
    pub(crate) fn read_pack_header(
        &self,
        name: &str,
        bytes: u64,
    ) -> Result<Vec<Blob>, BackupError> {
        let wrong = |why| BackupError::damaged(format!("pack `{name}`"), why);
        let last_at = bytes.checked_sub(4).ok_or_else(|| wrong("it is cut short"))?;
        let last = self.target.read_part(FileKind::Pack, name, last_at, 4)?;
        let last: [u8; 4] =
            last.try_into().map_err(|_short| wrong("its last bytes cannot be read"))?;
        let length =
            header_bytes(last, bytes).ok_or_else(|| wrong("it has no table at its end"))?;
        let body = u64::try_from(length).ok().and_then(|length| last_at.checked_sub(length));
        let body = body.ok_or_else(|| wrong("it has no table at its end"))?;
        let mut sealed = self.target.read_part(FileKind::Pack, name, body, length)?;
        read_header(&self.key, &mut sealed, body)
            .ok_or_else(|| wrong("the table at its end is not the one that was written"))
    }

    /// A blob, from whichever pack has it whole.
    pub(crate) fn read_blob(
        &self,
        kind: BlobKind,
        id: &Id,
        zstd: &mut Zstd,
    ) -> Result<Vec<u8>, BackupError> {
        let places = self.index().places(kind, id);
        let mut wrong = None;
        for place in places {
            match self.read_place(kind, id, &place, zstd) {
                Ok(content) => return Ok(content),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        Err(wrong.unwrap_or_else(|| missing(kind, id)))
    }

    /// A blob by its place.
    pub(crate) fn read_place(
        &self,
        kind: BlobKind,
        id: &Id,
        place: &Place,
        zstd: &mut Zstd,
    ) -> Result<Vec<u8>, BackupError> {
        let pack = self.index().pack(place.pack).ok_or_else(|| missing(kind, id))?;
        let length = usize::try_from(place.length).unwrap_or(usize::MAX);
        let read =
            self.target.read_part(FileKind::Pack, &pack.hex(), u64::from(place.offset), length);
        let mut sealed = read.map_err(|error| {
            if !matches!(error, BackupError::Missing { .. }) {
                return error;
            }
            let why = format!("it is missing, and has the {} blob `{id}`", kind.word());
            BackupError::damaged(format!("pack `{pack}`"), why)
        })?;
        self.decode(kind, id, place, &pack, &mut sealed, zstd)
    }

    /// A blob's content from its sealed bytes, or what is wrong with it.
    pub(crate) fn decode(
        &self,
        kind: BlobKind,
        id: &Id,
        place: &Place,
        pack: &Id,
        sealed: &mut [u8],
        zstd: &mut Zstd,
    ) -> Result<Vec<u8>, BackupError> {
        let wrong = |why: &str| {
            BackupError::damaged(format!("the {} blob `{id}` in pack `{pack}`", kind.word()), why)
        };
        if place.unpacked > BLOB_BYTES_MAX {
            return Err(wrong("it is larger than any blob"));
        }
        let text = self.key.open(sealed).ok_or_else(|| wrong("its authenticator is wrong"))?;
        let content = match usize::try_from(place.unpacked) {
            Ok(0) | Err(_) => text.to_vec(),
            Ok(length) => {
                zstd.unpack(text, length).ok_or_else(|| wrong("it cannot be unpacked"))?
            }
        };
        if Id::of(&content) != *id {
            return Err(wrong("its content does not have its digest"));
        }
        Ok(content)
    }
}

fn missing(kind: BlobKind, id: &Id) -> BackupError {
    BackupError::damaged(
        format!("the {} blob `{id}`", kind.word()),
        "it is in no pack that is there",
    )
}

fn read_key(target: &dyn Target, name: &str) -> Result<KeyFile, BackupError> {
    let json = target.read(FileKind::Key, name, 1024 * 1024)?;
    if let Some(id) = Id::parse(name) {
        confirm("key", &id, &json)?;
    }
    from_json(FileKind::Key, name, &json)
}

fn open_key(
    target: &dyn Target,
    name: &str,
    password: &Password,
) -> Result<Option<Key>, BackupError> {
    read_key(target, name)?.open(password, name)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::target::Local;
    use std::sync::Arc;

    /// A new repository in a directory of its own.
    pub(crate) fn fresh() -> (tempfile::TempDir, Arc<Repository>) {
        let dir = tempfile::tempdir().unwrap();
        let target = Box::new(Local::new(&dir.path().join("r")));
        let repository = Repository::create(target, &Password::of(b"password")).unwrap();
        (dir, Arc::new(repository))
    }

    fn open(dir: &Path, password: &[u8]) -> Result<Repository, BackupError> {
        let target = Box::new(Local::new(&dir.join("r")));
        Repository::open(target, &Password::of(password), Path::new("/k"))
    }

    #[test]
    fn it_is_opened_by_its_password_alone() {
        let (dir, made) = fresh();
        let opened = open(dir.path(), b"password").unwrap();
        assert_eq!(
            (opened.id(), opened.polynomial().unwrap()),
            (made.id(), made.polynomial().unwrap())
        );
        let error = open(dir.path(), b"other").unwrap_err();
        assert!(matches!(error, BackupError::WrongKey { keys: 1, .. }), "{error}");
        made.add_key(&Password::of(b"other")).unwrap();
        assert_eq!(open(dir.path(), b"other").unwrap().id(), made.id());
        assert_eq!(made.keys().unwrap().len(), 2);
        let nothing = open(&dir.path().join("none"), b"password").unwrap_err();
        assert!(matches!(nothing, BackupError::NoRepository(_)), "{nothing}");
    }

    #[test]
    fn nothing_is_made_over_what_is_there() {
        let (dir, made) = fresh();
        made.save(FileKind::Snapshot, b"{}").unwrap();
        made.target().barrier().unwrap();
        std::fs::remove_file(dir.path().join("r/config")).unwrap();
        let target = Box::new(Local::new(&dir.path().join("r")));
        let error = Repository::create(target, &Password::of(b"p")).map(drop).unwrap_err();
        assert!(error.to_string().contains("not empty"), "{error}");
    }

    #[test]
    fn an_interrupted_creation_is_begun_anew() {
        let (dir, _made) = fresh();
        std::fs::remove_file(dir.path().join("r/config")).unwrap();
        let target = Box::new(Local::new(&dir.path().join("r")));
        Repository::create(target, &Password::of(b"second")).unwrap();
        assert_eq!(open(dir.path(), b"second").unwrap().keys().unwrap().len(), 1);
    }

    #[test]
    fn files_are_loaded_as_they_were_saved_and_damage_is_named() {
        let (dir, made) = fresh();
        let json = br#"{"a":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}"#;
        let id = made.save(FileKind::Index, json).unwrap().hex();
        made.target().barrier().unwrap();
        assert_eq!(made.load(FileKind::Index, &id).unwrap(), json);
        let path = dir.path().join("r/index").join(&id);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = made.load(FileKind::Index, &id).unwrap_err().to_string();
        assert!(error.contains(&id) && error.contains("damaged"), "{error}");
        let damaged = made.load_index().unwrap();
        assert_eq!(damaged.len(), 1);
        let none = made.load(FileKind::Index, &Id::of(b"none").hex()).unwrap_err();
        assert!(matches!(none, BackupError::Missing { .. }), "{none}");
    }
}

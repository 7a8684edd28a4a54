//! One path of a baseline, and its line.

use super::What;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Other,
}

/// What is kept of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// SHA-256 of a file's content or of a link's target, in hexadecimal digits; `size:N` of a file that is too large to
    /// be read; `unread` of one that could not be; `-` of what has none.
    pub content: String,
}

impl Entry {
    /// What is different afterwards, or why that cannot be told.
    pub(super) fn differs(&self, after: &Self) -> Result<Vec<What>, String> {
        if self.kind != after.kind {
            return Ok(vec![What::Kind]);
        }
        let mut what = Vec::new();
        if self.content != after.content {
            if after.content == "unread" {
                return Err("its content could not be read".to_owned());
            }
            // What was not read then cannot be compared now.
            if self.content != "unread" {
                what.push(What::Content);
            }
        }
        if (self.uid, self.gid) != (after.uid, after.gid) {
            what.push(What::Owner);
        }
        if self.mode != after.mode {
            what.push(What::Mode);
        }
        Ok(what)
    }

    pub(super) fn line(&self, path: &Path) -> String {
        let kind = match self.kind {
            EntryKind::File => "file",
            EntryKind::Folder => "dir",
            EntryKind::Link => "link",
            EntryKind::Other => "other",
        };
        let Self { mode, uid, gid, content, .. } = self;
        format!("{kind}\t{mode:04o}\t{uid}\t{gid}\t{content}\t{}", escaped(path))
    }

    pub(super) fn parse(line: &str) -> Option<(PathBuf, Self)> {
        let cells: Vec<&str> = line.split('\t').collect();
        let [kind, mode, uid, gid, content, path] = cells.as_slice() else { return None };
        let kind = match *kind {
            "file" => EntryKind::File,
            "dir" => EntryKind::Folder,
            "link" => EntryKind::Link,
            "other" => EntryKind::Other,
            _ => return None,
        };
        let entry = Self {
            kind,
            mode: u32::from_str_radix(mode, 8).ok()?,
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            content: (*content).to_owned(),
        };
        Some((unescaped(path)?, entry))
    }
}

/// A path in one word: everything but plain letters as `%41`.
pub(super) fn escaped(path: &Path) -> String {
    let mut out = String::new();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_graphic() && *byte != b'%' {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

/// The path of such a word.
pub(super) fn unescaped(text: &str) -> Option<PathBuf> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            out.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            out.push(*first);
        }
    }
    Some(PathBuf::from(OsString::from_vec(out)))
}

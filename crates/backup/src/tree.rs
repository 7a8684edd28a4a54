//! Lists of directories as a repository holds them: JSON with names in Go's quoting and modes in Go's bits, as
//! restic writes them (its design document, "Trees and Data"; Go's packages `strconv` and `io/fs`).

use crate::crypto::Base64;
use crate::error::BackupError;
use crate::id::Id;
use crate::time::{parse_stamp, show_stamp};
use burgrave_sys::{NodeKind, Stamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Go's bits beside the permissions.
const DIRECTORY: u32 = 1 << 31;
const SYMLINK: u32 = 1 << 27;
const DEVICE: u32 = 1 << 26;
const PIPE: u32 = 1 << 25;
const SOCKET: u32 = 1 << 24;
const SET_UID: u32 = 1 << 23;
const SET_GID: u32 = 1 << 22;
const CHARACTER: u32 = 1 << 21;
const STICKY: u32 = 1 << 20;

/// Unix bits and kind as Go's.
pub(crate) fn go_mode(kind: NodeKind, mode: u32) -> u32 {
    let kind = match kind {
        NodeKind::File => 0,
        NodeKind::Directory => DIRECTORY,
        NodeKind::Link => SYMLINK,
        NodeKind::Block => DEVICE,
        NodeKind::Character => DEVICE | CHARACTER,
        NodeKind::Pipe => PIPE,
        NodeKind::Socket => SOCKET,
    };
    let special = [(0o4000, SET_UID), (0o2000, SET_GID), (0o1000, STICKY)];
    let special =
        special.iter().filter(|(bit, _)| mode & bit != 0).fold(0, |all, (_, go)| all | go);
    kind | special | (mode & 0o777)
}

/// Unix permission bits, of Go's.
pub(crate) fn unix_mode(mode: u32) -> u32 {
    let special = [(0o4000, SET_UID), (0o2000, SET_GID), (0o1000, STICKY)];
    let special =
        special.iter().filter(|(_, go)| mode & go != 0).fold(0, |all, (bit, _)| all | bit);
    special | (mode & 0o777)
}

fn kind_word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::File => "file",
        NodeKind::Directory => "dir",
        NodeKind::Link => "symlink",
        NodeKind::Block => "dev",
        NodeKind::Character => "chardev",
        NodeKind::Pipe => "fifo",
        NodeKind::Socket => "socket",
    }
}

const KINDS: [NodeKind; 7] = [
    NodeKind::File,
    NodeKind::Directory,
    NodeKind::Link,
    NodeKind::Block,
    NodeKind::Character,
    NodeKind::Pipe,
    NodeKind::Socket,
];

/// Bytes as Go's `strconv.Quote` would write them, without the quotes.
pub(crate) fn quote(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => {
                    text.push('\\');
                    text.push(letter);
                }
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\r' => text.push_str("\\r"),
                control if control.is_ascii_control() => {
                    text.push_str(&format!("\\x{:02x}", u32::from(control)));
                }
                // Not printable in Go's eyes, or it may not be: an escape is read everywhere.
                other if other.is_control() || other.is_whitespace() && other != ' ' => {
                    text.push_str(&format!("\\U{:08x}", u32::from(other)));
                }
                other => text.push(other),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// The bytes before [`quote`]. `None`: it is no quoted text.
pub(crate) fn unquote(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at_checked(at)?;
        bytes.extend_from_slice(plain.as_bytes());
        let mut letters = escape.chars();
        letters.next();
        let kind = letters.next()?;
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0'..='7' => 3,
            _ => 0,
        };
        if digits == 0 {
            bytes.push(match kind {
                'a' => 7,
                'b' => 8,
                'f' => 12,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 11,
                '\\' => b'\\',
                '\'' => b'\'',
                '"' => b'"',
                _ => return None,
            });
            rest = letters.as_str();
            continue;
        }
        let is_octal = kind.is_ascii_digit();
        let start = if is_octal { 1 } else { 2 };
        let digits = escape.get(start..start + digits)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code =
            u32::from_str_radix(digits, if is_octal { 8 } else { 16 }).ok().filter(|_| plain)?;
        if matches!(kind, 'u' | 'U') {
            let mut buffer = [0; 4];
            bytes.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut buffer).as_bytes());
        } else {
            bytes.push(u8::try_from(code).ok()?);
        }
        rest = escape.get(start + digits.len()..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

/// A name, as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(pub(crate) Vec<u8>);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&quote(&self.0))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        unquote(&text).map(Self).ok_or_else(|| serde::de::Error::custom("this is no quoted name"))
    }
}

mod stamp {
    use super::{Cow, Deserialize, Deserializer, Serializer, Stamp, parse_stamp, show_stamp};

    pub(super) fn serialize<S: Serializer>(stamp: &Stamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&show_stamp(*stamp))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Stamp, D::Error> {
        let text = <Cow<'de, str>>::deserialize(from)?;
        parse_stamp(&text).ok_or_else(|| serde::de::Error::custom("this is no time"))
    }
}

mod kind {
    use super::{Cow, Deserialize, Deserializer, KINDS, NodeKind, Serializer, kind_word};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
    pub(super) fn serialize<S: Serializer>(kind: &NodeKind, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(kind_word(*kind))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NodeKind, D::Error> {
        let text = <Cow<'de, str>>::deserialize(from)?;
        let found = KINDS.into_iter().find(|kind| kind_word(*kind) == text);
        found.ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no kind of file")))
    }
}

/// An extended attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extended {
    pub(crate) name: String,
    pub(crate) value: Base64,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) name: Name,
    #[serde(rename = "type", with = "kind")]
    pub(crate) kind: NodeKind,
    #[serde(default)]
    pub(crate) mode: u32,
    #[serde(with = "stamp", default)]
    pub(crate) mtime: Stamp,
    #[serde(with = "stamp", default)]
    pub(crate) atime: Stamp,
    #[serde(with = "stamp", default)]
    pub(crate) ctime: Stamp,
    #[serde(default)]
    pub(crate) uid: u32,
    #[serde(default)]
    pub(crate) gid: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) user: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) group: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) inode: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) device_id: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) links: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) linktarget: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) linktarget_raw: Option<Base64>,
    #[serde(default, skip_serializing_if = "is_empty", deserialize_with = "or_default")]
    pub(crate) extended_attributes: Vec<Extended>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) device: u64,
    #[serde(default)]
    pub(crate) content: Option<Vec<Id>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subtree: Option<Id>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_empty(list: &[Extended]) -> bool {
    list.is_empty()
}

fn or_default<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Extended>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Node {
    /// Where a link points.
    pub(crate) fn target(&self) -> Vec<u8> {
        self.linktarget_raw
            .as_ref()
            .filter(|raw| !raw.0.is_empty())
            .map_or_else(|| self.linktarget.clone().into_bytes(), |raw| raw.0.clone())
    }

    /// The pieces of a file.
    pub(crate) fn pieces(&self) -> &[Id] {
        self.content.as_deref().unwrap_or_default()
    }
}

/// The list of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tree {
    #[serde(default, deserialize_with = "nodes")]
    pub(crate) nodes: Vec<Node>,
}

fn nodes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Node>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl Tree {
    /// As it is stored.
    pub(crate) fn to_blob(&self) -> Result<Vec<u8>, BackupError> {
        let mut json = crate::repository::to_json(self)?;
        json.push(b'\n');
        Ok(json)
    }

    /// From a blob whose digest was right. Names that no file system could hold are refused: they would lead a
    /// restore out of its directory.
    pub(crate) fn from_blob(id: &Id, blob: &[u8]) -> Result<Self, BackupError> {
        let wrong = |why: String| BackupError::damaged(format!("the tree `{id}`"), why);
        let tree: Self = serde_json::from_slice(blob).map_err(|error| wrong(error.to_string()))?;
        for node in &tree.nodes {
            let name = &node.name.0;
            if name.is_empty()
                || matches!(name.as_slice(), b"." | b"..")
                || name.iter().any(|byte| matches!(byte, b'/' | 0))
            {
                return Err(wrong(format!("it names `{}`, which is no file name", quote(name))));
            }
        }
        Ok(tree)
    }

    /// A node by its name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<&Node> {
        let sorted = self.nodes.binary_search_by(|node| node.name.0.as_slice().cmp(name));
        match sorted {
            Ok(at) => self.nodes.get(at),
            // Not every writer sorts as we do.
            Err(_) => {
                self.nodes.iter().find(|node| node.name.0 == name).filter(|_| !self.is_sorted())
            }
        }
    }

    fn is_sorted(&self) -> bool {
        self.nodes.is_sorted_by(|a, b| a.name < b.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_go_does() {
        for (name, quoted) in [
            (&b"plain name"[..], "plain name"),
            ("größe ☃".as_bytes(), "größe ☃"),
            (b"a\"b\\c", "a\\\"b\\\\c"),
            (b"a\nb\tc\rd", "a\\nb\\tc\\rd"),
            (b"\x01\x7f", "\\x01\\x7f"),
            (b"\xff\xfea", "\\xff\\xfea"),
            ("\u{85}\u{2028}".as_bytes(), "\\U00000085\\U00002028"),
        ] {
            assert_eq!(quote(name), quoted);
            assert_eq!(unquote(quoted).unwrap(), name);
        }
        for (quoted, name) in
            [("\\u00e9", "é".as_bytes()), ("\\a\\v\\101", b"\x07\x0bA"), ("\\'", b"'")]
        {
            assert_eq!(unquote(quoted).unwrap(), name, "{quoted}");
        }
        for wrong in ["\\", "\\x", "\\xg0", "\\u12", "\\ud800", "\\q", "\\400", "\\x+1"] {
            assert_eq!(unquote(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_comes_back(name in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            proptest::prop_assert_eq!(unquote(&quote(&name)), Some(name));
        }
    }

    #[test]
    fn modes_are_gos() {
        for (kind, mode, go) in [
            (NodeKind::File, 0o644, 0o644),
            (NodeKind::Directory, 0o1777, DIRECTORY | STICKY | 0o777),
            (NodeKind::File, 0o6755, SET_UID | SET_GID | 0o755),
            (NodeKind::Character, 0o600, DEVICE | CHARACTER | 0o600),
            (NodeKind::Link, 0o777, SYMLINK | 0o777),
        ] {
            assert_eq!(go_mode(kind, mode), go);
            assert_eq!(unix_mode(go), mode);
        }
    }

    #[test]
    fn a_tree_of_restic_is_read() {
        let json = br#"{"nodes":[{"name":"a\\xff","type":"file","mode":420,"mtime":"2020-01-02T03:04:05.6+01:00","atime":"2020-01-02T03:04:05Z","ctime":"2020-01-02T03:04:05Z","uid":1,"gid":2,"user":"u","group":"g","inode":5,"device_id":6,"size":3,"links":1,"content":["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]},{"name":"b","type":"dir","mode":2147484141,"mtime":"2020-01-02T03:04:05Z","atime":"2020-01-02T03:04:05Z","ctime":"2020-01-02T03:04:05Z","uid":0,"gid":0,"extended_attributes":[{"name":"user.a","value":null}],"content":null,"generic_attributes":{"x":1},"subtree":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}"#;
        let tree = Tree::from_blob(&Id::of(json), json).unwrap();
        let file = tree.find(b"a\xff").unwrap();
        assert_eq!((file.size, file.pieces().len(), file.mtime.nanos), (3, 1, 600_000_000));
        assert_eq!(tree.find(b"b").unwrap().kind, NodeKind::Directory);
        let blob = tree.to_blob().unwrap();
        assert_eq!(Tree::from_blob(&Id::of(&blob), &blob).unwrap(), tree);
        assert!(Tree::from_blob(&Id::of(b""), br#"{"nodes":null}"#).unwrap().nodes.is_empty());
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        for name in ["", ".", "..", "a/b", "/etc", "a\\x00b"] {
            let json = format!(
                r#"{{"nodes":[{{"name":"{}","type":"file"}}]}}"#,
                name.replace('\\', "\\\\")
            );
            let error = Tree::from_blob(&Id::of(b""), json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("no file name"), "{error}");
        }
    }
}

//! Which script answers a path, or which file beside the scripts.
//!
//! Only a file beneath the root whose name ends in `.php` is run, only if it is there, and not in a
//! folder that is kept free of scripts: no upload is taken for a script because of what follows its name.

use crate::files::path::{Name, resolve};
use crate::refusal::Reason;
use crate::route::decode;
use burgrave_config::FastCgi;
use burgrave_sys::{Kind, Root};

/// What a script's name ends in.
const SCRIPT: &[u8] = b".php";
/// What a folder without a script of its own is handed out as.
const PAGE: &[u8] = b"index.html";

/// A script, and what follows its name in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// With a slash at the start.
    pub(crate) name: Vec<u8>,
    pub(crate) info: Vec<u8>,
}

/// Who answers a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    Script(Script),
    /// The site's files, or nobody: they know.
    Files,
    /// A folder with a script of its own, named without a slash at its end.
    Folder(Name),
}

/// Finds who answers. `path` as it came, without a query.
pub(crate) fn choose(path: &[u8], own: &FastCgi, root: &Root) -> Result<Chosen, Reason> {
    let decoded = decode(path);
    let there = |name: &[u8]| root.has_file(name.strip_prefix(b"/").unwrap_or(name));
    let may_run = |name: &[u8]| is_one(name, own) && there(name);
    if let Some(script) = named(&decoded) {
        return if may_run(&script.name) {
            Ok(Chosen::Script(script))
        } else {
            Err(Reason::NotFound)
        };
    }
    if decoded.ends_with(b"/") {
        let name = [&decoded, own.index.as_bytes()].concat();
        if may_run(&name) {
            return Ok(Chosen::Script(Script { name, info: Vec::new() }));
        }
    }
    if own.files
        && let Some(chosen) = beside(path, &decoded, own, root)?
    {
        return Ok(chosen);
    }
    let name = [b"/", own.index.as_bytes()].concat();
    if own.front_controller && may_run(&name) {
        Ok(Chosen::Script(Script { name, info: decoded }))
    } else if own.files {
        Ok(Chosen::Files)
    } else {
        Err(Reason::NotFound)
    }
}

/// What of the files a path names, if any. A name that is never handed out is refused where it is there.
fn beside(
    path: &[u8],
    decoded: &[u8],
    own: &FastCgi,
    root: &Root,
) -> Result<Option<Chosen>, Reason> {
    let there = |name: &[u8]| root.has_file(name.strip_prefix(b"/").unwrap_or(name));
    let within = |folder: &[u8], name: &[u8]| [folder, b"/", name].concat();
    let name = match resolve(path) {
        Ok(name) => name,
        Err(reason) if there(decoded) => return Err(reason),
        Err(_) => return Ok(None),
    };
    // The root itself is named by a path that nothing else answers.
    let kind = if name.bytes.is_empty() { None } else { root.kind(&name.bytes) };
    let script = within(&name.bytes, own.index.as_bytes());
    let rooted = [b"/", &script[..]].concat();
    Ok(match kind {
        Some(Kind::Directory) if !name.directory && is_one(&rooted, own) && there(&script) => {
            Some(Chosen::Folder(name))
        }
        // A folder without a page is not listed, nor is it the front controller's.
        Some(Kind::Directory) => Some(Chosen::Files),
        Some(Kind::File) if !name.directory => Some(Chosen::Files),
        None if there(PAGE) && name.bytes.is_empty() => Some(Chosen::Files),
        _ => None,
    })
}

/// Whether a script, with a slash at the start, is one of those that are run.
fn is_one(script: &[u8], own: &FastCgi) -> bool {
    let is_named = || own.only.iter().any(|only| only.as_bytes() == script);
    (own.only.is_empty() || is_named()) && !is_kept_free(script, &own.no_scripts)
}

/// Whether a script, with a slash at the start, lies in a folder in which nothing is run.
fn is_kept_free(script: &[u8], folders: &[String]) -> bool {
    let Some(end) = script.iter().rposition(|byte| *byte == b'/') else { return false };
    // `/a/b/`, to be searched for whole segments, in any case: nobody means `up` and not `UP`.
    let within = script.get(..=end).unwrap_or_default().to_ascii_lowercase();
    folders.iter().any(|folder| {
        let rooted = folder.starts_with('/');
        let own = [if rooted { "" } else { "/" }, folder, "/"].concat().to_ascii_lowercase();
        if rooted {
            within.starts_with(own.as_bytes())
        } else {
            memchr::memmem::find(&within, own.as_bytes()).is_some()
        }
    })
}

/// The first segment that is a script's name ends it.
fn named(path: &[u8]) -> Option<Script> {
    let mut at = 0;
    for segment in path.split(|byte| *byte == b'/') {
        let end = at + segment.len();
        if segment.len() > SCRIPT.len() && segment.ends_with(SCRIPT) {
            let (name, info) = path.split_at_checked(end)?;
            return Some(Script { name: name.to_vec(), info: info.to_vec() });
        }
        at = end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&str]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a tree for the test")]
        for name in names {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "<?php").unwrap();
        }
        (directory, root)
    }

    /// What a path is answered by, in short.
    fn told(path: &str, own: &FastCgi, root: &Root) -> String {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        match choose(path.as_bytes(), own, root) {
            Ok(Chosen::Script(script)) => format!("{}|{}", text(&script.name), text(&script.info)),
            Ok(Chosen::Files) => "files".to_owned(),
            Ok(Chosen::Folder(name)) => format!("{}/", text(&name.bytes)),
            Err(Reason::NotFound) => "none".to_owned(),
            Err(Reason::PathForbidden(why)) => why.to_owned(),
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn only_scripts_that_are_there_are_run() {
        let (directory, root) = tree(&["index.php", "a.php", "sub/index.php", "upload/photo.jpg"]);
        let own = FastCgi::new(directory.path().into());
        for (path, wanted) in [
            ("/a.php", "/a.php|"),
            ("/a.php/info/b.php", "/a.php|/info/b.php"),
            ("/", "/index.php|"),
            ("/sub/", "/sub/index.php|"),
            ("/pretty/path", "/index.php|/pretty/path"),
            ("/none/", "/index.php|/none/"),
            ("/upload/photo.jpg", "/index.php|/upload/photo.jpg"),
            ("/upload/photo.jpg/x.php", "none"),
            ("/none.php", "none"),
            ("/.php", "/index.php|/.php"),
            ("/sub.php/", "none"),
        ] {
            assert_eq!(told(path, &own, &root), wanted, "{path}");
        }
    }

    #[test]
    fn files_beside_scripts_are_handed_out_and_sources_are_not() {
        let names = [
            "index.php",
            "a.php",
            "a.phtml",
            "b.PHP",
            "lib.inc",
            "a.php.bak",
            "dump.sql",
            "style.css",
            "admin/index.php",
            "docs/index.html",
            "both/index.php",
            "both/index.html",
            "img/a b.png",
        ];
        let (directory, root) = tree(&names);
        let with = FastCgi { files: true, ..FastCgi::new(directory.path().into()) };
        let without = FastCgi { front_controller: false, ..with.clone() };
        for (path, front, plain) in [
            ("/", "/index.php|", "/index.php|"),
            ("/a.php", "/a.php|", "/a.php|"),
            ("/style.css", "files", "files"),
            ("/img/a%20b.png", "files", "files"),
            ("/a.phtml", "source of a program", "source of a program"),
            ("/b.PHP", "source of a program", "source of a program"),
            ("/lib.inc", "source of a program", "source of a program"),
            ("/a.php.bak", "backup file", "backup file"),
            ("/dump.sql", "database or dump", "database or dump"),
            // The application's own, as they are not there.
            ("/other.sql", "/index.php|/other.sql", "files"),
            ("/pretty/path", "/index.php|/pretty/path", "files"),
            ("/pretty/", "/index.php|/pretty/", "files"),
            ("/admin", "admin/", "admin/"),
            ("/admin/", "/admin/index.php|", "/admin/index.php|"),
            ("/docs", "files", "files"),
            ("/img", "files", "files"),
            ("/img/", "files", "files"),
            ("/style.css/", "/index.php|/style.css/", "files"),
            ("/docs/", "files", "files"),
            ("/both/", "/both/index.php|", "/both/index.php|"),
            ("/style.css/x.php", "none", "none"),
            ("/none.php", "none", "none"),
        ] {
            assert_eq!(told(path, &with, &root), front, "{path}");
            assert_eq!(told(path, &without, &root), plain, "{path}, without a front controller");
        }
    }

    #[test]
    fn nothing_runs_where_nothing_may() {
        let names = [
            "index.php",
            "up/x.php",
            "up/index.php",
            "upx/x.php",
            "a/up/b/x.php",
            "c/d/x.php",
            "UP/x.php",
        ];
        let (directory, root) = tree(&names);
        let kept = |folders: &[&str]| FastCgi {
            files: true,
            no_scripts: folders.iter().map(|folder| (*folder).to_owned()).collect(),
            ..FastCgi::new(directory.path().into())
        };
        let one = FastCgi { only: vec!["/index.php".to_owned()], ..kept(&["none"]) };
        for (path, wanted) in [
            ("/index.php/x", "/index.php|/x"),
            ("/x", "/index.php|/x"),
            ("/upx/x.php", "none"),
            ("/up/", "files"),
        ] {
            assert_eq!(told(path, &one, &root), wanted, "{path}");
        }
        for (folders, path, wanted) in [
            (&["/up"][..], "/up/x.php", "none"),
            (&["/up"], "/", "/index.php|"),
            (&["/up"], "/up/x.php/y", "none"),
            (&["/up"], "/upx/x.php", "/upx/x.php|"),
            (&["/up"], "/a/up/b/x.php", "/a/up/b/x.php|"),
            (&["/up"], "/up", "files"),
            (&["/up"], "/up/", "files"),
            (&["up"], "/up/x.php", "none"),
            (&["/up"], "/UP/x.php", "none"),
            (&["Up"], "/UP/x.php", "none"),
            (&["up"], "/a/up/b/x.php", "none"),
            (&["up"], "/a/%75p/b/x.php", "none"),
            (&["up"], "/upx/x.php", "/upx/x.php|"),
            (&["c/d"], "/c/d/x.php", "none"),
            (&["d/c"], "/c/d/x.php", "/c/d/x.php|"),
            (&["x.php"], "/c/d/x.php", "/c/d/x.php|"),
        ] {
            assert_eq!(told(path, &kept(folders), &root), wanted, "{folders:?} {path}");
        }
    }
}

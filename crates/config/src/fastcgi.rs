//! Scripts behind FastCGI: where they are, which paths go to which, and what is handed out beside them.

use crate::error::quoted;
use crate::kinds::{AbsolutePath, Flag, List};
use crate::names::{self, Parsed};
use crate::settings::{FastCgi, Upstream};
use crate::sink::{Located, Sink};
use crate::table::{Key, OneTable, Section, Table};
use std::path::Path;

pub(crate) static FASTCGI: Key<OneTable> = Key {
    name: "fastcgi",
    kind: OneTable(&FASTCGI_SECTION),
    default: "none",
    about: "Where the scripts are, for upstreams that speak FastCGI.",
};
static FASTCGI_SECTION: Section = Section {
    title: "fastcgi = { … }",
    about: "Only files of `root` whose names end in `.php` are run, and only if they are there.",
    keys: &[&SCRIPTS, &INDEX, &BESIDE, &FRONT_CONTROLLER, &ONLY, &NO_SCRIPTS],
    refused: &[],
};
static SCRIPTS: Key<AbsolutePath> = Key {
    name: "root",
    kind: AbsolutePath,
    default: "",
    about: "The directory with the scripts, under the same name here and for the server.",
};
static INDEX: Key<Parsed<String>> = Key {
    name: "index",
    kind: Parsed { parse: names::script, words: "a file's name that ends in `.php`" },
    default: "\"index.php\"",
    about: "The script of a directory, and of every path that names none.",
};

static BESIDE: Key<Flag> = Key {
    name: "files",
    kind: Flag,
    default: "false",
    about: "Hand out the files beside the scripts, as the site's own `files` with the same `root` does. Nothing that may be the source of a program is.",
};
static FRONT_CONTROLLER: Key<Flag> = Key {
    name: "front_controller",
    kind: Flag,
    default: "true",
    about: "Whether `index` answers every path that names nothing else; without it such a path is not found.",
};
static ONLY: Key<List<Parsed<String>>> = Key {
    name: "only",
    kind: List {
        of: Parsed { parse: names::script_path, words: "a path such as `\"/index.php\"`" },
        min: 1,
        max: 64,
    },
    default: "all that are there",
    about: "The only scripts that are run, where an application has a single one, or few.",
};
static NO_SCRIPTS: Key<List<Parsed<String>>> = Key {
    name: "no_scripts",
    kind: List {
        of: Parsed {
            parse: names::folder,
            words: "a path such as `\"/data/uploads\"`, or a name such as `\"uploads\"` for all folders called so",
        },
        min: 1,
        max: 64,
    },
    default: "none",
    about: "Folders in which nothing is run, in any case of letters, such as those that visitors' uploads go to.",
};

/// Reads where the scripts are, and whether there is anybody to run them.
pub(crate) fn fastcgi(
    table: &Table<'_, '_>,
    targets: &[Located<Upstream>],
    files: Option<&Path>,
    sink: &mut Sink<'_>,
) -> Option<FastCgi> {
    let own = table.table(&FASTCGI, sink);
    let speaks = targets.iter().filter(|target| target.value.is_fastcgi()).count();
    if speaks > 0 && speaks < targets.len() {
        let message = "a route's upstreams speak FastCGI all or none";
        sink.wrong(&table.spot, message, Some("a route for each kind".to_owned()));
    }
    match (own, speaks > 0) {
        (None, false) => None,
        (None, true) => {
            let allowed = "`fastcgi = { root = \"/…\" }`".to_owned();
            sink.missing(&table.spot, "nobody says where the scripts are", allowed);
            None
        }
        (Some(own), false) => {
            let allowed = Some("an upstream with `fastcgi:`, or no `fastcgi`".to_owned());
            sink.wrong(&own.spot, "no upstream of this route speaks FastCGI", allowed);
            None
        }
        (Some(own), true) => {
            let root = own.needed(&SCRIPTS, sink);
            let index = own.get(&INDEX, sink);
            let beside = own.located(&BESIDE, sink);
            let front_controller = own.get(&FRONT_CONTROLLER, sink).unwrap_or(true);
            let only = own.located(&ONLY, sink);
            let no_scripts = own.get(&NO_SCRIPTS, sink).unwrap_or_default();
            let root = root?.value;
            let is_beside = beside.as_ref().is_some_and(|beside| beside.value);
            if let Some(beside) = beside.filter(|_| is_beside && files != Some(root.as_path())) {
                let message = "the files beside the scripts are handed out as the site's own `files`, and it has none with this `root`";
                let allowed = format!(
                    "`files = {{ root = {} }}` in the site",
                    quoted(&root.to_string_lossy())
                );
                sink.wrong(&beside.spot, message, Some(allowed));
            }
            let index = index.unwrap_or_else(|| "index.php".to_owned());
            let only = only_with(&index, front_controller, only, sink);
            Some(FastCgi {
                index,
                files: is_beside,
                front_controller,
                only,
                no_scripts: no_scripts.into_iter().map(|folder| folder.value).collect(),
                root,
            })
        }
    }
}

/// The only scripts; a front controller that is none of them would answer nothing.
fn only_with(
    index: &str,
    front_controller: bool,
    only: Option<Located<Vec<Located<String>>>>,
    sink: &mut Sink<'_>,
) -> Vec<String> {
    let Some(only) = only else { return Vec::new() };
    let all: Vec<String> = only.value.into_iter().map(|script| script.value).collect();
    // Entries that are wrong were told, and are not among them.
    let is_one = || all.iter().any(|script| script.strip_prefix('/') == Some(index));
    if front_controller && !all.is_empty() && !is_one() {
        let message = format!("{} answers every other path, and is none of these", quoted(index));
        sink.wrong(
            &only.spot,
            message,
            Some("it as well, or `front_controller = false`".to_owned()),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn read(files: &str, rest: &str) -> Result<FastCgi, String> {
        let text = format!(
            "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\n{files}\n[[site.route]]\npath = \"/\"\n\
             upstream = [\"fastcgi:/run/php.sock\"]\nfastcgi = {{ root = \"/srv\"{rest} }}\n"
        );
        let mut settings = parse(&text).map_err(|errors| errors.errors[0].message.clone())?;
        Ok(settings.sites.remove(0).routes.remove(0).fastcgi.unwrap())
    }

    #[test]
    fn scripts_are_read_with_what_is_beside_them() {
        assert_eq!(read("", "").unwrap(), FastCgi::new("/srv".into()));
        let all = ", index = \"app.php\", files = true, front_controller = false, only = [\"/app.php\", \"/a/b.php\"], no_scripts = [\"/a/b/\", \"c\", \"d/e\"]";
        let wanted = FastCgi {
            index: "app.php".to_owned(),
            files: true,
            front_controller: false,
            only: ["/app.php", "/a/b.php"].map(str::to_owned).to_vec(),
            no_scripts: ["/a/b", "c", "d/e"].map(str::to_owned).to_vec(),
            ..FastCgi::new("/srv".into())
        };
        assert_eq!(read("files = { root = \"/srv\" }", all).unwrap(), wanted);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let other = "the files beside the scripts are handed out as the site's own `files`, and it has none with this `root`";
        for files in ["", "files = { root = \"/srv/other\" }"] {
            assert_eq!(read(files, ", files = true").unwrap_err(), other);
            assert!(read(files, ", files = false").is_ok());
        }
        for script in ["index.php", "/index.html", "/a/../b.php", "//b.php", "/a%2f.php", "/.php"] {
            let error = read("", &format!(", only = [\"{script}\"]")).unwrap_err();
            assert!(error.contains("this is not the path of a script"), "{script}: {error}");
        }
        let error = read("", ", only = [\"/app.php\"]").unwrap_err();
        assert_eq!(error, "`index.php` answers every other path, and is none of these");
        assert!(read("", ", only = [\"/app.php\"], front_controller = false").is_ok());
        for folder in ["", "/", "..", "/a/../b", "a//b", "a%2fb", "a\\\\b", "a?b"] {
            let error = read("", &format!(", no_scripts = [\"{folder}\"]")).unwrap_err();
            assert!(
                error.contains("this is neither a folder's name nor its path"),
                "{folder}: {error}"
            );
        }
    }
}

//! Folders that are to be handed out: what in them would become more open than it was.
//!
//! Invariants: a folder that could not be looked through to its end is not handed out; links are not followed.

mod overrides;

use crate::site::{Note, Site};
use crate::words::is_plain;
use burgrave_audit::Facts;
use burgrave_audit::facts::Place;
use burgrave_sys::{Kind, Step, WalkLimits};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LIMITS: WalkLimits = WalkLimits { entries_max: 500_000, depth_max: 64 };
/// Files that are named one by one.
const NAMED_MAX: usize = 3;
/// Endings of files that are run, not handed out.
const PROGRAMS: [&str; 14] = [
    "asp", "aspx", "cgi", "fcgi", "inc", "jsp", "php", "php3", "php5", "php7", "phtml", "pl", "py",
    "rb",
];

/// Those that a route with scripts runs or refuses; the others it would hand out.
const OF_PHP: [&str; 6] = ["php", "php3", "php5", "php7", "phtml", "inc"];

/// Whether a file is one that a server runs.
pub(crate) fn is_program(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    PROGRAMS.contains(&ending.to_ascii_lowercase().as_str())
}

fn is_of_php(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    OF_PHP.iter().any(|own| own.eq_ignore_ascii_case(ending))
}

/// What is in a folder and matters.
#[derive(Default)]
struct Inside {
    programs: Vec<PathBuf>,
    overrides: Vec<PathBuf>,
    names: Vec<PathBuf>,
}

/// Looks through the folder of a site, and closes or leaves out what must not be handed out.
pub(crate) fn look(facts: &Facts<'_>, site: &mut Site, reads_overrides: bool) {
    let Some(root) = site.root.clone() else { return };
    let place = site.place.clone();
    if !is_plain(&root) {
        site.leave_out(&place, format!("its folder `{}` is no plain path", root.display()));
        return;
    }
    let real = match facts.followed(&root) {
        Ok(Some((real, metadata))) if metadata.kind == Kind::Directory => real,
        Ok(_) => {
            site.leave_out(&place, format!("its folder `{}` is not there", root.display()));
            return;
        }
        Err(blind) => {
            let text =
                format!("its folder `{}` could not be looked at: {}", root.display(), blind.why);
            site.leave_out(&place, text);
            return;
        }
    };
    match walked(facts, &real, site.has_scripts()) {
        Ok(inside) => {
            programs(&inside, site);
            siblings(&inside, &real, site);
            if reads_overrides {
                overrides::read(facts, &inside.overrides, &real, site);
            }
        }
        Err(why) => {
            let text =
                format!("its folder `{}` could not be looked through: {why}", root.display());
            site.leave_out(&place, text);
        }
    }
}

fn walked(facts: &Facts<'_>, root: &Path, has_scripts: bool) -> Result<Inside, String> {
    let mut inside = Inside::default();
    let walk = facts.system.walk(root, LIMITS, &mut |path, metadata| {
        let is_file = metadata.kind == Kind::File;
        let is_text = is_program(path) && !(has_scripts && is_of_php(path));
        if is_file && is_text && inside.programs.len() <= NAMED_MAX {
            inside.programs.push(path.to_owned());
        }
        if is_file && path.file_name().is_some_and(|name| name.as_bytes() == b".htaccess") {
            inside.overrides.push(path.to_owned());
        }
        inside.names.push(path.to_owned());
        Step::Into
    });
    let walk = walk.map_err(|error| error.to_string())?;
    if walk.cut {
        return Err(format!("it holds more than {} names", LIMITS.entries_max));
    }
    if let Some(first) = walk.unreadable.first() {
        return Err(format!("`{}` cannot be read", first.display()));
    }
    Ok(inside)
}

fn programs(inside: &Inside, site: &mut Site) {
    for path in inside.programs.iter().take(NAMED_MAX) {
        let text = format!("`{}` is a program, and would be handed out as text", path.display());
        site.left_out.push(Note::at(&whole(path), text));
    }
}

/// A closed path without `/` at its end took every name that begins so.
fn siblings(inside: &Inside, root: &Path, site: &mut Site) {
    let closed: Vec<(String, Place)> = site
        .routes
        .iter()
        .filter_map(|route| Some((route.guarded_beginning()?.to_owned(), route.place.clone())))
        .collect();
    for (path, place) in closed {
        let start = root.join(path.trim_start_matches('/'));
        let (Some(folder), Some(name)) = (start.parent(), start.file_name()) else { continue };
        let goes_on = |other: &&PathBuf| {
            other.parent() == Some(folder)
                && other.file_name().is_some_and(|own| {
                    let rest = own.as_bytes().strip_prefix(name.as_bytes());
                    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(b"."))
                })
        };
        if let Some(other) = inside.names.iter().find(goes_on) {
            let text = format!(
                "`{path}` kept `{}` closed as well, which a route would not",
                other.display()
            );
            site.leave_out(&place, text);
        }
    }
}

/// A file as a whole.
fn whole(path: &Path) -> Place {
    Place { path: Arc::from(path), line: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_audit::Ground;
    use burgrave_sys::{Fake, Refusal};

    /// A site of `/srv/www` that was looked through.
    fn looked(change: impl Fn(&Fake)) -> Site {
        let fake = Fake::new();
        fake.file("/srv/www/index.html", "").file("/srv/www/a/b.css", "");
        change(&fake);
        let mut site = Site::new("apache", &whole(Path::new("/etc/apache2/a.conf")));
        site.root = Some(PathBuf::from("/srv/www"));
        look(&Facts::new(&fake, Ground::Tree), &mut site, true);
        site
    }

    #[test]
    fn a_plain_folder_is_handed_out() {
        let site = looked(|_| {});
        assert!(site.left_out.is_empty() && site.notes.is_empty() && site.routes.is_empty());
    }

    /// What is done to the folder, and what is said of it.
    type Case<'c> = (&'c dyn Fn(&Fake), &'c str);

    #[test]
    fn a_folder_that_is_not_what_it_seems_is_left_out() {
        let cases: [Case<'_>; 6] = [
            (&|fake| drop_all(fake), "is not there"),
            (&|fake| file_in_place(fake), "is not there"),
            (
                &|fake| {
                    fake.refuse("/srv/www/a", Refusal::Denied);
                },
                "cannot be read",
            ),
            (
                &|fake| {
                    fake.file("/srv/www/a/x.CGI", "");
                },
                "would be handed out as text",
            ),
            (
                &|fake| {
                    fake.file("/srv/www/a/db.inc", "");
                },
                "would be handed out as text",
            ),
            (
                &|fake| {
                    fake.file("/srv/www/.htaccess", "AuthType Basic\n");
                },
                "`AuthType` may decide",
            ),
        ];
        for (change, words) in cases {
            let site = looked(change);
            assert!(
                site.left_out.iter().any(|note| note.text.contains(words)),
                "{words}: {:?}",
                site.left_out
            );
        }
    }

    fn drop_all(fake: &Fake) {
        for path in ["/srv/www/index.html", "/srv/www/a/b.css", "/srv/www/a", "/srv/www"] {
            fake.remove(path);
        }
    }

    fn file_in_place(fake: &Fake) {
        drop_all(fake);
        fake.file("/srv/www", "");
    }

    #[test]
    fn a_folder_by_a_link_is_looked_through_where_it_lies() {
        let site = looked(|fake| {
            drop_all(fake);
            fake.link("/srv/www", "releases/1").file("/srv/releases/1/x.php", "");
        });
        assert!(site.left_out[0].text.contains("/srv/releases/1/x.php"), "{:?}", site.left_out);
    }

    #[test]
    fn overrides_are_told_and_what_they_guard_is_closed() {
        let site = looked(|fake| {
            fake.file("/srv/www/a/.htaccess", "# AuthType Basic\n\nHeader set X y\n");
            fake.file("/srv/www/b/.htaccess", "<IfModule x>\n Require all denied\n</IfModule>\n");
            fake.file("/srv/www/c/.htaccess", "RewriteRule ^ - [F]\n")
                .refuse("/srv/www/c/.htaccess", Refusal::Denied);
        });
        let closed: Vec<&str> = site.routes.iter().map(|route| route.path.as_str()).collect();
        assert_eq!(closed, ["/b/"]);
        assert!(site.notes.iter().any(|note| note.place.path.ends_with("a/.htaccess")));
        assert_eq!(site.left_out.len(), 1, "one cannot be read: {:?}", site.left_out);
    }

    #[test]
    fn names_of_programs_are_known_by_their_endings() {
        for name in ["a.php", "a.PHP5", "x/a.phtml", "a.cgi", "a.py", "a.jsp"] {
            assert!(is_program(Path::new(name)), "{name}");
        }
        for name in ["a.html", "php", "a.php.txt", "a.", ".php", "a.js"] {
            assert!(!is_program(Path::new(name)), "{name}");
        }
    }
}

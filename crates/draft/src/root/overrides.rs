//! Apache's `.htaccess` files: what they guard stays closed, and where they keep scripts from being run, none is.
//!
//! Invariant: a line counts as one that may keep somebody out unless it is known not to.

use super::whole;
use crate::pattern::{self, Runs};
use crate::site::Site;
use crate::words::is_path;
use burgrave_audit::Facts;
use burgrave_audit::facts::Line;
use std::path::{Path, PathBuf};

/// Files that are read.
const FILES_MAX: usize = 200;
/// Directives that keep nobody out.
const PLAIN: [&str; 19] = [
    "acceptpathinfo",
    "addcharset",
    "addencoding",
    "addtype",
    "adddefaultcharset",
    "defaulttype",
    "directoryindex",
    "errordocument",
    "expiresactive",
    "expiresbytype",
    "expiresdefault",
    "fileetag",
    "header",
    "options",
    "redirect",
    "redirectmatch",
    "rewritebase",
    "rewritecond",
    "rewriteengine",
];

/// Reads them all.
pub(super) fn read(facts: &Facts<'_>, files: &[PathBuf], root: &Path, site: &mut Site) {
    if files.len() > FILES_MAX {
        let place = whole(root);
        site.leave_out(&place, format!("it has more than {FILES_MAX} `.htaccess` files"));
        return;
    }
    for path in files {
        match facts.glance(path) {
            Ok(lines) => one(path, &lines.unwrap_or_default(), root, site),
            Err(blind) => site.leave_out(&whole(path), blind.why),
        }
    }
}

fn one(path: &Path, lines: &[Line], root: &Path, site: &mut Site) {
    let folder = path.parent().unwrap_or(root);
    let rest = folder.strip_prefix(root).ok().and_then(Path::to_str);
    let url = rest.map(|rest| if rest.is_empty() { "/".to_owned() } else { format!("/{rest}/") });
    let inner = url.as_deref().filter(|url| *url != "/" && is_path(url));
    let front = lines.iter().find(|line| is_front(line)).filter(|_| url.as_deref() == Some("/"));
    if let Some(front) = front {
        site.front = Some(("/index.php".to_owned(), front.place.clone()));
    }
    if let Some(folder) = inner.and_then(|url| url.strip_suffix('/'))
        && keeps_free(lines)
    {
        site.kept_free.push(folder.to_owned());
        return;
    }
    let decides = |line: &&Line| guards(line) && !(front.is_some() && is_front(line));
    let Some(line) = lines.iter().find(decides) else {
        site.note(&whole(path), "what else it says is not carried over");
        return;
    };
    let name = line.text.split_whitespace().next().unwrap_or_default();
    let text = format!("`{name}` may decide who comes in");
    match inner {
        Some(url) => {
            site.note(&line.place, format!("{text}: `{url}` is kept closed"));
            site.close(url, &line.place);
        }
        None => site.leave_out(&line.place, text),
    }
}

/// The words of a line, the first in lower case; none of an empty one, a comment, or the test of a module.
fn words(line: &Line) -> Vec<String> {
    let text = line.text.trim();
    let lower = text.to_ascii_lowercase();
    let is_test = lower.starts_with("<ifmodule") || lower.starts_with("</ifmodule");
    if text.starts_with('#') || is_test {
        return Vec::new();
    }
    let mut all: Vec<String> =
        text.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect();
    if let Some(first) = all.first_mut() {
        first.make_ascii_lowercase();
    }
    all
}

/// Whether a line may keep somebody out: all but those that are known not to.
fn guards(line: &Line) -> bool {
    let words = words(line);
    let Some(name) = words.first() else { return false };
    match name.as_str() {
        "rewriterule" => !is_harmless(&words),
        name => !name.starts_with("</") && !PLAIN.contains(&name),
    }
}

/// The flags of a `RewriteRule`.
fn flags(words: &[String]) -> Vec<String> {
    let text = words.get(3).map(|text| text.to_ascii_lowercase()).unwrap_or_default();
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    inner.split(',').filter(|flag| !flag.is_empty()).map(str::to_owned).collect()
}

/// A rule that changes nothing, sets the header of a sign-in for scripts, or sends the client elsewhere.
fn is_harmless(words: &[String]) -> bool {
    let to = words.get(2).map_or("", String::as_str);
    let flags = flags(words);
    let is_known = |flag: &String| {
        matches!(flag.as_str(), "l" | "last" | "nc" | "nocase" | "qsa" | "ne" | "end")
            || flag.starts_with("e=http_authorization:")
    };
    let sends = |flag: &String| {
        let status = flag.strip_prefix("r=").or_else(|| flag.strip_prefix("redirect="));
        matches!(flag.as_str(), "r" | "redirect")
            || status.is_some_and(|status| ["301", "302", "303", "307", "308"].contains(&status))
    };
    let is_whole = words.len() <= 4;
    is_whole
        && if to == "-" {
            flags.iter().all(is_known)
        } else {
            flags.iter().any(sends) && flags.iter().all(|flag| sends(flag) || is_known(flag))
        }
}

/// A rule by which `index.php` answers what is no file, as WordPress, Drupal and Laravel write it.
fn is_front(line: &Line) -> bool {
    let words = words(line);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let to = word(2).split('?').next().unwrap_or_default();
    word(0) == "rewriterule"
        && [".", "^", ".*", "^.*$", "^(.*)$", "(.*)", "^(.+)$"].contains(&word(1))
        && ["index.php", "/index.php", "index.php/$1", "/index.php/$1"].contains(&to)
        && words.len() <= 4
        && flags(&words)
            .iter()
            .all(|flag| matches!(flag.as_str(), "l" | "last" | "qsa" | "nc" | "end" | "ne"))
}

/// Whether a file does nothing but keep scripts from being run or reached.
fn keeps_free(lines: &[Line]) -> bool {
    let mut is_inside = false;
    let mut keeps = false;
    for line in lines {
        let words = words(line);
        let word =
            |at: usize| words.get(at).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        match (word(0).as_str(), is_inside) {
            ("", _) | ("order", true) => {}
            ("<files" | "<filesmatch", false) if is_of_scripts(&line.text) => is_inside = true,
            ("</files>" | "</filesmatch>", true) => is_inside = false,
            ("deny", true) if word(2) == "all" => keeps = true,
            ("require", true) if (word(1).as_str(), word(2).as_str()) == ("all", "denied") => {
                keeps = true;
            }
            ("php_flag" | "php_admin_flag", false) if word(1) == "engine" => {
                if word(2) != "off" {
                    return false;
                }
                keeps = true;
            }
            ("sethandler", false) if ["none", "default-handler"].contains(&word(1).as_str()) => {
                keeps = true;
            }
            ("removehandler" | "removetype", false) => {
                keeps |= words.iter().any(|word| word == ".php");
            }
            (name, false) if PLAIN.contains(&name) && !name.starts_with("rewrite") => {}
            _ => return false,
        }
    }
    keeps && !is_inside
}

/// Whether a section of files is of all scripts.
fn is_of_scripts(text: &str) -> bool {
    let inner = text.trim().trim_start_matches('<').trim_end_matches('>');
    let (kind, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let rest = rest.trim();
    let is_pattern = kind.eq_ignore_ascii_case("filesmatch") || rest.starts_with('~');
    let rest = rest.trim_start_matches('~').trim().trim_matches('"');
    if is_pattern { pattern::runs(rest) == Some(Runs::All) } else { rest == "*.php" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_audit::Ground;
    use burgrave_sys::Fake;

    const DENIED: &str = "Order allow,deny\nDeny from all\n";

    /// What becomes of a folder with such a file.
    fn of(path: &str, text: &str) -> Site {
        let fake = Fake::new();
        fake.file(path, text);
        let mut site = Site::new("apache", &whole(Path::new("/etc/apache2/a.conf")));
        let files = [PathBuf::from(path)];
        read(&Facts::new(&fake, Ground::Tree), &files, Path::new("/srv/www"), &mut site);
        site
    }

    #[test]
    fn front_controllers_are_known_as_their_makers_write_them() {
        let wordpress = "# BEGIN WordPress\n<IfModule mod_rewrite.c>\nRewriteEngine On\nRewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]\n\
            RewriteBase /\nRewriteRule ^index\\.php$ - [L]\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteCond %{REQUEST_FILENAME} !-d\n\
            RewriteRule . /index.php [L]\n</IfModule>\n";
        let laravel = "Options -MultiViews -Indexes\nRewriteEngine On\nRewriteCond %{REQUEST_URI} (.+)/$\nRewriteRule ^ %1 [L,R=301]\nRewriteRule ^ index.php [L]\n";
        for text in [wordpress, laravel] {
            let site = of("/srv/www/.htaccess", text);
            assert!(site.left_out.is_empty(), "{:?}", site.left_out);
            assert_eq!(site.front.map(|(script, _)| script).as_deref(), Some("/index.php"));
        }
        // Below the root it is another application's.
        let site = of("/srv/www/shop/.htaccess", wordpress);
        assert_eq!((site.front, site.routes.len()), (None, 1));
    }

    #[test]
    fn rules_that_refuse_or_change_paths_may_keep_somebody_out() {
        for rule in [
            "RewriteRule ^private - [F]",
            "RewriteRule ^private - [L,R=404]",
            "RewriteRule ^a$ /b [L]",
            "RewriteRule . /index.php [L,F]",
            "RewriteRule . /index.php [P]",
            "RewriteRule ^x$ http://127.0.0.1/ [P]",
            "RewriteRule ^ - [E=ROLE:guest]",
            "RewriteRule a b c d",
            "<If \"true\">",
            "php_value auto_prepend_file guard.php",
            "Require ip 10.0.0.0/8",
        ] {
            let site = of("/srv/www/.htaccess", rule);
            assert!(!site.left_out.is_empty(), "{rule}");
        }
    }

    #[test]
    fn folders_without_scripts_stay_such() {
        let files = format!("<Files *.php>\n{DENIED}</Files>\n");
        let pattern = "<FilesMatch \"\\.(php|phtml|phar)$\">\nRequire all denied\n</FilesMatch>\nOptions -Indexes\n";
        for text in [
            files.as_str(),
            pattern,
            "php_flag engine off\n",
            "SetHandler default-handler\n",
            "RemoveHandler .php .phtml\n",
        ] {
            let site = of("/srv/www/up/.htaccess", text);
            assert_eq!(site.kept_free, ["/up"], "{text}");
            assert!(site.routes.is_empty() && site.left_out.is_empty(), "{site:?}");
        }
        for text in [
            DENIED,
            "<Files *.php>\nDeny from all\n",
            "<Files secret.php>\nDeny from all\n</Files>\n",
            "php_flag engine on\nphp_flag engine off\n",
            "php_flag engine off\nAuthType Basic\n",
            "<Files *.php>\nRequire ip 10.0.0.0/8\n</Files>\n",
        ] {
            let site = of("/srv/www/up/.htaccess", text);
            assert!(site.kept_free.is_empty() && site.routes.len() == 1, "{text}: {site:?}");
        }
    }
}

//! Apache's handlers that hand scripts to PHP-FPM: which of them are one route of ours.
//!
//! Invariants: as of nginx's. Scripts that Apache runs within itself are run by nobody else, so a site with them is left
//! out when its folder is looked through.

use super::gate::gate;
use super::last_section;
use crate::pattern::{Runs, runs};
use crate::site::{Gate, Scripts, Site};
use crate::words::{authority, socket};
use burgrave_audit::facts::{ApacheBlock, ApacheDirective};
use std::path::Path;

/// `ProxyPassMatch` of all scripts.
const ALL: [&str; 6] = [
    "^/(.*\\.php(/.*)?)$",
    "^/(.*\\.php(?:/.*)?)$",
    "^/(.+\\.php(/.*)?)$",
    "^/(.*\\.php)$",
    "^/(.+\\.php)$",
    "^(/.*\\.php(/.*)?)$",
];

/// Takes over what runs the scripts of a host, if it is one server for all of them.
pub(super) fn take(
    main: Option<&ApacheBlock>,
    host: &ApacheBlock,
    inner: &[&ApacheBlock],
    site: &mut Site,
) {
    let Some(root) = site.root.clone() else { return };
    let mut found: Vec<(&ApacheDirective, String)> = Vec::new();
    for block in inner {
        let Some(handler) = block.last("sethandler") else { continue };
        let name = handler.first();
        if name.eq_ignore_ascii_case("application/x-httpd-php") && all_scripts(block, &root) {
            let text = "`SetHandler`: Apache runs the scripts within itself, and Burgrave hands them to PHP-FPM: install that first";
            site.note(&handler.place, text);
            if !found.is_empty() {
                site.leave_out(&handler.place, "two handlers for the same scripts");
            }
        } else if let Some(to) = name.strip_prefix("proxy:")
            && let Some(upstream) = upstream(to, None)
            && all_scripts(block, &root)
        {
            let mut notes = Vec::new();
            if !matches!(gate(&block.directives, &mut notes), None | Some(Gate::Open)) {
                site.leave_out(&handler.place, "its scripts are guarded otherwise than its files");
                site.left_out.append(&mut notes);
            }
            found.push((handler, upstream));
        }
    }
    for pass in host.directives.iter().filter(|d| d.name == "proxypassmatch") {
        if let Some(upstream) = matched(pass, &root) {
            found.push((pass, upstream));
        }
    }
    // One for all hosts counts less than one of its own; two of either kind are told apart by nobody.
    let Some((by, to)) = found.last().cloned() else { return };
    if found.iter().any(|(_, other)| *other != to) {
        site.leave_out(&by.place, "its scripts are run by more than one server");
        return;
    }
    let index = [Some(host), main].into_iter().flatten().find_map(|block| {
        let all = block.last("directoryindex")?;
        all.arguments.iter().find(|name| name.strip_suffix(".php").is_some_and(is_word)).cloned()
    });
    site.scripts = Some(Scripts {
        upstreams: vec![to],
        index: index.unwrap_or_else(|| "index.php".to_owned()),
        only: None,
        gate: site.gate.clone(),
        place: by.place.clone(),
        body_bytes: site.body_bytes,
    });
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a section is of all scripts of a site, wherever it stands.
fn all_scripts(block: &ApacheBlock, root: &Path) -> bool {
    let is_test = |section: &&String| !section.starts_with("virtualhost");
    let around: Vec<&String> = block.sections.iter().filter(is_test).collect();
    let covers = |section: &str| {
        let folder = section.strip_prefix("directory ").map(|path| path.trim().trim_matches('"'));
        folder.is_some_and(|folder| !folder.contains(['*', '?', '~']) && root.starts_with(folder))
    };
    match around.as_slice() {
        [_] => {}
        [outer, _] if covers(outer) => {}
        _ => return false,
    }
    let pattern = last_section(block, "filesmatch").map(|text| text.trim_matches('"'));
    pattern.is_some_and(|pattern| runs(pattern) == Some(Runs::All))
}

/// `unix:/run/php.sock|fcgi://localhost/` or `fcgi://127.0.0.1:9000`; with the folder that has to follow, where one has.
fn upstream(to: &str, root: Option<&Path>) -> Option<String> {
    let is_folder = |tail: &str| {
        let Some(root) = root else { return matches!(tail, "" | "/") };
        let named = tail.strip_suffix("$1").unwrap_or(tail).trim_end_matches('/');
        root.to_str().is_some_and(|root| root.trim_end_matches('/') == named)
    };
    let split = |rest: &str| {
        let at = rest.find('/').unwrap_or(rest.len());
        rest.split_at_checked(at).map(|(place, tail)| (place.to_owned(), tail.to_owned()))
    };
    if let Some(rest) = to.strip_prefix("unix:") {
        let (path, behind) = rest.split_once('|')?;
        let (_, tail) = split(behind.strip_prefix("fcgi://")?)?;
        let own = socket(path).filter(|_| is_folder(&tail))?;
        return Some(own.replacen("unix:", "fastcgi:", 1));
    }
    let (place, tail) = split(to.strip_prefix("fcgi://")?)?;
    let own = authority(&place, 9_000).filter(|_| is_folder(&tail))?;
    Some(format!("fastcgi://{own}"))
}

/// The server of a `ProxyPassMatch` that takes all scripts.
pub(super) fn matched(pass: &ApacheDirective, root: &Path) -> Option<String> {
    let [pattern, to, ..] = pass.arguments.as_slice() else { return None };
    ALL.contains(&pattern.as_str()).then(|| upstream(to, Some(root))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers_are_read_whole_or_not_at_all() {
        let root = Path::new("/srv/www");
        for (to, folder, wanted) in [
            ("unix:/run/php.sock|fcgi://localhost", None, Some("fastcgi:/run/php.sock")),
            ("unix:/run/php.sock|fcgi://localhost/", None, Some("fastcgi:/run/php.sock")),
            ("fcgi://127.0.0.1:9001", None, Some("fastcgi://127.0.0.1:9001")),
            ("fcgi://127.0.0.1:9001/srv/www/$1", Some(root), Some("fastcgi://127.0.0.1:9001")),
            ("unix:/run/php.sock|fcgi://x/srv/www/", Some(root), Some("fastcgi:/run/php.sock")),
            ("fcgi://127.0.0.1:9001/srv/other/$1", Some(root), None),
            ("fcgi://127.0.0.1:9001", Some(root), None),
            ("fcgi://127.0.0.1:9001/srv/www/", None, None),
            ("unix:/run/php.sock|http://localhost", None, None),
            ("unix:run.sock|fcgi://localhost", None, None),
            ("http://127.0.0.1:9001", None, None),
            ("fcgi://a b", None, None),
        ] {
            assert_eq!(upstream(to, folder).as_deref(), wanted, "{to}");
        }
    }
}

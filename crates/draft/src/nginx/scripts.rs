//! nginx's places that hand scripts to PHP: which of them are one route of ours.
//!
//! Invariants: what is run here was run there, by the same server and in the same folder; where nginx kept scripts from
//! being run, none is. Everything else leaves the site out.

use super::body_bytes;
use super::gate::gate;
use super::target::scripts;
use crate::pattern::Runs;
use crate::site::{Gate, Note, Scripts, Site};
use burgrave_audit::facts::{Directive, Server};
use std::path::Path;

/// What a script is told whatever is written, by the names of RFC 3875 and nginx's own files.
const TOLD: [&str; 23] = [
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "DOCUMENT_URI",
    "GATEWAY_INTERFACE",
    "HTTPS",
    "HTTP_HOST",
    "HTTP_PROXY",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "QUERY_STRING",
    "REDIRECT_STATUS",
    "REMOTE_PORT",
    "REQUEST_METHOD",
    "REQUEST_SCHEME",
    "REQUEST_URI",
    "SERVER_ADDR",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
    "SERVER_ADMIN",
    "SCRIPT_URL",
    "SCRIPT_URI",
];
/// What decides which script runs and who asks, in the spellings that mean what we do.
const EXACT: [(&str, &[&str]); 5] = [
    (
        "SCRIPT_FILENAME",
        &[
            "$document_root$fastcgi_script_name",
            "$document_root/$fastcgi_script_name",
            "$realpath_root$fastcgi_script_name",
            "$request_filename",
        ],
    ),
    ("SCRIPT_NAME", &["$fastcgi_script_name"]),
    ("DOCUMENT_ROOT", &["$document_root", "$realpath_root"]),
    ("REMOTE_ADDR", &["$remote_addr"]),
    ("REMOTE_USER", &["$remote_user"]),
];

/// Takes over a place that hands scripts on; `false` where it is none that can be said.
pub(super) fn take(
    server: Server<'_>,
    chain: &[&Directive],
    pass: &Directive,
    runs: &Runs,
    site: &mut Site,
) -> bool {
    let only = match runs {
        Runs::All => None,
        Runs::One(script) => Some(script.clone()),
        Runs::Sources | Runs::Below(_) => return false,
    };
    let is_plain = pass.name == "fastcgi_pass" && chain.len() == 3;
    let Some(location) = chain.last().filter(|_| is_plain) else { return false };
    if let Some(earlier) = &site.scripts
        && (earlier.only.is_some() || only.is_some())
    {
        site.leave_out(&location.place, "some of its scripts are run otherwise than the others");
        return true;
    }
    if site.scripts.is_some() || site.are_scripts_refused {
        // The first that fits takes the request there.
        site.note(&location.place, format!("`{}` is never reached", location.line()));
        return true;
    }
    let mut notes = Vec::new();
    let own = gate(chain, &mut notes);
    let root = Server::effective(chain, "root");
    let other = root.first().map(|root| Path::new(root.first()));
    if own == Gate::Closed {
        site.left_out.append(&mut notes);
        return false;
    }
    if let Some(note) = unlike(chain) {
        site.left_out.push(note);
        return true;
    }
    if other.is_some() && other != site.root.as_deref() {
        site.leave_out(&location.place, "its scripts lie in another folder than the site's files");
        return true;
    }
    match scripts(server, pass) {
        Ok(upstreams) => {
            site.scripts = Some(Scripts {
                upstreams,
                index: index(chain),
                only,
                gate: own,
                place: location.place.clone(),
                body_bytes: Some(body_bytes(chain)),
            });
        }
        Err(why) => site.leave_out(&pass.place, format!("`{}`: {why}", pass.name)),
    }
    true
}

/// What a script is told there and not by us: it may trust it.
fn unlike(chain: &[&Directive]) -> Option<Note> {
    let odd = Server::effective(chain, "fastcgi_param").into_iter().find(|param| {
        let value = param.arguments.get(1).map_or("", String::as_str);
        let exact = EXACT.iter().find(|(name, _)| *name == param.first());
        exact.map_or(!TOLD.contains(&param.first()), |(_, values)| !values.contains(&value))
    })?;
    // Its value may be a secret.
    let text = format!(
        "`fastcgi_param {}` is told to the scripts, which may rely on it: set it in PHP's pool (`env[…]`, `php_admin_value[…]`) if they do",
        odd.first()
    );
    Some(Note::at(&odd.place, text))
}

/// The script of a folder.
fn index(chain: &[&Directive]) -> String {
    let all = Server::effective(chain, "index");
    let named = all.iter().flat_map(|directive| &directive.arguments);
    named.into_iter().find(|name| is_script(name)).map_or("index.php".to_owned(), String::clone)
}

/// Whether a name can be the `index` of a route.
fn is_script(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.strip_suffix(".php").is_some_and(|rest| !rest.is_empty())
        && name.bytes().all(plain)
        && !name.starts_with('.')
}

/// What `try_files` ends in, if it is a script: its path, without what is told to it.
pub(super) fn front(last: &str) -> Option<&str> {
    let path = last.split(['?', '$']).next().unwrap_or_default();
    path.rsplit('/').next().is_some_and(is_script).then_some(path)
}

//! Who may come into a section of Apache's configuration.
//!
//! Invariants: rules that stand in `<RequireAny>` and its like or in `<If>` go together in ways that are not told
//! here, so such a section is closed unless it lets everybody in; a directive that is not known counts as a guard.

use crate::nginx::gate::is_usual_header;
use crate::site::{Gate, Note};
use crate::words::network;
use burgrave_audit::facts::ApacheDirective;

/// Those that ask for something before they let a client in.
const GUARDS: [&str; 22] = [
    "authbasicprovider",
    "authform",
    "authldapurl",
    "authmerging",
    "authname",
    "authtype",
    "authuserfile",
    "authz",
    "limitexcept",
    "luahookaccesschecker",
    "luahookauthchecker",
    "mellonenable",
    "oidcunauthaction",
    "qos_cliententrylimit",
    "qs_clienteventblockcount",
    "satisfy",
    "secruleengine",
    "shibrequestsetting",
    "sslrequire",
    "sslverifyclient",
    "sslverifydepth",
    "webauth",
];

/// What is read, or says how and not who.
const PLAIN: [&str; 66] = [
    "acceptpathinfo",
    "adddefaultcharset",
    "addcharset",
    "adddescription",
    "addencoding",
    "addhandler",
    "addicon",
    "addiconbyencoding",
    "addiconbytype",
    "addlanguage",
    "addoutputfilter",
    "addoutputfilterbytype",
    "addtype",
    "alias",
    "allowencodedslashes",
    "allowoverride",
    "allowoverridelist",
    "browsermatch",
    "bufferedlogs",
    "customlog",
    "defaulticon",
    "defaulttype",
    "deflatecompressionlevel",
    "directoryindex",
    "documentroot",
    "enablemmap",
    "enablesendfile",
    "errordocument",
    "errorlog",
    "errorlogformat",
    "expiresactive",
    "expiresbytype",
    "expiresdefault",
    "fileetag",
    "forcetype",
    "fallbackresource",
    "header",
    "headername",
    "hostnamelookups",
    "indexignore",
    "indexoptions",
    "keepalive",
    "keepalivetimeout",
    "languagepriority",
    "limitrequestbody",
    "loglevel",
    "options",
    "protocols",
    "readmename",
    "redirect",
    "redirectmatch",
    "redirectpermanent",
    "redirecttemp",
    "requestheader",
    "rewritecond",
    "rewriteengine",
    "rewriterule",
    "serveradmin",
    "serveralias",
    "servername",
    "serversignature",
    "setenv",
    "setenvif",
    "setoutputfilter",
    "timeout",
    "usecanonicalname",
];

/// Whole families of that kind.
const FAMILIES: [&str; 7] = ["proxy", "ssl", "h2", "deflate", "mime", "index", "scriptalias"];

/// Who may come in by these directives; `None` where they say nothing of it.
pub(super) fn gate(directives: &[ApacheDirective], notes: &mut Vec<Note>) -> Option<Gate> {
    let before = notes.len();
    for directive in directives {
        let name = directive.name.as_str();
        let is_off = matches!(directive.first().to_ascii_lowercase().as_str(), "off" | "none");
        let is_guard = GUARDS.contains(&name) && !is_off && name != "sslverifydepth";
        let header = directive.arguments.get(1).map_or("", String::as_str);
        if name == "requestheader" && !is_usual_header(header) {
            let text =
                format!("`{name}` sets or takes away `{header}`, which an application may trust");
            notes.push(Note::at(&directive.place, text));
        } else if is_guard || name == "rewriterule" && forbids(directive) {
            let text = format!("`{name}` asks before it lets a client in");
            notes.push(Note::at(&directive.place, text));
        } else if name == "accessfilename" && directive.line() != "accessfilename .htaccess" {
            let text = "its rules stand in files of another name than `.htaccess`";
            notes.push(Note::at(&directive.place, text));
        } else if !is_known(name) {
            let text = format!("`{name}` is not known here, and may keep somebody out");
            notes.push(Note::at(&directive.place, text));
        }
    }
    let listed = by_rules(directives, notes);
    if notes.len() > before { Some(Gate::Closed) } else { listed }
}

fn is_known(name: &str) -> bool {
    const RULES: [&str; 6] = ["require", "order", "allow", "deny", "sethandler", "accessfilename"];
    GUARDS.contains(&name)
        || RULES.contains(&name)
        || PLAIN.contains(&name)
        || name.starts_with('<')
        || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether a `RewriteRule` refuses, or passes on to another server.
fn forbids(rule: &ApacheDirective) -> bool {
    let flags = rule.arguments.get(2).map(|flags| flags.to_ascii_lowercase()).unwrap_or_default();
    let flags = flags.trim_start_matches('[').trim_end_matches(']');
    flags.split(',').any(|flag| {
        matches!(flag.trim(), "f" | "forbidden" | "g" | "gone" | "p" | "proxy")
            || flag.trim().starts_with("r=4")
    })
}

fn by_rules(directives: &[ApacheDirective], notes: &mut Vec<Note>) -> Option<Gate> {
    let rules: Vec<&ApacheDirective> = directives
        .iter()
        .filter(|d| matches!(d.name.as_str(), "require" | "allow" | "deny"))
        .collect();
    let first = rules.first()?;
    let is_open = |rule: &&&ApacheDirective| {
        let line = rule.line().to_ascii_lowercase();
        line == "require all granted" || line == "allow from all"
    };
    if rules.iter().all(|rule| is_open(&rule)) {
        return Some(Gate::Open);
    }
    let container = directives.iter().find(|d| d.name.starts_with("<require") || d.name == "<if>");
    if let Some(container) = container {
        notes.push(Note::at(&container.place, "rules stand in a section that weighs them"));
        return Some(Gate::Closed);
    }
    let mut networks = Vec::new();
    for rule in &rules {
        let Some(all) = places(rule) else {
            let text = format!("`{}` cannot be said by networks", rule.line());
            notes.push(Note::at(&rule.place, text));
            return Some(Gate::Closed);
        };
        networks.extend(all);
    }
    // `Allow from` counts only where everybody else is denied.
    let is_old = rules.iter().any(|rule| rule.name != "require");
    let denies = rules.iter().any(|rule| rule.line().eq_ignore_ascii_case("deny from all"));
    if networks.is_empty() || is_old && !denies {
        notes.push(Note::at(
            &first.place,
            format!("`{}` lets nobody in, or in no way that we can say", first.line()),
        ));
        return Some(Gate::Closed);
    }
    Some(Gate::Networks(networks))
}

/// The networks that a rule lets in; `None` where it says something else.
fn places(rule: &ApacheDirective) -> Option<Vec<String>> {
    let words: Vec<String> = rule.arguments.iter().map(|word| word.to_ascii_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (rule.name.as_str(), words.as_slice()) {
        ("deny", ["from", "all"]) => Some(Vec::new()),
        ("require", ["local"]) => Some(vec!["127.0.0.0/8".to_owned(), "::1".to_owned()]),
        ("require", ["ip", rest @ ..]) | ("allow", ["from", rest @ ..]) if !rest.is_empty() => {
            rest.iter().map(|word| network(word)).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_audit::{Facts, Ground};
    use burgrave_sys::Fake;

    fn of(text: &str) -> (Option<Gate>, usize) {
        let fake = Fake::new();
        fake.file("/etc/apache2/apache2.conf", format!("<Directory /srv>\n{text}\n</Directory>\n"));
        let facts = Facts::new(&fake, Ground::Tree);
        let blocks = facts.apache().as_ref().unwrap().as_ref().unwrap();
        let block = blocks.iter().find(|block| block.sections.len() == 1).unwrap();
        let mut notes = Vec::new();
        (gate(&block.directives, &mut notes), notes.len())
    }

    #[test]
    fn what_lets_networks_in_is_said_by_networks() {
        let networks =
            |all: &[&str]| Some(Gate::Networks(all.iter().map(|s| (*s).to_owned()).collect()));
        for (text, wanted) in [
            ("Options Indexes", None),
            ("Require all granted", Some(Gate::Open)),
            ("Order allow,deny\nAllow from all", Some(Gate::Open)),
            ("<IfModule x>\nRequire all granted\n</IfModule>", Some(Gate::Open)),
            ("Require ip 10.1.0.0/16 ::1", networks(&["10.1.0.0/16", "::1"])),
            ("Require local", networks(&["127.0.0.0/8", "::1"])),
            ("Require ip 10.0.0.1\nRequire local", networks(&["10.0.0.1", "127.0.0.0/8", "::1"])),
            ("Order deny,allow\nDeny from all\nAllow from 192.0.2.7", networks(&["192.0.2.7"])),
        ] {
            assert_eq!(of(text), (wanted, 0), "{text}");
        }
    }

    #[test]
    fn whatever_asks_otherwise_is_closed_and_told() {
        for text in [
            "Require all denied",
            "Require valid-user",
            "Require not ip 10.0.0.0/8\nRequire all granted",
            "Require host example.com",
            "Require ip 10.1",
            "<RequireAll>\nRequire ip 10.0.0.0/8\nRequire ip 10.1.0.0/16\n</RequireAll>",
            "<If \"x\">\nRequire ip 10.0.0.0/8\n</If>",
            "AuthType Basic",
            "SSLVerifyClient require",
            "Deny from 192.0.2.0/24\nAllow from all",
            "Allow from 192.0.2.7",
            "RewriteRule ^x - [F]",
            "Frobnicate On",
            "RequestHeader unset X-Admin",
            "AccessFileName .acl",
        ] {
            let (gate, notes) = of(text);
            assert!(gate == Some(Gate::Closed) && notes > 0, "{text}: {gate:?}");
        }
        assert_eq!(
            of("RequestHeader set X-Forwarded-Proto https\nAccessFileName .htaccess"),
            (None, 0)
        );
        assert_eq!(of("SSLVerifyClient none\nRewriteRule ^/a /b [L]"), (None, 0));
    }
}

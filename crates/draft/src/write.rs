//! The text of the draft: sections of our configuration with a comment for every line.
//!
//! Invariants: text of the host stands in strings or behind `#`, escaped; what is left out is written as a comment as a
//! whole, so that taking the marks away is a decision.

use crate::host::{Source, Suggested, Watched};
use crate::listen::Listeners;
use crate::site::{Certificate, Gate, Note, Route, Site, To};
use crate::words::{list, quoted, shown};
use std::net::SocketAddr;

/// Most letters of a comment's line.
const LINE_MAX: usize = 110;

/// A text that grows line by line.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// A line as it is.
    pub(crate) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.line("");
    }

    /// A comment, broken into lines.
    pub(crate) fn comment(&mut self, text: &str) {
        let mut line = String::from("#");
        for word in shown_long(text).split(' ').filter(|word| !word.is_empty()) {
            if line.chars().count() + 1 + word.chars().count() > LINE_MAX && line.len() > 1 {
                self.line(&line);
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    /// A heading.
    pub(crate) fn heading(&mut self, text: &str) {
        self.gap();
        let dashes = "-".repeat(LINE_MAX.saturating_sub(text.chars().count() + 3));
        self.line(&format!("# {text} {dashes}"));
        self.gap();
    }

    /// All lines behind `#`.
    pub(crate) fn as_comment(&mut self, other: &Self) {
        for line in other.0.lines() {
            self.line(format!("# {line}").trim_end());
        }
    }

    /// The whole.
    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// As [`shown`], for our own words with some of the host in them.
fn shown_long(text: &str) -> String {
    text.chars().take(2_000).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// A note with its place.
pub(crate) fn told(note: &Note) -> String {
    let path = shown(&note.place.path.to_string_lossy());
    let line = if note.place.line > 0 { format!(":{}", note.place.line) } else { String::new() };
    format!("{path}{line}: {}", shown(&note.text))
}

/// The sockets.
pub(crate) fn listeners(text: &mut Text, listeners: &Listeners, holders: &[String]) {
    text.heading("Listeners");
    for holder in holders {
        text.comment(holder);
    }
    let one = |text: &mut Text, address: &SocketAddr, about: &str| {
        text.line("[[listen]]");
        text.line(&format!("address = {}   # {about}", quoted(&address.to_string())));
    };
    for address in &listeners.tls {
        one(text, address, "where the sites with TLS are reached");
        text.line("tls = true   # HTTP/1.1, 2 and 3 over TLS 1.2 and 1.3");
        text.gap();
    }
    for address in &listeners.plain {
        let about = if listeners.tls.is_empty() {
            "where the sites are reached"
        } else {
            "clients of sites with TLS are sent to https"
        };
        one(text, address, about);
        text.gap();
    }
}

/// A site with all that is known of it, as it is or as a comment.
pub(crate) fn site(text: &mut Text, site: &Site) {
    let name = site.hosts.first().map_or("a site without a name", String::as_str);
    let place = told(&Note::at(&site.place, format!("{} site `{name}`", site.server)));
    text.comment(&place);
    if site.is_empty {
        text.comment("Serves nothing of its own, so it has no section here:");
    }
    if !site.left_out.is_empty() {
        text.comment("LEFT OUT, because it would become more open than it was, or cannot be said:");
    }
    for note in &site.left_out {
        text.comment(&format!("- {}", told(note)));
    }
    if !site.notes.is_empty() && site.left_out.is_empty() && !site.is_empty {
        text.comment("Not carried over as it stands there:");
    }
    for note in &site.notes {
        text.comment(&format!("- {}", told(note)));
    }
    if site.is_empty {
        text.gap();
        return;
    }
    let body = section(site);
    if site.left_out.is_empty() {
        text.0.push_str(&body.0);
    } else {
        text.as_comment(&body);
    }
    text.gap();
}

fn section(site: &Site) -> Text {
    let mut text = Text::default();
    text.line("[[site]]");
    let hosts = list(&site.hosts);
    text.line(&format!("hosts = {hosts}   # the names that it answers to; `\"*\"` is any"));
    match &site.certificate {
        Some(Certificate::Files { chain, key }) => {
            let (chain, key) = (chain.to_string_lossy(), key.to_string_lossy());
            text.comment(
                "Its certificate, chain first, and the key; both are taken anew when they change.",
            );
            let (chain, key) = (quoted(&chain), quoted(&key));
            text.line(&format!("tls = {{ certificate = {chain}, key = {key} }}"));
        }
        Some(Certificate::Made(why)) => {
            text.comment(&format!("No certificate could be taken over ({}): one is made, which browsers warn of. `\"acme\"` fetches one.", shown(why)));
            text.line("tls = \"self-signed\"");
        }
        None => {}
    }
    gate(&mut text, &site.gate);
    if let Some(root) = &site.root {
        let root = quoted(&root.to_string_lossy());
        let fallback = site.fallback.as_ref().map(|page| format!(", fallback = {}", quoted(page)));
        text.comment("Files for what no route takes; hidden files, backups and archives are never handed out.");
        text.line(&format!("files = {{ root = {root}{} }}", fallback.unwrap_or_default()));
    }
    limits(&mut text, site.body_bytes);
    for each in &site.routes {
        route(&mut text, site, each);
    }
    text
}

fn gate(text: &mut Text, gate: &Gate) {
    if let Gate::Networks(networks) = gate {
        let networks = list(networks);
        text.line(&format!(
            "access = {{ networks = {networks} }}   # as it was: from nowhere else"
        ));
    }
}

fn limits(text: &mut Text, bytes: Option<u64>) {
    match bytes {
        // No bound was set there; ours stays.
        None | Some(0) => {}
        Some(bytes) => {
            let bytes = bytes.min(1 << 40);
            text.line(&format!(
                "limits = {{ body_bytes = {} }}   # the largest body of a request",
                quoted(&size(bytes))
            ));
        }
    }
}

fn size(bytes: u64) -> String {
    for (unit, name) in [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    format!("{bytes}B")
}

fn route(text: &mut Text, site: &Site, route: &Route) {
    text.gap();
    let place = told(&Note::at(&route.place, String::new()));
    text.comment(&format!("From {}", place.trim_end_matches([':', ' '])));
    text.line("[[site.route]]");
    text.line(&format!("path = {}   # it and what is below it", quoted(&route.path)));
    match &route.to {
        To::Upstreams(all) => {
            text.line(&format!("upstream = {}   # who answers; shared out among them", list(all)));
            own(text, site, route);
        }
        To::Scripts { .. } => scripts(text, site, route),
        To::Nowhere => {
            text.comment("Kept closed: only this machine may ask, and nobody answers there.");
            text.line("upstream = [\"http://127.0.0.1:9\"]");
            text.line("access = { networks = [\"127.0.0.1\"] }");
        }
    }
}

fn scripts(text: &mut Text, site: &Site, route: &Route) {
    let To::Scripts { upstreams, index, front_controller, only, kept_free } = &route.to else {
        return;
    };
    text.line(&format!("upstream = {}   # who runs the scripts", list(upstreams)));
    if upstreams.iter().any(|own| own.starts_with("fastcgi:/") && !own.starts_with("fastcgi://")) {
        text.comment("The account that Burgrave runs as has to be let in to this socket: `listen.acl_users = burgrave` in PHP's pool.");
    }
    let what = if let Some(only) = only {
        &format!(
            "`{only}` alone is run; no other file that ends in `.php` is, nor is it handed out."
        )
    } else if *front_controller {
        "Files that end in `.php` are run, others are handed out, and the front controller answers the rest."
    } else {
        "Files that end in `.php` are run, others are handed out, and the rest is not found."
    };
    text.comment(what);
    let root = site.root.as_ref().map(|root| root.to_string_lossy().into_owned());
    let mut line = format!("fastcgi = {{ root = {}", quoted(&root.unwrap_or_default()));
    if index != "index.php" {
        line.push_str(&format!(", index = {}", quoted(index)));
    }
    line.push_str(", files = true");
    if !front_controller {
        line.push_str(", front_controller = false");
    }
    if let Some(only) = only {
        line.push_str(&format!(", only = [{}]", quoted(only)));
    }
    if !kept_free.is_empty() {
        line.push_str(&format!(", no_scripts = {}", list(kept_free)));
    }
    text.line(&format!("{line} }}"));
    own(text, site, route);
}

/// Who may come in and how much they may send, where that is not as of the site.
fn own(text: &mut Text, site: &Site, route: &Route) {
    match &route.gate {
        Gate::Networks(_) if route.gate != site.gate => gate(text, &route.gate),
        // The site's own networks would count for the route as well.
        Gate::Open if site.gate != Gate::Open => {
            text.comment(
                "It was open to anyone, and its site is not: it is as closed as the site.",
            );
        }
        Gate::Networks(_) | Gate::Open | Gate::Closed => {}
    }
    if route.body_bytes != site.body_bytes {
        limits(text, route.body_bytes);
    }
}

/// Logs that are watched.
pub(crate) fn watched(text: &mut Text, all: &[Watched]) {
    text.heading("Logs that are watched");
    if all.is_empty() {
        text.comment("No log of a service that is known was found; `docs/watch/services.md` lists those that are.");
    }
    for own in all {
        text.line("[[watch]]");
        text.line(&format!("service = {}   # {}", quoted(own.service), own.why));
        match own.source {
            Source::File(file) => text.line(&format!(
                "source = {{ file = {} }}   # followed through rotation",
                quoted(file)
            )),
            Source::Journal(unit) => text.line(&format!(
                "source = {{ journal = {} }}   # read from the journal",
                quoted(unit)
            )),
        }
        text.gap();
    }
}

/// Jobs that wait for a decision.
pub(crate) fn backups(text: &mut Text, all: &[Suggested]) {
    text.heading("Backups");
    text.comment("A job needs a repository away from this machine and a key, which only you can choose. Take the marks away when you have (docs/backups/start.md).");
    for own in all {
        text.gap();
        text.comment(&format!("For {}.", shown(&own.why)));
        text.line("# [[backup]]");
        text.line(&format!("# name = {}", quoted(&own.name)));
        text.line(&format!("# {}", own.source));
        text.line(&format!("# repository = \"sftp:backup@HOST:/backup/{}\"", own.name));
        text.line(&format!(
            "# key = \"/etc/burgrave/keys/{}\"   # a file with the repository's password",
            own.name
        ));
        text.line("# every = \"1d\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_comments_are_broken_and_stay_comments() {
        let mut text = Text::default();
        text.comment(&format!("{} a\nb", "word ".repeat(60)));
        let text = text.finish();
        assert!(
            text.lines().count() > 2 && text.lines().all(|line| line.starts_with("# ")),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= LINE_MAX));
    }

    #[test]
    fn sizes_are_told_in_whole_units() {
        for (bytes, wanted) in
            [(1 << 20, "1MiB"), (3 << 30, "3GiB"), (1_536, "1536B"), (2_048, "2KiB")]
        {
            assert_eq!(size(bytes), wanted);
        }
    }

    #[test]
    fn what_is_left_out_is_a_comment_line_by_line() {
        let (mut all, mut part) = (Text::default(), Text::default());
        part.line("[[site]]");
        part.gap();
        part.comment("why");
        all.as_comment(&part);
        assert_eq!(all.finish(), "# [[site]]\n#\n# # why\n");
    }
}

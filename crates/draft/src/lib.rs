//! Drafts a configuration from what is found on a host: sites of nginx and Apache, logs, databases, listeners.
//!
//! Facts in, text out. Invariants: reads the host by the audit's facts only and writes nothing; the text is a
//! configuration that is taken as it is; nothing in it is more open than it was on the host: what cannot be carried
//! over is kept closed or left out, and is told with its file and line.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

mod apache;
mod host;
mod listen;
mod nginx;
#[cfg(test)]
mod oracle;
mod pattern;
mod root;
mod site;
mod words;
mod write;

use burgrave_audit::Facts;
use burgrave_audit::facts::Blind;
use site::Site;
use std::collections::BTreeSet;
use write::Text;

/// What was drafted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The configuration.
    pub text: String,
    /// Sites that are in it.
    pub sites: usize,
    /// Sites that were left out, for the reasons that stand there.
    pub left_out: usize,
}

/// Sites of one draft.
const SITES_MAX: usize = 500;

/// Drafts a configuration.
pub fn draft(facts: &Facts<'_>) -> Draft {
    let mut notes = Vec::new();
    let mut sites = found(nginx::sites(facts), "nginx", &mut notes);
    sites.extend(found(apache::sites(facts), "Apache", &mut notes));
    if sites.len() > SITES_MAX {
        notes.push(format!(
            "{} sites are too many for one draft: the first {SITES_MAX} are here",
            sites.len()
        ));
        sites.truncate(SITES_MAX);
    }
    let listeners = listen::choose(&mut sites);
    one_site_a_name(&mut sites);
    let is_served = |site: &&Site| !site.is_empty && site.left_out.is_empty();
    let count = sites.iter().filter(is_served).count();
    let left_out = sites.iter().filter(|site| !site.left_out.is_empty() && !site.is_empty).count();
    let mut text = Text::default();
    head(&mut text, &notes);
    if count == 0 {
        nothing(&mut text);
    } else {
        let holders = holders(&sites);
        write::listeners(&mut text, &listeners, &holders);
    }
    sections(&mut text, facts);
    text.heading("Sites");
    if sites.is_empty() {
        text.comment("No site of nginx or Apache was found.");
        text.gap();
    }
    for site in &sites {
        write::site(&mut text, site);
    }
    if count == 0 {
        example(&mut text);
    }
    write::watched(&mut text, &host::watched(facts));
    write::backups(&mut text, &host::backups(facts, &sites));
    surroundings(&mut text, facts);
    Draft { text: text.finish(), sites: count, left_out }
}

fn found(sites: Result<Vec<Site>, Blind>, server: &str, notes: &mut Vec<String>) -> Vec<Site> {
    sites.unwrap_or_else(|blind| {
        notes.push(format!(
            "The configuration of {server} could not be read, so none of its sites is here: {}: {}",
            words::shown(&blind.what),
            words::shown(&blind.why)
        ));
        Vec::new()
    })
}

/// A name is one site's: that with TLS, else the first. A site that loses all its names is left out.
fn one_site_a_name(sites: &mut [Site]) {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for is_tls in [true, false] {
        for site in sites
            .iter_mut()
            .filter(|site| site.is_tls() == is_tls && !site.is_empty && site.left_out.is_empty())
        {
            let place = site.place.clone();
            let lost: Vec<String> =
                site.hosts.iter().filter(|host| taken.contains(*host)).cloned().collect();
            if lost.len() == site.hosts.len() {
                let text =
                    format!("another site above or with TLS has its names: {}", lost.join(", "));
                site.leave_out(&place, text);
                continue;
            }
            site.hosts.retain(|host| !taken.contains(host));
            for host in lost {
                site.note(&place, format!("another site has the name `{host}` already"));
            }
            taken.extend(site.hosts.iter().cloned());
        }
    }
}

fn head(text: &mut Text, notes: &[String]) {
    text.comment("burgrave.toml, drafted from what is on this machine. Nothing was changed, and nothing is in force.");
    text.comment("Read it, change it, then `burgrave check --config FILE` and `burgrave run --config FILE`. docs/configuration.md explains every key.");
    text.comment("Where a site says LEFT OUT or \"kept closed\", the other server asked something of its clients that could not be said here.");
    for note in notes {
        text.gap();
        text.comment(note);
    }
    text.gap();
    text.line("state = \"/var/lib/burgrave\"   # where Burgrave keeps what it makes, such as certificates");
}

/// Who holds the ports now.
fn holders(sites: &[Site]) -> Vec<String> {
    let servers: BTreeSet<&str> = sites.iter().map(|site| site.server).collect();
    let names: Vec<&str> = servers.into_iter().collect();
    vec![format!(
        "{} holds these ports now. Stop it before `burgrave run`, or let it listen on 127.0.0.1 and name it as `upstream`.",
        names.join(" and ")
    )]
}

fn nothing(text: &mut Text) {
    text.heading("Listeners");
    text.comment("No site could be carried over, so this listens on this machine alone.");
    text.line("[[listen]]");
    text.line("address = \"127.0.0.1:8080\"   # for the public: \"0.0.0.0:443\" with `tls = true`");
}

fn example(text: &mut Text) {
    text.comment("An example to begin with: an application that listens on this machine.");
    text.line("[[site]]");
    text.line("hosts = [\"localhost\"]   # the names that it answers to");
    text.gap();
    text.line("[[site.route]]");
    text.line("path = \"/\"   # everything");
    text.line("upstream = [\"http://127.0.0.1:3000\"]   # who answers");
    text.gap();
}

/// Sections that every deployment has.
fn sections(text: &mut Text, facts: &Facts<'_>) {
    text.heading("Rules, log, firewall");
    if facts.exists("/etc/burgrave/crs/crs-setup.conf") {
        text.comment("The Core Rule Set, read in this order.");
        text.line("[rules]");
        text.line(
            "include = [\"/etc/burgrave/crs/crs-setup.conf\", \"/etc/burgrave/crs/rules/*.conf\"]",
        );
        text.line("mode = \"detect\"   # only records; \"block\" refuses attacks");
    } else {
        text.comment("The rule engine needs a rule set: `burgrave rules update` takes a release of the OWASP Core Rule Set. Then take the marks away.");
        text.line("# [rules]");
        text.line("# include = [\"/etc/burgrave/crs/current/crs-setup.conf\", \"/etc/burgrave/crs/current/rules/*.conf\"]");
        text.line("# mode = \"detect\"");
    }
    text.gap();
    text.comment("One line for every request and every refusal. The folder has to be there.");
    text.line("# [log]");
    text.line("# access = \"/var/log/burgrave/access.ndjson\"");
    text.gap();
    let ports = host::openings(facts);
    let mut all: Vec<String> = ports.iter().map(|port| format!("{{ port = {port} }}")).collect();
    if all.is_empty() {
        all.push("{ port = 22, from = [\"192.0.2.0/24\"] }".to_owned());
    }
    text.comment("The firewall lets in the listeners above and what is named here, and nothing else. `burgrave firewall plan` shows what would change; an apply is on trial until it is confirmed. Name the networks that may reach each port.");
    text.line("# [firewall]");
    text.line("# enabled = true");
    text.line(&format!("# allow = [{}]", all.join(", ")));
}

/// What else is there, to be looked at.
fn surroundings(text: &mut Text, facts: &Facts<'_>) {
    text.heading("What listens on this machine");
    for line in host::listeners(facts) {
        text.comment(&line);
    }
    let units = host::units(facts);
    if !units.is_empty() {
        text.heading("Services of your own that start by themselves");
        for unit in units {
            text.comment(&unit);
        }
    }
}

#[cfg(test)]
mod tests;

//! From the text to the settings, in one pass.

use crate::acme::acme;
use crate::administrators::administrators;
use crate::alerts::alerts;
use crate::audit::audit;
use crate::backup::backups;
use crate::backup_keys::BACKUP;
use crate::bans::bans;
use crate::checks;
use crate::error::{ConfigError, ConfigErrors};
use crate::firewall::firewall;
use crate::keys::{LIMITS, LISTEN, LOG, METRICS, ROOT, RULES, SITE, STATE, USER, WATCH};
use crate::place::Lines;
use crate::sections::{ListenDraft, global_limits, listen, log, rules};
use crate::settings::{Access, Settings};
use crate::sink::{Sink, Spot};
use crate::sites::{Inherited, SiteDraft, site};
use crate::streams::streams;
use crate::table::Table;
use crate::watches;
use std::path::PathBuf;
use toml::de::DeTable;

/// The longest text that is read, in bytes. Its nesting is bounded by the TOML parser.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Reads a configuration. The error holds everything that is wrong with it.
pub fn parse(text: &str) -> Result<Settings, ConfigErrors> {
    if text.len() > TEXT_BYTES_MAX {
        let error = ConfigError {
            place: Lines::new("").place(&(0..0)),
            path: String::new(),
            message: format!("the configuration has {} bytes", text.len()),
            allowed: Some(format!("at most {TEXT_BYTES_MAX} bytes")),
            nearest: None,
        };
        return Err(ConfigErrors { errors: vec![error], more: 0 });
    }
    let mut sink = Sink::new(text);
    let (document, faults) = DeTable::parse_recoverable(text);
    for fault in faults {
        let span = fault.span().unwrap_or(text.len()..text.len());
        sink.syntax(span, fault.message());
    }
    let root = Table::open(document.get_ref(), Spot::default(), &ROOT, &mut sink);
    let settings = read(&root, &mut sink);
    sink.into_errors().map_or(Ok(settings), Err)
}

fn read(root: &Table<'_, '_>, sink: &mut Sink<'_>) -> Settings {
    let mut settings = Settings::new(PathBuf::from("/var/lib/burgrave"));
    if let Some(state) = root.get(&STATE, sink) {
        settings.state = state;
    }
    settings.user = root.get(&USER, sink);
    let metrics = root.located(&METRICS, sink);
    if let Some(limits) = root.table(&LIMITS, sink) {
        settings.limits = global_limits(&limits, sink);
    }
    settings.rules = root.table(&RULES, sink).map(|table| rules(&table, sink));
    settings.log = root.table(&LOG, sink).map(|table| log(&table, sink)).unwrap_or_default();
    settings.firewall = firewall(root, sink);
    settings.bans = bans(root, sink);
    settings.audit = audit(root, sink);
    let has_log = settings.log.access.is_some();
    let watched = root.tables(&WATCH, sink);
    settings.watch = watches::watches(&watched, has_log, sink);
    settings.administrators = administrators(root, !watched.is_empty(), sink);
    settings.backups = backups(root, &settings.state, sink);
    settings.alerts = alerts(root, sink);
    // A machine that only keeps backups serves nothing.
    let is_alone = root.has(&BACKUP) && !root.has(&LISTEN) && !root.has(&SITE);
    let listeners = if is_alone { Vec::new() } else { root.needed_tables(&LISTEN, sink) };
    let listeners: Vec<ListenDraft> = listeners.iter().map(|table| listen(table, sink)).collect();
    let sites = if is_alone { Vec::new() } else { root.needed_tables(&SITE, sink) };
    let anyone = Access::default();
    let inherited = Inherited {
        limits: &settings.limits,
        access: &anyone,
        files: None,
        has_rules: root.has(&RULES),
    };
    let sites: Vec<SiteDraft> = sites.iter().map(|table| site(table, inherited, sink)).collect();
    checks::whole(&listeners, &sites, sink);
    settings.acme = acme(root, &listeners, &sites, sink);
    settings.listeners = listeners.iter().filter_map(ListenDraft::finish).collect();
    settings.metrics = metrics.map(|metrics| {
        checks::for_operators(&metrics, &settings.addresses(), sink);
        metrics.value
    });
    streams(root, &mut settings, sink);
    settings.sites = sites.into_iter().map(SiteDraft::finish).collect();
    settings
}

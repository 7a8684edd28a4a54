//! Reads the sections of the whole server: listeners, rules, limits, log.

use crate::keys::{
    ACCESS, ADDRESS, BODY_BYTES, BODY_TIME, BUDGET, CONNECT_TIME, CONNECTIONS,
    CONNECTIONS_PER_CLIENT, DECODE, HEADER_BYTES, HEADER_COUNT, HEADER_TIME, IDLE_TIME, INCLUDE,
    LISTEN_TLS, LOG_HEADERS, PROFILE, RATE_MIN, REDIRECT, REQUEST_BODY, RESPONSE_BODY, RULES_MODE,
    UPSTREAM_TIME,
};
use crate::kinds::{Count, Size, Span};
use crate::settings::{Limits, Listen, Log, Rules};
use crate::sink::{Located, Sink};
use crate::table::{Key, Table};
use std::net::SocketAddr;
use std::time::Duration;

/// A listener as far as it could be read.
pub(crate) struct ListenDraft {
    pub(crate) address: Option<Located<SocketAddr>>,
    /// `None`: written, but wrong.
    pub(crate) tls: Option<bool>,
    pub(crate) redirect: bool,
}

pub(crate) fn listen(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> ListenDraft {
    let address = table.needed(&ADDRESS, sink);
    let tls = table.get(&LISTEN_TLS, sink);
    let redirect = table.located(&REDIRECT, sink);
    if let (Some(true), Some(redirect)) = (tls, &redirect) {
        let message = "`redirect` says nothing of a listener with TLS: remove it";
        sink.wrong(&redirect.spot, message, None);
    }
    let written = table.has(&LISTEN_TLS);
    ListenDraft {
        address,
        tls: tls.or((!written).then_some(false)),
        redirect: redirect.is_none_or(|redirect| redirect.value),
    }
}

impl ListenDraft {
    /// The listener, if everything of it could be read.
    pub(crate) fn finish(&self) -> Option<Listen> {
        let address = self.address.as_ref()?.value;
        Some(Listen { address, tls: self.tls?, redirect: self.redirect })
    }
}

pub(crate) fn rules(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Rules {
    let include = table.needed(&INCLUDE, sink).map(|include| include.value).unwrap_or_default();
    let (Some(()) | None, Some(()) | None) = (table.get(&DECODE, sink), table.get(&PROFILE, sink));
    Rules {
        include: include.into_iter().map(|file| file.value).collect(),
        mode: table.get(&RULES_MODE, sink),
        request_body: table.get(&REQUEST_BODY, sink),
        response_body: table.get(&RESPONSE_BODY, sink),
        budget: table.get(&BUDGET, sink).unwrap_or(Duration::from_millis(500)),
    }
}

pub(crate) fn log(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Log {
    let mut log = Log { access: table.get(&ACCESS, sink), headers: Vec::new() };
    for header in table.get(&LOG_HEADERS, sink).unwrap_or_default() {
        if log.headers.contains(&header.value) {
            let message = format!("`{}` is named twice", header.value);
            sink.wrong(&header.spot, message, None);
        }
        log.headers.push(header.value);
    }
    log
}

/// The limits of the whole server, over the defaults.
pub(crate) fn global_limits(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Limits {
    let mut limits = own_limits(table, &Limits::default(), sink);
    let mut reader = LimitReader { table, sink };
    reader.time(&HEADER_TIME, &mut limits.header_time);
    reader.time(&IDLE_TIME, &mut limits.idle_time);
    reader.count(&HEADER_COUNT, &mut limits.header_count);
    reader.count(&CONNECTIONS_PER_CLIENT, &mut limits.connections_per_client);
    reader.count(&CONNECTIONS, &mut limits.connections);
    if let Some(bytes) = table.get(&HEADER_BYTES, sink) {
        limits.header_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    limits
}

/// The limits that a site or a route may set, over those that it inherits.
pub(crate) fn own_limits(table: &Table<'_, '_>, base: &Limits, sink: &mut Sink<'_>) -> Limits {
    let mut limits = base.clone();
    let mut reader = LimitReader { table, sink };
    reader.time(&BODY_TIME, &mut limits.body_time);
    reader.time(&CONNECT_TIME, &mut limits.connect_time);
    reader.time(&UPSTREAM_TIME, &mut limits.upstream_time);
    reader.size(&BODY_BYTES, &mut limits.body_bytes);
    reader.size(&RATE_MIN, &mut limits.rate_min);
    limits
}

struct LimitReader<'r, 't, 'i, 's> {
    table: &'r Table<'t, 'i>,
    sink: &'r mut Sink<'s>,
}

impl LimitReader<'_, '_, '_, '_> {
    fn time(&mut self, key: &Key<Span>, into: &mut Duration) {
        if let Some(time) = self.table.get(key, self.sink) {
            *into = time;
        }
    }

    fn size(&mut self, key: &Key<Size>, into: &mut u64) {
        if let Some(size) = self.table.get(key, self.sink) {
            *into = size;
        }
    }

    fn count(&mut self, key: &Key<Count>, into: &mut usize) {
        if let Some(count) = self.table.get(key, self.sink) {
            *into = usize::try_from(count).unwrap_or(usize::MAX);
        }
    }
}

//! Reads the sections of the whole server: listeners, rules, limits, log.

use crate::defence::{CONNECTIONS_PER_NETWORK, DELAY};
use crate::keys::{
    ACCESS, ADDRESS, APPLICATION, BLOCK_LISTS, BODY_BYTES, BODY_TIME, BUDGET, CONNECT_TIME,
    CONNECTIONS, CONNECTIONS_PER_CLIENT, DECODE, ENFORCE, EXTRA, HEADER_BYTES, HEADER_COUNT,
    HEADER_TIME, HTTP3, IDLE_TIME, INCLUDE, LISTEN_TLS, LOG_HEADERS, PROFILE, PROXY_PROTOCOL,
    RATE_MIN, REDIRECT, REQUEST_BODY, RESPONSE_BODY, RULES_MODE, UPSTREAM_TIME,
};
use crate::kinds::{Count, Size, Span};
use crate::log_keys::rotate;
use crate::log_settings::Log;
use crate::settings::{Limits, Listen, Network, Rules};
use crate::ship::ship;
use crate::sink::{Located, Sink};
use crate::table::{Key, Table};
use burgrave_model::Profile;
use std::net::SocketAddr;
use std::time::Duration;

/// A listener as far as it could be read.
pub(crate) struct ListenDraft {
    pub(crate) address: Option<Located<SocketAddr>>,
    /// `None`: written, but wrong.
    pub(crate) tls: Option<bool>,
    pub(crate) redirect: bool,
    pub(crate) http3: bool,
    pub(crate) proxy_protocol: Vec<Network>,
}

pub(crate) fn listen(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> ListenDraft {
    let address = table.needed(&ADDRESS, sink);
    let tls = table.get(&LISTEN_TLS, sink);
    let redirect = table.located(&REDIRECT, sink);
    if let (Some(true), Some(redirect)) = (tls, &redirect) {
        let message = "`redirect` says nothing of a listener with TLS: remove it";
        sink.wrong(&redirect.spot, message, None);
    }
    let proxy_protocol = table.get(&PROXY_PROTOCOL, sink).unwrap_or_default();
    let http3 = http3(table, tls, !proxy_protocol.is_empty(), sink);
    let written = table.has(&LISTEN_TLS);
    ListenDraft {
        address,
        tls: tls.or((!written).then_some(false)),
        redirect: redirect.is_none_or(|redirect| redirect.value),
        http3,
        proxy_protocol: proxy_protocol.into_iter().map(|network| network.value).collect(),
    }
}

/// Whether a listener speaks HTTP/3; where it is asked to and cannot, that is an error.
fn http3(table: &Table<'_, '_>, tls: Option<bool>, announced: bool, sink: &mut Sink<'_>) -> bool {
    let asked = table.located(&HTTP3, sink);
    let able = tls == Some(true) && !announced;
    if let Some(asked) = asked.as_ref().filter(|asked| asked.value && !able) {
        let message = if announced {
            "`http3` does not go with `proxy_protocol`: load balancers announce clients over TCP only"
        } else {
            "`http3` needs `tls = true`"
        };
        sink.wrong(&asked.spot, message, None);
    }
    able && asked.is_none_or(|asked| asked.value)
}

impl ListenDraft {
    /// The listener, if everything of it could be read.
    pub(crate) fn finish(&self) -> Option<Listen> {
        let address = self.address.as_ref()?.value;
        let proxy_protocol = self.proxy_protocol.clone();
        let (redirect, http3) = (self.redirect, self.http3);
        Some(Listen { address, tls: self.tls?, redirect, http3, proxy_protocol })
    }
}

pub(crate) fn rules(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Rules {
    let include = table.needed(&INCLUDE, sink).map(|include| include.value).unwrap_or_default();
    let extra = table.get(&EXTRA, sink).unwrap_or(true);
    Rules {
        include: include.into_iter().map(|file| file.value).collect(),
        mode: table.get(&RULES_MODE, sink),
        request_body: table.get(&REQUEST_BODY, sink),
        response_body: table.get(&RESPONSE_BODY, sink),
        budget: table.get(&BUDGET, sink).unwrap_or(Duration::from_millis(500)),
        decode: table.get(&DECODE, sink).unwrap_or(true),
        profile: table.get(&PROFILE, sink).unwrap_or(Profile::Trading),
        extra,
        application: table.get(&APPLICATION, sink),
        enforce: enforce(table, extra, sink),
        block_lists: table.get(&BLOCK_LISTS, sink).unwrap_or(false),
    }
}

/// It is one of the rules of our own, about what the profile says: without either it would do nothing.
fn enforce(table: &Table<'_, '_>, extra: bool, sink: &mut Sink<'_>) -> bool {
    let Some(asked) = table.located(&ENFORCE, sink).filter(|asked| asked.value) else {
        return false;
    };
    if !table.has(&APPLICATION) {
        sink.wrong(&asked.spot, "`enforce` needs an `application`", None);
    } else if !extra {
        sink.wrong(&asked.spot, "`enforce` needs `extra`, of which its rule is one", None);
    }
    true
}

pub(crate) fn log(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Log {
    let access = table.get(&ACCESS, sink);
    let ship = ship(table, table.has(&ACCESS), sink);
    let mut log = Log { access, rotate: rotate(table, sink), headers: Vec::new(), ship };
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
    reader.count(&CONNECTIONS_PER_NETWORK, &mut limits.connections_per_network);
    reader.time(&DELAY, &mut limits.delay);
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

#[cfg(test)]
mod tests {
    use crate::settings::{Limits, Settings};
    use crate::{ConfigErrors, parse};
    use std::time::Duration;

    const SITE: &str = "[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";
    const LISTEN: &str = "[[listen]]\naddress = \"127.0.0.1:80\"\n";

    fn read(text: &str) -> Result<Settings, ConfigErrors> {
        parse(&format!("{text}\n{SITE}"))
    }

    /// The message and path of the only error.
    fn only_error(text: &str) -> (String, String) {
        let mut errors = read(text).unwrap_err().errors;
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        let error = errors.remove(0);
        (error.message, error.path)
    }

    #[test]
    fn listeners_are_plain_and_redirect_by_default() {
        let settings = read(LISTEN).unwrap();
        let listener = &settings.listeners[0];
        assert_eq!((listener.tls, listener.redirect), (false, true));
        let off = read(&format!("{LISTEN}redirect = false\n")).unwrap();
        assert!(!off.listeners[0].redirect);
        let plain = read(&format!("{LISTEN}tls = false\nredirect = true\n")).unwrap();
        assert_eq!(plain.listeners, settings.listeners);
    }

    #[test]
    fn a_listener_that_is_half_wrong_says_only_that() {
        for (text, message, path) in [
            ("[[listen]]\n", "`listen[0]` has no `address`", "listen[0]"),
            (
                "[[listen]]\naddress = 1\n",
                "`address` cannot be the integer `1`",
                "listen[0].address",
            ),
            (
                "[[listen]]\naddress = \"[::]:1\"\ntls = 1\n",
                "`tls` cannot be the integer `1`",
                "listen[0].tls",
            ),
            ("listen = []\n", "the configuration has no `listen`", ""),
            ("", "the configuration has no `listen`", ""),
            ("listen = 5\n", "`listen` cannot be the integer `5`", "listen"),
            ("listen = [5]\n", "`listen[0]` cannot be the integer `5`", "listen[0]"),
        ] {
            assert_eq!(only_error(text), (message.to_owned(), path.to_owned()), "{text}");
        }
    }

    #[test]
    fn without_rules_there_is_no_engine() {
        assert_eq!(read(LISTEN).unwrap().rules, None);
        let rules = read(&format!("{LISTEN}[rules]\ninclude = [\"/a\", \"/b/*.conf\"]\n"));
        let rules = rules.unwrap().rules.unwrap();
        let files: Vec<_> = rules.include.iter().filter_map(|file| file.to_str()).collect();
        assert_eq!(files, ["/a", "/b/*.conf"], "in the order written");
        assert_eq!((rules.mode, rules.request_body, rules.response_body), (None, None, None));
        assert_eq!(rules.budget, Duration::from_millis(500));
        let (message, path) = only_error(&format!("{LISTEN}[rules]\nmode = \"block\"\n"));
        assert_eq!((message.as_str(), path.as_str()), ("`rules` has no `include`", "rules"));
    }

    #[test]
    fn every_global_limit_reaches_its_field() {
        let settings = read(&format!(
            "{LISTEN}[limits]\nheader_time = \"1s\"\nbody_time = \"2s\"\nbody_bytes = \"3KiB\"\n\
             header_bytes = \"4KiB\"\nheader_count = 5\nrate_min = 6\nconnections_per_client = 7\n\
             connections = 8\nidle_time = \"9s\"\nupstream_time = \"10s\"\nconnect_time = \"11s\"\n\
             connections_per_network = 12\ndelay = \"13ms\"\n"
        ));
        let expected = Limits {
            header_time: Duration::from_secs(1),
            body_time: Duration::from_secs(2),
            body_bytes: 3 * 1024,
            header_bytes: 4 * 1024,
            header_count: 5,
            rate_min: 6,
            connections_per_client: 7,
            connections_per_network: 12,
            delay: Duration::from_millis(13),
            connections: 8,
            idle_time: Duration::from_secs(9),
            upstream_time: Duration::from_secs(10),
            connect_time: Duration::from_secs(11),
        };
        let settings = settings.unwrap();
        assert_eq!(settings.limits, expected);
        assert_eq!(settings.sites[0].limits, expected, "a site takes them over");
    }

    #[test]
    fn the_log_names_each_header_once() {
        let log = read(&format!("{LISTEN}[log]\naccess = \"/l\"\nheaders = [\"X-A\", \"x-b\"]\n"));
        assert_eq!(log.unwrap().log.headers, ["x-a", "x-b"]);
        let twice = format!("{LISTEN}[log]\nheaders = [\"x-a\", \"X-A\"]\n");
        assert_eq!(only_error(&twice).0, "`x-a` is named twice");
        assert_eq!(read(LISTEN).unwrap().log, crate::log_settings::Log::default());
    }
}

//! Reads `[[watch]]`: the logs that are watched, and when their clients are banned.

use crate::error::quoted;
use crate::keys::{
    AFTER, BAN, FILTER, FOR, SERVICE, SILENT_AFTER, SOURCE, SOURCE_CERTIFICATE, SOURCE_CLIENT_CA,
    SOURCE_FILE, SOURCE_GATEWAY, SOURCE_JOURNAL, SOURCE_KEY, SOURCE_NFLOG, SOURCE_SECTION,
    SOURCE_SYSLOG, STRICT, WITHIN,
};
use crate::kinds::{Kind, Words, refuse, text};
use crate::names;
use crate::nearest::nearest;
use crate::sink::{Sink, Spot};
use crate::table::{Section, Table};
use crate::watch_settings::{Ban, Format, Source, Syslog, SyslogTls, Watch};
use std::net::SocketAddr;
use std::time::Duration;
use toml::de::DeValue;

/// How long a log may be silent.
const SILENT_DEFAULT: Duration = Duration::from_hours(24);

/// The name of a service whose logs are understood.
pub(crate) struct ServiceName;

impl Words for ServiceName {
    fn words(&self) -> String {
        "the name of a service, such as `\"sshd\"` or `\"nginx-http-auth\"`".to_owned()
    }
}

impl Kind for ServiceName {
    type Value = &'static str;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<&'static str> {
        let name = text(self, value, spot, sink)?;
        let found = burgrave_watch::by_name(name).map(|service| service.name);
        if found.is_none() {
            let like = nearest(name, burgrave_watch::all().map(|service| service.name));
            let like = like.map(|like| format!(" (did you mean `{like}`?)")).unwrap_or_default();
            let message = format!("no service is called {}{like}", quoted(name));
            sink.wrong(spot, message, self.words());
        }
        found
    }
}

/// Where a log comes from: a table with exactly one key.
pub(crate) struct SourceOf;

impl Words for SourceOf {
    fn words(&self) -> String {
        "`{ file = \"/…\" }`, `{ journal = \"ssh.service\" }`, `{ syslog = \"udp://127.0.0.1:5514\" }`, `{ nflog = 5 }` or `{ gateway = true }`"
            .to_owned()
    }

    fn nested(&self) -> Option<&'static Section> {
        Some(&SOURCE_SECTION)
    }
}

impl Kind for SourceOf {
    type Value = Source;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<Source> {
        let DeValue::Table(inner) = value else {
            refuse(self, value, spot, sink);
            return None;
        };
        let table = Table::open(inner, spot.clone(), &SOURCE_SECTION, sink);
        let file = table.get(&SOURCE_FILE, sink).map(Source::File);
        let journal = table.get(&SOURCE_JOURNAL, sink).map(Source::Journal);
        let syslog = syslog(&table, spot, sink);
        let group = table.get(&SOURCE_NFLOG, sink).and_then(|group| u16::try_from(group).ok());
        let nflog = group.map(Source::Nflog);
        let gateway = table.located(&SOURCE_GATEWAY, sink);
        if let Some(off) = gateway.as_ref().filter(|gateway| !gateway.value) {
            let message = "`gateway = false` names no source: remove it";
            sink.wrong(&off.spot, message, self.words());
            return None;
        }
        let written = [
            table.has(&SOURCE_FILE),
            table.has(&SOURCE_JOURNAL),
            table.has(&SOURCE_SYSLOG),
            table.has(&SOURCE_NFLOG),
            table.has(&SOURCE_GATEWAY),
        ];
        let count = written.iter().filter(|written| **written).count();
        if count != 1 {
            let message = format!("`source` names {count} sources, and has to name one");
            sink.wrong(spot, message, self.words());
            return None;
        }
        file.or(journal).or(syslog).or(nflog).or_else(|| gateway.map(|_| Source::Gateway))
    }
}

/// A socket of syslog as its address says it.
#[derive(Clone, Debug)]
pub(crate) enum SyslogAt {
    /// All that is to be known.
    Plain(Syslog),
    /// Over TLS, by certificates that stand beside it.
    Tls(SocketAddr),
}

pub(crate) fn syslog_at(text: &str) -> Result<SyslogAt, &'static str> {
    match text.strip_prefix("tls://") {
        Some(rest) => {
            rest.parse().map(SyslogAt::Tls).map_err(|_bad| "this is no address with a port")
        }
        None => names::syslog(text).map(SyslogAt::Plain),
    }
}

/// The socket, with its certificates where it is one that needs them.
fn syslog(table: &Table<'_, '_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<Source> {
    let at = table.get(&SOURCE_SYSLOG, sink);
    let keys = [&SOURCE_CERTIFICATE, &SOURCE_KEY, &SOURCE_CLIENT_CA];
    let files = keys.map(|key| table.get(key, sink));
    let written = keys.map(|key| table.has(key));
    match (at, files) {
        (Some(SyslogAt::Tls(address)), [Some(certificate), Some(key), Some(client_ca)]) => {
            Some(Source::SyslogTls(SyslogTls { address, certificate, key, client_ca }))
        }
        (Some(SyslogAt::Tls(_)), _) => {
            if written != [true; 3] {
                let message = "`tls://` needs `certificate`, `key` and `client_ca`";
                sink.wrong(spot, message, SourceOf.words());
            }
            None
        }
        (at, _) => {
            if written != [false; 3] && (at.is_some() || !table.has(&SOURCE_SYSLOG)) {
                let message =
                    "`certificate`, `key` and `client_ca` belong to `syslog` with `tls://`";
                sink.wrong(spot, message, SourceOf.words());
            }
            match at {
                Some(SyslogAt::Plain(syslog)) => Some(Source::Syslog(syslog)),
                Some(SyslogAt::Tls(_)) | None => None,
            }
        }
    }
}

/// Every log of which everything could be read. `has_log`: whether the gateway writes an access log.
pub(crate) fn watches(tables: &[Table<'_, '_>], has_log: bool, sink: &mut Sink<'_>) -> Vec<Watch> {
    let mut all: Vec<Watch> = Vec::new();
    for table in tables {
        let one = watch(table, has_log, &all, sink);
        all.extend(one);
    }
    all
}

fn watch(
    table: &Table<'_, '_>,
    has_log: bool,
    before: &[Watch],
    sink: &mut Sink<'_>,
) -> Option<Watch> {
    let format = format(table, sink);
    let source = table.needed(&SOURCE, sink);
    let is_strict = table.get(&STRICT, sink).unwrap_or(false);
    let silent_after = table.get(&SILENT_AFTER, sink).unwrap_or(SILENT_DEFAULT);
    let ban = table.table(&BAN, sink).map(|table| ban(&table, sink)).unwrap_or_default();
    let (format, source) = (format?, source?);
    if source.value == Source::Gateway && format != Format::Service("gateway") {
        let message = "the gateway's own events are those of the service `gateway`";
        sink.wrong(&source.spot, message, None);
        return None;
    }
    let why = match &source.value {
        Source::Gateway if has_log => None,
        Source::Gateway => {
            Some("the gateway's own events come by its access log: set `access` in `[log]`")
        }
        Source::Syslog(Syslog::Udp(address) | Syslog::Tcp(address))
            if !address.ip().is_loopback() || address.port() == 0 =>
        {
            Some("whoever may send here can have anybody banned: only loopback addresses are taken")
        }
        Source::SyslogTls(tls) if tls.address.port() == 0 => {
            Some("nobody knows where to send to without a port")
        }
        Source::Nflog(_) if before.iter().any(|other| other.source == source.value) => {
            Some("this group is watched already, and the kernel gives its packets to one reader")
        }
        Source::File(_)
        | Source::Journal(_)
        | Source::Syslog(_)
        | Source::SyslogTls(_)
        | Source::Nflog(_) => None,
    };
    if let Some(why) = why {
        sink.wrong(&source.spot, why, "`{ file = \"/…\" }` or `{ gateway = true }`".to_owned());
        return None;
    }
    Some(Watch { format, source: source.value, is_strict, silent_after, ban })
}

/// The service, or the filter in its place.
fn format(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Option<Format> {
    if !table.has(&FILTER) {
        return table.needed(&SERVICE, sink).map(|service| Format::Service(service.value));
    }
    let filter = table.located(&FILTER, sink)?;
    if table.has(&SERVICE) {
        let message = "`filter` stands in place of `service`: remove one of them";
        sink.wrong(&filter.spot, message, None);
        return None;
    }
    Some(Format::Filter(filter.value))
}

fn ban(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Ban {
    let default = Ban::default();
    Ban {
        after: table.get(&AFTER, sink).unwrap_or(default.after),
        within: table.get(&WITHIN, sink).unwrap_or(default.within),
        duration: table.get(&FOR, sink).unwrap_or(default.duration),
    }
}

#[cfg(test)]
mod tests {
    use super::SILENT_DEFAULT;
    use crate::parse;
    use crate::watch_settings::{Ban, Format, Source, Syslog, SyslogTls, Watch};
    use std::path::PathBuf;
    use std::time::Duration;

    const REST: &str = "[[listen]]\naddress = \"127.0.0.1:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";

    fn read(watch: &str) -> Result<Vec<Watch>, Vec<(usize, String)>> {
        let said = |errors: crate::ConfigErrors| {
            errors.errors.into_iter().map(|error| (error.place.line, error.message)).collect()
        };
        parse(&format!("[[watch]]\n{watch}\n{REST}")).map(|settings| settings.watch).map_err(said)
    }

    #[test]
    fn a_log_is_read_with_its_defaults() {
        let expected = Watch {
            format: Format::Service("sshd"),
            source: Source::File(PathBuf::from("/var/log/auth.log")),
            is_strict: false,
            silent_after: SILENT_DEFAULT,
            ban: Ban::default(),
        };
        let plain = "service = \"ssh\"\nsource = { file = \"/var/log/auth.log\" }";
        assert_eq!(read(plain), Ok(vec![expected.clone()]));
        let full = format!(
            "{plain}\nstrict = true\nsilent_after = \"2h\"\nban = {{ after = 3, within = \"1h\", for = \"2d\" }}"
        );
        let ban =
            Ban { after: 3, within: Duration::from_hours(1), duration: Duration::from_hours(48) };
        assert_eq!(
            read(&full),
            Ok(vec![Watch {
                is_strict: true,
                silent_after: Duration::from_hours(2),
                ban,
                ..expected
            }])
        );
    }

    #[test]
    fn a_filter_stands_in_place_of_a_service() {
        let text = "filter = \"/etc/fail2ban/filter.d/shop.conf\"\nsource = { file = \"/x\" }";
        let filter = PathBuf::from("/etc/fail2ban/filter.d/shop.conf");
        assert_eq!(read(text).unwrap()[0].format, Format::Filter(filter));
        let both = read(&format!("service = \"sshd\"\n{text}")).unwrap_err();
        assert_eq!(
            both,
            [(3, "`filter` stands in place of `service`: remove one of them".to_owned())]
        );
    }

    #[test]
    fn the_gateway_is_watched_by_its_access_log() {
        let text = "service = \"gateway\"\nsource = { gateway = true }";
        let logged = read(&format!("{text}\n[log]\naccess = \"/var/log/access.ndjson\""));
        assert_eq!(logged.unwrap()[0].source, Source::Gateway);
        let message = "the gateway's own events come by its access log: set `access` in `[log]`";
        assert_eq!(read(text).unwrap_err(), [(3, message.to_owned())]);
    }

    #[test]
    fn journal_and_syslog_are_taken_where_nobody_else_may_write() {
        let read = |source: &str| read(&format!("service = \"sshd\"\nsource = {{ {source} }}"));
        for (source, wanted) in [
            ("journal = \"ssh.service\"", Source::Journal("ssh.service".to_owned())),
            ("journal = \"kernel\"", Source::Journal("kernel".to_owned())),
            ("journal = \"user@0.service\"", Source::Journal("user@0.service".to_owned())),
            (
                "syslog = \"udp://127.0.0.1:5514\"",
                Source::Syslog(Syslog::Udp("127.0.0.1:5514".parse().unwrap())),
            ),
            (
                "syslog = \"tcp://[::1]:5514\"",
                Source::Syslog(Syslog::Tcp("[::1]:5514".parse().unwrap())),
            ),
            ("syslog = \"unix:/run/log\"", Source::Syslog(Syslog::Unix("/run/log".into()))),
        ] {
            assert_eq!(read(source).unwrap()[0].source, wanted, "{source}");
        }
        let loopback =
            "whoever may send here can have anybody banned: only loopback addresses are taken";
        for unit in ["ssh*", "--file=x", "a b", ""] {
            let errors = read(&format!("journal = \"{unit}\"")).unwrap_err();
            assert!(errors[0].1.contains("this is not the name of a unit"), "{errors:?}");
        }
        for (source, message) in [
            ("syslog = \"udp://0.0.0.0:514\"", loopback),
            ("syslog = \"tcp://192.0.2.1:514\"", loopback),
            ("syslog = \"udp://127.0.0.1:0\"", loopback),
        ] {
            assert_eq!(read(source).unwrap_err(), [(3, message.to_owned())], "{source}");
        }
    }

    #[test]
    fn over_tls_it_listens_anywhere_and_needs_certificates() {
        let read = |source: &str| read(&format!("service = \"sshd\"\nsource = {{ {source} }}"));
        let files = "certificate = \"/c.pem\", key = \"/k.pem\", client_ca = \"/ca.pem\"";
        for address in ["0.0.0.0:6514", "[::1]:6514", "192.0.2.1:6514"] {
            let tls = SyslogTls {
                address: address.parse().unwrap(),
                certificate: "/c.pem".into(),
                key: "/k.pem".into(),
                client_ca: "/ca.pem".into(),
            };
            let source = format!("syslog = \"tls://{address}\", {files}");
            assert_eq!(read(&source).unwrap()[0].source, Source::SyslogTls(tls));
        }
        let tls = "syslog = \"tls://192.0.2.1:6514\"";
        let needs = "`tls://` needs `certificate`, `key` and `client_ca`";
        let belong = "`certificate`, `key` and `client_ca` belong to `syslog` with `tls://`";
        for (source, message) in [
            (tls.to_owned(), needs),
            (format!("{tls}, certificate = \"/c.pem\", key = \"/k.pem\""), needs),
            (format!("syslog = \"tcp://127.0.0.1:514\", {files}"), belong),
            (format!("file = \"/x\", {files}"), belong),
            (
                format!("syslog = \"tls://192.0.2.1:0\", {files}"),
                "nobody knows where to send to without a port",
            ),
        ] {
            let errors = read(&source).unwrap_err();
            assert!(errors.contains(&(3, message.to_owned())), "{source}: {errors:?}");
        }
        let errors = read(&format!("{tls}, certificate = \"c.pem\"")).unwrap_err();
        assert!(errors.iter().any(|(line, _)| *line == 3), "{errors:?}");
    }

    #[test]
    fn a_group_of_packets_is_read_once() {
        let of = |group: &str| format!("service = \"firewall\"\nsource = {{ nflog = {group} }}");
        for (group, wanted) in [("1", 1), ("65535", 65_535)] {
            assert_eq!(read(&of(group)).unwrap()[0].source, Source::Nflog(wanted));
        }
        for group in ["0", "65536", "-1", "\"5\"", "true"] {
            let errors = read(&of(group)).unwrap_err();
            assert!(errors.iter().any(|(line, _)| *line == 3), "{group}: {errors:?}");
        }
        let two = |group: &str| format!("{}\n[[watch]]\n{}", of("5"), of(group));
        assert_eq!(read(&two("6")).unwrap().len(), 2);
        let message =
            "this group is watched already, and the kernel gives its packets to one reader";
        assert_eq!(read(&two("5")).unwrap_err(), [(6, message.to_owned())]);
    }

    #[test]
    fn what_cannot_be_watched_is_said_with_its_line() {
        let file = "source = { file = \"/x\" }";
        for (text, line, message) in [
            (
                format!("service = \"sshdd\"\n{file}"),
                2,
                "no service is called `sshdd` (did you mean `sshd`?)",
            ),
            (file.to_owned(), 1, "`watch[0]` has no `service`"),
            ("service = \"sshd\"".to_owned(), 1, "`watch[0]` has no `source`"),
            (
                "service = \"sshd\"\nsource = {}".to_owned(),
                3,
                "`source` names 0 sources, and has to name one",
            ),
            (
                "service = \"sshd\"\nsource = { file = \"/x\", journal = \"a.service\" }"
                    .to_owned(),
                3,
                "`source` names 2 sources, and has to name one",
            ),
            (
                "service = \"sshd\"\nsource = { gateway = false }".to_owned(),
                3,
                "`gateway = false` names no source: remove it",
            ),
            (
                "service = \"sshd\"\nsource = { gateway = true }".to_owned(),
                3,
                "the gateway's own events are those of the service `gateway`",
            ),
            (
                "service = \"sshd\"\nsource = { journal = \"ssh\" }".to_owned(),
                3,
                "`ssh`: this is not the name of a unit",
            ),
            (
                "service = \"sshd\"\nsource = { syslog = \"udp://x\" }".to_owned(),
                3,
                "`udp://x`: this is no address with a port",
            ),
            (
                format!("service = \"sshd\"\n{file}\nban = {{ after = 0 }}"),
                4,
                "`after` cannot be the integer `0`",
            ),
            (format!("service = \"sshd\"\n{file}\nban = {{ till = 1 }}"), 4, "unknown key `till`"),
        ] {
            let errors = read(&text).unwrap_err();
            assert!(errors.contains(&(line, message.to_owned())), "{text}: {errors:?}");
        }
    }
}

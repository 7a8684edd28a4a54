//! What the gateway's process keeps once it has read all that it needs.

use crate::error::Error;
use burgrave_config::{
    AlertTarget, Clamd, Format, Host, Settings, Share, ShipTo, Source, Upstream,
};
use burgrave_sys::{Confinement, System, program_paths, resolver_paths};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Bytes of `/etc/passwd` that are read.
const ACCOUNTS_BYTES_MAX: u64 = 16 << 20;
/// The account of the package, and one that every system has.
const ACCOUNTS: [&str; 2] = ["burgrave", "nobody"];
/// Where names are asked for over TCP.
const DOMAIN_PORT: u16 = 53;
/// Where an authority's directory may lead to.
const HTTPS_PORT: u16 = 443;

/// The web roots to read, the upstreams to connect to, nothing else. Logs and sockets are open.
pub(super) fn of(settings: &Settings, account: Option<(u32, u32)>) -> Confinement {
    let mut keep = Confinement { account, ..Confinement::default() };
    keep.read
        .extend(settings.sites.iter().filter_map(|site| Some(site.files.as_ref()?.root.clone())));
    let routes = settings.sites.iter().flat_map(|site| &site.routes);
    keep.read.extend(routes.clone().filter_map(|route| Some(route.fastcgi.as_ref()?.root.clone())));
    for scan in routes.clone().filter_map(|route| route.scan.as_ref()) {
        if let Clamd::Tcp(authority) = &scan.clamd {
            keep.connect.push(authority.port);
            keep.resolve |= matches!(authority.host, Host::Name(_));
        }
    }
    for upstream in routes.flat_map(|route| &route.upstream) {
        match upstream {
            Upstream::Http(authority)
            | Upstream::Https(authority)
            | Upstream::H2c(authority)
            | Upstream::FastCgi(authority) => {
                keep.connect.push(authority.port);
                keep.resolve |= matches!(authority.host, Host::Name(_));
            }
            // Connecting to one is a matter of its rights.
            Upstream::Unix(_) | Upstream::FastCgiUnix(_) => {}
        }
    }
    for authority in settings.streams.iter().flat_map(|stream| &stream.upstream) {
        keep.connect.push(authority.port);
        keep.resolve |= matches!(authority.host, Host::Name(_));
    }
    keep.resolve |= settings.rules.as_ref().is_some_and(|rules| rules.block_lists);
    if keep.resolve {
        keep.connect.push(DOMAIN_PORT);
        resolver_paths(&mut keep.read);
    }
    keep.read.extend(burgrave_gateway::answers_folder(settings));
    keep.connect.sort_unstable();
    keep.connect.dedup();
    keep
}

/// What the keeper of certificates keeps: their folders, and the way to the authority.
pub(super) fn of_certificates(settings: &Settings) -> Confinement {
    let (read, write) = burgrave_certificates::folders(settings);
    let mut keep = Confinement { read, write, read_any: true, ..Confinement::default() };
    if let Some(acme) = &settings.acme {
        keep.connect = vec![acme.directory.authority.port, HTTPS_PORT, DOMAIN_PORT];
        keep.resolve = true;
        resolver_paths(&mut keep.read);
    }
    keep
}

/// What the shipping of logs keeps: the log's folder, its own, and the ways to the collectors.
pub(super) fn of_shipping(settings: &Settings) -> Confinement {
    let mut keep = Confinement { read_any: true, ..Confinement::default() };
    keep.read.extend(settings.log.access.as_deref().and_then(Path::parent).map(Path::to_path_buf));
    keep.write.push(burgrave_shipping::folder(settings));
    if !settings.alerts.channels.is_empty() {
        keep.write.push(burgrave_alerts::Store::folder(&settings.state));
    }
    for ship in &settings.log.ship {
        let (host, port) = match &ship.to {
            ShipTo::Syslog { host, port, .. } => (host, *port),
            ShipTo::Otlp(address) => (&address.host, address.port),
            // Connecting to it is a matter of its rights.
            ShipTo::Journal => continue,
        };
        keep.connect.push(port);
        keep.resolve |= host.trim_matches(['[', ']']).parse::<IpAddr>().is_err();
    }
    if keep.resolve {
        keep.connect.push(DOMAIN_PORT);
        resolver_paths(&mut keep.read);
    }
    keep
}

/// What the process keeps that tells people: the folders that it writes, the secrets and authorities that it reads for
/// each message, and the ports of its channels. `None`: one of them starts programs or speaks to a socket of this
/// machine, of which nobody knows what they need.
pub(super) fn of_alerts(settings: &Settings) -> Option<Confinement> {
    let mut keep = Confinement { read_any: true, resolve: true, ..Confinement::default() };
    keep.write = vec![
        burgrave_alerts::Store::folder(&settings.state),
        burgrave_ledger::folder(&settings.state),
    ];
    for channel in &settings.alerts.channels {
        keep.connect.push(match &channel.to {
            AlertTarget::Smtp { port, .. } => *port,
            AlertTarget::Webhook(address) => address.port,
            AlertTarget::Command(_) | AlertTarget::Syslog(_) => return None,
        });
        keep.read.extend(channel.password_file.clone());
        keep.read.extend(channel.ca.clone());
    }
    keep.read.extend(keep.write.clone());
    keep.read.extend(burgrave_client::AUTHORITIES.iter().map(PathBuf::from));
    keep.connect.push(DOMAIN_PORT);
    resolver_paths(&mut keep.read);
    keep.connect.sort_unstable();
    keep.connect.dedup();
    Some(keep)
}

/// What the agent keeps once it follows its logs: the logs, its own folders, the rules of the kernel and the programs that
/// list them and read the journal. It stays root, which owns these folders, without the rights of root.
pub(super) fn of_agent(system: &dyn System, settings: &Settings) -> Confinement {
    let mut keep =
        Confinement { read_any: true, administer_network: true, ..Confinement::default() };
    keep.write = agent_folders(settings);
    keep.read = vec![PathBuf::from("/proc")];
    keep.run = burgrave_agent::NFT.iter().map(PathBuf::from).collect();
    program_paths(&mut keep);
    for watch in &settings.watch {
        match &watch.source {
            Source::File(path) => keep.read.push(existing(system, path)),
            Source::Gateway => {
                keep.read.extend(settings.log.access.iter().map(|path| existing(system, path)));
            }
            Source::Journal(_) => {
                keep.run.extend(burgrave_agent::JOURNALCTL.iter().map(PathBuf::from));
                let journal = ["/var/log/journal", "/run/log/journal", "/etc/machine-id"];
                keep.read.extend(journal.iter().map(PathBuf::from));
            }
            // It is open, or asked of the kernel.
            Source::Syslog(_) | Source::SyslogTls(_) | Source::Nflog(_) => {}
        }
        if let Format::Filter(file) = &watch.format {
            keep.read.push(existing(system, file));
        }
    }
    keep.read.extend(settings.bans.lists.iter().map(|list| existing(system, &list.file)));
    keep
}

/// What the sharing of bans keeps: the agent's folders, the program that speaks to the database, and the way there.
pub(super) fn of_share(settings: &Settings, share: &Share) -> Confinement {
    let mut keep = Confinement { read_any: true, resolve: true, ..Confinement::default() };
    keep.write = agent_folders(settings);
    keep.read = vec![PathBuf::from("/proc/net"), PathBuf::from("/usr/share/postgresql")];
    keep.read.extend(share.passfile.iter().chain(&share.ca).cloned());
    keep.run.extend(burgrave_agent::psql());
    keep.connect = vec![share.port, DOMAIN_PORT];
    program_paths(&mut keep);
    keep
}

/// What the exchange of decisions keeps: the agent's folders, and the ways to the engines. Where it listens is open already.
pub(super) fn of_decisions(settings: &Settings) -> Confinement {
    let mut keep = Confinement { read_any: true, ..Confinement::default() };
    keep.write = agent_folders(settings);
    keep.read = vec![PathBuf::from("/proc/net")];
    for engine in &settings.bans.crowdsec {
        let host = engine.address.host.trim_matches(['[', ']']);
        keep.connect.push(engine.address.port);
        keep.resolve |= host.parse::<IpAddr>().is_err();
    }
    if keep.resolve {
        keep.connect.push(DOMAIN_PORT);
        resolver_paths(&mut keep.read);
    }
    keep
}

/// What the agent writes.
pub(super) fn agent_folders(settings: &Settings) -> Vec<PathBuf> {
    vec![
        settings.state.join("firewall"),
        burgrave_alerts::Store::folder(&settings.state),
        burgrave_ledger::folder(&settings.state),
    ]
}

/// The folder of a file, or the first one above it that is there: a log may come, and go and come again under its name.
fn existing(system: &dyn System, file: &Path) -> PathBuf {
    let is_there = |folder: &&Path| system.metadata(folder).is_ok();
    file.ancestors().skip(1).find(is_there).unwrap_or(Path::new("/")).to_path_buf()
}

/// The account to become: the configured one, else the first of [`ACCOUNTS`] that there is. Its name
/// and ids.
pub(super) fn account(
    system: &dyn System,
    configured: Option<&str>,
) -> Result<(String, (u32, u32)), Error> {
    let text = system.read(Path::new("/etc/passwd"), ACCOUNTS_BYTES_MAX);
    let text = text.map_err(|error| Error::Account(error.to_string()))?;
    let find = |wanted: &str| {
        text.split(|byte| *byte == b'\n').find_map(|line| {
            let line = std::str::from_utf8(line).ok()?;
            let mut fields = line.split(':');
            (fields.next() == Some(wanted)).then_some(())?;
            let ids = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
            Some((wanted.to_owned(), ids))
        })
    };
    let found = match configured {
        Some(name) => find(name).ok_or_else(|| format!("there is no account `{name}`")),
        None => ACCOUNTS.into_iter().find_map(find).ok_or_else(|| {
            format!("there is no account `{}`: make one, or set `user`", ACCOUNTS.join("` or `"))
        }),
    };
    match found {
        Ok((name, (0, _))) => Err(Error::Account(format!("`{name}` is root"))),
        Ok(found) => Ok(found),
        Err(why) => Err(Error::Account(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::Fake;

    const TEXT: &str = "[[listen]]\naddress = \"0.0.0.0:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \
                        \"/srv/www\" }\n";

    #[test]
    fn who_tells_people_reaches_their_channels_and_nothing_else() {
        let of = |alerts: &str| {
            let text = format!("state = \"/s\"\n{alerts}{TEXT}");
            of_alerts(&burgrave_config::parse(&text).unwrap())
        };
        let mail =
            "[[alert]]\nto = \"smtp://m\"\nfrom = \"a@b\"\nrecipients = [\"a@b\"]\nca = \"/ca\"\n";
        let hook = "[[alert]]\nto = \"https://h\"\npassword_file = \"/secret\"\n";
        let keep = of(&format!("{mail}{hook}")).unwrap();
        assert_eq!(keep.connect, [53, 443, 587]);
        assert_eq!(keep.write, [PathBuf::from("/s/alerts"), PathBuf::from("/s/ledger")]);
        for path in ["/ca", "/secret"] {
            assert!(keep.read.contains(&PathBuf::from(path)), "{path}");
        }
        assert_eq!(of(&format!("{mail}[[alert]]\nto = \"command:/x\"\n")), None);
    }

    #[test]
    fn who_exchanges_decisions_reaches_the_engines_and_nothing_else() {
        let of = |bans: &str| {
            of_decisions(
                &burgrave_config::parse(&format!("state = \"/s\"\n[bans]\n{bans}\n{TEXT}"))
                    .unwrap(),
            )
        };
        let near = of("crowdsec = [{ url = \"http://127.0.0.1:8080\", key_file = \"/k\" }]");
        assert_eq!((near.connect, near.resolve), (vec![8080], false));
        let far = of("crowdsec = [{ url = \"https://cs.internal\", key_file = \"/k\" }]");
        assert_eq!((far.connect, far.resolve), (vec![443, DOMAIN_PORT], true));
        let told = of(
            "bouncers = { address = \"127.0.0.1:8087\", clients = [{ name = \"a\", key_file = \"/k\" }] }",
        );
        assert!(told.connect.is_empty() && !told.resolve && told.run.is_empty());
        // The keys were read before.
        assert!(!told.read.contains(&PathBuf::from("/k")));
        assert_eq!(told.write[0], PathBuf::from("/s/firewall"));
    }

    fn keep(routes: &str) -> Confinement {
        of(&burgrave_config::parse(&format!("{TEXT}{routes}")).unwrap(), Some((7, 8)))
    }

    #[test]
    fn only_roots_and_upstreams_are_kept() {
        let plain = keep("");
        assert_eq!(plain.read, [PathBuf::from("/srv/www")]);
        assert!(plain.connect.is_empty() && plain.write.is_empty() && !plain.resolve);
        assert_eq!(plain.account, Some((7, 8)));
        let route = |path: &str, upstream: &str| {
            format!("[[site.route]]\npath = \"{path}\"\nupstream = [\"{upstream}\"]\n")
        };
        let numbers = keep(&(route("/a/", "http://10.0.0.1:3000") + &route("/b/", "unix:/run/a")));
        assert_eq!((numbers.connect, numbers.resolve), (vec![3000], false));
        let names = keep(&(route("/a/", "https://app") + &route("/b/", "h2c://app:443")));
        assert_eq!((names.connect, names.resolve), (vec![53, 443], true));
        assert!(names.read.contains(&PathBuf::from("/etc/resolv.conf")));
        let scanned = |clamd: &str| {
            keep(&format!("{}scan = {{ clamd = \"{clamd}\" }}\n", route("/a/", "unix:/run/a")))
                .connect
        };
        assert_eq!(scanned("tcp://127.0.0.1:3310"), [3310]);
        assert!(scanned("unix:/run/clamd").is_empty());
    }

    #[test]
    fn whoever_fetches_certificates_reaches_the_authority_and_nobody_else() {
        let text = "[[listen]]\naddress = \"0.0.0.0:443\"\ntls = true\n[acme]\nchallenge = \"tls-alpn-01\"\n\
                    directory = \"https://ca.example:14000/dir\"\n[[site]]\nhosts = [\"a.example\"]\ntls = \"acme\"\n\
                    files = { root = \"/srv/www\" }\n[[site]]\nhosts = [\"b.example\"]\n\
                    tls = { certificate = \"/etc/b/c.pem\", key = \"/etc/b/k.pem\" }\nfiles = { root = \"/srv/b\" }\n";
        let settings = burgrave_config::parse(text).unwrap();
        let keep = of_certificates(&settings);
        assert_eq!((keep.connect, keep.account), (vec![14_000, 443, 53], None));
        assert_eq!(keep.write, [PathBuf::from("/var/lib/burgrave/acme")]);
        assert!(keep.read.contains(&PathBuf::from("/etc/b")) && keep.read_any);
        assert!(!keep.read.contains(&PathBuf::from("/srv/www")));
        let gateway = of(&settings, None);
        assert!(gateway.read.contains(&PathBuf::from("/var/lib/burgrave/acme/challenges")));
        assert!(gateway.connect.is_empty() && gateway.write.is_empty(), "no way to the authority");
    }

    #[test]
    fn whoever_ships_logs_reads_them_and_reaches_the_collectors() {
        let ship = |to: &str| {
            let text = format!(
                "{TEXT}[log]\naccess = \"/var/log/b/a.log\"\n[[log.ship]]\nto = \"{to}\"\n"
            );
            of_shipping(&burgrave_config::parse(&text).unwrap())
        };
        let keep = ship("syslog+tls://192.0.2.1:6514");
        assert_eq!((keep.connect, keep.resolve), (vec![6514], false));
        assert_eq!(keep.read, [PathBuf::from("/var/log/b")]);
        assert_eq!(keep.write, [PathBuf::from("/var/lib/burgrave/shipping")]);
        let keep = ship("otlp:https://collector.example:4318");
        assert_eq!((keep.connect, keep.resolve), (vec![4318, 53], true));
        assert!(ship("journal").connect.is_empty());
    }

    #[test]
    fn the_agent_reads_its_logs_and_no_keys() {
        let system = Fake::new();
        for file in ["/var/log/auth.log", "/srv/shop/x", "/etc/fail2ban/filter.d/shop.conf"] {
            system.file(file, "");
        }
        let watch =
            |source: &str| format!("[[watch]]\nservice = \"sshd\"\nsource = {{ {source} }}\n");
        let text = format!(
            "state = \"/s\"\n{}{}[[watch]]\nfilter = \"/etc/fail2ban/filter.d/shop.conf\"\nsource = {{ file = \"/srv/shop/logs/a\" }}\n\
             [bans]\nlists = [{{ file = \"/var/log/drop.txt\" }}]\n{TEXT}",
            watch("file = \"/var/log/auth.log\""),
            watch("syslog = \"tcp://127.0.0.1:5514\""),
        );
        let settings = burgrave_config::parse(&text).unwrap();
        let keep = of_agent(&system, &settings);
        let reads = |path: &str| keep.read.contains(&PathBuf::from(path));
        assert!(reads("/var/log") && reads("/srv/shop") && reads("/etc/fail2ban/filter.d"));
        assert!(!reads("/") && !reads("/etc") && !reads("/srv") && keep.connect.is_empty());
        assert_eq!(keep.write[0], PathBuf::from("/s/firewall"));
        assert!(keep.run.iter().all(|program| program.ends_with("nft")), "{:?}", keep.run);
        let text = format!("{}{TEXT}", watch("journal = \"ssh.service\""));
        let keep = of_agent(&system, &burgrave_config::parse(&text).unwrap());
        assert!(keep.run.iter().any(|program| program.ends_with("journalctl")));
    }

    #[test]
    fn the_account_is_the_configured_one_and_never_root() {
        let system = Fake::new();
        assert!(account(&system, None).is_err(), "no accounts at all");
        let nobody = "root:x:0:0::/:\nnobody:x:65534:65534::/:\nodd:x\ntoor:x:0:0::/:\n";
        system.file("/etc/passwd", nobody);
        assert_eq!(account(&system, None).unwrap(), ("nobody".to_owned(), (65_534, 65_534)));
        system.file("/etc/passwd", format!("{nobody}burgrave:x:90:91::/:\n"));
        assert_eq!(account(&system, None).unwrap(), ("burgrave".to_owned(), (90, 91)));
        assert_eq!(account(&system, Some("nobody")).unwrap().1, (65_534, 65_534));
        for wrong in ["toor", "root", "odd", "none", ""] {
            assert!(account(&system, Some(wrong)).is_err(), "{wrong}");
        }
    }
}

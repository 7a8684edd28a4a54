//! The entries of the key table and the reader are held against each other: every key is read,
//! every default is true, every key is explained.

use crate::keys::{self, ROOT};
use crate::table::{AnyKey, Section};
use crate::{Settings, parse};

/// A whole configuration in which each section may be replaced by another text.
struct Base {
    root: String,
    listen: String,
    rules: String,
    limits: String,
    log: String,
    watch: String,
    site: String,
    route: String,
}

impl Base {
    fn new() -> Self {
        Self {
            root: String::new(),
            listen: "address = \"127.0.0.1:8080\"\n".to_owned(),
            rules: "include = [\"/etc/rules.conf\"]\n".to_owned(),
            limits: String::new(),
            log: String::new(),
            watch: "service = \"sshd\"\nsource = { file = \"/var/log/auth.log\" }\n".to_owned(),
            site: "hosts = [\"a.example\"]\n".to_owned(),
            route: "path = \"/\"\nupstream = [\"http://127.0.0.1:3000\"]\n".to_owned(),
        }
    }

    fn text(&self) -> String {
        let Self { root, listen, rules, limits, log, watch, site, route } = self;
        format!(
            "{root}\n[[listen]]\n{listen}\n[rules]\n{rules}\n[limits]\n{limits}\n[log]\n{log}\n\
             [[watch]]\n{watch}\n[[site]]\n{site}\n[[site.route]]\n{route}\n"
        )
    }

    /// The text in which a section is written; `None` for those written as a value.
    fn part(&mut self, section: &'static Section) -> Option<&mut String> {
        let parts: [(&'static Section, &mut String); 8] = [
            (&ROOT, &mut self.root),
            (&keys::LISTEN_SECTION, &mut self.listen),
            (&keys::RULES_SECTION, &mut self.rules),
            (&keys::LIMITS_SECTION, &mut self.limits),
            (&keys::LOG_SECTION, &mut self.log),
            (&keys::WATCH_SECTION, &mut self.watch),
            (&keys::SITE_SECTION, &mut self.site),
            (&keys::ROUTE_SECTION, &mut self.route),
        ];
        parts.into_iter().find(|(known, _)| std::ptr::eq(*known, section)).map(|(_, part)| part)
    }

    /// Sets a key of a section, in place of what it was.
    fn set(&mut self, section: &'static Section, name: &str, value: &str) -> bool {
        let Some(part) = self.part(section) else { return false };
        let prefix = format!("{name} = ");
        let kept: Vec<&str> = part.lines().filter(|line| !line.starts_with(&prefix)).collect();
        *part = format!("{}\n{prefix}{value}\n", kept.join("\n"));
        true
    }
}

/// Every section once, with those that stand inside others.
fn sections() -> Vec<&'static Section> {
    let mut all: Vec<&'static Section> = vec![&ROOT];
    let mut next = 0;
    while let Some(section) = all.get(next).copied() {
        next += 1;
        for nested in section.keys.iter().filter_map(|key| key.nested()) {
            if !all.iter().any(|known| std::ptr::eq(*known, nested)) {
                all.push(nested);
            }
        }
    }
    all
}

fn settings(text: &str) -> Settings {
    parse(text).unwrap_or_else(|errors| panic!("{}{text}", errors.render("test")))
}

/// A section that is written as a value: where, and with which keys around the one in question.
const INLINE: [(&Section, &Section, &str); 8] = [
    (&keys::ROTATE_SECTION, &keys::LOG_SECTION, "rotate"),
    (&keys::SOURCE_SECTION, &keys::WATCH_SECTION, "source"),
    (&keys::BAN_SECTION, &keys::WATCH_SECTION, "ban"),
    (&keys::TLS_SECTION, &keys::SITE_SECTION, "tls"),
    (&keys::FILES_SECTION, &keys::SITE_SECTION, "files"),
    (&keys::OWN_LIMITS_SECTION, &keys::SITE_SECTION, "limits"),
    (&keys::OWN_LIMITS_SECTION, &keys::ROUTE_SECTION, "limits"),
    (&keys::LIMIT_SECTION, &keys::ROUTE_SECTION, "limit"),
];

#[test]
fn every_known_key_is_read() {
    let wrong = "1979-05-27";
    let mut count = 0;
    let mut check = |base: &Base, key: &dyn AnyKey| {
        let text = base.text();
        let errors = parse(&text).unwrap_err().errors;
        let said = errors.iter().any(|error| {
            error.path.rsplit('.').next() == Some(key.name())
                && error.message.contains("a date or time")
        });
        assert!(said, "`{}` is known and not read in {text}{errors:?}", key.name());
        count += 1;
    };
    for section in sections() {
        for key in section.keys {
            let mut base = Base::new();
            if section.title == ROOT.title && key.name() != "state" {
                // A section that is replaced by a value must lose its tables.
                let text = format!("{} = {wrong}\n", key.name());
                let errors = parse(&text).unwrap_err().errors;
                assert!(errors.iter().any(|error| error.path == key.name()), "{}", key.name());
            } else if base.set(section, key.name(), wrong) {
                if key.name() == "route" {
                    base.route = String::new();
                    let text = base.text().replace("[[site.route]]", "");
                    assert!(
                        parse(&text).unwrap_err().errors.iter().any(|e| e.path == "site[0].route")
                    );
                } else {
                    check(&base, *key);
                }
            } else {
                for (_, outer, name) in
                    INLINE.iter().filter(|(own, ..)| std::ptr::eq(*own, section))
                {
                    let mut base = Base::new();
                    base.set(outer, name, &format!("{{ {} = {wrong} }}", key.name()));
                    check(&base, *key);
                }
            }
        }
    }
    assert!(count > 45, "the whole table was walked: {count}");
}

#[test]
fn documented_defaults_are_what_is_taken() {
    let plain = settings(&Base::new().text());
    let mut count = 0;
    for section in sections() {
        for key in section.keys {
            let default = key.default();
            let literal = default.starts_with(['"', '[']) || default.parse::<u64>().is_ok();
            let mut base = Base::new();
            if (literal || default == "true" || default == "false")
                && base.set(section, key.name(), default)
            {
                assert_eq!(settings(&base.text()), plain, "{} in {}", key.name(), section.title);
                count += 1;
            }
        }
    }
    assert!(count > 15, "the whole table was walked: {count}");
}

#[test]
fn every_key_is_explained() {
    for section in sections() {
        let mut names: Vec<_> = section.keys.iter().map(|key| key.name()).collect();
        names.extend(section.refused.iter().map(|(name, _)| *name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{} knows a key twice", section.title);
        assert!(section.about.ends_with('.'), "{}", section.title);
        for key in section.keys {
            assert!(key.about().ends_with('.') && key.about().len() > 10, "{}", key.name());
            assert!(!key.words().is_empty() && !key.words().ends_with('.'), "{}", key.name());
        }
    }
}

#[test]
fn limits_are_inherited() {
    let mut base = Base::new();
    base.set(&keys::LIMITS_SECTION, "body_bytes", "\"1MiB\"");
    base.set(&keys::LIMITS_SECTION, "body_time", "\"1s\"");
    base.set(&keys::LIMITS_SECTION, "connections", "7");
    base.set(&keys::SITE_SECTION, "limits", "{ body_bytes = \"2MiB\", rate_min = 0 }");
    base.set(&keys::ROUTE_SECTION, "limits", "{ body_bytes = 3 }");
    let settings = settings(&base.text());
    let site = &settings.sites[0];
    let bytes =
        [settings.limits.body_bytes, site.limits.body_bytes, site.routes[0].limits.body_bytes];
    assert_eq!(bytes, [1 << 20, 2 << 20, 3]);
    assert_eq!(site.routes[0].limits.body_time.as_secs(), 1);
    assert_eq!(site.routes[0].limits.connections, 7);
    assert_eq!(
        [settings.limits.rate_min, site.limits.rate_min, site.routes[0].limits.rate_min],
        [64, 0, 0]
    );
}

#[test]
fn rates_become_tokens() {
    for (limit, per_second, burst) in [
        ("{ per_client = \"20/s\" }", 20.0, 20),
        ("{ per_client = \"90/m\" }", 1.5, 1),
        ("{ per_client = \"36/h\", burst = 9 }", 0.01, 9),
    ] {
        let mut base = Base::new();
        base.set(&keys::ROUTE_SECTION, "limit", limit);
        let rate = settings(&base.text()).sites[0].routes[0].limit.clone().unwrap();
        assert!((rate.per_second - per_second).abs() < 1e-9, "{limit}: {rate:?}");
        assert_eq!(rate.burst, burst, "{limit}");
    }
}

#[test]
fn modes_need_rules() {
    for (mode, accepted) in [("\"off\"", true), ("\"block\"", false), ("\"detect\"", false)] {
        for section in [&keys::SITE_SECTION, &keys::ROUTE_SECTION] {
            let mut base = Base::new();
            base.set(section, "mode", mode);
            assert!(parse(&base.text()).is_ok());
            let without = base.text().replace("[rules]\ninclude = [\"/etc/rules.conf\"]\n", "");
            assert_eq!(parse(&without).is_ok(), accepted, "{mode} in {}", section.title);
        }
    }
}

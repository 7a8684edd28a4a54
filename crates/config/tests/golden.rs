//! What a user sees of a wrong configuration, word by word. `BURGRAVE_BLESS=1` writes the expected
//! texts anew; read the difference before keeping it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use burgrave_config::{Environment, Host, RateBy, RequestRate, Settings, Tls, Upstream, parse};
use burgrave_model::{Mode, Profile};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares with the file, or writes it.
fn check(path: &Path, text: &str) {
    if std::env::var_os("BURGRAVE_BLESS").is_some() {
        std::fs::write(path, text).unwrap();
    }
    let expected = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error} (BURGRAVE_BLESS=1 writes it)", path.display()));
    assert_eq!(text, expected, "{} (BURGRAVE_BLESS=1 writes it anew)", path.display());
}

#[test]
fn errors_read_as_expected() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(here("tests/golden"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 10);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let errors = parse(&text).unwrap_err();
        check(&path.with_extension("txt"), &errors.render("burgrave.toml"));
    }
}

#[test]
fn the_reference_is_current() {
    check(&here("../../docs/configuration.md"), &burgrave_config::reference());
}

fn example() -> Settings {
    let text = std::fs::read_to_string(here("../../dist/burgrave.example.toml")).unwrap();
    parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("example")))
}

#[test]
fn the_example_shows_the_whole_server() {
    let settings = example();
    let tls: Vec<bool> = settings.listeners.iter().map(|listener| listener.tls).collect();
    assert_eq!(tls, [true, false]);
    let rules = settings.rules.unwrap();
    assert_eq!((rules.include.len(), rules.mode), (2, Some(Mode::Block)));
    assert_eq!((rules.decode, rules.profile, rules.extra), (true, Profile::Trading, true));
    assert_eq!(settings.limits, burgrave_config::Limits::default(), "it shows the defaults");
    assert_eq!(settings.log.headers, ["x-request-id"]);
    assert_eq!(settings.sites.len(), 2);
    assert_eq!(settings.sites[1].tls, Some(Tls::SelfSigned));
}

#[test]
fn the_layer_is_on_unless_its_parts_are_switched_off() {
    for (keys, expected) in [
        ("", (true, Profile::Trading, true)),
        ("decode = false", (false, Profile::Trading, true)),
        ("profile = \"none\"", (true, Profile::None, true)),
        ("extra = false", (true, Profile::Trading, false)),
    ] {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:80\"\n[rules]\ninclude = [\"/r/*.conf\"]\n{keys}\n\
             [[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"/srv\" }}\n"
        );
        let rules = parse(&text).unwrap().rules.unwrap();
        assert_eq!((rules.decode, rules.profile, rules.extra), expected, "{keys}");
    }
}

#[test]
fn the_profile_of_an_application_is_a_file() {
    let read = |keys: &str| {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:80\"\n[rules]\ninclude = [\"/r/*.conf\"]\n{keys}\n\
             [[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"/srv\" }}\n"
        );
        parse(&text).map(|settings| settings.rules.unwrap().application)
    };
    assert_eq!(read("").unwrap(), None);
    let file = "/etc/burgrave/shop.profile";
    assert_eq!(read(&format!("application = \"{file}\"")).unwrap(), Some(file.into()));
    assert!(read("application = \"shop.profile\"").is_err(), "relative to what?");
    let named = format!("application = \"{file}\"");
    for (keys, why) in [
        ("enforce = true".to_owned(), "`enforce` needs an `application`"),
        (format!("{named}\nenforce = true\nextra = false"), "`enforce` needs `extra`"),
    ] {
        let error = read(&keys).unwrap_err().render("c.toml");
        assert!(error.contains(why), "{error}");
    }
    assert!(read("enforce = false").is_ok() && read(&format!("{named}\nenforce = true")).is_ok());
}

#[test]
fn the_example_shows_a_site_with_routes() {
    let settings = example();
    let shop = &settings.sites[0];
    assert_eq!(
        (shop.name.as_str(), shop.environment),
        ("shop.example.com", Environment::Production)
    );
    assert!(matches!(&shop.tls, Some(Tls::Files { .. })));
    let [upload, api] = shop.routes.as_slice() else { panic!("two routes") };
    assert_eq!(
        (upload.path.as_str(), api.path.as_str()),
        ("/api/upload", "/api/"),
        "longest first"
    );
    assert_eq!(upload.limits.body_bytes, 300 << 20);
    assert_eq!(upload.limits.upstream_time, Duration::from_mins(5));
    assert_eq!(upload.mode, Some(Mode::Detect));
    assert_eq!(api.limit, Some(RequestRate { per_second: 20.0, burst: 40, by: RateBy::Client }));
    let Upstream::Http(first) = &api.upstream[0] else { panic!("http") };
    assert_eq!((&first.host, first.port), (&Host::Address([127, 0, 0, 1].into()), 3_000));
}

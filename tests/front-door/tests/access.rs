//! Who may use a site: by network, by certificate, by sign-in.

use crate::support::tls::{Authorities, Shown, client_with, open};
use crate::support::{self, Bed, header, start_with, status};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use burgrave_config::{Access, CertificateUse, Environment, Limits, Network, Settings, Tls};
use burgrave_gateway::{Gateway, GatewayError, password_hash};
use std::io::{Read, Write};

fn network(address: &str, prefix: u8) -> Network {
    Network { address: address.parse().unwrap(), prefix }
}

#[test]
fn only_the_named_networks_come_in() {
    for (networks, wanted) in [
        (vec![], 200),
        (vec![network("127.0.0.0", 8)], 200),
        (vec![network("10.0.0.0", 8), network("127.0.0.1", 32)], 200),
        (vec![network("10.0.0.0", 8)], 403),
        (vec![network("::", 0)], 403),
    ] {
        let bed = start_with(&Limits::default(), |settings| {
            settings.sites[0].access.networks.clone_from(&networks);
        });
        assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1")), wanted, "{networks:?}");
        assert_eq!(status(&bed.ask("GET /api/x HTTP/1.1")), 200, "a route has its own");
        if wanted == 403 {
            assert_eq!(bed.log(2)[0]["reason"], "client network not allowed");
        }
    }
}

fn with_users(settings: &mut Settings) {
    let file = settings.state.with_file_name("users");
    let hash = password_hash("secret").unwrap();
    std::fs::write(&file, format!("# staff\nalice:{hash}\n")).unwrap();
    settings.sites[0].routes[0].access = Access { users: Some(file), ..Access::default() };
}

#[test]
fn no_spelling_of_a_path_opens_a_closed_route() {
    let bed = start_with(&Limits::default(), |settings| {
        with_users(settings);
        let site = &mut settings.sites[0];
        let mut open = site.routes[0].clone();
        (site.routes[0].path, open.path) = ("/admin/".to_owned(), "/".to_owned());
        open.access = Access::default();
        site.routes.push(open);
    });
    for path in ["/", "/a//b", "/adminx", "/a;b/c", "/x/admin/", "/Shop/%20x"] {
        assert_eq!(status(&bed.ask(&format!("GET {path} HTTP/1.1"))), 200, "{path}");
    }
    let before = bed.backend.seen().len();
    for path in [
        "/admin/",
        "/admin",
        "//admin/",
        "/admin//x",
        "/./admin/x",
        "/%61dmin/x",
        "/%2561dmin/x",
        "/%2fadmin/x",
        "/admin%2fx",
        "/\\admin/x",
        "/admin\\x",
        "/admin;x=1/y",
        "/;/admin/y",
        "/;x/admin/",
        "/ADMIN/x",
        "//Admin/x",
        "/x/../admin/",
        "/x/%2e%2e/admin/",
        "http://site.test//admin/x",
    ] {
        let status = status(&bed.ask(&format!("GET {path} HTTP/1.1")));
        assert!(matches!(status, 400 | 401 | 404), "{path}: {status}");
    }
    assert_eq!(bed.backend.seen().len(), before, "{:?}", bed.backend.last());
}

/// `alice:secret`, then wrong ones.
const ALICE: &str = "Authorization: Basic YWxpY2U6c2VjcmV0";

#[test]
fn a_sign_in_opens_the_route_and_goes_no_further() {
    let bed = start_with(&Limits::default(), with_users);
    let closed = bed.ask("GET /api/x HTTP/1.1");
    assert_eq!(status(&closed), 401);
    assert!(header(&closed, "www-authenticate").unwrap().starts_with("Basic realm="));
    for credentials in [
        "Authorization: Basic YWxpY2U6U2VjcmV0",
        "Authorization: Basic Ym9iOnNlY3JldA==",
        "Authorization: Bearer YWxpY2U6c2VjcmV0",
        "Authorization: Basic YWxpY2U6",
        "X-Forwarded-User: alice",
    ] {
        let answer = bed.ask(&format!("GET /api/x HTTP/1.1\r\n{credentials}"));
        assert_eq!(status(&answer), 401, "{credentials}");
    }
    assert!(bed.backend.seen().is_empty());
    for _ in 0..2 {
        let open = bed.ask(&format!("GET /api/x HTTP/1.1\r\n{ALICE}\r\nX-Forwarded-User: bob"));
        assert_eq!(status(&open), 200, "{open}");
    }
    let seen = bed.backend.last();
    assert_eq!(seen.header("x-forwarded-user"), ["alice"]);
    assert!(seen.header("authorization").is_empty(), "{}", seen.head);
    let lines = bed.log(8);
    assert_eq!((&lines[7]["user"], &lines[1]["user"]), (&"alice".into(), &serde_json::Value::Null));
    assert_eq!(lines[1]["reason"], "wrong name or password");
    assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1")), 200, "the rest of the site is open");
}

#[test]
fn guessing_is_slowed_down() {
    let bed = start_with(&Limits::default(), with_users);
    let tries = (0..14).map(|number| {
        let guess = STANDARD.encode(format!("alice:{number}"));
        status(&bed.ask(&format!("GET /api/x HTTP/1.1\r\nAuthorization: Basic {guess}")))
    });
    let tries: Vec<_> = tries.collect();
    assert_eq!(tries.iter().filter(|status| **status == 401).count(), 10, "{tries:?}");
    assert_eq!(tries[13], 429);
    let right = bed.ask(&format!("GET /api/x HTTP/1.1\r\n{ALICE}"));
    assert_eq!(status(&right), 429, "whoever guesses has to wait, even with the right one");
}

#[test]
fn users_that_cannot_be_read_keep_the_gateway_down() {
    let bed = start_with(&Limits::default(), |_| {});
    let mut settings = bed.settings.clone();
    for (text, wanted) in [(None, "users"), (Some("alice:secret"), "line 1"), (Some(""), "nobody")]
    {
        with_users(&mut settings);
        let file = settings.sites[0].routes[0].access.users.clone().unwrap();
        match text {
            None => std::fs::remove_file(&file).unwrap(),
            Some(text) => std::fs::write(&file, text).unwrap(),
        }
        let error = Gateway::start(settings.clone(), None, 1).unwrap_err();
        assert!(matches!(error, GatewayError::Users { .. }));
        let said = error.to_string();
        assert!(said.contains(wanted) && !said.contains("secret"), "{said}");
    }
}

/// An authority, and what one of its clients shows.
fn authority(name: &str) -> (String, Shown) {
    let authority = Authorities::new(name);
    (authority.pem(), authority.client("client").shown())
}

fn ask(bed: &Bed, shown: Option<Shown>, host: &str) -> String {
    let config = client_with(&rustls::version::TLS13, &[b"http/1.1"], shown);
    let mut stream = open(&config, bed.address, host);
    let request = format!("GET /1k.txt HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    drop(stream.write_all(request.as_bytes()));
    drop(stream.read_to_end(&mut answer));
    support::text(&answer)
}

#[test]
fn a_certificate_of_the_sites_own_authority_opens_it() {
    let (ours, own) = authority("ours");
    let (theirs, foreign) = authority("theirs");
    let mut bed = start_with(&Limits::default(), |settings| {
        settings.listeners[0].tls = true;
        let write = |name: &str, text: &str| {
            let file = settings.state.with_file_name(name);
            std::fs::write(&file, text).unwrap();
            Some(file)
        };
        let (ours, theirs) = (write("ours.pem", &ours), write("theirs.pem", &theirs));
        let mut site = settings.sites[0].clone();
        site.tls = Some(Tls::SelfSigned);
        site.routes.clear();
        let mut second = site.clone();
        (second.name, second.hosts) = ("other.test".to_owned(), vec!["other.test".to_owned()]);
        let required = Access { certificate: Some(CertificateUse::Required), ..Access::default() };
        (site.client_ca, site.access) = (ours, required.clone());
        (second.client_ca, second.access) = (theirs, required);
        settings.sites = vec![site, second];
    });
    assert_eq!(status(&ask(&bed, Some(own.clone()), "site.test")), 200);
    assert_eq!(status(&ask(&bed, None, "site.test")), 403);
    assert_eq!(status(&ask(&bed, Some(foreign.clone()), "site.test")), 0, "not ours: no handshake");
    assert_eq!(status(&ask(&bed, Some(foreign), "other.test")), 200);
    let user = bed.log(2)[0]["user"].as_str().unwrap().to_owned();
    assert!(user.starts_with("sha256:") && user.len() == 71, "{user}");
    assert_eq!(bed.logged("client certificate needed")["http.status"], 403);
    // With the authority gone nobody comes in by what it once vouched for.
    let theirs = bed.settings.sites[1].client_ca.clone();
    bed.settings.sites[0].client_ca = theirs;
    bed.gateway.reload(bed.settings.clone(), None).unwrap();
    assert_eq!(status(&ask(&bed, Some(own), "site.test")), 0);
}

#[test]
fn an_optional_certificate_takes_the_place_of_the_sign_in() {
    let (ours, own) = authority("ours");
    let bed = start_with(&Limits::default(), |settings| {
        with_users(settings);
        settings.listeners[0].tls = true;
        let file = settings.state.with_file_name("ours.pem");
        std::fs::write(&file, ours).unwrap();
        let site = &mut settings.sites[0];
        site.tls = Some(Tls::SelfSigned);
        site.access = site.routes[0].access.clone();
        site.access.certificate = Some(CertificateUse::Optional);
        site.client_ca = Some(file);
    });
    assert_eq!(status(&ask(&bed, Some(own), "site.test")), 200);
    assert_eq!(status(&ask(&bed, None, "site.test")), 401);
}

#[test]
fn what_is_not_production_is_kept_from_search_engines() {
    for (environment, wanted) in [
        (Environment::Production, None),
        (Environment::Staging, Some("noindex, nofollow")),
        (Environment::Development, Some("noindex, nofollow")),
    ] {
        let bed = start_with(&Limits::default(), |settings| {
            settings.sites[0].environment = environment;
        });
        for line in ["GET /1k.txt HTTP/1.1", "GET /none HTTP/1.1", "GET /api/x HTTP/1.1"] {
            assert_eq!(header(&bed.ask(line), "x-robots-tag"), wanted, "{line}");
        }
    }
}

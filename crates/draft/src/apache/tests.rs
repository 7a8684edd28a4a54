//! What becomes of a configuration of this server, line by line.

use super::*;
use burgrave_audit::Ground;
use burgrave_sys::Fake;

const DEBIAN: &str = "Listen 80\n<IfModule ssl_module>\nListen 443\n</IfModule>\n<Directory />\nAllowOverride None\nRequire all denied\n</Directory>\n<Directory /srv/>\nRequire all granted\n</Directory>\n<FilesMatch \"^\\.ht\">\nRequire all denied\n</FilesMatch>\nIncludeOptional sites-enabled/*.conf\n";

fn host(fake: &Fake, text: &str) -> Vec<Site> {
    fake.file("/etc/apache2/apache2.conf", DEBIAN);
    fake.file("/etc/apache2/sites-enabled/a.conf", text);
    fake.file("/srv/www/index.html", "").directory("/srv/www/admin");
    fake.file("/etc/ssl/a.pem", "").file("/etc/ssl/a.key", "");
    sites(&Facts::new(fake, Ground::Tree)).unwrap()
}

/// The first site with these lines in a `VirtualHost *:80`.
fn of(lines: &str) -> Site {
    host(
        &Fake::new(),
        &format!("<VirtualHost *:80>\nServerName a.example\n{lines}\n</VirtualHost>\n"),
    )
    .remove(0)
}

fn routes(site: &Site) -> Vec<(&str, &str)> {
    fn to(route: &Route) -> &str {
        match &route.to {
            To::Upstreams(all) => all.first().map_or("", String::as_str),
            To::Scripts { .. } => "scripts",
            To::Nowhere => "closed",
        }
    }
    site.routes.iter().map(|route| (route.path.as_str(), to(route))).collect()
}

#[test]
fn hosts_are_told_apart_though_their_sections_are_alike() {
    let text = "<VirtualHost *:80>\nServerName a.example\nDocumentRoot /srv/www\n</VirtualHost>\n<VirtualHost *:80>\nServerName https://b.example:443\nServerAlias c.example\nProxyPass / http://127.0.0.1:3000/\n<Location /x>\nRequire valid-user\n</Location>\n</VirtualHost>\n<VirtualHost *:443>\nServerName d.example\nSSLEngine on\nSSLCertificateFile /etc/ssl/a.pem\nSSLCertificateKeyFile /etc/ssl/a.key\nDocumentRoot /srv/www\n</VirtualHost>\n";
    let all = host(&Fake::new(), text);
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|site| site.left_out.is_empty()), "{all:?}");
    assert!(all[0].routes.is_empty() && all[0].gate == Gate::Open);
    assert_eq!(
        (all[1].hosts.as_slice(), all[1].root.as_ref()),
        (&["b.example".to_owned(), "c.example".to_owned()][..], None)
    );
    assert_eq!(routes(&all[1]), [("/x", "closed"), ("/", "http://127.0.0.1:3000")]);
    assert!(matches!(all[2].certificate, Some(Certificate::Files { .. })));
    assert_eq!(all[2].listens[0].address.to_string(), "0.0.0.0:443");
}

#[test]
fn networks_stay_networks() {
    let site =
        of("DocumentRoot /srv/www\n<Directory /srv/www>\nRequire ip 10.0.0.0/8\n</Directory>");
    assert_eq!(site.gate, Gate::Networks(vec!["10.0.0.0/8".to_owned()]));
    let site = of(
        "ProxyPass / http://127.0.0.1:3000/\n<Location /staff>\nRequire ip 10.0.0.0/8\nProxyPass http://127.0.0.1:3001/staff\n</Location>",
    );
    assert!(site.left_out.is_empty(), "{:?}", site.left_out);
    let staff = site.routes.iter().find(|route| route.path == "/staff").unwrap();
    assert_eq!(staff.gate, Gate::Networks(vec!["10.0.0.0/8".to_owned()]));
}

#[test]
fn what_cannot_be_said_is_closed() {
    for lines in [
        "<Directory /srv/www/admin>\nRequire all denied\n</Directory>",
        "<Location /admin/>\nAuthType Basic\nRequire valid-user\n</Location>",
        "<Location /admin/>\nSetHandler server-status\nRequire local\n</Location>",
        "<Location /admin/>\nFrobnicate on\n</Location>",
        "Alias /admin/ /srv/other/",
        "ScriptAlias /admin/ /usr/lib/cgi-bin/",
        "ProxyPass /admin/ http://127.0.0.1:3000/",
        "ProxyPass /admin/ !",
        "ProxyPass /admin/ ajp://127.0.0.1:8009/admin/",
    ] {
        let site = of(&format!("DocumentRoot /srv/www\n{lines}"));
        assert!(site.left_out.is_empty(), "{lines}: {:?}", site.left_out);
        assert_eq!(routes(&site), [("/admin/", "closed")], "{lines}");
        assert!(site.notes.iter().any(|note| note.place.line >= 4), "{lines}");
    }
}

#[test]
fn sites_that_would_become_more_open_are_left_out() {
    for lines in [
        "<Directory /srv/www>\nRequire valid-user\n</Directory>",
        "<Directory /srv/www>\n<RequireAll>\nRequire ip 10.0.0.0/8\nRequire ip 10.1.0.0/16\n</RequireAll>\n</Directory>",
        "<Directory /srv/www>\n<Limit POST>\nRequire all denied\n</Limit>\n</Directory>",
        "<LocationMatch ^/private>\nRequire all denied\n</LocationMatch>",
        "<FilesMatch \"\\.(sql|bak)$\">\nRequire all denied\n</FilesMatch>",
        "<Directory ~ /srv/.*/x>\nRequire all denied\n</Directory>",
        "<Location />\nRequire valid-user\n</Location>",
        "RewriteEngine on\nRewriteRule ^/private - [F]",
        "SSLVerifyClient require",
        "WSGIScriptAlias / /srv/app.wsgi",
        "ProxyPassMatch ^/(.*)$ http://127.0.0.1:3000/$1",
    ] {
        let site = of(&format!("DocumentRoot /srv/www\n{lines}"));
        assert!(!site.left_out.is_empty(), "{lines}: {site:?}");
    }
}

#[test]
fn what_an_override_guards_stays_closed() {
    let one = |path: &str, text: &str| {
        let fake = Fake::new();
        fake.file(path, text);
        host(&fake, "<VirtualHost *:80>\nServerName a\nDocumentRoot /srv/www\n</VirtualHost>\n")
            .remove(0)
    };
    let site = one("/srv/www/admin/.htaccess", "# x\nAuthType Basic\n");
    assert_eq!(routes(&site), [("/admin/", "closed")]);
    assert!(site.left_out.is_empty() && site.notes.iter().any(|note| note.place.line == 2));
    assert!(!one("/srv/www/.htaccess", "Deny from all\n").left_out.is_empty());
    let site = one("/srv/www/.htaccess", "ErrorDocument 404 /x\n");
    assert!(site.left_out.is_empty() && !site.notes.is_empty());
}

#[test]
fn listen_and_host_meet() {
    let fake = Fake::new();
    let all = host(
        &fake,
        "<VirtualHost *:80 127.0.0.1:8080 name.example:80>\nServerName a\nDocumentRoot /srv/www\n</VirtualHost>\n",
    );
    let found: Vec<String> = all[0].listens.iter().map(|own| own.address.to_string()).collect();
    assert_eq!(found, ["0.0.0.0:80", "[::]:80"], "nothing listens on 8080");
    assert!(all[0].notes.iter().any(|note| note.text.contains("name.example")));
    fake.file("/etc/apache2/apache2.conf", DEBIAN.replace("Listen 80", "Listen 127.0.0.1:80"));
    let all = sites(&Facts::new(&fake, Ground::Tree)).unwrap();
    let found: Vec<String> = all[0].listens.iter().map(|own| own.address.to_string()).collect();
    assert_eq!(found, ["127.0.0.1:80"]);
}

#[test]
fn a_host_that_sends_all_elsewhere_is_empty() {
    for lines in [
        "Redirect permanent / https://a.example/",
        "RewriteEngine on\nRewriteRule ^(.*)$ https://a.example$1 [R=301,L]",
    ] {
        let site = of(&format!("DocumentRoot /srv/www\n{lines}"));
        assert!(site.is_empty && site.root.is_none(), "{lines}");
    }
    assert!(!of("DocumentRoot /srv/www\nRedirect /old https://a.example/new").is_empty);
}

#[test]
fn a_configuration_without_hosts_or_too_large_is_told() {
    let fake = Fake::new();
    fake.file("/etc/apache2/apache2.conf", "DocumentRoot /srv/www\n");
    assert!(sites(&Facts::new(&fake, Ground::Tree)).is_err());
    let fake = Fake::new();
    let all =
        host(&fake, "<VirtualHost *:80>\nServerName a\nDocumentRoot /srv/www\n</VirtualHost>\n");
    assert_eq!(all.len(), 1);
    fake.file("/etc/apache2/sites-enabled/b.conf", "KeepAlive On\n".repeat(60_000));
    assert!(sites(&Facts::new(&fake, Ground::Tree)).is_err());
    assert!(sites(&Facts::new(&Fake::new(), Ground::Tree)).unwrap().is_empty());
}

#[test]
fn addresses_are_read_as_apache_reads_them() {
    for (text, wanted) in [
        ("80", &["0.0.0.0:80", "[::]:80"][..]),
        ("*:81", &["0.0.0.0:81", "[::]:81"]),
        ("_default_:443", &["0.0.0.0:443", "[::]:443"]),
        ("*", &["0.0.0.0:80", "[::]:80"]),
        ("192.0.2.1", &["192.0.2.1:80"]),
        ("192.0.2.1:8080", &["192.0.2.1:8080"]),
        ("[::1]:80", &["[::1]:80"]),
        ("[::1]", &["[::1]:80"]),
        ("name.example:80", &[]),
        ("*:0", &[]),
        ("", &[]),
    ] {
        let found: Vec<String> = addresses(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn what_is_passed_on_unchanged_is_an_upstream() {
    for (path, to, wanted) in [
        ("/", "http://127.0.0.1:3000/", Some("http://127.0.0.1:3000")),
        ("/", "http://127.0.0.1:3000", Some("http://127.0.0.1:3000")),
        ("/a/", "https://back/a/", Some("https://back:443")),
        ("/", "unix:/run/a.sock|http://localhost/", Some("unix:/run/a.sock")),
        ("/a", "http://127.0.0.1:3000/b", None),
        ("/a/", "http://127.0.0.1:3000/", None),
        ("/", "balancer://all/", None),
        ("/", "unix:/run/php.sock|fcgi://localhost/", None),
        ("/", "http://user:secret@back/", None),
        ("/", "!", None),
        ("/", "", None),
    ] {
        let found = upstream(path, to);
        assert_eq!(found.as_deref().ok(), wanted, "{path} {to}: {found:?}");
        assert!(!format!("{found:?}").contains("secret"));
    }
}

#[test]
fn a_certificate_and_its_key_may_share_a_file() {
    let one = |lines: &str| {
        let text = format!(
            "<VirtualHost *:443>\nServerName a\nSSLEngine on\nDocumentRoot /srv/www\n{lines}\n</VirtualHost>\n"
        );
        host(&Fake::new(), &text).remove(0).certificate
    };
    let both = Certificate::Files { chain: "/etc/ssl/a.pem".into(), key: "/etc/ssl/a.pem".into() };
    assert_eq!(one("SSLCertificateFile /etc/ssl/a.pem"), Some(both));
    for lines in ["", "SSLCertificateFile /etc/ssl/none.pem\nSSLCertificateKeyFile /etc/ssl/a.key"]
    {
        assert!(matches!(one(lines), Some(Certificate::Made(_))), "{lines}");
    }
}

#[test]
fn the_innermost_folder_says_who_may_come_in() {
    let networks = |text: &str| Gate::Networks(vec![text.to_owned()]);
    for (lines, wanted) in [
        (
            "<Directory /srv/www>\nRequire ip 10.0.0.0/8\n</Directory>\n<Directory /srv>\nRequire all granted\n</Directory>",
            networks("10.0.0.0/8"),
        ),
        ("<Directory /srv>\nRequire ip 10.0.0.0/8\n</Directory>", networks("10.0.0.0/8")),
        ("<Directory /srv/www>\nOptions None\n</Directory>", Gate::Open),
        ("<Location />\nRequire ip 192.0.2.7\n</Location>", networks("192.0.2.7")),
    ] {
        let site = of(&format!("DocumentRoot /srv/www\n{lines}"));
        assert_eq!((site.gate, site.left_out.len()), (wanted, 0), "{lines}");
    }
}

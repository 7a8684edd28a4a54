//! What becomes of a configuration of this server, line by line.

use super::*;
use crate::site::To;
use burgrave_audit::Ground;
use burgrave_sys::Fake;

/// The first site of `server { … }`, on a host with a web root and a certificate.
fn of(server: &str) -> Site {
    let fake = Fake::new();
    fake.file(
        "/etc/nginx/nginx.conf",
        format!(
            "http {{\n upstream app {{ server 127.0.0.1:3000; }}\n server {{\n{server}\n}}\n}}\n"
        ),
    );
    fake.file("/srv/www/index.html", "").file("/srv/www/admin/x.html", "");
    fake.file("/etc/ssl/a.pem", "").file("/etc/ssl/a.key", "");
    sites(&Facts::new(&fake, Ground::Tree)).unwrap().remove(0)
}

fn routes(site: &Site) -> Vec<(&str, Vec<&str>)> {
    fn to(route: &crate::site::Route) -> Vec<&str> {
        match &route.to {
            To::Upstreams(all) => all.iter().map(String::as_str).collect(),
            To::Scripts { upstreams, .. } => upstreams.iter().map(String::as_str).collect(),
            To::Nowhere => vec!["closed"],
        }
    }
    site.routes.iter().map(|route| (route.path.as_str(), to(route))).collect()
}

#[test]
fn a_site_of_files_keeps_root_fallback_names_and_limits() {
    let site = of(
        "listen 443 ssl http2; listen [::]:443 ssl;\nserver_name Shop.example www.shop.example *.old.example;\nroot /srv/www;\nssl_certificate /etc/ssl/a.pem; ssl_certificate_key /etc/ssl/a.key;\nclient_max_body_size 20m;\nlocation / { try_files $uri $uri/ /index.html; }",
    );
    assert!(site.left_out.is_empty(), "{:?}", site.left_out);
    assert_eq!(site.hosts, ["shop.example", "www.shop.example"]);
    assert_eq!(site.root.as_deref(), Some(Path::new("/srv/www")));
    assert_eq!((site.fallback.as_deref(), site.body_bytes), (Some("/index.html"), Some(20 << 20)));
    assert!(matches!(site.certificate, Some(Certificate::Files { .. })));
    assert_eq!(site.listens.len(), 2);
    assert!(
        site.notes.iter().any(|note| note.text.contains("*.old.example") && note.place.line == 5)
    );
}

#[test]
fn proxied_places_keep_their_upstreams_and_their_gates() {
    let site = of(
        "server_name a;\nlocation / { proxy_pass http://app; }\nlocation /staff/ { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:4000/staff/; client_max_body_size 5m; }",
    );
    assert!(site.left_out.is_empty(), "{:?}", site.left_out);
    assert_eq!(
        routes(&site),
        [("/", vec!["http://127.0.0.1:3000"]), ("/staff/", vec!["http://127.0.0.1:4000"])]
    );
    let staff = &site.routes[1];
    assert_eq!(staff.gate, Gate::Networks(vec!["10.0.0.0/8".to_owned()]));
    assert_eq!((staff.body_bytes, site.body_bytes), (Some(5 << 20), Some(1 << 20)));
}

#[test]
fn a_guarded_beginning_guards_what_begins_so() {
    const GUARDED: &str = "location /api { allow 10.0.0.0/8; deny all; proxy_pass http://app; }";
    let alone = of(&format!("server_name a;\nroot /srv/www;\n{GUARDED}"));
    assert!(alone.left_out.is_empty(), "{:?}", alone.left_out);
    assert_eq!(
        routes(&alone),
        [("/api.", vec!["closed"]), ("/api", vec!["http://127.0.0.1:3000"])]
    );
    // What begins so is in the folder, or would go to another application.
    let fake = Fake::new();
    fake.file(
        "/etc/nginx/nginx.conf",
        format!("http {{ upstream app {{ server 127.0.0.1:3000; }} server {{ server_name a; root /srv/www; {GUARDED} }} }}"),
    );
    fake.file("/srv/www/api-keys.html", "");
    let site = sites(&Facts::new(&fake, Ground::Tree)).unwrap().remove(0);
    assert!(site.left_out.iter().any(|note| note.text.contains("api-keys")), "{site:?}");
    for other in [
        "location / { proxy_pass http://app; }",
        "location /a/ { proxy_pass http://app; } location /a/b { deny all; }",
    ] {
        let site = of(&format!("server_name a;\nroot /srv/www;\n{GUARDED}\n{other}"));
        assert!(site.left_out.iter().any(|note| note.text.contains("begins so")), "{site:?}");
    }
}

#[test]
fn guarded_places_that_we_cannot_say_are_closed_with_their_lines() {
    for location in [
        "location /admin/ { auth_basic x; }",
        "location /admin/ { deny all; }",
        "location /admin/ { auth_request /auth; proxy_pass http://app; }",
        "location /admin/ { internal; }",
        "location /admin/ { return 403; }",
        "location /admin/ { allow 10.0.0.0/8; deny all; }",
        "location /admin/ { alias /srv/other/; }",
        "location /admin/ { proxy_pass http://app/; }",
        "location /admin/ { fastcgi_pass unix:/run/x; }",
        "location /admin/ { frobnicate on; }",
        "location /admin/ { proxy_set_header X-Admin yes; proxy_pass http://app; }",
        "location /admin/ { rewrite ^/admin/(.*)$ /inner/$1 break; proxy_pass http://app; }",
        "location /admin/ { if ($arg_x) { return 403; } }",
        "location = /admin/ { auth_basic x; }",
        "location ^~ /admin/ { deny all; }",
        "location /x/ { location /admin/ { deny all; } }",
    ] {
        let site = of(&format!("server_name a;\nroot /srv/www;\n{location}"));
        assert!(site.left_out.is_empty(), "{location}: {:?}", site.left_out);
        assert_eq!(routes(&site), [("/admin/", vec!["closed"])], "{location}");
        assert!(site.notes.iter().any(|note| note.place.line == 6), "{location}: {:?}", site.notes);
    }
}

#[test]
fn sites_that_would_become_more_open_are_left_out() {
    for server in [
        "root /srv/www; auth_basic x;",
        "root /srv/www; ssl_verify_client on;",
        "root /srv/www; frobnicate on;",
        "root /srv/www; rewrite ^/private /index.html last;",
        "proxy_set_header X-User \"\"; location / { proxy_pass http://app; }",
        "root /srv/www; if ($bad) { return 403; }",
        "root /srv/www; location ~ ^/private { deny all; }",
        "root /srv/www; location ~ \\.php$ { uwsgi_pass unix:/run/php.sock; }",
        "root /srv/www; location ~* \\.(sql|bak)$ { return 404; }",
        "root /srv/www; location / { try_files $uri @app; } location @app { proxy_pass http://app; }",
        "root /srv/www; location / { auth_basic x; }",
        "root /srv/$host;",
        "root /srv/none;",
        "location / { proxy_pass http://$backend; }",
        "location / { proxy_pass http://app/inner/; }",
        // `/adm` kept `/admin` closed, too.
        "root /srv/www; location /adm { deny all; }",
    ] {
        let site = of(&format!("server_name a; {server}"));
        assert!(!site.left_out.is_empty(), "{server}: {:?}", routes(&site));
    }
}

#[test]
fn a_folder_of_programs_is_not_handed_out_as_text() {
    let fake = Fake::new();
    fake.file("/etc/nginx/nginx.conf", "http { server { server_name a; root /srv/www; } }");
    fake.file("/srv/www/lib/config.PHP", "<?php $password = 1;");
    let site = sites(&Facts::new(&fake, Ground::Tree)).unwrap().remove(0);
    assert!(site.left_out[0].text.contains("/srv/www/lib/config.PHP"), "{:?}", site.left_out);
}

#[test]
fn harmless_places_change_nothing() {
    let site = of(
        "server_name a; root /srv/www; location = /favicon.ico { log_not_found off; }\nlocation ~ /\\.ht { deny all; }\nlocation ~* \\.(js|css)$ { expires 1y; }\nlocation /static/ { access_log off; }",
    );
    assert!(site.left_out.is_empty() && site.routes.is_empty(), "{site:?}");
    assert!(!site.is_empty);
}

#[test]
fn servers_that_only_redirect_or_refuse_are_empty() {
    for server in [
        "listen 80; server_name a; return 301 https://$host$request_uri;",
        "listen 80 default_server; server_name _; return 444;",
        "server_name a; if ($host = a) { return 301 https://$host$request_uri; } return 404;",
        "server_name a; location / { return 301 https://b.example; }",
        "server_name a; location / { return 403; }",
    ] {
        let site = of(server);
        assert!(
            site.is_empty && !site.notes.is_empty() || routes(&site) == [("/", vec!["closed"])],
            "{server}"
        );
        assert!(site.root.is_none());
    }
}

#[test]
fn addresses_are_read_as_nginx_reads_them() {
    for (text, wanted) in [
        ("80", Some("0.0.0.0:80")),
        ("*:81", Some("0.0.0.0:81")),
        ("[::]:443", Some("[::]:443")),
        ("127.0.0.1", Some("127.0.0.1:80")),
        ("[::1]", Some("[::1]:80")),
        ("localhost:8080", Some("127.0.0.1:8080")),
        ("unix:/run/x", None),
        ("example.com:80", None),
        ("0", None),
        ("", None),
    ] {
        assert_eq!(address(text).map(|a| a.to_string()).as_deref(), wanted, "{text}");
    }
}

#[test]
fn a_configuration_that_the_reader_may_have_cut_is_not_drafted() {
    let refused = |text: String| {
        let fake = Fake::new();
        fake.file("/etc/nginx/nginx.conf", text).directory("/srv/www");
        sites(&Facts::new(&fake, Ground::Tree)).is_err()
    };
    let server =
        |inner: &str| format!("http {{ server {{ server_name a; root /srv/www; {inner} }} }}");
    assert!(!refused(server(&"gzip on; ".repeat(1_000))));
    assert!(refused(server(&"gzip on; ".repeat(60_000))));
    assert!(refused(server(&format!("{}{}", "location /x { ".repeat(30), "} ".repeat(30)))));
}

//! Whole hosts: drafted, and taken by our own reader of configurations.

use super::*;
use burgrave_audit::Ground;
use burgrave_config::{Settings, Tls, Upstream, parse};
use burgrave_sys::Fake;

fn drafted(fake: &Fake, ground: Ground) -> (Draft, Settings) {
    let facts = Facts::new(fake, ground);
    let draft = draft(&facts);
    let settings = parse(&draft.text)
        .unwrap_or_else(|errors| panic!("{}\n{}", errors.render("draft"), draft.text));
    (draft, settings)
}

/// A Debian host with nginx as it is installed, two sites and their certificates.
fn nginx() -> Fake {
    let fake = Fake::new();
    fake.file("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    fake.file("/etc/nginx/nginx.conf", "user www-data;\nevents { worker_connections 768; }\nhttp {\n sendfile on;\n include /etc/nginx/mime.types;\n include conf.d/*.conf;\n include /etc/nginx/sites-enabled/*;\n}\n");
    fake.file("/etc/nginx/mime.types", "types { text/html html; }\n");
    fake.file(
        "/etc/nginx/conf.d/app.conf",
        "upstream app { server 127.0.0.1:3000; server 127.0.0.1:3001; }\n",
    );
    fake.file("/etc/nginx/snippets/tls.conf", "ssl_certificate /etc/ssl/shop.pem;\nssl_certificate_key /etc/ssl/shop.key;\nssl_protocols TLSv1.2 TLSv1.3;\n");
    fake.file("/etc/nginx/sites-available/shop", "server {\n listen 80;\n listen [::]:80;\n server_name shop.example;\n return 301 https://$host$request_uri;\n}\nserver {\n listen 443 ssl http2;\n listen [::]:443 ssl http2;\n server_name shop.example www.shop.example;\n include snippets/tls.conf;\n root /srv/shop;\n location / { try_files $uri /index.html; }\n location /api/ { proxy_pass http://app; proxy_set_header Host $host; }\n location /admin/ {\n  auth_basic \"staff\";\n  auth_basic_user_file /etc/nginx/htpasswd;\n  proxy_pass http://app;\n }\n location /metrics { allow 10.0.0.0/8; deny all; proxy_pass http://app; }\n rewrite ^/old$ /new permanent;\n}\n");
    fake.link("/etc/nginx/sites-enabled/shop", "/etc/nginx/sites-available/shop");
    fake.file("/etc/nginx/sites-enabled/intern", "server {\n listen 127.0.0.1:443 ssl;\n server_name intern.example;\n include snippets/tls.conf;\n root /srv/intern;\n}\n");
    fake.file("/etc/ssl/shop.pem", "").file("/etc/ssl/shop.key", "");
    fake.file("/srv/shop/index.html", "").file("/srv/intern/index.html", "");
    fake.file("/etc/ssh/sshd_config", "").file("/var/log/auth.log", "");
    fake.file("/var/log/nginx/error.log", "").file("/var/log/nginx/access.log", "");
    fake.directory("/etc/postgresql");
    fake
}

#[test]
fn a_host_with_nginx_is_drafted_and_taken() {
    let (draft, settings) = drafted(&nginx(), Ground::Tree);
    assert_eq!((draft.sites, draft.left_out), (1, 1), "{}", draft.text);
    assert_eq!(settings.sites.len(), 1);
    let site = &settings.sites[0];
    assert_eq!(site.hosts, ["shop.example", "www.shop.example"]);
    assert!(matches!(&site.tls, Some(Tls::Files { key, .. }) if key.ends_with("shop.key")));
    assert_eq!(site.limits.body_bytes, 1 << 20);
    let route = |path: &str| site.routes.iter().find(|route| route.path == path).unwrap();
    let api = route("/api/");
    assert_eq!((api.upstream.len(), api.access.is_open()), (2, true));
    assert_eq!(route("/metrics").access.networks.len(), 1);
    let admin = route("/admin/");
    assert_eq!(admin.access.networks.len(), 1, "this machine alone");
    assert!(matches!(&admin.upstream[0], Upstream::Http(to) if to.port == 9));
}

#[test]
fn listeners_logs_and_what_is_not_carried_over_stand_in_the_draft() {
    let (draft, settings) = drafted(&nginx(), Ground::Tree);
    let listeners: Vec<_> =
        settings.listeners.iter().map(|own| (own.address.to_string(), own.tls)).collect();
    let all =
        [("0.0.0.0:443", true), ("[::]:443", true), ("0.0.0.0:80", false), ("[::]:80", false)];
    assert_eq!(listeners, all.map(|(address, tls)| (address.to_owned(), tls)));
    assert_eq!(settings.watch.len(), 3);
    let flat = draft.text.replace("\n# ", " ");
    for words in [
        "/etc/nginx/sites-enabled/shop:16: `auth_basic` asks",
        "/etc/nginx/sites-enabled/shop:21: `rewrite`: paths are not rewritten",
        "/etc/nginx/sites-enabled/intern:1: it is reached on 127.0.0.1:443 only",
        "hosts = [\"intern.example\"]",
        "source = { postgresql = \"*\" }",
    ] {
        assert!(flat.contains(words), "{words}\n{}", draft.text);
    }
}

#[test]
fn a_host_with_apache_is_drafted_and_taken() {
    let fake = Fake::new();
    fake.file("/etc/debian_version", "12\n");
    fake.file("/etc/apache2/apache2.conf", "Timeout 300\nInclude ports.conf\n<Directory />\nRequire all denied\n</Directory>\n<Directory /srv/>\nAllowOverride None\nRequire all granted\n</Directory>\nIncludeOptional sites-enabled/*.conf\n");
    fake.file(
        "/etc/apache2/ports.conf",
        "Listen 80\n<IfModule ssl_module>\nListen 443\n</IfModule>\n",
    );
    fake.file("/etc/apache2/sites-enabled/a.conf", "<VirtualHost *:80>\nServerName bank.example\nRedirect / https://bank.example/\n</VirtualHost>\n<VirtualHost *:443>\nServerName bank.example\nDocumentRoot /srv/bank\nSSLEngine on\nSSLCertificateFile /etc/ssl/none.pem\nSSLCertificateKeyFile /etc/ssl/none.key\nProxyPass /api/ http://127.0.0.1:4000/api/\n<Location /staff/>\nRequire ldap-group cn=staff\n</Location>\n</VirtualHost>\n");
    fake.file("/srv/bank/index.html", "").file("/var/log/apache2/error.log", "");
    let (draft, settings) = drafted(&fake, Ground::Tree);
    assert_eq!((draft.sites, draft.left_out), (1, 0), "{}", draft.text);
    assert_eq!(settings.sites[0].tls, Some(Tls::SelfSigned), "the files are not there");
    assert_eq!(settings.sites[0].routes.len(), 2);
    assert!(draft.text.contains("`/etc/ssl/none.pem` is not there"), "{}", draft.text);
    assert_eq!(settings.watch.len(), 1);
}

#[test]
fn an_empty_host_gives_a_small_file_that_is_taken() {
    for ground in [Ground::Tree, Ground::Running] {
        let (draft, settings) = drafted(&Fake::new(), ground);
        assert_eq!((draft.sites, settings.sites.len(), settings.listeners.len()), (0, 1, 1));
        assert!(settings.listeners[0].address.ip().is_loopback());
        assert!(draft.text.len() < 8_000);
    }
}

#[test]
fn every_setting_has_a_comment() {
    let (draft, _) = drafted(&nginx(), Ground::Tree);
    let lines: Vec<&str> = draft.text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let is_setting = line.contains(" = ") && !line.starts_with('#');
        let before = lines[..index].iter().rev().take_while(|line| !line.is_empty());
        let explained =
            line.contains("   # ") || before.into_iter().any(|line| line.starts_with("# "));
        assert!(!is_setting || explained, "{line}");
    }
}

#[test]
fn hostile_names_and_paths_neither_break_the_text_nor_get_out_of_comments() {
    let fake = Fake::new();
    let odd = "\"a\\\"]\n[firewall]\nenabled = true\n#\"";
    fake.file("/etc/nginx/nginx.conf", format!("http {{ server {{ listen 80; server_name {odd} ok.example; root \"/srv/a\\\"b\nx\"; location {odd} {{ deny all; }} location \"/x\ny\" {{ frob; }} }} server {{ listen 80; server_name b.example; location / {{ proxy_pass \"http://u:secret@h/\"; }} }} }}"));
    let (draft, settings) = drafted(&fake, Ground::Tree);
    assert!(settings.firewall.is_none());
    assert_eq!(draft.sites, 0, "{}", draft.text);
    assert!(!draft.text.contains("secret"), "{}", draft.text);
    assert!(
        draft
            .text
            .lines()
            .filter(|line| line.contains("[firewall]"))
            .all(|line| line.starts_with('#'))
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_told() {
    let fake = nginx();
    fake.refuse("/etc/nginx/conf.d/app.conf", burgrave_sys::Refusal::Denied);
    let (draft, _) = drafted(&fake, Ground::Tree);
    assert_eq!(draft.sites, 0);
    assert!(draft.text.contains("nginx could not be read"), "{}", draft.text);
}

#[test]
fn a_name_is_one_sites() {
    let fake = Fake::new();
    fake.file("/etc/nginx/nginx.conf", "http { server { listen 80; server_name a.example b.example; root /srv; } server { listen 80; server_name a.example; root /srv; } server { listen 80; server_name b.example c.example; root /srv; } }");
    fake.directory("/srv");
    let (draft, settings) = drafted(&fake, Ground::Tree);
    let hosts: Vec<_> = settings.sites.iter().map(|site| site.hosts.clone()).collect();
    assert_eq!(hosts, [vec!["a.example", "b.example"], vec!["c.example"]]);
    assert_eq!(draft.left_out, 1);
}

/// A few values of a generator that is always the same (Marsaglia, Xorshift RNGs, 2003).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most).unwrap()).unwrap()
    }
}

/// Pieces that mean something to either server or to TOML.
const PIECES: [&str; 24] = [
    "{",
    "}",
    ";",
    "\"",
    "'",
    "\\",
    "#",
    "\n",
    "\0",
    "\u{202e}",
    "[[site]]",
    "location / {",
    "deny all;",
    "server {",
    "<VirtualHost *:80>",
    "</VirtualHost>",
    "<Location />",
    "ProxyPass / http://127.0.0.1:1/",
    "$host",
    "*",
    "..",
    "listen 443 ssl;",
    "root /srv/shop;",
    "server_name a;",
];

#[test]
fn whatever_stands_in_a_configuration_the_draft_is_taken() {
    const APACHE: &str = "Listen 80\n<VirtualHost *:80>\nServerName a.example\nDocumentRoot /srv/shop\n<Directory /srv/shop>\nRequire ip 10.0.0.0/8\n</Directory>\nProxyPass /api/ http://127.0.0.1:3000/api/\n<Location /x>\nRequire valid-user\n</Location>\nAlias /y/ /srv/y/\n</VirtualHost>\n";
    const NGINX: &str = "http { upstream app { server 127.0.0.1:3000; } server { listen 80; listen 443 ssl; server_name a.example b.example; root /srv/shop; client_max_body_size 5m; location / { try_files $uri /index.html; } location /api/ { proxy_pass http://app; } location ^~ /adm { allow 10.0.0.0/8; deny all; } location ~ \\.ht { deny all; } } }\n";
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for turn in 0..1_500 {
        let (path, text) = if turn % 2 == 0 {
            ("/etc/nginx/nginx.conf", NGINX)
        } else {
            ("/etc/apache2/apache2.conf", APACHE)
        };
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=dice.below(4) {
            let at = dice.below(bytes.len());
            match dice.below(3) {
                0 => bytes[at] = u8::try_from(dice.below(256)).unwrap(),
                1 => drop(bytes.drain(at..(at + dice.below(40)).min(bytes.len()))),
                _ => {
                    let piece = PIECES[dice.below(PIECES.len())].as_bytes();
                    drop(bytes.splice(at..at, piece.iter().copied()));
                }
            }
        }
        let fake = Fake::new();
        fake.file(path, bytes).file("/srv/shop/index.html", "");
        drafted(&fake, Ground::Tree);
    }
}

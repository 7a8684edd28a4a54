//! Sites with PHP, as Debian, WordPress and Laravel write them, and what guards scripts there.

use super::*;
use crate::site::scripts_in_short as told;
use burgrave_audit::Ground;
use burgrave_sys::Fake;

/// What Debian's `snippets/fastcgi-php.conf` and `fastcgi.conf` say.
const SNIPPET: &str = "fastcgi_split_path_info ^(.+?\\.php)(/.*)$; try_files $fastcgi_script_name =404;\n\
    set $path_info $fastcgi_path_info; fastcgi_param PATH_INFO $path_info; fastcgi_index index.php;\n\
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; fastcgi_param QUERY_STRING $query_string;\n\
    fastcgi_param REMOTE_ADDR $remote_addr; fastcgi_param HTTPS $https if_not_empty; fastcgi_param REDIRECT_STATUS 200;";
const SOCKET: &str = "fastcgi_pass unix:/run/php/php8.2-fpm.sock;";

fn host(server: &str) -> Fake {
    let fake = Fake::new();
    fake.file(
        "/etc/nginx/nginx.conf",
        format!(
            "http {{\n upstream php {{ server unix:/run/php/a.sock; server 10.0.0.1:9000; }}\n server {{ server_name a.example; root /srv/www;\n{server}\n}}\n}}\n"
        ),
    );
    for name in ["index.php", "wp-login.php", "lib/db.inc", "style.css", "wp-content/uploads/a.jpg"]
    {
        fake.file(format!("/srv/www/{name}"), "");
    }
    fake
}

fn of(server: &str) -> Site {
    sites(&Facts::new(&host(server), Ground::Tree)).unwrap().remove(0)
}

#[test]
fn sites_with_php_are_carried_over() {
    let debian = "fastcgi:/run/php/php8.2-fpm.sock";
    for (server, wanted) in [
        (
            format!(
                "index index.html index.php; location / {{ try_files $uri $uri/ =404; }} location ~ \\.php$ {{ {SNIPPET} {SOCKET} }} location ~ /\\.ht {{ deny all; }}"
            ),
            format!("{debian} index.php "),
        ),
        (
            format!(
                "index index.php; location / {{ try_files $uri $uri/ /index.php?$args; }} location = /robots.txt {{ allow all; log_not_found off; }}\n\
                     location ~* /(?:uploads|files)/.*\\.php$ {{ deny all; }} location ~ \\.php$ {{ include x; {SOCKET} }}"
            ),
            format!("{debian} index.php front files,uploads"),
        ),
        (
            "charset utf-8; location / { try_files $uri $uri/ /index.php?$query_string; } error_page 404 /index.php;\n\
                     location ~ \\.php$ { fastcgi_pass php; fastcgi_param SCRIPT_FILENAME $realpath_root$fastcgi_script_name; }\n\
                     location ~ /\\.(?!well-known).* { deny all; }".to_owned(),
            "fastcgi:/run/php/a.sock,fastcgi://10.0.0.1:9000 index.php front ".to_owned(),
        ),
        (
            "location ^~ /wp-content/uploads/ { expires 1d; } location /up/ { location ~ \\.php$ { return 403; } }\n\
                     location ~* \\.(css|js)$ { expires max; } location ~ [^/]\\.php(/|$) { fastcgi_pass 127.0.0.1:9000; }".to_owned(),
            "fastcgi://127.0.0.1:9000 index.php /up,/wp-content/uploads".to_owned(),
        ),
        (
            format!("location / {{ try_files $uri /index.php$is_args$args; }} location ~ ^/index\\.php(/|$) {{ {SNIPPET} {SOCKET} }}\n\
                     location ~ \\.php$ {{ return 404; }}"),
            format!("{debian} index.php front only /index.php "),
        ),
    ] {
        assert_eq!(told(&of(&server)), wanted, "{server}");
    }
}

#[test]
fn the_draft_is_taken_as_it_is() {
    let server = format!(
        "listen 80; location / {{ try_files $uri $uri/ /index.php?$args; }} location = /xmlrpc.php {{ deny all; }} location ~ ^/install\\.php$ {{ return 404; }}\n\
         location ^~ /wp-content/uploads/ {{ }} location ~ \\.php$ {{ {SNIPPET} {SOCKET} client_max_body_size 8m; allow 10.0.0.0/8; deny all; }}"
    );
    let draft = crate::draft(&Facts::new(&host(&server), Ground::Tree));
    assert_eq!((draft.sites, draft.left_out), (1, 0), "{}", draft.text);
    let settings = burgrave_config::parse(&draft.text).unwrap();
    let site = &settings.sites[0];
    for path in ["/xmlrpc.php", "/install.php"] {
        let closed = site.routes.iter().find(|route| route.path == path).unwrap();
        assert!(closed.fastcgi.is_none(), "{closed:?}");
    }
    let route = site.routes.iter().find(|route| route.path == "/").unwrap();
    let own = route.fastcgi.as_ref().unwrap();
    assert!(own.files && own.front_controller, "{own:?}");
    assert_eq!(own.no_scripts, ["/wp-content/uploads"]);
    assert_eq!(route.limits.body_bytes, 8 << 20);
    assert_eq!(route.access.networks.len(), 1, "as closed as the scripts were");
}

#[test]
fn what_would_run_or_be_reached_otherwise_leaves_the_site_out() {
    let pass = format!("location ~ \\.php$ {{ {SOCKET} }}");
    for (server, words) in [
        (
            format!(
                "{pass} location /app {{ deny all; }} location / {{ try_files $uri /index.php; }}"
            ),
            "begins so",
        ),
        (format!("location ~ \\.php$ {{ auth_basic x; {SOCKET} }}"), "`auth_basic` asks"),
        (format!("location ~ \\.php$ {{ internal; {SOCKET} }}"), "`internal`"),
        (format!("location ~ ^/(index|app)\\.php(/|$) {{ {SOCKET} }}"), "chosen by a pattern"),
        (format!("location ~ ^/app\\.php(/|$) {{ {SOCKET} }}"), "`/app.php` alone"),
        (format!("location ~ ^/index\\.php(/|$) {{ {SOCKET} }} {pass}"), "run otherwise"),
        (format!("{pass} location ~ ^/index\\.php(/|$) {{ {SOCKET} }}"), "run otherwise"),
        (format!("location ~ \\.php$ {{ root /srv/other; {SOCKET} }}"), "another folder"),
        (
            format!("location ~ \\.php$ {{ fastcgi_param APP_MODE readonly; {SOCKET} }}"),
            "`fastcgi_param APP_MODE`",
        ),
        (
            format!(
                "location ~ \\.php$ {{ fastcgi_param SCRIPT_FILENAME /srv/one.php; {SOCKET} }}"
            ),
            "`fastcgi_param SCRIPT_FILENAME`",
        ),
        (format!("fastcgi_param REMOTE_USER admin; {pass}"), "`fastcgi_param REMOTE_USER`"),
        ("location ~ \\.php$ { fastcgi_pass $socket; }".to_owned(), "variables"),
        ("location ~ \\.php$ { uwsgi_pass 127.0.0.1:1; }".to_owned(), "chosen by a pattern"),
        (format!("{pass} location / {{ proxy_pass http://127.0.0.1:3000; }}"), "another folder"),
        (format!("{pass} location / {{ try_files $uri /app.php; }}"), "goes to `/app.php`"),
        (format!("{pass} location / {{ try_files $uri @app; }}"), "goes to a program"),
        (
            format!("{pass} location /shop/ {{ try_files $uri /shop/index.php?$args; }}"),
            "a script of its own",
        ),
        (format!("{pass} location ^~ /wp-con {{ }}"), "is no folder"),
        (format!("{pass} location ~ /a\\.b/.*\\.php$ {{ deny all; }}"), "chosen by a pattern"),
        ("location / { try_files $uri /index.php; }".to_owned(), "which nobody runs"),
        ("location ~ \\.php$ { deny all; }".to_owned(), "would be handed out as text"),
    ] {
        let site = of(&server);
        let all: Vec<&str> = site.left_out.iter().map(|note| note.text.as_str()).collect();
        assert!(all.iter().any(|text| text.contains(words)), "{server}: {words}: {all:?}");
    }
}

#[test]
fn other_programs_beside_the_scripts_leave_the_site_out() {
    let fake = host(&format!("location ~ \\.php$ {{ {SOCKET} }}"));
    fake.file("/srv/www/cgi/x.pl", "");
    let site = sites(&Facts::new(&fake, Ground::Tree)).unwrap().remove(0);
    assert!(site.left_out.iter().any(|note| note.text.contains("x.pl")), "{:?}", site.left_out);
}

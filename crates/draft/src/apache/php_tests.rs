//! Sites with PHP, as Debian's packages configure them, and what is not carried over of such.

use super::*;
use crate::site::scripts_in_short as told;
use burgrave_audit::Ground;
use burgrave_sys::Fake;

/// As `conf-available/php8.2-fpm.conf` has it.
const FPM: &str = "<IfModule proxy_fcgi_module>\n<FilesMatch \".+\\.ph(?:ar|p|tml)$\">\nSetHandler \"proxy:unix:/run/php/php8.2-fpm.sock|fcgi://localhost\"\n</FilesMatch>\n\
    <FilesMatch \".+\\.phps$\">\nRequire all denied\n</FilesMatch>\n<FilesMatch \"^\\.ph(?:ar|p|ps|tml)$\">\nRequire all denied\n</FilesMatch>\n</IfModule>\n";
const ROOT: &str = "<Directory />\nRequire all denied\n</Directory>\n<Directory /srv/www>\nAllowOverride All\nRequire all granted\n</Directory>\n";

fn of(global: &str, lines: &str, change: impl Fn(&Fake)) -> Site {
    let fake = Fake::new();
    fake.file("/etc/apache2/apache2.conf", format!("Listen 80\nDirectoryIndex index.html index.php\n{ROOT}{global}<VirtualHost *:80>\nServerName a.example\nDocumentRoot /srv/www\n{lines}\n</VirtualHost>\n"));
    for name in ["index.php", "a.php", "style.css", "up/a.jpg"] {
        fake.file(format!("/srv/www/{name}"), "");
    }
    change(&fake);
    sites(&Facts::new(&fake, Ground::Tree)).unwrap().remove(0)
}

#[test]
fn sites_with_php_fpm_are_carried_over() {
    let none = |_: &Fake| {};
    let site = of(FPM, "", none);
    assert_eq!(told(&site), "fastcgi:/run/php/php8.2-fpm.sock index.php ");
    let wordpress = |fake: &Fake| {
        fake.file("/srv/www/.htaccess", "RewriteEngine On\nRewriteRule ^index\\.php$ - [L]\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule . /index.php [L]\n");
        fake.file("/srv/www/up/.htaccess", "<Files *.php>\ndeny from all\n</Files>\n");
    };
    assert_eq!(
        told(&of(FPM, "", wordpress)),
        "fastcgi:/run/php/php8.2-fpm.sock index.php front /up"
    );
    let own = "DirectoryIndex app.php\nFallbackResource /app.php\n<FilesMatch \"\\.php$\">\nSetHandler \"proxy:fcgi://127.0.0.1:9000\"\n</FilesMatch>";
    assert_eq!(told(&of("", own, none)), "fastcgi://127.0.0.1:9000 app.php front ");
    let inside = "<Directory /srv/www>\n<FilesMatch \"\\.php$\">\nSetHandler \"proxy:fcgi://127.0.0.1:9000\"\n</FilesMatch>\n</Directory>";
    assert_eq!(told(&of("", inside, none)), "fastcgi://127.0.0.1:9000 index.php ");
    let matched = "ProxyPassMatch ^/(.*\\.php(/.*)?)$ fcgi://127.0.0.1:9000/srv/www/$1";
    assert_eq!(told(&of("", matched, none)), "fastcgi://127.0.0.1:9000 index.php ");
}

#[test]
fn what_cannot_be_said_leaves_the_site_out() {
    let module = "<FilesMatch \".+\\.ph(?:ar|p|tml)$\">\nSetHandler application/x-httpd-php\n</FilesMatch>\n";
    let both = format!("{FPM}{module}");
    let other =
        "<FilesMatch \"\\.php$\">\nSetHandler \"proxy:fcgi://127.0.0.1:9000\"\n</FilesMatch>";
    let guarded = "<FilesMatch \"\\.php$\">\nRequire ip 10.0.0.0/8\nSetHandler \"proxy:fcgi://127.0.0.1:9000\"\n</FilesMatch>";
    for (global, lines, words) in [
        (module, "", "would be handed out as text"),
        (both.as_str(), "", "two handlers"),
        (FPM, other, "more than one server"),
        ("", guarded, "guarded otherwise"),
        (
            "",
            "ProxyPassMatch ^/(.*\\.php)$ fcgi://127.0.0.1:9000/srv/other/$1",
            "chosen by a pattern",
        ),
        (FPM, "FallbackResource /other.php", "goes to `/other.php`"),
        (
            FPM,
            "<FilesMatch \"^(a|b)\\.php$\">\nRequire all denied\n</FilesMatch>",
            "chosen by a pattern",
        ),
    ] {
        let site = of(global, lines, |_| {});
        let all: Vec<&str> = site.left_out.iter().map(|note| note.text.as_str()).collect();
        assert!(all.iter().any(|text| text.contains(words)), "{global} {lines}: {words}: {all:?}");
    }
}

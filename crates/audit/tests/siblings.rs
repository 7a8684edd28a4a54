//! Faults beside the ones that each check's own small hosts show, and right things that look like
//! them. One row: the check, whether it must fail, and the files of the host.
#![allow(clippy::unwrap_used, reason = "tests")]

use burgrave_audit::{ALL, Facts, Ground, look};
use burgrave_model::Verdict;
use burgrave_sys::Fake;

type Row = (&'static str, bool, &'static [(&'static str, &'static str)]);

fn check(rows: &[Row]) {
    for (id, fails, files) in rows {
        let fake = Fake::new();
        fake.file(
            "/etc/passwd",
            "root:x:0:0::/root:/bin/bash\nolga:x:1000:1000::/home/olga:/bin/bash\n",
        );
        fake.file("/etc/group", "root:x:0:\nolga:x:1000:\n")
            .file("/etc/shadow", "root:!:1:0:9:7:::\n");
        for (path, content) in *files {
            fake.file(path, *content);
        }
        let facts = Facts::new(&fake, Ground::Tree);
        let check = ALL.iter().find(|check| check.id == *id).unwrap();
        let found = look(check, &facts);
        let failed = found.iter().any(|finding| finding.verdict == Verdict::Fail);
        assert_eq!(failed, *fails, "{id} on {files:?}: {found:#?}");
    }
}

const SSHD: &str = "/etc/ssh/sshd_config";
const NGINX: &str = "/etc/nginx/nginx.conf";
const NFT: &str = "/etc/nftables.conf";

#[test]
fn ssh_is_read_as_sshd_reads_it() {
    check(&[
        ("ssh-root-login", false, &[(SSHD, "permitrootlogin no\nPermitRootLogin yes\n")]),
        ("ssh-root-login", true, &[(SSHD, "PermitRootLogin=\"yes\"\n")]),
        (
            "ssh-root-login",
            true,
            &[(SSHD, "PermitRootLogin no\nMatch all\nMatch User a\nPermitRootLogin yes\n")],
        ),
        (
            "ssh-root-login",
            false,
            &[(SSHD, "PermitRootLogin no\nMatch Address 127.0.0.1\nPermitRootLogin yes\n")],
        ),
        (
            "ssh-root-login",
            true,
            &[
                (SSHD, "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin no\n"),
                ("/etc/ssh/sshd_config.d/1.conf", "PermitRootLogin yes\n"),
            ],
        ),
        (
            "ssh-root-login",
            false,
            &[
                (SSHD, "PermitRootLogin no\nInclude /etc/ssh/x/*.conf\n"),
                ("/etc/ssh/x/1.conf", "PermitRootLogin yes\n"),
            ],
        ),
        ("ssh-ciphers", false, &[(SSHD, "Ciphers -3des-cbc,aes128-cbc\n")]),
        ("ssh-ciphers", true, &[(SSHD, "Ciphers +3des-cbc\n")]),
        ("ssh-macs", true, &[(SSHD, "MACs umac-64@openssh.com\n")]),
        ("ssh-login-grace", false, &[(SSHD, "LoginGraceTime 1m30s\n")]),
        ("ssh-login-grace", true, &[(SSHD, "LoginGraceTime 1h\n")]),
        (
            "ssh-client-host-keys",
            false,
            &[("/etc/ssh/ssh_config", "Host build.example\n StrictHostKeyChecking no\n")],
        ),
        (
            "ssh-client-host-keys",
            true,
            &[("/root/.ssh/config", "Host *\n StrictHostKeyChecking=no\n")],
        ),
    ]);
}

#[test]
fn web_servers_are_read_with_what_they_inherit() {
    check(&[
        ("cleanup-listing", true, &[(NGINX, "http { autoindex on; server { location / { } } }")]),
        (
            "cleanup-listing",
            false,
            &[(NGINX, "http { autoindex on; server { autoindex off; location / { } } }")],
        ),
        (
            "cleanup-listing",
            true,
            &[
                (NGINX, "http { include /etc/nginx/s/*; }"),
                ("/etc/nginx/s/a", "server { location /f { autoindex on; } }"),
            ],
        ),
        (
            "cleanup-listing",
            true,
            &[("/etc/apache2/apache2.conf", "<Directory /srv>\nOptions +Indexes\n</Directory>\n")],
        ),
        (
            "cleanup-listing",
            false,
            &[(
                "/etc/apache2/apache2.conf",
                "<Directory /srv>\nOptions -Indexes +FollowSymLinks\n</Directory>\n",
            )],
        ),
    ]);
}

#[test]
fn protocols_are_those_of_the_server_that_speaks_them() {
    check(&[
        (
            "tls-protocols",
            false,
            &[(
                NGINX,
                "http { ssl_protocols TLSv1; server { listen 443 ssl; ssl_protocols TLSv1.3; } }",
            )],
        ),
        (
            "tls-protocols",
            true,
            &[(NGINX, "http { ssl_protocols TLSv1.1 TLSv1.2; server { listen 443 ssl; } }")],
        ),
        ("tls-protocols", true, &[("/etc/apache2/apache2.conf", "SSLProtocol all -SSLv3\n")]),
        (
            "tls-protocols",
            false,
            &[("/etc/apache2/apache2.conf", "SSLProtocol all -SSLv3 -TLSv1 -TLSv1.1\n")],
        ),
    ]);
}

#[test]
fn redirects_and_headers_are_those_of_the_place() {
    check(&[
        (
            "tls-no-redirect",
            false,
            &[(
                NGINX,
                "http { server { listen 80; root /a; location /.well-known/acme-challenge/ { } location / { return 301 https://$host; } } }",
            )],
        ),
        (
            "tls-no-redirect",
            true,
            &[(
                NGINX,
                "http { server { listen 80; root /a; location /old { return 301 /new; } location / { } } }",
            )],
        ),
        (
            "tls-no-redirect",
            false,
            &[(NGINX, "http { server { listen 127.0.0.1:8080; root /a; } }")],
        ),
        (
            "tls-no-hsts",
            true,
            &[(
                NGINX,
                "http { server { listen 443 ssl; add_header Strict-Transport-Security \"max-age=63072000\"; location /a { add_header X a; } } }",
            )],
        ),
    ]);
}

#[test]
fn closed_and_open_places_are_told_apart() {
    check(&[
        (
            "environment-staging-open",
            false,
            &[(NGINX, "http { server { server_name staging.a; root /a; auth_basic x; } }")],
        ),
        (
            "environment-staging-open",
            false,
            &[(
                NGINX,
                "http { server { server_name staging.a; root /a; allow 10.0.0.0/8; deny all; } }",
            )],
        ),
        (
            "environment-staging-open",
            true,
            &[(NGINX, "http { server { server_name qa2.a; root /a; } }")],
        ),
        (
            "environment-staging-open",
            false,
            &[(NGINX, "http { server { server_name contest.a latest.a; root /a; } }")],
        ),
        (
            "log-access-off",
            false,
            &[(NGINX, "http { server { location = /favicon.ico { access_log off; } } }")],
        ),
        (
            "log-access-off",
            true,
            &[(NGINX, "http { server { location /api { access_log off; } } }")],
        ),
        (
            "service-alias-traversal",
            false,
            &[(
                NGINX,
                "http { server { location ~ ^/f { alias /srv/f/; } location /g { alias /srv/g; } } }",
            )],
        ),
    ]);
}

#[test]
fn leftovers_are_told_from_pages() {
    check(&[
        ("cleanup-archive", true, &[("/var/www/html/site.tar.gz", "")]),
        ("cleanup-archive", false, &[("/var/www/html/downloads/manual.zip", "")]),
        ("cleanup-archive", true, &[("/var/www/html/downloads/backup-2026.zip", "")]),
        ("cleanup-archive", false, &[("/var/www/html/app.css.gz", "")]),
        ("cleanup-dump", true, &[("/var/www/html/a/shop.sql.bz2", "")]),
        ("cleanup-dump", false, &[("/var/www/html/learn-sql.html", "")]),
        ("cleanup-backup-copy", true, &[("/var/www/html/config.php.old", "")]),
        ("cleanup-backup-copy", false, &[("/var/www/html/gold.html", "")]),
        ("cleanup-test-page", true, &[("/var/www/html/tests/a.html", "")]),
        ("cleanup-test-page", false, &[("/var/www/html/testimonials/a.html", "")]),
        ("cleanup-version-control", true, &[("/var/www/html/.svn/entries", "")]),
        ("cleanup-version-control", false, &[("/var/www/html/.well-known/security.txt", "")]),
        ("cleanup-environment-file", false, &[("/var/www/html/.env.sample", "A=\n")]),
        (
            "cleanup-php-info",
            true,
            &[("/var/www/html/status.php", "<?php\n  phpinfo ( );\nphpinfo();")],
        ),
        ("backup-in-web-root", false, &[("/var/www/html/backup-plans/a.html", "")]),
        ("environment-second-in-root", true, &[("/var/www/html/old/index.php", "")]),
        ("environment-second-in-root", false, &[("/var/www/html/new-arrivals/index.php", "")]),
        (
            "malware-web-shell",
            true,
            &[("/var/www/html/a.php", "<?php $x = 1; eval( base64_decode( $_POST['a'] ) );")],
        ),
        (
            "malware-web-shell",
            false,
            &[("/var/www/html/a.php", "<?php $q = $_GET['q']; echo system_name($q);")],
        ),
        ("version-changelog", false, &[("/var/www/html/history.php", "")]),
    ]);
}

#[test]
fn firewalls_of_every_language_are_understood() {
    check(&[
        (
            "firewall-accepts-by-default",
            true,
            &[("/etc/iptables/rules.v4", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")],
        ),
        (
            "firewall-accepts-by-default",
            false,
            &[(
                "/etc/iptables/rules.v4",
                "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n",
            )],
        ),
        (
            "firewall-accepts-by-default",
            false,
            &[(
                NFT,
                "table inet f {\n chain i {\n  type filter hook input priority 0; policy accept;\n  ct state established accept\n  counter drop\n }\n}\n",
            )],
        ),
        (
            "firewall-ipv6",
            true,
            &[("/etc/iptables/rules.v4", "*filter\n:INPUT DROP [0:0]\nCOMMIT\n")],
        ),
        (
            "firewall-ipv6",
            false,
            &[(
                NFT,
                "table ip a { chain i { type filter hook input priority 0; policy drop; } }\ntable ip6 b { chain i { type filter hook input priority 0; policy drop; } }\n",
            )],
        ),
        (
            "firewall-inner-ports",
            true,
            &[(
                NFT,
                "define P = { 22, 6379 }\ntable inet f { chain i { type filter hook input priority 0; policy drop;\ntcp dport $P accept\n} }\n",
            )],
        ),
        (
            "firewall-inner-ports",
            false,
            &[(
                NFT,
                "table inet f { chain i { type filter hook input priority 0; policy drop;\nip saddr { 10.0.0.1, 10.0.0.2 } tcp dport 6379 accept\n} }\n",
            )],
        ),
        (
            "firewall-inner-ports",
            true,
            &[(
                "/etc/iptables/rules.v4",
                "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m multiport --dports 22,5432 -j ACCEPT\nCOMMIT\n",
            )],
        ),
        (
            "firewall-accepts-all",
            false,
            &[(
                NFT,
                "table inet f { chain i { type filter hook input priority 0; policy drop;\niifname \"lo\" accept\n} }\n",
            )],
        ),
    ]);
}

#[test]
fn credentials_and_rules_are_told_from_their_likes() {
    check(&[
        ("credential-environment-file", false, &[("/srv/a/.env", "DB_PASSWORD=${SECRET}\n")]),
        (
            "credential-environment-file",
            true,
            &[("/srv/a/prod.env", "export API_TOKEN='k-99x-blue'\n")],
        ),
        ("credential-configuration", true, &[("/opt/a/db.ini", "[db]\npassword = quartz-19\n")]),
        (
            "credential-configuration",
            false,
            &[("/opt/a/db.ini", "[db]\n; password = quartz-19\npassword_file = /run/x\n")],
        ),
        (
            "credential-configuration",
            false,
            &[("/opt/a/node_modules/x/config.json", "{\"password\": \"quartz-19\"}")],
        ),
        ("account-sudo-nopasswd", true, &[("/etc/sudoers", "d ALL=(ALL) NOPASSWD: ALL\n")]),
        (
            "account-sudo-nopasswd",
            true,
            &[("/etc/sudoers", "d ALL=(ALL) \\\n NOPASSWD: /usr/bin/vim\n")],
        ),
        (
            "account-sudo-nopasswd",
            false,
            &[("/etc/sudoers", "d ALL=(root) NOPASSWD: /usr/bin/systemctl restart shop\n")],
        ),
    ]);
}

#[test]
fn settings_of_services_and_the_system_are_told_from_their_likes() {
    check(&[
        (
            "service-redis",
            false,
            &[("/etc/redis/redis.conf", "bind 0.0.0.0\nrequirepass kestrel-99-violet\n")],
        ),
        ("service-redis", true, &[("/etc/redis/redis.conf", "bind 10.0.0.5\nprotected-mode no\n")]),
        (
            "service-postgresql-trust",
            false,
            &[("/etc/postgresql/15/main/pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\n")],
        ),
        (
            "service-postgresql-trust",
            true,
            &[("/etc/postgresql/15/main/pg_hba.conf", "host all all 10.0.0.0 255.0.0.0 trust\n")],
        ),
        ("service-nfs", true, &[("/etc/exports", "/srv \\\n  *(rw)\n")]),
        (
            "kernel-kptr-restrict",
            false,
            &[
                ("/etc/sysctl.d/1.conf", "kernel.kptr_restrict = 0\n"),
                ("/etc/sysctl.d/2.conf", "kernel.kptr_restrict = 1\n"),
            ],
        ),
        (
            "kernel-kptr-restrict",
            true,
            &[
                ("/etc/sysctl.d/2.conf", "kernel.kptr_restrict = 1\n"),
                ("/etc/sysctl.conf", "kernel/kptr_restrict=0\n"),
            ],
        ),
        (
            "malware-cron",
            false,
            &[("/etc/cron.d/a", "1 2 * * * root curl -fsS https://hc.example/x\n")],
        ),
        ("malware-cron", true, &[("/etc/cron.d/a", "@reboot root nohup /dev/shm/.x/run &\n")]),
        (
            "patch-unattended",
            true,
            &[(
                "/etc/apt/apt.conf.d/20a",
                "APT { Periodic { Update-Package-Lists \"1\"; Unattended-Upgrade \"0\"; }; };\n",
            )],
        ),
    ]);
}

#[test]
fn servers_are_read_with_what_they_include() {
    const REDIS: &str = "/etc/redis/redis.conf";
    const MYSQL: &str = "/etc/mysql/my.cnf";
    const MEMCACHED: &str = "/etc/memcached.conf";
    check(&[
        (
            "service-redis",
            true,
            &[
                (REDIS, "bind 127.0.0.1\ninclude /etc/redis/a.conf\n"),
                ("/etc/redis/a.conf", "bind 0.0.0.0\n"),
            ],
        ),
        (
            "service-redis",
            false,
            &[
                (REDIS, "include /etc/redis/a.conf\nbind 127.0.0.1\n"),
                ("/etc/redis/a.conf", "bind 0.0.0.0\n"),
            ],
        ),
        (
            "service-redis",
            true,
            &[(REDIS, "bind 0.0.0.0\n"), ("/etc/redis/z.conf", "bind 127.0.0.1\n")],
        ),
        (
            "service-postgresql-address",
            true,
            &[
                ("/etc/postgresql/15/main/postgresql.conf", "port = 5432\n"),
                ("/var/lib/postgresql/15/main/postgresql.auto.conf", "listen_addresses = '*'\n"),
            ],
        ),
        (
            "service-postgresql-address",
            false,
            &[
                ("/etc/postgresql/15/main/postgresql.conf", "port = 5432\n"),
                ("/etc/postgresql/15/main/conf.d/unread.conf", "listen_addresses = '*'\n"),
            ],
        ),
        ("service-mysql", true, &[(MYSQL, "[mysqld]\nuser = mysql\n")]),
        ("service-mysql", false, &[(MYSQL, "[mysqld]\nskip-networking\n")]),
        ("service-mysql", false, &[(MYSQL, "[client]\nbind-address = 0.0.0.0\n")]),
        (
            "service-mysql",
            false,
            &[
                (MYSQL, "!includedir /etc/mysql/conf.d\n[mysqld]\nbind-address = 127.0.0.1\n"),
                ("/etc/mysql/conf.d/a.cnf", "[mysqld]\nbind-address = 0.0.0.0\n"),
                ("/etc/mysql/mysql.conf.d/unread.cnf", "[mysqld]\nskip-grant-tables\n"),
            ],
        ),
        ("service-memcached", true, &[(MEMCACHED, "-l 0.0.0.0\n-l 127.0.0.1\n")]),
        ("service-memcached", false, &[(MEMCACHED, "-s /run/memcached.sock\n")]),
    ]);
}

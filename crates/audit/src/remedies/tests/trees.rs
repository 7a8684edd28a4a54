//! The trees that remedies are tried on.

use crate::cases::Has::{self, File, Folder, Link, Mode, Owner};

/// Trees of remedies whose check's own failing host cannot be made on a disk, or is not for its remedy.
pub(super) const TREES: &[(&str, &[Has])] = &[
    ("kernel-aslr", &[File("/etc/sysctl.d/1.conf", "kernel.randomize_va_space = 0\n")]),
    ("kernel-core-pattern", &[File("/etc/sysctl.conf", "kernel.core_pattern = |/tmp/.core %p\n")]),
    (
        "account-password-quality",
        &[
            File("/etc/pam.d/common-password", "password requisite pam_pwquality.so retry=3\n"),
            File("/etc/security/pwquality.conf", "# minlen = 8\nminlen = 6\n"),
        ],
    ),
    (
        "ssh-password-authentication",
        &[
            File("/home/olga/.ssh/authorized_keys", "ssh-ed25519 AAAA olga\n"),
            File(
                "/etc/ssh/sshd_config",
                "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication no\nMatch User x\n  PasswordAuthentication yes\n",
            ),
            File("/etc/ssh/sshd_config.d/5.conf", "PasswordAuthentication yes\n"),
            File("/etc/ssh/sshd_config.d/00-a.conf", "passwordauthentication=yes\n"),
        ],
    ),
    ("service-legacy-packages", CUPS),
    (
        "service-ftp",
        &[
            File("/etc/vsftpd.conf", "listen=YES\nanonymous_enable=YES\nssl_enable=YES\n"),
            File(
                "/etc/default/tftpd-hpa",
                "TFTP_ADDRESS=\":69\"\nTFTP_OPTIONS=\"--secure --create\"\n",
            ),
        ],
    ),
    (
        "ssh-keyboard-interactive",
        &[
            File("/home/olga/.ssh/authorized_keys", "ssh-ed25519 AAAA olga\n"),
            File("/etc/ssh/sshd_config", "Port 22\n"),
        ],
    ),
];

/// A package that is not needed, as Debian ships it: two units, an old script, and what starts them.
pub(super) const CUPS: &[Has] = &[
    File("/usr/lib/systemd/systemd", ""),
    File(
        "/var/lib/dpkg/status",
        "Package: cups-daemon\nStatus: install ok installed\nVersion: 1\n\nPackage: cups\nStatus: install ok installed\nVersion: 2.4.2\n",
    ),
    File(
        "/var/lib/dpkg/info/cups.list",
        "/.\n/usr/lib/systemd/system/cups.service\n/usr/lib/systemd/system/cups.socket\n/etc/init.d/cups-old\n",
    ),
    File(
        "/usr/lib/systemd/system/cups.service",
        "[Unit]\nRequires=cups.socket\n[Service]\nExecStart=/usr/sbin/cupsd\n",
    ),
    File("/usr/lib/systemd/system/cups.socket", "[Socket]\nListenStream=/run/cups.sock\n"),
    File("/etc/init.d/cups-old", "#!/bin/sh\n"),
    Link(
        "/etc/systemd/system/printer.target.wants/cups.service",
        "/usr/lib/systemd/system/cups.service",
    ),
    Link(
        "/etc/systemd/system/sockets.target.wants/cups.socket",
        "/usr/lib/systemd/system/cups.socket",
    ),
    Link(
        "/etc/systemd/system/sockets.target.wants/other.socket",
        "/usr/lib/systemd/system/other.socket",
    ),
    Link("/etc/systemd/system/cups-old.service", "/usr/lib/systemd/system/cups.service"),
];

/// More trees: what a machine really has, one remedy each.
pub(super) const MORE: &[(&str, &[Has])] = &[
    (
        "ssh-root-login",
        &[File(
            "/etc/ssh/sshd_config",
            "# x\nPort 22\nPermitRootLogin yes\nMatch User a\n\tPermitRootLogin yes\n",
        )],
    ),
    (
        "ssh-x11-forwarding",
        &[
            File(
                "/etc/ssh/sshd_config",
                "Include /etc/ssh/sshd_config.d/*.conf\nX11Forwarding yes\n",
            ),
            Folder("/etc/ssh/sshd_config.d"),
        ],
    ),
    (
        "kernel-syncookies",
        &[
            File("/etc/sysctl.conf", "net.ipv4.tcp_syncookies=0\n"),
            File("/etc/sysctl.d/99-z.conf", "net/ipv4/tcp_syncookies = 0\n"),
        ],
    ),
    ("kernel-kptr-restrict", &[File("/usr/lib/sysctl.d/50-x.conf", "kernel.kptr_restrict = 0\n")]),
    (
        "service-redis",
        &[
            File(
                "/etc/redis/redis.conf",
                "bind 127.0.0.1\nport 6379\ninclude /etc/redis/conf.d/*\n",
            ),
            File("/etc/redis/conf.d/net", "# ours\nbind * -::*\nprotected-mode no\n"),
            File("/etc/redis/redis-two.conf", "port 6380\nrequirepass short\n"),
        ],
    ),
    ("service-ftp", &[File("/etc/vsftpd.conf", "listen=YES\nssl_enable=YES")]),
    (
        "service-inetd",
        &[
            File(
                "/etc/inetd.conf",
                "# x\ntelnet stream tcp nowait root /usr/sbin/telnetd\nident stream tcp wait identd /usr/sbin/identd\n",
            ),
            File(
                "/etc/xinetd.d/echo",
                "service echo\n{\n\tid = echo-stream\n\tlog_on_failure += USERID HOST ATTEMPT x y\n}\nservice echo\n{\n\tdisable = no\n}\n",
            ),
        ],
    ),
    (
        "service-postgresql-address",
        &[
            File(
                "/etc/postgresql/14/main/postgresql.conf",
                "listen_addresses = '*'\ninclude_dir = 'conf.d'\t# last\n",
            ),
            File(
                "/etc/postgresql/14/main/conf.d/9.conf",
                "listen_addresses = 'localhost, 0.0.0.0'\n",
            ),
            File("/etc/postgresql/15/main/postgresql.conf", "listen_addresses = 'localhost'\n"),
        ],
    ),
    (
        "service-mysql",
        &[
            File(
                "/etc/mysql/my.cnf",
                "[mysqld]\nbind-address = 127.0.0.1\n!includedir /etc/mysql/conf.d/\n",
            ),
            File("/etc/mysql/conf.d/x.cnf", "[mariadb-10.11]\nbind_address=127.0.0.1,0.0.0.0\n"),
        ],
    ),
    (
        "service-mysql",
        &[
            File("/etc/mysql/my.cnf", "[client]\nport = 3306\n!includedir /etc/mysql/conf.d/\n"),
            File("/etc/mysql/conf.d/x.cnf", "[mysqld]\nuser = mysql\n[mysqldump]\nquick"),
        ],
    ),
    ("service-memcached", &[File("/etc/memcached.conf", "-d\n-u memcache")]),
    (
        "service-memcached",
        &[File("/etc/memcached.conf", "-l 0.0.0.0\n-l 127.0.0.1\n--listen=10.0.0.5\n-U 11211\n")],
    ),
    ("service-memcached", &[File("/etc/memcached.conf", "-l 10.0.0.5\n-l 10.0.0.6\n")]),
    ("service-mongodb-address", &[File("/etc/mongod.conf", "net:\n  bindIpAll: true\n")]),
    (
        "service-elasticsearch-address",
        &[File(
            "/etc/opensearch/opensearch.yml",
            "network:\n  host:\n    - _local_\n    - 0.0.0.0\nhttp.port: 9200\n",
        )],
    ),
    (
        "version-nginx-tokens",
        &[
            File(
                "/etc/nginx/nginx.conf",
                "# server_tokens on;\nhttp {\n    include /etc/nginx/sites-enabled/*;\n}\n",
            ),
            File(
                "/etc/nginx/sites-available/a",
                "server {\n    listen 80;\n    location / {\n        server_tokens on;\n    }\n}\n",
            ),
            Link("/etc/nginx/sites-enabled/a", "/etc/nginx/sites-available/a"),
        ],
    ),
    (
        "tls-no-hsts",
        &[File(
            "/etc/nginx/nginx.conf",
            "http {\n    add_header X-Frame-Options \"DENY or not\" always;\n    server {\n        listen 443 ssl;\n        server_name a;\n        location /b {\n            add_header X-B c;\n        }\n    }\n}\n",
        )],
    ),
    (
        "tls-no-hsts",
        &[
            File("/etc/nginx/nginx.conf", "http {\n    include /etc/nginx/sites-enabled/*;\n}\n"),
            File(
                "/etc/nginx/sites-available/a",
                "server {\n\tlisten 443 ssl;\n\tserver_name a;\n\tadd_header X-A b;\n}\nserver {\n\tlisten 443 ssl;\n\tserver_name b;\n\tlocation / { proxy_pass http://127.0.0.1:1; }\n}\nserver { listen 443 ssl; server_name c; }\n",
            ),
            Link("/etc/nginx/sites-enabled/a", "/etc/nginx/sites-available/a"),
        ],
    ),
    (
        "tls-protocols",
        &[File(
            "/etc/apache2/apache2.conf",
            "<VirtualHost *:443>\n  SSLEngine on\n  SSLProtocol all -SSLv3\n</VirtualHost>\n",
        )],
    ),
    (
        "version-apache-tokens",
        &[File(
            "/etc/apache2/apache2.conf",
            "<Directory /srv>\n  ServerSignature On\n</Directory>\n",
        )],
    ),
    (
        "account-sudo-log",
        &[
            File(
                "/etc/sudoers",
                "Defaults env_reset\n@includedir /etc/sudoers.d\nroot ALL=(ALL) ALL\n",
            ),
            Mode("/etc/sudoers", 0o440),
            Folder("/etc/sudoers.d"),
            Mode("/etc/sudoers.d", 0o750),
        ],
    ),
    (
        "account-sudo-nopasswd",
        &[File("/etc/sudoers", "%olga ALL=(ALL) NOPASSWD:ALL\n"), Mode("/etc/sudoers", 0o440)],
    ),
    (
        "permission-suid",
        &[
            File("/opt/x", "#!"),
            Owner("/opt/x", 1000, 1000),
            Mode("/opt/x", 0o4755),
            File("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n"),
        ],
    ),
    (
        "permission-web-programs",
        &[
            File("/var/www/html/a.php", "<?php"),
            Mode("/var/www/html/a.php", 0o640),
            Owner("/var/www/html/a.php", 33, 33),
        ],
    ),
    ("permission-home", &[Folder("/home/olga"), Mode("/home/olga", 0o755)]),
    (
        "cleanup-version-control",
        &[
            File("/var/www/html/.git/config", "[core]\n"),
            File("/var/www/html/.git/objects/a/b", "x"),
            File("/var/www/html/index.html", "hi"),
        ],
    ),
    ("log-journal-volatile", &[Folder("/etc/systemd")]),
    (
        "patch-unattended",
        &[
            File("/etc/apt/sources.list", "deb https://deb.debian.org/debian bookworm main\n"),
            File("/etc/apt/apt.conf.d/zz-off", "APT::Periodic::Unattended-Upgrade \"0\";\n"),
        ],
    ),
    (
        "permission-umask",
        &[
            File("/etc/login.defs", "UMASK\t000\n"),
            File("/etc/profile.d/x.sh", "#!/bin/sh\numask 002\n"),
        ],
    ),
    (
        "service-sandbox",
        &[
            File(
                "/etc/systemd/system/x.service",
                "[Service]\nExecStart=/opt/x/run\nWorkingDirectory=/home/olga/x\nUser=shop\nPrivateTmp=yes\n",
            ),
            Link(
                "/etc/systemd/system/multi-user.target.wants/x.service",
                "/etc/systemd/system/x.service",
            ),
        ],
    ),
];

//! Sites with PHP from end to end: nginx and Apache with PHP-FPM answer beside Burgrave with what `burgrave init` made of
//! their configuration. Whatever they answer it answers, and whatever they keep closed it does.

use crate::support::{Burgrave, PATIENCE, ask, free_port, run, stderr};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // An end in order ends its workers too.
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}

/// A program that was unpacked, if it runs here.
fn tool(path: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools");
    let program = folder.join(path).canonicalize().ok()?;
    let home = program.ancestors().nth(3)?;
    let version = Command::new(&program)
        .env("LD_LIBRARY_PATH", home.join("usr/lib/x86_64-linux-gnu"))
        .arg("-v")
        .output();
    version.is_ok_and(|version| version.status.success()).then_some(program)
}

fn php_fpm() -> Option<PathBuf> {
    let all = std::fs::read_dir("/usr/sbin").ok()?.flatten().map(|entry| entry.path());
    let found = all
        .filter(|path| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"php-fpm"))
        })
        .min();
    if found.is_none() {
        println!("SKIPPED: php-fpm is not installed");
    }
    found
}

const PAGE: &str = "<?php echo $_SERVER['SCRIPT_NAME'], ' ', $_SERVER['REQUEST_METHOD'], ' ', $_SERVER['REQUEST_URI'], ' ', $_GET['a'] ?? '';";

/// A web root and a PHP-FPM that runs what is in it.
struct Place {
    folder: tempfile::TempDir,
    _php: Running,
}

impl Place {
    fn new(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_owned();
        // Whoever the servers run as has to come in.
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(0o755)).unwrap();
        for name in
            ["index.php", "a.php", "blog/index.php", "up/evil.php", "staff/in.php", "xmlrpc.php"]
        {
            put(&at, &format!("web/{name}"), PAGE);
        }
        for name in ["style.css", "up/photo.jpg", "docs/index.html", "staff/list.txt"] {
            put(&at, &format!("web/{name}"), name);
        }
        let pool = format!(
            "[global]\nerror_log = {0}/php.log\ndaemonize = no\n[www]\nlisten = {0}/php.sock\nlisten.mode = 0666\n\
             pm = static\npm.max_children = 2\nuser = nobody\ngroup = nogroup\n",
            at.display()
        );
        put(&at, "fpm.conf", &pool);
        let child = Command::new(program)
            .args(["-F", "-n", "-y"])
            .arg(at.join("fpm.conf"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let place = Self { folder, _php: Running(child) };
        until("PHP-FPM listens", || at.join("php.sock").exists());
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What Burgrave is with the draft of a server's configuration, on another port than that server.
    fn drafted(&self, port: u16) -> Burgrave {
        let root = self.path().display().to_string();
        // The paths lead to the same files from inside of the tree.
        let inside = self.path().join(root.trim_start_matches('/'));
        std::fs::create_dir_all(inside.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/", &inside).unwrap();
        let output = run(&["init", "--config", "-", "--root", &root]);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}\n{text}", stderr(&output));
        let other = free_port();
        let folder = tempfile::tempdir().unwrap();
        let state = format!("state = \"{}/state\"", folder.path().display());
        let text = text
            .replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{other}"))
            .replace("state = \"/var/lib/burgrave\"", &state);
        std::fs::write(folder.path().join("burgrave.toml"), text).unwrap();
        Burgrave::start_in(folder)
    }
}

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Status and body, or where the client is sent.
fn answer(address: SocketAddr, method: &str, target: &str) -> (u16, String) {
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: a.example\r\nUser-Agent: test\r\nAccept: */*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let (status, text) = ask(address, &request);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let location = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        // The path: what stands before it names the server's own port.
        let path = value.splitn(4, '/').nth(3).filter(|_| value.contains("://"));
        let path = path.map_or(value.to_owned(), |path| format!("/{path}"));
        name.eq_ignore_ascii_case("location").then_some(path)
    });
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        let lines = body.split("\r\n").skip(1).step_by(2);
        lines.collect::<Vec<_>>().concat()
    } else {
        body.to_owned()
    };
    (status, location.unwrap_or(body))
}

/// Asks both, and wants the same of both; what the one refuses the other refuses in its own words.
fn compare(theirs: SocketAddr, ours: SocketAddr, closed: &[&str]) {
    const TARGETS: [&str; 24] = [
        "/",
        "/?a=1",
        "/a.php",
        "/a.php?a=b%20c",
        "/none.php",
        "/none",
        "/pretty/path?a=2",
        "/blog/",
        "/blog",
        "/blog/?a=3",
        "/style.css",
        "/up/photo.jpg",
        "/up/evil.php",
        "/up/evil.php?a=1",
        "/up/photo.jpg/x.php",
        "/docs/",
        "/docs/index.html",
        "/docs",
        "/staff/list.txt",
        "/staff/in.php",
        "/xmlrpc.php",
        "/.htaccess",
        "/up/",
        "/%61.php",
    ];
    let mut answered = 0;
    for target in TARGETS {
        for method in ["GET", "POST"] {
            let (wanted, got) = (answer(theirs, method, target), answer(ours, method, target));
            let what = format!("{method} {target}: {wanted:?}, and {got:?}");
            if wanted.0 >= 400 || closed.contains(&target) {
                assert!(got.0 >= 400, "{what}");
            } else if method == "GET" || wanted.1.contains("POST") {
                assert_eq!(wanted, got, "{what}");
                answered += 1;
            }
            assert!(!got.1.contains("<?php"), "{what}");
        }
    }
    assert!(answered > 8, "{answered} were answered");
}

const FRONT: &str =
    "index index.php index.html; location / { try_files $uri $uri/ /index.php?$args; }";
const PLAIN: &str = "index index.php index.html; location / { try_files $uri $uri/ =404; }";

#[test]
fn nginx_and_its_draft_answer_alike() {
    let (Some(nginx), Some(php)) = (tool("nginx/usr/sbin/nginx"), php_fpm()) else {
        println!("SKIPPED: there is no nginx in target/tools, or it does not run");
        return;
    };
    for (all, scripts, others, pretty) in [
        (FRONT, "\\.php$", "", 200),
        (PLAIN, "\\.php$", "", 404),
        (FRONT, "^/index\\.php(/|$)", "location ~ \\.php$ { return 404; }", 200),
    ] {
        let place = Place::new(&php);
        let (at, port) = (place.path().display(), free_port());
        let text = format!(
            "daemon off;\npid {at}/nginx.pid;\nerror_log {at}/error.log;\nuser nobody nogroup;\nevents {{}}\nhttp {{\n access_log off;\n types {{ text/css css; }}\n\
             client_body_temp_path {at}/body; fastcgi_temp_path {at}/fastcgi; proxy_temp_path {at}/proxy; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             server {{\n listen 127.0.0.1:{port}; server_name a.example; root {at}/web;\n {all}\n\
             location ~* /(?:up|files)/.*\\.php$ {{ deny all; }}\n location ^~ /staff/ {{ allow 192.0.2.1; deny all; }}\n\
             location = /xmlrpc.php {{ deny all; }}\n location ~ /\\.ht {{ deny all; }}\n\
             location ~ {scripts} {{\n try_files $fastcgi_script_name =404;\n fastcgi_pass unix:{at}/php.sock;\n\
             fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; fastcgi_param SCRIPT_NAME $fastcgi_script_name;\n\
             fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method; fastcgi_param REQUEST_URI $request_uri;\n\
             fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param REMOTE_ADDR $remote_addr;\n }}\n {others}\n }}\n}}\n"
        );
        put(place.path(), "etc/nginx/nginx.conf", &text);
        let child = Command::new(&nginx)
            .arg("-c")
            .arg(place.path().join("etc/nginx/nginx.conf"))
            .arg("-e")
            .arg(place.path().join("error.log"))
            .spawn()
            .unwrap();
        let _nginx = Running(child);
        let theirs = SocketAddr::from(([127, 0, 0, 1], port));
        until("nginx listens", || TcpStream::connect(theirs).is_ok());
        let ours = place.drafted(port);
        // A folder whose script is not run is nowhere; nginx sends the client there first.
        let closed: &[&str] = if others.is_empty() { &[] } else { &["/blog"] };
        compare(theirs, ours.address, closed);
        let front = answer(ours.address, "GET", "/pretty/path");
        assert_eq!(front.0, pretty, "{front:?}");
    }
}

#[test]
fn apache_and_its_draft_answer_alike() {
    let (Some(apache), Some(php)) = (tool("apache/usr/sbin/apache2"), php_fpm()) else {
        println!("SKIPPED: there is no Apache in target/tools, or it does not run");
        return;
    };
    let home = apache.ancestors().nth(3).unwrap().to_owned();
    let place = Place::new(&php);
    let (at, port) = (place.path().display(), free_port());
    let modules: String = [
        "mpm_event",
        "authz_core",
        "authz_host",
        "dir",
        "mime",
        "proxy",
        "proxy_fcgi",
        "rewrite",
        "access_compat",
    ]
    .iter()
    .map(|name| {
        format!(
            "LoadModule {name}_module {}/usr/lib/apache2/modules/mod_{name}.so\n",
            home.display()
        )
    })
    .collect();
    let text = format!(
        "{modules}ServerRoot {at}\nDefaultRuntimeDir {at}\nPidFile {at}/apache.pid\nErrorLog {at}/error.log\nUser nobody\nGroup nogroup\nServerName a.example\n\
         Listen 127.0.0.1:{port}\nTypesConfig /dev/null\nAddType text/css .css\nDirectoryIndex index.php index.html\n\
         <Directory />\nAllowOverride None\nRequire all denied\n</Directory>\n<Directory {at}/web>\nAllowOverride All\nRequire all granted\n</Directory>\n\
         <FilesMatch \"^\\.ht\">\nRequire all denied\n</FilesMatch>\n\
         <FilesMatch \".+\\.ph(?:ar|p|tml)$\">\nSetHandler \"proxy:unix:{at}/php.sock|fcgi://localhost\"\n</FilesMatch>\n\
         <FilesMatch \".+\\.phps$\">\nRequire all denied\n</FilesMatch>\n\
         <VirtualHost 127.0.0.1:{port}>\nServerName a.example\nDocumentRoot {at}/web\n\
         <Location /staff/>\nRequire ip 192.0.2.1\n</Location>\n<Location /xmlrpc.php>\nRequire all denied\n</Location>\n</VirtualHost>\n"
    );
    put(place.path(), "etc/apache2/apache2.conf", &text);
    put(
        place.path(),
        "web/.htaccess",
        "RewriteEngine On\nRewriteBase /\nRewriteRule ^index\\.php$ - [L]\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteCond %{REQUEST_FILENAME} !-d\nRewriteRule . /index.php [L]\n",
    );
    put(place.path(), "web/up/.htaccess", "<Files *.php>\nRequire all denied\n</Files>\n");
    let child = Command::new(&apache)
        .env("LD_LIBRARY_PATH", home.join("usr/lib/x86_64-linux-gnu"))
        .arg("-f")
        .arg(place.path().join("etc/apache2/apache2.conf"))
        .args(["-D", "FOREGROUND"])
        .spawn()
        .unwrap();
    let _apache = Running(child);
    let theirs = SocketAddr::from(([127, 0, 0, 1], port));
    until("Apache listens", || TcpStream::connect(theirs).is_ok());
    let ours = place.drafted(port);
    // What ends in `.php` and is not there goes to no front controller.
    compare(theirs, ours.address, &["/none.php", "/up/photo.jpg/x.php"]);
}

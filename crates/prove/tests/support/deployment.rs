//! The real gateway with an application and a web root that is full of leftovers.

use super::{Duplex, HOST, short_limits};
use burgrave_config::{
    Authority, Files, Host, Limits, Listen, Route, Rules, Settings, Site, Tls, Upstream,
};
use burgrave_gateway::Gateway;
use burgrave_model::{Mode, Profile};
use burgrave_prove::Target;
use burgrave_seclang::{Options, RuleFiles, RuleSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A small rule set: a word or two for each attack, in every spot.
pub const RULES: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRule ARGS|REQUEST_COOKIES|XML:/* "@detectSQLi" "id:1,phase:2,deny,status:403,t:none,t:urlDecodeUni"
SecRule ARGS|REQUEST_COOKIES "@detectXSS" "id:2,phase:2,deny,status:403,t:none,t:urlDecodeUni"
SecRule ARGS|REQUEST_COOKIES|REQUEST_URI_RAW "@rx (?:\.\.[/\\]|%2e%2e|%5c|%2f\.\.|etc.passwd|win\.ini)" \
    "id:3,phase:2,deny,status:403,t:none,t:urlDecodeUni,t:lowercase"
SecRule REQUEST_URI_RAW "@rx (?i)(?:\.\.|%2e%2e|%252e|etc/passwd)" "id:4,phase:1,deny,status:403,t:none"
SecRule ARGS|REQUEST_COOKIES|REQUEST_HEADERS:User-Agent "@rx (?:^\s*(?:;|\||&&|\$\(|`)|\(\)\s*\{)" \
    "id:5,phase:2,deny,status:403,t:none,t:urlDecodeUni"
SecRule ARGS "@rx (?i)union\s+(?:all\s+)?select|\bor\b.*=|information_schema" "id:6,phase:2,deny,status:403,t:none"
"#;

/// See the module. Stops when dropped.
pub struct Deployment {
    pub target: Target,
    _gateway: Gateway,
    _state: TempDir,
}

/// What is deployed.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the test's own")]
pub struct Plan {
    pub limits: Limits,
    pub rules: Option<Arc<RuleSet>>,
    pub tls: bool,
    pub files: bool,
    pub route: Option<&'static str>,
    /// A plain listener beside the one with TLS.
    pub redirect: bool,
    /// The site is `*`.
    pub any_host: bool,
    pub application: SocketAddr,
    /// A second site beside it.
    pub second: Option<&'static str>,
    /// A last change to the settings.
    pub change: Box<dyn FnOnce(&mut Settings)>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            limits: short_limits(),
            rules: Some(compile(RULES)),
            tls: true,
            files: true,
            route: Some("/api/"),
            redirect: true,
            any_host: false,
            application: application(),
            second: None,
            change: Box::new(|_| {}),
        }
    }
}

pub fn deploy(mut plan: Plan) -> Deployment {
    let state = tempfile::tempdir().unwrap();
    let root = state.path().join("www");
    leftovers(&root);
    let mut settings = settings(&plan, state.path(), &root);
    let change = std::mem::replace(&mut plan.change, Box::new(|_| {}));
    change(&mut settings);
    let gateway = Gateway::start(settings.clone(), plan.rules, 1).unwrap();
    for listen in &mut settings.listeners {
        listen.address = gateway.address_of(listen.address).unwrap();
    }
    for stream in &mut settings.streams {
        stream.address = gateway.address_of(stream.address).unwrap();
    }
    Deployment { target: Target::from_settings(&settings), _gateway: gateway, _state: state }
}

/// The OWASP Core Rule Sets that are on this machine: the one that the environment names and
/// Debian's, each with a word about it.
pub fn core_rule_sets() -> Vec<(String, Arc<RuleSet>)> {
    let shared = || std::env::var_os("BURGRAVE_SHARED").map(|home| PathBuf::from(home).join("crs"));
    let named = std::env::var_os("BURGRAVE_CRS").map(PathBuf::from).or_else(shared);
    let named = named.map(|home| (home.join("crs-setup.conf.example"), home.join("rules")));
    let debian = ("/etc/modsecurity/crs/crs-setup.conf", "/usr/share/modsecurity-crs/rules");
    let debian = Some((PathBuf::from(debian.0), PathBuf::from(debian.1)));
    let there = |(setup, rules): &(PathBuf, PathBuf)| setup.is_file() && rules.is_dir();
    [named, debian]
        .into_iter()
        .flatten()
        .filter(there)
        .map(|(setup, rules)| (setup.display().to_string(), core_rule_set(setup, &rules)))
        .collect()
}

fn core_rule_set(setup: PathBuf, rules: &Path) -> Arc<RuleSet> {
    struct Disk;
    impl RuleFiles for Disk {
        fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
            std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
        }
        fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
            Ok(vec![pattern.to_owned()])
        }
    }
    let mut include = vec![setup];
    let rules = std::fs::read_dir(rules).unwrap();
    let mut rules: Vec<PathBuf> = rules.map(|entry| entry.unwrap().path()).collect();
    rules.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    rules.sort();
    include.extend(rules);
    let options = Options { mode: Some(Mode::Block), ..Options::default() };
    Arc::new(RuleSet::compile(&include, &Disk, options).unwrap())
}

pub fn compile(text: &str) -> Arc<RuleSet> {
    struct Memory<'a>(&'a str);
    impl RuleFiles for Memory<'_> {
        fn read(&self, _path: &Path) -> Result<Vec<u8>, String> {
            Ok(self.0.as_bytes().to_vec())
        }
        fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
            Ok(vec![pattern.to_owned()])
        }
    }
    Arc::new(RuleSet::compile(&["test.conf".into()], &Memory(text), Options::default()).unwrap())
}

fn settings(plan: &Plan, state: &Path, root: &Path) -> Settings {
    // Port 0 twice would be the same configured address twice.
    let listen = |address: &str, tls| Listen { tls, ..Listen::new(address.parse().unwrap()) };
    let mut listeners = vec![listen("127.0.0.1:0", plan.tls)];
    if plan.redirect && plan.tls {
        listeners.push(listen("[::1]:0", false));
    }
    let upstream = |address: SocketAddr| {
        vec![Upstream::Http(Authority { host: Host::Address(address.ip()), port: address.port() })]
    };
    let route = |path: &str| Route {
        limits: plan.limits.clone(),
        ..Route::new(path, upstream(plan.application))
    };
    let site = |host: &str| Site {
        tls: plan.tls.then_some(Tls::SelfSigned),
        files: plan.files.then(|| Files::new(root.to_owned())),
        routes: plan.route.into_iter().map(&route).collect(),
        limits: plan.limits.clone(),
        ..Site::new(host)
    };
    let hosts = [if plan.any_host { "*" } else { HOST }].into_iter().chain(plan.second);
    Settings {
        listeners,
        rules: plan.rules.as_ref().map(|_| Rules {
            include: vec!["test.conf".into()],
            mode: None,
            request_body: None,
            response_body: None,
            budget: Duration::from_mins(1),
            decode: false,
            profile: Profile::None,
            extra: false,
            application: None,
            enforce: false,
            block_lists: false,
        }),
        limits: plan.limits.clone(),
        sites: hosts.map(site).collect(),
        ..Settings::new(state.join("state"))
    }
}

fn leftovers(root: &Path) {
    for name in [
        "index.html",
        ".git/config",
        ".GIT/HEAD",
        ".env",
        ".htpasswd",
        "backup.zip",
        "BACKUP.ZIP",
        "db.sql",
        "index.php~",
        "index.php.bak",
        "web.config",
        "server.key",
        "install.php",
    ] {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "content").unwrap();
    }
}

/// An application that reads each request and answers it, revealing what it is.
pub fn application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            std::thread::spawn(move || application_serve(Box::new(stream)));
        }
    });
    address
}

/// An application that says 405 to every header and reads no body.
pub fn hasty_application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            std::thread::spawn(move || {
                let mut scrap = [0; 4096];
                while stream.read(&mut scrap).is_ok_and(|count| count > 0) {
                    let answer = b"HTTP/1.1 405 No\r\nContent-Length: 3\r\n\r\nno\n";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn application_serve(mut stream: Box<dyn Duplex>) {
    let mut buffer = Vec::new();
    let mut scrap = [0; 4096];
    loop {
        let whole = String::from_utf8_lossy(&buffer).to_ascii_lowercase();
        let Some(at) = whole.find("\r\n\r\n") else {
            match stream.read(&mut scrap) {
                Ok(0) | Err(_) => return,
                Ok(count) => buffer.extend_from_slice(&scrap[..count]),
            }
            continue;
        };
        let head = whole.split_at(at).0;
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
        let ended = match length {
            Some(length) => buffer.len() >= at + 4 + length,
            None => !head.contains("transfer-encoding") || whole.ends_with("0\r\n\r\n"),
        };
        if !ended {
            match stream.read(&mut scrap) {
                Ok(0) | Err(_) => return,
                Ok(count) => buffer.extend_from_slice(&scrap[..count]),
            }
            continue;
        }
        let path = head.split(' ').nth(1).unwrap_or_default();
        let known = path.split('?').next() == Some("/api/") || path.split('?').next() == Some("/");
        let status = if known { "200 OK" } else { "404 Not Found" };
        let answer = format!(
            "HTTP/1.1 {status}\r\nServer: app/1.2\r\nX-Powered-By: App\r\n\
             Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
        );
        buffer.clear();
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

//! Certificates from a real ACME authority: fetched, served, renewed, and not lost by a kill at any point.

use crate::support::authority::{self, Authority, curl};
use crate::support::front::Front;
use crate::support::{self, Burgrave, PATIENCE, ask, free_port, run};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const YEAR: u64 = 31_536_000;

/// The rest of a configuration: TLS where the authority asks, and one site of two names.
fn sites(authority: &Authority, section: &str) -> String {
    format!(
        "[[listen]]\naddress = \"127.0.0.1:{}\"\ntls = true\n{section}\
         [[site]]\nhosts = [\"a.example.com\", \"b.example.com\"]\ntls = \"acme\"\n\
         files = {{ root = \"/usr/share/common-licenses\" }}\n",
        authority.tls
    )
}

fn start(authority: &Authority, section: &str) -> Burgrave {
    Burgrave::start_on(&format!("127.0.0.1:{}", authority.http), &sites(authority, section))
}

fn state(burgrave: &Burgrave) -> PathBuf {
    burgrave.folder.path().join("state/acme")
}

/// The files of the state folder that end in this.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    all.filter(|path| path.to_str().unwrap().ends_with(end)).collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Waits until a page is served with the authority's certificate.
fn until_served(authority: &Authority, host: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let page = authority.page(host, "/GPL-3");
        if page.as_deref() == Ok("200") {
            return;
        }
        assert!(Instant::now() < end, "{host}: {page:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_certificate_is_fetched_by_a_page_and_served() {
    let Some(authority) = Authority::start(YEAR) else { return };
    let burgrave = start(&authority, &authority.section("challenge = \"http-01\""));
    let said = burgrave.wait_for("a certificate for `a.example.com` was fetched");
    assert_eq!(said.len(), 1, "{said:?}");
    burgrave.wait_for("certificates taken");
    for host in ["a.example.com", "b.example.com"] {
        assert_eq!(authority.page(host, "/GPL-3").as_deref(), Ok("200"), "{host}");
    }
    let state = state(&burgrave);
    assert_eq!((mode(&state), mode(&state.join("a.example.com.pem"))), (0o700, 0o600));
    let account = files(&state, ".key");
    assert_eq!((account.len(), mode(&account[0])), (1, 0o600));
    assert!(files(&state, ".order").is_empty(), "nothing is under way");
    assert!(files(&state.join("challenges"), "").is_empty(), "no answer stays");
    // It is in the ledger, which the keeper itself cannot write.
    let config = burgrave.config();
    let list = ["ledger", "list", "--kind", "certificate", "--config", config.to_str().unwrap()];
    let end = Instant::now() + support::PATIENCE;
    loop {
        let output = support::run(&list);
        let rows: String = output.stdout.iter().map(|&byte| char::from(byte)).collect();
        if rows.contains("certificate.renewed    a.example.com") {
            break;
        }
        assert!(Instant::now() < end, "{rows} {}", support::stderr(&output));
        std::thread::sleep(Duration::from_millis(20));
    }
    // Only an authority's question is answered in the clear.
    let plain = |path: &str| {
        let text =
            format!("GET {path} HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n\r\n");
        ask(([127, 0, 0, 1], authority.http).into(), &text).0
    };
    let answers = state.join("challenges");
    std::fs::write(answers.join("a-token_1"), "a-token_1.thumb").unwrap();
    std::fs::write(answers.join("other"), "secret").unwrap();
    std::fs::write(answers.join("a.alpn"), "a.alpn").unwrap();
    let place = "/.well-known/acme-challenge";
    for (path, status) in [
        ("/a-token_1", 200),
        ("/a-token_1?x", 200),
        ("/other", 301),
        ("/a.alpn", 301),
        ("/none", 301),
        ("/", 301),
        ("/..%2fa", 301),
        ("/a-token_1/", 301),
    ] {
        let answer = plain(&format!("{place}{path}"));
        assert_eq!(answer, status, "{path}: {:?}", burgrave.said());
    }
}

#[test]
fn a_certificate_is_fetched_within_tls() {
    let Some(authority) = Authority::start(YEAR) else { return };
    let burgrave = start(&authority, &authority.section("challenge = \"tls-alpn-01\""));
    burgrave.wait_for("certificates taken");
    until_served(&authority, "b.example.com");
    // Without a question nobody gets a certificate of that kind.
    let output = std::process::Command::new("/usr/bin/openssl")
        .args(["s_client", "-alpn", "acme-tls/1", "-servername", "a.example.com"])
        .args(["-connect", &format!("127.0.0.1:{}", authority.tls)])
        .output();
    if let Ok(output) = output {
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn a_certificate_is_fetched_by_a_record_of_a_hook() {
    let Some(authority) = Authority::start(YEAR) else { return };
    let (section, said) = by_record(&authority);
    let burgrave = start(&authority, &section);
    burgrave.wait_for("certificates taken");
    until_served(&authority, "a.example.com");
    let said = std::fs::read_to_string(said).unwrap();
    for host in ["a", "b"] {
        for action in ["set", "remove"] {
            let line = format!("{action} _acme-challenge.{host}.example.com");
            assert_eq!(said.matches(&line).count(), 1, "{line}: {said}");
        }
    }
}

#[test]
fn a_wildcard_is_certified_and_served_to_every_name_below_it() {
    let Some(authority) = Authority::start(YEAR) else { return };
    let (section, said) = by_record(&authority);
    let sites = sites(&authority, &section)
        .replace("\"a.example.com\", \"b.example.com\"", "\"*.example.com\", \"example.com\"");
    let burgrave = Burgrave::start_on(&format!("127.0.0.1:{}", authority.http), &sites);
    burgrave.wait_for("certificates taken");
    for host in ["example.com", "a.example.com", "anything.example.com"] {
        until_served(&authority, host);
    }
    assert!(authority.page("a.b.example.com", "/GPL-3").is_err(), "it stands for one label");
    let said = std::fs::read_to_string(said).unwrap();
    assert_eq!(said.matches("set _acme-challenge.example.com").count(), 2, "{said}");
    assert!(state(&burgrave).join("any%.example.com.pem").exists());
}

/// The section for records, and where its hook writes down what it was asked.
fn by_record(authority: &Authority) -> (String, PathBuf) {
    let hook = authority.folder.path().join("hook");
    let said = authority.folder.path().join("asked");
    let script = format!(
        "#!/bin/sh\necho \"$2 $3\" >> {0}\nif [ \"$2\" = set ]; then \
         d=\"{{\\\"host\\\":\\\"$3.\\\",\\\"value\\\":\\\"$4\\\"}}\"; else d=\"{{\\\"host\\\":\\\"$3.\\\"}}\"; fi\n\
         case \"$2\" in set) p=set-txt;; *) p=clear-txt;; esac\n\
         exec curl -sS --noproxy '*' -d \"$d\" http://127.0.0.1:{1}/$p\n",
        said.display(),
        authority.records
    );
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let section = format!(
        "challenge = \"dns-01\"\nsettle = \"100ms\"\nhook = [\"{}\", \"zone\"]",
        hook.display()
    );
    (authority.section(&section), said)
}

#[test]
fn a_certificate_is_renewed_before_its_end_and_no_request_is_lost() {
    // Renewed at two thirds: after some twenty-four seconds, with twelve left to fetch the next one.
    let Some(authority) = Authority::start(36) else { return };
    let burgrave = start(&authority, &authority.section(""));
    burgrave.wait_for("certificates taken");
    let file = state(&burgrave).join("a.example.com.pem");
    let first = std::fs::read(&file).unwrap();
    let end = Instant::now() + PATIENCE;
    let mut requests = 0;
    let mut renewed_at = None;
    while renewed_at.is_none_or(|at: Instant| at.elapsed() < Duration::from_secs(2)) {
        let page = authority.page("a.example.com", "/GPL-3");
        assert_eq!(page.as_deref(), Ok("200"), "request {requests}");
        requests += 1;
        if renewed_at.is_none() && std::fs::read(&file).unwrap() != first {
            renewed_at = Some(Instant::now());
        }
        assert!(Instant::now() < end, "it is not renewed");
    }
    burgrave.wait_for("certificates taken");
    assert!(requests > 10, "{requests}");
    assert_eq!(files(&state(&burgrave), ".key").len(), 1, "one account");
}

#[test]
fn certificates_of_the_operator_are_taken_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let tls = free_port();
    let place = folder.path().display();
    authority::certificates(folder.path());
    let burgrave = Burgrave::start(&format!(
        "[[listen]]\naddress = \"127.0.0.1:{tls}\"\ntls = true\n[[site]]\nhosts = [\"localhost\"]\n\
         tls = {{ certificate = \"{place}/server.pem\", key = \"{place}/server.key\" }}\n\
         files = {{ root = \"/usr/share/common-licenses\" }}\n"
    ));
    let asked = |options: &[&str]| {
        let url = format!("https://localhost:{tls}/GPL-3");
        curl(&[options, &["-o", "/dev/null", &url][..]].concat()).status
    };
    let page = |ca: &Path| asked(&["--cacert", ca.to_str().unwrap()]).success();
    let ca = folder.path().join("ca.pem");
    let end = Instant::now() + PATIENCE;
    while !page(&ca) {
        assert!(Instant::now() < end, "it serves");
    }
    // Others, of another authority; no request is lost meanwhile.
    let next = tempfile::tempdir().unwrap();
    authority::certificates(next.path());
    std::fs::copy(next.path().join("server.pem"), folder.path().join("server.pem")).unwrap();
    burgrave.wait_for("cannot be used, the one before stays in force");
    assert!(page(&ca), "half of a change is none");
    std::fs::copy(next.path().join("server.key"), folder.path().join("server.key")).unwrap();
    let next = next.path().join("ca.pem");
    let mut requests = 0;
    while !page(&next) {
        // By whichever: while one process leaves and another comes, both answer.
        assert!(asked(&["--insecure"]).success(), "request {requests} is answered");
        requests += 1;
        assert!(Instant::now() < end, "they are not taken");
    }
    burgrave.wait_for("the certificate of `localhost` has changed: it is taken");
    burgrave.wait_for("certificates taken");
    assert!(page(&next) && !page(&ca));
    // The keeper of certificates is started again when it is killed, and goes on.
    let keeper = support::descendants(burgrave.child.id()).into_iter().find(|id| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.windows(14).any(|part| part == b"--certificates")
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", keeper.unwrap())).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{status}");
    }
    drop(std::process::Command::new("kill").args(["-9", &keeper.unwrap().to_string()]).status());
    burgrave.wait_for("the keeper of certificates has ended");
}

#[test]
fn a_kill_at_any_point_loses_neither_the_account_nor_the_certificate() {
    let Some(authority) = Authority::start(YEAR) else { return };
    let section = authority.section("");
    let mut burgrave = start(&authority, &section);
    let mut account: Option<Vec<u8>> = None;
    let mut was_under_way = 0;
    for step in 0_u64..12 {
        std::thread::sleep(Duration::from_millis(step * 60));
        // Where none of these moments was within an order, the last ones wait for it.
        if step > 8 && was_under_way == 0 {
            let end = Instant::now() + PATIENCE;
            while files(&state(&burgrave), ".order").is_empty() {
                assert!(Instant::now() < end, "no order is made");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let folder = burgrave.pull_the_plug();
        let state = folder.path().join("state/acme");
        was_under_way += files(&state, ".order").len();
        if was_under_way == 0 {
            // Already fetched: so that there is something to order the next time.
            drop(std::fs::remove_file(state.join("a.example.com.pem")));
        }
        if let [key] = &files(&state, ".key")[..] {
            let key = std::fs::read(key).unwrap();
            assert_eq!(account.get_or_insert_with(|| key.clone()), &key, "step {step}");
        }
        burgrave = Burgrave::start_in(folder);
    }
    until_served(&authority, "a.example.com");
    assert!(was_under_way > 0, "an order was interrupted");
    let state = state(&burgrave);
    let end = Instant::now() + PATIENCE;
    while !files(&state, ".order").is_empty() || !files(&state.join("challenges"), "").is_empty() {
        assert!(Instant::now() < end, "something stays behind: {:?}", files(&state, ""));
        std::thread::sleep(Duration::from_millis(50));
    }
    let [key] = &files(&state, ".key")[..] else { panic!("one account") };
    assert_eq!(Some(std::fs::read(key).unwrap()), account);
    // What is there is used at the next start, without asking anybody.
    let before = std::fs::read(state.join("a.example.com.pem")).unwrap();
    let burgrave = Burgrave::start_in(burgrave.pull_the_plug());
    assert_eq!(authority.page("a.example.com", "/GPL-3").as_deref(), Ok("200"));
    assert_eq!(std::fs::read(self::state(&burgrave).join("a.example.com.pem")).unwrap(), before);
}

#[test]
fn a_certificate_is_renewed_when_the_authority_wants_it() {
    let Some(authority) = Authority::start(YEAR) else { return };
    let front = Front::start(&authority);
    let burgrave = start(&authority, &authority.section_at(front.port, ""));
    burgrave.wait_for("certificates taken");
    // The first one is to be renewed in the past, all others in a far future.
    burgrave.wait_for("certificates taken");
    let end = Instant::now() + PATIENCE;
    while front.asked().first() == front.asked().last() {
        assert!(Instant::now() < end, "each is asked about by its own name: {:?}", front.asked());
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = front.asked();
    assert!(asked.iter().all(|name| name.contains('.')), "{asked:?}");
    assert_eq!(authority.page("a.example.com", "/GPL-3").as_deref(), Ok("200"));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(front.asked().len(), asked.len(), "it is left alone now");
    let orders = [None, asked.first().cloned()];
    assert_eq!(front.orders(), orders, "the second order names the first certificate");
}

#[test]
fn a_kill_between_any_request_and_its_answer_costs_one_order_at_most() {
    let Some(authority) = Authority::start(YEAR) else { return };
    let front = Front::start(&authority);
    let mut taken_up = 0;
    for request in [3, 5, 6, 8, 10, 12, 14, 16] {
        let heard = front.keep_back(request);
        let burgrave = start(&authority, &authority.section_at(front.port, ""));
        let was_heard = heard.recv_timeout(PATIENCE).is_ok();
        assert!(was_heard, "request {request} is made");
        let folder = burgrave.pull_the_plug();
        let state = folder.path().join("state/acme");
        let [key] = &files(&state, ".key")[..] else { panic!("request {request}: one account") };
        let account = std::fs::read(key).unwrap();
        let has_order = !files(&state, ".order").is_empty();
        let burgrave = Burgrave::start_in(folder);
        until_served(&authority, "a.example.com");
        assert_eq!(std::fs::read(&files(&self::state(&burgrave), ".key")[0]).unwrap(), account);
        let orders = front.orders().len();
        // One whose answer was lost, or that the authority looked at while nobody was there, is made again.
        assert!((1..=2).contains(&orders), "request {request}: {orders} orders");
        taken_up += usize::from(has_order && orders == 1);
    }
    assert!(taken_up >= 2, "{taken_up}");
}

#[test]
fn an_authority_that_is_not_there_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    authority::certificates(folder.path());
    let (tls, nobody) = (free_port(), free_port());
    let config = |ca: &str| {
        format!(
            "[[listen]]\naddress = \"127.0.0.1:{tls}\"\ntls = true\n[acme]\n\
             directory = \"https://127.0.0.1:{nobody}/dir\"\nca = \"{}/{ca}\"\n\
             [[site]]\nhosts = [\"a.example.com\"]\ntls = \"acme\"\nfiles = {{ root = \"/usr/share/common-licenses\" }}\n",
            folder.path().display()
        )
    };
    let burgrave = Burgrave::start(&config("ca.pem"));
    let said = burgrave.wait_for("no certificate for `a.example.com`, tried again in");
    assert!(said.last().unwrap().contains("registering with the authority"), "{said:?}");
    let output = curl(&[
        "-k",
        &format!("https://127.0.0.1:{tls}/"),
        "-H",
        "Host: a.example.com",
        "-o",
        "/dev/null",
    ]);
    assert!(output.status.success(), "served with one of our own: {output:?}");
    // A file of authorities that is not there is refused before anything is replaced.
    let text = support::configuration(burgrave.folder.path(), "127.0.0.1:0", &config("none.pem"));
    std::fs::write(burgrave.config(), text).unwrap();
    let check = run(&["check", "--config", burgrave.config().to_str().unwrap()]);
    assert_eq!(check.status.code(), Some(2));
    burgrave.signal("-HUP");
    burgrave.wait_for("configuration not taken");
}

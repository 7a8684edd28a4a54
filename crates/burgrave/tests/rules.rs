//! What a user sees of `burgrave rules`, word by word, on the rules in `examples/rules`. `BURGRAVE_BLESS=1`
//! writes the expected texts anew; read the difference before keeping it.

use crate::support;
use crate::support::PROGRAM;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Where the configuration and the rules stand in what is shown; where they really are in these tests.
const INSTALLED: &str = "/etc/burgrave";

/// A configuration with the example's rules where they are in this repository.
fn configured(folder: &Path, include: &str) -> String {
    let example = std::fs::read_to_string(root().join("examples/rules/burgrave.toml")).unwrap();
    let path = folder.join("burgrave.toml");
    let files = "[\"/etc/burgrave/shop.conf\"]";
    assert!(example.contains(files));
    std::fs::write(&path, example.replace(files, include)).unwrap();
    path.display().to_string()
}

fn shop() -> String {
    format!("{}/examples/rules/shop.conf", root().display())
}

/// Runs a command line beside the example's requests; the words are separated by spaces.
fn beside(line: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), &format!("[\"{}\"]", shop()));
    let mut words: Vec<&str> = line.split(' ').skip(1).collect();
    if words[0] == "rules" && words[1] != "try" && !words.contains(&"--config") {
        words.extend(["--config", &config]);
    }
    let installed = format!("{INSTALLED}/burgrave.toml");
    let real = |word: &&str| if *word == installed { config.clone() } else { (*word).to_owned() };
    let words: Vec<String> = words.iter().map(real).collect();
    let mut command = Command::new(PROGRAM);
    let mut output =
        command.args(words).current_dir(root().join("examples/rules")).output().unwrap();
    let here = format!("{}/examples/rules/", root().display());
    let shown = |bytes: &[u8]| text(bytes).replace(&here, "/etc/burgrave/").into_bytes();
    output.stdout = shown(&output.stdout);
    output.stderr = shown(&output.stderr);
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What is said on both streams, and the exit code.
fn said(output: &Output) -> String {
    let code = output.status.code().unwrap();
    let errors = text(&output.stderr);
    let errors = if errors.is_empty() { errors } else { format!("--- stderr\n{errors}") };
    format!("{}{errors}--- exit {code}\n", text(&output.stdout))
}

fn check(name: &str, line: &str, code: i32) {
    let output = beside(line);
    let shown = format!("$ {line}\n{}", said(&output));
    let path = root().join(format!("crates/burgrave/tests/golden/rules/{name}.txt"));
    if std::env::var_os("BURGRAVE_BLESS").is_some() {
        std::fs::write(&path, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error} (BURGRAVE_BLESS=1 writes it)"));
    assert_eq!(shown, expected, "{name} (BURGRAVE_BLESS=1 writes it anew)");
    assert_eq!(output.status.code(), Some(code), "{name}");
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{name}: {shown:?}");
}

const GOLDEN: &str = "../../crates/burgrave/tests/golden/rules";

#[test]
fn requests_are_explained() {
    let explain = |name: &str, request: &str, more: &str, code| {
        let line = format!("burgrave rules explain --request {request}.http{more}");
        check(name, &line, code);
    };
    explain("explain-attack", "attack", "", 1);
    explain("explain-benign", "benign", "", 0);
    explain("explain-near", "near", "", 0);
    explain("explain-json", "attack", " --format json", 1);
    explain("explain-rule-matched", "attack", " --rule 120", 1);
    explain("explain-rule-did-not-match", "benign", " --rule 110", 0);
    explain("explain-rule-of-a-chain", "near", " --rule 130", 0);
    explain("explain-rule-of-a-higher-level", "attack", " --rule 140", 1);
    explain("explain-rule-not-reached", "benign", " --rule 150", 0);
    explain("explain-rule-unknown", "benign", " --rule 151", 0);
}

#[test]
fn rules_are_listed() {
    for (name, more) in [
        ("list", ""),
        ("list-by-tag", " --tag attack-sqli --tag attack-xss"),
        ("list-by-id-and-phase", " --id 100-159 --id 190 --phase 1 --phase 3"),
        ("list-json", " --id 110 --format json"),
    ] {
        check(name, &format!("burgrave rules list{more}"), 0);
    }
    check("explain-id", "burgrave explain 110 --config /etc/burgrave/burgrave.toml", 0);
    check("explain-id-unknown", "burgrave explain 111 --config /etc/burgrave/burgrave.toml", 2);
    check("explain-id-without-configuration", "burgrave explain 110", 2);
}

#[test]
fn rules_are_tried() {
    let tried = |rule: &str, more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["rules", "try", "--request", "benign.http", "--rule", rule]).args(more);
        command.current_dir(root().join("examples/rules")).output().unwrap()
    };
    let rule =
        "SecRule ARGS:q \"@contains chair\" \"id:1,phase:2,deny,t:none,t:lowercase,msg:'chairs'\"";
    let output = tried(rule, &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    for part in [
        "BLOCKED with status 403\n  by rule 1 in phase 2: chairs\n  --rule:1\n",
        "RULE 1 matched\n  chairs\n",
        "      received  garden chairs\n                       ^^^^^\n",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), &format!("[\"{}\"]", shop()));
    let behind = ["--config", config.as_str()];
    let output = tried(&rule.replace("chair", "table"), &behind);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(text(&output.stdout).contains("RULE 1 did not match"));
    for (rule, more, wanted) in [
        (rule.replace("@contains", "@holds"), &[][..], "--rule:1: unknown operator `@holds`\n"),
        (rule.replace("id:1,", "id:110,"), &behind, "--rule:1: rule id 110 is taken by "),
        ("SecRule ARGS x".to_owned(), &[], "--rule:1: a rule needs an `id`"),
    ] {
        let output = tried(&rule, more);
        assert_eq!(output.status.code(), Some(2));
        let wanted = format!("burgrave: the rule files have 1 error(s):\n{wanted}");
        assert!(text(&output.stderr).starts_with(&wanted), "{}", said(&output));
    }
    check("try-file", "burgrave rules try --file shop.conf --request near.http", 0);
    let line = "burgrave rules try --file shop.conf --request benign.http --format json";
    let json: serde_json::Value = serde_json::from_slice(&beside(line).stdout).unwrap();
    assert_eq!((&json["version"], json["tried"].as_array().unwrap().len()), (&1.into(), 9));
}

#[test]
fn test_files_are_run() {
    let test = |name: &str, more: &str, code| {
        check(name, &format!("burgrave rules test {more}"), code);
    };
    test("test-passed", "tests.yaml", 0);
    test("test-failed", &format!(". {GOLDEN}/failing.yaml"), 1);
    test("test-json", &format!("{GOLDEN}/failing.yaml --format json"), 1);
    test("test-nothing-there", "../../crates/burgrave/src", 2);
    test("test-not-a-test", "shop.conf burgrave.toml", 2);
}

#[test]
fn exceptions_are_proposed_only_where_they_hold() {
    let except = |name: &str, more: &str, code| {
        let line = format!("burgrave rules except --request {more}");
        check(name, &line, code);
    };
    except("except", "false-positive.http --attacks attack.http", 0);
    except("except-json", "false-positive.http --attacks attack.http --format json", 0);
    except("except-prefix", "false-positive.http --prefix /rev", 0);
    except("except-not-needed", "benign.http", 0);
    except("except-refused", "false-positive.http --attacks false-positive.http", 1);
    except("except-other-rule", "false-positive.http --rule 110", 1);
    except("except-id-taken", "false-positive.http --id 110", 2);
}

#[test]
fn an_exception_is_written_and_then_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let config = configured(folder.path(), &format!("[\"{}\"]", shop()));
    let line = |request: &str| {
        let own = place("own.conf");
        format!("burgrave rules except --config {config} --request {request} --write {own}")
    };
    let request = "false-positive.http";
    let output = beside(&line(request));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let errors = text(&output.stderr);
    assert!(errors.contains("written to") && errors.contains("not in force yet"), "{errors}");
    let written = std::fs::read_to_string(place("own.conf")).unwrap();
    assert!(text(&output.stdout).contains(&written), "what is written was shown");

    configured(folder.path(), &format!("[\"{}\", \"{}\"]", place("own.conf"), shop()));
    let again = beside(&line(request));
    assert!(text(&again.stdout).starts_with("NOT NEEDED"), "{}", said(&again));
    let other = std::fs::read_to_string(root().join("examples/rules").join(request))
        .unwrap()
        .replace("/reviews", "/letters");
    std::fs::write(place("other.http"), other).unwrap();
    let output = beside(&line(&place("other.http")));
    assert_eq!(text(&output.stderr), format!("written to `{}`\n", place("own.conf")));
    let both = std::fs::read_to_string(place("own.conf")).unwrap();
    assert!(both.starts_with(&written) && both.contains("id:10001,"), "{both}");
    let refused = beside(&format!("{} --id 10000", line("attack.http")));
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("rule id 10000 is taken"), "{}", said(&refused));
    assert_eq!(std::fs::read_to_string(place("own.conf")).unwrap(), both, "nothing was written");
}

#[test]
fn profiles_are_drafted() {
    check("profile-openapi", "burgrave rules profile --openapi shop.openapi", 0);
    check("profile-base", "burgrave rules profile --openapi shop.openapi --base /shop", 0);
    check("profile-nothing", "burgrave rules profile --requests benign.http attack.http", 1);
    check("profile-no-document", "burgrave rules profile --openapi tests.yaml", 2);
    let both = said(&beside("burgrave rules profile"));
    assert!(
        both.contains("--openapi <OPENAPI>|--requests <REQUESTS>") && both.ends_with("exit 2\n")
    );
}

/// A folder with a configuration that has a rule which takes dates for an attack, and perhaps a profile.
struct Shop(tempfile::TempDir);

const RECORDED: &str = "Host: shop.example.com\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rule = "SecRule ARGS \"@rx (?:-.*){2}\" \"id:145,phase:2,pass,t:none,msg:'Many marks',severity:CRITICAL,tag:'attack-sqli',setvar:tx.inbound_anomaly_score_pl1=+5\"\n";
        let score = "SecRule TX:INBOUND_ANOMALY_SCORE_PL1 \"@ge 5\"";
        let rules = std::fs::read_to_string(shop()).unwrap();
        assert!(rules.contains("SecRule TX:INBOUND"));
        let rules = rules.replace("SecRule TX:INBOUND", &format!("{rule}SecRule TX:INBOUND"));
        assert!(!rules.contains(score));
        std::fs::write(folder.path().join("shop.conf"), rules).unwrap();
        configured(folder.path(), &format!("[\"{}/shop.conf\"]", folder.path().display()));
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Puts a profile in force.
    fn profile(&self, text: &str) {
        std::fs::write(self.path("shop.profile"), text).unwrap();
        let config = std::fs::read_to_string(self.path("burgrave.toml")).unwrap();
        let key = format!("[rules]\napplication = \"{}\"\n", self.path("shop.profile"));
        std::fs::write(self.path("burgrave.toml"), config.replace("[rules]\n", &key)).unwrap();
    }

    /// What `burgrave rules explain` says of a request for this target.
    fn explain(&self, target: &str) -> String {
        std::fs::write(self.path("one.http"), format!("GET {target} HTTP/1.1\r\n{RECORDED}"))
            .unwrap();
        self.run(&["rules", "explain", "--request", &self.path("one.http")])
    }

    fn run(&self, words: &[&str]) -> String {
        let config = self.path("burgrave.toml");
        said(&Command::new(PROGRAM).args(words).args(["--config", &config]).output().unwrap())
    }
}

const TARGET: &str = "/api/orders?since=2024-01-01";

fn is_narrowed(shop: &Shop, line: usize) {
    let passed = shop.explain(TARGET);
    let told = format!("but of its declared type date ({}:{line})", shop.path("shop.profile"));
    assert!(passed.contains("PASSED\n") && passed.contains(&told), "{passed}");
    assert!(passed.ends_with("exit 0\n"), "{passed}");
    for attack in [
        "/api/orders?since=2024-01-01'--",
        "/api/orders?since=2024-01-01&since=1-1-1",
        "/api/orders?Since=2024-01-01",
        "/api/orders?until=2024-01-01",
        "/api//orders?since=2024-01-01",
        "/api/orders/?since=2024-01-01",
        "/api/orders?since=2024-01-01%27%20OR%20%271%27=%271",
    ] {
        let blocked = shop.explain(attack);
        assert!(
            blocked.contains("BLOCKED with status 403") && blocked.ends_with("exit 1\n"),
            "{blocked}"
        );
    }
}

#[test]
fn a_profile_from_openapi_takes_a_false_positive_away_and_no_attack() {
    let shop = Shop::new();
    let before = shop.explain(TARGET);
    assert!(before.contains("by rule 190") && before.contains("rule 145  Many marks"), "{before}");
    let drafted = beside("burgrave rules profile --openapi shop.openapi");
    shop.profile(&text(&drafted.stdout));
    is_narrowed(&shop, 7);
}

#[test]
fn a_profile_from_recorded_requests_takes_a_false_positive_away_and_no_attack() {
    use base64::Engine as _;
    let shop = Shop::new();
    let line = |target: String| {
        let raw = format!("GET {target} HTTP/1.1\r\n{RECORDED}");
        let raw = base64::engine::general_purpose::STANDARD.encode(raw);
        format!("{{\"request\": \"{raw}\"}}\n")
    };
    let mut recorded: String =
        (1..=30).map(|day| line(format!("/api/orders?since=2024-01-{day:02}"))).collect();
    // Somebody tried to teach another type.
    for at in 0..30 {
        recorded.push_str(&line(format!("/api/orders?since={at}'--%20-")));
    }
    std::fs::write(shop.path("day.ndjson"), recorded).unwrap();
    let drafted = shop.run(&["rules", "profile", "--requests", &shop.path("day.ndjson")]);
    let (profile, code) = drafted.split_once("--- exit ").unwrap();
    assert_eq!(code, "0\n");
    assert!(profile.contains("# Taken for an attack, and taught nothing: 30."), "{profile}");
    let at = profile.lines().position(|line| line == "  query since date").unwrap();
    shop.profile(profile);
    is_narrowed(&shop, at + 1);
}

#[test]
fn what_is_not_of_its_type_is_refused_where_that_is_asked_for() {
    let shop = Shop::new();
    shop.profile("route GET /api/orders\nquery since date\n");
    let target = "/api/orders?since=yesterday&q=yesterday";
    let passed = shop.explain(target);
    assert!(passed.contains("PASSED\n"), "{passed}");
    let config = std::fs::read_to_string(shop.path("burgrave.toml")).unwrap();
    let enforced = config.replace("extra = false", "extra = true\nenforce = true");
    assert_ne!(config, enforced);
    std::fs::write(shop.path("burgrave.toml"), enforced).unwrap();
    let blocked = shop.explain(target);
    assert!(blocked.contains("BLOCKED with status 403"), "{blocked}");
    assert!(blocked.contains("rule 7211001  Argument is not of its declared type"), "{blocked}");
    assert!(blocked.contains("ARGS_MISTYPED:since") && !blocked.contains("ARGS_MISTYPED:q"));
    assert!(shop.explain("/api/orders?since=2024-01-01&q=yesterday").contains("PASSED\n"));
}

#[test]
fn a_profile_that_could_hold_an_attack_does_not_load() {
    let shop = Shop::new();
    shop.profile("route GET /api/orders\nquery q text\nquery t token A-Za-z0-9. 1..9\n");
    let refused = shop.run(&["check"]);
    for (line, why) in [(2, "`text` is no type"), (3, "a token with `.` could be an attack")] {
        let place = format!("{}:{line}: {why}", shop.path("shop.profile"));
        assert!(refused.contains(&place), "{refused}");
    }
    assert!(refused.ends_with("exit 2\n"), "{refused}");
}

#[test]
fn a_request_may_come_by_standard_input_and_is_bounded() {
    let explain = |input: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let config = configured(folder.path(), &format!("[\"{}\"]", shop()));
        let mut child = Command::new(PROGRAM)
            .args(["rules", "explain", "--config", &config, "--request", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdin.take().unwrap().write_all(input));
        said(&child.wait_with_output().unwrap())
    };
    let passed = explain(b"GET /?a=\xff\x1b[31mRED HTTP/1.1\nHost: x\n");
    assert!(passed.contains("GET /?a=\\xff\\x1b[31mRED HTTP/1.1") && passed.ends_with("exit 0\n"));
    let long = explain(&vec![b'a'; 4 * 1024 * 1024 + 1]);
    assert!(
        long.contains("it is longer than 4194304 bytes") && long.ends_with("exit 2\n"),
        "{long}"
    );
    let nonsense = explain(b"nonsense");
    assert!(nonsense.contains("does not begin with a request line"), "{nonsense}");
}

/// The blocks of a document that begin with a command line, as `$ burgrave …`.
fn blocks(document: &str) -> Vec<(String, String)> {
    let fenced = document.split("```\n").skip(1).step_by(2);
    let commands = fenced.filter_map(|block| block.strip_prefix("$ burgrave rules "));
    let parts = commands.filter_map(|block| block.split_once('\n'));
    parts.map(|(line, shown)| (format!("burgrave rules {line}"), shown.to_owned())).collect()
}

#[test]
fn what_the_documents_show_is_what_is_said() {
    let mut seen = 0;
    let documents =
        [("README.md", 2), ("docs/rules/explain.md", 4), ("docs/rules/application.md", 1)];
    for (document, at_least) in documents {
        let path = root().join(document);
        let text_of = std::fs::read_to_string(&path).unwrap();
        let blocks = blocks(&text_of);
        assert!(blocks.len() >= at_least, "{document} shows {} outputs", blocks.len());
        let mut fresh = text_of.clone();
        for (line, shown) in blocks {
            let output = beside(&line);
            let real = text(&output.stdout) + &text(&output.stderr);
            if std::env::var_os("BURGRAVE_BLESS").is_some() {
                fresh = fresh.replace(&format!("$ {line}\n{shown}"), &format!("$ {line}\n{real}"));
            } else {
                assert_eq!(shown, real, "{document}: `{line}` (BURGRAVE_BLESS=1 writes it anew)");
            }
            seen += 1;
        }
        if fresh != text_of {
            std::fs::write(&path, fresh).unwrap();
        }
    }
    assert!(seen >= 7, "{seen}");
}

#[test]
fn the_core_rule_set_is_explained_where_it_is_at_hand() {
    let Some(rules) = support::crs() else {
        eprintln!("skipped: no rule set is here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let rest = format!("{rules}[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"/usr/share\" }}\n");
    std::fs::write(&config, support::configuration(folder.path(), "127.0.0.1:0", &rest)).unwrap();
    let explain = |more: &str| {
        let config = config.display();
        said(&beside(&format!("burgrave rules explain --config {config} --request {more}")))
    };
    let attack = explain("attack.http");
    assert!(attack.contains("BLOCKED with status 403\n  by rule 949110 in phase 2"), "{attack}");
    assert!(
        attack.contains("rule 942100  SQL Injection") && attack.contains("+5 to the score"),
        "{attack}"
    );
    assert!(attack.contains("blocked from 5") && attack.contains("^^^"), "{attack}");
    let benign = explain("benign.http");
    assert!(benign.contains("PASSED\n") && benign.contains("WHAT MATCHED: nothing"), "{benign}");
    assert!(benign.contains("of a higher paranoia level than 1"), "{benign}");
    let level = explain("benign.http --rule 942101");
    assert!(level.contains("RULE 942101 was not asked: it is of paranoia level 2"), "{level}");
}

/// At the highest paranoia level the Core Rule Set takes dates and UUIDs for SQL.
#[test]
fn a_profile_lowers_the_score_of_the_core_rule_set() {
    let Some(rules) = support::crs() else {
        eprintln!("skipped: no rule set is here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let level = "SecAction \"id:10001,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=4,setvar:tx.detection_paranoia_level=4,setvar:tx.paranoia_level=4,setvar:tx.executing_paranoia_level=4\"\n";
    std::fs::write(path("level.conf"), level).unwrap();
    std::fs::write(path("p.profile"), "route GET /o\nquery account uuid\nquery since date\n")
        .unwrap();
    let rules = rules.replace("include = [", &format!("include = [\"{}\", ", path("level.conf")));
    let score = |name: &str, key: &str, query: &str| {
        let rules = rules.replace("[rules]\n", &format!("[rules]\n{key}\n"));
        let rest =
            format!("{rules}[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"/usr/share\" }}\n");
        std::fs::write(path(name), support::configuration(folder.path(), "127.0.0.1:0", &rest))
            .unwrap();
        let request = format!(
            "GET /o?{query} HTTP/1.1\r\nHost: h.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n"
        );
        std::fs::write(path("r.http"), request).unwrap();
        let told = beside(&format!(
            "burgrave rules explain --config {} --request {} --format json",
            path(name),
            path("r.http")
        ));
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        told["score.in"].as_i64().unwrap()
    };
    let key = format!("application = \"{}\"", path("p.profile"));
    let benign = "since=2024-01-01&account=6f9619ff-8b86-d011-b42d-00c04fc964ff";
    let (before, after) = (score("a.toml", "", benign), score("b.toml", &key, benign));
    assert!(before >= 5 && after == 0, "{before} {after}");
    let attack = format!("{benign}%27%20or%201=1--%20");
    let (before, after) = (score("a.toml", "", &attack), score("b.toml", &key, &attack));
    assert!(before > 20 && before - after <= 3, "the date alone: {before} {after}");
}

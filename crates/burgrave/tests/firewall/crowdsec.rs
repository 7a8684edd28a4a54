//! `CrowdSec` beside Burgrave: its engine's decisions are bans here, and its bouncer, on another machine, keeps out whom
//! Burgrave has banned.

use crate::firewall::WATCH;
use crate::firewall::net::{HOST, Net, Space, append, python};
use crate::firewall::senders::certify;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A program of theirs. `None`, and said, where they are not unpacked.
fn program(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/crowdsec/usr/bin");
    let path = path.join(name).canonicalize().ok();
    if path.is_none() {
        println!("SKIPPED: there is no `{name}` in target/tools/crowdsec");
    }
    path
}

fn secret(net: &Net, name: &str, text: &str) {
    let path = net.folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A process of theirs; killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop((self.0.kill(), self.0.wait()));
    }
}

/// The engine's Local API, in the machine's namespace.
struct Engine {
    config: String,
    program: PathBuf,
    tool: PathBuf,
    running: Option<Running>,
}

impl Engine {
    fn prepare(net: &Net) -> Option<Self> {
        let (program, tool) = (program("crowdsec")?, program("cscli")?);
        let home = net.folder.path().join("crowdsec");
        for folder in ["data", "hub", "n", "p"] {
            std::fs::create_dir_all(home.join(folder)).unwrap();
        }
        let write = |name: &str, text: &str| {
            std::fs::write(home.join(name), text.replace("HOME", &home.display().to_string()))
                .unwrap();
        };
        write("config.yaml", CONFIG);
        write("simulation.yaml", "simulation: off\n");
        write("hub/.index.json", "{}");
        write("acquis.yaml", "");
        write("profiles.yaml", "name: none\nfilters:\n - \"false\"\non_success: break\n");
        write(
            "credentials.yaml",
            "url: http://127.0.0.1:18080\nlogin: test\npassword: testtesttest\n",
        );
        let config = home.join("config.yaml").display().to_string();
        let engine = Self { config, program, tool, running: None };
        let credentials = home.join("credentials.yaml").display().to_string();
        engine.tell(
            net,
            &["machines", "add", "test", "-p", "testtesttest", "--force", "-f", &credentials],
        );
        engine.tell(net, &["bouncers", "add", "burgrave", "-k", KEY]);
        Some(engine)
    }

    fn command(&self, net: &Net, program: &Path) -> Command {
        let mut command = net.host.command(&program.display().to_string());
        let said = || append(net.folder.path().join("crowdsec.log"));
        command.args(["-c", &self.config]).stdout(said()).stderr(said());
        command
    }

    fn tell(&self, net: &Net, words: &[&str]) {
        let done = self.command(net, &self.tool).args(words).status().unwrap();
        let said = std::fs::read_to_string(net.folder.path().join("crowdsec.log"));
        assert!(done.success(), "{words:?}: {}", said.unwrap());
    }

    fn start(&mut self, net: &Net) {
        self.running =
            Some(Running(self.command(net, &self.program).arg("-no-cs").spawn().unwrap()));
        net.until("the engine listens", |net| net.host.reaches("127.0.0.1", 18080));
    }
}

const CONFIG: &str = "\
common: {daemonize: false, log_media: stdout, log_level: info, working_dir: HOME}
config_paths: {config_dir: HOME, data_dir: HOME/data, simulation_path: HOME/simulation.yaml, hub_dir: HOME/hub, index_path: HOME/hub/.index.json, notification_dir: HOME/n, plugin_dir: HOME/p}
crowdsec_service: {acquisition_path: HOME/acquis.yaml, parser_routines: 1}
cscli: {output: human}
db_config: {log_level: info, type: sqlite, use_wal: false, db_path: HOME/data/crowdsec.db}
api:
  client: {credentials_path: HOME/credentials.yaml}
  server: {log_level: info, listen_uri: \"127.0.0.1:18080\", profiles_path: HOME/profiles.yaml}
prometheus: {enabled: false}
";

#[test]
fn what_the_engine_decides_is_done_here() {
    let own = "[bans]\ncrowdsec = [{ url = \"http://127.0.0.1:18080\", key_file = \"DIR/key\", every = \"1s\" }]\n";
    let Some(mut net) = Net::new(&format!("{own}{WATCH}")) else { return };
    let Some(mut engine) = Engine::prepare(&net) else { return };
    secret(&net, "key", KEY);
    net.start();
    net.until("it is away", |net| net.said("no decisions come from `crowdsec`") == 1);
    engine.start(&net);
    net.until("it answers", |net| net.said("`crowdsec` answers again") == 1);
    assert!(net.attacker.reaches(HOST, 8080));
    engine.tell(&net, &["decisions", "add", "-i", "10.9.0.2", "-d", "2h", "-R", "theirs"]);
    net.until("the attacker is kept out", |net| !net.attacker.reaches(HOST, 8080));
    assert!(net.innocent.reaches(HOST, 8080));
    net.until("told", |net| net.said("banned 10.9.0.2 for 71") == 1);
    net.until("it has its row", |net| net.has_rows("ban.added", "10.9.0.2") == 1);
    // Networks, and those who may not be banned.
    engine.tell(&net, &["decisions", "add", "-r", "203.0.113.0/24", "-d", "1h"]);
    engine.tell(&net, &["decisions", "add", "-r", "10.9.0.0/24", "-d", "1h"]);
    net.until("a network", |net| net.set("networks4").contains("203.0.113.0/24"));
    net.until("the own network is spared", |net| net.said("not banned: 10.9.0.0/24") == 1);
    assert!(net.innocent.reaches(HOST, 8080));
    engine.tell(&net, &["decisions", "delete", "-i", "10.9.0.2"]);
    net.until("it is let in", |net| net.attacker.reaches(HOST, 8080));
    // An engine that is away ends nothing.
    engine.tell(&net, &["decisions", "add", "-i", "10.9.0.2", "-d", "2h"]);
    net.until("the attacker is kept out again", |net| !net.attacker.reaches(HOST, 8080));
    engine.running = None;
    net.until("it is away again", |net| net.said("no decisions come from `crowdsec`") == 2);
    assert!(!net.attacker.reaches(HOST, 8080));
    // By hand it is ended at once, and the same decision does not come back.
    assert_eq!(net.firewall("unban 10.9.0.2").0, 0);
    engine.start(&net);
    net.until("it answers again", |net| net.said("`crowdsec` answers again") == 2);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(net.attacker.reaches(HOST, 8080), "who was let in by hand stays in");
}

/// Another machine, with a service of its own and the bouncer.
fn bouncer(net: &Net, machine: &Space, program: &Path) -> Running {
    let folder = net.folder.path();
    let text = format!(
        "mode: nftables\npid_dir: {0}/\nupdate_frequency: 1s\ndaemonize: false\nlog_mode: stdout\nlog_dir: {0}/\nlog_level: info\n\
         api_url: https://{HOST}:8087/\napi_key: {KEY}\nca_cert_path: {0}/ca.pem\ndisable_ipv6: false\ndeny_action: DROP\ndeny_log: false\n\
         supported_decisions_types:\n  - ban\nblacklists_ipv4: crowdsec-blacklists\nblacklists_ipv6: crowdsec6-blacklists\nnftables:\n  \
         ipv4: {{enabled: true, set-only: false, table: crowdsec, chain: crowdsec-chain}}\n  \
         ipv6: {{enabled: true, set-only: false, table: crowdsec6, chain: crowdsec6-chain}}\nprometheus: {{enabled: false}}\n",
        folder.display()
    );
    secret(net, "bouncer.yaml", &text);
    let said = || append(folder.join("bouncer.log"));
    let mut command = machine.command(&program.display().to_string());
    command.args(["-c", &folder.join("bouncer.yaml").display().to_string()]);
    Running(command.stdout(said()).stderr(said()).spawn().unwrap())
}

#[test]
fn their_bouncer_on_another_machine_keeps_out_whom_we_have_banned() {
    let own = "[bans.bouncers]\naddress = \"10.9.0.1:8087\"\ncertificate = \"DIR/own.pem\"\nkey = \"DIR/own.key\"\n\
               clients = [{ name = \"edge\", key_file = \"DIR/key\" }]\n";
    let Some(mut net) = Net::new(&format!("{own}{WATCH}")) else { return };
    let Some(program) = program("crowdsec-firewall-bouncer") else { return };
    certify(net.folder.path(), "ca", &["own"]);
    secret(&net, "key", KEY);
    net.start();
    let dump = |net: &Net| {
        let said = std::fs::read_to_string(net.folder.path().join("bouncer.log"));
        said.unwrap_or_default()
    };
    let their = |net: &Net| {
        let listed = net.innocent.run("nft list ruleset");
        String::from_utf8(listed.stdout).unwrap()
    };
    assert_eq!(net.firewall("ban 10.9.0.77").0, 0);
    let _bouncer = bouncer(&net, &net.innocent, &program);
    net.until("it has its rules", |net| their(net).contains("10.9.0.77"));
    let mut listener = net.innocent.command(python());
    let listener = listener.args(["-m", "http.server", "-d", "/usr/share/common-licenses", "9090"]);
    let _listener =
        Running(listener.stderr(append(net.folder.path().join("listener"))).spawn().unwrap());
    net.until("its service is there", |net| net.attacker.reaches("10.9.0.3", 9090));
    net.fail("10.9.0.2", 3);
    net.until("it is banned here", |net| !net.attacker.reaches(HOST, 8080));
    net.until("and there", |net| !net.attacker.reaches("10.9.0.3", 9090));
    assert!(net.innocent.reaches(HOST, 8080), "{}", dump(&net));
    assert_eq!(net.firewall("ban fd09::2").0, 0);
    net.until("IPv6 as well", |net| their(net).contains("fd09::2"));
    assert_eq!(net.firewall("unban 10.9.0.2").0, 0);
    net.until("let in here", |net| net.attacker.reaches(HOST, 8080));
    net.until("and there", |net| net.attacker.reaches("10.9.0.3", 9090));
    // After a restart it goes on, whatever happened meanwhile.
    net.stop("-KILL");
    assert_eq!(net.firewall("ban 10.9.0.2").0, 0);
    assert_eq!(net.firewall("unban 10.9.0.77").0, 0);
    net.start();
    net.until("it is banned there", |net| !net.attacker.reaches("10.9.0.3", 9090));
    net.until("and the other let in", |net| !their(net).contains("10.9.0.77"));
    let said = dump(&net);
    // While Burgrave was away it could not ask; nothing else went wrong.
    let wrong = said.lines().filter(|line| line.contains("level=error"));
    let wrong: Vec<&str> =
        wrong.filter(|line| !line.contains("connect: connection refused")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

//! A real ACME authority (`pebble`) with a name server of its own, on loopback, where it is installed.

use crate::support::{PATIENCE, free_port};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A running authority; killed when dropped.
pub struct Authority {
    processes: Vec<Child>,
    pub folder: tempfile::TempDir,
    /// Where it asks, over HTTP and within TLS.
    pub http: u16,
    pub tls: u16,
    pub port: u16,
    management: u16,
    /// Where records are set.
    pub records: u16,
}

impl Authority {
    /// Starts it; its certificates are good for so many seconds. `None`, and said, where it is not installed.
    pub fn start(seconds: u64) -> Option<Self> {
        for program in ["pebble", "pebble-challtestsrv", "curl"] {
            if !Path::new("/usr/bin").join(program).exists() {
                println!("{program} is not installed: not tried");
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let [http, tls, port, management, records, names] = [(); 6].map(|()| free_port());
        let own = certificates(folder.path());
        let config = format!(
            "{{\"pebble\":{{\"listenAddress\":\"127.0.0.1:{port}\",\"managementListenAddress\":\"127.0.0.1:{management}\",\
             \"certificate\":\"{0}/server.pem\",\"privateKey\":\"{0}/server.key\",\"httpPort\":{http},\"tlsPort\":{tls},\
             \"ocspResponderURL\":\"\",\"externalAccountBindingRequired\":false,\"certificateValidityPeriod\":{seconds}}}}}",
            own.display()
        );
        std::fs::write(folder.path().join("pebble.json"), config).unwrap();
        let said = || std::fs::File::options().create(true).append(true).open(log(folder.path()));
        let names_process = quiet("pebble-challtestsrv")
            .stdout(said().unwrap())
            .stderr(said().unwrap())
            .args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""])
            .args([
                "-dns01",
                &format!("127.0.0.1:{names}"),
                "-management",
                &format!("127.0.0.1:{records}"),
            ])
            .spawn()
            .unwrap();
        let process = quiet("pebble")
            .stdout(said().unwrap())
            .stderr(said().unwrap())
            .env("PEBBLE_VA_NOSLEEP", "1")
            // Some words of a client are refused once: it must say them again.
            .env("PEBBLE_WFE_NONCEREJECT", "5")
            .env("PEBBLE_AUTHZREUSE", "0")
            .args(["-strict", "-dnsserver", &format!("127.0.0.1:{names}"), "-config"])
            .arg(folder.path().join("pebble.json"))
            .spawn()
            .unwrap();
        let processes = vec![names_process, process];
        let mut own = Self { processes, folder, http, tls, port, management, records };
        own.wait();
        Some(own)
    }

    fn wait(&mut self) {
        let end = Instant::now() + PATIENCE;
        let root = self.folder.path().join("root.pem");
        loop {
            let url = format!("https://127.0.0.1:{}/roots/0", self.management);
            let output = curl(&["-k", &url]);
            if output.status.success() && output.stdout.starts_with(b"-----BEGIN") {
                return std::fs::write(root, output.stdout).unwrap();
            }
            for process in &mut self.processes {
                let ended = process.try_wait().unwrap();
                assert!(ended.is_none(), "the authority ended: {ended:?}\n{}", self.said());
            }
            assert!(Instant::now() < end, "the authority does not start\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(log(self.folder.path())).unwrap_or_default()
    }

    /// What certifies the sites, as clients trust it.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// The section for it.
    pub fn section(&self, rest: &str) -> String {
        self.section_at(self.port, rest)
    }

    /// The same, by way of another port.
    pub fn section_at(&self, port: u16, rest: &str) -> String {
        format!(
            "[acme]\ndirectory = \"https://localhost:{port}/dir\"\nca = \"{}/ca.pem\"\ncontact = [\"ops@example.com\"]\n{rest}\n",
            self.folder.path().display()
        )
    }

    /// A site's page by its name, verified as a client of the authority does: status, or why not.
    pub fn page(&self, host: &str, path: &str) -> Result<String, String> {
        let root = self.root();
        let resolve = format!("{host}:{}:127.0.0.1", self.tls);
        let url = format!("https://{host}:{}{path}", self.tls);
        let output = curl(&[
            "--cacert",
            root.to_str().unwrap(),
            "--resolve",
            &resolve,
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &url,
        ]);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        for process in &mut self.processes {
            drop(process.kill());
            drop(process.wait());
        }
    }
}

/// What its processes said of their errors.
fn log(folder: &Path) -> PathBuf {
    folder.join("said")
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(Path::new("/usr/bin").join(program));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

pub fn curl(arguments: &[&str]) -> Output {
    Command::new("/usr/bin/curl")
        .args(["-sS", "--max-time", "20", "--noproxy", "*"])
        .args(arguments)
        .output()
        .unwrap()
}

/// The certificate of the authority's own server, and whoever certifies it.
pub fn certificates(folder: &Path) -> PathBuf {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
    std::fs::write(folder.join("server.pem"), leaf.pem()).unwrap();
    std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
    folder.to_path_buf()
}

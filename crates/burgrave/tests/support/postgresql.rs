//! A server of PostgreSQL of the test's own, in a folder of its own, reached by a socket there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].concat().iter().map(|&byte| char::from(byte)).collect()
}

/// A folder in which the server's account may write.
pub fn open_to_all() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(dir.path(), mode).unwrap();
    dir
}

/// A server of the test's own.
pub struct Server {
    pub dir: tempfile::TempDir,
    pub bin: PathBuf,
    pub data: PathBuf,
}

pub fn words(bin: &Path, program: &str) -> Vec<String> {
    let program = bin.join(program).display().to_string();
    let is_root = text(&Command::new("id").arg("-u").output().unwrap()).trim() == "0";
    if is_root {
        ["runuser", "-u", "postgres", "--", &program].map(str::to_owned).to_vec()
    } else {
        vec![program]
    }
}

impl Server {
    /// `None`: there is no `PostgreSQL` here, which is said.
    pub fn start(settings: &str) -> Option<Self> {
        let mut bins: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .map(|all| all.flatten().map(|entry| entry.path().join("bin")).collect())
            .unwrap_or_default();
        bins.push(PathBuf::from("/usr/local/bin"));
        let bin = bins.into_iter().find(|bin| {
            ["initdb", "pg_ctl", "postgres"].iter().all(|name| bin.join(name).exists())
        });
        let Some(bin) = bin else {
            println!("SKIPPED: PostgreSQL is not installed");
            return None;
        };
        let dir = open_to_all();
        let data = dir.path().join("data");
        let server = Self { dir, bin, data };
        server.run(
            "initdb",
            &["-D", server.data.to_str().unwrap(), "-U", "postgres", "-A", "trust", "-N"],
        );
        let config = server.data.join("postgresql.conf");
        let text = format!(
            "{}\nlisten_addresses = ''\nunix_socket_directories = '{}'\nfsync = off\n{settings}\n",
            std::fs::read_to_string(&config).unwrap(),
            server.dir.path().display()
        );
        std::fs::write(&config, text).unwrap();
        server.control(&server.data, "start");
        Some(server)
    }

    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut all = words(&self.bin, program);
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let output = Command::new(&all[0]).args(&all[1..]).current_dir("/").output().unwrap();
        assert!(output.status.success(), "{all:?}: {}", text(&output));
        output.stdout.iter().map(|&byte| char::from(byte)).collect::<String>().trim().to_owned()
    }

    pub fn control(&self, data: &Path, what: &str) {
        let mut all = words(&self.bin, "pg_ctl");
        let log = self.dir.path().join("log");
        let arguments = [
            "-D",
            data.to_str().unwrap(),
            "-l",
            log.to_str().unwrap(),
            "-w",
            "-m",
            "immediate",
            what,
        ];
        all.extend(arguments.map(str::to_owned));
        if what == "start" {
            all.retain(|word| word != "-m" && word != "immediate");
        }
        let status = Command::new(&all[0])
            .args(&all[1..])
            .current_dir("/")
            .stdout(std::process::Stdio::null())
            .status();
        assert!(
            status.unwrap().success(),
            "{what}: {}",
            std::fs::read_to_string(log).unwrap_or_default()
        );
    }

    pub fn sql(&self, query: &str) -> String {
        let host = self.dir.path().to_str().unwrap();
        self.run("psql", &["-h", host, "-U", "postgres", "-d", "postgres", "-XAtqc", query])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut all = words(&self.bin, "pg_ctl");
        all.extend(
            ["-D", self.data.to_str().unwrap(), "-m", "immediate", "stop"].map(str::to_owned),
        );
        drop(Command::new(&all[0]).args(&all[1..]).current_dir("/").output());
    }
}

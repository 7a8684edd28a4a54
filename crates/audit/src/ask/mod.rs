//! Asks the running database servers of this machine what their roles may do; only when that was asked for.
//!
//! Invariants: nothing is changed, and each server is told to refuse a change; a server is asked over its socket as the account
//! that it runs as (MySQL as root, whom its socket knows), without a password, by its own client, within a time and a size;
//! what could not be asked is kept with its reason. A server found is never left out.

mod mysql;
mod postgresql;
mod redis;

use crate::facts::{Answers, Asked, Blind, Engine, Facts, Process, Reach, Socket};
use burgrave_sys::{Ended, Invocation, SysError, own_ids};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one call may take.
const CALL_TIME: Duration = Duration::from_secs(20);
/// What one call may write.
const CALL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Servers that are asked; more are unknown.
const SERVERS_MAX: usize = 16;
const SETPRIV: [&str; 2] = ["/usr/bin/setpriv", "/bin/setpriv"];

/// Asks every database server of a running machine.
pub fn ask(facts: &Facts<'_>) -> Answers {
    let mut out = Answers::default();
    let world = match World::see(facts) {
        Ok(world) => world,
        Err(blind) => {
            for engine in Engine::ALL {
                let mut server = Asked::new(engine, blind.what.clone(), Reach::Local);
                server.fail(&format!("processes and sockets cannot be seen: {}", blind.why));
                out.servers.push(server);
            }
            return out;
        }
    };
    postgresql::ask(facts, &world, &mut out);
    mysql::ask(facts, &world, &mut out);
    redis::ask(facts, &world, &mut out);
    mongodb(&world, &mut out);
    out
}

/// `MongoDB` runs: what its users may do needs a client that Debian does not have.
fn mongodb(world: &World<'_>, out: &mut Answers) {
    for process in world.running(&["mongod"]) {
        let place = format!("mongod (pid {})", process.pid);
        let mut server = Asked::new(Engine::Mongodb, place, world.reach(process));
        server.fail(
            "there is no client in Debian to ask it with: look with `db.getUsers()` in mongosh",
        );
        out.servers.push(server);
    }
}

/// What runs and listens.
struct World<'f> {
    processes: &'f [Process],
    sockets: &'f [Socket],
    listeners: &'f [crate::facts::Listener],
}

impl<'f> World<'f> {
    fn see(facts: &'f Facts<'_>) -> Result<Self, Blind> {
        Ok(Self {
            processes: facts.processes().as_ref().map_err(Clone::clone)?,
            sockets: facts.sockets().as_ref().map_err(Clone::clone)?,
            listeners: facts.listeners().as_ref().map_err(Clone::clone)?,
        })
    }

    /// Processes of these programs that are not children of one of them.
    fn running(&self, programs: &[&str]) -> Vec<&'f Process> {
        // One that has ended and is not taken away yet has no command line.
        let is = |process: &&Process| {
            !process.command.is_empty() && programs.contains(&process.program_name().as_str())
        };
        let all: Vec<&Process> = self.processes.iter().filter(is).collect();
        let is_first = |one: &&&Process| !all.iter().any(|other| other.pid == one.parent);
        all.iter().filter(is_first).copied().collect()
    }

    /// Unix sockets on which a process listens, by their paths.
    fn paths(&self, process: &Process) -> Vec<&'f str> {
        let own = self.sockets.iter().filter(|socket| {
            let link = format!("socket:[{}]", socket.inode);
            socket.kind == "unix"
                && socket.is_listening
                && socket.path.starts_with('/')
                && process.files.iter().any(|(_, file)| *file == link)
        });
        own.map(|socket| socket.path.as_str()).collect()
    }

    /// TCP ports on which a process listens.
    fn ports(&self, process: &Process) -> Vec<&'f crate::facts::Listener> {
        let is_own = |listener: &&crate::facts::Listener| {
            listener.kind.starts_with("tcp")
                && listener.process.as_ref().is_some_and(|own| own.pid == process.pid)
        };
        self.listeners.iter().filter(is_own).collect()
    }

    /// From how far a process can be reached.
    fn reach(&self, process: &Process) -> Reach {
        self.ports(process).into_iter().map(|own| own.reach).max().unwrap_or(Reach::Local)
    }
}

/// A server that is set up here, and none of its kind runs.
fn idle(out: &mut Answers, engine: Engine, place: &Path) {
    let mut server = Asked::new(engine, crate::evidence::shown_path(place), Reach::Local);
    server.fail("it is set up here and does not run");
    out.servers.push(server);
}

/// Room for one more.
fn is_full(out: &mut Answers, engine: Engine) -> bool {
    if out.servers.len() < SERVERS_MAX {
        return false;
    }
    let mut server = Asked::new(engine, "further servers".to_owned(), Reach::Local);
    server.fail(&format!("more than {SERVERS_MAX} servers run"));
    out.servers.push(server);
    true
}

/// The first of these that is there.
fn find(facts: &Facts<'_>, paths: &[&str]) -> Option<PathBuf> {
    paths.iter().map(PathBuf::from).find(|path| facts.exists(path))
}

/// A call of a program, as another account where this process is not that one already.
fn as_account(
    facts: &Facts<'_>,
    (uid, gid): (u32, u32),
    program: &Path,
) -> Result<Invocation, String> {
    let wrong = |error: SysError| error.to_string();
    if own_ids().0 == uid {
        return Invocation::new(program, CALL_TIME, CALL_BYTES_MAX).map_err(wrong);
    }
    let setpriv = find(facts, &SETPRIV).ok_or("`setpriv` is missing: install util-linux")?;
    let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
    let rest = ["--clear-groups", "--inh-caps=-all", "--no-new-privs", "--"];
    Ok(Invocation::new(setpriv, CALL_TIME, CALL_BYTES_MAX)
        .map_err(wrong)?
        .args([uid, gid])
        .args(rest)
        .arg(program))
}

/// User and group of a process's account.
fn ids(facts: &Facts<'_>, process: &Process) -> Result<(u32, u32, String), String> {
    let accounts = facts.accounts().as_ref().map_err(|blind| blind.why.clone())?;
    let user = accounts.users.iter().find(|user| user.uid == process.uid);
    let user =
        user.ok_or_else(|| format!("it runs as {}, which is no account here", process.uid))?;
    Ok((user.uid, user.gid, user.name.clone()))
}

/// Makes a call; what it printed, or why it failed.
fn call(facts: &Facts<'_>, invocation: &Invocation) -> Result<Vec<u8>, String> {
    let output = facts.system.run(invocation).map_err(|error| burgrave_sys::chain(&error))?;
    match output.ended {
        Ended::Exit(0) => Ok(output.stdout),
        Ended::Exit(_) | Ended::Signal(_) => {
            let said = crate::facts::text_of(&output.stderr);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            let how = match output.ended {
                Ended::Exit(code) => format!("its client ended with {code}"),
                Ended::Signal(signal) => format!("its client was ended by signal {signal}"),
            };
            Err(if said.is_empty() { how } else { format!("{how}: {said}") })
        }
    }
}

/// Why a process that runs has no socket that can be used.
fn hidden(process: &Process) -> String {
    if process.files.is_empty() {
        "its sockets are seen by root only".to_owned()
    } else {
        "it has no socket of its own here: it listens elsewhere, as in a container".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    /// A server of `PostgreSQL` that runs as `shop`, with a child, and what its packages left.
    fn running() -> Fake {
        let (fake, _) = crate::cases::host(&[]);
        for (pid, parent) in [(7, 1), (8, 7)] {
            let folder = format!("/proc/{pid}");
            let status = format!("Name:\tpostgres\nPPid:\t{parent}\nUid:\t998\t998\t998\t998\n");
            fake.file(format!("{folder}/status"), status)
                .file(format!("{folder}/cmdline"), b"postgres\0".to_vec())
                .link(format!("{folder}/exe"), "/usr/lib/postgresql/15/bin/postgres")
                .link(format!("{folder}/fd/5"), "socket:[81]");
        }
        fake.file("/proc/net/unix", "Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 00010000 0001 01 81 /run/p/.s.PGSQL.5433\n");
        fake
    }

    fn why(fake: &Fake) -> Vec<String> {
        let answers = ask(&Facts::new(fake, Ground::Running));
        let of = |server: &Asked| server.rows("roles", "role").unwrap_err();
        answers
            .servers
            .iter()
            .map(of)
            .map(|blind| format!("{}: {}", blind.what, blind.why))
            .collect()
    }

    #[test]
    fn a_server_that_cannot_be_asked_is_kept_with_its_reason() {
        let fake = running();
        let said = why(&fake);
        assert!(said.len() == 1 && said[0].contains("install postgresql-client"), "{said:?}");
        assert!(said[0].starts_with("/run/p/.s.PGSQL.5433"));
        fake.remove("/proc/7/fd/5").remove("/proc/8/fd/5");
        assert!(why(&fake)[0].contains("seen by root only"));
        fake.refuse("/proc/net/unix", burgrave_sys::Refusal::Denied);
        assert_eq!(why(&fake).len(), 4, "of each kind");
        let (fake, _) = crate::cases::host(&[]);
        assert!(why(&fake).is_empty(), "no server, and nothing is said");
        fake.file("/etc/postgresql/15/main/postgresql.conf", "").directory("/var/lib/mysql/mysql");
        fake.file("/etc/redis/redis.conf", "");
        let said = why(&fake);
        assert!(said.len() == 3 && said.iter().all(|why| why.contains("does not run")), "{said:?}");
    }

    #[test]
    fn a_call_has_no_environment_but_its_own_and_the_account_of_the_server() {
        let fake = running();
        fake.file("/usr/lib/postgresql/9.6/bin/psql", "")
            .file("/usr/lib/postgresql/15/bin/psql", "");
        fake.file("/usr/bin/setpriv", "");
        assert_eq!(why(&fake).len(), 1);
        let runs = fake.runs();
        let run = runs.iter().find(|run| run.program() == Path::new("/usr/bin/setpriv")).unwrap();
        let words: Vec<_> = run.arguments().iter().filter_map(|word| word.to_str()).collect();
        assert_eq!(words[..3], ["--reuid=998", "--regid=998", "--clear-groups"]);
        assert!(words.contains(&"/usr/lib/postgresql/15/bin/psql"), "{words:?}");
        assert!(words.ends_with(&["-h", "/run/p", "-p", "5433", "-U", "shop"]), "{words:?}");
        let options = run.variables().iter().find(|(name, _)| name == "PGOPTIONS").unwrap();
        let options = options.1.to_str().unwrap();
        assert!(options.contains("read_only=on") && options.contains("statement_timeout"));
    }

    #[test]
    fn mongodb_is_told_and_never_in_order() {
        let (fake, _) = crate::cases::host(&[]);
        fake.file("/proc/9/status", "Name:\tmongod\nPPid:\t1\nUid:\t998\t998\t998\t998\n");
        fake.file("/proc/9/cmdline", b"/usr/bin/mongod\0".to_vec());
        assert!(why(&fake)[0].contains("no client"));
        fake.file("/proc/9/cmdline", "");
        assert!(why(&fake).is_empty(), "it has ended");
    }
}

//! `PostgreSQL`: asked by `psql` over its unix socket as the account that it runs as, whom `peer` lets in.
//!
//! Invariants: a database's own functions and settings have no say (`search_path` is the system's catalog alone); a name of a
//! database reaches `psql` as a name and never as a way to connect.

use super::{World, as_account, call, find, idle, ids, is_full};
use crate::facts::{Answers, Asked, Engine, Facts, Process, Row, text_of};
use burgrave_sys::Invocation;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Databases of one server that are looked into.
const DATABASES_MAX: usize = 64;
/// How long all of them may take.
const DATABASES_TIME: Duration = Duration::from_mins(2);

const OPTIONS: &str = "-c default_transaction_read_only=on -c statement_timeout=10s -c lock_timeout=2s -c search_path=pg_catalog -c client_min_messages=error";

/// Of the whole server.
const CLUSTER: &str = "
select json_build_array('role', r.rolname, r.rolsuper, r.rolcanlogin, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls,
  case when r.rolpassword is null then 'none' when r.rolpassword like 'SCRAM-SHA-256$%' then 'scram' else 'md5' end,
  coalesce(r.rolvaliduntil < now(), false), r.oid = 10,
  exists (select from pg_shdepend d where d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid and d.deptype = 'o'),
  (select string_agg(p.rolname, ', ' order by p.rolname) from pg_roles p where not r.rolsuper and pg_has_role(r.oid, p.oid, 'member')
    and p.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')),
  (select string_agg(p.rolname, ', ' order by p.rolname) from pg_roles p where p.rolsuper and not r.rolsuper and pg_has_role(r.oid, p.oid, 'member')))
from pg_authid r where r.oid = 10 or r.oid >= 16384;
select json_build_array('asked', 'roles');
select json_build_array('rule', line_number, type, array_to_string(database, ','), array_to_string(user_name, ','), address, netmask, auth_method)
from pg_hba_file_rules where error is null order by line_number;
select json_build_array('asked', 'rules');
select json_build_array('setting', name, setting) from pg_settings
where name in ('log_connections', 'password_encryption', 'listen_addresses', 'ssl');
select json_build_array('asked', 'settings');
select json_build_array('database', datname) from pg_database where datallowconn and not datistemplate order by datname;
";

/// Of one database.
const DATABASE: &str = "
select json_build_array('schema', current_database(), nspname) from pg_namespace
where nspname !~ '^pg_' and nspname <> 'information_schema' and has_schema_privilege('public', oid, 'CREATE');
select json_build_array('table', current_database(), n.nspname, c.relname, string_agg(distinct a.privilege_type, ', '))
from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join lateral aclexplode(c.relacl) a
where a.grantee = 0 and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
group by n.nspname, c.relname;
select json_build_array('language', current_database(), lanname) from pg_language
where not lanpltrusted and lanname not in ('internal', 'c');
select json_build_array('extension', current_database(), extname) from pg_extension
where extname in ('dblink', 'adminpack', 'file_fdw');
";

/// Every server of `PostgreSQL`.
pub(super) fn ask(facts: &Facts<'_>, world: &World<'_>, out: &mut Answers) {
    let running = world.running(&["postgres"]);
    if running.is_empty() {
        let set_up = facts.glob("/etc/postgresql/*/*/postgresql.conf").unwrap_or_default();
        for file in set_up.iter().take(super::SERVERS_MAX) {
            idle(out, Engine::Postgresql, file);
        }
    }
    for process in running {
        if is_full(out, Engine::Postgresql) {
            return;
        }
        let paths = world.paths(process);
        let socket = paths.iter().find_map(|path| Socket::of(path));
        let place = socket.as_ref().map_or_else(
            || format!("postgres (pid {})", process.pid),
            |socket| socket.path.clone(),
        );
        let mut server = Asked::new(Engine::Postgresql, place, world.reach(process));
        let asked = socket
            .ok_or_else(|| super::hidden(process))
            .and_then(|socket| one(facts, process, &socket, &mut server));
        if let Err(why) = asked {
            server.fail(&why);
        }
        out.servers.push(server);
    }
}

/// Where a server is reached.
struct Socket {
    path: String,
    folder: String,
    port: u16,
}

impl Socket {
    /// `FOLDER/.s.PGSQL.PORT`.
    fn of(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/')?;
        let port = name.strip_prefix(".s.PGSQL.")?.parse().ok()?;
        Some(Self { path: path.to_owned(), folder: folder.to_owned(), port })
    }
}

fn one(
    facts: &Facts<'_>,
    process: &Process,
    socket: &Socket,
    server: &mut Asked,
) -> Result<(), String> {
    let (uid, gid, name) = ids(facts, process)?;
    let psql = psql(facts).ok_or("`psql` is missing: install postgresql-client")?;
    let statement = |database: &str, text: &str| -> Result<Vec<u8>, String> {
        let port = socket.port.to_string();
        let options = ["-X", "-q", "-A", "-t", "-w", "--set=ON_ERROR_STOP=1"];
        let call_of: Invocation = as_account(facts, (uid, gid), &psql)?
            .args(options)
            .args(["-h", &socket.folder, "-p", &port, "-U", &name])
            .variable("PGDATABASE", database)
            .variable("PGOPTIONS", OPTIONS)
            .variable("PGCONNECT_TIMEOUT", "5")
            .variable("PGCLIENTENCODING", "UTF8")
            .variable("PGAPPNAME", "burgrave audit")
            .variable("LC_ALL", "C")
            .stdin(text);
        call(facts, &call_of)
    };
    server.hear(&text_of(&statement("postgres", CLUSTER)?));
    server.take([Row::new("asked", &["names of databases"])]);
    let databases: Vec<String> = server
        .rows("names of databases", "database")
        .map_err(|blind| blind.why)?
        .iter()
        .map(|row| row.raw(0).to_owned())
        .collect();
    let begin = facts.system.moment();
    for (count, database) in databases.iter().enumerate() {
        let is_late = facts.system.moment() - begin > DATABASES_TIME;
        let answer = if count >= DATABASES_MAX || is_late {
            Err("there are too many databases to look into all of them".to_owned())
        } else {
            statement(database, DATABASE)
        };
        match answer {
            Ok(printed) => server.hear(&text_of(&printed)),
            Err(why) => server.take([Row::new("unseen", &[database, &why])]),
        }
    }
    server.take([Row::new("asked", &["databases"])]);
    Ok(())
}

/// The real `psql` of the newest release: what Debian puts on the path is a script that looks for it.
fn psql(facts: &Facts<'_>) -> Option<PathBuf> {
    let release = |path: &PathBuf| {
        let part = path.components().nth(4)?;
        part.as_os_str().to_str()?.parse::<u32>().ok()
    };
    let mut found = facts.glob(Path::new("/usr/lib/postgresql/*/bin/psql")).unwrap_or_default();
    found.sort_by_key(release);
    found.pop().or_else(|| find(facts, &["/usr/local/bin/psql", "/usr/bin/psql"]))
}

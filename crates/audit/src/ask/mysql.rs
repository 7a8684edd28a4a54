//! `MySQL` and `MariaDB`: asked by their client over the unix socket as root, whom `unix_socket` or `auth_socket` lets in.
//!
//! Invariant: the server gets no file of the client's, whatever it asks for (`local-infile` is off).

use super::{World, as_account, call, find, idle, is_full};
use crate::facts::{Answers, Asked, Engine, Facts, text_of};
use std::path::Path;

const CLIENTS: [&str; 6] = [
    "/usr/bin/mariadb",
    "/usr/bin/mysql",
    "/usr/local/bin/mariadb",
    "/usr/local/bin/mysql",
    "/usr/local/mysql/bin/mysql",
    "/opt/mysql/bin/mysql",
];
const SERVERS: [&str; 2] = ["mariadbd", "mysqld"];
/// Where the server's own tables lie.
const DATA: &str = "/var/lib/mysql/mysql";

/// Comments that one of the two takes for statements: where an account is locked is kept in different places.
const STATEMENTS: &str = "
/*M! set session max_statement_time = 10 */;
/*!50708 set session max_execution_time = 10000 */;
set session transaction read only;
/*M!100401 select json_array('account', u.User, u.Host, u.plugin, u.authentication_string = '',
  coalesce(json_value(g.Priv, '$.account_locked') in ('1', 'true'), 0), u.Super_priv = 'Y', u.File_priv = 'Y', u.Grant_priv = 'Y', u.Create_user_priv = 'Y',
  u.password_expired = 'Y')
from mysql.user u join mysql.global_priv g on g.User = u.User and g.Host = u.Host where u.is_role <> 'Y' */;
/*M!100401 select json_array('asked', 'accounts') */;
/*!50708 select json_array('account', u.User, u.Host, u.plugin, u.authentication_string = '',
  u.account_locked = 'Y', u.Super_priv = 'Y', u.File_priv = 'Y', u.Grant_priv = 'Y', u.Create_user_priv = 'Y', u.password_expired = 'Y')
from mysql.user u */;
/*!50708 select json_array('asked', 'accounts') */;
select json_array('open', Db, Host, User, Insert_priv = 'Y' or Update_priv = 'Y' or Create_priv = 'Y' or Drop_priv = 'Y')
from mysql.db where User in ('', 'PUBLIC');
select json_array('asked', 'databases');
select json_array('function', name, dl) from mysql.func;
select json_array('asked', 'functions');
";

/// Every server of `MySQL` and `MariaDB`.
pub(super) fn ask(facts: &Facts<'_>, world: &World<'_>, out: &mut Answers) {
    let running = world.running(&SERVERS);
    if running.is_empty() && facts.exists(DATA) {
        idle(out, Engine::Mysql, Path::new(DATA));
    }
    for process in running {
        if is_full(out, Engine::Mysql) {
            return;
        }
        // The X protocol has a socket of its own.
        let socket = world.paths(process).into_iter().find(|path| !path.ends_with("mysqlx.sock"));
        let place = socket.map_or_else(|| format!("mysqld (pid {})", process.pid), str::to_owned);
        let mut server = Asked::new(Engine::Mysql, place, world.reach(process));
        match socket.ok_or_else(|| super::hidden(process)).and_then(|path| one(facts, path)) {
            Ok(printed) => server.hear(&text_of(&printed)),
            Err(why) => server.fail(&why),
        }
        out.servers.push(server);
    }
}

fn one(facts: &Facts<'_>, socket: &str) -> Result<Vec<u8>, String> {
    let client = find(facts, &CLIENTS).ok_or("its client is missing: install mariadb-client")?;
    let socket = format!("--socket={socket}");
    let options = ["--no-defaults", "--user=root", "--local-infile=0", "--connect-timeout=5"];
    let form = ["--batch", "--raw", "--skip-column-names", "--default-character-set=utf8mb4"];
    let invocation = as_account(facts, (0, 0), &client)?
        .args(options)
        .args(form)
        .arg(socket)
        .variable("LC_ALL", "C")
        .stdin(STATEMENTS);
    call(facts, &invocation)
}

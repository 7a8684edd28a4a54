//! Two machines that share their bans by a database: each in a network of its own, with an attacker and somebody innocent.

use crate::firewall::WATCH;
use crate::firewall::net::{HOST, Net};
use crate::support::postgresql::Server;

fn machine(server: &Server, node: &str) -> Option<Net> {
    let share = format!(
        "[bans]\nshare = {{ database = \"postgres\", host = \"{}\", user = \"burgrave\", node = \"{node}\" }}",
        server.dir.path().display()
    );
    Net::new(&format!("{share}\n{WATCH}"))
}

#[test]
fn what_one_machine_bans_all_ban_and_what_one_lets_in_all_let_in() {
    let Some(server) = Server::start("") else { return };
    server.sql("create role burgrave login; grant create on schema public to burgrave");
    let (Some(mut one), Some(mut other)) = (machine(&server, "web1"), machine(&server, "web2"))
    else {
        return;
    };
    one.start();
    other.start();
    one.fail("10.9.0.2", 3);
    one.until("it is banned", |net| !net.attacker.reaches(HOST, 8080));
    other.until("it is banned there too", |net| !net.attacker.reaches(HOST, 8080));
    assert!(other.innocent.reaches(HOST, 8080) && one.innocent.reaches(HOST, 8080));
    other.until("and told", |net| net.said(", by `web1`") == 1);
    other.until("it has its row", |net| net.has_rows("ban.added", "10.9.0.2") == 1);
    assert_eq!(one.said("banned 10.9.0.2"), 1, "it does not come back as news");
    assert_eq!(one.firewall("ban 10.9.0.77").0, 0);
    assert_eq!(one.firewall("ban 203.0.113.0/24").0, 0);
    other.until("by hand as well", |net| net.set("bans4").contains("10.9.0.77"));
    other.until("and networks", |net| net.set("networks4").contains("203.0.113.0/24"));
    assert_eq!(other.firewall("unban 10.9.0.2").0, 0);
    one.until("it is let in where it was banned", |net| net.attacker.reaches(HOST, 8080));
    assert!(other.attacker.reaches(HOST, 8080));
    // While the server is away each goes on by itself; afterwards both know what the other does.
    server.control(&server.data, "stop");
    one.until("it is told", |net| net.said("bans are not shared") == 1);
    one.fail("10.9.0.3", 3);
    one.until("it bans by itself", |net| {
        !net.attacker.reaches(HOST, 8080) || !net.innocent.reaches(HOST, 8080)
    });
    assert!(other.innocent.reaches(HOST, 8080));
    assert_eq!(one.firewall("unban 10.9.0.77").0, 0);
    // Also a ban of the other machine is ended here for good.
    assert_eq!(other.firewall("unban 203.0.113.0/24").0, 0);
    server.control(&server.data, "start");
    other.until("it is banned there too", |net| !net.innocent.reaches(HOST, 8080));
    other.until("and the other let in", |net| !net.set("bans4").contains("10.9.0.77"));
    one.until("a network as well", |net| !net.set("networks4").contains("203.0.113.0/24"));
    assert!(!other.set("networks4").contains("203.0.113.0/24"));
    one.until("that is told", |net| net.said("bans are shared again") == 1);
    one.until("a ban, and three that were let in", |_| {
        server.sql("select count(*) from burgrave_bans") == "4"
    });
}

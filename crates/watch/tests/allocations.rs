//! Reading a line allocates nothing.

use burgrave_watch::{Reader, by_name};

#[test]
fn lines_are_read_without_allocation() {
    for (service, line) in [
        (
            "sshd",
            "Nov 26 01:02:03 h sshd[7]: Failed password for invalid user a from b from 192.0.2.1 port 22 ssh2",
        ),
        (
            "sshd",
            "Nov 26 01:02:03 h sshd[7]: pam_unix(sshd:session): session opened for user root by (uid=0)",
        ),
        (
            "nginx",
            "192.0.2.1 - - [26/Nov/2026:01:02:03 +0000] \"GET /phpmyadmin/ HTTP/1.1\" 404 5 \"-\" \"-\"",
        ),
        (
            "nginx",
            "2026/11/26 01:02:03 [error] 7#7: *6 user \"a\": password mismatch, client: 192.0.2.1, server: s, request: \"GET / HTTP/1.1\"",
        ),
        (
            "gateway",
            "{\"client.ip\":\"192.0.2.1\",\"http.status\":403,\"decision\":\"block\",\"score.in\":15,\"user\":null}",
        ),
        ("dovecot", "Nov 26 01:02:03 h dovecot: auth: sql(a,192.0.2.1,<x>): Password mismatch"),
    ] {
        let mut reader =
            by_name(service).map(|service| Reader::new(service, true)).into_iter().next();
        let mut read = || reader.as_mut().and_then(|reader| reader.line(line.as_bytes())).is_some();
        read();
        let info = allocation_counter::measure(|| {
            for _ in 0..100 {
                read();
            }
        });
        assert_eq!(info.count_total, 0, "{line}");
    }
}

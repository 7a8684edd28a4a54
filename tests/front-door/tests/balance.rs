//! Several upstreams: shared out among, checked, passed over.

use crate::support::backend::Backend;
use crate::support::{self, Bed, header, http_upstream, start_with, status};
use burgrave_config::{Balance, Health, Limits, Sharing};
use std::time::Duration;

/// A gateway in front of its own backend and further ones.
fn bed(more: &[&Backend], balance: Balance) -> Bed {
    start_with(&Limits::default(), |settings| {
        let route = &mut settings.sites[0].routes[0];
        route.upstream.extend(more.iter().map(|backend| http_upstream(backend.address)));
        route.balance = balance;
    })
}

fn asked(backend: &Backend) -> usize {
    backend.seen().iter().filter(|seen| !seen.head.contains("/up ")).count()
}

#[test]
fn requests_are_shared_out_in_turn() {
    let more = [Backend::start(), Backend::start()];
    let bed = bed(&[&more[0], &more[1]], Balance::default());
    for _ in 0..9 {
        assert_eq!(status(&bed.ask("GET /api/x HTTP/1.1")), 200);
    }
    assert_eq!([asked(&bed.backend), asked(&more[0]), asked(&more[1])], [3; 3]);
}

#[test]
fn the_less_busy_of_two_is_asked() {
    let more = Backend::start();
    let sharing = Sharing::LeastRequests;
    let bed = bed(&[&more], Balance { sharing, ..Balance::default() });
    // Requests that hang keep their upstreams busy.
    let held: Vec<_> = (1..=6)
        .map(|number| {
            use std::io::Write as _;
            let mut stream = support::connect(bed.address);
            stream.write_all(b"GET /api/hang HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
            let all = || asked(&bed.backend) + asked(&more);
            support::until("each is at its upstream", || all() == number);
            stream
        })
        .collect();
    let (one, other) = (asked(&bed.backend), asked(&more));
    assert!(one + other == 6 && one.abs_diff(other) <= 2, "{one} {other}");
    drop(held);
}

#[test]
fn an_upstream_that_dies_in_a_request_is_not_felt_where_it_can_be_asked_again() {
    let more = Backend::start();
    let bed = bed(&[&more], Balance::default());
    // Each of both ends such a request without an answer; then the other is asked, once.
    assert_eq!(status(&bed.ask("GET /api/diehead HTTP/1.1")), 502);
    assert_eq!((asked(&bed.backend), asked(&more)), (1, 1));
    let post = "POST /api/diehead HTTP/1.1\r\nContent-Length: 0";
    assert_eq!(status(&bed.ask(post)), 502);
    assert_eq!(asked(&bed.backend) + asked(&more), 3, "what may not be made twice is not");
}

#[test]
fn checks_take_an_upstream_out_and_back() {
    let more = Backend::start();
    let health = Health {
        path: "/up".to_owned(),
        every: Duration::from_millis(100),
        timeout: Duration::from_secs(2),
        fall: 2,
        rise: 2,
    };
    let bed = bed(&[&more], Balance { health: Some(health), ..Balance::default() });
    let until = |what: &str, done: &dyn Fn() -> bool| {
        support::until(what, done);
    };
    until("it is checked", &|| more.seen().iter().any(|seen| seen.head.starts_with("GET /up ")));
    let seen = more.seen().into_iter().find(|seen| seen.head.starts_with("GET /up ")).unwrap();
    assert_eq!(seen.header("user-agent"), ["health-check"]);
    assert_eq!(seen.header("host"), [more.address.to_string()]);
    more.set_sick(true);
    let both = || {
        let before = (asked(&bed.backend), asked(&more));
        for _ in 0..4 {
            assert_eq!(status(&bed.ask("GET /api/x HTTP/1.1")), 200, "nobody feels it");
        }
        (asked(&bed.backend) - before.0, asked(&more) - before.1)
    };
    until("it is taken out", &|| both() == (4, 0));
    more.set_sick(false);
    until("it is taken back", &|| both().1 > 0);
}

#[test]
fn a_cookie_keeps_a_client_at_its_upstream() {
    let more = Backend::start();
    let sticky = Some("lb".to_owned());
    let bed = bed(&[&more], Balance { sticky, ..Balance::default() });
    let first = bed.ask("GET /api/x HTTP/1.1");
    let cookie = header(&first, "set-cookie").unwrap().to_owned();
    assert!(cookie.starts_with("lb=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"));
    let pair = cookie.split(';').next().unwrap();
    for _ in 0..6 {
        let answer = bed.ask(&format!("GET /api/x HTTP/1.1\r\nCookie: a=b; {pair}; c=d"));
        assert_eq!((status(&answer), header(&answer, "set-cookie")), (200, None));
    }
    let counts = (asked(&bed.backend), asked(&more));
    assert!(matches!(counts, (7, 0) | (0, 7)), "{counts:?}");
    let forged = bed.ask("GET /api/x HTTP/1.1\r\nCookie: lb=none");
    assert!(header(&forged, "set-cookie").is_some());
}

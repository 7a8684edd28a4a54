//! How far requests go on: not round in a circle, and not past the step that their client allows.

use crate::support::{header, http_upstream, start, start_with, status};
use burgrave_config::Limits;
use std::net::{TcpListener, TcpStream};
use std::thread;

#[test]
fn no_request_goes_round_in_a_circle() {
    let bed = start();
    let steps = |said: &str| {
        let before = bed.backend.seen().len();
        let code = status(&bed.ask(&format!("GET /api/x HTTP/1.1\r\n{said}")));
        let passed = bed.backend.seen().len() > before;
        (code, if passed { bed.backend.last().header("cdn-loop") } else { vec![] })
    };
    let lines = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(steps("X: y"), (200, lines(&["burgrave"])));
    let others = "CDN-Loop: other.test, burgrave-like\r\nConnection: cdn-loop";
    assert_eq!(steps(others), (200, lines(&["other.test, burgrave-like", "burgrave"])));
    let three = "CDN-Loop: burgrave\r\nCDN-Loop: burgrave; a=b, BURGRAVE";
    assert_eq!(steps(three), (200, lines(&["burgrave", "burgrave; a=b, BURGRAVE", "burgrave"])));
    assert_eq!(steps(&format!("{three}\r\nCDN-Loop: burgrave")), (508, vec![]));
    assert_eq!(bed.logged("request goes round in a circle")["decision"], "refuse");
}

#[test]
fn a_gateway_that_is_its_own_upstream_ends() {
    // What comes here is the gateway's own, and goes back to it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let bed = start_with(&Limits::default(), |settings| {
        settings.sites[0].routes[0].upstream = vec![http_upstream(address)];
    });
    let own = bed.address;
    thread::spawn(move || {
        for inner in listener.incoming().map_while(Result::ok) {
            let outer = TcpStream::connect(own).unwrap();
            let pipe = |mut from: TcpStream, mut to: TcpStream| {
                thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
            };
            pipe(inner.try_clone().unwrap(), outer.try_clone().unwrap());
            pipe(outer, inner);
        }
    });
    assert_eq!(status(&bed.ask("GET /api/x HTTP/1.1")), 508);
    assert_eq!(bed.log(5).len(), 5);
}

#[test]
fn steps_of_options_are_counted() {
    let bed = start();
    for (said, code, passed) in [
        ("OPTIONS /api/x HTTP/1.1\r\nMax-Forwards: 5", 200, &["4"][..]),
        ("OPTIONS * HTTP/1.1\r\nMax-Forwards: 5", 405, &[]),
        ("OPTIONS /api/x HTTP/1.1\r\nMax-Forwards: 0", 204, &[]),
        ("OPTIONS /api/x HTTP/1.1\r\nMax-Forwards: x", 200, &["x"]),
        ("GET /api/x HTTP/1.1\r\nMax-Forwards: 0", 200, &["0"]),
    ] {
        let before = bed.backend.seen().len();
        let answer = bed.ask(said);
        assert_eq!(status(&answer), code, "{said}");
        let reached = bed.backend.seen().len() > before;
        assert_eq!(reached, code == 200, "{said}");
        if reached {
            assert_eq!(bed.backend.last().header("max-forwards"), passed, "{said}");
        }
        assert_eq!(
            code == 204,
            header(&answer, "allow").is_some_and(|all| all.contains("OPTIONS"))
        );
    }
}

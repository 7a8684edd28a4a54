//! The picture of what listens: as it was, whatever the host's names are.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use burgrave_audit::facts::Reach;
use burgrave_audit::{Service, services_svg};

fn row(socket: &str, reach: Reach, process: Option<&str>) -> Service {
    let text = str::to_owned;
    Service {
        socket: text(socket),
        reach,
        process: process.map(text),
        pid: process.map(|_| 71),
        program: None,
        user: process.map(|_| text("www-data")),
        unit: process.map(|name| format!("{name}.service")),
        package: process.map(|name| format!("{name} 1.2")),
    }
}

fn sample() -> Vec<Service> {
    vec![
        row("tcp 0.0.0.0:443", Reach::Outside, Some("nginx")),
        row("tcp 127.0.0.1:5432", Reach::Local, Some("postgres")),
        row("tcp 0.0.0.0:6379", Reach::Filtered, Some("</text><script>&\"'\n\u{202e}")),
        row("tcp 10.0.0.1:22", Reach::Inside, None),
        row("tcp [::]:443", Reach::Outside, Some("nginx")),
    ]
}

#[test]
fn the_picture_is_as_it_was() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/services.svg");
    let drawn = services_svg("shop<1>", &sample());
    if std::env::var_os("BURGRAVE_BLESS").is_some() {
        std::fs::write(path, &drawn).unwrap();
    }
    assert_eq!(drawn, std::fs::read_to_string(path).unwrap(), "`BURGRAVE_BLESS=1` draws it anew");
    assert_eq!(drawn, services_svg("shop<1>", &sample()));
}

#[test]
fn the_most_exposed_come_first_and_each_is_joined_to_where_it_is_reached_from() {
    let drawn = services_svg("h", &sample());
    let at = |text: &str| drawn.find(text).unwrap_or_else(|| panic!("no {text}"));
    let order = [
        ">everywhere<",
        "0.0.0.0:443",
        ">the local network<",
        "10.0.0.1:22",
        ">closed by the packet filter<",
        "0.0.0.0:6379",
        ">this machine only<",
        "127.0.0.1:5432",
    ];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{drawn}");
    assert_eq!(drawn.matches("<path").count(), 5);
    assert_eq!(drawn.matches("stroke-dasharray").count(), 1);
    assert!(drawn.contains("an unseen process"));
}

#[test]
fn names_of_the_host_are_text_and_nothing_else() {
    let drawn = services_svg("</title><script>", &sample());
    assert!(!drawn.contains("<script") && !drawn.contains('\u{202e}'), "{drawn}");
    let tags = drawn.matches('<').count();
    assert_eq!(tags, drawn.matches('>').count());
    let long = [row(&"x".repeat(10_000), Reach::Outside, Some("y"))];
    assert!(services_svg("h", &long).len() < 3_000);
}

#[test]
fn many_are_counted_and_none_is_said() {
    let many: Vec<Service> =
        (0..1_000).map(|port| row(&format!("tcp 0.0.0.0:{port}"), Reach::Outside, None)).collect();
    let drawn = services_svg("h", &many);
    assert!(drawn.matches("<path").count() == 300 && drawn.contains("… and 700 more"));
    assert!(services_svg("", &[]).contains("nothing listens here"));
}

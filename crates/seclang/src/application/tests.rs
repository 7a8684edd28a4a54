//! Profiles read, and their routes asked in every spelling.

use super::*;
use std::path::Path;

const SHOP: &str = "# the shop\n\
    route GET /orders/{id}\n\
    \x20 path id uuid\n\
    \x20 query limit integer 1..100\n\
    \x20 query sort one-of asc desc\n\
    route GET /orders/latest\n\
    \x20 query limit integer\n\
    route POST /orders/\n\
    \x20 form day date\n\
    \x20 json items[].sku token A-Z0-9- 4..12\n\
    \x20 json [].id integer\n\
    \x20 json a.b[][].c number\n\
    \x20 query \"a name\" boolean\n";

fn shop() -> Application {
    read(Path::new("shop.profile"), SHOP.as_bytes()).unwrap()
}

fn errors(text: &str) -> Vec<String> {
    let errors = read(Path::new("p"), text.as_bytes()).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_route_is_a_method_and_a_path_as_written() {
    let shop = shop();
    assert_eq!(shop.count(), (3, 8));
    let id = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
    let has = |method: &str, path: &str| shop.route(method.as_bytes(), path.as_bytes()).is_some();
    for path in [format!("/orders/{id}"), "/orders/latest".to_owned()] {
        assert!(has("GET", &path), "{path}");
    }
    assert!(has("POST", "/orders/"));
    for (method, path) in [
        ("get", "/orders/latest"),
        ("POST", "/orders/latest"),
        ("POST", "/orders"),
        ("GET", "/orders/7"),
        ("GET", "/orders/latest/"),
        ("GET", "//orders/latest"),
        ("GET", "/Orders/latest"),
        ("GET", "/orders/%6catest"),
        ("GET", "/orders/latest;x"),
        ("GET", "/./orders/latest"),
        ("GET", "/orders/x/../latest"),
        ("GET", "\\orders\\latest"),
        ("GET", "orders/latest"),
        ("GET", ""),
        ("GET", "/"),
    ] {
        assert!(!has(method, path), "{method} {path}");
    }
}

#[test]
fn a_member_without_a_type_is_a_plain_segment() {
    let template = Template::parse(b"/a/{b}/c").unwrap();
    for (path, taken) in [
        ("/a/x.y~z_1-2/c", true),
        ("/a//c", false),
        ("/a/../c", false),
        ("/a/./c", false),
        ("/a/b%2fc/c", false),
        ("/a/b;c/c", false),
        ("/a/b", false),
        ("/a/b/c/", false),
    ] {
        assert_eq!(template.takes(path.as_bytes()), taken, "{path}");
    }
    assert!(!template.takes(format!("/a/{}/c", "b".repeat(129)).as_bytes()));
}

#[test]
fn arguments_are_found_by_the_engines_names() {
    let shop = shop();
    let post = shop.route(b"POST", b"/orders/").unwrap();
    let kind = |place, name: &str| {
        post.argument(place, name.as_bytes()).map(|own| (own.kind.to_string(), own.line))
    };
    assert_eq!(kind(Place::Form, "day"), Some(("date".to_owned(), 9)));
    assert!(kind(Place::Json, "json.items.array_0.sku").is_some());
    assert!(kind(Place::Json, "json.items.array_123.sku").is_some());
    assert!(kind(Place::Json, "json.array_7.id").is_some());
    assert!(kind(Place::Json, "json.a.b.array_0.array_1.c").is_some());
    assert!(kind(Place::Query, "a name").is_some());
    for (place, name) in [
        (Place::Query, "day"),
        (Place::Json, "json.day"),
        (Place::Form, "Day"),
        (Place::Form, "day "),
        (Place::Json, "json.items.sku"),
        (Place::Json, "json.items.array_.sku"),
        (Place::Json, "json.items.array_0x.sku"),
        (Place::Json, "json.items.array_0.array_0.sku"),
    ] {
        assert_eq!(kind(place, name), None, "{name}");
    }
}

#[test]
fn names_are_written_as_they_are_read() {
    for (name, written) in [
        ("json.items.array_0.sku", Some("items[].sku")),
        ("json.array_0.array_1", Some("[][]")),
        ("json.a.b", Some("a.b")),
        ("json", None),
        ("json.a[]", None),
        ("json.a b", None),
        ("json.a\"", None),
    ] {
        assert_eq!(Place::Json.written(name.as_bytes()).as_deref(), written, "{name}");
    }
    assert_eq!(Place::Query.written(b"filter[a]").as_deref(), Some("filter[a]"));
    assert_eq!(Place::Form.written(b"a\xff"), None);
}

#[test]
fn every_error_has_its_line() {
    let text = "query a integer\n\
        route get /a\n\
        query b integer\n\
        route GET a\n\
        query c text\n\
        route GET /a/{b}\n\
        query d integer\n\
        query d number\n\
        path b uuid\n\
        path b uuid\n\
        path c uuid\n\
        route GET /a/{x}\n\
        path x uuid\n\
        route GET /a/../b\n\
        route GET /a/{b}.json\n\
        route GET /{a}/{a}\n\
        route GET\n\
        query e\n\
        query\n\
        cookie f integer\n\
        query \"a b integer\n";
    let wanted = [
        "p:1: it stands below no `route`",
        "p:2: `get` is no method such as `GET`",
        "p:4: the path `a` does not begin with `/`",
        "p:5: `text` is no type whose values cannot be an attack",
        "p:8: it stands in line 7 already",
        "p:10: it is said already what the member is",
        "p:11: the route's path has no member `c`",
        "p:12: the route stands in line 6 already",
        "p:14: the segment `..` of `/a/../b` is neither plain nor a member",
        "p:15: the segment `{b}.json` of",
        "p:16: the path `/{a}/{a}` has a member twice",
        "p:17: a route is `route METHOD PATH`",
        "p:18: a type is missing",
        "p:19: `query` names no argument",
        "p:20: a line begins with `route`, `path`, `query`, `form` or `json`, not with `cookie`",
        "p:21: ",
    ];
    let errors = errors(text);
    assert_eq!(errors.len(), wanted.len(), "{errors:#?}");
    for (error, wanted) in errors.iter().zip(wanted) {
        assert!(error.starts_with(wanted), "{error}");
    }
}

#[test]
fn a_profile_is_bounded() {
    let routes: String = (0..=5_000).map(|at| format!("route GET /r{at}\n")).collect();
    assert!(errors(&routes)[0].contains("at most 5000 routes"));
    let arguments: String = (0..=50_000).map(|at| format!("query a{at} uuid\n")).collect();
    let errors = errors(&format!("route GET /a\n{arguments}"));
    assert!(errors[0].contains("p:50002: a profile has at most 50000 arguments"), "{errors:?}");
    let deep = format!("route GET {}\n", "/a".repeat(65));
    assert!(super::read(Path::new("p"), deep.as_bytes()).is_err());
}

//! Static content: which paths are served, conditions, ranges, codings, links.

use crate::support::{self, Bed, body, header, start, start_with, status};
use burgrave_config::Limits;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

fn bed() -> Bed {
    let bed = start();
    let root = bed.root();
    std::fs::create_dir_all(root.join("dir/sub")).unwrap();
    std::fs::create_dir_all(root.join("empty")).unwrap();
    std::fs::create_dir_all(root.join(".git")).unwrap();
    std::fs::create_dir_all(root.join(".well-known")).unwrap();
    std::fs::write(bed.directory.path().join("secret.txt"), "secret").unwrap();
    symlink("../secret.txt", root.join("leak.txt")).unwrap();
    symlink("/etc/passwd", root.join("passwd.txt")).unwrap();
    symlink("1k.txt", root.join("same.txt")).unwrap();
    symlink("..", root.join("up")).unwrap();
    symlink(".env", root.join("public.txt")).unwrap();
    symlink(".git", root.join("linked")).unwrap();
    symlink("dir", root.join("current")).unwrap();
    symlink("page.html.gz", root.join("same.html.gz")).unwrap();
    for name in [
        ".env",
        ".git/config",
        ".htpasswd",
        ".DS_Store",
        "site.tar.gz",
        "dump.sql",
        "a.php.bak",
        "index.html~",
        "a.old",
        "a.save",
        "id_rsa",
        "server.key",
        "a.swp",
        "install.php",
        "db.sqlite",
        "dir/index.html",
        "testimonials",
        "gold.txt",
        "bakery.html",
        "sqlite-guide.html",
        ".well-known/security.txt",
        "a b.txt",
        "page.html",
        "page.html.gz",
        "page.html.br",
    ] {
        std::fs::write(root.join(name), name).unwrap();
    }
    std::fs::write(root.join("large.bin"), vec![7; 1_000_000]).unwrap();
    bed
}

#[test]
fn what_is_not_meant_to_be_seen_is_not_served() {
    let bed = bed();
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%252e%252e/secret.txt",
        "/..\\secret.txt",
        "/..%5csecret.txt",
        "/%u002e%u002e/secret.txt",
        "/1k.txt;x",
        "/up/secret.txt",
        "/leak.txt",
        "/passwd.txt",
        "/public.txt",
        "/linked/config",
        "//etc/passwd",
        "/.git/config",
        "/.GIT/config",
        "/.git",
        "/.git/",
        "/%2egit/config",
        "/.env",
        "/.env%00.txt",
        "/.htpasswd",
        "/.DS_Store",
        "/site.tar.gz",
        "/SITE.TAR.GZ",
        "/dump.sql",
        "/a.php.bak",
        "/index.html~",
        "/index.html%7e",
        "/a.old",
        "/a.save",
        "/id_rsa",
        "/server.key",
        "/a.swp",
        "/install.php",
        "/db.sqlite",
        "/1k.txt.",
        "/1k.txt%20",
        "/1k.txt/",
        "/page.html.gz",
        "/empty/",
        "/empty",
        "/none",
        "/dir//index.html",
        "/./1k.txt",
        "/dir/../1k.txt",
    ] {
        let answer = bed.ask(&format!("GET {path} HTTP/1.1"));
        assert_eq!(status(&answer), 404, "{path}: {answer}");
        assert!(!answer.contains("secret") && !answer.contains("root:"), "{path}");
    }
    let long = format!("GET /{} HTTP/1.1", "a/".repeat(3000));
    assert_eq!(status(&bed.ask(&long)), 404);
}

#[test]
fn near_misses_and_ordinary_names_are_served() {
    let bed = bed();
    for (path, wanted) in [
        ("/testimonials", "testimonials"),
        ("/gold.txt", "gold.txt"),
        ("/bakery.html", "bakery.html"),
        ("/sqlite-guide.html", "sqlite-guide.html"),
        ("/.well-known/security.txt", ".well-known/security.txt"),
        ("/a%20b.txt", "a b.txt"),
        ("/dir/", "dir/index.html"),
        ("/dir/index.html", "dir/index.html"),
        ("/current/", "dir/index.html"),
        ("/", "<p>front</p>\n"),
        ("/?q=/../.git", "<p>front</p>\n"),
        ("http://site.test/gold.txt", "gold.txt"),
    ] {
        let answer = bed.ask(&format!("GET {path} HTTP/1.1"));
        assert_eq!((status(&answer), body(&answer)), (200, wanted), "{path}");
    }
    assert_eq!(body(&bed.ask("GET /same.txt HTTP/1.1")).len(), 1024);
    let large = bed.ask("GET /large.bin HTTP/1.1");
    assert_eq!(body(&large).len(), 1_000_000);
    assert_eq!(header(&large, "content-type"), Some("application/octet-stream"));
}

#[test]
fn directories_are_redirected_within_the_host() {
    let bed = bed();
    let answer = bed.ask("GET /dir?a=b HTTP/1.1");
    assert_eq!(status(&answer), 301);
    assert_eq!(header(&answer, "location"), Some("/dir/?a=b"));
    let odd = bed.ask("GET /dir?\"><script> HTTP/1.1");
    assert_eq!(header(&odd, "location"), Some("/dir/?%22%3e%3cscript%3e"));
    for path in ["//dir", "//evil.test/..", "/%2f/evil.test"] {
        let answer = bed.ask(&format!("GET {path} HTTP/1.1"));
        assert_eq!((status(&answer), header(&answer, "location")), (404, None), "{path}");
    }
}

#[test]
fn only_get_and_head_are_for_files() {
    let bed = bed();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "M-SEARCH"] {
        let answer = bed.ask(&format!("{method} /1k.txt HTTP/1.1\r\nContent-Length: 0"));
        assert_eq!(status(&answer), 405, "{method}");
        assert_eq!(header(&answer, "allow"), Some("GET, HEAD"));
    }
    let head = bed.ask("HEAD /1k.txt HTTP/1.1");
    assert_eq!((status(&head), body(&head)), (200, ""));
    assert_eq!(header(&head, "content-length"), Some("1024"));
    let same = bed.ask("HEAD /1k.txt HTTP/1.1\r\nIf-None-Match: *");
    assert_eq!((status(&same), header(&same, "content-length")), (304, None));
}

#[test]
fn what_may_not_be_read_is_not_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let bed = bed();
    let _socket = std::os::unix::net::UnixListener::bind(bed.root().join("socket.txt")).unwrap();
    assert_eq!(status(&bed.ask("GET /socket.txt HTTP/1.1")), 404);
    let closed = bed.root().join("closed.txt");
    std::fs::write(&closed, "closed").unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&closed).is_ok() {
        return eprintln!("SKIPPED: root reads everything");
    }
    assert_eq!(status(&bed.ask("GET /closed.txt HTTP/1.1")), 404);
    assert_eq!(bed.log(2)[1]["reason"], "file that may not be read");
}

#[test]
fn conditions_and_ranges_are_honoured() {
    let bed = bed();
    let plain = bed.ask("GET /1k.txt HTTP/1.1");
    let (tag, date) = (header(&plain, "etag").unwrap(), header(&plain, "last-modified").unwrap());
    for (lines, wanted, length) in [
        (format!("If-None-Match: {tag}"), 304, 0),
        (format!("If-None-Match: W/{tag}, \"x\""), 304, 0),
        ("If-None-Match: \"x\"".to_owned(), 200, 1024),
        (format!("If-None-Match: \"x\"\r\nIf-None-Match: {tag}"), 304, 0),
        (format!("If-Match: \"x\"\r\nIf-Match: {tag}"), 200, 1024),
        (format!("If-Modified-Since: {date}"), 304, 0),
        ("If-Match: \"x\"".to_owned(), 412, 0),
        (format!("If-Match: {tag}"), 200, 1024),
        ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT".to_owned(), 412, 0),
        ("Range: bytes=0-9".to_owned(), 206, 10),
        ("Range: bytes=1000-".to_owned(), 206, 24),
        ("Range: bytes=-5".to_owned(), 206, 5),
        ("Range: bytes=1024-".to_owned(), 416, 0),
        ("Range: bytes=9-1".to_owned(), 200, 1024),
        ("Range: bytes=0-1,5-6".to_owned(), 200, 1024),
        ("Range: lines=0-1".to_owned(), 200, 1024),
        (format!("Range: bytes=0-9\r\nIf-Range: {tag}"), 206, 10),
        (format!("Range: bytes=0-9\r\nIf-Range: {date}"), 206, 10),
        ("Range: bytes=0-9\r\nIf-Range: \"x\"".to_owned(), 200, 1024),
    ] {
        let answer = bed.ask(&format!("GET /1k.txt HTTP/1.1\r\n{lines}"));
        assert_eq!(status(&answer), wanted, "{lines}");
        if matches!(wanted, 200 | 206) {
            assert_eq!(body(&answer).len(), length, "{lines}");
        }
    }
    let part = bed.ask("GET /large.bin HTTP/1.1\r\nRange: bytes=999990-");
    assert_eq!(header(&part, "content-range"), Some("bytes 999990-999999/1000000"));
    assert_eq!(body(&part).len(), 10);
    let out = bed.ask("GET /1k.txt HTTP/1.1\r\nRange: bytes=5000-");
    assert_eq!(header(&out, "content-range"), Some("bytes */1024"));
}

/// The bytes of a file that is large enough to be sent without a copy: printable, so that answers can be read as text.
fn printable(start: u8) -> String {
    let bytes = (0..100_003_u32).map(|at| b' ' + (u8::try_from(at % 89).unwrap() + start) % 89);
    String::from_utf8(bytes.collect()).unwrap()
}

#[test]
fn a_large_file_comes_whole_in_parts_and_one_after_the_other() {
    let bed = bed();
    let (first, other) = (printable(0), printable(7));
    std::fs::write(bed.root().join("first.bin"), &first).unwrap();
    std::fs::write(bed.root().join("other.bin"), &other).unwrap();
    let get =
        |name: &str, more: &str| format!("GET /{name} HTTP/1.1\r\nHost: site.test\r\n{more}\r\n");
    let close = "Connection: close\r\n";
    let part = format!("Range: bytes=10-90009\r\n{close}");
    assert!(body(&bed.send(get("first.bin", close).as_bytes())) == first);
    assert!(Some(body(&bed.send(get("first.bin", &part).as_bytes()))) == first.get(10..90_010));
    let head =
        bed.send(format!("HEAD /first.bin HTTP/1.1\r\nHost: site.test\r\n{close}\r\n").as_bytes());
    assert_eq!((header(&head, "content-length"), body(&head)), (Some("100003"), ""));
    let many =
        [get("first.bin", ""), get("1k.txt", ""), get("other.bin", ""), get("first.bin", close)];
    let answers = bed.send(many.concat().as_bytes());
    let small = std::fs::read_to_string(bed.root().join("1k.txt")).unwrap();
    let mut rest = answers.as_str();
    for content in [&first, &small, &other, &first] {
        let (_, after) = rest.split_once("\r\n\r\n").unwrap();
        let (own, after) = after.split_at(content.len());
        assert!(own == content);
        rest = after;
    }
    assert_eq!(rest, "");
}

#[test]
fn a_large_file_that_is_written_to_in_place_comes_as_its_tag_says() {
    let bed = bed();
    let path = bed.root().join("first.bin");
    std::fs::write(&path, printable(0)).unwrap();
    // Some kernels tell times of writing apart by milliseconds only.
    let long_ago = SystemTime::now() - Duration::from_secs(10);
    std::fs::File::open(&path).unwrap().set_modified(long_ago).unwrap();
    let asked = || bed.ask("GET /first.bin HTTP/1.1");
    let before = asked();
    std::fs::write(&path, printable(7)).unwrap();
    let after = asked();
    let same = header(&before, "etag") == header(&after, "etag");
    assert!(body(&after) == if same { printable(0) } else { printable(7) });
    support::until("the change is seen", || body(&asked()) == printable(7));
}

#[test]
fn precompressed_siblings_are_negotiated() {
    let bed = bed();
    for (accepted, coding, content) in [
        ("gzip, br", Some("br"), "page.html.br"),
        ("gzip", Some("gzip"), "page.html.gz"),
        ("br;q=0.1, gzip;q=0.9", Some("gzip"), "page.html.gz"),
        ("identity", None, "page.html"),
        ("zstd", None, "page.html"),
        ("gzip;q=0", None, "page.html"),
    ] {
        let answer = bed.ask(&format!("GET /page.html HTTP/1.1\r\nAccept-Encoding: {accepted}"));
        assert_eq!(header(&answer, "content-encoding"), coding, "{accepted}");
        assert_eq!(body(&answer), content, "{accepted}");
        assert_eq!(header(&answer, "content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(header(&answer, "vary"), Some("accept-encoding"));
    }
}

#[test]
fn a_file_that_is_gone_is_gone_within_a_second() {
    let bed = bed();
    assert_eq!(status(&bed.ask("GET /gold.txt HTTP/1.1")), 200);
    std::fs::remove_file(bed.root().join("gold.txt")).unwrap();
    symlink("../secret.txt", bed.root().join("gold.txt")).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(status(&bed.ask("GET /gold.txt HTTP/1.1")), 404);
    let line = bed.log(2).pop().unwrap();
    assert_eq!(
        (&line["decision"], &line["reason"]),
        (&"refuse".into(), &"link leaves the web root".into())
    );
}

#[test]
fn every_page_has_the_security_headers_and_names_no_product() {
    let bed = bed();
    for head in [
        "GET / HTTP/1.1",
        "GET /none HTTP/1.1",
        "POST / HTTP/1.1",
        "TRACE / HTTP/1.1",
        "GET /x HTTP/9.9",
        "GET / HTTP/1.1\r\nX : y",
    ] {
        let answer = bed.ask(head);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
        ] {
            assert_eq!(header(&answer, name), Some(value), "{head}: {name}");
        }
        let policy = header(&answer, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self'"), "{head}");
        assert_eq!(header(&answer, "server"), None, "{head}");
        assert!(!answer.to_lowercase().contains("burgrave"), "{head}: {answer}");
    }
    let json = bed.ask("GET /none HTTP/1.1\r\nAccept: application/json");
    assert_eq!(header(&json, "content-type"), Some("application/json"));
    let value: serde_json::Value = serde_json::from_str(body(&json)).unwrap();
    assert_eq!(value["status"], 404);
}

#[test]
fn a_site_sets_and_leaves_out_headers() {
    let bed = support::start_with(&burgrave_config::Limits::default(), |settings| {
        let headers = &mut settings.sites[0].headers;
        headers.insert("content-security-policy".to_owned(), "default-src *".to_owned());
        headers.insert("x-frame-options".to_owned(), String::new());
        headers.insert("x-own".to_owned(), "1".to_owned());
    });
    for head in ["GET / HTTP/1.1", "GET /none HTTP/1.1", "GET /api/x HTTP/1.1"] {
        let answer = bed.ask(head);
        assert_eq!(header(&answer, "content-security-policy"), Some("default-src *"), "{head}");
        assert_eq!(header(&answer, "x-frame-options"), None, "{head}");
        assert_eq!(header(&answer, "x-own"), Some("1"), "{head}");
    }
}

#[test]
fn sites_are_told_apart_and_any_host_takes_the_rest() {
    let bed = support::start_with(&burgrave_config::Limits::default(), |settings| {
        let limits = settings.limits.clone();
        let root = settings.state.with_file_name("any");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("index.html"), "any").unwrap();
        settings.sites.push(support::site("*", Some(root), Vec::new(), &limits));
    });
    for (host, wanted) in [
        ("Host: site.test", "<p>front</p>\n"),
        ("Host: SITE.TEST.:80", "<p>front</p>\n"),
        ("Host: other.test", "any"),
        ("Host: 127.0.0.1", "any"),
    ] {
        let request = format!("GET / HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n");
        assert_eq!(body(&bed.send(request.as_bytes())), wanted, "{host}");
    }
    assert_eq!(body(&bed.send(b"GET / HTTP/1.0\r\n\r\n")), "any");
}

#[test]
fn http10_connections_stay_only_when_asked() {
    let bed = bed();
    let plain = "GET /gold.txt HTTP/1.0\r\nHost: site.test\r\n\r\n".repeat(2);
    assert_eq!(support::statuses(&bed.send(plain.as_bytes())), [200]);
    let kept = "GET /gold.txt HTTP/1.0\r\nHost: site.test\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(support::statuses(&bed.send(kept.repeat(2).as_bytes())), [200, 200]);
}

#[test]
fn texts_are_compressed_for_those_who_take_it() {
    let bed = start_with(&Limits::default(), |settings| {
        let root = settings.sites[0].files.as_ref().unwrap().root.clone();
        std::fs::write(root.join("page.html"), "<p>many words</p>\n".repeat(500)).unwrap();
        std::fs::write(root.join("noise.bin"), "many words".repeat(500)).unwrap();
    });
    let plain = bed.ask("GET /page.html HTTP/1.1");
    assert_eq!(header(&plain, "content-encoding"), None);
    assert_eq!(header(&plain, "vary"), Some("accept-encoding"));
    let packed = bed.ask("GET /page.html HTTP/1.1\r\nAccept-Encoding: gzip, deflate");
    assert_eq!((status(&packed), header(&packed, "content-encoding")), (200, Some("gzip")));
    let length: usize = header(&packed, "content-length").unwrap().parse().unwrap();
    assert!(length < 500 && length == body(&packed).chars().count(), "{length}");
    let bytes: Vec<u8> = body(&packed).chars().map(|byte| u8::try_from(byte).unwrap()).collect();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text)
        .unwrap();
    assert_eq!(text, body(&plain));
    for coding in ["br", "zstd"] {
        let other = bed.ask(&format!("GET /page.html HTTP/1.1\r\nAccept-Encoding: gzip, {coding}"));
        assert_eq!(header(&other, "content-encoding"), Some(coding));
        assert_ne!(header(&other, "etag"), header(&packed, "etag"));
        assert!(body(&other).chars().count() < 500);
    }
    let tag = header(&packed, "etag").unwrap().to_owned();
    assert_ne!(Some(tag.as_str()), header(&plain, "etag"));
    let again = format!("GET /page.html HTTP/1.1\r\nAccept-Encoding: gzip\r\nIf-None-Match: {tag}");
    assert_eq!(status(&bed.ask(&again)), 304);
    for line in [
        "GET /noise.bin HTTP/1.1\r\nAccept-Encoding: gzip",
        "GET /page.html HTTP/1.1\r\nAccept-Encoding: gzip;q=0",
        "GET /page.html HTTP/1.1\r\nAccept-Encoding: gzip\r\nRange: bytes=0-9",
        "GET /index.html HTTP/1.1\r\nAccept-Encoding: gzip",
    ] {
        assert_eq!(header(&bed.ask(line), "content-encoding"), None, "{line}");
    }
}

#[test]
fn a_site_has_its_own_pages_and_a_fallback() {
    let with = |fallback: Option<&str>| {
        start_with(&Limits::default(), |settings| {
            let files = settings.sites[0].files.as_mut().unwrap();
            std::fs::write(files.root.join("missing.html"), "<p>not here</p>").unwrap();
            files.fallback = fallback.map(str::to_owned);
            files.pages =
                [(404, "/missing.html".to_owned()), (403, "/none.html".to_owned())].into();
            files.cache = Some(std::time::Duration::from_mins(1));
        })
    };
    let bed = with(None);
    let missing = bed.ask("GET /nothing HTTP/1.1\r\nAccept: text/html");
    assert_eq!((status(&missing), body(&missing)), (404, "<p>not here</p>"));
    assert_eq!(header(&missing, "cache-control"), Some("no-store"));
    let json = bed.ask("GET /nothing HTTP/1.1\r\nAccept: application/json");
    assert!(body(&json).starts_with("{\"status\":404"), "{json}");
    assert_eq!(
        header(&bed.ask("GET /1k.txt HTTP/1.1"), "cache-control"),
        Some("public, max-age=60")
    );
    assert_eq!(header(&bed.ask("GET /index.html HTTP/1.1"), "cache-control"), Some("no-cache"));
    let single = with(Some("/index.html"));
    let page = single.ask("GET /app/deep/link HTTP/1.1");
    assert_eq!((status(&page), body(&page)), (200, "<p>front</p>\n"));
    assert_eq!(status(&single.ask("GET /.git/config HTTP/1.1")), 404, "what is hidden stays so");
    assert_eq!(status(&single.ask("POST /app/deep/link HTTP/1.1")), 405);
}

//! Serves a web root, and an upstream below `/api/`, on one address: to try the gateway and to
//! measure it.
//!
//! `serve PORT THREADS ROOT [UPSTREAM-PORT] [LOG] [tls]`

use burgrave_config::{Authority, Files, Host, Listen, Log, Route, Settings, Site, Tls, Upstream};
use burgrave_gateway::Gateway;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |at: usize| arguments.get(at).map(String::as_str).unwrap_or_default();
    let secure = text(5) == "tls";
    let routes = text(3).parse().map_or_else(
        |_| Vec::new(),
        |port| {
            let host = Host::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
            vec![Route::new("/api/", vec![Upstream::Http(Authority { host, port })])]
        },
    );
    let log = (!text(4).is_empty()).then(|| PathBuf::from(text(4)));
    let site = Site {
        tls: secure.then_some(Tls::SelfSigned),
        files: Some(Files::new(PathBuf::from(text(2)))),
        routes,
        ..Site::new("*")
    };
    let settings = Settings {
        listeners: vec![Listen {
            tls: secure,
            redirect: false,
            ..Listen::new(format!("127.0.0.1:{}", text(0)).parse()?)
        }],
        log: Log { access: log, ..Log::default() },
        sites: vec![site],
        ..Settings::new(std::env::temp_dir().join("burgrave-serve"))
    };
    let gateway = Gateway::start(settings, None, text(1).parse()?)?;
    eprintln!("ready on {:?}", gateway.addresses());
    loop {
        std::thread::park();
    }
}

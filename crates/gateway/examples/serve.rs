//! Serves a web root, and an upstream below `/api/`, on one address: to try the gateway and to
//! measure it.
//!
//! `serve PORT THREADS ROOT [UPSTREAM-PORT] [LOG] [tls]`

use burgrave_config::{
    Authority, Files, Host, Limits, Listen, Log, Route, Settings, Site, Tls, Upstream,
};
use burgrave_gateway::Gateway;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |at: usize| arguments.get(at).map(String::as_str).unwrap_or_default();
    let secure = text(5) == "tls";
    let limits = Limits::default();
    let routes = text(3).parse().map_or_else(
        |_| Vec::new(),
        |port| {
            vec![Route {
                path: "/api/".to_owned(),
                upstream: vec![Upstream::Http(Authority {
                    host: Host::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                    port,
                })],
                limit: None,
                limits: limits.clone(),
                mode: None,
            }]
        },
    );
    let log = (!text(4).is_empty()).then(|| PathBuf::from(text(4)));
    let settings = Settings {
        state: std::env::temp_dir().join("burgrave-serve"),
        listeners: vec![Listen {
            address: format!("127.0.0.1:{}", text(0)).parse()?,
            tls: secure,
            redirect: false,
        }],
        rules: None,
        limits: limits.clone(),
        log: Log { access: log, headers: Vec::new() },
        watch: Vec::new(),
        sites: vec![Site {
            name: "*".to_owned(),
            hosts: vec!["*".to_owned()],
            environment: burgrave_config::Environment::Development,
            exposure: burgrave_config::Exposure::Internal,
            tls: secure.then_some(Tls::SelfSigned),
            files: Some(Files { root: PathBuf::from(text(2)) }),
            routes,
            mode: None,
            limits,
            headers: BTreeMap::new(),
        }],
    };
    let gateway = Gateway::start(settings, None, text(1).parse()?)?;
    eprintln!("ready on {:?}", gateway.addresses());
    loop {
        std::thread::park();
    }
}

//! Settings with nothing set but what there must be: what a configuration with one line more or less
//! has besides. Code that makes settings without a text begins with these.

use crate::alerts::Alerts;
use crate::bans::Bans;
use crate::log_settings::Log;
use crate::settings::{
    Access, Balance, Challenge, Environment, Exposure, Files, Limits, Listen, Route, Settings,
    Site, Upstream,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

impl Settings {
    /// No listener and no site.
    pub fn new(state: PathBuf) -> Self {
        Self {
            state,
            user: None,
            listeners: Vec::new(),
            rules: None,
            limits: Limits::default(),
            log: Log::default(),
            watch: Vec::new(),
            backups: Vec::new(),
            alerts: Alerts::default(),
            firewall: None,
            bans: Bans::default(),
            administrators: None,
            audit: None,
            acme: None,
            sites: Vec::new(),
            streams: Vec::new(),
            metrics: None,
        }
    }

    /// Whether the listener of an address speaks HTTP/3.
    pub fn speaks_http3(&self, address: SocketAddr) -> bool {
        self.listeners.iter().any(|listen| listen.address == address && listen.http3)
    }

    /// Every address that is listened on, once.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let mut all: Vec<_> = self.listeners.iter().map(|listen| listen.address).collect();
        for stream in &self.streams {
            if !all.contains(&stream.address) {
                all.push(stream.address);
            }
        }
        all.extend(self.metrics);
        all
    }
}

impl Listen {
    /// With TLS, and HTTP/3 beside it.
    pub fn secure(address: SocketAddr) -> Self {
        Self { tls: true, http3: true, ..Self::new(address) }
    }

    /// Without TLS; redirects to it where a site has it.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, tls: false, http3: false, redirect: true, proxy_protocol: Vec::new() }
    }
}

impl Site {
    /// Its name as a file's: one that no other site has.
    pub fn file_name(&self) -> String {
        match self.name.strip_prefix('*') {
            // No host holds a percent sign.
            Some(rest) if !rest.is_empty() => format!("any%{rest}"),
            Some(_) => "any".to_owned(),
            None => self.name.clone(),
        }
    }

    /// A public production site without content.
    pub fn new(host: &str) -> Self {
        Self {
            name: host.to_owned(),
            hosts: vec![host.to_owned()],
            environment: Environment::Production,
            exposure: Exposure::Public,
            tls: None,
            client_ca: None,
            access: Access::default(),
            files: None,
            routes: Vec::new(),
            mode: None,
            challenge: Challenge::Off,
            limits: Limits::default(),
            headers: BTreeMap::new(),
        }
    }
}

impl Files {
    /// A web root and nothing else.
    pub fn new(root: PathBuf) -> Self {
        Self { root, fallback: None, pages: BTreeMap::new(), cache: None, compress: true }
    }
}

impl Route {
    /// Open to anyone.
    pub fn new(path: &str, upstream: Vec<Upstream>) -> Self {
        Self {
            path: path.to_owned(),
            upstream,
            upstream_ca: None,
            fastcgi: None,
            balance: Balance::default(),
            access: Access::default(),
            compress: false,
            limit: None,
            limits: Limits::default(),
            mode: None,
            scan: None,
        }
    }
}

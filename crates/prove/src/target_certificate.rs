//! The certificates that are shown, and where.

use crate::target::{Door, Layer, asked_host, near};
use burgrave_config::{Environment, Listen, Settings, Site, Stream, StreamTls, Tls};
use std::path::PathBuf;

/// What a site or a stream shows on one listener.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetCertificate {
    /// The site or the stream.
    pub name: String,
    /// Where it is shown.
    pub door: Door,
    /// The names to ask for. Empty: it is shown to whoever asks for any.
    pub hosts: Vec<String>,
    /// Some site of this listener takes every name.
    pub any_name: bool,
    /// Which world it belongs to; streams belong to none.
    pub environment: Option<Environment>,
    /// Where the key is: in the first of these that is there.
    pub keys: Vec<PathBuf>,
    /// Paths at which a client's certificate counts for something.
    pub shown_at: Vec<String>,
}

/// All certificates of a configuration.
pub(crate) fn certificates(settings: &Settings) -> Vec<TargetCertificate> {
    let listeners = settings.listeners.iter().filter(|listen| listen.tls);
    let sites = listeners.flat_map(|listen| {
        settings.sites.iter().filter_map(|site| of_site(settings, listen, site))
    });
    let streams = settings.streams.iter().filter_map(|stream| of_stream(settings, stream));
    sites.chain(streams).collect()
}

fn of_site(settings: &Settings, listen: &Listen, site: &Site) -> Option<TargetCertificate> {
    let tls = site.tls.as_ref()?;
    let with_tls = || settings.sites.iter().filter(|site| site.tls.is_some());
    let routes = site.routes.iter().map(|route| (route.path.as_str(), &route.access));
    let places = routes.chain(site.files.is_some().then_some(("/", &site.access)));
    let shown_at = places.filter(|(_, access)| access.certificate.is_some());
    Some(TargetCertificate {
        name: site.name.clone(),
        door: Door { address: near(listen.address), layer: Layer::Tls },
        hosts: asked(&site.hosts),
        any_name: with_tls().any(|site| site.hosts.iter().any(|host| host == "*")),
        environment: Some(site.environment),
        keys: keys(settings, site, tls),
        shown_at: shown_at.map(|(path, _)| path.to_owned()).collect(),
    })
}

fn of_stream(settings: &Settings, stream: &Stream) -> Option<TargetCertificate> {
    let Some(StreamTls::Ended(tls)) = &stream.tls else { return None };
    let mut beside = settings.streams.iter().filter(|other| other.address == stream.address);
    // As the gateway names its files.
    let site = Site::new(&format!("stream-{}", stream.name));
    Some(TargetCertificate {
        name: stream.name.clone(),
        door: Door { address: near(stream.address), layer: Layer::Tls },
        hosts: asked(&stream.hosts),
        any_name: beside.any(|other| other.hosts.is_empty()),
        environment: None,
        keys: keys(settings, &site, tls),
        shown_at: Vec::new(),
    })
}

fn asked(hosts: &[String]) -> Vec<String> {
    let named = hosts.iter().filter(|host| *host != "*");
    named.map(|host| asked_host(std::slice::from_ref(host))).collect()
}

/// Until one is fetched, a site of ACME has a certificate that it signed itself.
fn keys(settings: &Settings, site: &Site, tls: &Tls) -> Vec<PathBuf> {
    let own = settings.self_signed_files(site).1;
    match tls {
        Tls::Files { key, .. } => vec![key.clone()],
        Tls::SelfSigned => vec![own],
        Tls::Acme => vec![settings.acme_file(site), own],
    }
}

//! Sites as web servers serve them, whichever server it is, and the folders that they serve.

use super::nginx::effective;
use super::text::Place;
use super::{ApacheBlock, Facts, Seen};
use burgrave_sys::Kind;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One site.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// `nginx` or `apache`.
    pub server: &'static str,
    /// Its names.
    pub names: Vec<String>,
    /// It listens for TLS.
    pub is_tls: bool,
    /// It listens without TLS.
    pub is_plain: bool,
    /// The folder that it serves.
    pub root: Option<PathBuf>,
    /// Certificates, each with its line.
    pub certificates: Vec<(PathBuf, Place)>,
    /// Its keys.
    pub keys: Vec<(PathBuf, Place)>,
    /// Where the programs behind it answer.
    pub upstreams: Vec<(String, Place)>,
    /// A password or an address is asked for.
    pub is_restricted: bool,
    /// It does nothing but send clients to another address.
    pub is_redirect: bool,
    /// It hands out content: files or what a program answers.
    pub serves: bool,
    /// Where it begins.
    pub place: Place,
}

impl Site {
    /// A name for people.
    pub fn name(&self) -> String {
        self.names.first().cloned().unwrap_or_else(|| "the default site".to_owned())
    }

    /// As evidence: the site in one line.
    pub fn line(&self) -> String {
        format!("{} site {}", self.server, self.name())
    }
}

/// One folder that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebRoot {
    /// Where.
    pub path: PathBuf,
    /// By whom.
    pub by: String,
}

impl Facts<'_> {
    /// Every site of every server.
    pub fn sites(&self) -> &Seen<Vec<Site>> {
        self.cells.sites.get_or_init(|| {
            let mut out = self.nginx_sites()?;
            out.extend(self.apache_sites()?);
            Ok(out)
        })
    }

    fn nginx_sites(&self) -> Seen<Vec<Site>> {
        let mut out = Vec::new();
        for server in self.nginx_servers()? {
            let scopes = server.scopes();
            let all = |name: &'static str| {
                let mut found: Vec<(String, Place)> = Vec::new();
                for directive in scopes.iter().flat_map(|chain| effective(chain, name)) {
                    let one = (directive.first().to_owned(), directive.place.clone());
                    if !found.contains(&one) {
                        found.push(one);
                    }
                }
                found
            };
            let paths = |name| {
                all(name)
                    .into_iter()
                    .map(|(path, place)| (Path::new("/etc/nginx").join(path), place))
                    .collect()
            };
            let own =
                |name: &str| server.server.block.iter().find(|directive| directive.name == name);
            let plain = |listen: &super::Directive| {
                let own = ["127.", "[::1]", "localhost", "unix:"];
                let local = own.iter().any(|start| listen.first().starts_with(start));
                !local && !listen.arguments.iter().any(|word| word == "ssl" || word == "quic")
            };
            let listens: Vec<_> = server.listens().collect();
            let is_redirect = redirects(server.server) || sends_all_away(server.server);
            let upstreams: Vec<_> =
                ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "grpc_pass", "scgi_pass"]
                    .into_iter()
                    .flat_map(all)
                    .collect();
            let root = effective(&[server.http, server.server], "root")
                .first()
                .map(|d| PathBuf::from(d.first()));
            let closed = own("return").is_some_and(|directive| directive.first().starts_with('4'));
            out.push(Site {
                server: "nginx",
                names: server
                    .names()
                    .into_iter()
                    .filter(|name| *name != "_")
                    .map(str::to_owned)
                    .collect(),
                is_tls: server.is_tls(),
                is_plain: listens.is_empty()
                    || listens.iter().any(|listen| plain(listen))
                        && own("ssl").is_none_or(|ssl| ssl.first() != "on"),
                certificates: paths("ssl_certificate"),
                keys: paths("ssl_certificate_key"),
                is_restricted: is_restricted(&scopes),
                serves: !is_redirect
                    && !closed
                    && (root.is_some() || !upstreams.is_empty() || !all("root").is_empty()),
                root,
                upstreams,
                is_redirect,
                place: server.server.place.clone(),
            });
        }
        Ok(out)
    }

    fn apache_sites(&self) -> Seen<Vec<Site>> {
        let blocks = self.apache().as_ref().map_err(Clone::clone)?;
        let blocks = blocks.as_deref().unwrap_or_default();
        let mut out = Vec::new();
        for block in
            blocks.iter().filter(|block| block.sections.len() == 1 && block.host().is_some())
        {
            let inside: Vec<&ApacheBlock> = blocks
                .iter()
                .filter(|other| {
                    other.sections.first() == block.sections.first() && other.number >= block.number
                })
                .collect();
            let all = |name: &str| -> Vec<(PathBuf, Place)> {
                let found = block.directives.iter().filter(|directive| directive.name == name);
                found
                    .map(|d| (Path::new("/etc/apache2").join(d.first()), d.place.clone()))
                    .collect()
            };
            let Some(place) = block.directives.first().map(|directive| directive.place.clone())
            else {
                continue;
            };
            let is_tls = block
                .last("sslengine")
                .is_some_and(|directive| directive.first().eq_ignore_ascii_case("on"));
            let redirect = block.directives.iter().any(|d| {
                d.name == "redirect" && d.line().contains("https://")
                    || d.name == "rewriterule" && d.line().contains("https://")
            });
            let names = block
                .directives
                .iter()
                .filter(|d| d.name == "servername" || d.name == "serveralias");
            let root = block.last("documentroot").map(|directive| PathBuf::from(directive.first()));
            let upstreams: Vec<_> = inside
                .iter()
                .flat_map(|b| b.directives.iter())
                .filter(|d| d.name == "proxypass" || d.name == "proxypassmatch")
                .map(|d| {
                    (
                        d.arguments.get(1).or(d.arguments.first()).cloned().unwrap_or_default(),
                        d.place.clone(),
                    )
                })
                .collect();
            let restricted = inside.iter().flat_map(|b| b.directives.iter()).any(|d| {
                d.name == "authtype"
                    || d.name == "require" && d.first() != "all"
                    || d.name == "require" && d.line().contains("denied")
            });
            out.push(Site {
                server: "apache",
                names: names.flat_map(|d| d.arguments.iter().cloned()).collect(),
                is_tls,
                is_plain: !is_tls,
                serves: root.is_some() || !upstreams.is_empty(),
                root,
                certificates: all("sslcertificatefile"),
                keys: all("sslcertificatekeyfile"),
                upstreams,
                is_restricted: restricted,
                is_redirect: redirect,
                place,
            });
        }
        Ok(out)
    }

    /// Every folder that is served: of each site, of a location with its own, and the usual ones
    /// where a server is installed.
    pub fn web_roots(&self) -> &Seen<Vec<WebRoot>> {
        self.cells.roots.get_or_init(|| {
            let mut found: BTreeMap<PathBuf, String> = BTreeMap::new();
            for path in &self.served {
                found.insert(path.clone(), "burgrave".to_owned());
            }
            for site in self.sites().as_ref().map_err(Clone::clone)? {
                if let Some(root) = &site.root {
                    found.entry(root.clone()).or_insert_with(|| site.line());
                }
            }
            for server in self.nginx_servers()? {
                for block in server.scopes().iter().filter_map(|chain| chain.last()) {
                    for directive in block.own("root").chain(block.own("alias")) {
                        let path = PathBuf::from(directive.first());
                        if path.is_absolute()
                            && !directive.first().contains('$')
                            && self.is_folder(&path)?
                        {
                            found.entry(path).or_insert_with(|| directive.line());
                        }
                    }
                }
            }
            for path in ["/var/www/html", "/srv/www", "/usr/share/nginx/html"] {
                if self.is_folder(Path::new(path))? {
                    found
                        .entry(PathBuf::from(path))
                        .or_insert_with(|| "the usual web root".to_owned());
                }
            }
            self.unserved_roots(&mut found)?;
            Ok(found.into_iter().map(|(path, by)| WebRoot { path, by }).collect())
        })
    }

    /// `public`, `htdocs` and the like below `/var/www`, whether a site is enabled for them or not.
    fn unserved_roots(&self, found: &mut BTreeMap<PathBuf, String>) -> Seen<()> {
        for entry in self.list("/var/www")? {
            for name in ["public", "public_html", "htdocs", "web", "html", "www"] {
                let path = entry.path.join(name);
                if entry.kind == Kind::Directory && self.is_folder(&path)? {
                    found.entry(path).or_insert_with(|| "a web root by its name".to_owned());
                }
            }
        }
        Ok(())
    }

    fn is_folder(&self, path: &Path) -> Seen<bool> {
        Ok(self.followed(path)?.is_some_and(|(_, metadata)| metadata.kind == Kind::Directory))
    }
}

/// Whether a block does nothing but send clients elsewhere.
fn redirects(block: &super::Directive) -> bool {
    let own = |name: &str| block.block.iter().find(|directive| directive.name == name);
    let returns = own("return").is_some_and(|directive| {
        directive.first().starts_with('3') || directive.first().starts_with("http")
    });
    let flags = ["permanent", "redirect"];
    let rewrites = own("rewrite").and_then(|directive| directive.arguments.last());
    returns || rewrites.is_some_and(|flag| flags.contains(&flag.as_str()))
}

/// Whether everything but the answers to a certificate authority's questions is sent elsewhere.
fn sends_all_away(server: &super::Directive) -> bool {
    let locations: Vec<_> = server.block.iter().filter(|inner| inner.name == "location").collect();
    let is_rest =
        |location: &&&super::Directive| location.arguments.last().is_some_and(|path| path == "/");
    let asked = |location: &&super::Directive| {
        location.arguments.iter().any(|word| word.contains(".well-known"))
    };
    locations.iter().find(is_rest).is_some_and(|location| redirects(location))
        && locations.iter().all(|location| asked(location) || redirects(location))
}

/// Whether every place that serves asks for a password, an address or a certificate.
fn is_restricted(scopes: &[Vec<&super::Directive>]) -> bool {
    let asks = |chain: &Vec<&super::Directive>| {
        let on = |name: &str| {
            effective(chain, name).iter().any(|d| d.first() != "off" && d.first() != "all")
        };
        let denies = effective(chain, "deny").iter().any(|d| d.first() == "all");
        on("auth_basic")
            || on("auth_request")
            || on("auth_jwt")
            || denies
            || effective(chain, "ssl_verify_client").iter().any(|d| d.first() == "on")
    };
    let locations: Vec<_> = scopes
        .iter()
        .filter(|chain| chain.last().is_some_and(|last| last.name == "location"))
        .collect();
    match scopes.first() {
        Some(server) if asks(server) => true,
        _ => !locations.is_empty() && locations.iter().all(|chain| asks(chain)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn sites_of_both_servers_look_alike() {
        let fake = Fake::new();
        fake.file("/etc/nginx/nginx.conf", "http { root /srv/common; server { listen 80; server_name a; root /srv/acme; location /.well-known/ { } location / { return 301 https://$host; } } server { listen 443 ssl; server_name b; root /srv/b; ssl_certificate /c; location / { auth_basic x; } location /x { alias /srv/x/; auth_basic y; } } }");
        fake.file("/etc/apache2/apache2.conf", "<VirtualHost *:80>\nServerName c\nDocumentRoot /srv/c\nProxyPass /a http://127.0.0.1:1/\n</VirtualHost>\n");
        fake.directory("/srv/x").directory("/var/www/shop/public");
        let facts = Facts::new(&fake, Ground::Tree);
        let sites = facts.sites().as_ref().unwrap();
        let shape: Vec<_> = sites
            .iter()
            .map(|s| (s.name(), s.is_tls, s.is_redirect, s.is_restricted, s.serves))
            .collect();
        assert_eq!(
            shape,
            [
                ("a".into(), false, true, false, false),
                ("b".into(), true, false, true, true),
                ("c".into(), false, false, false, true)
            ]
        );
        assert_eq!(sites[2].upstreams[0].0, "http://127.0.0.1:1/");
        let roots: Vec<_> = facts
            .web_roots()
            .as_ref()
            .unwrap()
            .iter()
            .map(|root| root.path.display().to_string())
            .collect();
        assert_eq!(roots, ["/srv/acme", "/srv/b", "/srv/c", "/srv/x/", "/var/www/shop/public"]);
    }
}

//! Remedies of nginx and Apache.

use super::lines::{apache_ciphers, apache_options, apache_protocols, apache_tokens, apache_user};
use super::row;
use crate::remedies::Remedy;
use crate::remedies::texts::commented;
use crate::remedies::way::{Line, Way};
use crate::remedies::web::Web;

pub(super) const MODERN: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

const fn web(
    id: &'static str,
    names: &'static [&'static str],
    value: &'static str,
    apache: Option<Line>,
    risk: &'static str,
) -> Remedy {
    row(id, Way::Web(Web { names, value, apache, apache_lacks: None }), risk)
}

pub(super) const WEB: &[Remedy] = &[
    web("version-nginx-tokens", &["server_tokens"], "off", None, "none"),
    row(
        "version-apache-tokens",
        Way::Web(Web {
            names: &[],
            value: "",
            apache: Some(apache_tokens),
            apache_lacks: Some("ServerTokens Prod"),
        }),
        "none",
    ),
    web(
        "version-headers",
        &["add_header", "more_set_headers", "proxy_pass_header", "fastcgi_pass_header"],
        "",
        Some(commented),
        "monitoring that reads the header",
    ),
    web(
        "tls-protocols",
        &["ssl_protocols", "proxy_ssl_protocols"],
        "TLSv1.2 TLSv1.3",
        Some(apache_protocols),
        "browsers and devices of before 2014 cannot connect",
    ),
    web(
        "tls-ciphers",
        &["ssl_ciphers"],
        MODERN,
        Some(apache_ciphers),
        "browsers and devices of before 2014 cannot connect",
    ),
    web(
        "tls-no-hsts",
        &["add_header Strict-Transport-Security"],
        "\"max-age=63072000\" always",
        None,
        "browsers that were here refuse the site without TLS for two years",
    ),
    web(
        "service-unguarded-headers",
        &["add_header X-Content-Type-Options"],
        "nosniff always",
        None,
        "files with a wrong type are not shown",
    ),
    web(
        "cleanup-listing",
        &["autoindex"],
        "off",
        Some(apache_options),
        "folders without a page of their own answer 403",
    ),
    web(
        "service-server-user",
        &["user"],
        "www-data",
        Some(apache_user),
        "files that only root reads are not served any more",
    ),
];

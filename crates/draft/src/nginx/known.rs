//! nginx's directives, by what they mean for who may come in.
//!
//! Invariant: a name that stands in none of these lists counts as one that may keep somebody out.

/// What a directive can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Read by this crate, or of no meaning for who comes in.
    Plain,
    /// Says who may come in, in a way that we cannot say.
    Guard,
    /// Changes what is served; told, as it is not carried over.
    Told,
    /// Not known: it may keep somebody out.
    Unknown,
}

/// Those that ask for something before they let a client in; `allow` and `deny` are read.
pub(crate) const GUARDS: [&str; 31] = [
    "access_by_lua",
    "access_by_lua_block",
    "access_by_lua_file",
    "auth_basic",
    "auth_delay",
    "auth_digest",
    "auth_gss",
    "auth_jwt",
    "auth_jwt_require",
    "auth_ldap",
    "auth_oidc",
    "auth_pam",
    "auth_request",
    "dav_access",
    "dav_methods",
    "internal",
    "js_access",
    "limit_except",
    "perl",
    "rewrite_by_lua",
    "rewrite_by_lua_block",
    "rewrite_by_lua_file",
    "satisfy",
    "secure_link",
    "secure_link_md5",
    "secure_link_secret",
    "ssl_reject_handshake",
    "ssl_verify_client",
    "testcookie",
    "uid_require",
    "valid_referers",
];

const READ: [&str; 20] = [
    "alias",
    "allow",
    "client_max_body_size",
    "deny",
    "fastcgi_pass",
    "grpc_pass",
    "if",
    "index",
    "listen",
    "location",
    "memcached_pass",
    "proxy_pass",
    "return",
    "root",
    "scgi_pass",
    "server_name",
    "ssl_certificate",
    "ssl_certificate_key",
    "try_files",
    "uwsgi_pass",
];

const TOLD: [&str; 14] = [
    "add_header",
    "autoindex",
    "error_page",
    "expires",
    "limit_conn",
    "limit_rate",
    "limit_req",
    "mirror",
    "modsecurity",
    "modsecurity_rules",
    "modsecurity_rules_file",
    "rewrite",
    "sub_filter",
    "proxy_cache",
];

const PLAIN: [&str; 49] = [
    "absolute_redirect",
    "access_log",
    "aio",
    "auth_basic_user_file",
    "break",
    "brotli",
    "charset",
    "chunked_transfer_encoding",
    "client_body_buffer_size",
    "client_body_temp_path",
    "client_body_timeout",
    "client_header_buffer_size",
    "client_header_timeout",
    "default_type",
    "directio",
    "error_log",
    "etag",
    "gzip",
    "http2",
    "http3",
    "ignore_invalid_headers",
    "keepalive_requests",
    "keepalive_timeout",
    "large_client_header_buffers",
    "limit_conn_status",
    "limit_req_status",
    "lingering_timeout",
    "log_not_found",
    "log_subrequest",
    "map_hash_bucket_size",
    "max_ranges",
    "merge_slashes",
    "output_buffers",
    "port_in_redirect",
    "quic_retry",
    "recursive_error_pages",
    "reset_timedout_connection",
    "resolver",
    "resolver_timeout",
    "send_timeout",
    "sendfile",
    "server_name_in_redirect",
    "server_tokens",
    "set",
    "ssl",
    "tcp_nodelay",
    "tcp_nopush",
    "types",
    "underscores_in_headers",
];

/// Beginnings of whole families that say how, not who.
const FAMILIES: [&str; 16] = [
    "brotli_",
    "fastcgi_",
    "grpc_",
    "gzip_",
    "http2_",
    "http3_",
    "limit_rate_",
    "log_",
    "open_file_",
    "proxy_",
    "scgi_",
    "send_",
    "ssl_",
    "sub_filter_",
    "types_",
    "uwsgi_",
];

/// What a directive can do, by its name.
pub(crate) fn meaning(name: &str) -> Meaning {
    if GUARDS.contains(&name) {
        Meaning::Guard
    } else if TOLD.contains(&name) {
        Meaning::Told
    } else if READ.contains(&name)
        || PLAIN.contains(&name)
        || FAMILIES.iter().any(|family| name.starts_with(family))
    {
        Meaning::Plain
    } else {
        Meaning::Unknown
    }
}

/// Why a directive of the second list is told, in words.
pub(crate) fn told(name: &str) -> &'static str {
    match name {
        "rewrite" => "paths are not rewritten: a path is passed on as it is",
        "add_header" => {
            "Burgrave sets security headers itself; more of them go to `headers` of the site"
        }
        "limit_req" | "limit_conn" => "rates are set by `limit` of a route and by `[limits]`",
        "error_page" => "pages for errors are `pages` of `files`",
        "expires" => "how long browsers keep files is `cache` of `files`",
        "autoindex" => "folders are never listed",
        _ => "not carried over",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_counts_as_a_guard_would() {
        for (name, wanted) in [
            ("auth_basic", Meaning::Guard),
            ("ssl_verify_client", Meaning::Guard),
            ("ssl_protocols", Meaning::Plain),
            ("proxy_set_header", Meaning::Plain),
            ("rewrite", Meaning::Told),
            ("deny", Meaning::Plain),
            ("geoip2_require", Meaning::Unknown),
            ("", Meaning::Unknown),
        ] {
            assert_eq!(meaning(name), wanted, "{name}");
        }
        for name in TOLD {
            assert!(!told(name).is_empty());
            assert!(!GUARDS.contains(&name) && !READ.contains(&name), "{name}");
        }
    }
}

//! What a script is told (RFC 3875 §4).
//!
//! Header fields reach the script as `HTTP_…` only in the names that cannot be mistaken for others'.

use super::super::path_and_query;
use super::script::{Chosen, choose};
use crate::exchange::Exchange;
use crate::files::path::check_proxied;
use crate::guard::head::Framing;
use crate::refusal::Reason;
use burgrave_config::FastCgi;
use burgrave_sys::Root;
use http::HeaderMap;

type Params = Vec<(Vec<u8>, Vec<u8>)>;

/// Everything that the script is told. `fields` is the header for the upstream.
pub(super) fn params(
    exchange: &Exchange,
    own: &FastCgi,
    root: &Root,
    fields: &HeaderMap,
) -> Result<Params, Reason> {
    let head = &exchange.head;
    let (path, query) = path_and_query(head.target());
    check_proxied(path)?;
    let Chosen::Script(script) = choose(path, own, root)? else {
        return Err(Reason::NotFound);
    };
    let mut all = Params::new();
    let mut add = |name: &str, value: &[u8]| all.push((name.into(), value.to_vec()));
    let root_path = own.root.as_os_str().as_encoded_bytes();
    let root_path = root_path.strip_suffix(b"/").unwrap_or(root_path);
    add("GATEWAY_INTERFACE", b"CGI/1.1");
    add("SERVER_SOFTWARE", b"gateway");
    add("SERVER_PROTOCOL", head.version.text().as_bytes());
    add("REQUEST_METHOD", head.method());
    add(
        "REQUEST_URI",
        &[path, if query.is_some() { b"?" } else { b"" }, query.unwrap_or_default()].concat(),
    );
    add("QUERY_STRING", query.unwrap_or_default());
    add("DOCUMENT_ROOT", root_path);
    add("SCRIPT_NAME", &script.name);
    add("SCRIPT_FILENAME", &[root_path, &script.name].concat());
    if !script.info.is_empty() {
        add("PATH_INFO", &script.info);
    }
    let ends = exchange.client.engine_connection();
    add("REMOTE_ADDR", ends.client.0.to_string().as_bytes());
    add("REMOTE_PORT", ends.client.1.to_string().as_bytes());
    add("SERVER_ADDR", ends.server.0.to_string().as_bytes());
    add("SERVER_PORT", ends.server.1.to_string().as_bytes());
    add("SERVER_NAME", exchange.host.as_bytes());
    if exchange.client.tls.is_some() {
        add("HTTPS", b"on");
    }
    if let Some(user) = exchange.verdict.user() {
        add("REMOTE_USER", user.as_bytes());
    }
    match head.framing {
        Framing::None => {}
        Framing::Length(length) => add("CONTENT_LENGTH", length.to_string().as_bytes()),
        // A script is told the length before it begins.
        Framing::Open => return Err(Reason::LengthNeeded),
    }
    if let Some(kind) = head.field(b"content-type") {
        add("CONTENT_TYPE", kind);
    }
    add("REDIRECT_STATUS", b"200");
    for name in fields.keys() {
        if let Some(own) = variable(name.as_str()) {
            let values: Vec<_> =
                fields.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
            let between: &[u8] = if name == http::header::COOKIE { b"; " } else { b", " };
            add(&own, &values.join(between));
        }
    }
    Ok(all)
}

/// `HTTP_…` for a field. What has a variable of its own has no other; `Proxy` was dropped before.
fn variable(name: &str) -> Option<String> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let own = matches!(name, "content-length" | "content-type" | "transfer-encoding" | "proxy");
    (plain && !own).then(|| format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_variables_that_are_theirs_alone() {
        for (name, wanted) in [
            ("x-forwarded-for", Some("HTTP_X_FORWARDED_FOR")),
            ("host", Some("HTTP_HOST")),
            ("x_forwarded_for", None),
            ("x.a", None),
            ("proxy", None),
            ("content-length", None),
        ] {
            assert_eq!(variable(name).as_deref(), wanted, "{name}");
        }
    }
}

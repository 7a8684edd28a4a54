//! The cookie that keeps a client at its upstream. It says which one by a digest, which is no secret and
//! is worth nothing to whoever forges it: only who answers changes.

use crate::exchange::Exchange;
use crate::guard::head::Head;
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

/// What the client's cookie says.
pub(super) fn mark<'a>(head: &'a Head, name: &str) -> Option<&'a [u8]> {
    let cookies = head.fields().filter(|(field, _)| field.eq_ignore_ascii_case(b"cookie"));
    cookies.flat_map(|(_, value)| value.split(|byte| *byte == b';')).find_map(|pair| {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(value)
    })
}

/// Sets the cookie where the client has none, or that of another upstream.
pub(super) fn stick(exchange: &Exchange, headers: &mut HeaderMap) {
    let site = exchange.site.and_then(|site| exchange.plan.sites.get(site));
    let route = site.and_then(|site| site.routes.get(exchange.route?));
    let (Some(route), Some(target)) = (route, &exchange.target) else { return };
    let Some(name) = route.route.balance.sticky.as_deref() else { return };
    if mark(&exchange.head, name) == Some(target.mark.as_bytes()) {
        return;
    }
    let secure = if exchange.client.tls.is_some() { "; Secure" } else { "" };
    let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Lax{secure}", target.mark);
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        headers.append(SET_COOKIE, cookie);
    }
}

//! The cookie that keeps a client at its upstream. It says which one by a digest, which is no secret and
//! is worth nothing to whoever forges it: only who answers changes.

use crate::exchange::Exchange;
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};

/// Sets the cookie where the client has none, or that of another upstream.
pub(super) fn stick(exchange: &Exchange, headers: &mut HeaderMap) {
    let site = exchange.site.and_then(|site| exchange.plan.sites.get(site));
    let route = site.and_then(|site| site.routes.get(exchange.route?));
    let (Some(route), Some(target)) = (route, &exchange.target) else { return };
    let Some(name) = route.route.balance.sticky.as_deref() else { return };
    if exchange.head.cookie(name) == Some(target.mark.as_bytes()) {
        return;
    }
    let secure = if exchange.client.tls.is_some() { "; Secure" } else { "" };
    let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Lax{secure}", target.mark);
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        headers.append(SET_COOKIE, cookie);
    }
}

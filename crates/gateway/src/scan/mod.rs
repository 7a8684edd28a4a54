//! Holds a request's body and has it scanned before the application sees any of it.
//!
//! Fails closed: what was found, what cannot be taken apart, what is too large to be held, and what nobody could
//! scan goes no further. Held bodies are in memory, for the gateway may write no file; how much of it is
//! bounded, for one body and for all of them.

mod clamd;
mod pieces;

use crate::body::RequestBody;
use crate::exchange::Exchange;
use crate::guard::head::Framing;
use crate::inspect::Stop;
use crate::refusal::Reason;
use burgrave_config::Scan;
use burgrave_seclang::{Disruption, Interruption};
use bytes::Bytes;
use clamd::Verdict;
use pieces::pieces;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::timeout;

/// Most bytes of bodies that are held at once, in all.
const HELD_BYTES_MAX: u64 = 512 << 20;
/// Bytes that are held now, by all event loops.
static HELD: AtomicU64 = AtomicU64::new(0);

/// Part of the memory for held bodies; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held(u64);

impl Held {
    fn take(bytes: u64) -> Result<Self, Reason> {
        let room = |held: u64| held.checked_add(bytes).filter(|all| *all <= HELD_BYTES_MAX);
        match HELD.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => Ok(Self(bytes)),
            Err(_full) => Err(Reason::ScanBusy),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Whether the route asks for bodies to be scanned.
pub(crate) fn wanted(exchange: &Exchange) -> bool {
    let site = exchange.site.and_then(|site| exchange.plan.sites.get(site));
    site.and_then(|site| site.routes.get(exchange.route?))
        .is_some_and(|route| route.route.scan.is_some())
}

/// Scans the body, where the route asks for it; then it is there again, whole.
pub(crate) async fn request(exchange: &mut Exchange, body: &mut RequestBody) -> Result<(), Stop> {
    let plan = std::sync::Arc::clone(&exchange.plan);
    let site = exchange.site.and_then(|site| plan.sites.get(site));
    let Some(route) = site.and_then(|site| site.routes.get(exchange.route?)) else { return Ok(()) };
    let Some(scan) = &route.route.scan else { return Ok(()) };
    if exchange.head.field(b"upgrade").is_some() {
        // What is said after that is no body.
        return Err(Reason::ScanUpgrade.into());
    }
    if body.is_empty() {
        return Ok(());
    }
    // Taken before the first byte: who begins may end.
    let most = match exchange.head.framing {
        Framing::None => 0,
        Framing::Length(length) => length.min(scan.bytes),
        Framing::Open => scan.bytes,
    };
    exchange.held = Some(Held::take(most)?);
    let whole = hold(body, scan).await?;
    let kind = exchange.head.field(b"content-type").unwrap_or_default();
    let parts = pieces(kind, &whole).ok_or(Reason::ScanUnreadable)?;
    let limits = &route.route.limits;
    let all =
        std::iter::once(&whole[..]).chain(parts.iter().filter_map(|part| whole.get(part.clone())));
    for piece in all {
        let one = clamd::scan(&scan.clamd, piece, limits.connect_time);
        match timeout(limits.upstream_time, one).await {
            Ok(Ok(Verdict::Clean)) => {}
            Ok(Ok(Verdict::Found(name))) => {
                let reason = format!("malware in the body: {name}");
                let action = Disruption::Deny(403);
                return Err(Stop::Block(Interruption { action, rule: None, reason }));
            }
            Ok(Ok(Verdict::Failed) | Err(_)) | Err(_) => return Err(Reason::ScanUnavailable.into()),
        }
    }
    body.put_back(vec![whole]);
    Ok(())
}

/// All of the body, or the reason why not.
async fn hold(body: &mut RequestBody, scan: &Scan) -> Result<Bytes, Stop> {
    let most = usize::try_from(scan.bytes).unwrap_or(usize::MAX);
    let mut whole = Vec::new();
    while let Some(piece) = body.next().await? {
        if whole.len().saturating_add(piece.len()) > most {
            return Err(Reason::BodyLarge.into());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(Bytes::from(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_for_bodies_is_bounded_and_given_back() {
        let half = HELD_BYTES_MAX / 2 + 1;
        let one = Held::take(half).unwrap();
        assert!(matches!(Held::take(half), Err(Reason::ScanBusy)));
        assert!(matches!(Held::take(u64::MAX), Err(Reason::ScanBusy)));
        drop(one);
        drop(Held::take(half).unwrap());
    }
}

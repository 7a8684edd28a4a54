//! Who may use a site or a route: the one place that answers it, before any rule or upstream sees the
//! request.
//!
//! Everything that the configuration asks for must hold: the client's network, its certificate, its
//! sign-in. Invariants: what cannot be decided is refused; a password is compared in a bounded number
//! of threads beside the event loop, at a bounded rate a client; the credentials that were meant for
//! the gateway go no further.

pub(crate) mod users;

use crate::exchange::Exchange;
use crate::inspect::Stop;
use crate::refusal::Reason;
use burgrave_config::{Access, CertificateUse, RateBy, RequestRate};
use std::rc::Rc;
use users::{Checked, Users};

/// Sign-ins that a client may try: a burst, then one in six seconds.
const SIGN_IN_RATE: RequestRate =
    RequestRate { per_second: 1.0 / 6.0, burst: 10, by: RateBy::Client };

/// What is known of who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Anyone may; nobody said who they are.
    Anyone,
    /// By a certificate, told by its fingerprint.
    Certificate(Rc<str>),
    /// By a sign-in, whose header field ends here.
    SignedIn(Rc<str>),
}

impl Verdict {
    /// The name for the access log and for the upstream.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Anyone => None,
            Self::Certificate(name) | Self::SignedIn(name) => Some(name),
        }
    }

    /// Whether `Authorization` was meant for the gateway.
    pub(crate) fn takes_credentials(&self) -> bool {
        matches!(self, Self::SignedIn(_))
    }
}

/// Decides about a request whose site and route are known.
pub(crate) async fn decide(exchange: &Exchange) -> Result<Verdict, Stop> {
    let plan = std::sync::Arc::clone(&exchange.plan);
    let site = exchange.site.and_then(|site| plan.sites.get(site));
    let site = site.ok_or(Reason::HostUnknown)?;
    let route = exchange.route.and_then(|route| site.routes.get(route));
    let (access, users) = match route {
        Some(plan) => (&plan.route.access, plan.users.as_ref()),
        None => (&site.site.access, site.users.as_ref()),
    };
    if access.is_open() {
        return Ok(Verdict::Anyone);
    }
    let client = exchange.client.address.ip();
    if !access.networks.is_empty() && !access.networks.iter().any(|own| own.contains(client)) {
        return Err(Reason::NetworkForbidden.into());
    }
    let shown = exchange.client.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    // One that another site's authorities vouch for is none here.
    let shown = shown.filter(|shown| Some(&*shown.client_ca) == site.site.client_ca.as_deref());
    let certified = shown.filter(|_| access.certificate.is_some());
    let certified = certified.map(|shown| Verdict::Certificate(Rc::clone(&shown.fingerprint)));
    match (certified, access.certificate) {
        (None, Some(CertificateUse::Required)) => Err(Reason::CertificateNeeded.into()),
        (Some(verdict), Some(CertificateUse::Optional)) => Ok(verdict),
        (certified, _) if access.users.is_none() => Ok(certified.unwrap_or(Verdict::Anyone)),
        // Apart: few requests need its room.
        (_, _) => Box::pin(sign_in(exchange, access, users)).await,
    }
}

async fn sign_in(
    exchange: &Exchange,
    access: &Access,
    users: Option<&std::sync::Arc<Users>>,
) -> Result<Verdict, Stop> {
    // Loaded with the plan; without them nobody gets in.
    let users = users.ok_or(Reason::SignInBusy)?;
    let Some(field) = exchange.head.field(b"authorization") else {
        return Err(Reason::SignInNeeded.into());
    };
    let given = users::credentials(field).ok_or(Reason::SignInNeeded)?;
    let worker = &exchange.worker;
    if let Some(name) = worker.signed_in.get(users, field) {
        return Ok(Verdict::SignedIn(name));
    }
    let now = burgrave_sys::monotonic().0;
    let client = exchange.client.address.ip();
    worker
        .buckets
        .take(client, &("sign-in", &access.users), &SIGN_IN_RATE, now)
        .map_err(Stop::Limit)?;
    match worker.checkers.check(users, given).await {
        Checked::Right(name) => {
            let name: Rc<str> = name.into();
            worker.signed_in.keep(users, field, &name);
            Ok(Verdict::SignedIn(name))
        }
        Checked::Wrong => Err(Reason::SignInWrong.into()),
        Checked::Busy => Err(Reason::SignInBusy.into()),
    }
}

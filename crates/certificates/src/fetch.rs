//! One attempt to fetch a site's certificate, from wherever an earlier one has stopped.
//!
//! The order of steps is the safety: the key is kept before the order is made, the order's address right after; a
//! kill in between costs one order at most. The certificate is kept before the order is forgotten.

use crate::answers::{Answer, Answers};
use crate::error::CertificateError;
use crate::pair::Pair;
use crate::store::{Pending, Store};
use burgrave_config::Site;
use burgrave_sys::{Access, replace_own};
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

/// How long the authority may take for a step.
const STEP: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_mins(3));

/// What an attempt works with.
pub(crate) struct Attempt<'a> {
    pub(crate) account: &'a Account,
    pub(crate) store: &'a Store,
    pub(crate) answers: &'a Answers,
    pub(crate) site: &'a Site,
    /// Where the certificate belongs.
    pub(crate) file: &'a Path,
    /// The one that is renewed, where the server wants to know.
    pub(crate) replaces: Option<CertificateIdentifier<'static>>,
}

impl Attempt<'_> {
    /// Fetches the certificate and puts it in its place. The order stays known until [`Self::done`].
    pub(crate) async fn run(&self) -> Result<(), CertificateError> {
        let (mut order, pending) = self.order().await?;
        if order.state().status == OrderStatus::Pending {
            let mut given = Vec::new();
            let proven = self.prove(&mut order, &mut given).await;
            for answer in &given {
                // The next one is given anyway; a record that stays is harmless, and told by its hook.
                let taken = self.answers.take_back(answer).await;
                if proven.is_ok() {
                    taken?;
                }
            }
            proven?;
        }
        let chain = self.issue(&mut order, &pending.key).await?;
        let text = format!("{}{chain}", pending.key);
        let pair = Pair::of(text.as_bytes(), text.as_bytes())?;
        if !pair.covers(&self.site.hosts) {
            return Err(CertificateError::Unusable("it is for other names".to_owned()));
        }
        Ok(replace_own(self.file, text.as_bytes(), Access::Owner)?)
    }

    /// Forgets the order: whoever serves knows of the certificate.
    pub(crate) fn done(&self) -> Result<(), CertificateError> {
        self.store.forget(self.site)
    }

    /// The order under way, else a new one.
    async fn order(&self) -> Result<(Order, Pending), CertificateError> {
        if let Some(pending) = self.store.pending(self.site) {
            if !pending.url.is_empty()
                && let Ok(mut order) = self.account.order(pending.url.clone()).await
                && order.state().status != OrderStatus::Invalid
            {
                return Ok((order, pending));
            }
            self.store.forget(self.site)?;
        }
        let key = KeyPair::generate().map_err(|error| CertificateError::Made(error.to_string()))?;
        let key = key.serialize_pem();
        self.store.keep(self.site, "", &key)?;
        let names: Vec<_> = self.site.hosts.iter().cloned().map(Identifier::Dns).collect();
        let order = self.new_order(&names).await?;
        let pending = self.store.keep(self.site, order.url(), &key)?;
        Ok((order, pending))
    }

    async fn new_order(&self, names: &[Identifier]) -> Result<Order, CertificateError> {
        if let Some(replaced) = self.replaces.clone()
            && let Ok(order) =
                self.account.new_order(&NewOrder::new(names).replaces(replaced)).await
        {
            return Ok(order);
        }
        // Whether it replaces one is a courtesy: an authority that does not want to hear it gets a plain order.
        let order = self.account.new_order(&NewOrder::new(names)).await;
        order.map_err(|error| CertificateError::server("asking for a certificate", &error))
    }

    /// Shows control of every name. What was given is told even when it fails.
    async fn prove(
        &self,
        order: &mut Order,
        given: &mut Vec<Answer>,
    ) -> Result<(), CertificateError> {
        let (kind, word) = self.answers.kind();
        let failed = |error: instant_acme::Error| {
            CertificateError::server("answering the authority", &error)
        };
        let mut all = order.authorizations();
        while let Some(one) = all.next().await {
            let mut one = one.map_err(failed)?;
            if one.status != AuthorizationStatus::Pending {
                continue;
            }
            let name = one.identifier().to_string();
            let challenge = one
                .challenge(kind.clone())
                .ok_or_else(|| CertificateError::NotOffered(word, name.clone()))?;
            let answer =
                self.answers.of(&name, &challenge.token, &challenge.key_authorization())?;
            given.push(answer.clone());
            self.answers.give(&answer).await?;
        }
        if !given.is_empty() {
            sleep(self.answers.settle).await;
        }
        let mut all = order.authorizations();
        while let Some(one) = all.next().await {
            let mut one = one.map_err(failed)?;
            if one.status != AuthorizationStatus::Pending {
                continue;
            }
            if let Some(mut challenge) = one.challenge(kind.clone()) {
                challenge.set_ready().await.map_err(failed)?;
            }
        }
        match order.poll_ready(&STEP).await.map_err(failed)? {
            OrderStatus::Ready => Ok(()),
            status @ (OrderStatus::Pending
            | OrderStatus::Processing
            | OrderStatus::Valid
            | OrderStatus::Invalid) => Err(self.refused(order, status).await),
        }
    }

    /// Why an order was refused: the names' own reasons, as the authority tells them.
    async fn refused(&self, order: &mut Order, status: OrderStatus) -> CertificateError {
        let mut reasons = Vec::new();
        let mut all = order.authorizations();
        while let Some(Ok(mut one)) = all.next().await {
            let name = one.identifier().to_string();
            if one.refresh().await.is_err() {
                continue;
            }
            let faults = one.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
            reasons.extend(faults.map(|fault| format!("{name}: {fault}")));
        }
        let why = if reasons.is_empty() { format!("{status:?}") } else { reasons.join("; ") };
        CertificateError::Server {
            doing: "the authority could not verify the names",
            why: crate::error::shown(&why),
        }
    }

    /// Asks for the certificate, and waits for it.
    async fn issue(&self, order: &mut Order, key: &str) -> Result<String, CertificateError> {
        let failed = |error: instant_acme::Error| {
            CertificateError::server("fetching the certificate", &error)
        };
        let made = |error: rcgen::Error| CertificateError::Made(error.to_string());
        if order.state().status == OrderStatus::Ready {
            let mut params = CertificateParams::new(self.site.hosts.clone()).map_err(made)?;
            params.distinguished_name = DistinguishedName::new();
            let key = KeyPair::from_pem(key).map_err(made)?;
            let request = params.serialize_request(&key).map_err(made)?;
            order.finalize_csr(request.der()).await.map_err(failed)?;
        }
        order.poll_certificate(&STEP).await.map_err(failed)
    }
}

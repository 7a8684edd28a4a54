//! One request and its answer, from the first look to the record in the access log.
//!
//! Invariant: exactly one record. It is written when the exchange is dropped, wherever on its way
//! that happens, so that no path can forget it.

use crate::access::Verdict;
use crate::connection::Client;
use crate::guard::head::Head;
use crate::inspect::{Inspection, Stop};
use crate::log::line::{Decided, Line};
use crate::metrics::{self, Outcome};
use crate::plan::Plan;
use crate::refusal::Reason;
use crate::scan::Held;
use crate::upstream::Target;
use crate::worker::Worker;
use burgrave_seclang::Record;
use burgrave_sys::UnixTime;
use bytes::Bytes;
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// The status in the log of a request whose client left before an answer was begun.
const CLIENT_LEFT: u16 = 499;

/// See the module.
pub(crate) struct Exchange {
    pub(crate) worker: Rc<Worker>,
    pub(crate) client: Rc<Client>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) head: Head,
    pub(crate) id: String,
    pub(crate) time: UnixTime,
    started: Instant,
    /// The normalised host.
    pub(crate) host: String,
    pub(crate) site: Option<usize>,
    pub(crate) route: Option<usize>,
    /// Who asks, as far as it was decided.
    pub(crate) verdict: Verdict,
    pub(crate) upstream: Option<Rc<str>>,
    pub(crate) target: Option<Arc<Target>>,
    pub(crate) inspection: Inspection,
    pub(crate) body: Rc<crate::body::BodyState>,
    /// The memory that its body was held in.
    pub(crate) held: Option<Held>,
    status: Option<u16>,
    bytes_out: u64,
    decided: Decided,
    reason: Option<Cow<'static, str>>,
    complete: bool,
    /// Whether the client waits for us, rather than we for it to take what we send.
    ours: bool,
}

impl Exchange {
    pub(crate) fn new(worker: Rc<Worker>, client: Rc<Client>, head: Head) -> Box<Self> {
        worker.counters.request();
        client.stall.begin();
        client.seat.busy();
        let (id, plan) = (worker.next_id(), worker.plan());
        Box::new(Self {
            worker,
            client,
            plan,
            head,
            id,
            time: burgrave_sys::wall_clock(),
            started: Instant::now(),
            host: String::new(),
            site: None,
            route: None,
            verdict: Verdict::Anyone,
            upstream: None,
            target: None,
            inspection: Inspection::default(),
            body: Rc::default(),
            held: None,
            status: None,
            bytes_out: 0,
            decided: Decided::Refuse,
            reason: None,
            complete: false,
            ours: true,
        })
    }

    /// What the answer is, once it is handed over to be sent.
    pub(crate) fn answer(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// What was decided about the request.
    pub(crate) fn decide(&mut self, decided: Decided) {
        self.decided = decided;
    }

    /// Why it was stopped.
    pub(crate) fn stopped(&mut self, stop: &Stop) {
        let (decided, reason) = match stop {
            Stop::Refuse(reason) => {
                self.worker.counters.refuse();
                let kept = if reason.is_upstreams() { Decided::Forward } else { Decided::Refuse };
                (kept, Cow::Borrowed(reason.text()))
            }
            Stop::Block(interruption) => {
                self.worker.counters.refuse();
                (Decided::Block, Cow::Owned(interruption.reason.clone()))
            }
            Stop::Limit(_) => {
                self.worker.counters.refuse();
                (Decided::Limit, Cow::Borrowed("too many requests"))
            }
            Stop::Abort => (self.decided, Cow::Borrowed("client left")),
        };
        self.decided = decided;
        self.reason = Some(reason);
    }

    /// Bytes of the body that were handed over to be sent.
    pub(crate) fn sent(&mut self, bytes: &Bytes) {
        self.bytes_out =
            self.bytes_out.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    /// The answer could not be finished.
    pub(crate) fn fail(&mut self, reason: Reason) {
        self.reason = Some(Cow::Borrowed(reason.text()));
    }

    /// Whose turn it is.
    pub(crate) fn waits_for_us(&mut self, ours: bool) {
        if std::mem::replace(&mut self.ours, ours) != ours {
            self.client.stall.turn(ours);
        }
    }

    /// The answer was finished.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
    }

    fn record(&mut self) {
        if !self.complete && self.client.seat.displaced() {
            self.decided = Decided::Limit;
            self.reason = Some(Cow::Borrowed("displaced by a newer connection of this client"));
        }
        let mut record = self.inspection.finish().unwrap_or_else(|reason| {
            self.fail(reason);
            Record::default()
        });
        if let Some(audit) = record.audit.take() {
            self.worker.audit.add(|out| out.extend_from_slice(&audit));
        }
        // In detection mode: what would have ended the request, or what the engine could not do.
        let detected = record.interruption.as_ref().map(|found| found.reason.as_str());
        let unfinished = (!self.complete && self.reason.is_none()).then_some("client left");
        let plan = &self.plan;
        let site = self.site.and_then(|site| plan.sites.get(site));
        let route = site.and_then(|site| site.routes.get(self.route?));
        let elapsed = self.started.elapsed().as_micros();
        let line = Line {
            time: self.time,
            id: &self.id,
            client: self.client.address,
            tls: self.client.tls.as_ref().map(|tls| tls.version),
            version: Some(self.head.version.text()),
            method: Some(self.head.method()),
            host: self.head.host(),
            target: Some(self.head.target()),
            status: self.status.unwrap_or(CLIENT_LEFT),
            bytes_in: self.body.received.get(),
            bytes_out: self.bytes_out,
            duration_us: u64::try_from(elapsed).unwrap_or(u64::MAX),
            site: site.map(|plan| plan.site.name.as_str()),
            route: route.map(|plan| plan.route.path.as_str()),
            upstream: self.upstream.as_deref(),
            user: self.verdict.user(),
            decision: self.decided,
            reason: self.reason.as_deref().or(unfinished).or(detected),
            record: &record,
        };
        let outcome = Outcome {
            decided: line.decision,
            status: line.status,
            bytes_in: line.bytes_in,
            bytes_out: line.bytes_out,
            micros: line.duration_us,
        };
        metrics::count(self, outcome);
        let wanted = plan.settings.log.headers.iter();
        let headers = wanted.map(|name| (name.as_str(), self.head.field(name.as_bytes())));
        self.worker.log.add(|out| line.write(out, headers));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.record();
        self.waits_for_us(false);
        if self.client.stall.end() == 0 {
            self.client.seat.waits();
        }
        self.client.wire.answered();
    }
}

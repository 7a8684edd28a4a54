//! How each upstream of a route is, and whose turn it is.
//!
//! Known from requests (passive) and from checks (active). An upstream that fails is tried last, not
//! never: where all fail, the best of them is still asked. All event loops share what is known,
//! without a lock.

use crate::log::json::hex_text;
use crate::worker::mix;
use burgrave_config::{Balance, Sharing, Upstream};
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Failures in a row after which an upstream is left alone, and for how long.
const BREAKER_FAILURES: u32 = 5;
const BREAKER_TIME: Duration = Duration::from_secs(10);
/// How long an upstream that is well again gets fewer requests than the others.
const SLOW_START: Duration = Duration::from_secs(10);
/// A request earns a fifth of a retry; so many are saved up at most.
const RETRY_COST: u32 = 5;
const RETRIES_SAVED_MAX: u32 = 20 * RETRY_COST;

/// The golden ratio: makes neighbouring numbers unlike each other before they are mixed.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is known of one upstream.
#[derive(Debug)]
pub(crate) struct Target {
    /// What the sticky cookie says of it: it gives neither name nor address away.
    pub(crate) mark: String,
    /// Requests that are under way.
    active: AtomicUsize,
    /// Failures in a row.
    failures: AtomicU32,
    /// Nanoseconds of the monotonic clock until which it is left alone; 0: it is not.
    open_until: AtomicU64,
    /// Whether checks say that it is not well.
    down: AtomicBool,
    /// Since when it is well again; 0: it always was.
    well_since: AtomicU64,
}

/// How much an upstream is to be avoided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Avoid {
    No,
    /// Well again, and not to be flooded.
    Starting,
    /// Failed a moment ago.
    Failing,
    /// Checks say that it is down.
    Down,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Target {
    fn new(upstream: &Upstream) -> Self {
        let digest = Sha256::digest(format!("{upstream:?}"));
        Self {
            mark: hex_text(digest.get(..6).unwrap_or_default()),
            active: AtomicUsize::new(0),
            failures: AtomicU32::new(0),
            open_until: AtomicU64::new(0),
            down: AtomicBool::new(false),
            well_since: AtomicU64::new(0),
        }
    }

    /// A request was answered, whatever the answer.
    pub(crate) fn answered(&self) {
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.open_until.store(0, Ordering::Relaxed);
        }
    }

    /// A request could not be made or was not answered.
    pub(crate) fn failed(&self, now: Duration) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures >= BREAKER_FAILURES {
            self.open_until.store(nanos(now.saturating_add(BREAKER_TIME)), Ordering::Relaxed);
        }
    }

    /// What checks have found.
    pub(crate) fn set_down(&self, down: bool, now: Duration) {
        if self.down.swap(down, Ordering::Relaxed) && !down {
            self.well_since.store(nanos(now).max(1), Ordering::Relaxed);
            self.answered();
        }
    }

    /// Whether checks say that it is down.
    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// `chance`: a number that is as good as random.
    fn avoid(&self, now: Duration, chance: u64) -> Avoid {
        if self.is_down() {
            return Avoid::Down;
        }
        let now = nanos(now);
        if self.open_until.load(Ordering::Relaxed) > now {
            return Avoid::Failing;
        }
        let since = self.well_since.load(Ordering::Relaxed);
        let left = nanos(SLOW_START).saturating_sub(now.saturating_sub(since));
        if since > 0 && left > 0 && chance % nanos(SLOW_START) < left {
            return Avoid::Starting;
        }
        Avoid::No
    }
}

/// A request that is under way; over when this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(std::sync::Arc<Target>);

impl UnderWay {
    pub(crate) fn at(target: &std::sync::Arc<Target>) -> Self {
        target.active.fetch_add(1, Ordering::Relaxed);
        Self(std::sync::Arc::clone(target))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The upstreams of a route.
#[derive(Debug)]
pub(crate) struct Targets {
    pub(crate) all: Vec<std::sync::Arc<Target>>,
    turn: AtomicU64,
    /// What is left for retries.
    retries: AtomicU32,
}

impl Targets {
    pub(crate) fn new(upstreams: &[Upstream]) -> Self {
        Self {
            all: upstreams
                .iter()
                .map(|upstream| std::sync::Arc::new(Target::new(upstream)))
                .collect(),
            turn: AtomicU64::new(0),
            retries: AtomicU32::new(RETRIES_SAVED_MAX),
        }
    }

    /// In which order the upstreams are to be tried. `worse` says what the event loop knows besides;
    /// `mark` is what the client's cookie says.
    pub(crate) fn order(
        &self,
        balance: &Balance,
        mark: Option<&[u8]>,
        now: Duration,
        worse: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let count = self.all.len();
        if count <= 1 {
            return (0..count).collect();
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let chance = mix(turn.wrapping_add(SPREAD));
        let first = match balance.sharing {
            Sharing::RoundRobin => index(turn, count),
            Sharing::LeastRequests => self.less_busy(chance),
        };
        let mut order: Vec<_> = (0..count).map(|step| (first + step) % count).collect();
        if let Some(stuck) = mark.and_then(|mark| self.marked(mark)) {
            order.retain(|index| *index != stuck);
            order.insert(0, stuck);
        }
        // Stable: among equals the order stays.
        order.sort_by_key(|index| {
            let target = self.all.get(*index);
            let avoid = target
                .map_or(Avoid::Down, |target| target.avoid(now, mix(chance.wrapping_add(SPREAD))));
            if worse(*index) { avoid.max(Avoid::Failing) } else { avoid }
        });
        order
    }

    fn marked(&self, mark: &[u8]) -> Option<usize> {
        self.all.iter().position(|target| target.mark.as_bytes() == mark)
    }

    fn less_busy(&self, chance: u64) -> usize {
        let count = self.all.len();
        let (one, other) = (index(chance, count), index(chance >> 32, count));
        let busy = |index: usize| {
            self.all.get(index).map_or(usize::MAX, |target| target.active.load(Ordering::Relaxed))
        };
        if busy(other) < busy(one) { other } else { one }
    }

    /// A request begins, and earns its part of a retry.
    pub(crate) fn begun(&self) {
        if self.all.len() > 1 && self.retries.load(Ordering::Relaxed) < RETRIES_SAVED_MAX {
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether a request may be made again: retries never multiply the load of a route that fails.
    pub(crate) fn may_retry(&self) -> bool {
        let (order, read) = (Ordering::Relaxed, Ordering::Relaxed);
        self.retries.fetch_update(order, read, |left| left.checked_sub(RETRY_COST)).is_ok()
    }
}

fn index(number: u64, count: usize) -> usize {
    let count = u64::try_from(count).unwrap_or(1).max(1);
    usize::try_from(number % count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_config::{Authority, Host};

    const NOW: Duration = Duration::from_secs(1000);

    fn targets(count: u16) -> Targets {
        let upstream = |port| {
            let host = Host::Address([127, 0, 0, 1].into());
            Upstream::Http(Authority { host, port })
        };
        Targets::new(&(0..count).map(upstream).collect::<Vec<_>>())
    }

    fn sharing(sharing: Sharing) -> Balance {
        Balance { sharing, ..Balance::default() }
    }

    /// How often each of three comes first in so many turns.
    fn firsts(targets: &Targets, balance: &Balance, now: Duration, turns: usize) -> [usize; 3] {
        let mut counts = [0; 3];
        for _ in 0..turns {
            counts[targets.order(balance, None, now, |_| false)[0]] += 1;
        }
        counts
    }

    #[test]
    fn each_has_its_turn() {
        let (three, robin) = (targets(3), sharing(Sharing::RoundRobin));
        assert_eq!(firsts(&three, &robin, NOW, 30), [10; 3]);
        assert_eq!(three.order(&robin, None, NOW, |_| false).len(), 3);
        assert_eq!(targets(1).order(&robin, None, NOW, |_| true), [0]);
        assert!(targets(0).order(&robin, None, NOW, |_| false).is_empty());
    }

    #[test]
    fn the_busy_one_gets_less() {
        let (three, least) = (targets(3), sharing(Sharing::LeastRequests));
        let even = firsts(&three, &least, NOW, 3000);
        assert!(even.iter().all(|count| (800..1200).contains(count)), "{even:?}");
        let busy: Vec<_> = (0..5).map(|_| UnderWay::at(&three.all[0])).collect();
        let uneven = firsts(&three, &least, NOW, 3000);
        assert!(uneven[0] < 500 && uneven[1] > 1000 && uneven[2] > 1000, "{uneven:?}");
        drop(busy);
        assert_eq!(three.all[0].active.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn one_that_fails_is_left_alone_for_a_while() {
        let (three, robin) = (targets(3), sharing(Sharing::RoundRobin));
        (0..4).for_each(|_| three.all[1].failed(NOW));
        assert_eq!(firsts(&three, &robin, NOW, 30)[1], 10, "not yet");
        three.all[1].failed(NOW);
        assert_eq!(firsts(&three, &robin, NOW, 30)[1], 0);
        assert!(three.order(&robin, None, NOW, |_| false).ends_with(&[1]), "last, not never");
        let later = NOW + BREAKER_TIME;
        assert_eq!(firsts(&three, &robin, later, 30)[1], 10, "tried again");
        three.all[1].failed(later);
        assert_eq!(firsts(&three, &robin, later, 30)[1], 0, "and left alone at once");
        three.all[1].answered();
        assert_eq!(firsts(&three, &robin, later, 30)[1], 10);
        assert_eq!(three.order(&robin, None, NOW, |index| index != 2)[0], 2, "what the loop knows");
    }

    #[test]
    fn one_that_comes_back_starts_slowly() {
        let (three, robin) = (targets(3), sharing(Sharing::RoundRobin));
        three.all[0].set_down(true, NOW);
        assert_eq!(firsts(&three, &robin, NOW, 300)[0], 0);
        three.all[0].set_down(false, NOW);
        let (early, half, late) = (
            firsts(&three, &robin, NOW + Duration::from_secs(1), 3000)[0],
            firsts(&three, &robin, NOW + Duration::from_secs(5), 3000)[0],
            firsts(&three, &robin, NOW + SLOW_START, 3000)[0],
        );
        assert!(early > 20 && early < 250, "{early}");
        assert!(half > 350 && half < 650, "{half}");
        assert_eq!(late, 1000);
    }

    #[test]
    fn a_cookie_keeps_a_client_where_it_was_as_long_as_that_is_well() {
        let (three, robin) = (targets(3), sharing(Sharing::RoundRobin));
        let mark = three.all[2].mark.clone();
        assert_eq!(mark.len(), 12);
        assert_ne!(mark, three.all[1].mark);
        for _ in 0..10 {
            assert_eq!(three.order(&robin, Some(mark.as_bytes()), NOW, |_| false)[0], 2);
        }
        three.all[2].set_down(true, NOW);
        assert_ne!(three.order(&robin, Some(mark.as_bytes()), NOW, |_| false)[0], 2);
        let odd = three.order(&robin, Some(b"0123"), NOW, |_| false);
        assert_eq!(odd.len(), 3);
    }

    #[test]
    fn retries_are_a_part_of_the_requests() {
        let two = targets(2);
        let spent = (0..1000).filter(|_| two.may_retry()).count();
        assert_eq!(spent, 20, "what was saved up");
        let mut retried = 0;
        for _ in 0..100 {
            two.begun();
            retried += usize::from(two.may_retry());
        }
        assert_eq!(retried, 20, "then one in five");
    }
}

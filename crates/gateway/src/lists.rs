//! Block lists that rules ask by DNS (`@rbl`): asked about a client before its first request, and kept a while.
//!
//! Invariants: one question a list and client at a time, and few in all; what is kept is bounded; a list that does not
//! answer in time is unknown, and what was heard of it before stays in force for a day at most. Nothing is asked about
//! addresses of this machine or of private networks.

use burgrave_seclang::{Listing, Listings, question};
use burgrave_sys::monotonic;
use dns_lookup::{AddrInfoHints, LookupErrorKind, getaddrinfo};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer is kept.
const FRESH: Duration = Duration::from_mins(5);
/// How long one that did not come is taken to be missing still.
const RETRY: Duration = Duration::from_secs(10);
/// How long an answer stands in for one that does not come.
const STALE: Duration = Duration::from_hours(24);
/// Questions under way at once, of all event loops.
const UNDER_WAY_MAX: usize = 64;
/// Clients and lists that are kept.
const KEPT_MAX: usize = 20_000;
/// `AF_INET` and `SOCK_STREAM`: an answer is an IPv4 address, and wanted once.
const HINTS: AddrInfoHints = AddrInfoHints { flags: 0, address: 2, socktype: 1, protocol: 0 };

static UNDER_WAY: Semaphore = Semaphore::const_new(UNDER_WAY_MAX);

/// Who answers a name: its addresses, none where it does not exist, and no answer.
type Resolver = fn(&str) -> Option<Vec<IpAddr>>;

/// What was heard.
pub(crate) struct Lists {
    resolver: Resolver,
    kept: Mutex<HashMap<Asked, Arc<Kept>>>,
}

/// A client's prefix and a list.
type Asked = (IpAddr, Arc<str>);

/// What a list said, and when on the monotonic clock.
type Heard = (Listing, Duration);

/// One list and client.
#[derive(Default)]
struct Kept {
    answer: OnceCell<Heard>,
    /// What was known before.
    before: Option<Heard>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { resolver: system, kept: Mutex::default() }
    }
}

impl Lists {
    /// What each of the lists says of a client.
    pub(crate) async fn ask(self: &Arc<Self>, client: IpAddr, lists: &[Arc<str>]) -> Listings {
        let client = client.to_canonical();
        if is_own(client) {
            return lists.iter().map(|list| (Arc::clone(list), Listing::Clear)).collect();
        }
        // All at once; whoever leaves does not end a question that others wait for.
        let asked: Vec<_> = lists
            .iter()
            .map(|list| {
                let (own, list) = (Arc::clone(self), Arc::clone(list));
                spawn_local(async move { own.one(client, &list).await })
            })
            .collect();
        let mut all = Vec::with_capacity(lists.len());
        for (list, asked) in lists.iter().zip(asked) {
            all.push((Arc::clone(list), asked.await.unwrap_or(Listing::Unknown)));
        }
        all.into()
    }

    async fn one(&self, client: IpAddr, list: &Arc<str>) -> Listing {
        let kept = self.kept(client, list);
        let answer = kept.answer.get_or_init(|| async {
            let heard = self.hear(question(client, list)).await;
            (heard, monotonic().0)
        });
        let (heard, _) = *answer.await;
        match kept.before {
            Some((known, at)) if heard == Listing::Unknown && monotonic().0 < at + STALE => known,
            _ => heard,
        }
    }

    /// The place of an answer, a new one where that of before is too old.
    fn kept(&self, client: IpAddr, list: &Arc<str>) -> Arc<Kept> {
        let now = monotonic().0;
        let key = (prefix(client), Arc::clone(list));
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |(answer, at): &Heard| {
            now < *at + if *answer == Listing::Unknown { RETRY } else { FRESH }
        };
        let mut before = None;
        if let Some(kept) = all.get(&key) {
            match kept.answer.get() {
                None => return Arc::clone(kept),
                Some(heard) if is_fresh(heard) => return Arc::clone(kept),
                Some((Listing::Unknown, _)) => before = kept.before,
                Some(heard) => before = Some(*heard),
            }
        }
        if all.len() >= KEPT_MAX {
            all.retain(|_, kept| kept.answer.get().is_none_or(is_fresh));
        }
        if all.len() >= KEPT_MAX {
            all.clear();
        }
        let kept = Arc::new(Kept { before, ..Kept::default() });
        all.insert(key, Arc::clone(&kept));
        kept
    }

    async fn hear(&self, name: String) -> Listing {
        let resolver = self.resolver;
        let asked = async {
            let permit = UNDER_WAY.acquire().await.ok()?;
            let asked = spawn_blocking(move || {
                let addresses = resolver(&name);
                drop(permit);
                addresses
            });
            asked.await.ok().flatten()
        };
        let heard = timeout(PATIENCE, asked).await.ok().flatten();
        heard.map_or(Listing::Unknown, |addresses| Listing::read(&addresses))
    }
}

/// The system's resolver.
fn system(name: &str) -> Option<Vec<IpAddr>> {
    match getaddrinfo(Some(name), None, Some(HINTS)) {
        Ok(all) => {
            let all = all.map(|info| info.map(|info| info.sockaddr.ip()));
            all.collect::<Result<Vec<_>, _>>().ok()
        }
        Err(error) => {
            let is_none = matches!(error.kind(), LookupErrorKind::NoName | LookupErrorKind::NoData);
            is_none.then(Vec::new)
        }
    }
}

/// What clients are told apart by: whoever has an IPv6 address has its whole network.
fn prefix(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

fn is_own(client: IpAddr) -> bool {
    match client {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_unspecified()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// On the list is what ends in 2; nobody answers about what ends in 3.
    fn names(name: &str) -> Option<Vec<IpAddr>> {
        match name.split('.').next() {
            Some("2") => Some(vec![IpAddr::from([127, 0, 0, 4])]),
            Some("3") => None,
            _ => Some(Vec::new()),
        }
    }

    fn run<F: Future>(work: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, work)
    }

    fn lists(resolver: Resolver) -> Arc<Lists> {
        Arc::new(Lists { resolver, kept: Mutex::default() })
    }

    #[test]
    fn each_list_is_asked_about_a_client_and_the_own_network_is_not() {
        run(async {
            let (all, zones) = (lists(names), [Arc::from("a.example"), Arc::from("b.example")]);
            let code = Listing::Listed([127, 0, 0, 4].into());
            for (client, wanted) in [
                ("192.0.2.2", code),
                ("::ffff:192.0.2.2", code),
                ("192.0.2.1", Listing::Clear),
                ("192.0.2.3", Listing::Unknown),
                ("10.0.0.2", Listing::Clear),
                ("127.0.0.2", Listing::Clear),
                ("fd00::2", Listing::Clear),
            ] {
                let heard = all.ask(client.parse().unwrap(), &zones).await;
                assert_eq!(heard.len(), 2);
                assert!(heard.iter().all(|(_, listing)| *listing == wanted), "{client}: {heard:?}");
            }
        });
    }

    #[test]
    fn many_requests_of_one_client_are_one_question() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        fn counted(name: &str) -> Option<Vec<IpAddr>> {
            ASKED.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(30));
            names(name)
        }
        run(async {
            let (all, zones) = (lists(counted), [Arc::from("a.example")]);
            let client: IpAddr = "2001:db8::1".parse().unwrap();
            let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
            let both = tokio::join!(all.ask(client, &zones), all.ask(neighbour, &zones));
            assert_eq!((both.0[0].1, both.1[0].1), (Listing::Clear, Listing::Clear));
            all.ask(client, &zones).await;
            assert_eq!(ASKED.load(Ordering::SeqCst), 1);
        });
    }

    #[test]
    fn what_was_heard_stands_in_for_an_answer_that_does_not_come() {
        run(async {
            let (all, zone) = (lists(names), Arc::<str>::from("a.example"));
            let client: IpAddr = "192.0.2.3".parse().unwrap();
            let put = |answer, age: Duration| {
                let at = monotonic().0.saturating_sub(age);
                let kept = Kept { answer: OnceCell::new_with(Some((answer, at))), before: None };
                all.kept.lock().unwrap().insert((client, Arc::clone(&zone)), Arc::new(kept));
            };
            let listed = Listing::Listed([127, 0, 0, 2].into());
            put(listed, Duration::ZERO);
            assert_eq!(all.one(client, &zone).await, listed, "it is fresh");
            // The clock begins when the machine does.
            if monotonic().0 > FRESH * 2 {
                put(listed, FRESH);
                assert_eq!(all.one(client, &zone).await, listed, "nobody answers");
                assert_eq!(
                    all.one(client, &zone).await,
                    listed,
                    "nor is anybody asked again at once"
                );
            }
        });
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let all = lists(names);
        let zone = Arc::<str>::from("a.example");
        for number in 0..50_000_u32 {
            all.kept(IpAddr::from(number.to_be_bytes()), &zone);
        }
        assert!(all.kept.lock().unwrap().len() <= KEPT_MAX);
    }
}

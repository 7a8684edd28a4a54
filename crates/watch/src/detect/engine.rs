//! All detectors together: an event and the time in, actions out.

pub(super) use super::rule::Rule;
use super::{account, address, login, ports, scan, score, spray, stuffing, sudo, swarm};
use crate::action::{Action, Evidence, Target};
use crate::event::{Event, Kind};
use crate::never::{self, Never};
use crate::table::Table;
use crate::window::{Burst, Distinct, Sum};
use foldhash::quality::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;

/// Addresses that are remembered.
const ADDRESSES_MAX: u32 = 1_000_000;
/// Networks, accounts and people that are remembered, each.
const OTHERS_MAX: u32 = 131_072;
/// Services that are remembered.
const SERVICES_MAX: u32 = 256;
/// Of an account's name that is kept as evidence.
const ACCOUNT_BYTES_MAX: usize = 128;

/// An event as the detectors see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) now: u32,
    pub(super) count: u32,
    pub(super) score: u32,
    /// A hash of the address.
    pub(super) address: u64,
    /// A hash of the account.
    pub(super) account: Option<u64>,
    /// The port that a packet asked for.
    pub(super) port: Option<u16>,
}

/// What is remembered of an address in a service.
#[derive(Debug, Clone, Copy, Default)]
struct Client {
    failures: Burst,
    accounts: Distinct,
    missing: Sum,
    score: Sum,
    banned_until: u32,
    bans: u8,
}

/// What was pushed out of full tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Addresses.
    pub addresses: u64,
    /// Networks.
    pub networks: u64,
    /// Accounts.
    pub accounts: u64,
}

/// Every detector, and what they remember.
#[derive(Debug)]
pub struct Detectors {
    rule: Rule,
    never: Never,
    clients: Table<(IpAddr, u8), Client>,
    scanners: Table<(IpAddr, u8), ports::Scanner>,
    networks: Table<IpAddr, swarm::Network>,
    accounts: Table<u64, account::Account>,
    people: Table<u64, sudo::Person>,
    services: Table<u8, stuffing::Service>,
    names: Vec<(&'static str, Rule)>,
    hasher: RandomState,
    clock: u32,
}

impl Detectors {
    /// Detectors that have seen nothing. `rule` counts for every service without one of its own.
    pub fn new(rule: Rule, never: Never) -> Self {
        Self {
            rule,
            never,
            clients: Table::new(ADDRESSES_MAX),
            scanners: Table::new(OTHERS_MAX),
            networks: Table::new(OTHERS_MAX),
            accounts: Table::new(OTHERS_MAX),
            people: Table::new(OTHERS_MAX),
            services: Table::new(SERVICES_MAX),
            names: Vec::new(),
            hasher: RandomState::default(),
            clock: 0,
        }
    }

    /// Gives a service a rule of its own.
    pub fn set_rule(&mut self, service: &'static str, rule: Rule) {
        let place = self.service(service);
        if let Some((_, own)) = self.names.get_mut(usize::from(place)) {
            *own = rule;
        }
    }

    /// Forgets what somebody did who was let in again by hand: what comes now counts anew, and at once.
    pub fn forgive(&mut self, target: Target) {
        match target {
            Target::Address(ip) => {
                for service in 0..self.names.len() {
                    let key = u8::try_from(service).map(|service| (ip, service));
                    let Ok(key) = key else { continue };
                    if let Some(client) = self.clients.find(&key) {
                        *client = Client { bans: client.bans, ..Client::default() };
                    }
                    self.scanners.find(&key).into_iter().for_each(ports::Scanner::forgive);
                }
            }
            Target::Network(first, _) => {
                if let Some(network) = self.networks.find(&first) {
                    *network = swarm::Network::default();
                }
            }
        }
    }

    /// What was pushed out of full tables.
    pub fn forgotten(&self) -> Forgotten {
        Forgotten {
            addresses: self.clients.evicted() + self.scanners.evicted(),
            networks: self.networks.evicted(),
            accounts: self.accounts.evicted() + self.people.evicted(),
        }
    }

    /// Addresses that are remembered.
    pub fn addresses(&self) -> usize {
        self.clients.len()
    }

    /// The number of a service; all beyond 255 share one.
    fn service(&mut self, service: &'static str) -> u8 {
        let is_it =
            |(name, _): &(&'static str, Rule)| std::ptr::eq(*name, service) || *name == service;
        if let Some(place) = self.names.iter().position(is_it) {
            return u8::try_from(place).unwrap_or(u8::MAX);
        }
        if self.names.len() < usize::from(u8::MAX) {
            self.names.push((service, self.rule.clone()));
        }
        u8::try_from(self.names.len().saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// Takes an event. `now`: seconds of a clock that only goes forward; should it go back it is taken to
    /// stand still. What is to be done is given to `act`.
    pub fn event(&mut self, event: &Event<'_>, now: u64, mut act: impl FnMut(Action)) {
        self.clock = self.clock.max(u32::try_from(now).unwrap_or(u32::MAX));
        let service = self.service(event.service);
        let rule =
            self.names.get(usize::from(service)).map_or(&self.rule, |(_, rule)| rule).clone();
        let seen = Seen {
            now: self.clock,
            count: event.count.max(1),
            score: event.score,
            address: event.ip.map_or(0, |ip| self.hasher.hash_one(ip)),
            account: event.user.map(|user| self.hasher.hash_one((service, user))),
            port: event.port,
        };
        match event.kind {
            Kind::Knock => {}
            Kind::Dropped => self.dropped(event, service, &seen, &rule, &mut act),
            Kind::SudoFailure => self.sudo(event, &seen, &rule, &mut act),
            Kind::AuthSuccess => self.login(event, service, &seen, &rule, &mut act),
            Kind::AuthFailure | Kind::Attack | Kind::NotFound | Kind::Limit => {
                self.bad(event, service, &seen, &rule, &mut act);
            }
        }
    }

    fn sudo(&mut self, event: &Event<'_>, seen: &Seen, rule: &Rule, act: &mut impl FnMut(Action)) {
        let Some(person) = seen.account.and_then(|account| self.people.entry(account)) else {
            return;
        };
        if let Some(events) = sudo::step(person, seen, rule) {
            act(alert(sudo::NAME, event, events, rule));
        }
    }

    fn login(
        &mut self,
        event: &Event<'_>,
        service: u8,
        seen: &Seen,
        rule: &Rule,
        act: &mut impl FnMut(Action),
    ) {
        let Some(client) = event.ip.and_then(|ip| self.clients.find(&(ip, service))) else {
            return;
        };
        if let Some(events) = login::step(&client.failures, seen, rule) {
            act(alert(login::NAME, event, events, rule));
        }
    }

    /// A packet that was dropped: nothing, unless its sender tries one port after the other.
    fn dropped(
        &mut self,
        event: &Event<'_>,
        service: u8,
        seen: &Seen,
        rule: &Rule,
        act: &mut impl FnMut(Action),
    ) {
        let Some(ip) = event.ip else { return };
        let target = Target::Address(ip);
        let Some(scanner) = self.scanners.entry((ip, service)) else { return };
        let Some(events) = ports::step(scanner, seen, rule) else { return };
        if self.never.covers(target) {
            return;
        }
        let duration = rule.length(scanner.banned(seen, |times| rule.length(times)));
        let evidence = evidence(event, events, rule);
        act(Action::Ban { target, duration, reason: ports::NAME, evidence });
    }

    /// Something that may lead to a ban.
    fn bad(
        &mut self,
        event: &Event<'_>,
        service: u8,
        seen: &Seen,
        rule: &Rule,
        act: &mut impl FnMut(Action),
    ) {
        let is_sign_in = event.kind == Kind::AuthFailure;
        if let Some(ip) = event.ip {
            self.client(event, (ip, service), seen, rule, act);
            if matches!(event.kind, Kind::AuthFailure | Kind::Attack) {
                self.network(event, ip, seen, rule, act);
            }
        }
        if !is_sign_in || event.ip.is_none() {
            return;
        }
        if let Some(account) = seen.account.and_then(|account| self.accounts.entry(account))
            && let Some(events) = account::step(account, seen, rule)
        {
            act(alert(account::NAME, event, events, rule));
        }
        if let Some(service) = self.services.entry(service)
            && let Some(events) = stuffing::step(service, seen, rule)
        {
            act(alert(stuffing::NAME, event, events, rule));
        }
    }

    fn client(
        &mut self,
        event: &Event<'_>,
        key: (IpAddr, u8),
        seen: &Seen,
        rule: &Rule,
        act: &mut impl FnMut(Action),
    ) {
        let target = Target::Address(key.0);
        let Some(client) = self.clients.entry(key) else { return };
        let found = match event.kind {
            Kind::NotFound | Kind::Limit => {
                scan::step(&mut client.missing, seen, rule).map(|events| (scan::NAME, events))
            }
            Kind::AuthFailure
            | Kind::Attack
            | Kind::AuthSuccess
            | Kind::SudoFailure
            | Kind::Knock
            | Kind::Dropped => {
                let burst = address::step(&mut client.failures, seen, rule)
                    .map(|events| (address::NAME, events));
                let spray = spray::step(&mut client.accounts, seen, rule)
                    .map(|events| (spray::NAME, events));
                let score =
                    score::step(&mut client.score, seen, rule).map(|events| (score::NAME, events));
                burst.or(spray).or(score)
            }
        };
        let Some((reason, events)) = found else { return };
        if seen.now < client.banned_until || self.never.covers(target) {
            return;
        }
        let duration = rule.length(client.bans);
        client.bans = client.bans.saturating_add(1);
        client.banned_until =
            seen.now.saturating_add(u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
        act(Action::Ban { target, duration, reason, evidence: evidence(event, events, rule) });
    }

    fn network(
        &mut self,
        event: &Event<'_>,
        ip: IpAddr,
        seen: &Seen,
        rule: &Rule,
        act: &mut impl FnMut(Action),
    ) {
        let bits = if ip.is_ipv4() { swarm::BITS_V4 } else { swarm::BITS_V6 };
        let first = never::network(ip, bits);
        let target = Target::Network(first, bits);
        let Some(network) = self.networks.entry(first) else { return };
        let Some(events) = swarm::step(network, seen, rule) else { return };
        if seen.now < network.banned_until || self.never.covers(target) {
            return;
        }
        let duration = rule.length(0);
        network.banned_until =
            seen.now.saturating_add(u32::try_from(duration.as_secs()).unwrap_or(u32::MAX));
        act(Action::Ban {
            target,
            duration,
            reason: swarm::NAME,
            evidence: evidence(event, events, rule),
        });
    }
}

fn evidence(event: &Event<'_>, events: u32, rule: &Rule) -> Evidence {
    let account = event.user.map(|user| user.get(..ACCOUNT_BYTES_MAX).unwrap_or(user).to_vec());
    Evidence { service: event.service, events, within_secs: rule.within_secs(), account }
}

fn alert(reason: &'static str, event: &Event<'_>, events: u32, rule: &Rule) -> Action {
    Action::Alert { reason, ip: event.ip, evidence: evidence(event, events, rule) }
}

/// Feeds a story, one word list a step, and compares what is to be done.
#[cfg(test)]
pub(super) fn check(story: &[&str], expected: &[&str]) {
    let never = Never::parse(["198.51.100.0/24"]).unwrap();
    let mut detectors = Detectors::new(Rule::default(), never);
    let (mut now, mut done) = (1_000_u64, Vec::new());
    for step in story {
        let words: Vec<&str> = step.split(' ').collect();
        if words[0] == "wait" {
            now += words[1].parse::<u64>().unwrap();
            continue;
        }
        let kind = match words[0] {
            "fail" => Kind::AuthFailure,
            "login" => Kind::AuthSuccess,
            "missing" => Kind::NotFound,
            "sudo" => Kind::SudoFailure,
            "drop" => Kind::Dropped,
            _ => Kind::Attack,
        };
        let (ip, user) = if kind == Kind::SudoFailure {
            (None, Some(words[1]))
        } else {
            (words.get(1).copied(), words.get(2).copied())
        };
        let event = Event {
            service: "sshd",
            kind,
            ip: ip.map(|ip| ip.parse().unwrap()),
            host: None,
            user: user.filter(|_| kind != Kind::Attack).map(str::as_bytes),
            stamp: None,
            count: 1,
            score: if kind == Kind::Attack { words[2].parse().unwrap() } else { 0 },
            port: (kind == Kind::Dropped).then(|| words[2].parse().unwrap()),
        };
        detectors.event(&event, now, |action| {
            done.push(match &action {
                Action::Ban { target, reason, .. } => format!("{reason} {target}"),
                Action::Alert { reason, .. } => format!("{reason} alert"),
            });
        });
    }
    assert_eq!(done, expected, "{story:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_on_the_list_is_banned() {
        check(&["fail 198.51.100.1 a"; 40], &[]);
    }

    #[test]
    fn whoever_comes_again_stays_out_longer() {
        let story: Vec<&str> = ["fail 192.0.2.1 a"; 5]
            .into_iter()
            .chain(["wait 4000"])
            .chain(["fail 192.0.2.1 a"; 5])
            .collect();
        check(&story, &["brute-force 192.0.2.1", "brute-force 192.0.2.1"]);
    }

    #[test]
    fn who_was_let_in_again_is_banned_again_at_once() {
        let mut detectors = Detectors::new(Rule::default(), Never::default());
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        let event = Event {
            service: "sshd",
            kind: Kind::AuthFailure,
            ip: Some(ip),
            host: None,
            user: None,
            stamp: None,
            count: 5,
            score: 0,
            port: None,
        };
        let mut hours = Vec::new();
        for is_forgiven in [false, false, true] {
            if is_forgiven {
                detectors.forgive(Target::Address(ip));
            }
            detectors.event(&event, 1_000, |action| {
                if let Action::Ban { duration, .. } = action {
                    hours.push(duration.as_secs() / 3_600);
                }
            });
        }
        assert_eq!(hours, [1, 2], "and for longer");
        detectors.forgive(Target::Address("192.0.2.9".parse().unwrap()));
    }

    #[test]
    fn a_million_addresses_are_forgotten_by_count() {
        let mut detectors = Detectors::new(Rule::default(), Never::default());
        for number in 0..1_200_000_u32 {
            let event = Event {
                service: "sshd",
                kind: Kind::AuthFailure,
                ip: Some(IpAddr::V4(number.wrapping_mul(2_654_435_761).into())),
                host: None,
                user: None,
                stamp: None,
                count: 1,
                score: 0,
                port: None,
            };
            detectors.event(&event, 1, |action| assert_eq!(action.reason(), swarm::NAME));
        }
        assert_eq!(detectors.addresses(), 1_000_000);
        assert_eq!(detectors.forgotten().addresses, 200_000);
    }

    #[test]
    fn a_service_has_its_own_rule() {
        let mut detectors = Detectors::new(Rule::default(), Never::default());
        detectors.set_rule("sshd", Rule { after: 2, ..Rule::default() });
        let event = |service| Event {
            service,
            kind: Kind::AuthFailure,
            ip: "192.0.2.1".parse().ok(),
            host: None,
            user: None,
            stamp: None,
            count: 1,
            score: 0,
            port: None,
        };
        let mut bans = 0;
        for service in ["sshd", "nginx", "sshd"] {
            detectors.event(&event(service), 1, |_| bans += 1);
        }
        assert_eq!(bans, 1);
    }
}

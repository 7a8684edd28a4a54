//! The proofs against the real gateway: they hold with it as it is, and fall where a safeguard is
//! configured away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "tests")]

mod support;

use burgrave_config::{Access, Environment, Network, RateBy, RequestRate};
use burgrave_model::{Outcome, Proof, Safeguard};
use burgrave_prove::{Entry, Target, prove_within, unasked};
use support::deployment::{Plan, core_rule_sets, deploy};
use support::short_patience;

fn run(target: &Target, id: &str) -> Proof {
    let found = prove_within(target, &safeguard(id), short_patience());
    found.into_iter().find(|proof| proof.id == id).expect("no such proof")
}

fn safeguard(id: &str) -> Vec<Safeguard> {
    let found = burgrave_prove::ALL.iter().find(|attack| attack.id() == id);
    found.map(|attack| attack.safeguard()).into_iter().collect()
}

#[track_caller]
fn check(proof: &Proof, wanted: Outcome) {
    let told: Vec<String> = proof
        .evidence
        .iter()
        .filter(|part| part.outcome != Outcome::Held)
        .map(|part| format!("\n  {}: {} -> {}", part.outcome, part.did, part.saw))
        .collect();
    assert_eq!(proof.outcome, wanted, "{}: {}", proof.id, told.concat());
    assert!(!proof.evidence.is_empty());
}

#[test]
fn all_proofs_hold_with_rules_files_and_an_application() {
    let deployment = deploy(Plan::default());
    for proof in prove_within(&deployment.target, &[], short_patience()) {
        check(&proof, Outcome::Held);
    }
}

#[test]
fn the_core_rule_set_refuses_every_payload() {
    let sets = core_rule_sets();
    if sets.is_empty() {
        eprintln!("skipped: no Core Rule Set here (set BURGRAVE_CRS, or install modsecurity-crs)");
    }
    for (name, rules) in sets {
        let deployment = deploy(Plan { rules: Some(rules), ..Plan::default() });
        for proof in prove_within(&deployment.target, &[Safeguard::Injection], short_patience()) {
            eprintln!("{name}: {} exchanges of {}", proof.evidence.len(), proof.id);
            check(&proof, Outcome::Held);
        }
    }
}

#[test]
fn without_rules_injections_fall() {
    let deployment = deploy(Plan { rules: None, ..Plan::default() });
    for id in ["sql-injection", "cross-site-scripting", "path-traversal", "command-injection"] {
        let proof = run(&deployment.target, id);
        check(&proof, Outcome::Fell);
        let fell = proof.evidence.iter().find(|part| part.outcome == Outcome::Fell).unwrap();
        assert!(fell.did.contains("no rules are set to block"), "{}", fell.did);
    }
    // What the gateway does by itself does not need them.
    check(&run(&deployment.target, "request-smuggling"), Outcome::Held);
    check(&run(&deployment.target, "leftovers"), Outcome::Held);
}

#[test]
fn a_site_of_files_alone_holds() {
    let deployment = deploy(Plan { route: None, redirect: false, ..Plan::default() });
    for proof in prove_within(&deployment.target, &[], short_patience()) {
        check(&proof, Outcome::Held);
    }
}

#[test]
fn an_application_alone_holds_over_plain_http_and_says_that_there_is_no_tls() {
    let deployment = deploy(Plan { route: Some("/"), tls: false, files: false, ..Plan::default() });
    for proof in prove_within(&deployment.target, &[], short_patience()) {
        let wanted = if proof.id == "tls" { Outcome::NotProven } else { Outcome::Held };
        check(&proof, wanted);
    }
}

#[test]
fn limits_that_are_not_kept_fall() {
    let deployment = deploy(Plan { limits: burgrave_config::Limits::default(), ..Plan::default() });
    let mut target = deployment.target.clone();
    // What the proof goes by is stricter than what the gateway runs with.
    for site in &mut target.sites {
        site.limits = support::short_limits();
        for place in &mut site.places {
            place.limits = support::short_limits();
        }
    }
    let proof = run(&target, "oversized-and-slow");
    check(&proof, Outcome::Fell);
    let fell = |part: &str| {
        let about = |evidence: &&burgrave_model::Evidence| evidence.did.contains(part);
        proof.evidence.iter().find(about).map(|evidence| evidence.outcome)
    };
    for part in ["over 8000 bytes", "over 40 fields", "drips", "stops", "announced"] {
        assert_eq!(fell(part), Some(Outcome::Fell), "{part}: {:?}", proof.evidence);
    }
}

#[test]
fn an_application_that_reveals_itself_falls_where_its_fields_pass() {
    // Straight to the application, past the gateway.
    let address = support::deployment::application();
    let target = support::target(address, burgrave_prove::Layer::Plain);
    let proof = run(&target, "version-hiding");
    check(&proof, Outcome::Fell);
    let deployment = deploy(Plan::default());
    check(&run(&deployment.target, "version-hiding"), Outcome::Held);
}

#[test]
fn a_site_for_any_host_leaves_unknown_hosts_unproven() {
    let deployment = deploy(Plan { any_host: true, ..Plan::default() });
    let proof = run(&deployment.target, "unknown-host");
    check(&proof, Outcome::NotProven);
    assert!(proof.evidence.iter().any(|part| part.saw.contains("any host")));
    let unclear = proof.evidence.iter().filter(|part| !part.saw.contains("any host"));
    assert!(unclear.clone().count() > 5);
    assert!(unclear.clone().all(|part| part.outcome == Outcome::Held));
}

#[test]
fn an_application_that_is_down_proves_nothing_of_its_route() {
    let deployment = deploy(Plan { application: support::dead(), ..Plan::default() });
    let proof = run(&deployment.target, "sql-injection");
    check(&proof, Outcome::NotProven);
    assert!(proof.evidence.iter().any(|part| part.saw.contains("harmless request failed")));
}

#[test]
fn an_application_that_answers_before_it_reads_is_no_hole() {
    let application = support::deployment::hasty_application();
    let plan = |rules| Plan { route: Some("/"), application, rules, ..Plan::default() };
    let deployment = deploy(plan(None));
    for id in ["request-smuggling", "oversized-and-slow"] {
        let proof = run(&deployment.target, id);
        let fell = proof.evidence.iter().find(|part| part.outcome == Outcome::Fell);
        assert_eq!(fell, None, "{id}");
    }
    // With rules a body is read before it is passed on, and both can be proven.
    let deployment = deploy(plan(Plan::default().rules));
    check(&run(&deployment.target, "request-smuggling"), Outcome::Held);
    check(&run(&deployment.target, "oversized-and-slow"), Outcome::Held);
}

#[test]
fn files_alone_need_no_rules_to_hold_what_the_gateway_does_itself() {
    let deployment = deploy(Plan { route: None, rules: None, ..Plan::default() });
    for id in ["request-smuggling", "leftovers", "version-hiding", "tls", "unknown-host"] {
        check(&run(&deployment.target, id), Outcome::Held);
    }
}

#[test]
fn two_sites_on_one_door_are_told_apart() {
    let deployment = deploy(Plan { second: Some("desk.test"), ..Plan::default() });
    assert_eq!(deployment.target.sites.len(), 2);
    let proof = run(&deployment.target, "unknown-host");
    check(&proof, Outcome::Held);
    for (name, host) in [("desk.test", "shop.test"), ("shop.test", "desk.test")] {
        let did = format!("TLS with `{name}`, then a request for {host}");
        let part = proof.evidence.iter().find(|part| part.did == did).expect("is tried");
        assert!(part.saw.contains("421"), "{part:?}");
    }
    let proof = run(&deployment.target, "oversized-and-slow");
    check(&proof, Outcome::Held);
    let drips = proof.evidence.iter().filter(|part| part.did.contains("a header that drips"));
    assert_eq!(drips.count(), 1, "the listener's own limit is tried once");
    let bodies = proof.evidence.iter().filter(|part| part.did.contains("a body that drips"));
    assert_eq!(bodies.count(), 2);
}

#[test]
fn slow_connections_are_cut_for_being_slow_and_not_for_being_many() {
    let mut limits = support::short_limits();
    limits.connections_per_client = 4;
    let deployment = deploy(Plan { limits, second: Some("desk.test"), ..Plan::default() });
    let proof = run(&deployment.target, "oversized-and-slow");
    check(&proof, Outcome::Held);
    let slow: Vec<_> =
        proof.evidence.iter().filter(|part| part.did.contains("to be cut within")).collect();
    assert_eq!(slow.len(), 5);
    for part in slow {
        let after = part.saw.strip_prefix("closed after ").expect("is closed");
        let seconds: f64 = after.split(' ').next().unwrap().parse().unwrap();
        assert!((0.3..2.2).contains(&seconds), "{part:?}");
    }
}

#[test]
fn a_load_balancer_names_its_clients_and_nobody_else_does() {
    let balancers = |address: [u8; 4], tls| {
        let network = Network { address: address.into(), prefix: 8 };
        let change = move |settings: &mut burgrave_config::Settings| {
            settings.listeners[0].proxy_protocol = vec![network];
        };
        deploy(Plan { tls, redirect: false, change: Box::new(change), ..Plan::default() })
    };
    for tls in [true, false] {
        let elsewhere = balancers([10, 0, 0, 0], tls);
        assert!(!elsewhere.target.sites[0].is_announced);
        let proof = run(&elsewhere.target, "named-client");
        check(&proof, Outcome::Held);
        assert_eq!(proof.evidence.len(), if tls { 4 } else { 2 });
        let here = balancers([127, 0, 0, 0], tls);
        assert!(here.target.sites[0].is_announced);
        let proof = run(&here.target, "named-client");
        check(&proof, Outcome::Held);
        assert!(proof.evidence[0].did.contains("names nobody"), "{proof:?}");
        // A header that is taken from everybody, and one that is not asked for.
        let mut target = here.target.clone();
        target.sites[0].is_announced = false;
        check(&run(&target, "named-client"), Outcome::NotProven);
        let mut target = elsewhere.target.clone();
        target.sites[0].is_announced = true;
        check(&run(&target, "named-client"), Outcome::NotProven);
    }
    let naive = support::start(support::Kind::Naive, burgrave_prove::Layer::Plain);
    let mut target = support::target(naive, burgrave_prove::Layer::Plain);
    target.sites[0].is_announced = true;
    check(&run(&target, "named-client"), Outcome::Fell);
}

/// Another network, to which this machine does not belong.
fn elsewhere() -> Access {
    let network = Network { address: [192, 0, 2, 0].into(), prefix: 24 };
    Access { networks: vec![network], ..Access::default() }
}

#[test]
fn what_is_limited_and_closed_holds() {
    let deployment = deploy(Plan {
        change: Box::new(|settings| {
            let site = &mut settings.sites[0];
            let mut closed = site.routes[0].clone();
            closed.path = "/staff/".to_owned();
            closed.access = elsewhere();
            site.routes[0].limit =
                Some(RequestRate { per_second: 50.0, burst: 40, by: RateBy::Client });
            site.routes.push(closed);
            let mut staging = site.clone();
            (staging.name, staging.hosts) = ("next.test".into(), vec!["next.test".into()]);
            staging.environment = Environment::Staging;
            staging.access = elsewhere();
            staging.routes.iter_mut().for_each(|route| route.access = elsewhere());
            settings.sites.push(staging);
        }),
        ..Plan::default()
    });
    let left_out = ["http3", "challenge", "connection-limits", "malware-uploads", "streams"];
    assert_eq!(unasked(&deployment.target)[..5], left_out);
    for id in ["request-rate", "closed-door", "environments", "http2-floods", "sql-injection"] {
        check(&run(&deployment.target, id), Outcome::Held);
    }
}

#[test]
fn a_limit_that_is_not_kept_and_a_door_that_is_open_fall() {
    let deployment = deploy(Plan::default());
    let mut target = deployment.target.clone();
    // What the configuration says, and nobody does.
    let place = &mut target.sites[0].places[0];
    place.rate = Some(RequestRate { per_second: 1.0, burst: 5, by: RateBy::Client });
    check(&run(&target, "request-rate"), Outcome::Fell);
    target.sites[0].places[0].entry = Entry::Closed;
    target.sites[0].environment = Environment::Staging;
    for id in ["closed-door", "environments"] {
        check(&run(&target, id), Outcome::Fell);
    }
}

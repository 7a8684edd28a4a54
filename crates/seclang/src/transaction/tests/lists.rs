//! `@rbl`: lists of addresses that others were asked about.

use super::*;
use crate::lists::Listing;

const RULE: &str = "SecRuleEngine On\nSecRule REMOTE_ADDR \"@rbl Bad.Example.org\" \"id:1,phase:1,deny,status:403,capture,msg:'%{TX.0}'\"\n";

fn asked(text: &str) -> Arc<RuleSet> {
    rules_with(text, Options { lists: true, ..Options::default() })
}

fn decided(rules: &Arc<RuleSet>, heard: Option<&[(&str, Listing)]>) -> (Option<u16>, String) {
    let mut transaction = start(rules, &GET);
    if let Some(heard) = heard {
        transaction.listings(heard.iter().map(|(list, said)| (Arc::from(*list), *said)).collect());
    }
    let status = match transaction.request_headers_done() {
        Decision::Continue => None,
        Decision::Interrupt(interruption) => match interruption.action {
            Disruption::Deny(status) => Some(status),
            other => panic!("{other:?}"),
        },
    };
    let record = transaction.finish();
    let said = record.matches.first().map(|own| String::from_utf8(own.message.clone()).unwrap());
    (status, said.unwrap_or_default())
}

#[test]
fn a_client_that_a_list_has_is_matched_with_the_lists_reason() {
    let rules = asked(RULE);
    assert_eq!(rules.lists().iter().map(|list| &**list).collect::<Vec<_>>(), ["bad.example.org"]);
    assert!(rules.warnings().is_empty());
    let listed = Listing::Listed([127, 0, 0, 4].into());
    assert_eq!(
        decided(&rules, Some(&[("other", Listing::Unknown), ("bad.example.org", listed)])),
        (Some(403), "127.0.0.4".to_owned())
    );
    assert_eq!(decided(&rules, Some(&[("bad.example.org", Listing::Clear)])).0, None);
    let negated = asked(&RULE.replace("\"@rbl", "\"!@rbl"));
    assert_eq!(decided(&negated, Some(&[("bad.example.org", Listing::Clear)])).0, Some(403));
    assert_eq!(decided(&negated, Some(&[("bad.example.org", listed)])).0, None);
}

#[test]
fn what_was_not_heard_is_a_fault_and_not_a_pass() {
    let rules = asked(RULE);
    for heard in [None, Some(&[("bad.example.org", Listing::Unknown)][..]), Some(&[])] {
        assert_eq!(decided(&rules, heard).0, Some(503), "{heard:?}");
    }
    // Nothing was asked about an address that is not the client's.
    let other = asked(&RULE.replace("REMOTE_ADDR", "REQUEST_HEADERS:X-Forwarded-For"));
    let mut transaction =
        start(&other, &Request { headers: &[("X-Forwarded-For", "192.0.2.9")], ..GET });
    transaction.listings([(Arc::from("bad.example.org"), Listing::Clear)].into());
    assert!(matches!(transaction.request_headers_done(), Decision::Interrupt(_)));
}

#[test]
fn nobody_is_asked_unless_it_is_wanted() {
    let rules = rules(RULE);
    assert!(rules.lists().is_empty());
    assert!(rules.warnings()[0].contains("rule 1 asks `@rbl`"), "{:?}", rules.warnings());
    let keyed = asked(&RULE.replace("Bad.Example.org", "dnsbl.httpbl.org"));
    assert!(keyed.lists().is_empty());
    let said = keyed.warnings().concat();
    assert!(said.contains("or the list wants a key") && said.contains("asks nobody"), "{said}");
    for bad in ["", "a b", "%{tx.list}", "local"] {
        let said = refused(&RULE.replace("Bad.Example.org", bad));
        assert!(said[0].contains("takes the name of one list"), "{bad}: {said:?}");
    }
}

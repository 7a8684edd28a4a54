//! Cross-site scripting (CWE-79).

use super::injected::{self, Spot};
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct CrossSiteScripting;

/// Each shows a number, if it should ever reach a browser.
const PAYLOADS: &[(Spot, &str)] = &[
    (Spot::Query, "<script>alert(1)</script>"),
    (Spot::Query, "\"><img src=x onerror=alert(1)>"),
    (Spot::Query, "<svg/onload=alert(1)>"),
    (Spot::Query, "<ScRiPt >alert(1)</sCrIpT>"),
    (Spot::Query, "<a href=\"javascript:alert(1)\">x</a>"),
    (Spot::Form, "<script>alert(1)</script>"),
    (Spot::Form, "<img src=x onerror=alert(1)>"),
    (Spot::Json, "<script>alert(1)</script>"),
    (Spot::Json, "<svg/onload=alert(1)>"),
    (Spot::Cookie, "<script>alert(1)</script>"),
];

impl Attack for CrossSiteScripting {
    fn id(&self) -> &'static str {
        "cross-site-scripting"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Injection
    }

    fn title(&self) -> &'static str {
        "a request that carries script or markup with script is refused"
    }

    fn about(&self) -> &'static str {
        "Sends script elements, event handlers and `javascript:` links in several spellings, in \
         query, form, JSON and cookie,\nto every route and to the static content of every site \
         (CWE-79). If one is stored or echoed it shows the number 1 and\ndoes nothing else. Held means \
         that each was refused while the same request with a harmless word was answered.\n\nIf it \
         fell: see that `[rules]` includes a rule set, that `mode` is `block` for the site and the \
         route, and that\n`request_body` is on. Look for the payload in what the application stores, \
         and see that it escapes what it shows."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        injected::run(target, wire, PAYLOADS)
    }
}

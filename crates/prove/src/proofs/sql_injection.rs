//! SQL injection (CWE-89).

use super::injected::{self, Spot};
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct SqlInjection;

/// Each only reads, if it should ever reach a database.
const PAYLOADS: &[(Spot, &str)] = &[
    (Spot::Query, "1' OR '1'='1' -- "),
    (Spot::Query, "1 UNION ALL SELECT username, password FROM users -- "),
    (Spot::Query, "-1' UNION SELECT 1,2,group_concat(name) FROM sqlite_master-- -"),
    (Spot::Query, "1' AND 1=(SELECT COUNT(*) FROM information_schema.tables) AND '1'='1"),
    (Spot::Query, "1'/**/oR/**/'1'='1'/**/--/**/"),
    (Spot::Form, "1' OR '1'='1' -- "),
    (Spot::Form, "1 UNION ALL SELECT username, password FROM users -- "),
    (Spot::Json, "1' OR '1'='1' -- "),
    (Spot::Json, "1 UNION ALL SELECT username, password FROM users -- "),
    (Spot::Cookie, "1' OR '1'='1' -- "),
    (Spot::Cookie, "1 UNION ALL SELECT username, password FROM users -- "),
];

impl Attack for SqlInjection {
    fn id(&self) -> &'static str {
        "sql-injection"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Injection
    }

    fn title(&self) -> &'static str {
        "a request that carries SQL is refused before an application sees it"
    }

    fn about(&self) -> &'static str {
        "Sends conditions that are always true, `UNION SELECT`s and questions to the catalogue, plain \
         and broken up by comments,\nin query, form, JSON and cookie, to every route and to the static \
         content of every site (CWE-89). All of them only read.\nHeld means that each was refused \
         while the same request with a harmless word was answered.\n\nIf it fell: see that `[rules]` \
         includes a rule set, that `mode` is `block` for the site and the route, and that\n\
         `request_body` is on. Then look at the application: it must use bound parameters, whatever \
         stands in front of it."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        injected::run(target, wire, PAYLOADS)
    }
}

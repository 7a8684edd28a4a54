//! Command injection (CWE-78).

use super::injected::{self, Spot};
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct CommandInjection;

/// Each only reads what any account may read, if it should ever reach a shell.
const PAYLOADS: &[(Spot, &str)] = &[
    (Spot::Query, ";cat /etc/passwd"),
    (Spot::Query, "| /bin/cat /etc/passwd"),
    (Spot::Query, "$(cat /etc/passwd)"),
    (Spot::Query, "`/usr/bin/id`"),
    (Spot::Query, "&& /bin/uname -a"),
    (Spot::Form, ";cat /etc/passwd"),
    (Spot::Form, "$(cat /etc/passwd)"),
    (Spot::Json, ";cat /etc/passwd"),
    (Spot::Json, "$(cat /etc/passwd)"),
    (Spot::Cookie, "$(cat /etc/passwd)"),
    (Spot::Agent, "() { :;}; /bin/cat /etc/passwd"),
];

impl Attack for CommandInjection {
    fn id(&self) -> &'static str {
        "command-injection"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Injection
    }

    fn title(&self) -> &'static str {
        "a request that carries shell commands is refused"
    }

    fn about(&self) -> &'static str {
        "Sends commands after a semicolon, in a pipe, in a substitution and as the function of \
         Shellshock (CWE-78), in query, form,\nJSON, cookie and user agent, to every route and to the \
         static content of every site. All of them only read what any\naccount may read. Held means \
         that each was refused while the same request with a harmless word was answered.\n\nIf it \
         fell: see that `[rules]` includes a rule set, that `mode` is `block` for the site and the \
         route, and that\n`request_body` is on. Then look for a shell in the application: it should \
         start programs with a list of arguments."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        injected::run(target, wire, PAYLOADS)
    }
}

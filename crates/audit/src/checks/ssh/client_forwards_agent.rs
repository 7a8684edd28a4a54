//! The ssh client lends its keys to nobody.

use super::client;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-client-forwards-agent",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "the ssh client lends its keys to nobody",
    why: "With `ForwardAgent yes` for all hosts, root of any of them can log in wherever these \
              keys open. `ProxyJump` needs no such trust.",
    remedy: "Remove `ForwardAgent yes`, or bind it to one host.",
    controls: &["ISO 8.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/ssh_config", "Host *\n ForwardAgent yes\n")],
        pass: &[File("/etc/ssh/ssh_config", "Host *\n ForwardAgent no\n")],
        unknown: &[Denied("/etc/ssh/ssh_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    client(
        facts,
        rows,
        "forwardagent",
        |value| value == "yes",
        "ForwardAgent",
        "the ssh client forwards its agent to every host",
    );
}

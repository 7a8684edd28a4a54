//! What listens on the network is meant to.

use super::live::{Kind, kind, listeners};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-listener",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "what listens on the network is meant to",
    why: "A service that listens on every interface can be reached by whoever the firewall \
              lets through. Databases and inner tools belong on 127.0.0.1.",
    remedy: "Bind it to 127.0.0.1 or to the inner address, or close its port in the firewall.",
    controls: &["PCI 1.4.4", "PCI 2.2.4", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            Running,
            File("/proc/net/tcp", "0: 00000000:18EB 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n"),
        ],
        pass: &[
            Running,
            File("/proc/net/tcp", "0: 0100007F:18EB 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n"),
        ],
        unknown: &[Running, File("/proc/net/tcp", ""), Denied("/proc/net/tcp")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(listeners) = rows.take(listeners(facts)) else { return };
    for listener in listeners {
        let known = kind(listener);
        let text =
            format!("listens on {}, reachable from {}", listener.socket(), listener.reach.words());
        let evidence = Evidence::text(&text).with_port(listener.socket()).with_process(
            listener
                .process
                .as_ref()
                .map_or_else(|| "unseen".to_owned(), |process| process.label(facts)),
        );
        match known {
            _ if !listener.is_public() => rows.looked(evidence),
            Kind::Expected => rows.looked(evidence),
            Kind::Known(what, severity) => rows.fail_as(
                listener.reach.weigh(severity),
                format!(
                    "{what} listens on {} without need ({})",
                    listener.socket(),
                    listener.program()
                ),
                evidence,
            ),
            Kind::Other if listener.has_local_peers && !listener.has_peers => rows.fail_as(
                listener.reach.weigh(Severity::Medium),
                format!(
                    "{} listens on all interfaces, though only programs of this machine use it: {}",
                    listener.program(),
                    listener.socket()
                ),
                evidence,
            ),
            Kind::Other => rows.fail_as(
                listener.reach.weigh(Severity::Medium),
                format!(
                    "{} listens on {}, which is exposed to {}",
                    listener.program(),
                    listener.socket(),
                    listener.reach.words()
                ),
                evidence,
            ),
        }
    }
}

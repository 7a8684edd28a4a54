//! The container service takes no orders over the network.

use super::settings;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-docker-api",
    safeguard: Safeguard::Services,
    severity: Severity::Critical,
    title: "the container service takes no orders over the network",
    why: "Port 2375 gives root on the machine to whoever reaches it, without a password. Worms \
              look for it without pause.",
    remedy: "Remove `tcp://` from daemon.json and from the unit, or ask for client certificates \
              (`tlsverify`).",
    controls: &["PCI 2.2.4", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/docker/daemon.json", "{\"hosts\": [\"tcp://0.0.0.0:2375\"]}")],
        pass: &[File("/etc/docker/daemon.json", "{\"hosts\": [\"unix:///run/docker.sock\"]}")],
        unknown: &[File("/etc/docker/daemon.json", ""), Denied("/etc/docker/daemon.json")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut found = false;
    for path in ["/etc/docker/daemon.json"] {
        let Some(Some(lines)) = rows.take(facts.lines(path)) else { continue };
        let text: String =
            lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let hosts =
            value.get("hosts").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        let wide = hosts
            .iter()
            .filter_map(serde_json::Value::as_str)
            .find(|host| host.starts_with("tcp://"))
            .map(str::to_owned);
        let verified = value.get("tlsverify").and_then(serde_json::Value::as_bool).unwrap_or(false);
        match wide {
            Some(host) if !verified => rows.fail(
                format!("the docker API answers on {host} without a certificate"),
                Evidence::path(Path::new(path), format!("hosts: {host}")),
            ),
            _ => rows.looked(Evidence::path(Path::new(path), "no tcp:// without certificates")),
        }
        found = true;
    }
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    let defaults = settings(facts, rows, &["/etc/default/docker"], ini::INI);
    let options = defaults.iter().filter(|setting| setting.key == "DOCKER_OPTS");
    let commands = units
        .iter()
        .filter(|unit| unit.name.starts_with("docker") || unit.name.starts_with("containerd"))
        .flat_map(|unit| unit.commands());
    for setting in commands.chain(options) {
        found = true;
        if setting.value.contains("tcp://")
            && !setting.value.contains("--tlsverify")
            && !setting.value.contains("tcp://127.")
        {
            rows.fail(
                "the docker API answers on the network without a certificate",
                Evidence::at(&setting.place, &setting.value),
            );
        } else {
            rows.looked(Evidence::at(&setting.place, &setting.value));
        }
    }
    if !found && facts.exists("/run/docker.sock") {
        rows.looked(Evidence::path(Path::new("/run/docker.sock"), "only the socket"));
    }
}

//! Message queues ask who is there.

use super::{line, settings};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-queue",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "message queues ask who is there",
    why: "The account `guest` with the password `guest`, or an open port, hands out and \
              injects messages between programs. Nobody sees it.",
    remedy: "Delete `guest`, set `loopback_users`, ask for passwords in mosquitto.",
    controls: &["PCI 2.2.2", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/mosquitto/mosquitto.conf", "allow_anonymous true\n")],
        pass: &[File(
            "/etc/mosquitto/mosquitto.conf",
            "# allow_anonymous true\nallow_anonymous false\n",
        )],
        unknown: &[
            File("/etc/mosquitto/mosquitto.conf", ""),
            Denied("/etc/mosquitto/mosquitto.conf"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let rabbit = settings(facts, rows, &["/etc/rabbitmq/rabbitmq.conf"], ini::INI);
    if let Some(setting) = rabbit.iter().find(|setting| {
        setting.key == "loopback_users.guest" && crate::facts::is_no(&setting.value)
            || setting.key == "loopback_users" && setting.value == "none"
    }) {
        rows.fail("RabbitMQ lets `guest` in from the network", line(setting));
    }
    rabbit.first().into_iter().for_each(|first| rows.looked(line(first)));
    let mosquitto = settings(
        facts,
        rows,
        &["/etc/mosquitto/mosquitto.conf", "/etc/mosquitto/conf.d/*.conf"],
        ini::SPACED,
    );
    if let Some(setting) = ini::last(&mosquitto, None, "allow_anonymous")
        .filter(|setting| crate::facts::is_yes(&setting.value))
    {
        rows.fail("mosquitto lets nameless clients in", line(setting));
    }
    mosquitto.first().into_iter().for_each(|first| rows.looked(line(first)));
    let zookeeper = settings(
        facts,
        rows,
        &[
            "/etc/zookeeper/conf/zoo.cfg",
            "/etc/cassandra/cassandra.yaml",
            "/etc/influxdb/influxdb.conf",
        ],
        ini::INI,
    );
    if let Some(setting) = zookeeper
        .iter()
        .find(|setting| setting.key == "auth-enabled" && crate::facts::is_no(&setting.value))
    {
        rows.fail("InfluxDB lets everybody in", line(setting));
    }
    zookeeper.first().into_iter().for_each(|first| rows.looked(line(first)));
}

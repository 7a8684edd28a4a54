//! Consoles of programs ask who is there.

use super::{line, settings};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-console",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "consoles of programs ask who is there",
    why: "Grafana, Tomcat's manager, Jupyter, Jenkins, etcd and the like are the whole machine \
              for whoever opens them. They are meant for a few.",
    remedy: "Ask for a login, and listen on 127.0.0.1 behind the gateway.",
    controls: &["PCI 2.2.6", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/grafana/grafana.ini", "[auth.anonymous]\nenabled = true\n")],
        pass: &[File(
            "/etc/grafana/grafana.ini",
            "[auth.anonymous]\n;enabled = true\nenabled = false\n",
        )],
        unknown: &[File("/etc/grafana/grafana.ini", ""), Denied("/etc/grafana/grafana.ini")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let grafana = settings(facts, rows, &["/etc/grafana/grafana.ini"], ini::INI);
    if let Some(setting) = ini::last(&grafana, Some("auth.anonymous"), "enabled")
        .filter(|setting| crate::facts::is_yes(&setting.value))
    {
        rows.fail_as(
            Severity::Medium,
            "Grafana shows everything to nameless people (auth.anonymous)",
            line(setting),
        );
    }
    grafana.first().into_iter().for_each(|first| rows.looked(line(first)));
    for pattern in [
        "/root/.jupyter/jupyter_*config.py",
        "/home/*/.jupyter/jupyter_*config.py",
        "/etc/jupyter/jupyter_*config.py",
    ] {
        let all = settings(facts, rows, &[pattern], ini::INI);
        all.first().into_iter().for_each(|first| rows.looked(line(first)));
        for setting in all.iter().filter(|setting| {
            (setting.key.ends_with(".token") || setting.key.ends_with(".password"))
                && setting.value.is_empty()
        }) {
            rows.fail_as(
                Severity::Critical,
                "Jupyter runs programs for everybody: its token is empty",
                line(setting),
            );
        }
    }
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for command in units.iter().filter(|unit| unit.is_local()).flat_map(|unit| unit.commands()) {
        let text = &command.value;
        let jupyter = text.contains("jupyter")
            && (text.contains("token=''")
                || text.contains("token= ")
                || text.contains("--NotebookApp.token=\"\"")
                || text.contains("--ServerApp.token=''"));
        let wide =
            text.contains("0.0.0.0") || text.contains("--host :: ") || text.contains(" -H tcp://");
        let tool = [
            "etcd",
            "consul",
            "kubelet",
            "kube-apiserver",
            "minio",
            "prometheus",
            "kibana",
            "chronograf",
            "flower",
            "spark",
            "hadoop",
            "zeppelin",
            "solr",
            "couchdb",
        ]
        .iter()
        .any(|name| text.split_whitespace().next().is_some_and(|path| path.ends_with(name)));
        if jupyter || tool && wide || text.contains("--anonymous-auth=true") {
            rows.fail(
                format!("a console answers on the network without a login: {text}"),
                Evidence::at(&command.place, text),
            );
        } else {
            rows.looked(Evidence::at(&command.place, text));
        }
    }
}

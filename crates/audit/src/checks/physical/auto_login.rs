//! No console logs anybody in by itself.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-auto-login",
    safeguard: Safeguard::Physical,
    severity: Severity::High,
    title: "no console logs anybody in by itself",
    why: "A console that is root when the machine starts needs nobody's password. Who stands \
              in front of it, or reaches the serial line, is root.",
    remedy: "Remove the drop-in with `--autologin`, and `systemctl daemon-reload`.",
    controls: &["PCI 8.3.1", "ISO 7.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/systemd/system/getty@tty1.service.d/o.conf",
            "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear %I $TERM\n",
        )],
        pass: &[File(
            "/usr/lib/systemd/system/getty@.service",
            "[Service]\nExecStart=-/sbin/agetty --noclear %I $TERM\n",
        )],
        unknown: &[
            File("/etc/systemd/system/x.service", ""),
            Denied("/etc/systemd/system/x.service"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for unit in units {
        for command in unit.commands() {
            let words: Vec<&str> = command.value.split_whitespace().collect();
            let getty = words.first().is_some_and(|first| {
                first.ends_with("agetty") || first.ends_with("mingetty") || first.ends_with("getty")
            });
            let auto = getty
                && words.iter().any(|word| {
                    *word == "--autologin" || *word == "-a" || word.starts_with("--autologin=")
                })
                || words.iter().any(|word| *word == "login" || word.ends_with("/login"))
                    && words.contains(&"-f");
            if auto {
                rows.fail(
                    format!("{} logs somebody in without a password (autologin)", unit.name),
                    Evidence::at(&command.place, &command.value),
                );
            } else if getty {
                rows.looked(Evidence::at(&command.place, &command.value));
            }
        }
    }
    for (path, key) in [
        ("/etc/gdm3/daemon.conf", "AutomaticLoginEnable"),
        ("/etc/gdm3/custom.conf", "AutomaticLoginEnable"),
        ("/etc/lightdm/lightdm.conf", "autologin-user"),
        ("/etc/sddm.conf", "User"),
    ] {
        let all = rows.take(facts.settings(path, ini::INI)).unwrap_or_default();
        match ini::last(&all, None, key) {
            Some(setting) if !crate::facts::is_no(&setting.value) => rows.fail(
                format!(
                    "the desktop logs somebody in without a password (autologin): {key} = {}",
                    setting.value
                ),
                Evidence::at(&setting.place, format!("{key} = {}", setting.value)),
            ),
            _ => {}
        }
    }
    if let Some(Some(lines)) = rows.take(facts.lines("/etc/inittab")) {
        for line in lines.iter().filter(|line| {
            !line.text.trim_start().starts_with('#')
                && (line.text.contains("--autologin") || line.text.contains("login -f"))
        }) {
            rows.fail(
                "a console logs somebody in without a password (autologin)",
                Evidence::at(&line.place, &line.text),
            );
        }
    }
}

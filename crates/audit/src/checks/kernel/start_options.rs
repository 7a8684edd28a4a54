//! The kernel starts with its protections.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-start-options",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "the kernel starts with its protections",
    why: "Options on the kernel's command line turn off protections against Spectre, the \
              security modules or addresses at random. They are often left over from a test of \
              speed.",
    remedy: "Take `mitigations=off`, `nokaslr`, `apparmor=0`, `selinux=0`, `nosmep` and `init=…` \
              out of the boot loader's files, then `update-grub`.",
    controls: &["CIS 1.3.1.2", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/boot/grub/grub.cfg",
            "menuentry x {\n linux /vmlinuz ro mitigations=off\n}\n",
        )],
        pass: &[File("/boot/grub/grub.cfg", "menuentry x {\n linux /vmlinuz ro quiet\n}\n")],
        unknown: &[Denied("/boot/grub/grub.cfg")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let bad = [
        "mitigations=off",
        "nokaslr",
        "apparmor=0",
        "selinux=0",
        "security=none",
        "nosmep",
        "nosmap",
        "nopti",
        "pti=off",
        "spectre_v2=off",
        "noexec=off",
        "audit=0",
        "module.sig_enforce=0",
        "nospectre_v2",
        "nospectre_v1",
        "mds=off",
        "l1tf=off",
    ];
    for (line, text) in command_lines(facts, rows) {
        match text.split(|c: char| c.is_whitespace() || c == '"').find(|word| {
            bad.contains(word) || word.starts_with("init=/bin/") && word.ends_with("sh")
        }) {
            Some(word) => rows.fail(format!("the kernel is started with {word}"), line),
            None => rows.looked(line),
        }
    }
}

/// Lines that say how the kernel is started.
fn command_lines(facts: &Facts<'_>, rows: &mut Rows) -> Vec<(Evidence, String)> {
    let mut out = Vec::new();
    for path in ["/etc/default/grub", "/boot/grub/grub.cfg", "/etc/kernel/cmdline", "/proc/cmdline"]
    {
        let lines = rows.take(facts.lines(path)).flatten();
        for line in lines.iter().flat_map(|lines| lines.iter()) {
            let text = line.text.trim();
            let counts = match path {
                "/etc/default/grub" => text.starts_with("GRUB_CMDLINE_LINUX"),
                "/boot/grub/grub.cfg" => text.starts_with("linux"),
                _ => true,
            };
            if counts {
                out.push((Evidence::at(&line.place, text), text.to_owned()));
            }
        }
    }
    out
}

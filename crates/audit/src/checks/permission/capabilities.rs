//! Only known programs have capabilities.

use super::{ground, mode, packages};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-capabilities",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "only known programs have capabilities",
    why: "A capability such as `cap_setuid` on an interpreter is root for everybody, and no \
              listing of set-uid files shows it. Few programs need one.",
    remedy: "`setcap -r FILE`.",
    controls: &["PCI 2.2.4", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/usr/local/bin/py", ""),
            Mode("/usr/local/bin/py", 0o755),
            Capable(
                "/usr/local/bin/py",
                &[1, 0, 0, 2, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ),
        ],
        pass: &[Folder("/usr")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let (Some((index, accounts)), Some(packages)) = (ground(facts, rows), packages(facts, rows))
    else {
        return;
    };
    for node in index.nodes.iter().filter(|node| node.is_file() && node.metadata.mode & 0o111 != 0)
    {
        let Ok(Some(bytes)) = facts.system.capabilities(&node.path) else { continue };
        let names = names(&bytes);
        let text = format!("{}; {}", names.join(","), mode(node, accounts));
        let strong = names.iter().any(|name| STRONG.contains(&name.as_str()));
        if strong {
            rows.fail(
                format!(
                    "{} has the capability {}, which is as good as root",
                    node.path.display(),
                    names.join(",")
                ),
                Evidence::path(&node.path, text),
            );
        } else if packages.owner(&node.path).is_none() {
            rows.fail_as(
                Severity::High,
                format!(
                    "{} has the capability {}, and no package brought it",
                    node.path.display(),
                    names.join(",")
                ),
                Evidence::path(&node.path, text),
            );
        } else {
            rows.looked(Evidence::path(&node.path, text));
        }
    }
    rows.looked(Evidence::path(Path::new("/"), "capabilities of programs were looked at"));
}

/// Capabilities with which a program makes itself root.
const STRONG: [&str; 11] = [
    "cap_setuid",
    "cap_setgid",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_sys_admin",
    "cap_sys_ptrace",
    "cap_sys_module",
    "cap_chown",
    "cap_fowner",
    "cap_setfcap",
    "cap_sys_rawio",
];

/// Names by number, as capabilities(7) lists them.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// The permitted ones of the kernel's form: a header, then pairs of words for permitted and inheritable.
fn names(bytes: &[u8]) -> Vec<String> {
    let word = |at: usize| {
        bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
    };
    let permitted = u64::from(word(4)) | u64::from(word(12)) << 32;
    let named = NAMES.iter().zip(0_u32..).filter(|(_, bit)| permitted >> bit & 1 == 1);
    named.map(|(name, _)| (*name).to_owned()).collect()
}

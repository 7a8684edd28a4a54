//! No password stands in fstab.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-mount",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "no password stands in fstab",
    why: "Everybody can read fstab, and with it the password of the other machine's share. A \
              file of credentials is root's.",
    remedy: "`credentials=/etc/cifs/NAME` with mode 600 instead of `password=`.",
    controls: &["PCI 8.6.2", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/fstab", "//nas/x /mnt cifs username=a,password=gantry77 0 0\n")],
        pass: &[File("/etc/fstab", "//nas/x /mnt cifs credentials=/etc/cifs/nas 0 0\n")],
        unknown: &[Denied("/etc/fstab")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(mounts)) = rows.take(facts.fstab().as_ref().map_err(Clone::clone)) else {
        return;
    };
    for mount in mounts {
        match mount
            .options
            .iter()
            .find(|option| option.starts_with("password=") || option.starts_with("pass="))
        {
            Some(_) => rows.fail(
                format!("the password of {} stands in fstab", mount.target.display()),
                Evidence::at(
                    &mount.place,
                    format!("{} {}: password=…", mount.source, mount.target.display()),
                ),
            ),
            None => rows.looked(Evidence::at(&mount.place, mount.target.display().to_string())),
        }
    }
}

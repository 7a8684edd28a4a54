//! Remedies of owners and modes, and of leftovers.

use super::{NO_RISK, row};
use crate::remedies::Remedy;
use crate::remedies::way::{Owner, Way};

const fn modes(id: &'static str, clear: u32, owner: Owner, risk: &'static str) -> Remedy {
    row(id, Way::Modes { clear, owner }, risk)
}

const LOSES: &str =
    "an account that read or wrote it without being its owner or in its group cannot any more";

pub(super) const MODES: &[Remedy] = &[
    modes("account-keys-mode", 0o022, Owner::Home, NO_RISK),
    modes("backup-readable", 0o027, Owner::Kept, LOSES),
    modes("backup-script-writable", 0o022, Owner::Root, LOSES),
    modes("credential-backup-key", 0o037, Owner::Kept, LOSES),
    modes("credential-client-file", 0o077, Owner::Kept, LOSES),
    modes(
        "credential-configuration",
        0o007,
        Owner::Kept,
        "a service that runs under an account that neither owns it nor is in its group cannot read it",
    ),
    modes(
        "credential-environment-file",
        0o007,
        Owner::Kept,
        "an application that runs under an account that neither owns it nor is in its group cannot read it",
    ),
    modes(
        "credential-script",
        0o007,
        Owner::Kept,
        "accounts beside its owner and group cannot run it",
    ),
    modes(
        "log-folder",
        0o002,
        Owner::Root,
        "a service that made its logs there under its own account needs a folder of its own",
    ),
    modes("log-world-readable", 0o004, Owner::Kept, "who reads logs needs the group `adm`"),
    modes(
        "log-world-writable",
        0o002,
        Owner::Kept,
        "a service that wrote it without owning it cannot any more",
    ),
    modes(
        "permission-config-of-web-user",
        0o022,
        Owner::RootReadable,
        "an application that changes its own configuration cannot any more",
    ),
    modes("permission-cron", 0o022, Owner::Root, NO_RISK),
    modes(
        "permission-cron-closed",
        0o077,
        Owner::Kept,
        "accounts cannot look at the system's jobs",
    ),
    modes(
        "permission-home",
        0o027,
        Owner::Home,
        "what a web server serves from a home is not reachable any more",
    ),
    modes("permission-home-files", 0o022, Owner::Home, NO_RISK),
    modes(
        "permission-key-folder",
        0o007,
        Owner::Kept,
        "a service that reads keys there needs the folder's group",
    ),
    modes("permission-loader", 0o022, Owner::Root, LOSES),
    row(
        "permission-no-sticky",
        Way::Sticky,
        "accounts can no longer remove each other's files there",
    ),
    modes("permission-passwd", 0o022, Owner::Root, NO_RISK),
    modes(
        "permission-private-keys",
        0o037,
        Owner::Kept,
        "a service that read the key as anybody needs the file's group; a key that was open should be replaced",
    ),
    modes("permission-search-path", 0o022, Owner::Root, LOSES),
    modes(
        "permission-service-programs",
        0o022,
        Owner::Root,
        "an application that updates itself under its own account cannot any more",
    ),
    modes(
        "permission-sgid",
        0o2000,
        Owner::Kept,
        "the program runs with the group of who starts it",
    ),
    modes("permission-shadow", 0o037, Owner::Root, NO_RISK),
    modes("permission-start-up-files", 0o022, Owner::Root, LOSES),
    modes("permission-sudoers", 0o027, Owner::Root, NO_RISK),
    modes(
        "permission-suid",
        0o4022,
        Owner::Kept,
        "the program runs with the rights of who starts it",
    ),
    modes("permission-units", 0o022, Owner::Root, LOSES),
    modes(
        "permission-web-programs",
        0o022,
        Owner::RootReadable,
        "an application that updates itself cannot any more",
    ),
    modes(
        "permission-web-root-owner",
        0o022,
        Owner::RootReadable,
        "an application that writes into its own root, uploads included, cannot any more: give it a folder of its own",
    ),
    modes(
        "permission-web-world-writable",
        0o002,
        Owner::Kept,
        "an application that wrote there as anybody needs the folder's owner or group",
    ),
    modes("permission-world-writable-files", 0o002, Owner::Kept, LOSES),
    modes("physical-boot-files", 0o077, Owner::Root, NO_RISK),
    modes("ssh-config-mode", 0o022, Owner::Root, NO_RISK),
    modes("ssh-host-key-mode", 0o077, Owner::Root, NO_RISK),
];

const fn leftover(id: &'static str, risk: &'static str) -> Remedy {
    row(id, Way::Quarantine, risk)
}

pub(super) const LEFTOVERS: &[Remedy] = &[
    leftover("cleanup-admin-tool", "who works with the tool needs another way to the database"),
    leftover("cleanup-archive", "a download that is meant answers 404"),
    leftover("cleanup-backup-copy", "the copy is in the quarantine"),
    leftover(
        "cleanup-development-files",
        "a deployment or a site that reads them at run time fails",
    ),
    leftover("cleanup-dump", "a download that is meant answers 404"),
    leftover("cleanup-editor-copy", "an editor that is open loses its way back"),
    leftover("cleanup-installer", "a site that was not set up yet cannot be any more"),
    leftover("cleanup-log-file", "an application that writes its log there makes a new one"),
    leftover("cleanup-php-info", "none"),
    leftover(
        "cleanup-private-key",
        "a service that reads its key from there fails; a key that was open must be replaced",
    ),
    leftover("cleanup-shell-history", "none"),
    leftover("cleanup-system-files", "none"),
    leftover("cleanup-test-page", "a page that is meant answers 404"),
    leftover("cleanup-version-control", "a deployment by `git pull` in the web root fails"),
];

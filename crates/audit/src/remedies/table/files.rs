//! Remedies of other files of configuration.

use super::lines::{
    file_create_mode, no_nullok, php_off, plain_banner, plain_greeting, rotation, socket_mode,
    umask,
};
use super::row;
use crate::facts::ini::{Dialect, INI, LOOSE, SPACED};
use crate::remedies::Remedy;
use crate::remedies::texts::commented;
use crate::remedies::way::{Line, Way};
use burgrave_model::Program;

const fn set(
    id: &'static str,
    (file, dialect): (&'static str, Dialect),
    section: &'static str,
    (key, value): (&'static str, &'static str),
    risk: &'static str,
) -> Remedy {
    row(id, Way::Set { file, dialect, section, key, value, program: None }, risk)
}

const fn login(
    id: &'static str,
    key: &'static str,
    value: &'static str,
    risk: &'static str,
) -> Remedy {
    set(id, ("/etc/login.defs", SPACED), "", (key, value), risk)
}

const fn lines(id: &'static str, edit: Line, words: &'static str, risk: &'static str) -> Remedy {
    row(id, Way::Lines { edit, words, program: None }, risk)
}

const fn line(
    id: &'static str,
    (file, line, mode): (&'static str, &'static str, u32),
    risk: &'static str,
) -> Remedy {
    row(id, Way::Line { file, line, mode, program: None }, risk)
}

const OUT: &str = "puts the line out of force, as a comment";

pub(super) const FILES: &[Remedy] = &[
    login(
        "account-encrypt-method",
        "ENCRYPT_METHOD",
        "YESCRYPT",
        "hashes of new passwords cannot be read by systems of before 2021",
    ),
    login(
        "account-hash-rounds",
        "SHA_CRYPT_MIN_ROUNDS",
        "65536",
        "a login takes a few hundredths of a second longer",
    ),
    login("account-max-days", "PASS_MAX_DAYS", "365", "passwords of new accounts end after a year"),
    login("account-min-days", "PASS_MIN_DAYS", "1", "a new password stays for a day"),
    login("account-warn-days", "PASS_WARN_AGE", "14", "none"),
    lines(
        "account-pam-nullok",
        no_nullok,
        "takes `nullok` out of PAM's line",
        "accounts without a password cannot log in any more",
    ),
    set(
        "account-password-quality",
        ("/etc/security/pwquality.conf", LOOSE),
        "",
        ("minlen", "14"),
        "new passwords need fourteen letters",
    ),
    lines(
        "permission-umask",
        umask,
        "sets the umask 027 in its place",
        "new files of applications are closed to other accounts",
    ),
    line(
        "permission-cron-allow",
        ("/etc/cron.allow", "root", 0o640),
        "accounts other than root have no jobs until they are named there",
    ),
    line(
        "physical-idle-shell",
        ("/etc/profile.d/burgrave-idle.sh", "readonly TMOUT=900\nexport TMOUT", 0o644),
        "a shell that waits for a quarter of an hour ends",
    ),
    line(
        "kernel-core-dumps",
        ("/etc/security/limits.d/99-burgrave.conf", "* hard core 0", 0o644),
        "crashed programs leave nothing to look into",
    ),
    row(
        "log-audit-open",
        Way::Line {
            file: "/etc/audit/rules.d/99-burgrave.rules",
            line: "-e 2",
            mode: 0o640,
            program: None,
        },
        "the audit's rules change only with a restart of the machine",
    ),
    lines("log-history-off", commented, OUT, "none"),
    row(
        "log-journal-limits",
        Way::Lines { edit: commented, words: OUT, program: Some(Program::Journald) },
        "the journal needs more of the disk",
    ),
    row(
        "log-journal-volatile",
        Way::Line {
            file: "/etc/systemd/journald.conf.d/99-burgrave.conf",
            line: "[Journal]\nStorage=persistent",
            mode: 0o644,
            program: Some(Program::Journald),
        },
        "the journal takes up to a tenth of the disk",
    ),
    row(
        "log-file-mode",
        Way::Lines {
            edit: file_create_mode,
            words: "sets the mode 0640 in its place",
            program: Some(Program::Rsyslog),
        },
        "who reads logs needs the group `adm`",
    ),
    lines(
        "log-rotation",
        rotation,
        "keeps twelve old logs where none, or fewer than a week's, were kept, and makes new ones with the mode 0640",
        "old logs take more of the disk",
    ),
    row("patch-unattended", Way::Unattended, "services restart when their security updates come"),
    row(
        "service-sandbox",
        Way::Sandbox,
        "a service that writes below `/usr`, `/boot` or `/etc`, reads homes or shares files in `/tmp` fails: its log says so",
    ),
    row(
        "permission-docker-socket",
        Way::Lines {
            edit: socket_mode,
            words: "sets `SocketMode=0660` in its place",
            program: Some(Program::Systemd),
        },
        "accounts need the group `docker`",
    ),
    set("version-php", ("", INI), "PHP", ("expose_php", "Off"), "none"),
    set(
        "environment-php-errors",
        ("", INI),
        "PHP",
        ("display_errors", "Off"),
        "errors are seen in the log only",
    ),
    lines(
        "service-php-settings",
        php_off,
        "sets the value to `Off` in its place, and puts files that are run in front of each page out of force",
        "an application that includes programs from other machines does not run",
    ),
    lines("version-banner", plain_banner, "writes `Authorized users only.` in its place", "none"),
    lines(
        "version-message-of-the-day",
        plain_banner,
        "writes `Authorized users only.` in its place",
        "none",
    ),
    lines("version-greetings", plain_greeting, "greets without product and version", "none"),
];

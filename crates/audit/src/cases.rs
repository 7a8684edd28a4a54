//! Small made-up hosts that the checks' contract is tested on.

use crate::facts::{Facts, Ground};
use burgrave_sys::{Ended, Fake, Output, Refusal, UnixTime};
use std::path::PathBuf;

/// One thing that a host has beside the common ground.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Has {
    /// A file.
    File(&'static str, &'static str),
    /// A directory.
    Folder(&'static str),
    /// Permission bits.
    Mode(&'static str, u32),
    /// Owner and group.
    Owner(&'static str, u32, u32),
    /// A symbolic link.
    Link(&'static str, &'static str),
    /// A path that nobody may read.
    Denied(&'static str),
    /// A path that was changed so many days ago.
    Aged(&'static str, i64),
    /// File capabilities.
    Capable(&'static str, &'static [u8]),
    /// Records of its domains, as `dig` prints them.
    Records(&'static str),
    /// What its database servers said when they were asked.
    Answers(&'static str),
    /// It runs: `/proc` counts.
    Running,
    /// What stands before this is accepted as the baseline.
    Accepted,
    /// A program's answer.
    Prints(&'static str, &'static [&'static str], &'static str),
}

/// Hosts of the three answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cases {
    /// The fault is there.
    pub(crate) fail: &'static [Has],
    /// It is not.
    pub(crate) pass: &'static [Has],
    /// It cannot be seen.
    pub(crate) unknown: &'static [Has],
}

/// A host with accounts and nothing else.
pub(crate) fn host(has: &[Has]) -> (Fake, Ground) {
    let fake = Fake::new();
    fake.file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\nshop:x:998:998::/nonexistent:/usr/sbin/nologin\nolga:x:1000:1000::/home/olga:/bin/bash\n");
    fake.file(
        "/etc/group",
        "root:x:0:\nadm:x:4:\nshadow:x:42:\nwww-data:x:33:\nshop:x:998:\nolga:x:1000:\n",
    );
    fake.file("/etc/shadow", "root:!:19800:0:365:7:::\nolga:$y$j9T$a$b:19800:0:365:7:::\n")
        .mode("/etc/shadow", 0o640)
        .owner("/etc/shadow", 0, 42);
    fake.file("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n");
    let mut ground = Ground::Tree;
    for one in has {
        match *one {
            Has::File(path, text) => {
                fake.file(path, text);
            }
            Has::Folder(path) => {
                fake.directory(path);
            }
            Has::Mode(path, mode) => {
                fake.mode(path, mode);
            }
            Has::Owner(path, uid, gid) => {
                fake.owner(path, uid, gid);
            }
            Has::Link(path, target) => {
                fake.link(path, target);
            }
            Has::Denied(path) => {
                fake.refuse(path, Refusal::Denied);
            }
            Has::Aged(path, days) => {
                let then = UnixTime(1_767_225_600_000_000 - days * 86_400 * 1_000_000);
                fake.modified(path, then);
            }
            Has::Capable(path, bytes) => {
                fake.capable(path, bytes);
            }
            Has::Running => ground = Ground::Running,
            Has::Accepted | Has::Records(_) | Has::Answers(_) => {}
            Has::Prints(program, arguments, text) => {
                let output = Output {
                    ended: Ended::Exit(0),
                    stdout: text.as_bytes().to_vec(),
                    stderr: Vec::new(),
                };
                fake.answer(PathBuf::from(program), arguments, output);
            }
        }
    }
    (fake, ground)
}

/// What a check says of a host.
pub(crate) fn findings(check: &crate::Check, has: &[Has]) -> Vec<crate::Finding> {
    let (fake, ground) = host(has);
    let mut facts = Facts::new(&fake, ground);
    if let Some(at) = has.iter().position(|one| matches!(one, Has::Accepted)) {
        let (before, ground) = host(&has[..at]);
        let before = Facts::new(&before, ground);
        let folders = crate::baseline::folders(&before).unwrap();
        facts.baseline = Ok(Some(crate::baseline::take(&before, &folders).unwrap().0));
    }
    let records = has.iter().find_map(|one| {
        if let Has::Records(text) = one { Some(crate::facts::Records::parse(text)) } else { None }
    });
    facts.domains = records;
    facts.answers = has.iter().find_map(|one| {
        if let Has::Answers(text) = one { Some(crate::facts::Answers::parse(text)) } else { None }
    });
    crate::look(check, &facts)
}

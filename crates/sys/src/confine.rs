//! A process that gives up, for good, what it does not need (`no_new_privs`, Landlock, seccomp, the
//! account).
//!
//! Everything here is irreversible and is inherited by threads and children. It must be done before
//! the first thread is started, and says so if it is not. Where the kernel lacks a part, that part is
//! named in the result: it is never passed over in silence.

use crate::SysError;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, NetPort, PathBeneath,
    PathFd, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetStatus,
    Scope,
};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, Gid, Uid, set_capabilities, set_no_new_privs, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a process keeps. Everything else is given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Files and directories with what is below them, to be read. What is not there is left out.
    pub read: Vec<PathBuf>,
    /// Directories in which files may be made and written.
    pub write: Vec<PathBuf>,
    /// TCP ports that may be connected to.
    pub connect: Vec<u16>,
    /// Whether names are resolved, which loads libraries and asks over UDP and netlink.
    pub resolve: bool,
    /// Whether files of any account may be read, where [`Self::read`] names them.
    pub read_any: bool,
    /// Programs that may be run, each confined as this process is. They bring libraries, and speak netlink.
    pub run: Vec<PathBuf>,
    /// Whether the network may be administered: rules of the kernel, by netlink.
    pub administer_network: bool,
    /// The account to become, by user and group id. `None`: stays as it is.
    pub account: Option<(u32, u32)>,
}

/// What could not be given up, in words; empty when all was.
pub type Missing = Vec<&'static str>;

/// Gives up everything else. Fails without having done anything but part of it: the caller must end.
pub fn confine(keep: &Confinement) -> Result<Missing, SysError> {
    if threads() != 1 {
        return Err(SysError::Unsupported("confining a process that has threads already"));
    }
    let mut missing = Missing::new();
    let failed = |what| {
        move |error: rustix::io::Errno| SysError::from_io(what, "this process", error.into())
    };
    // Before the account changes: the paths may be readable by root alone.
    let rules = landlock_rules(keep)?;
    if let Some((user, group)) = keep.account {
        become_account(user, group).map_err(failed("changing the account of"))?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(failed("protecting the memory of"))?;
    set_no_new_privs(true).map_err(failed("denying new rights to"))?;
    // Without root there is none to keep.
    let mut kept = CapabilitySet::empty();
    if rustix::process::geteuid().is_root() {
        kept.set(CapabilitySet::DAC_READ_SEARCH, keep.read_any);
        kept.set(CapabilitySet::NET_ADMIN, keep.administer_network);
    }
    let sets =
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(failed("taking the capabilities from"))?;
    let wrong = |error: landlock::RulesetError| {
        SysError::from_io("confining", "this process", std::io::Error::other(error))
    };
    match rules.restrict_self().map_err(wrong)?.ruleset {
        RulesetStatus::FullyEnforced => {}
        RulesetStatus::PartiallyEnforced => missing.push("parts of landlock (an older kernel)"),
        RulesetStatus::NotEnforced => missing.push("landlock (not in this kernel)"),
    }
    match filter(keep) {
        None => missing.push("seccomp (not for this processor)"),
        Some(program) => apply_filter(&program).map_err(|error| {
            SysError::from_io(
                "filtering the system calls of",
                "this process",
                std::io::Error::other(error),
            )
        })?,
    }
    Ok(missing)
}

#[expect(clippy::disallowed_methods, reason = "this process, not the machine that is looked at")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn become_account(user: u32, group: u32) -> rustix::io::Result<()> {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)
}

fn landlock_rules(keep: &Confinement) -> Result<RulesetCreated, SysError> {
    let wrong = |error: landlock::RulesetError| {
        SysError::from_io("confining", "this process", std::io::Error::other(error))
    };
    let abi = ABI::V6;
    let create = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()
    };
    let mut rules = create().map_err(wrong)?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
        | AccessFs::MakeDir
        | AccessFs::Truncate;
    let run = AccessFs::ReadFile | AccessFs::Execute;
    let loaders = LOADERS.iter().filter(|_| !keep.run.is_empty());
    let loaders: Vec<PathBuf> = loaders.map(PathBuf::from).collect();
    let all = [(&keep.read, read), (&keep.write, write), (&keep.run, run), (&loaders, run)];
    for (paths, access) in all {
        for path in paths {
            // What is not there cannot be used either.
            let Ok(file) = PathFd::new(path) else { continue };
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(abi) };
            rules = rules.add_rule(PathBeneath::new(file, access)).map_err(wrong)?;
        }
    }
    for port in &keep.connect {
        rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(wrong)?;
    }
    Ok(rules)
}

/// What the kernel runs in the place of a program with libraries, which loads it.
const LOADERS: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];

/// Adds what programs of the system read when they start, and where they write nothing.
pub fn program_paths(keep: &mut Confinement) {
    let files =
        ["/etc/passwd", "/etc/group", "/etc/protocols", "/etc/iproute2", "/usr/share/iproute2"];
    keep.read.extend(RESOLVER_FILES.into_iter().chain(files).map(PathBuf::from));
    keep.write.push(PathBuf::from("/dev/null"));
}

/// What resolving a name reads.
const RESOLVER_FILES: [&str; 9] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ld.so.cache",
    "/lib",
    "/usr/lib",
];

/// Adds what resolving names needs.
pub fn resolver_paths(into: &mut Vec<PathBuf>) {
    into.extend(RESOLVER_FILES.iter().map(PathBuf::from));
    // Often a link into a directory of its own.
    if let Ok(target) = Path::new("/etc/resolv.conf").canonicalize() {
        into.push(target);
    }
}

/// System calls that a server of requests has no use for and whose only caller would be an intruder.
const DENIED: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_personality,
    libc::SYS_vhangup,
    libc::SYS_lookup_dcookie,
    libc::SYS_mbind,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
    libc::SYS_mknodat,
    libc::SYS_symlinkat,
    libc::SYS_linkat,
    libc::SYS_fchownat,
    libc::SYS_fchown,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
];

/// The calls of the same kind that only one processor has.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[i64] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_kexec_file_load,
    libc::SYS_mknod,
    libc::SYS_symlink,
    libc::SYS_link,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_chmod,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[i64] = &[];

/// What starting a program needs.
#[cfg(target_arch = "x86_64")]
const STARTING: &[i64] = &[libc::SYS_execve, libc::SYS_execveat, libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const STARTING: &[i64] = &[libc::SYS_execve, libc::SYS_execveat];

/// The filter, or `None` for a processor that it cannot be made for.
fn filter(keep: &Confinement) -> Option<BpfProgram> {
    let runs = !keep.run.is_empty();
    let architecture = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let calls = DENIED.iter().chain(DENIED_HERE).filter(|call| !(runs && STARTING.contains(call)));
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        calls.map(|call| (*call, Vec::new())).collect();
    let one = |argument, operation, value: i32| {
        let value = u64::try_from(value).ok()?;
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, value).ok()
    };
    // Sockets of other families reach parts of the kernel that no server needs.
    let mut families = vec![libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    if keep.resolve || runs || keep.administer_network {
        families.push(libc::AF_NETLINK);
    }
    let others: Option<Vec<_>> =
        families.into_iter().map(|family| one(0, SeccompCmpOp::Ne, family)).collect();
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(others?).ok()?]);
    // Memory that becomes code.
    let executable = u64::try_from(libc::PROT_EXEC).ok()?;
    let code = one(2, SeccompCmpOp::MaskedEq(executable), libc::PROT_EXEC)?;
    let code = SeccompRule::new(vec![code]).ok()?;
    rules.insert(libc::SYS_mprotect, vec![code.clone()]);
    rules.insert(libc::SYS_pkey_mprotect, vec![code.clone()]);
    if !keep.resolve && !runs {
        rules.insert(libc::SYS_mmap, vec![code]);
    }
    let refusal = SeccompAction::Errno(u32::try_from(libc::EPERM).ok()?);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refusal, architecture).ok()?;
    filter.try_into().ok()
}

//! Remedies of the kernel: settings, and modules that nobody needs.

use super::{NO_RISK, row};
use crate::remedies::Remedy;
use crate::remedies::way::Way;

const fn sysctl(
    id: &'static str,
    all: &'static [(&'static str, &'static str)],
    risk: &'static str,
) -> Remedy {
    row(id, Way::Sysctl(all), risk)
}

pub(super) const KERNEL: &[Remedy] = &[
    sysctl(
        "kernel-accept-redirects",
        &[
            ("net.ipv4.conf.all.accept_redirects", "0"),
            ("net.ipv4.conf.default.accept_redirects", "0"),
            ("net.ipv6.conf.all.accept_redirects", "0"),
            ("net.ipv6.conf.default.accept_redirects", "0"),
        ],
        NO_RISK,
    ),
    sysctl("kernel-aslr", &[("kernel.randomize_va_space", "2")], NO_RISK),
    sysctl(
        "kernel-bpf-jit",
        &[("net.core.bpf_jit_harden", "2")],
        "filters in BPF run a little slower",
    ),
    sysctl(
        "kernel-broadcast-echo",
        &[
            ("net.ipv4.icmp_echo_ignore_broadcasts", "1"),
            ("net.ipv4.icmp_ignore_bogus_error_responses", "1"),
        ],
        NO_RISK,
    ),
    sysctl(
        "kernel-core-pattern",
        &[("kernel.core_pattern", "core")],
        "crash reports of the program that is named are not made any more",
    ),
    sysctl(
        "kernel-dmesg-restrict",
        &[("kernel.dmesg_restrict", "1")],
        "only root reads the kernel's messages",
    ),
    sysctl(
        "kernel-forwarding",
        &[("net.ipv4.ip_forward", "0"), ("net.ipv6.conf.all.forwarding", "0")],
        "a router, a VPN server or a host of virtual machines needs it: leave it there",
    ),
    sysctl(
        "kernel-kexec",
        &[("kernel.kexec_load_disabled", "1")],
        "another kernel, also that of a crash, cannot be loaded until the next start",
    ),
    sysctl(
        "kernel-kptr-restrict",
        &[("kernel.kptr_restrict", "2")],
        "profilers of the kernel show no names",
    ),
    sysctl(
        "kernel-line-disciplines",
        &[("dev.tty.ldisc_autoload", "0")],
        "old serial devices need their module loaded by root",
    ),
    sysctl(
        "kernel-martians",
        &[("net.ipv4.conf.all.log_martians", "1"), ("net.ipv4.conf.default.log_martians", "1")],
        "the kernel's log grows on noisy networks",
    ),
    sysctl(
        "kernel-mmap-min",
        &[("vm.mmap_min_addr", "65536")],
        "emulators of 16-bit programs do not run",
    ),
    sysctl("kernel-perf-events", &[("kernel.perf_event_paranoid", "3")], "only root profiles"),
    sysctl(
        "kernel-protected-files",
        &[("fs.protected_fifos", "2"), ("fs.protected_regular", "2")],
        NO_RISK,
    ),
    sysctl("kernel-protected-hardlinks", &[("fs.protected_hardlinks", "1")], NO_RISK),
    sysctl("kernel-protected-symlinks", &[("fs.protected_symlinks", "1")], NO_RISK),
    sysctl(
        "kernel-ptrace-scope",
        &[("kernel.yama.ptrace_scope", "1")],
        "debuggers attach only to their own children",
    ),
    sysctl(
        "kernel-reverse-path",
        &[("net.ipv4.conf.all.rp_filter", "1"), ("net.ipv4.conf.default.rp_filter", "1")],
        "where answers go another way than questions came, packets are lost: use 2 there",
    ),
    sysctl(
        "kernel-secure-redirects",
        &[
            ("net.ipv4.conf.all.secure_redirects", "0"),
            ("net.ipv4.conf.default.secure_redirects", "0"),
        ],
        NO_RISK,
    ),
    sysctl(
        "kernel-send-redirects",
        &[("net.ipv4.conf.all.send_redirects", "0"), ("net.ipv4.conf.default.send_redirects", "0")],
        "a router no longer tells shorter ways",
    ),
    sysctl(
        "kernel-source-route",
        &[
            ("net.ipv4.conf.all.accept_source_route", "0"),
            ("net.ipv4.conf.default.accept_source_route", "0"),
            ("net.ipv6.conf.all.accept_source_route", "0"),
            ("net.ipv6.conf.default.accept_source_route", "0"),
        ],
        NO_RISK,
    ),
    sysctl(
        "kernel-suid-dumpable",
        &[("fs.suid_dumpable", "0")],
        "set-uid programs leave no core dump",
    ),
    sysctl("kernel-syncookies", &[("net.ipv4.tcp_syncookies", "1")], NO_RISK),
    sysctl(
        "kernel-sysrq",
        &[("kernel.sysrq", "0")],
        "a hung machine cannot be rescued from its console",
    ),
    sysctl(
        "kernel-unprivileged-bpf",
        &[("kernel.unprivileged_bpf_disabled", "1")],
        "only root loads BPF, until the next start whatever is said later",
    ),
    sysctl(
        "kernel-userfaultfd",
        &[("vm.unprivileged_userfaultfd", "0")],
        "some emulators and virtual machines need a right more",
    ),
    row(
        "kernel-file-systems",
        Way::Modules(&["cramfs", "freevxfs", "hfs", "hfsplus", "jffs2", "udf"]),
        "disks of these kinds cannot be mounted",
    ),
    row(
        "kernel-protocols",
        Way::Modules(&["dccp", "sctp", "rds", "tipc"]),
        "programs of telephony and clusters that speak these need them",
    ),
    row(
        "physical-usb",
        Way::Modules(&["usb-storage", "uas"]),
        "disks and sticks at the USB ports are not seen",
    ),
    row(
        "physical-direct-memory",
        Way::Modules(&["firewire-core", "thunderbolt"]),
        "devices at FireWire and Thunderbolt ports are not seen",
    ),
];

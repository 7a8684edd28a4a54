//! The kernel: its settings, its modules, how it is started.

// Checks of this family.
pub(super) mod accept_redirects;
pub(super) mod aslr;
pub(super) mod bpf_jit;
pub(super) mod broadcast_echo;
pub(super) mod core_dumps;
pub(super) mod core_pattern;
pub(super) mod dmesg_restrict;
pub(super) mod file_systems;
pub(super) mod forwarding;
pub(super) mod kexec;
pub(super) mod kptr_restrict;
pub(super) mod line_disciplines;
pub(super) mod martians;
pub(super) mod mmap_min;
pub(super) mod perf_events;
pub(super) mod process_visibility;
pub(super) mod protected_files;
pub(super) mod protected_hardlinks;
pub(super) mod protected_symlinks;
pub(super) mod protocols;
pub(super) mod ptrace_scope;
pub(super) mod reverse_path;
pub(super) mod secure_redirects;
pub(super) mod send_redirects;
pub(super) mod source_route;
pub(super) mod start_options;
pub(super) mod suid_dumpable;
pub(super) mod syncookies;
pub(super) mod sysrq;
pub(super) mod unprivileged_bpf;
pub(super) mod userfaultfd;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, Seen};
use std::path::Path;

/// A setting with what is wrong about a value.
struct Wanted<'w> {
    /// Keys that mean the same for several places.
    keys: &'w [&'w str],
    /// What counts when nothing sets it, on Debian.
    built_in: i64,
    /// Whether a value is in order.
    is_good: fn(i64) -> bool,
    /// What a wrong value does.
    words: &'w str,
}

/// Looks at what runs, and at what is configured for the next start.
fn setting(facts: &Facts<'_>, rows: &mut Rows, wanted: &Wanted<'_>) {
    for key in wanted.keys {
        let Some(values) = rows.take(values(facts, key, wanted.built_in)) else { return };
        let (good, bad): (Vec<_>, Vec<_>) =
            values.into_iter().partition(|(value, _)| (wanted.is_good)(*value));
        match bad.first() {
            Some((value, _)) => {
                let title = format!("{key} is {value}: {}", wanted.words);
                rows.fail(title, bad.into_iter().map(|(_, evidence)| evidence).collect::<Vec<_>>());
            }
            None => good.into_iter().for_each(|(_, evidence)| rows.looked(evidence)),
        }
    }
}

/// The values of a key: the running kernel's, what the next start sets, and what the administrator's
/// own files say, also where the order of files lets a vendor's file win. Without any the built-in one.
fn values(facts: &Facts<'_>, key: &str, built_in: i64) -> Seen<Vec<(i64, Evidence)>> {
    let number =
        |text: &str| text.split_whitespace().next().and_then(|word| word.parse::<i64>().ok());
    let mut out = Vec::new();
    if let Some(now) = facts.sysctl_running(key)?.as_deref().and_then(number) {
        let path = Path::new("/proc/sys").join(key.replace('.', "/"));
        out.push((now, Evidence::path(&path, format!("{key} = {now} in the running kernel"))));
    }
    let configured = facts.sysctl_configured(key)?;
    let own = facts.sysctls().as_ref().map_err(Clone::clone)?;
    let own = own
        .iter()
        .rev()
        .find(|setting| setting.key == key && setting.place.path.starts_with("/etc"));
    let own = own.filter(|own| configured.is_none_or(|configured| configured.place != own.place));
    for setting in configured.into_iter().chain(own) {
        if let Some(then) = number(&setting.value) {
            out.push((then, Evidence::at(&setting.place, format!("{key} = {then}"))));
        }
    }
    if out.is_empty() {
        let text = format!("{key} is not set, so {built_in} counts");
        out.push((built_in, Evidence::path(Path::new("/etc/sysctl.d"), text)));
    }
    Ok(out)
}

/// Modules that can still be loaded although nothing needs them.
pub(super) fn loadable(facts: &Facts<'_>, module: &str) -> Seen<Option<Vec<Evidence>>> {
    let dashed = module.replace('_', "-");
    let same = |name: &str| name.replace('_', "-") == dashed;
    let mut found = Vec::new();
    let mut folders: Vec<std::path::PathBuf> = Vec::new();
    for folder in ["/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"] {
        folders.extend(facts.files_in(folder, ".conf")?);
    }
    for path in folders {
        let lines = facts.lines(&path)?;
        for line in lines.iter().flat_map(|lines| lines.iter()) {
            let words = crate::facts::words(crate::facts::uncommented(&line.text, "#"));
            let parts: Vec<&str> = words.iter().map(String::as_str).collect();
            match parts.as_slice() {
                ["install", name, program, ..]
                    if same(name)
                        && (program.ends_with("/false") || program.ends_with("/true")) =>
                {
                    return Ok(None);
                }
                ["blacklist", name] if same(name) => found.push(Evidence::at(
                    &line.place,
                    "blacklisted, which stops only automatic loading",
                )),
                _ => {}
            }
        }
    }
    if found.is_empty() {
        found.push(Evidence::path(
            Path::new("/etc/modprobe.d"),
            format!("no line `install {module} /bin/false`"),
        ));
    }
    Ok(Some(found))
}

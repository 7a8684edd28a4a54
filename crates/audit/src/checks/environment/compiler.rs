//! No compiler is installed on production.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-compiler",
    safeguard: Safeguard::Environments,
    severity: Severity::Low,
    title: "no compiler is installed on production",
    why: "An intruder builds his exploit where he needs it. What is deployed was built \
              elsewhere.",
    remedy: "`apt purge gcc make` and what needs them; build on another machine.",
    controls: &["PCI 6.5.5", "ISO 8.19"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/usr/bin/gcc", "")],
        pass: &[Folder("/usr/bin")],
        unknown: &[Folder("/usr/bin"), Denied("/usr")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in [
        "/usr/bin/gcc",
        "/usr/bin/cc",
        "/usr/bin/clang",
        "/usr/bin/tcc",
        "/usr/bin/g++",
        "/usr/bin/go",
        "/usr/bin/rustc",
        "/usr/bin/javac",
        "/usr/local/go/bin/go",
        "/usr/bin/ghc",
        "/usr/bin/nasm",
        "/usr/bin/as",
        "/usr/bin/make",
        "/usr/local/bin/gcc",
    ] {
        if let Some(Some((real, _))) = rows.take(facts.followed(path)) {
            rows.fail(
                format!("a compiler or its tools are installed: {path}"),
                Evidence::path(&real, "installed"),
            );
        }
    }
    if facts.exists("/usr/bin") {
        rows.looked(Evidence::path(Path::new("/usr/bin"), "compilers were looked for"));
    }
}

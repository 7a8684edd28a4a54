//! Debian packages by name, installed where they are missing and we may.

use crate::process;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// What building and testing need.
pub(crate) const BUILD: &[&str] =
    &["build-essential", "ca-certificates", "curl", "modsecurity-crs"];

/// What tests try Burgrave with: namespaces and rules of the kernel, a FastCGI server, scanners of TLS, the
/// judge of units, and what backups are read, written and made by.
pub(crate) const TEST: &[&str] = &[
    "acl",
    "attr",
    "btrfs-progs",
    "clamav-daemon",
    "curl",
    "debootstrap",
    "iproute2",
    "mariadb-server",
    "nftables",
    "openssh-client",
    "openssh-server",
    "pebble",
    "php-fpm",
    "postgresql",
    "python3-aiosmtpd",
    "python3-venv",
    "rclone",
    "redis-server",
    "restic",
    "rpm",
    "rsyslog",
    "rsyslog-gnutls",
    "sqlite3",
    "sslscan",
    "systemd",
    "systemd-journal-remote",
    "testssl.sh",
];

/// What the benches need beside that.
pub(crate) const BENCH: &[&str] = &[
    "apache2-utils",
    "caddy",
    "libnginx-mod-http-modsecurity",
    "nghttp2-client",
    "nginx-light",
    "openssl",
    "wrk",
];

/// A server that speaks S3, from `PyPI`, in a folder of its own.
const S3_SERVER: &str = "moto[s3,server]==5.2.5";

/// Installs the S3 server where it is missing; without it its tests say so.
pub(crate) fn s3_server() -> Result<()> {
    let home = process::root().join("target/tools/moto");
    if home.join("bin/moto_server").exists() {
        return Ok(());
    }
    println!("installing {S3_SERVER}");
    let path = home.display().to_string();
    process::quiet("python3", &["-m", "venv", &path])?;
    let pip = home.join("bin/pip").display().to_string();
    process::quiet(&pip, &["install", "--quiet", "--disable-pip-version-check", S3_SERVER])
}

/// Programs whose packages would begin their services: `CrowdSec` and a bouncer of it, and the web servers that drafts
/// are compared with. The folder, the packages, and what is there once they are unpacked.
const UNPACKED: [(&str, &[&str], &str); 3] = [
    ("crowdsec", &["crowdsec", "crowdsec-firewall-bouncer"], "usr/bin/crowdsec-firewall-bouncer"),
    ("nginx", &["nginx"], "usr/sbin/nginx"),
    ("apache", &["apache2-bin", "libapr1", "libaprutil1"], "usr/sbin/apache2"),
];

/// Unpacks them into folders, without installing anything; without them their tests say so.
pub(crate) fn unpacked() -> Result<()> {
    for (folder, packages, probe) in UNPACKED {
        let home = process::root().join("target/tools").join(folder);
        if !home.join(probe).exists() {
            unpack(&home, packages)?;
        }
    }
    Ok(())
}

fn unpack(home: &Path, packages: &[&str]) -> Result<()> {
    println!("fetching {}", packages.join(", "));
    let fetched = home.with_extension("part");
    std::fs::create_dir_all(&fetched)?;
    // In a folder of its own, which `apt-get download` writes to.
    let script = "cd \"$1\" && shift && apt-get download -qq -o APT::Sandbox::User=root \"$@\"";
    let path = fetched.display().to_string();
    process::quiet("sh", &[&["-c", script, "sh", &path], packages].concat())?;
    for package in std::fs::read_dir(&fetched)? {
        let package = package?.path().display().to_string();
        process::quiet("dpkg", &["-x", &package, &home.display().to_string()])?;
    }
    std::fs::remove_dir_all(&fetched)?;
    Ok(())
}

/// What the machine that is lost and restored has installed.
const TREE_PACKAGES: &str = "nginx-light postgresql";

/// Makes an empty Debian system in a folder, with packages that it can install without a network; without it its tests
/// say so.
pub(crate) fn debian_tree() -> Result<()> {
    let home = process::root().join("target/tools/debian");
    if home.exists() {
        return Ok(());
    }
    println!("making an empty Debian system");
    let unfinished = home.with_extension("part");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished)?;
    }
    std::fs::create_dir_all(&unfinished)?;
    let path = unfinished.display().to_string();
    process::quiet("debootstrap", &["--variant=minbase", "bookworm", &path])?;
    let fetch = format!(
        "apt-get clean && apt-get install -y -qq --no-install-recommends --download-only {TREE_PACKAGES} && \
         echo 'APT::Get::Download \"false\";' > /etc/apt/apt.conf.d/offline"
    );
    process::quiet("chroot", &[&path, "/bin/sh", "-c", &fetch])?;
    std::fs::rename(&unfinished, &home)?;
    Ok(())
}

/// Installs what is missing. Without root, or when a package cannot be had, the names are told.
pub(crate) fn packages(wanted: &[&str]) -> Result<()> {
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {}", missing.join(", "));
    if process::output("id", &["-u"])?.trim() != "0" {
        bail!("not root: install these packages first: {}", missing.join(" "));
    }
    apt(&["update", "-qq"])?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(&missing);
    apt(&arguments)
}

fn installed(name: &str) -> bool {
    process::output("dpkg-query", &["-W", "-f", "${db:Status-Status}", name])
        .is_ok_and(|status| status.trim() == "installed")
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // A package's service must not start on this machine.
        .env("RUNLEVEL", "1")
        .stdout(Stdio::null())
        .stdin(Stdio::null())
        .status()
        .context("running apt-get")?;
    if !status.success() {
        bail!("`apt-get {}` failed ({status})", arguments.join(" "));
    }
    Ok(())
}

//! What a confined process can still do, tried from inside. It has a `main` of its own, as a process
//! with the threads of a test runner can no longer be confined.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test"
)]

use burgrave_sys::{Confinement, confine, program_paths, resolver_paths};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |word: &str| {
        let at = arguments.iter().position(|argument| argument == word)?;
        arguments.get(at + 1..)
    };
    if let Some(arguments) = after("inside") {
        inside(arguments);
    } else if let Some([home]) = after("with-a-program") {
        with_a_program(Path::new(home));
    } else {
        outside();
        one_program_may_be_run();
    }
}

/// What can still be done by who may run one program and administer the network.
fn with_a_program(home: &Path) {
    let mut keep = Confinement {
        read: vec![home.join("log")],
        read_any: true,
        run: vec![PathBuf::from("/usr/bin/cat"), PathBuf::from("/usr/sbin/nft")],
        administer_network: true,
        ..Confinement::default()
    };
    program_paths(&mut keep);
    let missing = confine(&keep).unwrap();
    let said = |what: &str, fine: bool| println!("{what}={fine}");
    said("whole", missing.is_empty());
    let ran = |program: &str, argument: &Path| {
        Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
    };
    said("cat.log", ran("/usr/bin/cat", &home.join("log/line")));
    said("cat.key", ran("/usr/bin/cat", &home.join("backup.key")));
    said("shell", ran("/bin/sh", &home.join("log/line")));
    said("own.program", ran(home.join("log/tool").to_str().unwrap(), home));
    let nft = Command::new("/usr/sbin/nft").args(["list", "ruleset"]).output();
    said("nft", nft.is_ok_and(|output| output.status.success()));
    said("key.read", fs::read(home.join("backup.key")).is_ok());
    said("log.write", fs::write(home.join("log/line"), "x").is_ok());
    said("bind", TcpListener::bind("127.0.0.1:0").is_ok());
    said("root.list", fs::read_dir("/").is_ok());
    said(
        "time",
        rustix::time::clock_settime(
            rustix::time::ClockId::Realtime,
            rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 },
        )
        .is_ok(),
    );
}

fn one_program_may_be_run() {
    if !rustix::process::geteuid().is_root() || !Path::new("/usr/sbin/nft").exists() {
        println!("SKIPPED: rules of the kernel need root and the package nftables");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("log")).unwrap();
    fs::write(home.path().join("log/line"), "a line").unwrap();
    fs::write(home.path().join("log/tool"), "#!/bin/sh\nexit 0\n").unwrap();
    let runnable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(home.path().join("log/tool"), runnable).unwrap();
    fs::write(home.path().join("backup.key"), "key").unwrap();
    let output = Command::new("unshare")
        .arg("-n")
        .arg(std::env::current_exe().unwrap())
        .arg("with-a-program")
        .arg(home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    if !said.contains("whole=true") {
        println!("this kernel cannot do all of it, so nothing is compared: {said}");
        return;
    }
    for wanted in [
        "cat.log=true",
        "cat.key=false",
        "shell=false",
        "own.program=false",
        "nft=true",
        "key.read=false",
        "log.write=false",
        "bind=false",
        "root.list=false",
        "time=false",
    ] {
        assert!(said.lines().any(|line| line == wanted), "no `{wanted}` in\n{said}");
    }
    println!("one program may be run, and no other");
}

/// Tries things and prints what could be done.
fn inside(arguments: &[String]) {
    let [home, open_port, closed_port, resolve] = arguments else { panic!("four arguments") };
    let home = Path::new(home);
    let mut keep = Confinement {
        read: vec![home.join("www"), home.join("certificate.pem"), home.join("not-there")],
        write: vec![home.join("log")],
        connect: vec![open_port.parse().unwrap()],
        resolve: resolve == "resolve",
        read_any: false,
        run: Vec::new(),
        administer_network: false,
        account: rustix::process::geteuid().is_root().then_some((65_534, 65_534)),
    };
    if keep.resolve {
        resolver_paths(&mut keep.read);
    }
    let before = std::thread::spawn(|| ()).join();
    before.unwrap();
    let missing = confine(&keep).unwrap();
    let said = |what: &str, fine: bool| println!("{what}={fine}");
    said("whole", missing.is_empty());
    said("page.read", fs::read(home.join("www/page.html")).is_ok());
    said("certificate.read", fs::read(home.join("certificate.pem")).is_ok());
    said("log.write", fs::write(home.join("log/access.ndjson"), "line").is_ok());
    said("log.rename", fs::rename(home.join("log/access.ndjson"), home.join("log/old")).is_ok());
    said("key.read", fs::read(home.join("backup.key")).is_ok());
    said("root.list", fs::read_dir("/").is_ok());
    said("page.write", fs::write(home.join("www/page.html"), "owned").is_ok());
    said("page.new", fs::write(home.join("www/shell.php"), "owned").is_ok());
    said("log.link", std::os::unix::fs::symlink("/etc/passwd", home.join("log/link")).is_ok());
    said("log.run", {
        let path = home.join("log/tool");
        fs::write(&path, "#!/bin/sh\nexit 0\n").unwrap();
        drop(fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
        Command::new(path).status().is_ok()
    });
    said("program.run", Command::new("/bin/true").status().is_ok());
    said("connect.open", TcpStream::connect(format!("127.0.0.1:{open_port}")).is_ok());
    said("connect.closed", TcpStream::connect(format!("127.0.0.1:{closed_port}")).is_ok());
    said("bind", TcpListener::bind("127.0.0.1:0").is_ok());
    said(
        "packets",
        socket2::Socket::new(socket2::Domain::PACKET, socket2::Type::RAW, None).is_ok(),
    );
    said("root.again", rustix::thread::set_thread_uid(rustix::process::Uid::ROOT).is_ok());
    said("thread", std::thread::spawn(|| ()).join().is_ok());
    said(
        "thread.key.read",
        std::thread::spawn({
            let key: PathBuf = home.join("backup.key");
            move || fs::read(key).is_ok()
        })
        .join()
        .unwrap(),
    );
    said("names", std::net::ToSocketAddrs::to_socket_addrs("localhost:80").is_ok());
    said("twice", confine(&keep).is_ok());
}

fn outside() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    for directory in ["www", "log"] {
        fs::create_dir(path.join(directory)).unwrap();
        fs::set_permissions(path.join(directory), fs::Permissions::from_mode(0o777)).unwrap();
    }
    for file in ["www/page.html", "certificate.pem", "backup.key"] {
        fs::write(path.join(file), "content").unwrap();
        fs::set_permissions(path.join(file), fs::Permissions::from_mode(0o666)).unwrap();
    }
    let (open, closed) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port().to_string();
    for (resolve, expected_names) in [("alone", "names=false"), ("resolve", "names=true")] {
        let output = Command::new(std::env::current_exe().unwrap())
            .arg("inside")
            .arg(path)
            .args([port(&open), port(&closed), resolve.to_owned()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        if !said.contains("whole=true") {
            println!("this kernel cannot do all of it, so nothing is compared: {said}");
            return;
        }
        for wanted in [
            "page.read=true",
            "certificate.read=true",
            "log.write=true",
            "log.rename=true",
            "key.read=false",
            "root.list=false",
            "page.write=false",
            "page.new=false",
            "log.link=false",
            "log.run=false",
            "program.run=false",
            "connect.open=true",
            "connect.closed=false",
            "bind=false",
            "packets=false",
            "root.again=false",
            "thread=true",
            "thread.key.read=false",
            // It can no longer see whether it has threads.
            "twice=false",
            expected_names,
        ] {
            assert!(said.lines().any(|line| line == wanted), "{resolve}: no `{wanted}` in\n{said}");
        }
        fs::remove_file(path.join("log/old")).unwrap();
        fs::remove_file(path.join("log/tool")).unwrap();
    }
    assert_eq!(fs::read_to_string(path.join("www/page.html")).unwrap(), "content");
    println!("confined as wanted");
}

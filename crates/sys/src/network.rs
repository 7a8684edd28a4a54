//! A network of a thread's own (`network_namespaces(7)`).

use crate::SysError;
use std::path::PathBuf;

/// Gives this thread, and what it starts from now on, an empty network of its own, which ends with them. Where it is,
/// for programs that take namespaces by path. Needs root.
pub fn own_network() -> Result<PathBuf, SysError> {
    // SAFETY: of what may be unshared the network alone is, which no memory and no descriptor of other threads belongs to.
    #[expect(unsafe_code, reason = "a call of the kernel that its safe crate does not offer")]
    let result = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        return Err(SysError::from_io("making a network of its own for", "a thread", error));
    }
    let thread = rustix::thread::gettid().as_raw_nonzero();
    Ok(PathBuf::from(format!("/proc/{}/task/{thread}/ns/net", std::process::id())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_thread_has_it() {
        let of = |path: &str| std::fs::read_link(path).unwrap();
        let before = of("/proc/self/ns/net");
        let own =
            std::thread::spawn(|| own_network().map(|path| std::fs::read_link(path).unwrap()));
        match own.join().unwrap() {
            Ok(own) => assert_ne!(own, before),
            Err(error) => println!("SKIPPED: {error}"),
        }
        assert_eq!(of("/proc/thread-self/ns/net"), before);
    }
}

//! Memory that is held and not used.

/// Gives the system what this thread's heap holds and does not use: after a burst the allocator keeps it for the
/// next one until somebody asks, and a server that is quiet does not. Takes some milliseconds. Does nothing to
/// another allocator than mimalloc.
pub fn give_back_memory() {
    // SAFETY: it has no conditions; it frees nothing that is in use.
    #[expect(unsafe_code, reason = "a call of the allocator that its safe crate does not offer")]
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}

/// Has the system give memory by pages of the usual size, from now on, to this process and those that it starts: by pages
/// of two megabytes it gives up to that much for each byte that is used, and a server whose allocator asks for them holds
/// half as much again for the same connections. `false` where the system has no such pages, and gives none.
pub fn use_small_pages() -> bool {
    rustix::thread::disable_transparent_huge_pages(true).is_ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn pages_are_small_once_that_is_asked_for() {
        let told = super::use_small_pages();
        assert_eq!(rustix::thread::transparent_huge_pages_are_disabled().unwrap_or(false), told);
    }

    #[test]
    fn nothing_in_use_is_given_back() {
        let held = vec![7_u8; 1 << 20];
        super::give_back_memory();
        assert!(held.iter().all(|byte| *byte == 7));
    }
}

//! Memory that is free and still held.

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

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_use_is_given_back() {
        let held = vec![7_u8; 1 << 20];
        super::give_back_memory();
        assert!(held.iter().all(|byte| *byte == 7));
    }
}

//! `burgrave_oracles::cookies` on any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| burgrave_oracles::cookies(input));

//! `burgrave_oracles::ledger` on any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| burgrave_oracles::ledger(input));

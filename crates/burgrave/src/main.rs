//! Burgrave.
fn main() {}

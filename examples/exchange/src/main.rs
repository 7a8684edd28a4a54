//! Exchange.
fn main() {}

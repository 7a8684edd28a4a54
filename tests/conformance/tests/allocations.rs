//! How often the engine asks for memory: hardly, once a thread has served its first requests.

use burgrave_conformance::{engine, rules, shared, workload};
use burgrave_model::Mode;
use burgrave_seclang::Options;
use std::sync::Arc;

/// Allocations of a whole transaction with the full rule set at paranoia 1.
const ALLOCATIONS_MAX: u64 = 50;

#[test]
fn a_small_request_needs_hardly_an_allocation() {
    let Some(folder) = shared() else { return };
    let include = [folder.join("crs/crs-setup.conf.example"), folder.join("crs/rules/*.conf")];
    let rules = Arc::new(rules::compile(&include, Options::default()).unwrap());
    let request = workload::small_get();
    for _ in 0..3 {
        engine::run(&rules, &request, Mode::Block);
    }
    let counted = allocation_counter::measure(|| {
        engine::run(&rules, &request, Mode::Block);
    });
    println!("small GET: {} allocations, {} bytes", counted.count_total, counted.bytes_total);
    assert!(counted.count_total <= ALLOCATIONS_MAX, "{}", counted.count_total);
}

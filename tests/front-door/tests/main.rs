//! The gateway as its clients and upstreams see it. One program, so that what all of it needs is built and linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod access;
mod answers;
mod balance;
mod compress;
mod defence;
mod fastcgi;
mod files;
mod hops;
mod http2;
mod http3;
mod http3_order;
mod life;
mod metrics;
mod proxy;
mod scan;
mod slow;
mod smuggling;
mod streams;
mod support;
mod tls;
mod upstreams;
mod websocket;

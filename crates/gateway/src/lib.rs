//! The gateway: listeners, TLS, routes, files, upstreams, limits, inspection and the access log.
//!
//! A request's way: [`accept`](mod@accept) → [`tls`] → [`guard`] → [`route`] → [`redirect`] →
//! [`access`](mod@access) → [`limit`] → [`inspect`] (phases 1–2) → a permit → [`files`] or [`upstream`] → [`inspect`]
//! (phases 3–4) → [`headers`] → the record in the access [`log`] (exactly one, whatever happened)
//! and phase 5. [`service`] puts the steps in order.
//!
//! Invariants: each core has its own event loop and shares no lock with another on a request's way;
//! everything that a stranger can make grow is bounded; an upstream never sees framing that a
//! client wrote; what is not known to be permitted is not served. The gateway changes nothing on
//! the host but its own state and log, and handles no signal: its caller does.

mod accept;
mod access;
mod acme;
mod answer;
mod bind;
mod blocks;
mod body;
mod challenge;
mod coder;
mod compress;
mod connection;
mod counters;
mod decode;
mod error;
mod exchange;
mod faults;
mod field_names;
mod files;
mod frame_head;
mod frames;
mod gateway;
mod gather;
mod guard;
mod handshake;
mod headers;
mod hops;
mod hosts;
mod hpack;
mod http1;
mod http2;
mod http3;
mod inspect;
mod interim;
mod limit;
mod lists;
mod load;
mod log;
mod metrics;
mod pass;
mod plan;
mod proxy_protocol;
mod redirect;
mod refusal;
mod resets;
mod route;
mod scan;
mod service;
mod spelling;
mod stall;
mod streams;
mod tls;
mod upstream;
mod worker;

pub use access::users::password_hash;
pub use acme::{answers_folder, waiting};
pub use bind::{Handed, listen, listen_quic};
pub use counters::Counts;
pub use error::GatewayError;
pub use gateway::{Gateway, LogKind, Prepared};
pub use http3::{Mark, QuicSocket};
pub use log::writer::Keeper;

//! A blocking client of TLS and HTTP/1.1 for what Burgrave sends elsewhere: repositories, collectors of logs, web hooks.
//!
//! Invariants: a server within TLS is verified, by the machine's authorities or by a file of its own, and there is no switch
//! that leaves it out; every wait has an end; every answer has a bound that the caller names. Must not: know what is sent,
//! follow a redirect, keep a secret longer than a request.

mod error;
mod http;
mod tls;
mod wire;

pub use error::ClientError;
pub use http::{Answer, Client, Request};
pub use tls::{AUTHORITIES, Tls, Trust, authorities};
pub use wire::{Address, Connection, Patience, connect};

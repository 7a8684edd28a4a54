//! HTTP/3 (RFC 9114) over QUIC (RFC 9000), beside HTTP/1.1 and HTTP/2 on the same listeners.
//!
//! A request over HTTP/3 becomes the same [`crate::guard::head::Head`] and takes the same way through
//! [`crate::service`] as any other. What is different is here: addresses that are not proven yet get
//! nothing that costs us more than them, frames have bounds that the library does not know, and a
//! socket without connections of its own must tell which process a datagram is for ([`socket`]).
//!
//! It must not: take early data (0-RTT can be replayed), move a connection to another address, or serve
//! a site that asks for client certificates, whose set-up is chosen before the site is known.

mod accept;
mod body;
mod connection;
mod fields;
mod frames;
mod guarded;
mod integer;
mod one_way;
mod socket;

pub(crate) use accept::{accept, endpoint};
pub(crate) use body::Http3Body;
pub(crate) use socket::Shared;
pub use socket::{Mark, QuicSocket};

use crate::GatewayError;
use burgrave_config::Limits;
use std::sync::Arc;
use std::time::Duration;

/// Open requests of one connection.
const STREAMS_MAX: u32 = 100;
/// Streams of one direction that a client may have: its control stream, two for compression, and a few
/// that mean nothing to us.
const UNIDIRECTIONAL_MAX: u32 = 8;
/// Flow control windows: what a client may send before we take it.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What we hold of answers that a client has not acknowledged, over all its requests.
const SEND_WINDOW_BYTES: u64 = 512 * 1024;
/// Connections whose first datagram waits to be looked at, and the bytes that are kept of them.
const INCOMING_MAX: usize = 1024;
const INCOMING_BYTES_MAX: u64 = 16 * 1024;
const INCOMING_TOTAL_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes of a handshake's messages that may come out of order.
const HANDSHAKE_BYTES_MAX: usize = 16 * 1024;

/// How QUIC is spoken, by the set-up of TLS.
pub(crate) fn server_config(
    tls: &Arc<rustls::ServerConfig>,
    limits: &Limits,
) -> Result<Arc<quinn::ServerConfig>, GatewayError> {
    let mut tls = rustls::ServerConfig::clone(tls);
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.max_early_data_size = 0;
    let wrong = |error: String| GatewayError::Tls(error);
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(tls)
        .map_err(|error| wrong(error.to_string()))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let idle = limits.idle_time.max(limits.header_time).min(Duration::from_hours(1));
    let mut transport = quinn::TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(STREAMS_MAX.into())
        .max_concurrent_uni_streams(UNIDIRECTIONAL_MAX.into())
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window(CONNECTION_WINDOW_BYTES.into())
        .send_window(SEND_WINDOW_BYTES)
        .crypto_buffer_size(HANDSHAKE_BYTES_MAX)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(
            quinn::IdleTimeout::try_from(idle).map_err(|error| wrong(error.to_string()))?,
        ));
    config
        .transport_config(Arc::new(transport))
        // An event loop has a socket of its own, which the kernel chooses by the client's address.
        .migration(false)
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(INCOMING_TOTAL_BYTES_MAX);
    Ok(Arc::new(config))
}

//! Bytes both ways after a protocol switch.

use super::socket::Socket;
use crate::pass;
use bytes::Bytes;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// The upstream's end of a tunnel.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(super) socket: Socket,
    /// What the upstream sent right after its answer.
    pub(super) ahead: Bytes,
    /// How long both sides may be silent.
    pub(super) idle: Duration,
}

impl Tunnel {
    /// Carries bytes until both sides have ended; `early` is what the client sent right after its request.
    pub(crate) async fn run<S>(self, client: S, early: Bytes)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        pass::both_ways((client, early), (self.socket, self.ahead), self.idle).await;
    }
}

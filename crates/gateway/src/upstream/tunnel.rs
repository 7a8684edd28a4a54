//! Bytes both ways after a protocol switch, until one side ends or both are silent for too long.

use super::link::Socket;
use bytes::Bytes;
use std::cell::Cell;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::{Instant, sleep_until};

/// Bytes carried at once.
const PIECE_BYTES: usize = 8 * 1024;

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
    /// Carries bytes until either side ends; `early` is what the client sent right after its
    /// request.
    pub(crate) async fn run<S>(self, client: S, early: Bytes) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let last = Cell::new(Instant::now());
        let (client_read, client_write) = split(client);
        let (upstream_read, upstream_write) = split(self.socket);
        let silence = async {
            loop {
                let end = last.get() + self.idle;
                if Instant::now() >= end {
                    return;
                }
                sleep_until(end).await;
            }
        };
        tokio::select! {
            ended = carry(client_read, upstream_write, early, &last) => ended,
            ended = carry(upstream_read, client_write, self.ahead, &last) => ended,
            () = silence => Ok(()),
        }
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    first: Bytes,
    last: &Cell<Instant>,
) -> io::Result<()> {
    to.write_all(&first).await?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = from.read(&mut piece).await?;
        last.set(Instant::now());
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(piece.get(..count).unwrap_or_default()).await?;
        to.flush().await?;
    }
}

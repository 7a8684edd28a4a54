//! Bytes both ways until both sides have ended, or both are silent for too long: for services that are no HTTP, and for what
//! a protocol was switched to.

use bytes::Bytes;
use std::cell::Cell;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::time::{Instant, sleep_until};

/// Bytes carried at once.
const PIECE_BYTES: usize = 16 * 1024;
/// How long one side may go on after the other has ended.
const LAST_TIME: Duration = Duration::from_secs(30);

/// Carries bytes; how many came from the client and went to it. `early` and `ahead` are what client and upstream have sent
/// already.
pub(crate) async fn both_ways<C, U>(
    (client, early): (C, Bytes),
    (upstream, ahead): (U, Bytes),
    idle: Duration,
) -> (u64, u64)
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (last, idle) = (Cell::new(Instant::now()), Cell::new(idle));
    let (received, sent) = (Cell::new(0), Cell::new(0));
    let (client_read, client_write) = split(client);
    let (upstream_read, upstream_write) = split(upstream);
    let silence = async {
        loop {
            let end = last.get() + idle.get();
            if Instant::now() >= end {
                return;
            }
            sleep_until(end.min(Instant::now() + Duration::from_secs(1))).await;
        }
    };
    let one_ended = || idle.set(idle.get().min(LAST_TIME));
    let inward = async {
        carry((client_read, early), upstream_write, &last, &received).await;
        one_ended();
    };
    let outward = async {
        carry((upstream_read, ahead), client_write, &last, &sent).await;
        one_ended();
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(inward, outward) } => {}
        () = silence => {}
    }
    (received.get(), sent.get())
}

/// Ends at the end of `from`, which `to` is told of, or at an error of either.
async fn carry(
    (mut from, first): (impl AsyncRead + Unpin, Bytes),
    mut to: impl AsyncWrite + Unpin,
    last: &Cell<Instant>,
    count: &Cell<u64>,
) {
    let add = |length: usize| {
        count.set(count.get().saturating_add(u64::try_from(length).unwrap_or(0)));
    };
    if !first.is_empty() {
        if to.write_all(&first).await.is_err() || to.flush().await.is_err() {
            return drop(to.shutdown().await);
        }
        add(first.len());
    }
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        last.set(Instant::now());
        let Some(bytes) = piece.get(..length) else { break };
        if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
            break;
        }
        add(length);
    }
    // One that is gone already hears nothing.
    drop(to.shutdown().await);
}

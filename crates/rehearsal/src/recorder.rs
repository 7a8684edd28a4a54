//! An application server that keeps the header of each request, and does what its path says.

use crate::application::head;
use crate::stand_in::StandIn;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Requests to it end without an answer.
pub(crate) const ENDS: &str = "/end";
/// Requests to it are held for as long as the other side stays.
pub(crate) const HOLDS: &str = "/hold";
/// Headers that are kept.
const HEADS_MAX: usize = 4_096;
const WELL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// See the module. It is gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Recorder {
    stand_in: StandIn,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    pub(crate) fn start() -> Result<Self, String> {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        let stand_in = StandIn::start(move |client| serve(client, &kept))?;
        Ok(Self { stand_in, heads })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.stand_in.address
    }

    /// What has come since it was asked last.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.heads))
    }

    /// How many requests it has seen since then.
    pub(crate) fn count(&self) -> usize {
        lock(&self.heads).len()
    }
}

fn lock(heads: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    heads.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut client: TcpStream, heads: &Mutex<Vec<String>>) {
    while let Some(head) = head(&mut client) {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut kept = lock(heads);
        if kept.len() < HEADS_MAX {
            kept.push(head);
        }
        drop(kept);
        if path.starts_with(HOLDS) {
            // Nothing more comes but the end.
            return drop(client.read(&mut [0]));
        }
        if path.starts_with(ENDS) || client.write_all(WELL).is_err() {
            return;
        }
    }
}

//! A client of ClamAV's daemon: its `INSTREAM` command (clamd(8)), one connection a piece.
//!
//! Invariant: only the exact word that a stream is clean counts as clean.

use burgrave_config::{Clamd, Host};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Bytes that are sent at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Most bytes of an answer, and of a name within it.
const ANSWER_BYTES_MAX: usize = 1024;
const NAME_CHARS_MAX: usize = 100;

/// What clamd says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Clean,
    /// By the name of a signature.
    Found(String),
    /// It could not look, or said something else.
    Failed,
}

/// Has a piece scanned.
pub(super) async fn scan(clamd: &Clamd, piece: &[u8], patience: Duration) -> io::Result<Verdict> {
    let late = |_late| io::Error::from(io::ErrorKind::TimedOut);
    match clamd {
        Clamd::Unix(path) => {
            let stream = timeout(patience, UnixStream::connect(path)).await.map_err(late)??;
            converse(stream, piece).await
        }
        Clamd::Tcp(authority) => {
            let host = match &authority.host {
                Host::Address(address) => address.to_string(),
                Host::Name(name) => name.clone(),
            };
            let connecting = TcpStream::connect((host, authority.port));
            let stream = timeout(patience, connecting).await.map_err(late)??;
            converse(stream, piece).await
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    piece: &[u8],
) -> io::Result<Verdict> {
    stream.write_all(b"zINSTREAM\0").await?;
    for chunk in piece.chunks(CHUNK_BYTES) {
        let length = u32::try_from(chunk.len()).map_err(io::Error::other)?;
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(chunk).await?;
    }
    stream.write_all(&0_u32.to_be_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let most = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(0);
    stream.take(most).read_to_end(&mut answer).await?;
    Ok(verdict(&answer))
}

fn verdict(answer: &[u8]) -> Verdict {
    // One answer, whole.
    let text = answer.strip_suffix(b"\0").filter(|text| !text.contains(&0)).unwrap_or_default();
    if text == b"stream: OK" {
        return Verdict::Clean;
    }
    let name = text.strip_prefix(b"stream: ").and_then(|rest| rest.strip_suffix(b" FOUND"));
    match name {
        Some(name) => {
            let shown = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
            Verdict::Found(name.iter().map(shown).take(NAME_CHARS_MAX).collect())
        }
        None => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_word_is_clean() {
        assert_eq!(verdict(b"stream: OK\0"), Verdict::Clean);
        let found = |name: &str| Verdict::Found(name.to_owned());
        assert_eq!(verdict(b"stream: Win.Test.EICAR_HDB-1 FOUND\0"), found("Win.Test.EICAR_HDB-1"));
        assert_eq!(verdict(b"stream: a\nb\xff FOUND\0"), found("a?b?"));
        assert_eq!(verdict(b"stream: OK FOUND\0"), found("OK"));
        for other in [
            &b""[..],
            b"stream: OK",
            b"stream: OK\n",
            b"stream: OK\0stream: X FOUND\0",
            b"stream: ok\0",
            b"INSTREAM size limit exceeded. ERROR\0",
            b"stream: Can't allocate memory ERROR\0",
            b"UNKNOWN COMMAND\0",
        ] {
            assert_eq!(verdict(other), Verdict::Failed, "{}", other.escape_ascii());
        }
    }
}

//! The guard between a socket and a library, both played by the test.

use super::*;
use std::future::poll_fn;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

fn limits() -> GuardLimits {
    GuardLimits {
        head: HeadLimits { bytes_max: 32 * 1024, fields_max: 100 },
        header_time: Duration::from_millis(60),
        idle_time: Duration::from_millis(120),
        write_time: Duration::from_millis(60),
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
}

fn pair(size: usize) -> (DuplexStream, Guard<DuplexStream>, Rc<Wire>) {
    let (client, server) = duplex(size);
    let wire = Rc::new(Wire::default());
    (client, Guard::new(server, Rc::clone(&wire), limits()), wire)
}

async fn read(guard: &mut Guard<DuplexStream>) -> io::Result<Vec<u8>> {
    let mut memory = vec![0; 4096];
    let mut buffer = hyper::rt::ReadBuf::new(&mut memory);
    poll_fn(|context| {
        hyper::rt::Read::poll_read(Pin::new(&mut *guard), context, buffer.unfilled())
    })
    .await?;
    Ok(buffer.filled().to_vec())
}

#[test]
fn the_library_sees_a_header_of_our_own_and_the_body() {
    run(async {
        let (mut client, mut guard, wire) = pair(4096);
        client
            .write_all(
                b"POST /secret HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 5\r\n\r\nhelloGET",
            )
            .await
            .unwrap();
        assert_eq!(
            read(&mut guard).await.unwrap(),
            b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n"
        );
        assert_eq!(wire.take_head().unwrap().target(), b"/secret");
        assert_eq!(read(&mut guard).await.unwrap(), b"hello");
    });
}

#[test]
fn the_next_request_waits_for_the_answer() {
    run(async {
        let (mut client, mut guard, wire) = pair(4096);
        client.write_all(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nBAD\r\n\r\n").await.unwrap();
        assert_eq!(read(&mut guard).await.unwrap(), b"GET / HTTP/1.1\r\n\r\n");
        let early = tokio::time::timeout(Duration::from_millis(200), read(&mut guard)).await;
        assert!(early.is_err() && wire.refused().is_none());
        wire.answered();
        assert_eq!(read(&mut guard).await.unwrap(), b"");
        assert_eq!(wire.refused().unwrap().reason, Reason::RequestLine);
    });
}

#[test]
fn a_bad_chunk_is_found_before_the_good_one_is_passed_on() {
    run(async {
        let (mut client, mut guard, wire) = pair(4096);
        client
            .write_all(
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz\r\n",
            )
            .await
            .unwrap();
        read(&mut guard).await.unwrap();
        assert!(read(&mut guard).await.is_err());
        assert_eq!(wire.refused().unwrap().reason, Reason::ChunkSize);
    });
}

#[test]
fn slow_headers_are_refused_and_silent_connections_are_closed() {
    run(async {
        let (mut client, mut guard, wire) = pair(4096);
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(read(&mut guard).await.unwrap(), b"");
        assert_eq!(wire.refused().unwrap().reason, Reason::HeaderSlow);
        let (_client, mut guard, wire) = pair(4096);
        assert_eq!(read(&mut guard).await.unwrap(), b"");
        assert!(wire.refused().is_none());
    });
}

#[test]
fn an_idle_connection_has_its_own_time() {
    run(async {
        let (mut client, mut guard, wire) = pair(4096);
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        read(&mut guard).await.unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        let start = std::time::Instant::now();
        wire.answered();
        assert_eq!(read(&mut guard).await.unwrap(), b"");
        assert!(start.elapsed() >= Duration::from_millis(100), "{:?}", start.elapsed());
        assert!(wire.refused().is_none());
    });
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    run(async {
        let (_client, mut guard, _wire) = pair(8);
        let mut write = async || {
            poll_fn(|context| {
                hyper::rt::Write::poll_write(Pin::new(&mut guard), context, b"0123456789")
            })
            .await
        };
        assert_eq!(write().await.unwrap(), 8);
        assert_eq!(write().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    });
}

#[test]
fn what_is_held_ahead_is_bounded() {
    run(async {
        let (mut client, mut guard, _wire) = pair(1 << 20);
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        client.write_all(&vec![b'x'; 1 << 19]).await.unwrap();
        read(&mut guard).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(20), read(&mut guard)).await;
        assert!(early.is_err());
        assert!(guard.input.len() < AHEAD_BYTES_MAX + READ_BYTES);
    });
}

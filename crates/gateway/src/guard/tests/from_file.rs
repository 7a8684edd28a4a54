//! A file that is sent over a socket, and one that is not.

use super::*;
use crate::guard::head::HeadLimits;
use crate::guard::io::{Guard, GuardLimits, Wire};
use burgrave_sys::Root;
use std::future::poll_fn;
use std::io::Write as _;
use std::pin::Pin;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SIZE: usize = 300 * 1024;

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn limits() -> GuardLimits {
    let time = Duration::from_secs(10);
    GuardLimits {
        head: HeadLimits { bytes_max: 32 * 1024, fields_max: 100 },
        header_time: time,
        idle_time: time,
        write_time: time,
    }
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// A directory with a file, and that file, read.
#[expect(clippy::disallowed_methods, reason = "the test makes its own tree")]
fn file() -> (tempfile::TempDir, FromFile) {
    let dir = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..SIZE).map(|at| u8::try_from(at % 251).unwrap()).collect();
    std::fs::write(dir.path().join("file"), &content).unwrap();
    // Some kernels tell times of writing apart by milliseconds only.
    let long_ago = SystemTime::now() - Duration::from_secs(10);
    std::fs::File::open(dir.path().join("file")).unwrap().set_modified(long_ago).unwrap();
    std::fs::write(dir.path().join("empty"), b"").unwrap();
    let file = Root::open(dir.path()).unwrap().open_beneath(b"file").unwrap();
    (dir, FromFile { content: content.into(), file: Rc::new(file) })
}

/// Writes a head and a part of the content as the library would; whether any of it came from the file.
async fn write(socket: &mut TcpStream, file: &FromFile, head: &[u8], part: &[u8]) -> bool {
    let (mut head, mut part, mut from_file) = (head, part, false);
    while !part.is_empty() {
        let slices = [IoSlice::new(head), IoSlice::new(part)];
        let slices = if head.is_empty() { &slices[1..] } else { &slices[..] };
        let mut tried = false;
        let sent = poll_fn(|context| match file.poll_write(context, socket, slices) {
            Some(sent) => {
                tried = true;
                sent.map(Some)
            }
            None => Poll::Ready(None),
        });
        let sent = match sent.await {
            Some(sent) => sent.unwrap(),
            None => socket.write_vectored(slices).await.unwrap(),
        };
        from_file |= tried;
        let of_head = sent.min(head.len());
        (head, part) = (&head[of_head..], &part[sent - of_head..]);
    }
    from_file
}

#[test]
fn a_file_arrives_whole_however_slowly_it_is_read() {
    run(async {
        let (_dir, file) = file();
        for (from, to) in [(0, SIZE), (1000, SIZE - 7), (SIZE - BYTES_MIN, SIZE)] {
            let (mut client, mut server) = pair().await;
            let part = file.content.slice(from..to);
            let reads = async {
                let mut read = Vec::new();
                let mut piece = vec![0; 4096];
                while read.len() < 4 + part.len() {
                    tokio::task::yield_now().await;
                    let count = client.read(&mut piece).await.unwrap();
                    assert_ne!(count, 0);
                    read.extend_from_slice(&piece[..count]);
                }
                read
            };
            let (from_file, read) = tokio::join!(write(&mut server, &file, b"head", &part), reads);
            assert!(from_file);
            assert!(read == [b"head", &part[..]].concat(), "{from}..{to}");
        }
    });
}

#[test]
fn the_guard_sends_from_the_file_that_an_answer_comes_from() {
    run(async {
        let (_dir, file) = file();
        let sent = file.content.clone();
        // Told apart by what they hold, as they never are but here.
        let content = Bytes::from(vec![0; SIZE]);
        let (mut client, server) = pair().await;
        let wire = Rc::new(Wire::default());
        wire.comes_from(FromFile { content: content.clone(), ..file });
        let mut guard = Guard::new(server, Rc::clone(&wire), limits());
        let mut read = vec![0; BYTES_MIN];
        let slices = [IoSlice::new(&content)];
        let written = poll_fn(|context| {
            hyper::rt::Write::poll_write_vectored(Pin::new(&mut guard), context, &slices)
        });
        assert!(written.await.unwrap() >= BYTES_MIN);
        client.read_exact(&mut read).await.unwrap();
        assert!(read[..] == sent[..BYTES_MIN]);
    });
}

#[test]
fn a_socket_that_is_full_is_waited_for() {
    run(async {
        let (_dir, file) = file();
        let (mut client, mut server) = pair().await;
        let mut written = 0;
        let full = loop {
            let slices = [IoSlice::new(&file.content)];
            let sent = poll_fn(|context| {
                Poll::Ready(file.poll_write(context, &server, &slices).expect("a file"))
            });
            match sent.await {
                Poll::Ready(sent) => written += sent.unwrap(),
                Poll::Pending => break written,
            }
        };
        assert!(full > 0);
        let writes = write(&mut server, &file, b"", &file.content);
        let reads = async {
            let mut read = vec![0; full + SIZE];
            client.read_exact(&mut read).await.unwrap();
            read
        };
        let (_, read) = tokio::join!(writes, reads);
        assert!(read[full..] == file.content[..]);
    });
}

#[test]
fn what_does_not_stand_in_the_file_is_written_from_memory() {
    run(async {
        let (dir, file) = file();
        let (mut client, mut server) = pair().await;
        let elsewhere = file.content.to_vec();
        let short = file.content.slice(..BYTES_MIN - 1);
        for part in [&elsewhere[..], &short] {
            let mut read = vec![0; part.len()];
            let writes = write(&mut server, &file, b"", part);
            let (from_file, read_all) = tokio::join!(writes, client.read_exact(&mut read));
            read_all.unwrap();
            assert!(!from_file && read == part);
        }
        // What it says of itself did not change, but there is nothing in it any more.
        let emptied = Root::open(dir.path()).unwrap().open_beneath(b"empty").unwrap();
        let emptied = FromFile { content: file.content.clone(), file: Rc::new(emptied) };
        let mut read = vec![0; 4 + SIZE];
        let writes = write(&mut server, &emptied, b"head", &file.content);
        let (_, read_all) = tokio::join!(writes, client.read_exact(&mut read));
        read_all.unwrap();
        assert!(read == [b"head", &file.content[..]].concat());
        // The file is another one by now; what was read of it, and told of it, is what is sent.
        let mut changed =
            std::fs::OpenOptions::new().write(true).open(dir.path().join("file")).unwrap();
        changed.write_all(b"changed").unwrap();
        let mut read = vec![0; SIZE];
        let writes = write(&mut server, &file, b"", &file.content);
        let (from_file, read_all) = tokio::join!(writes, client.read_exact(&mut read));
        read_all.unwrap();
        assert!(!from_file && read == file.content);
    });
}

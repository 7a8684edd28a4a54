//! Faults of the disk, played with what every system has.

use super::*;

fn piece(text: &str) -> Piece {
    Piece { bytes: text.as_bytes().to_vec(), lines: 1 }
}

fn writer(path: &std::path::Path) -> Writer {
    let mut writer = Writer::new(&ACCESS, Arc::default(), Keeper::Own);
    writer.change(open(Some(&path.to_owned())).unwrap());
    writer
}

fn lost(writer: &Writer) -> u64 {
    writer.shared.lost.load(Ordering::Relaxed)
}

fn read(path: &std::path::Path) -> Vec<u8> {
    burgrave_sys::read_own(path, 10_000).unwrap()
}

#[test]
fn a_full_disk_is_counted_and_ends() {
    let mut writer = writer(std::path::Path::new("/dev/full"));
    writer.write(&piece("a\n"));
    writer.write(&piece("b\n"));
    assert_eq!((lost(&writer), writer.trouble), (2, Some(2)));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    writer.file = Some(Appender::open(&path, Access::Group).unwrap());
    writer.write(&piece("c\n"));
    assert_eq!((lost(&writer), writer.trouble), (2, None));
    assert_eq!(read(&path), b"\nc\n", "a torn line is ended first");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test plays the rotation")]
fn a_file_that_was_moved_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut writer = writer(&path);
    writer.write(&piece("a\n"));
    std::fs::rename(&path, dir.path().join("log.1")).unwrap();
    writer.shared.reopen.store(true, Ordering::Relaxed);
    writer.check();
    writer.write(&piece("b\n"));
    assert_eq!(read(&path), b"b\n");
    assert_eq!(read(&dir.path().join("log.1")), b"a\n");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test takes the directory away")]
fn a_directory_that_is_gone_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("logs");
    std::fs::create_dir_all(&home).unwrap();
    let path = home.join("log");
    let mut writer = writer(&path);
    std::fs::remove_dir_all(&home).unwrap();
    let later = |writer: &mut Writer| {
        writer.checked = Instant::now().checked_sub(CHECK_TIME).unwrap();
        writer.check();
    };
    later(&mut writer);
    writer.write(&piece("a\n"));
    assert_eq!((lost(&writer), writer.trouble), (1, Some(1)));
    std::fs::create_dir_all(&home).unwrap();
    later(&mut writer);
    writer.write(&piece("b\n"));
    assert_eq!((read(&path), writer.trouble), (b"b\n".to_vec(), None));
}

#[test]
fn what_does_not_fit_is_lost_and_never_waited_for() {
    let (sender, receiver) = sync_channel(1);
    let sink = Sink { sender, shared: Arc::default() };
    for _ in 0..3 {
        sink.give(piece("a\n"));
    }
    assert_eq!(sink.lost(), 2);
    drop(receiver);
}

#[test]
fn what_was_given_is_written_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let (sink, thread) = start(&ACCESS, open(Some(&path)).unwrap(), Keeper::Own).unwrap();
    for number in 0..50 {
        sink.give(piece(&format!("{number}\n")));
    }
    sink.end();
    thread.join().unwrap();
    assert_eq!(read(&path).split(|byte| *byte == b'\n').count(), 51);
}

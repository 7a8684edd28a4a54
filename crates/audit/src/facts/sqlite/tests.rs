//! Files that the library itself has made are read by rpm's own test; here are those that nobody should make.

use super::*;

/// A file of 512-byte pages with one table, whose leaf is page 2 and holds these records.
pub(in crate::facts) fn made(table: &str, records: &[Vec<u8>]) -> Vec<u8> {
    let mut file = vec![0; 100];
    file[..16].copy_from_slice(MAGIC);
    file[16..18].copy_from_slice(&512_u16.to_be_bytes());
    let name = table.as_bytes();
    let schema = record(&[b"table", name, name, b"\x02", b"x"]);
    let first = leaf(100, &[schema], &mut Vec::new(), 0);
    file.extend_from_slice(&first[100..]);
    let mut overflow = Vec::new();
    let second = leaf(0, records, &mut overflow, 3);
    file.extend(second);
    file.extend(overflow);
    file
}

/// Text columns, but a single byte is a number.
pub(in crate::facts) fn record(columns: &[&[u8]]) -> Vec<u8> {
    let mut head = Vec::new();
    for column in columns {
        let kind = if column.len() == 1 { 1 } else { 12 + 2 * column.len() };
        head.extend(encoded(kind));
    }
    let size = head.len() + 1;
    assert!(size < 128);
    let mut out = vec![u8::try_from(size).unwrap()];
    out.extend(head);
    for column in columns {
        out.extend_from_slice(column);
    }
    out
}

fn encoded(value: usize) -> Vec<u8> {
    let mut out = vec![u8::try_from(value & 0x7f).unwrap()];
    let mut rest = value >> 7;
    while rest > 0 {
        out.insert(0, u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    out
}

fn leaf(top: usize, records: &[Vec<u8>], overflow: &mut Vec<u8>, mut next: usize) -> Vec<u8> {
    let mut page = vec![0; 512];
    page[top] = 13;
    page[top + 3..top + 5].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
    let database = Database { bytes: &[], page_bytes: 512, usable: 512 };
    let mut end = 512;
    for (index, record) in records.iter().enumerate() {
        let local = database.local(record.len());
        let mut cell = encoded(record.len());
        cell.extend(encoded(index + 1));
        cell.extend_from_slice(&record[..local]);
        let mut rest = &record[local..];
        if !rest.is_empty() {
            cell.extend(u32::try_from(next).unwrap().to_be_bytes());
        }
        while !rest.is_empty() {
            next += 1;
            let (now, later) = rest.split_at(rest.len().min(508));
            let follows = if later.is_empty() { 0 } else { next };
            overflow.extend(u32::try_from(follows).unwrap().to_be_bytes());
            overflow.extend_from_slice(now);
            overflow.resize(overflow.len() + 508 - now.len(), 0);
            rest = later;
        }
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(&cell);
        let at = top + 8 + 2 * index;
        page[at..at + 2].copy_from_slice(&u16::try_from(end).unwrap().to_be_bytes());
    }
    page
}

#[test]
fn rows_are_read_also_where_they_lie_on_several_pages() {
    let long = vec![b'x'; 3_000];
    let records = [record(&[b"\x07", b"ab"]), record(&[b"\xff", &long])];
    let file = made("tt", &records);
    let database = Database::open(&file).unwrap();
    let rows = database.rows("tt").unwrap();
    assert_eq!(rows, records);
    assert_eq!(columns(&rows[0]).unwrap(), [Column::Number(7), Column::Bytes(b"ab")]);
    assert_eq!(columns(&rows[1]).unwrap(), [Column::Number(-1), Column::Bytes(&long)]);
    assert_eq!(database.rows("other"), Err("it has no such table"));
}

#[test]
fn whatever_is_broken_is_an_error_and_ends() {
    let file = made("tt", &[record(&[b"\x07", &[b'x'; 3_000]])]);
    for length in 0..file.len() {
        let cut = &file[..length];
        assert!(Database::open(cut).and_then(|own| own.rows("tt")).is_err(), "{length}");
    }
    // Any byte may be anything: nothing panics, nothing goes on for ever.
    for at in 0..file.len() {
        for value in [0, 1, 2, 5, 13, 0x7f, 0x80, 0xff] {
            let mut odd = file.clone();
            odd[at] = value;
            if let Ok(rows) = Database::open(&odd).and_then(|own| own.rows("tt")) {
                for row in &rows {
                    drop(columns(row));
                }
            }
        }
    }
    // A page of overflow that names itself.
    let mut circle = file.clone();
    circle[1024..1028].copy_from_slice(&3_u32.to_be_bytes());
    let rows = Database::open(&circle).unwrap().rows("tt").unwrap();
    assert_eq!(rows[0].len(), record(&[b"\x07", &[b'x'; 3_000]]).len(), "as long as it says");
    for odd in [&b""[..], &[0x81], &[0xff; 9], &[2, 10], &[3, 0x8f]] {
        assert!(columns(odd).is_err(), "{odd:?}");
    }
}

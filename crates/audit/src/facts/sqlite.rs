//! Rows of a table in a file of `SQLite`, read from its bytes: enough for the data base of rpm, which may be a stranger's.
//!
//! The format is that of <https://www.sqlite.org/fileformat2.html>: pages, trees of tables, records, chains of overflow.
//!
//! Invariants: nothing is executed and nothing written; each page is visited a bounded number of times, so that pages that
//! name each other end; what is collected has a bound; a file that breaks off is an error and never a short list.

/// What is read of a file in all: payloads of rows.
const PAYLOAD_BYTES_MAX: usize = 512 * 1024 * 1024;
/// The largest row.
const ROW_BYTES_MAX: usize = 64 * 1024 * 1024;
const DEPTH_MAX: usize = 24;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A value of a record, of those that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column<'r> {
    Null,
    Number(i64),
    /// Text or bytes.
    Bytes(&'r [u8]),
    /// A number with a fraction.
    Other,
}

/// A file.
#[derive(Debug)]
pub(super) struct Database<'f> {
    bytes: &'f [u8],
    page_bytes: usize,
    /// Of a page, without what is reserved at its end.
    usable: usize,
}

type Read<T> = Result<T, &'static str>;

impl<'f> Database<'f> {
    pub(super) fn open(bytes: &'f [u8]) -> Read<Self> {
        if !bytes.starts_with(MAGIC) {
            return Err("it is no file of SQLite");
        }
        let page_bytes = match number(bytes, 16, 2)? {
            1 => 65_536,
            size if size >= 512 && size.is_power_of_two() => size,
            _ => return Err("its pages have an odd size"),
        };
        let reserved = number(bytes, 20, 1)?;
        let usable = page_bytes.checked_sub(reserved).filter(|usable| *usable >= 480);
        Ok(Self { bytes, page_bytes, usable: usable.ok_or("its pages have no room")? })
    }

    /// The records of a table, by its name.
    pub(super) fn rows(&self, table: &str) -> Read<Vec<Vec<u8>>> {
        let root = self.tree(1)?.iter().find_map(|row| {
            let columns = columns(row).ok()?;
            let is_it = columns.first() == Some(&Column::Bytes(b"table"))
                && columns.get(1) == Some(&Column::Bytes(table.as_bytes()));
            match columns.get(3) {
                Some(Column::Number(root)) if is_it => usize::try_from(*root).ok(),
                _ => None,
            }
        });
        self.tree(root.ok_or("it has no such table")?)
    }

    fn page(&self, number: usize) -> Read<&'f [u8]> {
        let start = number.checked_sub(1).and_then(|before| before.checked_mul(self.page_bytes));
        let start = start.ok_or("a page has the number 0")?;
        let end = start.checked_add(self.usable).ok_or("a page lies behind everything")?;
        self.bytes.get(start..end).ok_or("it breaks off")
    }

    /// The records of a tree of a table, in order.
    fn tree(&self, root: usize) -> Read<Vec<Vec<u8>>> {
        let mut budget = self.bytes.len() / self.page_bytes + 1;
        let mut left = PAYLOAD_BYTES_MAX;
        let mut rows = Vec::new();
        // Deepest first: children are pushed backwards.
        let mut open = vec![(root, 0_usize)];
        while let Some((number_of, depth)) = open.pop() {
            budget = budget.checked_sub(1).ok_or("its pages name each other")?;
            if depth > DEPTH_MAX {
                return Err("its tree is too deep");
            }
            let page = self.page(number_of)?;
            // The first page begins with the file's own header.
            let top = if number_of == 1 { 100 } else { 0 };
            let cells = number(page, top + 3, 2)?;
            let kind = number(page, top, 1)?;
            let head = top + if kind == 5 { 12 } else { 8 };
            let cell = |index: usize| number(page, head + 2 * index, 2);
            match kind {
                13 => {
                    for index in 0..cells {
                        let row = self.row(page, cell(index)?, &mut budget)?;
                        left = left.checked_sub(row.len()).ok_or("it is too large")?;
                        rows.push(row);
                    }
                }
                5 => {
                    open.push((number(page, top + 8, 4)?, depth + 1));
                    for index in (0..cells).rev() {
                        open.push((number(page, cell(index)?, 4)?, depth + 1));
                    }
                }
                _ => return Err("a page of its tree is none"),
            }
        }
        Ok(rows)
    }

    /// A record, with what of it lies on other pages.
    fn row(&self, page: &[u8], at: usize, budget: &mut usize) -> Read<Vec<u8>> {
        let (size, used) = varint(page, at)?;
        let size = usize::try_from(size).ok().filter(|size| *size <= ROW_BYTES_MAX);
        let size = size.ok_or("a row is too large")?;
        let (_rowid, more) = varint(page, at + used)?;
        let start = at + used + more;
        let local = self.local(size);
        let own = page.get(start..start + local).ok_or("a row leaves its page")?;
        let mut row = Vec::with_capacity(size);
        row.extend_from_slice(own);
        if local == size {
            return Ok(row);
        }
        let mut next = number(page, start + local, 4)?;
        while row.len() < size {
            *budget = budget.checked_sub(1).ok_or("its pages name each other")?;
            let page = self.page(next)?;
            next = number(page, 0, 4)?;
            let rest = page.get(4..).unwrap_or_default();
            row.extend_from_slice(rest.get(..rest.len().min(size - row.len())).unwrap_or_default());
        }
        Ok(row)
    }

    /// How much of a row lies on its own page.
    fn local(&self, size: usize) -> usize {
        let most = self.usable - 35;
        if size <= most {
            return size;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let kept = least + (size - least) % (self.usable - 4);
        if kept <= most { kept } else { least }
    }
}

/// The columns of a record.
pub(super) fn columns(row: &[u8]) -> Read<Vec<Column<'_>>> {
    let (head, mut at) = varint(row, 0)?;
    let head = usize::try_from(head).ok().filter(|head| *head <= row.len());
    let head = head.ok_or("a record is shorter than its head")?;
    let mut body = head;
    let mut all = Vec::new();
    while at < head {
        let (kind, used) = varint(row, at)?;
        at += used;
        let size = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).unwrap_or(0),
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err("a record has a column of no kind"),
            _ => usize::try_from((kind - 12) / 2).map_err(|_huge| "a column is too large")?,
        };
        let end = body.checked_add(size).ok_or("a column is too large")?;
        let own = row.get(body..end).ok_or("a record breaks off")?;
        body = end;
        all.push(match kind {
            0 => Column::Null,
            8 => Column::Number(0),
            9 => Column::Number(1),
            1..=6 => Column::Number(signed(own)),
            7 => Column::Other,
            _ => Column::Bytes(own),
        });
    }
    Ok(all)
}

/// Big end first, with a sign.
fn signed(bytes: &[u8]) -> i64 {
    let fill = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1_i64 } else { 0 };
    bytes.iter().fold(fill, |value, byte| value << 8 | i64::from(*byte))
}

/// Big end first, without one.
fn number(bytes: &[u8], at: usize, size: usize) -> Read<usize> {
    let own = at.checked_add(size).and_then(|end| bytes.get(at..end)).ok_or("it breaks off")?;
    Ok(own.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)))
}

/// A number of one to nine bytes, and how many.
fn varint(bytes: &[u8], at: usize) -> Read<(u64, usize)> {
    let mut value = 0_u64;
    for used in 0..9 {
        let byte = at.checked_add(used).and_then(|at| bytes.get(at)).ok_or("it breaks off")?;
        if used == 8 {
            return Ok((value << 8 | u64::from(*byte), 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok((value, used + 1));
        }
    }
    Err("a number has no end")
}

#[cfg(test)]
pub(super) mod tests;

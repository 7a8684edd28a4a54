//! The database: its tables, what is in them at the first start, and every query that is safe.

use crate::{OpenError, accounts, now};
use rusqlite::{Connection, params};
use serde::Serialize;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, email TEXT NOT NULL,
        role TEXT NOT NULL, password TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS instruments (
        symbol TEXT PRIMARY KEY, name TEXT NOT NULL, sector TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS orders (
        id INTEGER PRIMARY KEY, user TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
        quantity INTEGER NOT NULL, cents INTEGER NOT NULL, status TEXT NOT NULL, at INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS orders_of_user ON orders (user, id);
    CREATE TABLE IF NOT EXISTS comments (
        id INTEGER PRIMARY KEY, author TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL);
";

/// Name, mail address, role and password of the users of the first start.
const USERS: [(&str, &str, &str, &str); 3] = [
    ("trader", "trader@exchange.example", "trader", "correct horse battery staple"),
    ("desk", "desk@exchange.example", "desk", "quiet harbour lantern seven"),
    ("auditor", "auditor@exchange.example", "auditor", "paper trail under glass"),
];

/// Symbol, name, sector and first price in cents of each instrument.
pub(crate) const INSTRUMENTS: [(&str, &str, &str, i32); 14] = [
    ("ALDR", "Alder & Finch Bank", "Finance", 6_142),
    ("CLRD", "Clearwater Utilities", "Utilities", 3_375),
    ("FJRD", "Fjord Fisheries", "Food", 2_218),
    ("GRNT", "Granite Insurance", "Finance", 11_890),
    ("HLX", "Helix Diagnostics", "Health", 20_455),
    ("KEEL", "Keelson Marine", "Transport", 1_746),
    ("LUMN", "Lumen Optics", "Technology", 8_930),
    ("NRTH", "Northgate Shipping", "Transport", 4_820),
    ("ORBT", "Orbital Freight", "Transport", 15_312),
    ("PRSM", "Prism Media", "Media", 987),
    ("QRTZ", "Quartzite Mining", "Materials", 5_604),
    ("SLRA", "Solara Energy", "Energy", 7_265),
    ("TMBR", "Timberline Paper", "Materials", 2_890),
    ("VOLT", "Volta Motors", "Automotive", 13_478),
];

/// Most orders that one user keeps.
pub(crate) const ORDERS_MAX: i64 = 10_000;
/// Most comments that are kept.
const COMMENTS_MAX: i64 = 200;

/// One order.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) symbol: String,
    pub(crate) side: String,
    pub(crate) quantity: u32,
    pub(crate) price: f64,
    pub(crate) status: String,
    pub(crate) at: i64,
}

/// An order that is not in the database yet.
pub(crate) struct NewOrder<'a> {
    pub(crate) symbol: &'a str,
    pub(crate) side: &'a str,
    pub(crate) quantity: u32,
    pub(crate) cents: i32,
    pub(crate) status: &'a str,
}

/// One message on the board.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comment {
    pub(crate) id: i64,
    pub(crate) author: String,
    pub(crate) text: String,
    pub(crate) at: i64,
}

/// A found instrument; with a query that was tampered with, whatever it found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) symbol: String,
    pub(crate) name: String,
    pub(crate) sector: String,
}

/// The one connection.
pub(crate) struct Database {
    connection: Mutex<Connection>,
}

impl Database {
    /// Opens it, and fills it if it is new.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        let database = Self { connection: Mutex::new(connection) };
        let users: i64 =
            database.lock().query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
        if users == 0 {
            database.fill()?;
        }
        Ok(database)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self) -> Result<(), OpenError> {
        for (name, email, role, password) in USERS {
            let hash = accounts::hash(password).ok_or(OpenError::Password)?;
            self.lock().execute(
                "INSERT INTO users (name, email, role, password) VALUES (?1, ?2, ?3, ?4)",
                params![name, email, role, hash],
            )?;
        }
        for (symbol, name, sector, _) in INSTRUMENTS {
            let insert = "INSERT INTO instruments (symbol, name, sector) VALUES (?1, ?2, ?3)";
            self.lock().execute(insert, params![symbol, name, sector])?;
        }
        let order = |symbol, side, quantity, cents, status| NewOrder {
            symbol,
            side,
            quantity,
            cents,
            status,
        };
        for new in [
            order("NRTH", "buy", 400, 4_795, "filled"),
            order("HLX", "buy", 60, 20_310, "filled"),
            order("PRSM", "sell", 1_500, 1_002, "filled"),
            order("VOLT", "buy", 80, 12_900, "open"),
        ] {
            self.add_order("trader", &new)?;
        }
        self.add_comment("desk", "Settlement for Northgate moves to Thursday this week.")?;
        self.add_comment("auditor", "September statements are up; please check yours by Friday.")?;
        self.add_comment("trader", "Helix spread is back under 4 ct since the open.")?;
        Ok(())
    }

    /// The hash of a user's password.
    pub(crate) fn password(&self, user: &str) -> rusqlite::Result<Option<String>> {
        let found = self.lock().query_row(
            "SELECT password FROM users WHERE name = ?1",
            params![user],
            |row| row.get(0),
        );
        match found {
            Ok(hash) => Ok(Some(hash)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Instruments whose name or symbol holds a text.
    pub(crate) fn search(&self, text: &str) -> rusqlite::Result<Vec<Found>> {
        let sql = "SELECT symbol, name, sector FROM instruments
                   WHERE instr(lower(name), lower(?1)) OR instr(lower(symbol), lower(?1))
                   ORDER BY symbol LIMIT 50";
        let connection = self.lock();
        let mut statement = connection.prepare(sql)?;
        statement.query_map(params![text], found)?.collect()
    }

    /// The hole: a query made of the client's own words.
    pub(crate) fn search_unsafely(&self, text: &str) -> rusqlite::Result<Vec<Found>> {
        let sql = format!(
            "SELECT symbol, name, sector FROM instruments WHERE name || ' ' || symbol LIKE '%{text}%'"
        );
        let connection = self.lock();
        let mut statement = connection.prepare(&sql)?;
        statement.query_map([], found)?.take(500).collect()
    }

    /// Adds an order; `None` when the user has as many as are kept.
    pub(crate) fn add_order(
        &self,
        user: &str,
        new: &NewOrder<'_>,
    ) -> rusqlite::Result<Option<i64>> {
        let connection = self.lock();
        let sql = "SELECT count(*) FROM orders WHERE user = ?1";
        let count: i64 = connection.query_row(sql, params![user], |row| row.get(0))?;
        if count >= ORDERS_MAX {
            return Ok(None);
        }
        connection.execute(
            "INSERT INTO orders (user, symbol, side, quantity, cents, status, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![user, new.symbol, new.side, new.quantity, new.cents, new.status, now()],
        )?;
        Ok(Some(connection.last_insert_rowid()))
    }

    /// The newest orders of a user.
    pub(crate) fn orders(&self, user: &str) -> rusqlite::Result<Vec<Order>> {
        let sql = "SELECT id, symbol, side, quantity, cents, status, at FROM orders
                   WHERE user = ?1 ORDER BY id DESC LIMIT 100";
        let connection = self.lock();
        let mut statement = connection.prepare(sql)?;
        let order = |row: &rusqlite::Row<'_>| {
            Ok(Order {
                id: row.get(0)?,
                symbol: row.get(1)?,
                side: row.get(2)?,
                quantity: row.get(3)?,
                price: f64::from(row.get::<_, i32>(4)?) / 100.0,
                status: row.get(5)?,
                at: row.get(6)?,
            })
        };
        statement.query_map(params![user], order)?.collect()
    }

    /// Adds a comment, and drops the oldest ones past the bound.
    pub(crate) fn add_comment(&self, author: &str, text: &str) -> rusqlite::Result<i64> {
        let connection = self.lock();
        let insert = "INSERT INTO comments (author, text, at) VALUES (?1, ?2, ?3)";
        connection.execute(insert, params![author, text, now()])?;
        let id = connection.last_insert_rowid();
        connection.execute("DELETE FROM comments WHERE id <= ?1", params![id - COMMENTS_MAX])?;
        Ok(id)
    }

    /// The comments, newest first.
    pub(crate) fn comments(&self) -> rusqlite::Result<Vec<Comment>> {
        let connection = self.lock();
        let sql = "SELECT id, author, text, at FROM comments ORDER BY id DESC";
        let mut statement = connection.prepare(sql)?;
        let comment = |row: &rusqlite::Row<'_>| {
            Ok(Comment { id: row.get(0)?, author: row.get(1)?, text: row.get(2)?, at: row.get(3)? })
        };
        statement.query_map([], comment)?.collect()
    }
}

fn found(row: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found { symbol: row.get(0)?, name: row.get(1)?, sector: row.get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_filled_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("exchange.db");
        let hash = Database::open(&path).unwrap().password("trader").unwrap().unwrap();
        let again = Database::open(&path).unwrap();
        assert_eq!(again.password("trader").unwrap(), Some(hash));
        assert_eq!(again.password("nobody").unwrap(), None);
        assert_eq!(again.orders("trader").unwrap().len(), 4);
        assert_eq!(again.orders("desk").unwrap().len(), 0);
        assert_eq!(again.comments().unwrap().len(), 3);
    }

    #[test]
    fn a_user_keeps_so_many_orders() {
        let database = Database::open(Path::new(":memory:")).unwrap();
        let new = NewOrder { symbol: "NRTH", side: "buy", quantity: 1, cents: 1, status: "filled" };
        database.lock().execute_batch("BEGIN").unwrap();
        for _ in 0..ORDERS_MAX {
            assert!(database.add_order("desk", &new).unwrap().is_some());
        }
        assert_eq!(database.add_order("desk", &new).unwrap(), None);
        assert!(
            database.add_order("trader", &new).unwrap().is_some(),
            "each has a bound of their own"
        );
        assert_eq!(database.orders("desk").unwrap().len(), 100);
    }

    #[test]
    fn only_the_unsafe_search_reads_sql() {
        let database = Database::open(Path::new(":memory:")).unwrap();
        for text in ["' OR '1'='1", "%", "_", "'; DROP TABLE users --"] {
            assert_eq!(database.search(text).unwrap().len(), 0, "{text}");
        }
        assert_eq!(database.search_unsafely("' OR '1'='1").unwrap().len(), 14);
        assert_eq!(database.search("volt").unwrap().len(), 1);
        assert_eq!(database.search_unsafely("volt").unwrap().len(), 1);
        assert!(database.search_unsafely("'").is_err());
    }

    #[test]
    fn instruments_are_in_order_and_unique() {
        assert!(INSTRUMENTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}

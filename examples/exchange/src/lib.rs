//! Exchange: a small trading application that Burgrave is shown with.
//!
//! It stands for what a business really runs behind a gateway: sign-in, orders, search, a message
//! board, uploads, statements, live prices. With [`Options::vulnerable`] it leaves real holes open
//! (SQL injection, stored XSS, path traversal, command injection, talkative errors), so that an
//! attack can be seen to succeed on the bare application and to fail through Burgrave. Without it
//! each of them is closed, and a test shows both.
//!
//! Invariants: it is bounded in what it keeps; the holes are the only difference that the switch
//! makes.

#![expect(clippy::disallowed_methods, reason = "a sample application, not part of Burgrave")]

mod accounts;
mod board;
mod database;
mod failure;
mod feeds;
mod files;
mod market;
mod orders;
mod pages;
mod search;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{Json, Response};
use axum::routing::{get, post};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// What the application calls itself, to everyone who asks.
const PRODUCT: &str = "exchange/0.1";
/// Most bytes of a request's body, except uploads.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How the application is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// `SQLite` file, or `:memory:`.
    pub database: PathBuf,
    /// Directory with the front end.
    pub web: PathBuf,
    /// Directory for statements and uploads; `None`: a temporary one, removed at the end.
    pub data: Option<PathBuf>,
    /// Leaves the holes open.
    pub vulnerable: bool,
}

/// Why the application cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database cannot be opened or filled.
    #[error("the database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A directory cannot be read or made.
    #[error("`{}`: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A password could not be hashed.
    #[error("hashing a password failed")]
    Password,
}

/// The application, ready to serve.
pub struct Exchange {
    state: Arc<State>,
}

/// What all handlers share.
pub(crate) struct State {
    pub(crate) vulnerable: bool,
    pub(crate) database: database::Database,
    pub(crate) sessions: accounts::Sessions,
    pub(crate) files: files::Store,
    pub(crate) pages: pages::Pages,
    pub(crate) market: market::Market,
    /// Bounds work that is slow on purpose: hashing passwords, running commands.
    pub(crate) heavy: Semaphore,
    pub(crate) watchers: Arc<Semaphore>,
    pub(crate) stopping: watch::Sender<bool>,
}

impl Exchange {
    /// Opens the database, makes the files and loads the front end.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let state = State {
            vulnerable: options.vulnerable,
            database: database::Database::open(&options.database)?,
            sessions: accounts::Sessions::default(),
            files: files::Store::open(options.data.as_deref())?,
            pages: pages::Pages::load(&options.web)?,
            market: market::Market::new(),
            heavy: Semaphore::new(2),
            watchers: Arc::new(Semaphore::new(market::WATCHERS_MAX)),
            stopping: watch::Sender::new(false),
        };
        Ok(Self { state: Arc::new(state) })
    }

    /// Serves until `ended`, then lets requests that are under way finish for at most `grace`.
    pub async fn serve(
        self,
        listener: TcpListener,
        ended: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> std::io::Result<()> {
        let state = Arc::clone(&self.state);
        let ticks = tokio::spawn(market::run(Arc::clone(&state)));
        let mut stopping = state.stopping.subscribe();
        let stop = Arc::clone(&state);
        let signal = async move {
            ended.await;
            stop.stopping.send_replace(true);
        };
        let served = axum::serve(listener, self.router()).with_graceful_shutdown(signal);
        let late = async {
            if stopping.wait_for(|stopping| *stopping).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(grace).await;
        };
        let outcome = tokio::select! {
            outcome = served => outcome,
            () = late => Ok(()),
        };
        ticks.abort();
        outcome
    }

    fn router(&self) -> Router {
        let upload = post(files::upload).layer(DefaultBodyLimit::max(files::UPLOAD_BYTES_MAX));
        Router::new()
            .route("/api/health", get(health))
            .route(
                "/api/session",
                get(accounts::who).post(accounts::sign_in).delete(accounts::sign_out),
            )
            .route("/api/instruments", get(market::instruments))
            .route("/api/prices", get(market::prices))
            .route("/api/search", get(search::search))
            .route("/api/orders", get(orders::list).post(orders::place))
            .route("/api/comments", get(board::list).post(board::write))
            .route("/api/statements", get(files::statement))
            .route("/api/upload", upload)
            .route("/api/feeds/check", get(feeds::check))
            .route("/board", get(board::page))
            .fallback(pages::page)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(map_response(boast))
            .with_state(Arc::clone(&self.state))
    }
}

async fn health() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

/// Tells everyone what runs here, as many products do.
async fn boast(mut response: Response) -> Response {
    let product = HeaderValue::from_static(PRODUCT);
    response.headers_mut().insert(header::SERVER, product.clone());
    response.headers_mut().insert(HeaderName::from_static("x-powered-by"), product);
    response
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Random bytes as hexadecimal digits.
pub(crate) fn random_hex<const N: usize>() -> std::io::Result<String> {
    use rustix::rand::{GetRandomFlags, getrandom};
    let mut bytes = [0_u8; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += getrandom(rest, GetRandomFlags::empty())?;
    }
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect())
}

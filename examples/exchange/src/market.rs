//! The market: prices that walk at random, the same walk after every start.

use crate::State as App;
use crate::database::INSTRUMENTS;
use crate::failure::Failure;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{Json, Response};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Most clients that watch the prices at once.
pub(crate) const WATCHERS_MAX: usize = 500;
/// Between two prices.
const TICK: Duration = Duration::from_millis(500);
/// Prices that are kept of each instrument.
const HISTORY: usize = 60;
/// How long a watcher may take to accept a price.
const SEND_TIME: Duration = Duration::from_secs(10);

struct Quote {
    symbol: &'static str,
    name: &'static str,
    sector: &'static str,
    base: i32,
    open: i32,
    history: VecDeque<i32>,
}

struct Walk {
    quotes: Vec<Quote>,
    random: u32,
}

/// All prices, now and before.
pub(crate) struct Market {
    walk: Mutex<Walk>,
    ticks: watch::Sender<Arc<str>>,
}

impl Walk {
    fn new() -> Self {
        let quotes = INSTRUMENTS.iter().map(|&(symbol, name, sector, base)| Quote {
            symbol,
            name,
            sector,
            base,
            open: base,
            history: VecDeque::from([base]),
        });
        let mut walk = Self { quotes: quotes.collect(), random: 0x9e37_79b9 };
        for _ in 0..HISTORY {
            walk.step();
        }
        for quote in &mut walk.quotes {
            quote.open = quote.history.front().copied().unwrap_or(quote.base);
        }
        walk
    }

    /// The next number of the sequence, -100 to 100 (Marsaglia, "Xorshift RNGs", 2003).
    fn draw(random: &mut u32) -> i32 {
        *random ^= *random << 13;
        *random ^= *random >> 17;
        *random ^= *random << 5;
        i32::try_from(*random % 201).unwrap_or_default() - 100
    }

    /// Moves each price by up to 0.4 %, with a pull back to where it began.
    fn step(&mut self) {
        for quote in &mut self.quotes {
            let cents = quote.history.back().copied().unwrap_or(quote.base);
            let pull = (quote.base - cents) / 60;
            let move_by = cents * Self::draw(&mut self.random) / 25_000;
            quote.history.push_back((cents + move_by + pull).clamp(quote.base / 4, quote.base * 4));
            if quote.history.len() > HISTORY {
                quote.history.pop_front();
            }
        }
    }

    fn prices(&self) -> Arc<str> {
        let prices = self.quotes.iter().map(|quote| (quote.symbol, quote.history.back()));
        json!({ "prices": prices.collect::<std::collections::BTreeMap<_, _>>() }).to_string().into()
    }
}

impl Market {
    /// The market as it is at every start, with a history.
    pub(crate) fn new() -> Self {
        let walk = Walk::new();
        let ticks = watch::Sender::new(walk.prices());
        Self { walk: Mutex::new(walk), ticks }
    }

    fn lock(&self) -> MutexGuard<'_, Walk> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The price of an instrument in cents.
    pub(crate) fn cents(&self, symbol: &str) -> Option<i32> {
        let walk = self.lock();
        let quote = walk.quotes.iter().find(|quote| quote.symbol == symbol)?;
        quote.history.back().copied()
    }

    fn tick(&self) {
        let mut walk = self.lock();
        walk.step();
        self.ticks.send_replace(walk.prices());
    }
}

/// Moves the prices until the application ends.
pub(crate) async fn run(app: Arc<App>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        app.market.tick();
    }
}

/// `GET /api/instruments`: names, prices and the history of each, in cents.
pub(crate) async fn instruments(State(app): State<Arc<App>>) -> Json<Vec<Value>> {
    let walk = app.market.lock();
    let rows = walk.quotes.iter().map(|quote| {
        json!({
            "symbol": quote.symbol,
            "name": quote.name,
            "sector": quote.sector,
            "open": quote.open,
            "price": quote.history.back(),
            "history": quote.history,
        })
    });
    Json(rows.collect())
}

/// `GET /api/prices`: a WebSocket with all prices in cents, twice a second.
pub(crate) async fn prices(
    State(app): State<Arc<App>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Failure> {
    let Ok(permit) = Arc::clone(&app.watchers).try_acquire_owned() else {
        return Err(Failure::Refused(StatusCode::SERVICE_UNAVAILABLE, "too many are watching"));
    };
    let upgrade = upgrade.max_message_size(4_096);
    Ok(upgrade.on_upgrade(move |socket| feed(socket, app, permit)))
}

/// Sends every price until the client leaves or the application ends.
async fn feed(mut socket: WebSocket, app: Arc<App>, _permit: OwnedSemaphorePermit) {
    let mut ticks = app.market.ticks.subscribe();
    ticks.mark_changed();
    let mut stopping = app.stopping.subscribe();
    let stopped = async move { stopping.wait_for(|stopping| *stopping).await.is_ok() };
    let mut stopped = std::pin::pin!(stopped);
    loop {
        tokio::select! {
            changed = ticks.changed() => {
                let text = ticks.borrow_and_update().to_string();
                let send = timeout(SEND_TIME, socket.send(Message::Text(text.into())));
                if changed.is_err() || !matches!(send.await, Ok(Ok(()))) {
                    return;
                }
            }
            message = socket.recv() => {
                if !matches!(message, Some(Ok(_))) {
                    return;
                }
            }
            _ = &mut stopped => {
                // The client is told, if it still listens.
                drop(timeout(SEND_TIME, socket.send(Message::Close(None))).await);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_is_the_same_after_every_start() {
        let (mut one, mut other) = (Walk::new(), Walk::new());
        for _ in 0..100 {
            one.step();
            other.step();
            assert_eq!(one.prices(), other.prices());
        }
    }

    #[test]
    fn prices_move_and_stay_within_bounds() {
        let mut walk = Walk::new();
        let before = walk.prices();
        for _ in 0..5_000 {
            walk.step();
        }
        assert_ne!(walk.prices(), before);
        for quote in &walk.quotes {
            let cents = *quote.history.back().unwrap();
            assert!(cents > quote.base / 2 && cents < quote.base * 2, "{} {cents}", quote.symbol);
            assert_eq!(quote.history.len(), HISTORY);
        }
    }

    #[test]
    fn only_known_instruments_have_a_price() {
        let market = Market::new();
        assert!(market.cents("NRTH").is_some());
        assert_eq!(market.cents("nrth"), None);
        assert_eq!(market.cents(""), None);
    }
}

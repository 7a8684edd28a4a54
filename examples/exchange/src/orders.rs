//! Orders: a user's own, as JSON.

use crate::State as App;
use crate::accounts::User;
use crate::database::{NewOrder, Order};
use crate::failure::Failure;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Most pieces of one order.
const QUANTITY_MAX: u32 = 1_000_000;
/// Highest price in cents.
const CENTS_MAX: i32 = 100_000_000;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Buy,
    Sell,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ticket {
    symbol: String,
    side: Side,
    quantity: u32,
    /// In cents. Without it: at the market's price.
    limit_cents: Option<i32>,
}

/// `GET /api/orders`: the newest hundred.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    User(user): User,
) -> Result<Json<Vec<Order>>, Failure> {
    let orders = app.database.orders(&user);
    orders.map(Json).map_err(|error| app.fault("orders::list", "listing orders", error))
}

/// `POST /api/orders`: places one, which is filled at once if the market's price allows it.
pub(crate) async fn place(
    State(app): State<Arc<App>>,
    User(user): User,
    ticket: Result<Json<Ticket>, axum::extract::rejection::JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let Ok(Json(ticket)) = ticket else {
        return Err(Failure::bad(
            "an order has `symbol`, `side`, `quantity` and maybe `limit_cents`",
        ));
    };
    let Some(market) = app.market.cents(&ticket.symbol) else {
        return Err(Failure::bad("there is no such instrument"));
    };
    if !(1..=QUANTITY_MAX).contains(&ticket.quantity) {
        return Err(Failure::bad("the quantity goes from 1 to 1000000"));
    }
    if ticket.limit_cents.is_some_and(|cents| !(1..=CENTS_MAX).contains(&cents)) {
        return Err(Failure::bad("the limit goes from 1 to 100000000 cents"));
    }
    let (side, fits) = match (ticket.side, ticket.limit_cents) {
        (Side::Buy, limit) => ("buy", limit.is_none_or(|limit| limit >= market)),
        (Side::Sell, limit) => ("sell", limit.is_none_or(|limit| limit <= market)),
    };
    let cents = if fits { market } else { ticket.limit_cents.unwrap_or(market) };
    let status = if fits { "filled" } else { "open" };
    let new = NewOrder { symbol: &ticket.symbol, side, quantity: ticket.quantity, cents, status };
    let added = app.database.add_order(&user, &new);
    let added = added.map_err(|error| app.fault("orders::place", "placing an order", error))?;
    let Some(id) = added else {
        return Err(Failure::Refused(StatusCode::CONFLICT, "you have as many orders as are kept"));
    };
    let price = f64::from(cents) / 100.0;
    Ok((StatusCode::CREATED, Json(json!({ "id": id, "price": price, "status": status }))))
}

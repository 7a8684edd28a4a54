// The desk: one table that follows the price feed, and forms that talk to the application.
"use strict";

const byId = (id) => document.getElementById(id);
const money = (cents) => (cents / 100).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
/** The hour of a time of today, otherwise the day as well. */
function time(seconds) {
  const at = new Date(seconds * 1000), hour = { hour: "2-digit", minute: "2-digit" };
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString("en-GB", today ? hour : { day: "2-digit", month: "short", ...hour });
}

/** An element with a class and either text or children. Text is never read as HTML. */
function make(tag, name, content) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (Array.isArray(content)) element.append(...content);
  else if (content !== undefined) element.textContent = content;
  return element;
}

function say(id, text, kind) {
  const note = byId(id);
  note.textContent = text;
  note.className = kind ? `note ${kind}` : "note";
}

/** The answer's JSON, or an error in the application's own words. */
async function call(path, options) {
  const response = await fetch(path, options);
  let body = null;
  try { body = await response.json(); } catch { /* A page instead of JSON: the status says enough. */ }
  if (!response.ok) throw new Error((body && body.error) || `refused (${response.status})`);
  return body;
}

const json = (method, value) => ({ method, headers: { "content-type": "application/json" }, body: JSON.stringify(value) });

// Market -----------------------------------------------------------------------------------------

const market = new Map();
const HISTORY = 60;

function spark(values) {
  const low = Math.min(...values), high = Math.max(...values), span = high - low || 1;
  return values.map((value, at) => `${((at / (HISTORY - 1)) * 104).toFixed(1)},${(22 - ((value - low) / span) * 20).toFixed(1)}`).join(" ");
}

function row(quote) {
  const pick = make("button", "pick", quote.symbol);
  pick.type = "button";
  pick.setAttribute("aria-label", `Trade ${quote.symbol}, ${quote.name}`);
  pick.addEventListener("click", () => {
    byId("symbol").value = quote.symbol;
    estimate();
    byId("ticket").elements.quantity.focus();
  });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 104 24");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  svg.append(line);
  const price = make("span", "price"), change = make("td", "num");
  const element = make("tr", "", [
    make("td", "", [pick]), make("td", "wide", quote.name), make("td", "wide", quote.sector),
    make("td", "num", [price]), change, make("td", "trend", [svg]),
  ]);
  return { element, price, change, svg, line };
}

function draw(quote) {
  const { price, change, svg, line } = quote.row;
  const percent = ((quote.price - quote.open) / quote.open) * 100, side = percent < 0 ? "down" : "up";
  price.textContent = money(quote.price);
  change.textContent = `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(2)} %`;
  change.className = `num ${side}`;
  svg.setAttribute("class", `spark ${quote.history.at(-1) < quote.history[0] ? "down" : "up"}`);
  line.setAttribute("points", spark(quote.history));
}

async function loadMarket() {
  const body = byId("instruments");
  for (const quote of await call("/api/instruments")) {
    quote.row = row(quote);
    market.set(quote.symbol, quote);
    body.append(quote.row.element);
    draw(quote);
    const option = make("option", "", `${quote.symbol} · ${quote.name}`);
    option.value = quote.symbol;
    byId("symbol").append(option);
  }
  byId("symbol").value = "NRTH";
  estimate();
}

function follow(wait) {
  const feed = byId("feed"), text = byId("feed-text");
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/api/prices`);
  socket.addEventListener("message", (event) => {
    wait = 1000;
    feed.className = "feed live";
    text.textContent = "live";
    for (const [symbol, cents] of Object.entries(JSON.parse(event.data).prices)) {
      const quote = market.get(symbol);
      if (!quote) continue;
      const mark = quote.row.price;
      mark.classList.remove("rose", "fell");
      if (cents !== quote.price) {
        mark.classList.add(cents > quote.price ? "rose" : "fell");
        setTimeout(() => mark.classList.remove("rose", "fell"), 250);
      }
      quote.price = cents;
      quote.history.push(cents);
      if (quote.history.length > HISTORY) quote.history.shift();
      draw(quote);
    }
    estimate();
  });
  socket.addEventListener("close", () => {
    feed.className = "feed lost";
    text.textContent = "reconnecting";
    setTimeout(() => follow(Math.min(wait * 2, 30000)), wait);
  });
}

async function search() {
  const q = byId("q").value.trim(), note = byId("search-note"), body = byId("instruments");
  body.querySelectorAll(".found").forEach((row) => row.remove());
  note.hidden = true;
  if (!q) {
    for (const quote of market.values()) quote.row.element.hidden = false;
    return;
  }
  try {
    const found = await call(`/api/search?q=${encodeURIComponent(q)}`);
    const symbols = new Set(found.map((item) => item.symbol));
    for (const quote of market.values()) quote.row.element.hidden = !symbols.has(quote.symbol);
    for (const item of found.filter((item) => !market.has(item.symbol))) {
      const cell = make("td", "", `${item.symbol} ${item.name} ${item.sector}`);
      cell.colSpan = 6;
      body.append(make("tr", "found", [cell]));
    }
    note.textContent = `Nothing is called “${q}”.`;
    note.hidden = found.length > 0;
  } catch (error) {
    note.textContent = `Search: ${error.message}`;
    note.hidden = false;
  }
}

// Account and orders -----------------------------------------------------------------------------

let user = null;

function empty(columns, text) {
  const cell = make("td", "", text);
  cell.colSpan = columns;
  return make("tr", "empty", [cell]);
}

async function loadOrders() {
  const body = byId("orders");
  if (!body) return;
  const withValue = "value" in body.dataset;
  if (!user) return body.replaceChildren(empty(7, "Sign in to see your orders."));
  const orders = (await call("/api/orders")).slice(0, Number(body.dataset.rows));
  if (!orders.length) return body.replaceChildren(empty(7, "No orders yet."));
  body.replaceChildren(...orders.map((order) => make("tr", "", [
    make("td", "", time(order.at)),
    make("td", order.side === "buy" ? "up" : "down", order.side === "buy" ? "Buy" : "Sell"),
    make("td", "", order.symbol),
    make("td", "num", order.quantity.toLocaleString("en")),
    make("td", "num", money(order.price * 100)),
    ...(withValue ? [make("td", "num wide", money(order.price * 100 * order.quantity))] : []),
    make("td", "", [make("span", `status ${order.status}`, order.status)]),
  ])));
}

async function loadStatements() {
  const list = byId("statements");
  if (!list) return;
  if (!user) return list.replaceChildren(make("li", "empty", "Sign in to see your statements."));
  try {
    const names = await call("/api/statements");
    list.replaceChildren(...names.map((name) => {
      const link = make("a", "", [make("span", "", name.replace(".csv", "")), make("small", "", "CSV")]);
      link.href = `/api/statements?file=${encodeURIComponent(name)}`;
      return make("li", "", [link]);
    }));
  } catch (error) {
    list.replaceChildren(make("li", "empty", error.message));
  }
}

async function loadComments() {
  const list = byId("comments");
  if (!list) return;
  const comments = (await call("/api/comments")).slice(0, 4);
  list.replaceChildren(...comments.map((comment) => make("li", "", [
    make("p", "by", [make("b", "", comment.author), ` ${time(comment.at)}`]), make("p", "text", comment.text),
  ])));
}

async function loadAccount() {
  user = (await call("/api/session")).user;
  byId("who").textContent = user || "not signed in";
  byId("sign-out").hidden = !user;
  if (byId("sign-in-panel")) byId("sign-in-panel").hidden = Boolean(user);
  if (byId("place")) byId("place").disabled = !user;
  if (byId("ticket")) say("ticket-note", user ? "" : "Sign in to trade.");
  await Promise.all([loadOrders(), loadStatements()]);
}

function estimate() {
  const form = byId("ticket").elements, quote = market.get(form.symbol.value);
  if (!quote) return;
  const price = form.limit.value ? Number(form.limit.value) * 100 : quote.price;
  byId("ticket-last").textContent = `${quote.symbol} ${money(quote.price)}`;
  byId("estimate").textContent = money(price * Number(form.quantity.value || 0));
}

/** Sends a form by script; its button rests until the answer is there. */
function onSubmit(id, note, send) {
  byId(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.target.querySelector("button");
    button.disabled = true;
    try {
      say(note, (await send(event.target)) || "", "good");
    } catch (error) {
      say(note, error.message, "bad");
    } finally {
      button.disabled = false;
    }
  });
}

async function placeOrder(form) {
  const { symbol, side, quantity, limit } = form.elements;
  const ticket = { symbol: symbol.value, side: side.value, quantity: Number(quantity.value) };
  if (limit.value) ticket.limit_cents = Math.round(Number(limit.value) * 100);
  const order = await call("/api/orders", json("POST", ticket));
  await loadOrders();
  return `Order ${order.id} ${order.status} at ${money(order.price * 100)}`;
}

function start() {
  document.querySelectorAll("time[data-seconds]").forEach((element) => { element.textContent = time(Number(element.dataset.seconds)); });
  byId("sign-out").addEventListener("click", async () => {
    await call("/api/session", { method: "DELETE" });
    await loadAccount();
  });
  loadAccount();
  if (!byId("market")) return;
  loadComments();
  loadMarket().then(() => follow(1000));
  byId("search").addEventListener("submit", (event) => { event.preventDefault(); search(); });
  let pause = 0;
  byId("q").addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(search, 250); });
  byId("ticket").addEventListener("input", estimate);
  onSubmit("ticket", "ticket-note", placeOrder);
  onSubmit("sign-in", "sign-in-note", async (form) => {
    await call("/api/session", json("POST", { user: form.elements.user.value, password: form.elements.password.value }));
    form.reset();
    await loadAccount();
  });
  onSubmit("upload", "upload-note", async (form) => {
    const kept = await call("/api/upload", { method: "POST", body: new FormData(form) });
    form.reset();
    return `Received ${kept.name}, ${kept.bytes.toLocaleString("en")} bytes`;
  });
}

start();

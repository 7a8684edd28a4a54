//! A server that refuses what each safeguard refuses, as plainly as it can be written. It is no
//! gateway: one answer a connection, and a list of words in the place of rules.

use super::{Client, HOST, Hole, LIFE, short_limits};
use burgrave_config::Limits;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// What is taken for an attack, in lower case, after decoding.
const ATTACKS: [&str; 17] = [
    "eicar-standard-",
    "'",
    "union",
    "<",
    "script",
    "onerror",
    "passwd",
    "win.ini",
    "`",
    "$(",
    "| /",
    "&& ",
    "() {",
    "..",
    "%2e",
    "%2f",
    ";",
];

/// Requests of clients that wanted to stay, in all.
static STAYING: AtomicUsize = AtomicUsize::new(0);

pub fn serve(mut client: Client, hole: Option<Hole>, broken: &AtomicBool) {
    if broken.load(Ordering::SeqCst) {
        return;
    }
    let answered = match hole {
        Some(Hole::RefusesAll) => Err(403),
        Some(Hole::FailsAlways) => Err(503),
        Some(Hole::LimitsAlways) => Err(429),
        _ => request(&mut client, hole),
    };
    if hole == Some(Hole::BreaksDown) && answered.is_err() {
        broken.store(true, Ordering::SeqCst);
        return;
    }
    let named = if hole == Some(Hole::NamesItselfInErrors) { "Server: x/1.2\r\n" } else { "" };
    match answered {
        Ok(()) => {
            client.say_last("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
        Err(status) => client.say_last(&format!(
            "HTTP/1.1 {status} Refused\r\n{named}Content-Length: 4\r\nConnection: close\r\n\r\nno.\n"
        )),
    }
}

/// A status to refuse with.
type Refused = u16;

#[derive(Default)]
struct Head {
    host: Vec<String>,
    lengths: Vec<String>,
    codings: Vec<String>,
    text: String,
    closes: bool,
}

/// The limits that are kept.
fn limits(hole: Option<Hole>) -> Limits {
    let mut limits = short_limits();
    match hole {
        Some(Hole::WaitsForHeaders) => limits.header_time = LIFE,
        Some(Hole::WaitsForBodies) => limits.body_time = LIFE,
        Some(Hole::TakesLargeBodies) => limits.body_bytes = 1 << 30,
        Some(Hole::TakesManyFields) => limits.header_count = 1000,
        _ => {}
    }
    limits
}

fn request(client: &mut Client, hole: Option<Hole>) -> Result<(), Refused> {
    let limits = limits(hole);
    let end = Instant::now() + limits.header_time;
    let (line, mut head) = head(client, end, hole)?;
    // Whoever wants to stay wants to ask more: only they are counted, for as long as the test runs.
    if !head.closes && STAYING.fetch_add(1, Ordering::SeqCst) > 30 && line.starts_with("GET") {
        return Err(429);
    }
    let parts: Vec<_> = line.split(' ').collect();
    let [method, target, "HTTP/1.1"] = parts[..] else { return Err(400) };
    if !["GET", "POST"].contains(&method) {
        return Err(405);
    }
    if hole == Some(Hole::TakesNoBody) && method == "POST" {
        return Err(405);
    }
    let hostless = hole == Some(Hole::TakesNoHost) && head.host.is_empty();
    if !target.starts_with('/') || (head.host.len() != 1 && !hostless) {
        return Err(400);
    }
    let any = hole == Some(Hole::TakesAnyHost) || hostless;
    if head.host.iter().any(|host| host != HOST && !any)
        || client.sni.as_deref().is_some_and(|sni| sni != HOST)
    {
        return Err(421);
    }
    let body = body(client, &head, hole)?;
    let body: String = body.iter().map(|byte| char::from(*byte)).collect();
    if hole == Some(Hole::ForgetsCookies) {
        head.text.clear();
    }
    let body = if hole == Some(Hole::ForgetsJson) && body.starts_with('{') { "" } else { &body };
    let all = decode(&format!("{target}\n{}\n{body}", head.text)).to_ascii_lowercase();
    let mut harmless = all.replace("(compatible; burgrave prove)", "");
    // The punctuation of a form.
    for own in ["form-data; name=", "; filename=", "form-data; boundary="] {
        harmless = harmless.replace(own, "");
    }
    if ATTACKS.iter().any(|attack| harmless.contains(attack)) {
        return Err(403);
    }
    let path = target.split('?').next().unwrap();
    if path == "/backup.zip" && hole == Some(Hole::ServesBackups) {
        return Ok(());
    }
    if path == "/" || path.starts_with("/harbour/") { Ok(()) } else { Err(404) }
}

fn head(client: &mut Client, end: Instant, hole: Option<Hole>) -> Result<(String, Head), Refused> {
    let limits = limits(hole);
    let (mut first, mut head) = (None, Head::default());
    let (mut bytes, mut count) = (0, 0);
    loop {
        let line = client.line(end).ok_or(408_u16)?;
        bytes += line.len();
        let lax = (hole == Some(Hole::TakesBareLineFeeds)).then(|| line.strip_suffix(b"\n"));
        let line = line.strip_suffix(b"\r\n").or(lax.flatten()).ok_or(400_u16)?;
        if line.iter().any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte > 0x7e) {
            return Err(400);
        }
        let line: String = line.iter().map(|byte| char::from(*byte)).collect();
        if line.is_empty() {
            return first.map(|first| (first, head)).ok_or(400);
        }
        if first.is_none() {
            first = Some(line);
            continue;
        }
        count += 1;
        if bytes > limits.header_bytes || count > limits.header_count {
            return Err(431);
        }
        let (name, value) = line.split_once(':').ok_or(400_u16)?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(400);
        }
        let value = value.trim_matches([' ', '\t']).to_owned();
        match name.to_ascii_lowercase().as_str() {
            "host" => head.host.push(value),
            "content-length" => head.lengths.push(value),
            "transfer-encoding" => head.codings.push(value),
            "connection" => head.closes |= value == "close",
            "cookie" | "user-agent" => head.text.extend([value.as_str(), "\n"]),
            _ => {}
        }
    }
}

fn body(client: &mut Client, head: &Head, hole: Option<Hole>) -> Result<Vec<u8>, Refused> {
    let limits = limits(hole);
    let most = usize::try_from(limits.body_bytes).unwrap();
    match (&head.lengths[..], &head.codings[..]) {
        ([], []) => Ok(Vec::new()),
        ([length], []) => {
            let digits = length.bytes().all(|byte| byte.is_ascii_digit());
            let length: usize = length.parse().ok().filter(|_| digits).ok_or(400_u16)?;
            if length > most {
                return Err(413);
            }
            // What drips comes in time, byte by byte: the whole must, too.
            let end = Instant::now() + limits.body_time;
            while client.buffer.len() < length {
                if !client.more(end) {
                    return Err(408);
                }
            }
            client.take(length, limits.body_time).ok_or(408)
        }
        ([], [coding]) if coding == "chunked" => chunks(client, most, hole),
        (_, [coding]) if hole == Some(Hole::BelievesBothLengths) && coding == "chunked" => {
            chunks(client, most, hole)
        }
        _ => Err(400),
    }
}

fn chunks(client: &mut Client, most: usize, hole: Option<Hole>) -> Result<Vec<u8>, Refused> {
    let limits = limits(hole);
    let mut body = Vec::new();
    loop {
        let line = client.line(Instant::now() + limits.body_time).ok_or(408_u16)?;
        let digits = line.strip_suffix(b"\r\n").ok_or(400_u16)?;
        let fine = (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
        let digits: String = digits.iter().map(|byte| char::from(*byte)).collect();
        let (digits, fine) = match digits.strip_prefix("0x") {
            Some(rest) if hole == Some(Hole::TakesOddChunkSizes) => (rest.to_owned(), true),
            _ => (digits, fine),
        };
        let size = usize::from_str_radix(&digits, 16).ok().filter(|_| fine).ok_or(400_u16)?;
        if body.len() + size > most {
            return Err(413);
        }
        body.extend(client.take(size, limits.body_time).ok_or(408_u16)?);
        if client.take(2, limits.body_time).ok_or(408_u16)? != b"\r\n" {
            return Err(400);
        }
        if size == 0 {
            return Ok(body);
        }
    }
}

fn decode(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let pair: String = rest.clone().take(2).collect();
        match u8::from_str_radix(&pair, 16) {
            Ok(byte) if character == '%' && pair.len() == 2 => {
                out.push(char::from(byte));
                rest.nth(1);
            }
            _ => out.push(character),
        }
    }
    out
}

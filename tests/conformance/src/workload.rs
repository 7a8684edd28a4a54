//! Requests that the engine is timed with: what a trading site really gets, made here.

use crate::message::Request;

const BROWSER: &[(&str, &str)] = &[
    ("Host", "www.example.com"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    ),
    (
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.7"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", "https://www.example.com/markets/equities"),
    ("Cookie", "sid=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=1"),
];

fn request(method: &str, target: &str, content_type: Option<&str>, body: Vec<u8>) -> Request {
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = BROWSER
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect();
    if let Some(content_type) = content_type {
        headers.push((b"Content-Type".to_vec(), content_type.as_bytes().to_vec()));
        headers.push((b"Content-Length".to_vec(), body.len().to_string().into_bytes()));
    }
    Request {
        method: method.as_bytes().to_vec(),
        target: target.as_bytes().to_vec(),
        protocol: b"HTTP/1.1".to_vec(),
        headers,
        body,
    }
}

/// A small page.
pub fn small_get() -> Request {
    request("GET", "/markets/us/equities?tab=movers&page=2&sort=volume", None, Vec::new())
}

/// About 1 KB of orders.
pub fn json_order() -> Request {
    let order = |n: usize| {
        format!(
            "{{\"symbol\":\"ACME{n}\",\"side\":\"buy\",\"quantity\":{},\"limit\":\"{}.25\",\"account\":\"DE{n:06}\",\"tif\":\"day\"}}",
            100 + n,
            40 + n
        )
    };
    let orders: Vec<String> = (0..9).map(order).collect();
    let body = format!(
        "{{\"client\":\"web\",\"note\":\"rebalance of the second quarter\",\"orders\":[{}]}}",
        orders.join(",")
    );
    request("POST", "/api/orders", Some("application/json"), body.into_bytes())
}

/// About 4 KB of a form.
pub fn form() -> Request {
    let text = "The+quarterly+report+is+ready+for+review%2C+please+look+at+the+tables+on+page+";
    let fields: Vec<String> = (0..40).map(|n| format!("field_{n}={text}{n}")).collect();
    request(
        "POST",
        "/reports/comment",
        Some("application/x-www-form-urlencoded"),
        fields.join("&").into_bytes(),
    )
}

/// A 64 KB file with two fields.
pub fn multipart() -> Request {
    let mut body = b"--Boundary\r\nContent-Disposition: form-data; name=\"account\"\r\n\r\nDE000042\r\n--Boundary\r\nContent-Disposition: form-data; name=\"comment\"\r\n\r\nstatement of March\r\n--Boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"statement.pdf\"\r\nContent-Type: application/pdf\r\n\r\n".to_vec();
    let mut state = 1_u32;
    for _ in 0..64 * 1024 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [byte, ..] = state.to_be_bytes();
        body.push(byte);
    }
    body.extend_from_slice(b"\r\n--Boundary--\r\n");
    request("POST", "/api/upload", Some("multipart/form-data; boundary=Boundary"), body)
}

/// All of them by name.
pub fn all() -> Vec<(&'static str, Request)> {
    vec![
        ("small GET", small_get()),
        ("1 KB JSON", json_order()),
        ("4 KB form", form()),
        ("64 KB multipart", multipart()),
    ]
}

/// The same request with other digits in its query and its body (each from 1 to 9), as the next customer would send it.
/// `seed` is any number but 0, and another one afterwards.
pub fn with_new_digits(request: &Request, seed: &mut u64) -> Request {
    let mut next = || {
        // Marsaglia, "Xorshift RNGs" (2003).
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        b"123456789".get(usize::try_from(*seed >> 32).unwrap_or(0) % 9)
    };
    let mut change = |text: &mut [u8]| {
        for digit in text.iter_mut().filter(|byte| byte.is_ascii_digit()) {
            *digit = next().copied().unwrap_or(b'1');
        }
    };
    let mut other = request.clone();
    let query = other.target.iter().position(|byte| *byte == b'?').unwrap_or(other.target.len());
    other.target.get_mut(query..).into_iter().for_each(&mut change);
    change(&mut other.body);
    other
}

/// A request as it goes over the wire.
pub fn raw(request: &Request) -> Vec<u8> {
    let mut out = [&request.method[..], &request.target, &request.protocol].join(&b' ');
    out.extend_from_slice(b"\r\n");
    for (name, value) in &request.headers {
        out.extend_from_slice(&[&name[..], value].join(&b": "[..]));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&request.body);
    out
}

//! Media types by file name extension. What is not in the table is `application/octet-stream`,
//! which with `nosniff` no browser runs.

/// The media type of a file name.
pub(crate) fn of(name: &[u8]) -> &'static str {
    let extension = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    if extension.len() == name.len() || extension.len() > 12 {
        return "application/octet-stream";
    }
    let lower = extension.to_ascii_lowercase();
    TYPES
        .iter()
        .find(|(names, _)| names.iter().any(|name| name.as_bytes() == lower))
        .map_or("application/octet-stream", |(_, kind)| kind)
}

/// Whether contents of a type are text, which compresses well.
pub(crate) fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || matches!(
            kind,
            "application/json"
                | "application/manifest+json"
                | "application/xml"
                | "application/rss+xml"
                | "application/atom+xml"
                | "application/xhtml+xml"
                | "application/wasm"
                | "image/svg+xml"
        )
}

const TYPES: &[(&[&str], &str)] = &[
    (&["html", "htm"], "text/html; charset=utf-8"),
    (&["css"], "text/css; charset=utf-8"),
    (&["js", "mjs"], "text/javascript; charset=utf-8"),
    (&["txt", "text", "log"], "text/plain; charset=utf-8"),
    (&["md"], "text/markdown; charset=utf-8"),
    (&["csv"], "text/csv; charset=utf-8"),
    (&["json", "map"], "application/json"),
    (&["webmanifest"], "application/manifest+json"),
    (&["xml"], "application/xml"),
    (&["rss"], "application/rss+xml"),
    (&["atom"], "application/atom+xml"),
    (&["xhtml"], "application/xhtml+xml"),
    (&["wasm"], "application/wasm"),
    (&["pdf"], "application/pdf"),
    (&["svg"], "image/svg+xml"),
    (&["png"], "image/png"),
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["avif"], "image/avif"),
    (&["ico"], "image/x-icon"),
    (&["bmp"], "image/bmp"),
    (&["woff"], "font/woff"),
    (&["woff2"], "font/woff2"),
    (&["ttf"], "font/ttf"),
    (&["otf"], "font/otf"),
    (&["mp4", "m4v"], "video/mp4"),
    (&["webm"], "video/webm"),
    (&["mp3"], "audio/mpeg"),
    (&["ogg", "oga"], "audio/ogg"),
    (&["wav"], "audio/wav"),
    (&["ics"], "text/calendar; charset=utf-8"),
    (&["vtt"], "text/vtt; charset=utf-8"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_have_their_types() {
        for (name, kind) in [
            ("index.html", "text/html; charset=utf-8"),
            ("A.JPG", "image/jpeg"),
            ("app.min.js", "text/javascript; charset=utf-8"),
            ("noext", "application/octet-stream"),
            ("html", "application/octet-stream"),
            ("x.exe", "application/octet-stream"),
            ("x.", "application/octet-stream"),
        ] {
            assert_eq!(of(name.as_bytes()), kind, "{name}");
        }
    }
}

//! The manual of services, made from their own list.

use crate::service::{Service, all};
use std::fmt::Write as _;

const OPENING: &str = "# Services whose logs are understood

The name goes into `[[watch]]` (`service = \"…\"`) and into `burgrave watch try --as NAME FILE`; it is that of fail2ban's jail where there is one.
*Strict* says that more is seen with `strict = true` or `--strict`: what fail2ban calls aggressive or extra modes. The file is where the log usually is.

This page is made from the list that the program itself works with.

| service | also called | what is seen | file | strict |
|---|---|---|---|---|
";

/// The table of services as Markdown.
pub fn manual() -> String {
    let mut services: Vec<&Service> = all().collect();
    services.sort_by_key(|service| service.name);
    let mut text = OPENING.to_owned();
    for service in services {
        let aliases: Vec<String> = service.aliases.iter().map(|name| format!("`{name}`")).collect();
        let strict = if service.knows_strict() { "yes" } else { "" };
        // Writing to a `String` does not fail.
        writeln!(
            text,
            "| `{}` | {} | {} | `{}` | {strict} |",
            service.name,
            aliases.join(", "),
            service.about,
            service.file
        )
        .ok();
    }
    text
}

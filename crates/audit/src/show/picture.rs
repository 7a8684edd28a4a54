//! The exposure table as a picture: from where each listener is reached, by which process, user and package.
//!
//! Invariants: the same rows give the same bytes; text of the host is cut and escaped; no script, no font and no
//! address of anybody's is in it.

use super::page::escaped;
use crate::facts::Reach;
use crate::services::Service;

/// Rows that are drawn.
const ROWS_MAX: usize = 300;
/// Height of a row, and where the first begins.
const ROW: usize = 34;
const TOP: usize = 52;
/// The beginnings of the columns.
const FROM: usize = 16;
const SOCKET: usize = 260;
const PROCESS: usize = 500;
const UNIT: usize = 740;
const PACKAGE: usize = 960;
const WIDTH: usize = 1_200;
/// Letters of a cell.
const LETTERS_MAX: usize = 30;
/// From the most exposed to the least, each with its colour.
const REACHES: [(Reach, &str); 4] = [
    (Reach::Outside, "#d1242f"),
    (Reach::Inside, "#bf8700"),
    (Reach::Filtered, "#57606a"),
    (Reach::Local, "#1a7f37"),
];

/// The picture.
pub fn services_svg(host: &str, rows: &[Service]) -> String {
    let mut body = String::new();
    let mut y = TOP;
    let mut drawn = 0_usize;
    for (reach, colour) in REACHES {
        let own: Vec<&Service> =
            rows.iter().filter(|row| row.reach == reach).take(ROWS_MAX - drawn).collect();
        if own.is_empty() {
            continue;
        }
        drawn += own.len();
        let height = own.len() * ROW - 8;
        body.push_str(&from(reach, colour, y, height));
        let middle = y + height / 2;
        for row in own {
            body.push_str(&line(row, colour, middle, y));
            y += ROW;
        }
        y += 12;
    }
    if rows.is_empty() {
        body.push_str(&cell(FROM, y + 18, "nothing listens here"));
        y += ROW;
    } else if drawn < rows.len() {
        let text = format!("… and {} more: the table lists all", rows.len() - drawn);
        body.push_str(&cell(FROM, y + 18, &text));
        y += ROW;
    }
    let host = escaped(&cut(if host.is_empty() { "this host" } else { host }));
    let mut head = String::new();
    for (x, title) in [
        (FROM, "reached from"),
        (SOCKET, "listens on"),
        (PROCESS, "process, user"),
        (UNIT, "unit"),
        (PACKAGE, "package"),
    ] {
        head.push_str(&format!("<text x=\"{x}\" y=\"36\" font-weight=\"600\">{title}</text>\n"));
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\" \
         role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#1b1f24\">\n\
         <title>Who reaches what on {host}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{y}\" fill=\"#ffffff\"/>\n{head}{body}</svg>\n"
    )
}

/// The box of a place that clients come from.
fn from(reach: Reach, colour: &str, y: usize, height: usize) -> String {
    format!(
        "<rect x=\"{FROM}\" y=\"{y}\" width=\"170\" height=\"{height}\" rx=\"4\" fill=\"{colour}\"/>\n\
         <text x=\"{}\" y=\"{}\" fill=\"#ffffff\">{}</text>\n",
        FROM + 10,
        y + height / 2 + 5,
        reach.words()
    )
}

/// A listener with all that belongs to it.
fn line(row: &Service, colour: &str, middle: usize, y: usize) -> String {
    let at = y + 13;
    // What is closed is not joined to anybody.
    let dashes = if row.reach == Reach::Filtered { " stroke-dasharray=\"4 4\"" } else { "" };
    let mut out = format!(
        "<path d=\"M186 {middle} C220 {middle} 220 {at} {} {at}\" fill=\"none\" stroke=\"{colour}\"{dashes}/>\n\
         <rect x=\"{}\" y=\"{y}\" width=\"220\" height=\"26\" rx=\"4\" fill=\"none\" stroke=\"{colour}\"/>\n",
        SOCKET - 8,
        SOCKET - 8
    );
    let process = match (&row.process, row.pid, &row.user) {
        (Some(process), Some(pid), Some(user)) => format!("{process} ({pid}), {user}"),
        (Some(process), ..) => process.clone(),
        (None, ..) => "an unseen process".to_owned(),
    };
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    for (x, text) in [
        (SOCKET, row.socket.clone()),
        (PROCESS, process),
        (UNIT, or_none(&row.unit)),
        (PACKAGE, or_none(&row.package)),
    ] {
        out.push_str(&cell(x, y + 18, &text));
    }
    out
}

fn cell(x: usize, y: usize, text: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\">{}</text>\n", escaped(&cut(&crate::evidence::shown(text))))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LETTERS_MAX {
        return text.to_owned();
    }
    text.chars().take(LETTERS_MAX - 1).chain(['…']).collect()
}

//! The one place that writes to the terminal.

use crate::error::Error;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// Writes a text to standard output. A reader that has gone is no error.
pub(crate) fn text(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Error::Output),
    }
}

/// Asks the operator a question that is answered by yes or no. Without a terminal nobody can answer: no.
pub(crate) fn asked(question: &str) -> Result<bool, Error> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    text(question)?;
    let mut answer = String::new();
    let mut input = std::io::stdin().lock();
    input.read_line(&mut answer).map_err(|error| Error::Runtime("the question", error))?;
    Ok(matches!(answer.trim(), "y" | "yes"))
}

/// Tells the operator something on standard error.
pub(crate) fn notice(line: &str) {
    // Nothing is left to tell it to when standard error is gone.
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}

/// An error with its whole chain.
pub(crate) fn error(error: &dyn std::error::Error) {
    notice(&format!("burgrave: {}", burgrave_sys::chain(error)));
}

//! `burgrave user`: people who sign in at the gateway.

use super::Exit;
use crate::cli::User;
use crate::error::Error;
use crate::output;
use std::io::{BufRead as _, Read as _};

/// Most bytes that are read of standard input.
const INPUT_BYTES_MAX: u64 = 4096;

pub(super) fn dispatch(command: &User) -> Result<Exit, Error> {
    match command {
        User::Hash { name } => hash(name),
    }
}

/// The password comes by standard input, so that no list of processes and no history shows it.
fn hash(name: &str) -> Result<Exit, Error> {
    if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
        return Err(Error::User("a name is not empty and has no `:` in it".to_owned()));
    }
    let mut line = String::new();
    let mut input = std::io::stdin().lock().take(INPUT_BYTES_MAX);
    let read = input.read_line(&mut line);
    read.map_err(|error| Error::User(format!("cannot read the password: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    let hash = burgrave_gateway::password_hash(password).map_err(Error::User)?;
    output::text(&format!("{name}:{hash}\n"))?;
    Ok(Exit::Clean)
}

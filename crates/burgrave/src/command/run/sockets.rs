//! Listening sockets on their way from process to process.

use crate::error::Error;
use burgrave_gateway::Handed;
use burgrave_sys::{ACTIVATED_FIRST, SysError, inherit, take_listener};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd as _, RawFd};

/// Where a gateway finds the numbers of its sockets: `ADDRESS=N,N…;ADDRESS=N…`.
const VARIABLE: &str = "BURGRAVE_SOCKETS";
/// Most sockets that are taken from systemd.
const ACTIVATED_MAX: i32 = 1024;

/// The variable for a gateway that is to be started with these sockets.
pub(super) fn variable(sockets: &Handed) -> (&'static str, String) {
    let one = |(address, sockets): (&SocketAddr, &Vec<TcpListener>)| {
        let numbers: Vec<_> = sockets.iter().map(|own| own.as_raw_fd().to_string()).collect();
        format!("{address}={}", numbers.join(","))
    };
    (VARIABLE, sockets.iter().map(one).collect::<Vec<_>>().join(";"))
}

/// Lets programs that are started from now on inherit the sockets, or not.
pub(super) fn inherited(sockets: &Handed, inherited: bool) -> Result<(), Error> {
    for socket in sockets.values().flatten() {
        inherit(socket, inherited).map_err(Error::Sockets)?;
    }
    Ok(())
}

/// What the supervisor has handed over.
pub(super) fn handed() -> Result<Handed, Error> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(Handed::new()) };
    parse(&text).into_iter().map(|(address, numbers)| Ok((address, take(&numbers)?))).collect()
}

fn take(numbers: &[RawFd]) -> Result<Vec<TcpListener>, Error> {
    numbers.iter().map(|number| take_listener(*number).map_err(Error::Sockets)).collect()
}

fn parse(text: &str) -> Vec<(SocketAddr, Vec<RawFd>)> {
    let part = |part: &str| {
        let (address, numbers) = part.split_once('=')?;
        let numbers = numbers.split(',').filter_map(|number| number.parse().ok()).collect();
        Some((address.parse().ok()?, numbers))
    };
    text.split(';').filter_map(part).collect()
}

/// The sockets that systemd has opened for this process (`sd_listen_fds(3)`), by their address.
pub(super) fn activated() -> Result<Handed, Error> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<i32>().ok());
    let ours = number("LISTEN_PID").is_some_and(|id| u32::try_from(id) == Ok(std::process::id()));
    let count = number("LISTEN_FDS").unwrap_or(0).clamp(0, ACTIVATED_MAX);
    let mut sockets = Handed::new();
    for offset in 0..if ours { count } else { 0 } {
        let socket = take_listener(ACTIVATED_FIRST + offset).map_err(Error::Sockets)?;
        let address = socket.local_addr().map_err(|error| {
            Error::Sockets(SysError::from_io("asking the address of", "a socket", error))
        })?;
        sockets.entry(address).or_default().push(socket);
    }
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_says_which_socket_is_which() {
        let any = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (one, two) = ("127.0.0.1:0".parse().unwrap(), "[::1]:443".parse().unwrap());
        let sockets = Handed::from([(one, vec![any(), any()]), (two, vec![any()])]);
        let numbers = |address| {
            sockets[&address].iter().map(|own: &TcpListener| own.as_raw_fd()).collect::<Vec<_>>()
        };
        let (name, text) = variable(&sockets);
        assert_eq!(name, "BURGRAVE_SOCKETS");
        assert_eq!(parse(&text), [(one, numbers(one)), (two, numbers(two))]);
        for odd in ["", ";", "=", "x=1", "127.0.0.1=5"] {
            assert!(parse(odd).is_empty(), "{odd}");
        }
    }

    #[test]
    fn nothing_is_taken_that_is_not_ours() {
        assert!(activated().unwrap().is_empty());
    }
}

//! A machine, a stranger and somebody innocent, each in a network of its own and in a subnet of its own, so that a ban
//! of the stranger's network does not reach the innocent.

use crate::room::Room;
use burgrave_sys::{Ended, Invocation, Live, System as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// Where ip may be.
const IP: [&str; 3] = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"];
const IP_TIME: Duration = Duration::from_secs(20);
const IP_BYTES_MAX: usize = 1 << 20;
/// How long a connection is waited for; a link of the stage needs microseconds.
const CONNECT_TIME: Duration = Duration::from_millis(400);
/// How long a new link may take to carry.
const LINK_TIME: Duration = Duration::from_secs(5);

/// One of the two who come from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Stranger,
    Innocent,
}

impl Who {
    const fn number(self) -> u8 {
        match self {
            Self::Stranger => 1,
            Self::Innocent => 2,
        }
    }

    /// The machine's address in its subnet.
    pub(crate) const fn machine(self, is_ipv4: bool) -> IpAddr {
        self.address(1, is_ipv4)
    }

    /// Its own address.
    pub(crate) const fn own(self, is_ipv4: bool) -> IpAddr {
        self.address(2, is_ipv4)
    }

    const fn address(self, last: u8, is_ipv4: bool) -> IpAddr {
        if is_ipv4 {
            return IpAddr::V4(Ipv4Addr::new(198, 18, self.number(), last));
        }
        let mut bytes = [0; 16];
        (bytes[0], bytes[1], bytes[2], bytes[3]) = (0xfd, 0x42, 0x62, 0x75);
        (bytes[4], bytes[5], bytes[7], bytes[15]) = (0x72, 0x67, self.number(), last);
        IpAddr::V6(Ipv6Addr::from_octets(bytes))
    }
}

/// The stage.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) machine: Room,
    stranger: Room,
    innocent: Room,
}

impl Stage {
    /// Sets it. In words, why it cannot be.
    pub(crate) fn set() -> Result<Self, String> {
        let open = || {
            Room::open()
                .map_err(|error| format!("no network of its own, which needs root: {error}"))
        };
        let stage = Self { machine: open()?, stranger: open()?, innocent: open()? };
        ip_in(&stage.machine, &["link", "set", "lo", "up"])?;
        for who in [Who::Stranger, Who::Innocent] {
            stage.link(who)?;
        }
        Ok(stage)
    }

    fn link(&self, who: Who) -> Result<(), String> {
        let room = self.room(who);
        let (own, number) = (format!("v{}", who.number()), who.number().to_string());
        let network = room.network().display().to_string();
        let add = ["link", "add", "name", &own, "type", "veth", "peer", "name", "eth0", "netns"];
        ip_in(&self.machine, &[&add[..], &[&network]].concat())?;
        for (is_ipv4, bits) in [(true, "24"), (false, "64")] {
            let machine = format!("{}/{bits}", who.machine(is_ipv4));
            let outside = format!("{}/{bits}", who.own(is_ipv4));
            // Nobody else has these addresses: IPv6 need not ask.
            let nodad: &[&str] = if is_ipv4 { &[] } else { &["nodad"] };
            let at = |address, link| [&["addr", "add", address, "dev", link], nodad].concat();
            ip_in(&self.machine, &at(&machine, &own))?;
            ip_in(room, &at(&outside, "eth0"))?;
        }
        ip_in(&self.machine, &["link", "set", &own, "up"])?;
        ip_in(room, &["link", "set", "eth0", "up"])?;
        for is_ipv4 in [true, false] {
            let by = who.machine(is_ipv4).to_string();
            let family = if is_ipv4 { "-4" } else { "-6" };
            ip_in(room, &[family, "route", "add", "default", "via", &by])?;
        }
        let end = Instant::now() + LINK_TIME;
        // Nobody listens there: an answer of any kind says that the link carries.
        while self.reach(who, SocketAddr::new(who.machine(true), 1)) == Reach::Silence {
            if Instant::now() >= end {
                return Err(format!("the link {number} of the stage does not carry"));
            }
        }
        Ok(())
    }

    /// Gives the machine one more address.
    pub(crate) fn add_address(&self, ip: IpAddr) -> Result<(), String> {
        let whole = if ip.is_ipv4() { format!("{ip}/32") } else { format!("{ip}/128") };
        ip_in(&self.machine, &["addr", "add", &whole, "dev", "v1"])
    }

    fn room(&self, who: Who) -> &Room {
        match who {
            Who::Stranger => &self.stranger,
            Who::Innocent => &self.innocent,
        }
    }

    /// Does something as one of those outside.
    pub(crate) fn as_one<T: Send + 'static>(
        &self,
        who: Who,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        self.room(who).run(task)
    }

    /// Whether a connection comes about.
    pub(crate) fn reach(&self, who: Who, to: SocketAddr) -> Reach {
        let tried = self.as_one(who, move || TcpStream::connect_timeout(&to, CONNECT_TIME));
        match tried {
            Some(Ok(_)) => Reach::Open,
            Some(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Reach::Refused
            }
            Some(Err(_)) | None => Reach::Silence,
        }
    }

    /// Waits until a connection comes about, or does not. When the one began that showed it; `None`: not in time.
    pub(crate) fn until(
        &self,
        who: Who,
        to: SocketAddr,
        is_wanted: impl Fn(Reach) -> bool,
        time: Duration,
    ) -> Option<Duration> {
        let start = Instant::now();
        loop {
            let began = start.elapsed();
            if is_wanted(self.reach(who, to)) {
                return Some(began);
            }
            if began >= time {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// How a connection was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Open,
    Refused,
    Silence,
}

impl Reach {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Open => "connected",
            Self::Refused => "refused by the machine itself",
            Self::Silence => "no answer",
        }
    }
}

/// Runs `ip` in a room's network.
fn ip_in(room: &Room, arguments: &[&str]) -> Result<(), String> {
    let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
    room.run(move || ip(&arguments)).unwrap_or_else(|| Err("a thread is gone".to_owned()))
}

fn ip(arguments: &[String]) -> Result<(), String> {
    let is_there = |path: &&&str| Live.metadata(Path::new(path)).is_ok();
    let path = IP.iter().find(is_there).ok_or("`ip` is missing: install the package iproute2")?;
    let invocation =
        Invocation::new(*path, IP_TIME, IP_BYTES_MAX).map_err(|error| error.to_string())?;
    let output = Live.run(&invocation.args(arguments)).map_err(|error| error.to_string())?;
    if output.ended == Ended::Exit(0) {
        return Ok(());
    }
    let said: String = output.stderr.escape_ascii().to_string().chars().take(200).collect();
    Err(format!("`ip {}`: {said}", arguments.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn addresses_are_of_the_stage_alone() {
        assert_eq!(Who::Stranger.own(true).to_string(), "198.18.1.2");
        assert_eq!(Who::Innocent.machine(false).to_string(), "fd42:6275:7267:2::1");
    }

    #[test]
    fn both_reach_the_machine_and_a_closed_port_is_refused() {
        let stage = match Stage::set() {
            Ok(stage) => stage,
            Err(why) => {
                println!("SKIPPED: {why}");
                return;
            }
        };
        let listening = stage.machine.run(|| TcpListener::bind("[::]:4000"));
        let _listening = listening.unwrap().unwrap();
        for who in [Who::Stranger, Who::Innocent] {
            for is_ipv4 in [true, false] {
                let at = |port| SocketAddr::new(who.machine(is_ipv4), port);
                assert_eq!(stage.reach(who, at(4000)), Reach::Open, "{who:?} {is_ipv4}");
                assert_eq!(stage.reach(who, at(4001)), Reach::Refused);
            }
        }
        let other = SocketAddr::new([198, 18, 1, 77].into(), 4000);
        assert_eq!(stage.reach(Who::Stranger, other), Reach::Silence);
    }
}

//! The packet filter: what it lets in, whichever language it is written in.
//!
//! A rule set is read from its text: what is configured for the next start, and what the kernel has
//! loaded now. Only what an audit asks is kept: the policy of what comes in, and what is accepted
//! from anywhere.

use super::text::Place;
use super::{Blind, Facts, Seen};
use burgrave_sys::{Ended, Invocation, SysError};
use std::path::Path;
use std::time::Duration;

/// Something that is let in from anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Ports from and to, both included; `None`: every port.
    pub ports: Option<(u16, u16)>,
    /// `tcp`, `udp` or empty for both.
    pub protocol: String,
    /// 4, 6 or 0 for both.
    pub family: u8,
    /// From every address.
    pub from_anywhere: bool,
    /// The rule.
    pub rule: String,
    /// Where.
    pub place: Place,
}

/// A rule set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Chains that see what comes in: family (4, 6, 0 for both), whether they drop by default, and where.
    pub inputs: Vec<(u8, bool, Place)>,
    /// Chains that see what passes through.
    pub forwards: Vec<(u8, bool, Place)>,
    /// What is accepted, in order.
    pub openings: Vec<Opening>,
    /// It keeps state: answers to own connections are let in.
    pub is_stateful: bool,
    /// A rule writes what it drops to the log.
    pub logs: bool,
    /// Where it begins.
    pub place: Option<Place>,
}

impl Filter {
    /// Whether a family is dropped by default.
    pub fn drops(&self, family: u8) -> bool {
        let chains: Vec<_> =
            self.inputs.iter().filter(|(own, ..)| *own == 0 || *own == family).collect();
        !chains.is_empty() && chains.iter().any(|(_, drops, _)| *drops)
    }

    /// Whether anything filters what comes in by a family.
    pub fn sees(&self, family: u8) -> bool {
        self.inputs.iter().any(|(own, ..)| *own == 0 || *own == family)
    }

    /// Whether a port is let in from anywhere.
    pub fn lets_in(&self, family: u8, protocol: &str, port: u16) -> bool {
        if !self.drops(family) {
            return true;
        }
        self.openings.iter().any(|opening| {
            opening.from_anywhere
                && (opening.family == 0 || opening.family == family)
                && (opening.protocol.is_empty() || opening.protocol == protocol)
                && opening.ports.is_none_or(|(from, to)| (from..=to).contains(&port))
        })
    }
}

/// Programs that print the loaded rules, and how much they may print.
const NFT: &str = "/usr/sbin/nft";
const OUTPUT_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Facts<'_> {
    /// What is configured for the next start; `None` where nothing is.
    pub fn filter(&self) -> &Seen<Option<Filter>> {
        self.cells.filter.get_or_init(|| {
            let mut filter = Filter::default();
            self.nftables_file(Path::new("/etc/nftables.conf"), &mut filter)?;
            for (path, family) in [("/etc/iptables/rules.v4", 4), ("/etc/iptables/rules.v6", 6)] {
                if let Some(lines) = self.lines(path)? {
                    super::iptables::read(&lines, family, &mut filter);
                }
            }
            self.ufw(&mut filter)?;
            Ok(filter.place.is_some().then_some(filter))
        })
    }

    /// What the kernel has loaded; `None` in a tree.
    pub fn loaded(&self) -> &Seen<Option<Filter>> {
        self.cells.loaded.get_or_init(|| {
            if !self.is_running() {
                return Ok(None);
            }
            let text = self.printed(NFT, &["list", "ruleset"])?;
            let lines = super::text::lines(Path::new("the loaded rules"), &text);
            let mut filter = Filter::default();
            super::nftables::read(&lines, &mut filter, &mut Vec::new());
            Ok(Some(filter))
        })
    }

    fn printed(&self, program: &str, arguments: &[&str]) -> Seen<String> {
        let blind = |error: &SysError| Blind::because(Path::new(program), error);
        let run = Invocation::new(program, Duration::from_secs(5), OUTPUT_BYTES_MAX)
            .map_err(|error| blind(&error))?;
        let output =
            self.system.run(&run.args(arguments.iter().copied())).map_err(|error| blind(&error))?;
        match output.ended {
            Ended::Exit(0) => Ok(super::text_of(&output.stdout)),
            Ended::Exit(_) | Ended::Signal(_) => Err(Blind::new(
                program,
                format!("the program could not list the rules: {}", super::text_of(&output.stderr)),
            )),
        }
    }

    /// ufw keeps its own policy; its rules are iptables'.
    fn ufw(&self, filter: &mut Filter) -> Seen<()> {
        let enabled = self.settings("/etc/ufw/ufw.conf", super::ini::INI)?;
        if !super::ini::last(&enabled, None, "ENABLED")
            .is_some_and(|setting| super::is_yes(&setting.value))
        {
            return Ok(());
        }
        let defaults = self.settings("/etc/default/ufw", super::ini::INI)?;
        if let Some(policy) = super::ini::last(&defaults, None, "DEFAULT_INPUT_POLICY") {
            let drops = !policy.value.eq_ignore_ascii_case("accept");
            let ipv6 = super::ini::last(&defaults, None, "IPV6")
                .is_none_or(|setting| super::is_yes(&setting.value));
            filter.inputs.push((if ipv6 { 0 } else { 4 }, drops, policy.place.clone()));
            filter.is_stateful = true;
            filter.place.get_or_insert_with(|| policy.place.clone());
        }
        for path in ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"] {
            if let Some(lines) = self.lines(path)? {
                super::iptables::read_rules(&lines, if path.contains('6') { 6 } else { 4 }, filter);
            }
        }
        Ok(())
    }
}

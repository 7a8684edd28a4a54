//! The safeguards by name. Their ids stand in findings, proofs, evidence, console and manual.

use std::fmt;
use std::str::FromStr;

macro_rules! safeguards {
    ($($variant:ident, $id:literal, $gives:literal;)*) => {
        /// One thing that Burgrave protects, with an id that never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Safeguard {
            $(#[doc = $gives] $variant,)*
        }

        impl Safeguard {
            /// Every safeguard, in the order in which reports show them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable id, as used in reports and on the command line.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What the user gets from it, in one line.
            pub const fn gives(self) -> &'static str {
                match self { $(Self::$variant => $gives,)* }
            }
        }
    };
}

safeguards! {
    WebServer, "web-server", "a web server for static content over TLS, with a complete request log";
    AppServer, "app-server", "application servers behind the gateway, limited and inspected";
    Infiltration, "infiltration", "stolen credentials and admin takeover are stopped";
    BruteForce, "brute-force", "guessing, spraying and stuffing of passwords is seen and banned";
    DenialOfService, "denial-of-service", "a limit on everything, slow and heavy clients cut";
    Injection, "injection", "SQL and command injection, XSS, traversal and smuggling are blocked";
    UnknownSoftware, "unknown-software", "software that nobody installed on purpose is found";
    HumanFactor, "human-factor", "weak passwords, shared accounts and lone decisions are ruled out";
    Physical, "physical", "a hand on the machine gets nothing: disk, boot loader, USB, console";
    Services, "services", "what listens, whether it should, on which address, with which rights";
    Environments, "environments", "production, staging and test are kept apart";
    Permissions, "permissions", "least privilege on files, keys, databases and service accounts";
    Patches, "patches", "security updates that wait are known and weighed";
    Logs, "logs", "logs are separate, complete, tamper-evident and watched";
    Firewall, "firewall", "default deny, made from what really listens";
    Cleanup, "cleanup", "test files, archives, dumps and droppings are never served";
    Backups, "backups", "automatic, encrypted, proven by restoring, out of an intruder's reach";
    VersionHiding, "version-hiding", "no version, product name or stack trace leaves the machine";
    Audit, "audit", "the whole checklist on demand and on a schedule, as evidence";
}

impl fmt::Display for Safeguard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// A text that is no safeguard's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSafeguard(pub String);

impl fmt::Display for UnknownSafeguard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no safeguard is called `{}`", self.0.escape_debug())
    }
}

impl std::error::Error for UnknownSafeguard {}

impl FromStr for Safeguard {
    type Err = UnknownSafeguard;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|safeguard| safeguard.id() == text);
        found.copied().ok_or_else(|| UnknownSafeguard(text.to_owned()))
    }
}

impl serde::Serialize for Safeguard {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_parse_back() {
        let mut seen = std::collections::BTreeSet::new();
        for &safeguard in Safeguard::ALL {
            assert!(seen.insert(safeguard.id()), "{safeguard} twice");
            assert_eq!(safeguard.id().parse(), Ok(safeguard));
            assert!(!safeguard.gives().is_empty());
        }
        assert_eq!(seen.len(), 19, "the design names nineteen safeguards");
    }

    #[test]
    fn a_near_miss_is_not_a_safeguard() {
        for text in ["", "Injection", "injection ", "web_server", "inject"] {
            assert_eq!(text.parse::<Safeguard>(), Err(UnknownSafeguard(text.to_owned())));
        }
    }
}

//! What a process of `burgrave run` is told to be, by the one that starts it.

use crate::command::Role;
use clap::Args;

/// Which of its own processes a `burgrave run` is; the supervisor says so, not people.
#[derive(Clone, Copy, Debug, Default, Args)]
#[group(multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line, of which one is set at most"
)]
pub(crate) struct RunRole {
    /// The gateway, on the sockets of the supervisor that has started it.
    #[arg(long, hide = true)]
    gateway: bool,
    /// The agent: follows logs and bans.
    #[arg(long, hide = true)]
    agent: bool,
    /// The keeper of certificates.
    #[arg(long, hide = true)]
    certificates: bool,
    /// Tells people.
    #[arg(long, hide = true)]
    alerts: bool,
    /// Runs the hooks of the keeper of certificates.
    #[arg(long, hide = true)]
    hook: bool,
    /// Sends the access log elsewhere.
    #[arg(long, hide = true)]
    shipping: bool,
    /// Audits the machine on a schedule and watches its folders.
    #[arg(long, hide = true)]
    audits: bool,
    /// Shares bans with other machines.
    #[arg(long, hide = true)]
    share: bool,
    /// Takes decisions of engines, and answers bouncers.
    #[arg(long, hide = true)]
    decisions: bool,
}

impl RunRole {
    pub(crate) fn role(self) -> Role {
        let roles = [
            (self.gateway, Role::Gateway),
            (self.agent, Role::Agent),
            (self.certificates, Role::Certificates),
            (self.alerts, Role::Alerts),
            (self.hook, Role::Hook),
            (self.shipping, Role::Shipping),
            (self.audits, Role::Audits),
            (self.share, Role::Share),
            (self.decisions, Role::Decisions),
        ];
        roles.into_iter().find(|(is, _)| *is).map_or(Role::Supervisor, |(_, role)| role)
    }
}

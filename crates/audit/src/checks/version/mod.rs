//! version.

// Checks of this family.
pub(super) mod apache_tokens;
pub(super) mod banner;
pub(super) mod changelog;
pub(super) mod greetings;
pub(super) mod headers;
pub(super) mod message_of_the_day;
pub(super) mod nginx_tokens;
pub(super) mod php;
pub(super) mod sshd;
pub(super) mod stack_traces;
// End of the checks.

//! How far a request may go on: not round in a circle, and not past the last step that its client allows.
//!
//! A circle is found by `CDN-Loop` (RFC 8586), not by `Via`: servers turn compression and more off where they see that one
//! (§1 there), and the two are read by nobody else.

use crate::guard::bytes::elements;
use crate::guard::head::Head;
use crate::refusal::Reason;

/// The field that says who passed a request on.
pub(crate) const LOOP: &[u8] = b"cdn-loop";
/// How we are called there. It is the same for all of us: a public server before one for the staff is no circle yet.
pub(crate) const NAME: &[u8] = b"burgrave";
/// Steps through gateways of ours past which it is one.
const STEPS_MAX: usize = 4;
/// The field that counts steps down (RFC 9110 §7.6.2).
pub(crate) const LEFT: &[u8] = b"max-forwards";

/// Refuses a request that has come round.
pub(crate) fn check(head: &Head) -> Result<(), Reason> {
    let Some(all) = head.list(LOOP) else { return Ok(()) };
    let own = |step: &&[u8]| {
        let name = step.split(|byte| *byte == b';').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(NAME)
    };
    if elements(&all).filter(own).count() >= STEPS_MAX { Err(Reason::Loop) } else { Ok(()) }
}

/// Steps that a request may still take. Only `OPTIONS` counts them here, as `TRACE` is refused; what is no number is none.
pub(crate) fn left(head: &Head) -> Option<u64> {
    let value = head.field(LEFT).filter(|_| head.method() == b"OPTIONS")?;
    let is_number = value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()
}

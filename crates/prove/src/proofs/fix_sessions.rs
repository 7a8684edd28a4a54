//! The part of the proof of streams that speaks FIX.

use super::streams::Waiting;
use crate::evidence::not_proven;
use crate::fix::{fix_logon, fix_message};
use crate::target_stream::TargetStream;
use crate::wire::Wire;
use burgrave_model::Evidence;

/// A party that nobody is.
const NOBODY: &str = "BURGRAVE-PROVE";

/// What is wrong, and the bytes. None of it opens a session at a server that takes FIX at its word.
fn attempts(sender: &str, target: &str) -> [(&'static str, Vec<u8>); 4] {
    let heartbeat = format!("35=0|34=1|49={sender}|52=20260101-00:00:00.000|56={target}|");
    [
        ("bytes that are no FIX", b"OPTIONS * HTTP/1.0\r\n\r\n".to_vec()),
        ("a heartbeat before the Logon", fix_message(&heartbeat)),
        ("a Logon of an unknown client", fix_logon(NOBODY, target)),
        ("a Logon to an unknown party", fix_logon(sender, NOBODY)),
    ]
}

pub(super) fn attack(wire: &mut Wire, stream: &TargetStream) -> Vec<Evidence> {
    let Some((sender, target)) = stream.sessions.first() else { return Vec::new() };
    let half = match half_logon(wire, stream, sender, target) {
        Ok(half) => half,
        Err(evidence) => return vec![evidence],
    };
    let mut out: Vec<Evidence> = Vec::new();
    for (what, bytes) in attempts(sender, target) {
        let did = format!("{what} to {}", stream.name);
        let begun = Waiting::begin(wire, did, |wire| wire.open(stream.door, &stream.host), &bytes);
        out.push(match begun {
            Ok(waiting) => waiting.expect_refusal(wire, stream.header_time),
            Err(evidence) => evidence,
        });
    }
    out.push(half.expect_cut(wire, stream.header_time));
    // A server that was brought down refused nobody.
    if let Err(evidence) = half_logon(wire, stream, sender, target) {
        out.push(evidence);
    }
    out
}

/// The control: half a Logon is waited for. It never becomes a whole one.
fn half_logon(
    wire: &mut Wire,
    stream: &TargetStream,
    sender: &str,
    target: &str,
) -> Result<Waiting, Evidence> {
    let did = format!("half a Logon to {}, and no more", stream.name);
    let whole = fix_logon(sender, target);
    let half = whole.get(..whole.len() / 2).unwrap_or_default();
    let quiet = wire.limits().quiet_time.min(stream.header_time / 2);
    let open = |wire: &mut Wire| wire.open(stream.door, &stream.host);
    let mut waiting = Waiting::begin(wire, did.clone(), open, half)?;
    if waiting.is_waited_for(quiet) {
        return Ok(waiting);
    }
    Err(not_proven(&did, "it is not waited for, so that an end of others says nothing"))
}

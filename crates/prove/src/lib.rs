//! Proofs: each makes the attack that a safeguard is there for, on the user's own deployment, and
//! shows that it held, that it fell, or that nothing could be proven.
//!
//! A safeguard that nobody attacks is a belief. `burgrave prove` attacks it through the front door,
//! as a stranger would, and keeps each exchange as evidence.
//!
//! Invariants: nothing is contacted but the addresses that the own configuration listens on
//! ([`Wire`] refuses every other); every exchange is bounded in time, size and number; no attack
//! harms what it reaches if it goes through; every attack has a control, a harmless request of the
//! same shape, and without an answer to that nothing is proven; what could not be seen is never
//! counted as held; the content of answers that went through is not kept.

mod attack;
mod evidence;
mod fix;
mod manual;
mod proofs;
mod request;
mod target;
mod target_certificate;
mod target_stream;
mod trial;
mod wire;

pub use attack::{Attack, prove, prove_within, unasked};
pub use fix::{fix_logon, fix_message};
pub use manual::manual;
pub use proofs::ALL;
pub use target::{
    Assault, Door, Entry, Http3, Inspected, Layer, Place, Rehearsal, Rehearsals, Serves, Target,
    TargetBackup, TargetSite,
};
pub use target_certificate::TargetCertificate;
pub use target_stream::TargetStream;
pub use wire::answer::Answer;
pub use wire::{Connection, Identity, Piece, Reply, Sent, Wire, WireError, WireLimits};

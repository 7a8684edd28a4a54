//! Passwords that are guessed at the sign-in itself (CWE-307).

use super::rehearsed::play;
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct SignIn;

impl Attack for SignIn {
    fn id(&self) -> &'static str {
        "sign-in-guesses"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::BruteForce
    }

    fn title(&self) -> &'static str {
        "whoever guesses passwords at a sign-in has to wait, and learns nothing meanwhile"
    }

    fn about(&self) -> &'static str {
        "Where a site or a route has `users`: a gateway on a loopback address, with one user of its own, is asked with \
         fifteen wrong\npasswords for one name, then with the right one, and with one password for fifteen names \
         (CWE-307; MITRE ATT&CK T1110.001,\nT1110.003). Held means that none got in, that the later ones were not looked \
         at, and that the right one behind them was not,\neither: a guess that comes too early tells nothing. As the \
         control, the right password alone is let in, and none is not. Your\nown users, and your own door, are not \
         touched.\n\nIf it fell: something in front of Burgrave hides who asks, so that all are one client: name it in \
         `proxy_protocol`. Give\neach user a long password, and where it can be, a certificate."
    }

    fn applies(&self, target: &Target) -> bool {
        target.rehearsals.sign_in.is_some()
    }

    fn run(&self, target: &Target, _: &mut Wire) -> Vec<Evidence> {
        play(target.rehearsals.sign_in.as_ref(), "no `access` has `users`: nobody signs in")
    }
}

//! Shape only, for the binary to build; replaced whole.
#![allow(missing_docs, reason = "shape only")]
use burgrave_model::{Evidence, Proof, Safeguard};
pub struct Target;
impl Target {
    pub fn from_settings(_: &burgrave_config::Settings) -> Self {
        Self
    }
}
pub struct Wire;
pub trait Attack: Sync {
    fn id(&self) -> &'static str;
    fn safeguard(&self) -> Safeguard;
    fn title(&self) -> &'static str;
    fn about(&self) -> &'static str;
    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence>;
}
pub static ALL: &[&dyn Attack] = &[];
pub fn prove(_: &Target, _: &[Safeguard]) -> Vec<Proof> {
    Vec::new()
}

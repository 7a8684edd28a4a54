//! What every check's file uses.

#[cfg(test)]
pub(super) use crate::cases::{Cases, Has::*};
pub(super) use crate::check::{Check, Rows};
pub(super) use crate::evidence::Evidence;
pub(super) use crate::facts::{Facts, ini};
pub(super) use burgrave_model::{Safeguard, Severity};
pub(super) use std::path::{Path, PathBuf};

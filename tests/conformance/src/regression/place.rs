//! Where a variable's value stands in the request as it is sent: request line, header fields, body.

use super::case::Case;
use burgrave_seclang::Named;

/// The request's text.
pub(super) struct Places {}

impl Places {
    pub(super) fn of(_case: &Case) -> Self {
        Self {}
    }

    pub(super) fn find(&self, _value: &Named) -> Vec<(usize, usize)> {
        Vec::new()
    }
}

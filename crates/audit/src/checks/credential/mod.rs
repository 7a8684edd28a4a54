//! credential.

// Checks of this family.
// End of the checks.

//! end-to-end tests.

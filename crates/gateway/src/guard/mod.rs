//! Between the socket and the HTTP library: what one reader could take for one request and another
//! reader for two does not pass.
//!
//! [`head`] and [`chunked`] are pure and strict; [`io`] feeds them, keeps the original header for
//! rules and log, and hands the library a header that we wrote ourselves (`canonical`); [`clock`] ends what is
//! slow; [`from_file`] sends large files without a copy.

pub(crate) mod bytes;
mod canonical;
pub(crate) mod chunked;
pub(crate) mod clock;
pub(crate) mod from_file;
pub(crate) mod head;
pub(crate) mod io;

//! The front door, attacked and used from outside: a whole gateway on loopback, clients that write what no library
//! would, and upstreams that misbehave on demand.
//!
//! Nothing is here but the suites in `tests/`: each file is one subject, `support/` is what they share. They know the
//! gateway by its settings and by what it says on the wire, so that they hold whatever it is made of.

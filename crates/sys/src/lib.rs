//! The one door to the machine: files, clocks, randomness, sockets and commands.
//!
//! Everything that reads a host does so through [`System`], so that the same code runs on the live
//! machine ([`Live`]), on a root tree ([`Tree`]) and on a description ([`Fake`]).
//!
//! Invariants: decides nothing; every read has a limit in its signature; commands run by absolute
//! path, with an empty environment, a timeout and an output cap, never by a shell. It is the only
//! crate that may hold `unsafe`.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

mod beneath;
mod channel;
mod clock;
mod command;
mod confine;
mod disk;
mod error;
mod fake;
mod folder;
mod follow;
mod glob;
mod inherited;
mod link;
mod live;
mod lock;
mod memory;
mod netfilter;
mod network;
mod observe;
mod own;
mod program;
mod run;
mod secret;
mod socket;
mod spoken;
mod stamp;
mod system;
mod time;
mod tree;
mod walk;

pub use beneath::{Facts, Opened, Root};
pub use channel::{Channel, MESSAGE_BYTES_MAX, Message, channel};
pub use clock::{last_tick, monotonic, seed, tick, wall_clock};
pub use command::{Ended, Invocation, Output};
pub use confine::{Confinement, Missing, confine, program_paths, resolver_paths};
pub use error::{SysError, chain};
pub use fake::{Fake, Refusal};
pub use folder::{
    Attributes, Extended, Folder, NodeKind, Stamp, advise_once, device_numbers, host_name,
    is_running, next_data, own_ids,
};
pub use follow::{Changes, Fate, FileId, Followed};
pub use inherited::{
    ACTIVATED_FIRST, Ask, ask_to_end, detach, inherit, is_root, take_datagrams, take_listener,
    take_udp,
};
pub use link::{own_link, replace_link};
pub use live::Live;
pub use lock::Lock;
pub use memory::{give_back_memory, use_small_pages};
pub use netfilter::{
    CHANGE_ELEMENTS_MAX, Element, Logged, Netfilter, PACKET_BYTES_MAX, PacketLog, SetStep,
};
pub use network::own_network;
pub use observe::{Event, Happening, Observer};
pub use own::{
    Access, Appender, create_own, forget_mask, make_own_directory, make_shared_directory, read_own,
    remove_own, remove_own_directory, replace_own, rotate_own,
};
pub use program::Program;
pub use secret::{SecretError, read_secret};
pub use socket::{
    Sharing, connect_tcp_from, datagram_pair, has_input, listen_datagrams, listen_tcp, listen_udp,
    send_ahead, send_at_once,
};
pub use spoken::{Said, Spoken, Together};
pub use stamp::parse_stamp;
pub use system::{Entry, Kind, Metadata, System};
pub use time::{Moment, UnixTime};
pub use tree::Tree;
pub use walk::{Step, Visitor, WalkLimits, Walked};

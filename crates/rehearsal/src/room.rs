//! A thread with a network of its own, which does what it is asked one thing after the other.

use burgrave_sys::{SysError, own_network};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

type Task = Box<dyn FnOnce() + Send>;

/// The thread. Programs that are started from it are in its network too.
#[derive(Debug)]
pub(crate) struct Room {
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
    network: PathBuf,
}

impl Room {
    /// Needs root.
    pub(crate) fn open() -> Result<Self, SysError> {
        let (tasks, asked) = channel::<Task>();
        let (made, told) = channel();
        let thread = std::thread::spawn(move || {
            let network = own_network();
            let is_made = network.is_ok();
            if made.send(network).is_ok() && is_made {
                for task in asked {
                    task();
                }
            }
        });
        let gone = |_| SysError::Unsupported("a thread with a network of its own");
        let network = told.recv().map_err(gone)??;
        Ok(Self { tasks: Some(tasks), thread: Some(thread), network })
    }

    /// Where its network is, for programs that take namespaces by path.
    pub(crate) fn network(&self) -> &Path {
        &self.network
    }

    /// Does something there. `None`: the thread is gone.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (done, result) = channel();
        let task: Task = Box::new(move || drop(done.send(task())));
        self.tasks.as_ref()?.send(task).ok()?;
        result.recv().ok()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_room_has_a_network_of_its_own() {
        let Ok(room) = Room::open() else {
            println!("SKIPPED: namespaces need root");
            return;
        };
        let outside = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = outside.local_addr().unwrap();
        let inside = room.run(move || std::net::TcpStream::connect(address).is_ok());
        assert_eq!(inside, Some(false), "loopback is down there, and another one");
        assert!(std::net::TcpStream::connect(address).is_ok());
    }
}

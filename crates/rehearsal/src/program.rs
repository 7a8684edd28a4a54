//! The program itself, run on the stage with a configuration that was made for it.

use crate::stage::Stage;
use burgrave_sys::{Ended, Invocation, Live, Program, System as _};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is kept of what it says.
const SAID_BYTES_MAX: usize = 1 << 20;
const COMMAND_TIME: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// A running `burgrave run`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    /// Killed with it.
    _program: Program,
    said: Arc<Mutex<String>>,
}

impl Running {
    /// Starts it, and waits until it says that it is ready to be attacked.
    pub(crate) fn start(
        stage: &Stage,
        program: &Path,
        config: &Path,
        ready: &[&str],
    ) -> Result<Self, String> {
        let invocation = invocation("/bin/sh")?
            .args(["-c", "exec \"$0\" run --config \"$1\" 2>&1"])
            .arg(program)
            .arg(config);
        let started = stage.machine.run(move || Program::start(invocation));
        let mut program = started.ok_or("a thread is gone")?.map_err(|error| error.to_string())?;
        let said = Arc::new(Mutex::new(String::new()));
        let output = program.take_output().ok_or("it has no output")?;
        let kept = Arc::clone(&said);
        // Ends with the program.
        drop(std::thread::spawn(move || listen(output, &kept)));
        let own = Self { _program: program, said };
        match ready.iter().find(|text| !own.says(text, COMMAND_TIME)) {
            None => Ok(own),
            Some(_) => Err(format!("`burgrave run` does not start there: {}", own.last())),
        }
    }

    /// Whether it says so in time.
    pub(crate) fn says(&self, text: &str, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            if self.said.lock().unwrap_or_else(PoisonError::into_inner).contains(text) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn last(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.lines().last().unwrap_or("it says nothing").chars().take(200).collect()
    }
}

fn listen(mut output: impl Read, said: &Mutex<String>) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = output.read(&mut piece) {
        let text = piece.get(..count).unwrap_or_default().iter().map(|byte| char::from(*byte));
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < SAID_BYTES_MAX {
            said.extend(text);
        }
    }
}

fn invocation(program: &str) -> Result<Invocation, String> {
    let made = Invocation::new(program, COMMAND_TIME, SAID_BYTES_MAX);
    let made = made.map_err(|error| error.to_string())?;
    Ok(made.variable("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
}

/// Runs a command of the machine to its end; what it printed.
pub(crate) fn command(
    stage: &Stage,
    program: &Path,
    arguments: &[&str],
    input: &str,
) -> Result<String, String> {
    let path = PathBuf::from(program);
    let name = path.display().to_string();
    let mut invocation = invocation(&name)?.args(arguments);
    if !input.is_empty() {
        invocation = invocation.stdin(input);
    }
    let ran = stage.machine.run(move || Live.run(&invocation)).ok_or("a thread is gone")?;
    let output = ran.map_err(|error| error.to_string())?;
    if output.ended == Ended::Exit(0) {
        return Ok(output.stdout.iter().map(|byte| char::from(*byte)).collect());
    }
    let said: String = output.stderr.escape_ascii().to_string().chars().take(200).collect();
    Err(format!("`{name} {}`: {said}", arguments.join(" ")))
}

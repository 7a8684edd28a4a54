//! What is run, and what came of it. A command here is a program by its absolute path with its
//! arguments as they are: there is no shell, no search path and no inherited environment.

use crate::SysError;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One run of a program, with its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    timeout: Duration,
    output_bytes_max: usize,
}

impl Invocation {
    /// A run of `program`, which must be given by its absolute path. After `timeout` it is killed
    /// with everything that it started; so it is when it writes more than `output_bytes_max` to
    /// either of its two outputs.
    pub fn new(
        program: impl Into<PathBuf>,
        timeout: Duration,
        output_bytes_max: usize,
    ) -> Result<Self, SysError> {
        let program = program.into();
        if !program.is_absolute() {
            return Err(SysError::WrongKind {
                path: program,
                wanted: "program given by its absolute path",
            });
        }
        Ok(Self {
            program,
            arguments: Vec::new(),
            variables: Vec::new(),
            stdin: Vec::new(),
            timeout,
            output_bytes_max,
        })
    }

    /// One more argument, passed on as it is.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// More arguments, passed on as they are.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// A variable of the environment, which is otherwise empty.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// What the program reads on its standard input. Default: nothing.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// The absolute path of the program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The arguments, without the program itself.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The whole environment.
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }

    /// The bytes for its standard input.
    pub fn stdin_bytes(&self) -> &[u8] {
        &self.stdin
    }

    /// How long it may take.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How much it may write to each of its outputs.
    pub const fn output_bytes_max(&self) -> usize {
        self.output_bytes_max
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code, 0 to 255.
    Exit(i32),
    /// By this signal's number.
    Signal(i32),
}

/// What a program that ran to its end left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended. A code other than 0 is an answer, not an error of the run.
    pub ended: Ended,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_an_absolute_path() {
        for path in ["ls", "./ls", "bin/ls", ""] {
            let error = Invocation::new(path, Duration::from_secs(1), 10).unwrap_err();
            assert!(matches!(error, SysError::WrongKind { .. }), "{path:?} gave {error}");
        }
    }

    #[test]
    fn an_invocation_holds_what_it_was_given() {
        let run = Invocation::new("/bin/cat", Duration::from_secs(1), 10)
            .unwrap()
            .arg("-v")
            .args(["a b", "$HOME"])
            .variable("LC_ALL", "C")
            .stdin(*b"x");
        assert_eq!(run.program(), Path::new("/bin/cat"));
        assert_eq!(run.arguments(), ["-v", "a b", "$HOME"]);
        assert_eq!(run.variables(), [("LC_ALL".into(), "C".into())]);
        assert_eq!(run.stdin_bytes(), b"x");
        assert_eq!((run.timeout(), run.output_bytes_max()), (Duration::from_secs(1), 10));
    }
}

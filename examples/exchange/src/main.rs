//! The program `exchange`: reads its options, says when it is ready, stops on SIGTERM or SIGINT.

use clap::Parser;
use exchange::{Exchange, Options};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A small trading application, made to stand behind Burgrave.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Address and port; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// `SQLite` file, or `:memory:`.
    #[arg(long, default_value = ":memory:")]
    database: PathBuf,
    /// Directory with the front end.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/web"))]
    web: PathBuf,
    /// Directory for statements and uploads; without it a temporary one, removed at the end.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Leaves real holes open, to be attacked on purpose. Never on a machine that others reach.
    #[arg(long)]
    vulnerable: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed("starting the event loop", &error),
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err((doing, error)) => failed(doing, error.as_ref()),
    }
}

fn failed(doing: &str, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("exchange: {doing}: {error}");
    ExitCode::from(2)
}

type Failure = (&'static str, Box<dyn std::error::Error>);

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let options = Options {
        database: arguments.database,
        web: arguments.web,
        data: arguments.data,
        vulnerable: arguments.vulnerable,
    };
    let exchange = Exchange::open(&options).map_err(|error| ("opening", error.into()))?;
    let listener =
        TcpListener::bind(arguments.listen).await.map_err(|error| ("listening", error.into()))?;
    let address = listener.local_addr().map_err(|error| ("listening", error.into()))?;
    let mut stop = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let ended = async move {
        match &mut stop {
            (Ok(terminate), Ok(interrupt)) => {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            }
            _ => std::future::pending().await,
        }
    };
    if arguments.vulnerable {
        eprintln!("exchange: --vulnerable: holes are open, keep this on loopback");
    }
    eprintln!("ready http://{address}");
    exchange
        .serve(listener, ended, Duration::from_secs(5))
        .await
        .map_err(|error| ("serving", error.into()))
}

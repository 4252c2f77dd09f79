//! The command line of `holdfast-server`: reads arguments, finds who runs the command (the running server, or this
//! process under the folder's lock), prints what came of it.

mod args;
mod output;
mod pages;

use crate::admin::{self, Answer, Command};
use crate::data::DataDir;
use crate::instance::Instance;
use crate::signals;
use crate::watch::Watch;
use crate::{Error, Result, blocking, control, serve};
use args::{Action, Args};
use model::text::WrongUsage;
use model::{Clock, Code};
use output::Output;
use platform::signals::EndSignals;
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;

/// How long a command waits for a server that is just starting or another command that is just ending.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
/// More than all the work at once that the server allows: what waits for a place waits before it has a thread.
const BLOCKING_THREADS: usize = 256;

/// Runs the program.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return ExitCode::from(refuse(&error)),
    };
    let output = Output::new(args.json);
    prepare_process(matches!(args.action, Action::Serve { .. }));
    match run(args, &output) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.code().exit_status())
        }
    }
}

/// Prints what the parser says. Help and version are no errors; clap knows where each goes.
fn refuse(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        // Nothing can be done when even this cannot be printed.
        let _ = error.print();
        return model::code::exit::COMPLETE;
    }
    let wrong = WrongUsage::of(&error.render().to_string());
    let _ = write!(std::io::stderr(), "{}", wrong.words);
    let flags = std::env::args_os().skip(1).take_while(|argument| argument != "--");
    if flags.into_iter().any(|argument| argument == "--json") {
        output::print_error(Code::Usage, &wrong.reason, Code::Usage.advice());
    }
    Code::Usage.exit_status()
}

fn prepare_process(serving: bool) {
    let default = if serving { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("HOLDFAST_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(output::has_colours())
        .with_writer(std::io::stderr)
        .init();
    // The provider of TLS is named wherever it is used; this is for libraries that ask for the default.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let steps = [
        ("umask", platform::process::restrict_umask()),
        ("core dumps", platform::process::disable_core_dumps()),
        ("open files", platform::process::raise_open_file_limit().map(drop)),
    ];
    for (what, result) in steps {
        if let Err(error) = result {
            tracing::warn!(%error, "cannot set {what} of this process");
        }
    }
}

fn run(args: Args, output: &Output) -> Result<u8> {
    let data = || {
        let data = args.data.ok_or_else(|| {
            Error::refused(Code::Usage, "which server? name its data folder with --data DIR or HOLDFAST_DATA")
        });
        data.and_then(|data| DataDir::new(&data))
    };
    let clock = Clock::system();
    let answer = match args.action {
        Action::Page(page) => {
            return pages::run(page, args::definition(), output).map(|()| model::code::exit::COMPLETE);
        }
        Action::Init(options) => interruptible(admin::init(&data()?, &clock, options)).map(Answer::Init),
        Action::Recover(options) => {
            let watch = output.watch();
            interruptible(admin::recover(&data()?, &clock, options, &watch)).map(Answer::Recover)
        }
        Action::Serve { listen } => {
            let ready = output.clone();
            return block_on(serve::serve(data()?, clock, listen, move |started| ready.started(&started)))?
                .map(|()| model::code::exit::COMPLETE);
        }
        Action::Command(command) => block_on(ask_or_run(&data()?, clock, &command, output))?,
    }?;
    output.answer(&answer)?;
    Ok(answer.exit_status())
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| Error::Broken { problem: format!("cannot start threads: {error}") })?;
    let done = runtime.block_on(work);
    // What still runs was asked to stop and had its time.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(done)
}

/// Runs work that may end at any place, as by a kill.
fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    block_on(async {
        let mut signals = signals::catch()?;
        tokio::select! {
            done = work => done,
            () = signals.next() => Err(Error::Stopped),
        }
    })?
}

/// Asks the running server; when none runs, takes the lock and runs the command here.
async fn ask_or_run(data: &DataDir, clock: Clock, command: &Command, output: &Output) -> Result<Answer> {
    let mut signals = signals::catch()?;
    let began = Instant::now();
    loop {
        let asked = {
            let (data, command, output) = (data.clone(), command.clone(), output.clone());
            blocking(move || control::ask(&data, &command, |step| output.progress(step)))
        };
        let answer = tokio::select! {
            answer = asked => answer?,
            // The end of this process ends the connection, and with it the work.
            () = signals.next() => return Err(Error::Stopped),
        };
        if let Some(answer) = answer {
            return Ok(answer);
        }
        if !data.has_database()? {
            return Err(Error::DataMissing { path: data.path().to_owned() });
        }
        match data.lock() {
            Ok(lock) => {
                return run_here(data.clone(), clock, lock, command.clone(), output.watch(), signals).await;
            }
            // A server that starts, or another command.
            Err(Error::DataLocked { .. }) if began.elapsed() < PATIENCE => tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = signals.next() => return Err(Error::Stopped),
            },
            Err(error) => return Err(error),
        }
    }
}

async fn run_here(
    data: DataDir,
    clock: Clock,
    lock: platform::Lock,
    command: Command,
    watch: Watch,
    mut signals: EndSignals,
) -> Result<Answer> {
    let instance = Instance::open(data, clock, lock).await?;
    let work = async {
        crate::reconcile::run(&instance).await?;
        admin::run(&instance, command, &watch).await
    };
    let done = tokio::select! {
        done = work => done,
        () = signals.next() => Err(Error::Stopped),
    };
    watch.stop();
    instance.close().await;
    done
}

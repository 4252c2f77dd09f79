//! `serve`: brings a data folder up, answers until a signal comes, and goes down in order. A killed server needs
//! nothing but the next start.

use crate::data::DataDir;
use crate::http::{self, Drained, Limits, listen};
use crate::instance::Instance;
use crate::signals;
use crate::tls::{Certificates, Names, keep_renewed};
use crate::{Error, Result, blocking, control, reconcile, scheduler};
use model::{Clock, Code, ServerId};
use platform::Lock;
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long a start waits for the end of a command or of the server before.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// How often the certificate is looked at.
const RENEWAL_EVERY: Duration = Duration::from_secs(3_600);
/// Time for commands and cleanup to come to a good place when the server stops.
const STOP_TIME: Duration = Duration::from_secs(30);

/// A server that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Started {
    /// Which server.
    pub server_id: ServerId,
    /// Its version.
    pub version: &'static str,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The addresses that agents are told.
    pub urls: Vec<String>,
}

/// Runs the server until SIGTERM, SIGINT or SIGHUP. `ready` is called when it answers.
pub async fn serve(
    data: DataDir,
    clock: Clock,
    listen_on: Option<SocketAddr>,
    ready: impl FnOnce(Started),
) -> Result<()> {
    if !data.has_database()? {
        return Err(Error::DataMissing { path: data.path().to_owned() });
    }
    let stop = stop_on_signals()?;
    let lock = take_lock(&data).await?;
    let instance = Instance::open(data, clock, lock).await?;
    let served = run(&instance, listen_on, stop, ready).await;
    instance.close().await;
    served
}

async fn run(
    instance: &Arc<Instance>,
    listen_on: Option<SocketAddr>,
    stop: watch::Receiver<bool>,
    ready: impl FnOnce(Started),
) -> Result<()> {
    let settings = instance.settings();
    let address = listen_on.unwrap_or(settings.listen);
    let listener = listen::bind(address).await.map_err(|source| Error::ListenFailed { address, source })?;
    let local = listener.local_addr().map_err(|source| Error::ListenFailed { address, source })?;
    instance.listens_on(local);
    let certificates = Arc::new(open_certificates(instance, local).await?);
    let tls = certificates.server_config()?;
    let healed = reconcile::run(instance).await?;
    tracing::debug!(?healed, "database and store compared");
    let control = control::listen(&instance.data)?;

    let router = http::router(instance.clone());
    let accept = listen::serve(listener, tls, router, Limits::default(), stopped(stop.clone()));
    let commands = tokio::spawn(control.serve(instance.clone(), stopped(stop.clone())));
    let renewal = tokio::spawn(keep_renewed(certificates, renewal_every(), stopped(stop.clone())));
    let schedule = tokio::spawn(scheduler::run(instance.clone(), stopped(stop.clone())));
    tracing::info!(listen = %local, server = %instance.record.id, version = env!("CARGO_PKG_VERSION"), "started");
    ready(Started {
        server_id: instance.record.id,
        version: env!("CARGO_PKG_VERSION"),
        listen: local,
        urls: settings.urls.clone(),
    });
    let Drained { finished, cut } = accept.await;
    tracing::info!(finished, cut, "stopping");
    let rest = async {
        for task in [commands, renewal, schedule] {
            let _ = task.await;
        }
    };
    if tokio::time::timeout(STOP_TIME, rest).await.is_err() {
        tracing::warn!("work in the background did not stop in time; the next start goes on with it");
    }
    Ok(())
}

async fn open_certificates(instance: &Arc<Instance>, local: SocketAddr) -> Result<Certificates> {
    let settings = instance.settings();
    let (tls, clock) = (instance.data.tls(), instance.clock.clone());
    blocking(move || {
        let hostname = platform::host::hostname().ok();
        let names = Names::collect(&settings.urls, &[local, settings.listen], hostname.as_deref())?;
        Certificates::open(&tls, names, clock)
    })
    .await
}

#[cfg(not(feature = "test-hooks"))]
const fn renewal_every() -> Duration {
    RENEWAL_EVERY
}

/// Tests cannot wait an hour.
#[cfg(feature = "test-hooks")]
fn renewal_every() -> Duration {
    let seconds = std::env::var("HOLDFAST_TEST_RENEWAL_SECONDS").ok().and_then(|text| text.parse().ok());
    seconds.map_or(RENEWAL_EVERY, Duration::from_secs_f64)
}

/// Waits a little for whoever is just ending.
async fn take_lock(data: &DataDir) -> Result<Lock> {
    let began = Instant::now();
    loop {
        match data.lock() {
            Err(Error::DataLocked { .. }) if began.elapsed() < LOCK_PATIENCE => {
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            other => return other,
        }
    }
}

/// Turns true at the first signal; the second one ends the process at once.
fn stop_on_signals() -> Result<watch::Receiver<bool>> {
    let mut signals = signals::catch()?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        for _ in 0..2 {
            signals.next().await;
            if sender.send_replace(true) {
                tracing::warn!("stopped by a second signal");
                std::process::exit(i32::from(Code::Interrupted.exit_status()));
            }
        }
    });
    Ok(receiver)
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, which happens at the end only.
    let _ = stop.wait_for(|stop| *stop).await;
}

impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Server {} listens on {}; agents reach it at {}.",
            self.server_id,
            self.listen,
            self.urls.join(" ")
        )?;
        writeln!(f, "Stop it with SIGTERM or Ctrl-C.")
    }
}

//! A server on a free port with a clock that stands still, and what tests do with it.

pub(crate) mod agent;
pub(crate) mod device;
pub(crate) mod raw;

use api::Token;
use client::{Options, RetryPolicy, Trust};
use model::{Clock, Code, Timestamp};
use server::admin::{self, Answer, Command, InitOptions, InitView, SettingsChange};
use server::data::DataDir;
use server::http::{Limits, listen, router};
use server::instance::Instance;
use server::tls::{Certificates, Names};
use server::watch::Watch;
use server::{Result, reconcile};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// A data folder and, while it runs, its server.
pub(crate) struct Site {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) made: InitView,
    pub(crate) limits: Limits,
    runtime: Runtime,
    running: Option<Running>,
}

struct Running {
    instance: Arc<Instance>,
    certificates: Arc<Certificates>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Site {
    /// A new server that runs.
    pub(crate) fn new() -> Self {
        Self::with_limits(Limits { drain: Duration::from_secs(60), ..Limits::default() })
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
        let runtime = Runtime::new().unwrap();
        let data = DataDir::new(&dir.path().join("data")).unwrap();
        // Agents of these tests are told the address of each start.
        let urls = vec!["https://localhost".to_owned()];
        let recovery_file = Some(dir.path().join("recovery.txt"));
        let options = InitOptions { urls, recovery_file, ..InitOptions::default() };
        let made = runtime.block_on(admin::init(&data, &clock, options)).unwrap();
        let mut site = Self { dir, clock, made, limits, runtime, running: None };
        site.start();
        // Disks of test machines may be fuller than the usual reserve allows.
        site.set(SettingsChange { reserve_bytes: Some(0), ..SettingsChange::default() });
        site
    }

    pub(crate) fn data(&self) -> DataDir {
        DataDir::new(&self.dir.path().join("data")).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Starts the server.
    pub(crate) fn start(&mut self) {
        self.try_start().unwrap();
    }

    pub(crate) fn try_start(&mut self) -> Result<()> {
        assert!(self.running.is_none());
        let (data, clock, limits) = (self.data(), self.clock.clone(), self.limits);
        self.running = Some(self.runtime.block_on(async move {
            let lock = data.lock()?;
            let instance = Instance::open(data.clone(), clock.clone(), lock).await?;
            reconcile::run(&instance).await?;
            let listener = listen::bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
            let address = listener.local_addr().unwrap();
            let names = Names::collect(&[], &[], None).unwrap();
            let certificates = Arc::new(Certificates::open(&data.tls(), names, clock).unwrap());
            let tls = certificates.server_config().unwrap();
            let (stop, stopped) = oneshot::channel();
            let stopped = async {
                let _ = stopped.await;
            };
            let routes = router(instance.clone());
            let task = tokio::spawn(async move {
                listen::serve(listener, tls, routes, limits, stopped).await;
            });
            Ok::<_, server::Error>(Running { instance, certificates, address, stop, task })
        })?);
        Ok(())
    }

    /// Stops the server and lets its data folder go.
    pub(crate) fn stop(&mut self) {
        let Running { instance, stop, task, .. } = self.running.take().unwrap();
        stop.send(()).unwrap();
        self.runtime.block_on(async {
            task.await.unwrap();
            while Arc::strong_count(&instance) > 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            instance.close().await;
        });
    }

    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start();
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server runs")
    }

    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.running().instance
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running().address
    }

    pub(crate) fn certificates(&self) -> &Certificates {
        &self.running().certificates
    }

    /// How a client reaches this server. Nothing is tried twice.
    pub(crate) fn options(&self) -> Options {
        let trust = Trust::Pin(self.certificates().authority().pin());
        let urls = vec![format!("https://{}", self.address())];
        Options { clock: self.clock.clone(), retry: RetryPolicy::never(), ..Options::new(urls, trust) }
    }

    /// Runs a command.
    pub(crate) fn run(&self, command: Command) -> Result<Answer> {
        self.block_on(admin::run(self.instance(), command, &Watch::silent()))
    }

    /// The code that a command is refused with.
    pub(crate) fn refusal(&self, command: Command) -> Code {
        self.run(command).unwrap_err().code()
    }

    /// The document of a command.
    pub(crate) fn json(&self, command: Command) -> serde_json::Value {
        self.run(command).unwrap().to_json().unwrap()
    }

    pub(crate) fn set(&self, change: SettingsChange) {
        self.run(Command::SettingsSet(change)).unwrap();
    }

    /// A token for a device of this user, who is added when there is none.
    pub(crate) fn token(&self, user: &str) -> Token {
        match self.run(Command::UserAdd { name: user.to_owned(), custody: None }) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.code(), Code::NameTaken),
        }
        self.token_of(user, 7 * 86_400)
    }

    pub(crate) fn token_of(&self, user: &str, expires_seconds: u64) -> Token {
        let made = self.json(Command::TokenCreate { user: user.to_owned(), expires_seconds });
        Token::parse(made["token"].as_str().unwrap()).unwrap()
    }

    /// Files of the object store whose name begins so.
    pub(crate) fn objects(&self, prefix: &str) -> Vec<String> {
        use blobs::BlobStore;
        let listed = self.instance().store.list(prefix).unwrap();
        listed.into_iter().map(|info| info.key.as_str().to_owned()).collect()
    }

    /// The file of an object.
    pub(crate) fn object_path(&self, key: &str) -> PathBuf {
        self.data().store().join("blobs").join(key)
    }
}

/// The codes of a check's problems.
pub(crate) fn problems(view: &serde_json::Value) -> Vec<String> {
    let problems = view["problems"].as_array().unwrap();
    problems.iter().map(|problem| problem["code"].as_str().unwrap().to_owned()).collect()
}

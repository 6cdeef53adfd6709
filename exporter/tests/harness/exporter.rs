//! The exporter under test.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use kernel_exporter::collectors::registry::descriptions;
use serde_yaml::{Mapping, Value};

use super::{Between, Histogram, Scrape, unique, wait_for};

/// Scrapes share a read that is younger than 50 ms; a scrape that is to see the present waits longer.
const SHARED: Duration = Duration::from_millis(60);

/// Slow enough for an emulated CPU under load.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// A running exporter, killed when dropped.
pub(crate) struct Exporter {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
    config: PathBuf,
}

/// The exporter's executable; in a VM it is elsewhere than where it was built.
pub(crate) fn binary() -> PathBuf {
    env::var_os("KERNEL_EXPORTER_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_kernel-exporter").into()).into()
}

impl Exporter {
    /// Starts one with this added to a config that never reads on its own, and waits for its first read.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_in(config, |_| {})
    }

    /// As [`start`](Self::start), in circumstances that `confine` makes.
    pub(crate) fn start_in(config: &str, confine: impl FnOnce(&mut Command)) -> Self {
        let (mut child, config) = Self::spawn(config, confine);
        let log = Arc::default();
        let (say, heard) = mpsc::channel();
        let stderr = child.stderr.take().expect("piped");
        let copy = Arc::clone(&log);
        thread::spawn(move || listen(stderr, &copy, &say));
        let address = heard.recv_timeout(PATIENCE);
        let Ok(address) = address else {
            let _ = child.kill();
            panic!("the exporter does not serve; it said:\n{}", log.lock().expect("no panic"));
        };
        let exporter = Self { child, address, log, config };
        exporter.scrape();
        exporter
    }

    /// Starts one and waits for its end: how it ended, and what it said.
    pub(crate) fn start_in_vain(config: &str, confine: impl FnOnce(&mut Command)) -> (ExitStatus, String) {
        let (child, config) = Self::spawn(config, confine);
        let output = child.wait_with_output().expect("a child");
        let _ = fs::remove_file(config);
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn spawn(config: &str, confine: impl FnOnce(&mut Command)) -> (Child, PathBuf) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = env::temp_dir().join(unique(&format!("{number}.yaml")));
        write_config(&file, config);
        let mut command = Command::new(binary());
        command.arg("--config").arg(&file).stderr(Stdio::piped());
        confine(&mut command);
        // SAFETY: the closure makes one system call, which is allowed between fork and exec.
        unsafe { command.pre_exec(|| die_with_parent().map_err(std::io::Error::from_raw_os_error)) };
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot run {:?}: {error}", binary()));
        (child, file)
    }

    /// Gives it another config in place of the one that was added, and waits until it has read it; whether it
    /// is in force.
    pub(crate) fn reload(&self, config: &str) -> bool {
        const RELOADS: &str = "kernel_exporter_config_reloads_total";
        let before = self.scrape().sum(RELOADS, &[]);
        self.begin_reload(config);
        let mut after = None;
        wait_for("the config is read", || {
            let scrape = self.scrape();
            let is_read = scrape.sum(RELOADS, &[]) > before;
            after = Some(scrape);
            is_read
        });
        let after = after.expect("waited for");
        assert_eq!(after.sum(RELOADS, &[]), before + 1, "it was read once");
        after.sum("kernel_exporter_config_last_reload_successful", &[]) == 1
    }

    /// Gives it another config, and does not wait.
    pub(crate) fn begin_reload(&self, config: &str) {
        self.rewrite(config);
        self.signal(libc::SIGHUP);
    }

    /// Writes another config, and tells nobody.
    pub(crate) fn rewrite(&self, config: &str) {
        write_config(&self.config, config);
    }

    /// The file that its config is in.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("no panic").clone()
    }

    pub(crate) fn pid(&self) -> libc::pid_t {
        self.child.id() as libc::pid_t
    }

    /// A scrape of a read that begins after this call.
    pub(crate) fn scrape(&self) -> Scrape {
        Scrape::parse(&String::from_utf8(self.get("text/plain; version=0.0.4")).expect("UTF-8"))
    }

    /// Two scrapes, and what happens in between.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> (Between, T) {
        let before = self.scrape();
        let result = work();
        (Between { before, after: self.scrape() }, result)
    }

    /// A histogram, summed over the series with these labels, of a read that begins after this call.
    pub(crate) fn histogram(&self, name: &str, labels: &[(&str, &str)]) -> Histogram {
        Histogram::parse(&self.get(PROTOBUF), name, labels)
    }

    /// The body in this format, of a read that begins after this call.
    pub(crate) fn get(&self, accept: &str) -> Vec<u8> {
        thread::sleep(SHARED);
        let url = format!("http://{}/metrics", self.address);
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().new_agent();
        let response = agent.get(url).header("Accept", accept).call();
        let mut response = response.unwrap_or_else(|error| {
            panic!("cannot scrape: {error}; the exporter said:\n{}", self.log.lock().expect("no panic"))
        });
        response.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a whole body")
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: libc::c_int) {
        // SAFETY: no preconditions; the child has not been waited for, so the id is its own.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child")
    }
}

/// Never reads on its own, and does not look whether the config has changed, unless that is asked for.
fn write_config(file: &Path, config: &str) {
    let mut whole = "read_interval: 5m\n".to_owned();
    // What is measured is compared with the truth: nothing is to be given up for its cost, which is high where CPUs
    // are emulated and scrapes come one after the other.
    let defaults = [
        ("listen:", "listen: 127.0.0.1:0\n"),
        ("reload:", "reload: {watch: false}\n"),
        ("budget:", "budget: {cpu: off}\n"),
    ];
    for (key, default) in defaults {
        if !config.contains(key) {
            whole += default;
        }
    }
    fs::write(file, whole + &undisturbed(config)).expect("a folder for temporary files");
}

/// The collectors that most tests are about. The others have tests of their own, in `tests/signals`, and would disturb.
pub(crate) const FIRST: [&str; 3] = ["scheduler", "block_io", "process"];

/// The config with all other collectors off, but for those that it names. A signal is alone: a start takes an emulated CPU
/// seconds, most of them to verify programs.
pub(crate) fn undisturbed(config: &str) -> String {
    let Ok(Value::Mapping(mut keys)) =
        serde_yaml::from_str::<Value>(if config.is_empty() { "{}" } else { config })
    else {
        return config.to_owned(); // broken on purpose
    };
    let first: &[&str] = match env!("CARGO_CRATE_NAME") {
        "truth" | "block_io" | "identity" | "doctor" => &FIRST,
        "signals" if keys.contains_key("collectors") => &[],
        _ => return config.to_owned(),
    };
    let collectors = keys.entry("collectors".into()).or_insert_with(|| Mapping::new().into());
    let Value::Mapping(collectors) = collectors else { return config.to_owned() };
    for about in descriptions().filter(|about| !first.contains(&about.name)) {
        let off = Mapping::from_iter([("enabled".into(), false.into())]);
        collectors.entry(about.name.into()).or_insert_with(|| off.into());
    }
    serde_yaml::to_string(&keys).expect("it was YAML")
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.config);
    }
}

/// Ends this process when the thread that made it ends; the error is a number of errno.
pub(crate) fn die_with_parent() -> Result<(), i32> {
    // SAFETY: a call without pointers.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        // SAFETY: this thread's own errno.
        _ => Err(unsafe { *libc::__errno_location() }),
    }
}

/// Keeps what the exporter says, and tells its address once.
fn listen(stderr: ChildStderr, log: &Mutex<String>, say: &mpsc::Sender<SocketAddr>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
        log.lock().expect("no panic").push_str(&format!("{line}\n"));
        if line.contains("serving metrics")
            && let Some(address) = address.and_then(|address| address.parse().ok())
        {
            let _ = say.send(address);
        }
    }
}

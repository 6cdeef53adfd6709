//! The exporter under test: a process of its own, on a free port of the loopback.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    thread,
};

use crate::http::{Client, Response};

/// The binary.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kernel-exporter");

/// A running exporter. Dropping it ends it.
pub(crate) struct Exporter {
    child: Child,
    address: SocketAddr,
    _folder: Folder,
}

impl Exporter {
    /// Starts the exporter with `config` and waits until it serves. Its maps are read for scrapes only, unless
    /// the config says otherwise.
    pub(crate) fn start(config: &str) -> Self {
        let folder = Folder::new();
        let file = folder.path().join("config.yaml");
        fs::write(&file, format!("listen: 127.0.0.1:0\nread_interval: 5m\n{config}")).expect("a config");
        let mut child = Command::new(PROGRAM)
            .arg("--config")
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the exporter starts");
        let address = address(child.stderr.take().expect("piped"));
        Self { child, address, _folder: folder }
    }

    /// Where it serves.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// One request on a connection of its own.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.connect().ask("GET", path, headers)
    }

    /// Text 0.0.4.
    pub(crate) fn text(&self) -> String {
        self.get("/metrics", &[]).text()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Anonymous memory that is resident, in bytes.
    pub(crate) fn anonymous_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux 4.5");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes << 10
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a child and waits for it.
pub(crate) fn end(child: &mut Child) {
    // Both fail only when it has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// The address in the log, which goes on to be read, so that the exporter never waits for us.
fn address(log: ChildStderr) -> SocketAddr {
    let mut log = BufReader::new(log);
    let mut before = String::new();
    loop {
        let mut line = String::new();
        let read = log.read_line(&mut line).expect("the log is text");
        assert!(read > 0, "the exporter ended:\n{before}");
        if let Some((_, address)) = line.split_once("address=") {
            thread::spawn(move || log.read_to_end(&mut Vec::new()));
            return address.trim().parse().expect("an address");
        }
        before += &line;
    }
}

/// A folder that goes when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("kernel-exporter-{}-{number}", std::process::id()));
        fs::create_dir(&folder).expect("a new folder");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

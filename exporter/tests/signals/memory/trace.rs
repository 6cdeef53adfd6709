//! What the kernel writes into a trace of its own, as a truth about events that nothing else counts.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::harness::unique;

/// Events that are being traced.
pub(super) struct Trace {
    folder: PathBuf,
}

/// One of them.
pub(super) struct Event {
    pub(super) pid: libc::pid_t,
    pub(super) nanoseconds: u64,
    pub(super) name: String,
    pub(super) fields: String,
}

impl Trace {
    /// Traces these events, by group and name; those that this kernel lacks do not happen.
    pub(super) fn of(events: &[&str]) -> Self {
        let roots = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
        let root = roots.iter().map(Path::new).find(|root| root.join("instances").exists()).expect("tracefs");
        let folder = root.join("instances").join(unique("memory"));
        fs::create_dir(&folder).expect("root may trace");
        let trace = Self { folder };
        trace.set("buffer_size_kb", "4096");
        trace.set("trace_clock", "mono");
        for event in events.iter().map(|event| format!("events/{event}/enable")) {
            if trace.folder.join(&event).exists() {
                trace.set(&event, "1");
            }
        }
        trace
    }

    fn set(&self, file: &str, value: &str) {
        fs::write(self.folder.join(file), value).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    /// What has happened: `comm-pid [cpu] flags seconds: name: fields`.
    pub(super) fn events(&self) -> Vec<Event> {
        let text = fs::read(self.folder.join("trace")).expect("readable");
        let text = String::from_utf8_lossy(&text);
        let event = |line: &str| {
            let (task, rest) = line.split_once(" [")?;
            let pid = task.rsplit_once('-')?.1.trim().parse().ok()?;
            let mut parts = rest.splitn(3, ": ");
            let time = parts.next()?.split_whitespace().last()?;
            let (seconds, micros) = time.split_once('.')?;
            let nanoseconds = (seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?) * 1000;
            let name = parts.next()?.trim().to_owned();
            Some(Event { pid, nanoseconds, name, fields: parts.next().unwrap_or_default().to_owned() })
        };
        let lines = || text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        assert!(!lines().any(|line| line.contains("LOST")), "the trace has lost events");
        lines().map(|line| event(line).unwrap_or_else(|| panic!("malformed: {line}"))).collect()
    }

    /// How often a task went from one event to the next, and how long that took, in nanoseconds.
    pub(super) fn spans(&self, pid: libc::pid_t, begin: &str, end: &str) -> (u64, u64) {
        let (mut count, mut sum, mut begun) = (0, 0, None);
        for event in self.events().iter().filter(|event| event.pid == pid) {
            if event.name == begin {
                begun = Some(event.nanoseconds);
            } else if event.name == end
                && let Some(begun) = begun.take()
            {
                count += 1;
                sum += event.nanoseconds.saturating_sub(begun);
            }
        }
        (count, sum)
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = fs::write(self.folder.join("events/enable"), "0");
        let _ = fs::remove_dir(&self.folder);
    }
}

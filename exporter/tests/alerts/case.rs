//! Scripts of `scripts/cases`: they make the fault, and tell who it was.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{harness::Exporter, tools::root_folder};

/// Seconds of trouble, in which the alert is to fire.
const TROUBLE: &str = "15";

/// A script that runs. Dropping it lets it undo what it has done.
pub(crate) struct Case {
    script: Child,
    /// What it says, and when.
    lines: Receiver<(f64, String)>,
    said: String,
}

impl Case {
    /// Begins one that looks at this exporter, with seconds of calm before the trouble.
    pub(crate) fn begin(name: &str, exporter: &Exporter, calm: u32) -> Self {
        // Tools for disks and networks are where not every user has them on the path.
        let path = env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        let mut script = Command::new(root_folder().join("scripts/cases").join(name).with_extension("sh"))
            .args(["-c", &calm.to_string(), "-s", TROUBLE])
            .arg(format!("http://{}/metrics", exporter.address))
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script starts");
        let output = BufReader::new(script.stdout.take().expect("piped"));
        let (say, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if say.send((now(), line)).is_err() {
                    return; // nobody listens any more
                }
            }
        });
        Self { script, lines, said: String::new() }
    }

    /// Waits until it says a line that begins so; gives the rest of it.
    pub(crate) fn until(&mut self, begin: &str) -> String {
        self.find(begin).1
    }

    /// Waits for the trouble; gives when it began, in seconds since the epoch, or just after.
    pub(crate) fn trouble(&mut self) -> f64 {
        self.find("trouble: ").0
    }

    fn find(&mut self, begin: &str) -> (f64, String) {
        loop {
            let Ok((time, line)) = self.lines.recv() else {
                panic!("it ended without `{begin}`:\n{}", self.said);
            };
            self.said += &format!("{line}\n");
            if let Some(rest) = line.strip_prefix(begin) {
                return (time, rest.to_owned());
            }
        }
    }

    /// Waits for its end. Gives what it said of the culprit and of the victim.
    pub(crate) fn verdict(mut self) -> (String, String) {
        let verdict = (self.until("culprit: "), self.until("victim: "));
        let status = self.script.wait().expect("a child");
        println!("{}", self.said);
        assert!(status.success(), "{status}");
        verdict
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if self.script.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        // SAFETY: the child has not been waited for, so the id is its own.
        unsafe { libc::kill(self.script.id() as libc::pid_t, libc::SIGTERM) };
        let _ = self.script.wait();
    }
}

/// Seconds since the epoch.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

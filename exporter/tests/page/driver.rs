//! chromedriver, and what can be said to it: <https://www.w3.org/TR/webdriver2/>.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::harness::die_with_parent;

const DRIVER: &str = "/usr/bin/chromedriver";
const BROWSER: &str = "/usr/bin/chromium";

/// Slow enough for a machine on which everything else is tested at the same time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running driver, ended when dropped, and with it the browsers that it started.
pub(crate) struct Driver {
    child: Child,
    url: String,
}

impl Driver {
    /// Starts one, or says why there is none.
    pub(crate) fn start() -> Result<Self, String> {
        for program in [DRIVER, BROWSER] {
            if !Path::new(program).exists() {
                return Err(format!("no {program} here; scripts/setup.sh test installs it"));
            }
        }
        let mut command = Command::new(DRIVER);
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own, so that it can be ended with all that it has started.
        command.process_group(0);
        // SAFETY: the closure makes one system call, which is allowed between fork and exec.
        unsafe { command.pre_exec(|| die_with_parent().map_err(std::io::Error::from_raw_os_error)) };
        let mut child = command.spawn().map_err(|error| format!("cannot run {DRIVER}: {error}"))?;
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        thread::spawn(move || lines.for_each(drop));
        let url = format!("http://127.0.0.1:{}", port.expect("the driver says where it listens"));
        Ok(Self { child, url })
    }

    /// One command; gives what it answers.
    #[track_caller]
    pub(crate) fn tell(&self, method: &str, path: &str, what: &Value) -> Value {
        self.try_to_tell(method, path, what).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same; fails when the driver does not answer or cannot do it.
    pub(crate) fn try_to_tell(&self, method: &str, path: &str, what: &Value) -> Result<Value, String> {
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        let (agent, url) = (agent.build().new_agent(), format!("{}{path}", self.url));
        let answer = match method {
            "GET" => agent.get(url).call(),
            "DELETE" => agent.delete(url).call(),
            _ => agent.post(url).header("Content-Type", "application/json").send(what.to_string()),
        };
        let mut answer = answer.map_err(|error| error.to_string())?;
        let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec();
        let body = body.map_err(|error| error.to_string())?;
        let mut body: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        match answer.status().is_success() {
            true => Ok(body["value"].take()),
            false => Err(body["value"]["message"].to_string()),
        }
    }

    /// A new browser that writes to this folder only; gives the path of its session.
    pub(crate) fn session(&self, folder: &Path) -> String {
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", folder.display()));
        let options = json!({ "binary": BROWSER, "args": arguments });
        let wanted = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let made = self.tell("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        format!("/session/{}", made["sessionId"].as_str().expect("an id"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: the group is the child's own, which has not been waited for.
        unsafe { libc::kill(-(self.child.id() as libc::pid_t), libc::SIGKILL) };
        let _ = self.child.wait();
    }
}

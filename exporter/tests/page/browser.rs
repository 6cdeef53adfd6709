//! A browser with the page open.

use std::{
    env, fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{driver::Driver, harness::unique};

/// A browser, closed when dropped.
pub(crate) struct Browser {
    driver: Driver,
    session: String,
    folder: PathBuf,
}

impl Browser {
    /// Opens a page, or says why that is not possible.
    pub(crate) fn open(url: &str) -> Result<Self, String> {
        let driver = Driver::start()?;
        let folder = env::temp_dir().join(unique("browser"));
        fs::create_dir(&folder).expect("a new folder");
        let session = driver.session(&folder);
        let browser = Self { driver, session, folder };
        browser.tell("POST", "/url", &json!({ "url": url }));
        Ok(browser)
    }

    #[track_caller]
    fn tell(&self, method: &str, path: &str, what: &Value) -> Value {
        self.driver.tell(method, &format!("{}{path}", self.session), what)
    }

    /// What a script returns; if that is a promise, what it promises.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.tell("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true, and says how long that took.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str, patience: Duration) -> Duration {
        let begin = Instant::now();
        while self.run(&format!("return Boolean({expression})")) != true {
            assert!(
                begin.elapsed() < patience,
                "not in {patience:?}: {expression}; the page says {}",
                self.text()
            );
            sleep(Duration::from_millis(100));
        }
        begin.elapsed()
    }

    /// All text that is shown.
    pub(crate) fn text(&self) -> String {
        self.run("return document.body.innerText").as_str().expect("text").to_owned()
    }

    /// Opens the page once more, in a window of its own, and goes there. A tab would hide the one before it, and what is
    /// hidden asks for nothing.
    pub(crate) fn open_window(&self, url: &str) -> String {
        let made = self.tell("POST", "/window/new", &json!({ "type": "window" }));
        let window = made["handle"].as_str().expect("a handle").to_owned();
        self.go_to(&window);
        self.tell("POST", "/url", &json!({ "url": url }));
        window
    }

    pub(crate) fn go_to(&self, window: &str) {
        self.tell("POST", "/window", &json!({ "handle": window }));
    }

    /// Where it is.
    pub(crate) fn window(&self) -> String {
        self.tell("GET", "/window", &json!({})).as_str().expect("a handle").to_owned()
    }

    /// As somebody who likes it `light` or `dark`.
    pub(crate) fn prefer(&self, theme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.emulate("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// As on a screen of this size.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.emulate("Emulation.setDeviceMetricsOverride", &size);
    }

    fn emulate(&self, command: &str, parameters: &Value) {
        self.tell("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    /// Presses a key, as the driver calls it, wherever the focus is.
    pub(crate) fn press(&self, key: char) {
        let actions = ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }));
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.tell("POST", "/actions", &json!({ "actions": [keyboard] }));
    }

    /// What the console has shown since the last call: errors and warnings of scripts, of the network and of the policy.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.tell("POST", "/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().expect("a list").iter();
        let complaints = entries.filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        complaints.map(|entry| entry["message"].to_string()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A test that failed may have left a browser that does not answer any more.
        let _ = self.driver.try_to_tell("DELETE", &self.session, &json!({}));
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Opens the page of an exporter, or leaves the test and says why it can't run here.
macro_rules! open_or_skip {
    ($exporter:expr) => {
        match crate::browser::Browser::open(&format!("http://{}/", $exporter.address)) {
            Ok(browser) => browser,
            Err(missing) => {
                println!("SKIPPED: {missing}");
                return;
            }
        }
    };
}
pub(crate) use open_or_skip;

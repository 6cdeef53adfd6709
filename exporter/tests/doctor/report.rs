//! What `doctor` says in JSON.

use std::process::Command;

use serde_json::Value;

use crate::{harness::*, sandbox::Sandbox};

/// One run of `doctor`.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) code: Option<i32>,
    pub(crate) json: Value,
}

impl Report {
    /// In a sandbox, with the default config but for `config`, and only the collectors that every kernel allows in full.
    pub(crate) fn of(sandbox: &Sandbox, config: &str) -> Self {
        Self::of_all(sandbox, &undisturbed(config))
    }

    /// The same with all collectors.
    pub(crate) fn of_all(sandbox: &Sandbox, config: &str) -> Self {
        let file = std::env::temp_dir().join(unique("doctor.yaml"));
        std::fs::write(&file, config).expect("a folder for temporary files");
        let mut command = Command::new(binary());
        command.args(["doctor", "--format", "json", "--config"]).arg(&file);
        sandbox.confine(&mut command);
        let output = command.output().expect("the exporter's binary, and the right to make a sandbox");
        let _ = std::fs::remove_file(&file);
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {output:?}");
        });
        assert!(output.stderr.is_empty(), "{output:?}");
        let report = Self { code: output.status.code(), json };
        report.assert_explained();
        report
    }

    /// Whatever it says, the page about it has a place for: the reason, the beginning of the fix, and what is lost.
    #[track_caller]
    fn assert_explained(&self) {
        const PAGE: &str = include_str!("../../../docs/troubleshooting.md");
        for part in self.json["parts"].as_array().expect("a list") {
            for said in part["gaps"].as_array().expect("a list").iter().chain([part]) {
                let text = |name: &str| said[name].as_str().unwrap_or_default();
                if let Some(reason) = said["reason"].as_str() {
                    assert!(
                        PAGE.contains(&format!("\n### `{reason}`\n")),
                        "docs/troubleshooting.md: {said:#}"
                    );
                }
                // Names of capabilities and modules follow.
                let fix = text("fix").split(' ').take(5).collect::<Vec<_>>().join(" ");
                for text in text("lost").split("; ").chain([&*fix, text("limit")]) {
                    assert!(
                        PAGE.contains(text),
                        "docs/troubleshooting.md does not know {text:?} of {said:#}"
                    );
                }
            }
        }
    }

    pub(crate) fn part(&self, name: &str) -> &Value {
        let parts = self.json["parts"].as_array().expect("a list");
        parts.iter().find(|part| part["name"] == name).unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }

    pub(crate) fn status(&self, name: &str) -> &str {
        self.part(name)["status"].as_str().expect("text")
    }

    /// Everything works, and the exit code says so.
    #[track_caller]
    pub(crate) fn assert_healthy(&self) {
        assert_eq!((self.code, &self.json["healthy"]), (Some(0), &Value::Bool(true)), "{self:#?}");
        for name in ALL {
            assert_eq!(self.status(name), "ok", "{name}: {self:#?}");
        }
        let programs = self.part("scheduler")["programs"].as_array().expect("a list");
        let switch =
            programs.iter().find(|program| program["name"] == "sched_switch").expect("it is attached");
        assert!(switch["runs"].as_u64() > Some(0), "{switch}");
    }

    /// All collectors fail for this reason, the fix says so, and the exit code too.
    #[track_caller]
    pub(crate) fn assert_failed(&self, reason: &str, fix: &[&str]) {
        assert_eq!((self.code, &self.json["healthy"]), (Some(1), &Value::Bool(false)), "{self:#?}");
        for name in COLLECTORS {
            self.assert_part(name, "failed", reason, fix);
        }
    }

    #[track_caller]
    pub(crate) fn assert_part(&self, name: &str, status: &str, reason: &str, fix: &[&str]) {
        let part = self.part(name);
        assert_eq!(
            (part["status"].as_str(), part["reason"].as_str()),
            (Some(status), Some(reason)),
            "{part:#}"
        );
        let said = part["fix"].as_str().expect("a fix");
        assert!(fix.iter().all(|word| said.contains(word)), "{fix:?} is not in {said:?}");
    }
}

pub(crate) const COLLECTORS: [&str; 3] = ["scheduler", "process", "block_io"];
const ALL: [&str; 4] = ["scheduler", "process", "block_io", "cgroup_events"];

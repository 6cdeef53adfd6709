//! Tools that are not ours: where they are, or why there are none.

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Gives the value, or leaves the test and says why it can't run here.
macro_rules! or_skip {
    ($needed:expr) => {
        match $needed {
            Ok(value) => value,
            Err(missing) => {
                println!("SKIPPED: {missing}");
                return;
            }
        }
    };
}
pub(crate) use or_skip;

/// Loading BPF programs takes privileges.
pub(crate) fn root() -> Result<(), String> {
    // SAFETY: no preconditions.
    match unsafe { libc::geteuid() } {
        0 => Ok(()),
        user => Err(format!("loading BPF programs takes root, this is user {user}")),
    }
}

/// Prometheus' server or its `promtool`, of version 3.
pub(crate) fn prometheus_tool(name: &str) -> Result<PathBuf, String> {
    let missing = || format!("no {name} 3 here; scripts/setup.sh test fetches it");
    let fetched = root_folder().join(".cache/prometheus/usr/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [fetched].into_iter().chain(env::split_paths(&path));
    let mut found = folders.map(|folder| folder.join(name)).filter(|tool| tool.is_file());
    found.find(|tool| is_version_3(tool)).ok_or_else(missing)
}

fn is_version_3(tool: &Path) -> bool {
    let version = Command::new(tool).arg("--version").output();
    version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains("version 3."))
}

/// A Python that has `prometheus_client`, whose OpenMetrics parser is the strictest there is, and `jsonschema`.
pub(crate) fn python() -> Result<PathBuf, String> {
    let fetched = root_folder().join(".cache/venv/bin/python");
    let candidates = [fetched, PathBuf::from("python3")];
    let able = |python: &PathBuf| {
        let import = Command::new(python).args(["-c", "import prometheus_client, jsonschema"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let missing = "no Python with prometheus_client and jsonschema here; scripts/setup.sh test installs it";
    candidates.into_iter().find(able).ok_or_else(|| missing.to_owned())
}

/// The project's folder.
pub(crate) fn root_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a tool on `input`. Gives what it printed on both streams, and whether it was content.
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> (String, bool) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    let mut stdin = child.stdin.take().expect("piped");
    let output = std::thread::scope(|scope| {
        // A tool that has seen enough need not read on.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("the tool ends")
    });
    let printed = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&printed).into_owned(), output.status.success())
}

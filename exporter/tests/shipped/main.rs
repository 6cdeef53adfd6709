//! What is shipped with the program: documents, the config's schema, completions, the manual page, the systemd unit, and
//! how the program behaves under a service manager.

#[expect(dead_code, unused_imports, reason = "truth tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;
#[expect(dead_code, reason = "tests of Prometheus need more of it")]
#[path = "../prometheus/tools.rs"]
mod tools;

mod command_line;
mod links;
mod memory;
mod ranges;
mod references;
mod schema;
mod security;
mod service;
mod troubleshooting;
mod unit;

use std::path::PathBuf;

/// The program under test.
const BINARY: &str = env!("CARGO_BIN_EXE_kernel-exporter");

/// A program that is on the path, or why the test can't run here.
fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("no {name} here; scripts/setup.sh test installs it"))
}

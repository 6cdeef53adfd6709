//! Writes the Grafana dashboards into a folder: `cargo run --example dashboards -- dashboards`. `make docs` does it.
//!
//! They are made from the catalogue, so that a metric which is renamed breaks the build or `tests/dashboards`, not a
//! dashboard.

mod generator;

use std::{env, fs, path::PathBuf};

use anyhow::{Context as _, Result};

fn main() -> Result<()> {
    let folder = env::args_os().nth(1).context("say into which folder: dashboards FOLDER")?;
    for (name, dashboard) in generator::all() {
        let path = PathBuf::from(&folder).join(name);
        fs::write(&path, dashboard).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

//! The image's recipe.

use std::process::Command;

use crate::{
    fetched,
    tools::{or_skip, root_folder},
};

#[test]
fn the_container_file_is_clean() {
    let hadolint = or_skip!(fetched("venv-deploy/bin/hadolint"));
    let file = root_folder().join("deploy/container/Containerfile");
    let output = Command::new(hadolint).args(["--no-color", "--failure-threshold=style"]).arg(file).output();
    let output = output.expect("it starts");
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

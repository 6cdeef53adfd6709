//! The exporter, linked statically as it is for the image and the package.

use std::{path::PathBuf, process::Command, sync::OnceLock};

use crate::tools::root_folder;

/// The executable, linked once. Whoever runs the exporter here runs this one: while it is linked, cargo's own is
/// away for a moment.
pub(crate) fn linked() -> PathBuf {
    static LINKED: OnceLock<PathBuf> = OnceLock::new();
    let link = || {
        run("scripts/static.sh", &["--like-tests"]);
        root_folder().join("target/static/kernel-exporter")
    };
    LINKED.get_or_init(link).clone()
}

/// Runs one of the project's scripts.
pub(crate) fn run(script: &str, arguments: &[&str]) {
    let output = Command::new(root_folder().join(script)).args(arguments).output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn it_needs_no_other_file_and_is_small() {
    const LARGEST: u64 = 20 << 20;
    let linked = linked();
    let size = std::fs::metadata(&linked).expect("it was linked").len();
    println!("the static executable: {:.1} MB", size as f64 / 1e6);
    assert!(size < LARGEST, "{size} bytes");
    let headers = Command::new("readelf").args(["--program-headers", "--dynamic"]).arg(&linked).output();
    let headers =
        String::from_utf8(headers.expect("binutils come with the C compiler").stdout).expect("text");
    assert!(headers.contains("PT_LOAD") || headers.contains("LOAD"), "{headers}");
    assert!(!headers.contains("INTERP") && !headers.contains("(NEEDED)"), "{headers}");
    let version = Command::new(&linked).arg("--version").output().expect("it runs");
    assert!(version.status.success());
}

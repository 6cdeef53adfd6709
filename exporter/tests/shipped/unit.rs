//! The systemd unit, judged by `systemd-analyze`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    BINARY,
    harness::unique,
    program,
    tools::{or_skip, root_folder},
};

/// Exposure that is allowed, in tenths. It is 1.7 with systemd 252, and an exporter that may do nothing has 1.2.
const EXPOSURE: &str = "--threshold=29";

#[test]
fn exposure_is_low() {
    let analyze = or_skip!(program("systemd-analyze"));
    let unit = root_folder().join("deploy/kernel-exporter.service");
    let security = ["security", "--no-pager", "--offline=true", EXPOSURE];
    let output = Command::new(analyze).args(security).arg(unit).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn units_are_understood() {
    let analyze = or_skip!(program("systemd-analyze"));
    let folder = Folder::with_units();
    let units = ["service", "socket"].map(|kind| folder.0.join(format!("kernel-exporter.{kind}")));
    let output = Command::new(analyze).args(["verify", "--man=no"]).args(units).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    // Systemd before 253 ignores it, and the line above it holds.
    let complaints: Vec<_> = said.lines().filter(|line| !line.ends_with("ignoring: notify-reload")).collect();
    assert!(output.status.success() && complaints.is_empty(), "{said}");
}

/// A folder with the units, in which the program is the one that was built.
struct Folder(PathBuf);

impl Folder {
    fn with_units() -> Self {
        let folder = Self(env::temp_dir().join(unique("units")));
        fs::create_dir(&folder.0).expect("a folder for temporary files");
        for kind in ["service", "socket"] {
            let name = format!("kernel-exporter.{kind}");
            let unit = fs::read_to_string(root_folder().join("deploy").join(&name)).expect("a unit");
            assert!(Path::new(BINARY).is_file());
            fs::write(folder.0.join(name), unit.replace("/usr/local/bin/kernel-exporter", BINARY))
                .expect("the folder can be written");
        }
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

//! What `check` predicts of the kernel's memory is what the running exporter says that it takes.

use std::{fs, process::Command};

use crate::{
    BINARY,
    harness::{Exporter, turn, unique},
};

/// In MiB: the tenth by which the figure is rounded up, and constants of programs, which `check` does not count.
const UNKNOWN: f64 = 0.3;

#[test]
fn memory_is_as_predicted() {
    let Some(_turn) = turn() else { return };
    for config in
        ["limits: {slots: 1024}\n", "limits: {slots: 64, processes: 64}\n", "limits: {slots: 4096}\n"]
    {
        let predicted = predicted(config);
        let scrape = Exporter::start(config).scrape();
        let taken = scrape.sum("kernel_exporter_map_bytes", &[]) as f64 / f64::from(1 << 20);
        println!("{config:?}: predicted {predicted} MiB, taken {taken:.2} MiB");
        assert!((predicted - taken).abs() <= UNKNOWN, "{config}: predicted {predicted}, taken {taken} MiB");
    }
}

/// The sum over all maps, in MiB.
fn predicted(config: &str) -> f64 {
    let file = std::env::temp_dir().join(unique("check.yaml"));
    fs::write(&file, config).expect("a folder for temporary files");
    let output = Command::new(BINARY).arg("check").arg("--config").arg(&file).output();
    let output = output.expect("the program starts");
    let _ = fs::remove_file(&file);
    let printed = String::from_utf8_lossy(&output.stdout);
    let line = printed.lines().find_map(|line| line.strip_prefix("kernel memory")).expect(&printed);
    line.trim().trim_end_matches(" MiB").parse().expect(line)
}

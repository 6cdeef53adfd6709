//! A week that is already over when Prometheus starts: blocks of its database, made by `promtool`.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use crate::{case::now, exporter::Folder, rules::INSTANCE, tools::fed};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// What is recorded, of which the rule takes a quantile over a week. Histograms cannot be made so, and the rule needs none.
const RECORDED: &str = "instance_device:kernel_block_io_duration_seconds:p99_rate5m";

/// Puts a week of a disk into the folder, for each job: as many seconds as given, plus or minus a tenth, but for fifty
/// minutes of every night in which a backup makes everything ten times as slow, less than a twentieth of the time.
pub(crate) fn make(promtool: &Path, data: &Path, disk: &str, weeks: &[(&str, f64)]) {
    let now = now() as u64;
    let mut text = format!("# TYPE {RECORDED} gauge\n");
    for (job, usual) in weeks {
        // The last minutes are left to the Prometheus that starts.
        for time in (now - 7 * DAY..now - 5 * MINUTE).step_by(MINUTE as usize) {
            let of_day = time % DAY;
            let wave = 1.0 + 0.1 * (of_day as f64 / DAY as f64 * std::f64::consts::TAU).sin();
            let backup = if of_day < 50 * MINUTE { 10.0 } else { 1.0 };
            writeln!(
                text,
                "{RECORDED}{{job=\"{job}\",instance=\"{INSTANCE}\",device=\"{disk}\"}} {} {time}",
                usual * wave * backup
            )
            .expect("a string");
        }
    }
    text += "# EOF\n";
    let folder = Folder::new();
    let file = folder.path().join("week");
    fs::write(&file, text).expect("a file");
    let mut command = Command::new(promtool);
    // A few large blocks instead of one for every two hours: in a tenth of the time.
    command.args(["tsdb", "create-blocks-from", "openmetrics", "--quiet", "--max-block-duration=72h"]);
    command.arg(file).arg(data);
    let (said, is_content) = fed(&mut command, b"");
    assert!(is_content, "{said}");
}

//! `kernel-exporter list`: the catalogue.

use crate::catalogue::{Key, Kind, Metric, markdown};

use super::ListFormat;

/// All metrics of the collectors, each given as name, description and metrics.
pub fn list(format: ListFormat, collectors: &[(&str, &str, &[&Metric])]) -> String {
    match format {
        ListFormat::Markdown => markdown(collectors),
        ListFormat::Table => table(collectors),
    }
}

fn table(collectors: &[(&str, &str, &[&Metric])]) -> String {
    let mut rows = vec![["METRIC", "TYPE", "COLLECTOR", "LABELS", "HELP"].map(str::to_owned)];
    for (collector, _, metrics) in collectors {
        rows.extend(metrics.iter().map(|metric| row(collector, metric)));
    }
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn row(collector: &str, metric: &Metric) -> [String; 5] {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Durations | Kind::Sizes => "histogram",
    };
    let labels: Vec<_> =
        metric.identity.iter().chain(metric.attributes).map(|Key { prometheus, .. }| *prometheus).collect();
    [
        metric.prometheus_name(),
        kind.to_owned(),
        collector.to_owned(),
        labels.join(","),
        metric.help.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use crate::catalogue::{Unit, keys};

    use super::*;

    static DURATION: Metric = Metric {
        name: "kernel.block.io.duration",
        kind: Kind::Durations,
        unit: Unit::Seconds,
        help: "Time from issue to completion",
        identity: &[&keys::CGROUP],
        attributes: &[&keys::DEVICE, &keys::OPERATION],
        source: "block_rq_complete",
    };
    static UP: Metric = Metric {
        name: "kernel_exporter.up",
        kind: Kind::Gauge,
        unit: Unit::Things("collector"),
        help: "Whether it runs",
        identity: &[],
        attributes: &[],
        source: "self",
    };

    #[test]
    fn table_is_aligned() {
        let shown =
            list(ListFormat::Table, &[("block_io", "Disks.", &[&DURATION]), ("self", "Health.", &[&UP])]);
        let expected = "\
METRIC                            TYPE       COLLECTOR  LABELS                   HELP
kernel_block_io_duration_seconds  histogram  block_io   cgroup,device,operation  Time from issue to completion
kernel_exporter_up                gauge      self                                Whether it runs
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn markdown_is_the_reference_page() {
        let collectors: &[(&str, &str, &[&Metric])] = &[("block_io", "Disks.", &[&DURATION])];
        assert_eq!(list(ListFormat::Markdown, collectors), markdown(collectors));
    }
}

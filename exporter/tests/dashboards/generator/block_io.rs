//! Block I/O: how long disks take, for what, and for whom.

use kernel_exporter::{catalogue::Metric, collectors::block_io};

use super::{
    grafana::{Dashboard, Look::*, Panel, Row, Variable},
    names::Name,
    query::*,
};

/// The chosen disks and operations.
const DISKS: Scope = r#"job=~"$job", instance=~"$instance", device=~"$device", operation=~"$operation""#;

/// For metrics without an operation.
const DEVICES: Scope = r#"job=~"$job", instance=~"$instance", device=~"$device""#;

const DISK: &str = "instance, device";

pub(crate) fn dashboard() -> Dashboard {
    // Its series say nothing of cgroups, so there are few of them.
    let count = format!("{{__name__=~\"{}(_count)?\", ", Name::from(&block_io::SIZE).0);
    let variable = |name, label, before: &str| Variable {
        name,
        label,
        query: format!("label_values({count}{EXPORTERS}{before}}}, {name})"),
        all: ".*",
    };
    Dashboard {
        uid: "kernel-exporter-block-io",
        title: "Kernel / Block I/O",
        description: "How long disks take for requests, what these are, and whose. What is stacked on others (device mapper, \
                      md) shows as the requests to those.",
        variables: vec![
            variable("device", "Disk", ""),
            variable("operation", "Operation", r#", device=~"$device""#),
        ],
        rows: vec![time(), load(), owners()],
    }
}

fn time() -> Row {
    let p99 = |metric: &Metric, by| quantile(0.99, by, metric, DISKS, "");
    Row {
        title: "How long",
        panels: vec![
            Panel::new(Heatmap, "Time with the device", "s", "Requests per second, from the first issue to the end.")
                .query(heatmap(&block_io::DURATION, DISKS, ""), "{{le}}"),
            Panel::new(Lines, "Time with the device, quantiles", "s", "Of all chosen disks and operations.")
                .quantiles(|q| quantile(q, "", &block_io::DURATION, DISKS, "")),
            Panel::new(Lines, "Time with the device, p99 by disk", "s", "99 % of requests took at most this time.")
                .query(top(&p99(&block_io::DURATION, DISK)), "{{instance}} {{device}}"),
            Panel::new(Lines, "Time with the device, p99 by operation", "s", "99 % of requests took at most this time.")
                .query(p99(&block_io::DURATION, "operation"), "{{operation}}"),
            Panel::new(
                Heatmap,
                "Time in the queue",
                "s",
                "Requests per second, from insertion into the I/O scheduler's queue to the first issue. Disks without an \
                 I/O scheduler have none.",
            )
            .query(heatmap(&block_io::QUEUE_DURATION, DISKS, ""), "{{le}}"),
            Panel::new(
                Lines,
                "Time in the queue, p99 by disk",
                "s",
                "99 % of the requests that were queued waited at most this time.",
            )
            .query(top(&p99(&block_io::QUEUE_DURATION, DISK)), "{{instance}} {{device}}"),
        ],
    }
}

fn load() -> Row {
    let by = "instance, device, operation";
    let legend = "{{instance}} {{device}} {{operation}}";
    Row {
        title: "How much",
        panels: vec![
            Panel::new(Lines, "Requests", "iops", "Finished requests per second.")
                .query(top(&count(by, &block_io::SIZE, DISKS, "")), legend),
            Panel::new(Lines, "Throughput", "Bps", "Bytes of finished requests per second.")
                .query(top(&total(by, &block_io::SIZE, DISKS, "")), legend),
            Panel::new(Heatmap, "Size of requests", "bytes", "Finished requests per second by their size.")
                .query(heatmap(&block_io::SIZE, DISKS, ""), "{{le}}"),
            Panel::new(Lines, "Size of requests, quantiles", "bytes", "Of all chosen disks and operations.")
                .quantiles(|q| quantile(q, "", &block_io::SIZE, DISKS, "")),
            Panel::new(
                Lines,
                "In flight",
                "short",
                "Requests that the device has at the moment of the scrape.",
            )
            .query(top(&sum(DISK, &block_io::IN_FLIGHT, DEVICES, "")), "{{instance}} {{device}}")
            .width(8),
            Panel::new(
                Lines,
                "In flight on average",
                "short",
                "Time that requests spent with the device, per second. Below 1 it was idle for a part of it.",
            )
            .query(top(&total(DISK, &block_io::DURATION, DISKS, "")), "{{instance}} {{device}}")
            .width(8),
            Panel::new(
                Lines,
                "Errors",
                "cps",
                "Errors per second, as drivers report them. Any is worth a look into the log.",
            )
            .query(
                top(&rate("instance, device, operation, error", &block_io::ERRORS, DISKS, "")),
                "{{instance}} {{device}} {{operation}} {{error}}",
            )
            .width(8),
        ],
    }
}

fn owners() -> Row {
    let legend = "{{namespace}} {{pod}} {{container}} {{unit}} {{container_id}} {{cgroup}}";
    let table = |title, heading, unit, description: &str, query: String| {
        Panel::new(Table(heading), title, unit, description).query(top(&query), legend)
    };
    Row {
        title: "Whose",
        panels: vec![
            table(
                "Time of disks, by whose",
                "Requests",
                "short",
                "Requests that disks work on, on average, by whose they are. With cgroup v1 write-back is the root's.",
                by_owner(|by, more| total(by, &block_io::DURATION, DISKS, more)),
            ),
            table(
                "Requests, by whose",
                "Requests per second",
                "iops",
                "Finished requests per second, by whose they are.",
                by_owner(|by, more| count(by, &block_io::DURATION, DISKS, more)),
            ),
        ],
    }
}

//! The exporter's health, and what it costs.

use super::{
    grafana::{Dashboard, Look::*, Panel, Row},
    names::own,
    query::*,
};

pub(crate) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "kernel-exporter-health",
        title: "Kernel / Exporter health and cost",
        description: "Whether the exporter measures all that it should, what it leaves out, and what it costs.",
        variables: Vec::new(),
        rows: vec![health(), cost(), limits(), serving(), pushing()],
    }
}

fn health() -> Row {
    let number = |title, description: &str, query: String| {
        Panel::new(Number, title, "short", description).query(query, "")
    };
    Row {
        title: "Health",
        panels: vec![
            number("Exporters", "Exporters that are scraped.", sum("", own::BUILD_INFO, EXPORTERS, "")),
            number(
                "Collectors that do not measure",
                "Without those that the config switches off.",
                sum("", own::COLLECTOR_REASON, EXPORTERS, r#"reason!="disabled""#),
            ),
            number(
                "Collectors with less than there could be",
                "They measure, but the kernel does not allow all of it; `kernel-exporter doctor` tells what is missing.",
                sum("", own::COLLECTOR_DEGRADED, EXPORTERS, ""),
            ),
            number(
                "Collectors cut for the budget",
                "Collectors that have given up histograms, or all, so that the exporter keeps within `budget.cpu`.",
                sum("", own::COLLECTOR_SHED, EXPORTERS, ""),
            ),
            number("Stale", "Exporters whose last read of the kernel's maps failed.", sum("", own::STALE, EXPORTERS, "")),
            number(
                "Reloads in force",
                "Exporters whose config was valid when it was last read.",
                sum("", own::RELOAD_SUCCESSFUL, EXPORTERS, ""),
            ),
            Panel::new(Table("Up"), "Collectors", "short", "Nodes on which each collector measures.")
                .query(format!("{} > 0", sum("collector", own::COLLECTOR_UP, EXPORTERS, "")), "{{collector}}")
                .width(6),
            Panel::new(Table("Nodes"), "Why collectors do not measure", "short", "Nodes by collector and reason.")
                .query(
                    format!("{} > 0", sum("collector, reason", own::COLLECTOR_REASON, EXPORTERS, "")),
                    "{{collector}} {{reason}}",
                )
                .width(6),
            Panel::new(
                Table("Nodes"),
                "How collectors are attached",
                "short",
                "Nodes by the way in which the kernel lets a collector be attached.",
            )
            .query(sum("collector, rung", own::COLLECTOR_RUNG, EXPORTERS, ""), "{{collector}} {{rung}}")
            .width(6),
            Panel::new(Table("Nodes"), "Versions", "short", "Exporters by version.")
                .query(sum("version, revision, arch", own::BUILD_INFO, EXPORTERS, ""), "{{version}}")
                .width(6),
            Panel::new(
                Lines,
                "What must be zero",
                "cps",
                "Per second: increments that no series took, values that went back, reads that failed, runs that the \
                 kernel skipped, and news of cgroups that did not arrive.",
            )
            .query(rate("", own::DROPPED_INCREMENTS, EXPORTERS, ""), "increments lost")
            .query(rate("", own::BACKWARD_VALUES, EXPORTERS, ""), "values that went back")
            .query(rate("", own::FAILED_READS, EXPORTERS, ""), "failed reads")
            .query(rate("", own::RECURSION_MISSES, EXPORTERS, ""), "skipped runs")
            .query(rate("", own::EVENTS_LOST, EXPORTERS, ""), "cgroup events lost"),
            Panel::new(
                Lines,
                "What programs could not do",
                "cps",
                "Per second, by kind: an update of a map that failed, a start that nobody remembered. Totals stay exact; \
                 names may be missing.",
            )
            .query(top(&rate("family, kind", own::FAILURES, EXPORTERS, "")), "{{family}} {{kind}}"),
        ],
    }
}

fn cost() -> Row {
    Row {
        title: "Cost",
        panels: vec![
            Panel::new(
                Lines,
                "CPUs, and the budget",
                "short",
                "CPUs that programs and exporter keep busy, the dearest nodes; 0.01 is a hundredth of one. Above the budget \
                 it gives up histograms.",
            )
            .query(top(&series(own::CPU_USAGE, EXPORTERS, "")), "{{instance}}")
            .query(format!("min({} < Inf)", series(own::BUDGET, EXPORTERS, "")), "budget"),
            Panel::new(
                Stack,
                "CPUs by collector",
                "short",
                "CPUs that a collector's programs, and reading its maps, keep busy.",
            )
            .query(rate("collector, part", own::COLLECTOR_CPU, EXPORTERS, ""), "{{collector}} {{part}}"),
            Panel::new(Lines, "Time per run", "s", "Time that a run of each program takes, on average: the dearest.")
                .query(
                    top(&format!(
                        "{} / ({} > 0)",
                        rate("program", own::PROGRAM_RUN, EXPORTERS, ""),
                        rate("program", own::PROGRAM_RUNS, EXPORTERS, "")
                    )),
                    "{{program}}",
                ),
            Panel::new(Lines, "Runs", "cps", "Runs of programs per second.")
                .query(top(&rate("program", own::PROGRAM_RUNS, EXPORTERS, "")), "{{program}}"),
            Panel::new(Lines, "Memory of the process", "bytes", "Resident memory: the exporters that have most.")
                .query(top(&series(own::PROCESS_MEMORY, EXPORTERS, "")), "{{instance}}")
                .width(8),
            Panel::new(Lines, "Memory of maps", "bytes", "Kernel memory of BPF maps, by node and hook family.")
                .query(top(&sum("instance, family", own::MAP_BYTES, EXPORTERS, "")), "{{instance}} {{family}}")
                .width(8),
            Panel::new(Lines, "CPUs of the process", "short", "CPUs that the process itself keeps busy.")
                .query(top(&rate("instance", own::PROCESS_CPU, EXPORTERS, "")), "{{instance}}")
                .width(8),
        ],
    }
}

fn limits() -> Row {
    Row {
        title: "Limits",
        panels: vec![
            Panel::new(
                Lines,
                "Places in use",
                "percentunit",
                "Share of the places for cgroups, disks and the like in the kernel, by hook family: the fullest. What \
                 finds none is counted together.",
            )
            .query(
                top(&format!(
                    "{} / {}",
                    sum("instance, family", own::SLOTS_USED, EXPORTERS, ""),
                    sum("instance, family", own::SLOTS, EXPORTERS, "")
                )),
                "{{instance}} {{family}}",
            ),
            Panel::new(
                Lines,
                "Label sets, by what became of them",
                "short",
                "`folded`: over the limit, counted together; `lingering`: dead, still shown; `withheld`: their names are \
                 still to come.",
            )
            .query(sum("state", own::LABEL_SETS, EXPORTERS, ""), "{{state}}"),
            Panel::new(Lines, "Series", "short", "Series of the metrics that have most, in the form that is chosen.")
                .query(
                    top(&sum("metric, form", own::SERIES, EXPORTERS, "")),
                    "{{metric}} {{form}}",
                ),
            Panel::new(Lines, "Cgroups", "short", "Cgroups that are known by name, and those of pods that are not yet.")
                .query(sum("", own::CGROUPS, EXPORTERS, ""), "known")
                .query(sum("state", own::POD_CGROUPS, EXPORTERS, ""), "of pods, {{state}}"),
        ],
    }
}

fn serving() -> Row {
    Row {
        title: "Reads and scrapes",
        panels: vec![
            Panel::new(Lines, "Time of reads", "s", "Of all maps, quantiles.")
                .query(own_quantile(0.5, "", own::READ_DURATION, EXPORTERS), "p50")
                .query(own_quantile(0.99, "", own::READ_DURATION, EXPORTERS), "p99")
                .width(8),
            Panel::new(Lines, "Time of scrapes, p99", "s", "Until the body is ready, the read of maps included; by format.")
                .query(own_quantile(0.99, "format", own::SCRAPE_DURATION, EXPORTERS), "{{format}}")
                .width(8),
            Panel::new(
                Lines,
                "Files, and scrapes refused",
                "short",
                "Open files of the exporters that have most, and scrapes per second that were refused as there were too many.",
            )
            .query(top(&series(own::PROCESS_FDS, EXPORTERS, "")), "{{instance}} files")
            .query(rate("", own::SCRAPES_REJECTED, EXPORTERS, ""), "refused scrapes")
            .width(8),
        ],
    }
}

fn pushing() -> Row {
    Row {
        title: "Kubernetes and OTLP, where they are in use",
        panels: vec![
            Panel::new(
                Lines,
                "Pods and containers",
                "short",
                "That are known by name, and exporters that know all.",
            )
            .query(sum("", own::KUBERNETES_PODS, EXPORTERS, ""), "pods")
            .query(sum("", own::KUBERNETES_CONTAINERS, EXPORTERS, ""), "containers")
            .query(sum("", own::KUBERNETES_SYNCED, EXPORTERS, ""), "exporters that know all")
            .width(8),
            Panel::new(Lines, "Failures to learn about pods", "cps", "Per second, by reason.")
                .query(rate("reason", own::KUBERNETES_ERRORS, EXPORTERS, ""), "{{reason}}")
                .width(8),
            Panel::new(
                Lines,
                "Pushes",
                "cps",
                "Per second: accepted, failed by reason, and those that wait for an answer.",
            )
            .query(rate("", own::OTLP_EXPORTS, EXPORTERS, ""), "accepted")
            .query(rate("reason", own::OTLP_FAILURES, EXPORTERS, ""), "{{reason}}")
            .query(sum("", own::OTLP_QUEUED, EXPORTERS, ""), "waiting")
            .width(8),
            Panel::new(
                Lines,
                "Steps of the budget",
                "cps",
                "Per second: `down` gives something up, `up` takes it back.",
            )
            .query(rate("result", own::BUDGET_STEPS, EXPORTERS, ""), "{{result}}")
            .width(8),
        ],
    }
}

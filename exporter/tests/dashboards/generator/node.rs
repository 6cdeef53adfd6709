//! Node overview: what is slow now.

use kernel_exporter::collectors::{block_io, interrupts, process, scheduler, stalls};

use super::{
    grafana::{Dashboard, Look::*, Panel, Row},
    names::*,
    query::*,
};

const OWNER: &str = "{{namespace}} {{pod}} {{container}} {{unit}} {{container_id}} {{cgroup}}";

pub(crate) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "kernel-exporter-node",
        title: "Kernel / Node overview",
        description: "What is slow now: threads that are kept waiting, and by what. The first row compares nodes, by \
                      recording rules; all others are about the chosen ones.",
        variables: Vec::new(),
        rows: vec![fleet(), now(), stalled(), cpu(), disks(), network(), memory(), processes()],
    }
}

fn fleet() -> Row {
    let table = |title, heading, unit, description, query: String| {
        Panel::new(Table(heading), title, unit, description)
            .query(top(&query), "{{instance}}")
            .width(8)
            .link("This node", "/d/kernel-exporter-node?var-instance=${__data.fields.instance}")
    };
    Row {
        title: "Nodes by what is slow (recording rules)",
        panels: vec![
            table(
                "Longest waits for a CPU",
                "p99",
                "s",
                "99th percentile of the run-queue latency over five minutes, as recorded.",
                series(recorded::RUN_QUEUE_P99, EXPORTERS, ""),
            ),
            table(
                "Most threads kept waiting",
                "Threads",
                "short",
                "Threads that wait for a CPU, a disk, memory or the kernel, on average over five minutes, as recorded.",
                format!("sum by (instance) ({})", series(recorded::THREAD_TIME, EXPORTERS, STALLED)),
            ),
            table(
                "Slowest disks",
                "p99",
                "s",
                "99th percentile of the time that requests took over five minutes, by disk, as recorded.",
                series(recorded::BLOCK_P99, EXPORTERS, ""),
            ),
        ],
    }
}

fn now() -> Row {
    let number = |title, unit, description: &str, query: String| {
        Panel::new(Number, title, unit, description).query(query, "")
    };
    let stalls = |activity| rate("", &stalls::THREAD_TIME, EXPORTERS, activity);
    Row {
        title: "Now",
        panels: vec![
            number(
                "Wait for a CPU, p99",
                "s",
                "99 % of slices began after at most this time in the run queue.",
                quantile(0.99, "", &scheduler::RUN_QUEUE_LATENCY, EXPORTERS, ""),
            ),
            number(
                "Disk request, p99",
                "s",
                "99 % of requests were done after at most this time with the device.",
                quantile(0.99, "", &block_io::DURATION, EXPORTERS, ""),
            ),
            number(
                "Waiting for a CPU",
                "short",
                "Threads that could run but have no CPU, on average.",
                stalls(r#"activity="run_queue""#),
            ),
            number(
                "Waiting for a disk",
                "short",
                "Threads that sleep until a block device is done, on average.",
                stalls(r#"activity="block_io""#),
            ),
            number(
                "Making room in memory",
                "short",
                "Threads that sleep while they free or move memory for themselves, on average. More than none for \
                 minutes is a node that is out of memory.",
                stalls(r#"activity=~"reclaim|compaction""#),
            ),
            number(
                "Running",
                "short",
                "Threads on a CPU, on average: the CPUs in use.",
                stalls(r#"activity="running""#),
            ),
        ],
    }
}

fn stalled() -> Row {
    Row {
        title: "Stalls",
        panels: vec![
            Panel::new(
                Stack,
                "Threads that are kept waiting, by what",
                "short",
                "Seconds of waiting per second, which is threads on average. `run_queue`: for a CPU; `block_io`: for a \
                 disk; `reclaim`, `compaction`: for memory; `uninterruptible`: for a lock of the kernel or the like.",
            )
            .query(rate("activity", &stalls::THREAD_TIME, EXPORTERS, STALLED), "{{activity}}"),
            Panel::new(
                Table("Threads"),
                "Who is kept waiting",
                "short",
                "Containers and units whose threads wait most for a CPU, a disk, memory or the kernel.",
            )
            .query(
                top(&by_owner(|by, more| {
                    rate(by, &stalls::THREAD_TIME, EXPORTERS, &format!("{STALLED}, {more}"))
                })),
                OWNER,
            )
            .link(
                "This pod",
                "/d/kernel-exporter-containers?var-namespace=${__data.fields.namespace}&var-pod=${__data.fields.pod}",
            ),
        ],
    }
}

fn cpu() -> Row {
    Row {
        title: "CPU",
        panels: vec![
            Panel::new(
                Heatmap,
                "Wait for a CPU",
                "s",
                "Slices per second by how long they waited in the run queue before they began.",
            )
            .query(heatmap(&scheduler::RUN_QUEUE_LATENCY, EXPORTERS, ""), "{{le}}"),
            Panel::new(Lines, "Wait for a CPU, quantiles", "s", "Of the time in the run queue, per slice.")
                .quantiles(|q| quantile(q, "", &scheduler::RUN_QUEUE_LATENCY, EXPORTERS, "")),
            Panel::new(
                Lines,
                "CPU by command",
                "short",
                "CPUs that processes of each command keep busy; those that live for milliseconds are in it.",
            )
            .query(top(&rate("command", &process::CPU_TIME, EXPORTERS, "")), "{{command}}"),
            Panel::new(
                Lines,
                "Wait of soft interrupts, p99",
                "s",
                "From the request for a soft interrupt to its start, by vector. Long waits of `net_rx` are late packets.",
            )
            .query(quantile(0.99, "softirq", &interrupts::SOFT_LATENCY, EXPORTERS, ""), "{{softirq}}"),
        ],
    }
}

fn disks() -> Row {
    Row {
        title: "Disks",
        panels: vec![
            Panel::new(
                Heatmap,
                "Time of requests",
                "s",
                "Finished requests per second by the time they spent with the device.",
            )
            .query(heatmap(&block_io::DURATION, EXPORTERS, ""), "{{le}}"),
            Panel::new(
                Lines,
                "Time of requests, p99 by disk",
                "s",
                "99 % of a disk's requests were done after at most this time.",
            )
            .query(
                top(&quantile(0.99, "instance, device", &block_io::DURATION, EXPORTERS, "")),
                "{{instance}} {{device}}",
            ),
        ],
    }
}

fn network() -> Row {
    Row {
        title: "Network",
        panels: vec![
            Panel::new(
                Lines,
                "TCP segments sent again",
                "pps",
                "Retransmissions per second: packets that were lost, or an answer to them.",
            )
            .query(rate("instance", TCP_RETRANSMITS, EXPORTERS, ""), "{{instance}}")
            .width(8),
            Panel::new(
                Lines,
                "Dropped packets by reason",
                "pps",
                "Packets that the kernel threw away, by its own reason.",
            )
            .query(top(&rate("drop_reason", NETWORK_DROPS, EXPORTERS, "")), "{{drop_reason}}")
            .width(8),
            Panel::new(
                Lines,
                "TCP connect, p99",
                "s",
                "From the first packet until a connection was established.",
            )
            .query(quantile(0.99, "", TCP_CONNECT, EXPORTERS, ""), "p99")
            .width(8),
        ],
    }
}

fn memory() -> Row {
    Row {
        title: "Memory",
        panels: vec![
            Panel::new(
                Heatmap,
                "Stalls for memory",
                "s",
                "Times per second that a task had to make room in memory itself, by how long it took.",
            )
            .query(heatmap(MEMORY_STALLS, EXPORTERS, ""), "{{le}}")
            .width(8),
            Panel::new(Lines, "Killed for want of memory", "short", "Processes per second, by whose they were.")
                .query(top(&by_owner(|by, more| rate(by, OOM_KILLS, EXPORTERS, more))), OWNER)
                .width(8),
            Panel::new(
                Lines,
                "Major faults and swapping",
                "short",
                "Per second: page faults for which something had to be read, and pages that went to swap and back.",
            )
            .query(rate("", PAGING_FAULTS, EXPORTERS, r#"system_paging_fault_type="major""#), "major faults")
            .query(
                rate("system_paging_direction", PAGING_OPERATIONS, EXPORTERS, ""),
                "swap {{system_paging_direction}}",
            )
            .width(8),
        ],
    }
}

fn processes() -> Row {
    Row {
        title: "Processes",
        panels: vec![
            Panel::new(
                Lines,
                "Made",
                "short",
                "Processes that were made, and that went on as another program, per second.",
            )
            .query(rate("", PROCESSES_CREATED, EXPORTERS, ""), "made")
            .query(rate("", EXECS, EXPORTERS, ""), "execs"),
            Panel::new(
                Lines,
                "Ended",
                "short",
                "Processes that ended per second, by what their status says.",
            )
            .query(rate("exit_class", EXITS, EXPORTERS, ""), "{{exit_class}}")
            .query(rate("signal", FATAL_SIGNALS, EXPORTERS, ""), "{{signal}}"),
        ],
    }
}

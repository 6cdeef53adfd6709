//! Scheduler: waits, slices, sleeps and interrupts.

use kernel_exporter::collectors::{interrupts, process, scheduler, stalls};

use super::{
    grafana::{Dashboard, Look::*, Panel, Row},
    query::*,
};

const OWNER: &str = "{{namespace}} {{pod}} {{container}} {{unit}} {{container_id}} {{cgroup}}";

pub(crate) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "kernel-exporter-scheduler",
        title: "Kernel / Scheduler",
        description: "How long tasks wait for a CPU, run and sleep, who waits, and what interrupts take.",
        variables: Vec::new(),
        rows: vec![waits(), slices(), switches(), interrupts()],
    }
}

fn waits() -> Row {
    Row {
        title: "Waits for a CPU",
        panels: vec![
            Panel::new(Heatmap, "Run-queue latency", "s", "Slices per second by the time from runnable to running.")
                .query(heatmap(&scheduler::RUN_QUEUE_LATENCY, EXPORTERS, ""), "{{le}}"),
            Panel::new(Lines, "Run-queue latency, quantiles", "s", "Of the time from runnable to running.")
                .quantiles(|q| quantile(q, "", &scheduler::RUN_QUEUE_LATENCY, EXPORTERS, "")),
            Panel::new(
                Lines,
                "Run-queue latency, p99 by node",
                "s",
                "99 % of slices began after at most this time. Where many nodes are chosen, the node overview has it by \
                 recording rules.",
            )
            .query(
                top(&quantile(0.99, "instance", &scheduler::RUN_QUEUE_LATENCY, EXPORTERS, "")),
                "{{instance}}",
            ),
            Panel::new(
                Lines,
                "Runnable threads without a CPU",
                "short",
                "On average, by node. Threads of which a CPU limit stops the cgroup are among them.",
            )
            .query(
                top(&rate("instance", &stalls::THREAD_TIME, EXPORTERS, r#"activity="run_queue""#)),
                "{{instance}}",
            ),
            Panel::new(
                Table("p99"),
                "Run-queue latency, p99 by whose",
                "s",
                "Containers and units whose slices waited longest.",
            )
            .query(
                top(&by_owner(|by, more| quantile(0.99, by, &scheduler::RUN_QUEUE_LATENCY, EXPORTERS, more))),
                OWNER,
            ),
            Panel::new(
                Lines,
                "Time in the run queue, by command",
                "short",
                "Threads of each command that could run but have no CPU, on average.",
            )
            .query(top(&rate("command", &process::RUN_QUEUE_TIME, EXPORTERS, "")), "{{command}}"),
        ],
    }
}

fn slices() -> Row {
    Row {
        title: "Slices and sleeps",
        panels: vec![
            Panel::new(Heatmap, "Length of slices", "s", "Finished slices per second by their length.")
                .query(heatmap(&scheduler::ON_CPU_DURATION, EXPORTERS, ""), "{{le}}"),
            Panel::new(Lines, "Length of slices, quantiles", "s", "Of finished slices.")
                .quantiles(|q| quantile(q, "", &scheduler::ON_CPU_DURATION, EXPORTERS, "")),
            Panel::new(
                Heatmap,
                "Time off the CPU",
                "s",
                "Sleeps per second by their length, without the wait for a CPU after them.",
            )
            .query(heatmap(&scheduler::OFF_CPU_DURATION, EXPORTERS, ""), "{{le}}"),
            Panel::new(
                Lines,
                "Sleeps that nothing interrupts, quantiles",
                "s",
                "Of the length of uninterruptible sleeps: disks, locks of the kernel, write-back.",
            )
            .quantiles(|q| {
                quantile(q, "", &scheduler::OFF_CPU_DURATION, EXPORTERS, r#"state="uninterruptible""#)
            }),
        ],
    }
}

fn switches() -> Row {
    Row {
        title: "Switches",
        panels: vec![
            Panel::new(Lines, "Context switches", "cps", "Per second: to wait, or pushed off the CPU.")
                .query(rate("type", &scheduler::CONTEXT_SWITCHES, EXPORTERS, ""), "{{type}}")
                .width(8),
            Panel::new(Lines, "Migrations", "cps", "Moves of tasks to another CPU per second, by node.")
                .query(top(&rate("instance", &scheduler::MIGRATIONS, EXPORTERS, "")), "{{instance}}")
                .width(8),
            Panel::new(Lines, "Switches by command", "cps", "Context switches of processes per second.")
                .query(top(&rate("command", &process::CONTEXT_SWITCHES, EXPORTERS, "")), "{{command}}")
                .width(8),
        ],
    }
}

fn interrupts() -> Row {
    Row {
        title: "Interrupts",
        panels: vec![
            Panel::new(
                Heatmap,
                "Wait of soft interrupts",
                "s",
                "Soft interrupts per second, from request to start.",
            )
            .query(heatmap(&interrupts::SOFT_LATENCY, EXPORTERS, ""), "{{le}}"),
            Panel::new(Lines, "Wait of soft interrupts, p99", "s", "From request to start, by vector.")
                .query(quantile(0.99, "softirq", &interrupts::SOFT_LATENCY, EXPORTERS, ""), "{{softirq}}"),
            Panel::new(
                Lines,
                "Time in soft interrupts",
                "short",
                "CPUs that soft interrupts keep busy, by vector.",
            )
            .query(total("softirq", &interrupts::SOFT_DURATION, EXPORTERS, ""), "{{softirq}}"),
            Panel::new(Lines, "Length of soft interrupts, p99", "s", "By vector.")
                .query(quantile(0.99, "softirq", &interrupts::SOFT_DURATION, EXPORTERS, ""), "{{softirq}}"),
            Panel::new(
                Lines,
                "Length of hard interrupts, p99",
                "s",
                "By who has asked for them. Interrupts of the CPU itself, such as timers, are not measured.",
            )
            .query(
                top(&quantile(0.99, "interrupt", &interrupts::HARD_DURATION, EXPORTERS, "")),
                "{{interrupt}}",
            ),
            Panel::new(
                Lines,
                "Time in interrupts, by CPU",
                "percentunit",
                "Share of the CPU's time. Only with `per_cpu: true` in the exporter's config.",
            )
            .query(
                top(&rate("instance, cpu, interrupt_type", &interrupts::CPU_TIME, EXPORTERS, "")),
                "{{instance}} CPU {{cpu}} {{interrupt_type}}",
            ),
        ],
    }
}

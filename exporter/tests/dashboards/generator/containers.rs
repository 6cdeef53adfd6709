//! Containers and pods: who suffers, and who is it that makes them.

use kernel_exporter::collectors::{block_io, process, scheduler, stalls};

use super::{
    grafana::{Dashboard, Look::*, Panel, Row, Variable},
    names::*,
    query::*,
};

/// Containers of the chosen pods. What is in no pod has no workload, so it is never among them, even where scraping
/// gives it the exporter's own namespace, pod and container.
const PODS: Scope = r#"job=~"$job", instance=~"$instance", namespace=~"$namespace", workload=~"$workload", pod=~"$pod", container=~"$container""#;

const CONTAINER: &str = "namespace, pod, container";
const LEGEND: &str = "{{namespace}} {{pod}} {{container}}";

const DRILL: (&str, &str) = (
    "Only this pod",
    "/d/kernel-exporter-containers?var-namespace=${__data.fields.namespace}&var-pod=${__data.fields.pod}",
);

pub(crate) fn dashboard() -> Dashboard {
    let threads = || Name::from(&stalls::THREAD_TIME).0;
    let variable = |name, label, before: &str| Variable::of_label(name, label, threads(), before, name);
    Dashboard {
        uid: "kernel-exporter-containers",
        title: "Kernel / Containers and pods",
        description: "Which containers are kept waiting, by what, and which ones keep the node busy. Choose a namespace, \
                      a workload, a pod and a container, or click on one. Pods must be known by name (`kubernetes` in the \
                      exporter's config); what is in no pod is in the last row.",
        variables: vec![
            variable("namespace", "Namespace", r#", workload!="""#),
            variable("workload", "Workload", r#", namespace=~"$namespace""#),
            variable("pod", "Pod", r#", namespace=~"$namespace", workload=~"$workload""#).or_none(),
            variable(
                "container",
                "Container",
                r#", namespace=~"$namespace", workload=~"$workload", pod=~"$pod""#,
            )
            .or_none(),
        ],
        rows: vec![namespaces(), sufferers(), talkers(), chosen(), others()],
    }
}

fn table(
    title: &'static str,
    heading: &'static str,
    unit: &'static str,
    description: &str,
    query: String,
) -> Panel {
    Panel::new(Table(heading), title, unit, description)
        .query(top(&query), LEGEND)
        .width(8)
        .link(DRILL.0, DRILL.1)
}

fn namespaces() -> Row {
    let recorded = |more| {
        let scope = r#"job=~"$job", namespace=~"$namespace""#;
        series(recorded::THREAD_TIME_BY_NAMESPACE, scope, more)
    };
    Row {
        title: "Namespaces, on all nodes (recording rules)",
        panels: vec![
            Panel::new(
                Lines,
                "Threads that are kept waiting",
                "short",
                "By namespace, over all nodes: threads that wait for a CPU, a disk, memory or the kernel, on average over \
                 five minutes.",
            )
            .query(top(&format!("sum by (namespace) ({})", recorded(STALLED))), "{{namespace}}"),
            Panel::new(Lines, "CPUs in use", "short", "By namespace, over all nodes, on average over five minutes.")
                .query(top(&recorded(r#"activity="running""#)), "{{namespace}}"),
        ],
    }
}

fn sufferers() -> Row {
    let threads = |activity| rate(CONTAINER, &stalls::THREAD_TIME, PODS, activity);
    Row {
        title: "Who suffers",
        panels: vec![
            table(
                "Waiting for a CPU",
                "Threads",
                "short",
                "Threads that could run but have no CPU, on average; throttling by a CPU limit is in it.",
                threads(r#"activity="run_queue""#),
            ),
            table(
                "Waiting for a disk",
                "Threads",
                "short",
                "Threads that sleep until a block device is done, on average.",
                threads(r#"activity="block_io""#),
            ),
            table(
                "Waiting for memory or the kernel",
                "Threads",
                "short",
                "Threads that sleep while they make room in memory, or for a lock of the kernel, on average.",
                threads(r#"activity=~"reclaim|compaction|uninterruptible""#),
            ),
            table(
                "Wait for a CPU, p99",
                "p99",
                "s",
                "99 % of the container's slices began after at most this time.",
                quantile(0.99, CONTAINER, &scheduler::RUN_QUEUE_LATENCY, PODS, ""),
            ),
            table(
                "Disk request, p99",
                "p99",
                "s",
                "99 % of the container's requests were done after at most this time with the device.",
                quantile(0.99, CONTAINER, &block_io::DURATION, PODS, ""),
            ),
            table(
                "Pushed off the CPU",
                "Switches",
                "cps",
                "Involuntary context switches per second: the task could have gone on.",
                rate(CONTAINER, &scheduler::CONTEXT_SWITCHES, PODS, r#"type="involuntary""#),
            ),
        ],
    }
}

fn talkers() -> Row {
    Row {
        title: "Who keeps the node busy",
        panels: vec![
            table(
                "CPU",
                "CPUs",
                "short",
                "CPUs that the container's threads keep busy.",
                rate(CONTAINER, &stalls::THREAD_TIME, PODS, r#"activity="running""#),
            ),
            table(
                "Disk",
                "Bytes",
                "Bps",
                "Bytes per second that the container's processes cause to be read, or to be written when they dirty memory.",
                rate(CONTAINER, &process::DISK_IO, PODS, ""),
            ),
            table(
                "Time of disks",
                "Requests",
                "short",
                "Requests of the container that disks work on, on average.",
                total(CONTAINER, &block_io::DURATION, PODS, ""),
            ),
        ],
    }
}

fn chosen() -> Row {
    Row {
        title: "The chosen containers",
        panels: vec![
            Panel::new(
                Stack,
                "What threads spend their time with",
                "short",
                "Threads by what they do or wait for, on average. `futex`: a lock, or no work; `poll`, `socket`, `file`: \
                 something from outside; the rest as on the node's dashboard.",
            )
            .query(rate("activity", &stalls::THREAD_TIME, PODS, ""), "{{activity}}"),
            Panel::new(Lines, "CPU by command", "short", "CPUs that the processes of each command keep busy.")
                .query(top(&rate("command", &process::CPU_TIME, PODS, "")), "{{command}}"),
            Panel::new(Heatmap, "Wait for a CPU", "s", "Slices per second by how long they waited in the run queue.")
                .query(heatmap(&scheduler::RUN_QUEUE_LATENCY, PODS, ""), "{{le}}"),
            Panel::new(
                Heatmap,
                "Time of disk requests",
                "s",
                "Finished requests per second by the time they spent with the device.",
            )
            .query(heatmap(&block_io::DURATION, PODS, ""), "{{le}}"),
            Panel::new(Lines, "Disk, by command", "Bps", "Bytes per second that processes cause to be read or written.")
                .query(
                    top(&rate("command, disk_io_direction", &process::DISK_IO, PODS, "")),
                    "{{command}} {{disk_io_direction}}",
                ),
            Panel::new(
                Lines,
                "Time off the CPU, p99",
                "s",
                "99 % of sleeps ended after at most this time, by whether the sleep could be interrupted.",
            )
            .query(quantile(0.99, "state", &scheduler::OFF_CPU_DURATION, PODS, ""), "{{state}}"),
        ],
    }
}

fn others() -> Row {
    let legend = "{{instance}} {{unit}} {{container_id}} {{cgroup}}";
    let by = "instance, unit, container_id, cgroup";
    let none = r#"workload="""#;
    let table = |title, heading, unit, description: &str, query: String| {
        Panel::new(Table(heading), title, unit, description).query(top(&query), legend)
    };
    Row {
        title: "Units, and containers that are in no pod",
        panels: vec![
            table(
                "Kept waiting outside of pods",
                "Threads",
                "short",
                "Threads that wait for a CPU, a disk, memory or the kernel, on average.",
                rate(by, &stalls::THREAD_TIME, EXPORTERS, &format!("{STALLED}, {none}")),
            ),
            table(
                "CPU outside of pods",
                "CPUs",
                "short",
                "CPUs in use.",
                rate(by, &stalls::THREAD_TIME, EXPORTERS, &format!(r#"activity="running", {none}"#)),
            ),
        ],
    }
}

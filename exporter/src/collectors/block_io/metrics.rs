//! Metrics of the `block_io` collector.

use crate::{
    catalogue::{Key, Kind, Metric, Unit, keys},
    collectors::Description,
};

const WHO: &[&Key] = &[&keys::CGROUP];
const WHAT: &[&Key] = &[&keys::DEVICE, &keys::OPERATION];

/// See its help.
pub static DURATION: Metric = Metric {
    name: "kernel.block.io.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time that finished requests spent with the device, from the first issue to the last completion, retries \
           included. The cgroup is the one that is charged for the I/O; with cgroup v1, the one of the task that \
           submits it, which for write-back is a kernel thread's",
    identity: WHO,
    attributes: WHAT,
    source: "tracepoints block:block_rq_issue, block:block_rq_complete (block/blk-mq.c)",
};

/// See its help.
pub static QUEUE_DURATION: Metric = Metric {
    name: "kernel.block.io.queue.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time that finished requests spent in a queue, from insertion to the first issue; requests that went \
           straight to the device have none",
    identity: WHO,
    attributes: WHAT,
    source: "tracepoints block:block_rq_insert, block:block_rq_issue (block/blk-mq.c)",
};

/// See its help.
pub static SIZE: Metric = Metric {
    name: "kernel.block.io.size",
    kind: Kind::Sizes,
    unit: Unit::Bytes,
    help: "Bytes of finished requests: its count is the requests and its sum the bytes that /proc/diskstats has, where \
           `discard` and `flush` have columns of their own and `write` has all other operations that change the disk. \
           An empty flush is a write of no bytes and causes a flush",
    identity: &[],
    attributes: WHAT,
    source: "tracepoint block:block_rq_complete (block/blk-mq.c)",
};

/// See its help.
pub static ERRORS: Metric = Metric {
    name: "kernel.block.io.errors",
    kind: Kind::Counter,
    unit: Unit::Things("error"),
    help: "Errors of requests, as drivers report them; a request whose parts fail one by one has one for each part",
    identity: &[],
    attributes: &[&keys::DEVICE, &keys::OPERATION, &keys::ERROR],
    source: "tracepoint block:block_rq_complete, blk_status_t (include/linux/blk_types.h)",
};

/// See its help.
pub static IN_FLIGHT: Metric = Metric {
    name: "kernel.block.io.in_flight",
    kind: Kind::Gauge,
    unit: Unit::Things("request"),
    help: "Requests that the device has now; those that wait in a queue are not among them",
    identity: &[],
    attributes: &[&keys::DEVICE],
    source: "tracepoints block:block_rq_issue, block:block_rq_complete, block:block_rq_requeue (block/blk-mq.c)",
};

/// All of them.
pub static METRICS: &[&Metric] = &[&DURATION, &QUEUE_DURATION, &SIZE, &ERRORS, &IN_FLIGHT];

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "block_io",
    about: "How long disks took for requests, how large those were and how they failed. Only devices with request \
            queues are seen: what is stacked on others (device mapper, md) shows as the requests to those.",
    metrics: METRICS,
};

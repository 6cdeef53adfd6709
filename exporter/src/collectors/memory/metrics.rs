//! Metrics of the `memory` collector.

use crate::{
    catalogue::{Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static STALL_DURATION: Metric = Metric {
    name: "kernel.memory.stall.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time for which tasks had to make room in memory themselves before they could go on",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::MEMORY_STALL_TYPE],
    source: "tracepoints vmscan:mm_vmscan_direct_reclaim_begin, _end, mm_vmscan_memcg_reclaim_begin, _end, \
             mm_vmscan_node_reclaim_begin, _end (mm/vmscan.c), compaction:mm_compaction_begin, _end (mm/compaction.c)",
};

/// See its help.
pub static THROTTLE_DURATION: Metric = Metric {
    name: "kernel.memory.throttle.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time for which tasks were slowed down because memory was short; most of it is part of a stall as well, and \
           that of `memory_high` has the reclaim in it that was asked of the task",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::MEMORY_THROTTLE_REASON],
    source: "tracepoint vmscan:mm_vmscan_throttled (mm/vmscan.c), in ticks of the kernel; function \
             mem_cgroup_handle_over_high (mm/memcontrol.c)",
};

/// See its help.
pub static RECLAIMED: Metric = Metric {
    name: "kernel.memory.reclaimed.pages",
    kind: Kind::Counter,
    unit: Unit::Things("page"),
    help: "Pages that tasks took back from whoever had them when they had to make room themselves",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::MEMORY_STALL_TYPE],
    source: "tracepoints vmscan:mm_vmscan_direct_reclaim_end, mm_vmscan_memcg_reclaim_end, mm_vmscan_node_reclaim_end",
};

/// See its help.
pub static OOM_KILLS: Metric = Metric {
    name: "kernel.memory.oom.kills",
    kind: Kind::Counter,
    unit: Unit::Things("process"),
    help: "Processes that were killed because memory ran out, by whose they were",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::OOM_SCOPE],
    source: "tracepoint oom:mark_victim (mm/oom_kill.c), with function mark_oom_victim where that tells no task",
};

/// See its help.
pub static MAJOR_FAULT_DURATION: Metric = Metric {
    name: "kernel.memory.major_fault.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time for which tasks waited for pages that they touched to be read. Only with `major_fault_latency: true`",
    identity: &[&keys::CGROUP],
    attributes: &[&keys::MAJOR_FAULT_SOURCE],
    source: "functions filemap_fault (mm/filemap.c), do_swap_page (mm/memory.c)",
};

/// See its help.
pub static LOOKED_UP: Metric = Metric {
    name: "kernel.page_cache.lookup.pages",
    kind: Kind::Counter,
    unit: Unit::Things("page"),
    help: "Pages that reads of files took from the page cache, whether they were there or had to be read first. Only with \
           `page_cache: true`",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint filemap:mm_filemap_get_pages (mm/filemap.c)",
};

/// See its help.
pub static ADDED: Metric = Metric {
    name: "kernel.page_cache.added.pages",
    kind: Kind::Counter,
    unit: Unit::Things("page"),
    help: "Pages that were added to the page cache, by reads, ahead of them, by page faults and by writes: among those that \
           were looked up, an indicator of misses. Only with `page_cache: true`",
    identity: &[&keys::CGROUP],
    attributes: &[],
    source: "tracepoint filemap:mm_filemap_add_to_page_cache (mm/filemap.c)",
};

/// See its help.
pub static FAULTS: Metric = Metric {
    name: "system.paging.faults",
    kind: Kind::Counter,
    unit: Unit::Things("fault"),
    help: "Page faults of the whole machine; for major ones something had to be read",
    identity: &[],
    attributes: &[&keys::PAGING_FAULT_TYPE],
    source: "pgmajfault, and pgfault without those, in /proc/vmstat",
};

/// See its help.
pub static OPERATIONS: Metric = Metric {
    name: "system.paging.operations",
    kind: Kind::Counter,
    unit: Unit::Things("operation"),
    help: "Pages of the whole machine that were swapped in and out",
    identity: &[],
    attributes: &[&keys::PAGING_DIRECTION],
    source: "pswpin and pswpout in /proc/vmstat",
};

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "memory",
    about: "How long tasks waited because memory was short, who was killed for it, and how often pages had to be read \
            again. What kernel threads do in the background, `kswapd` above all, keeps nobody waiting and is not \
            counted.",
    metrics: &[
        &STALL_DURATION,
        &THROTTLE_DURATION,
        &RECLAIMED,
        &OOM_KILLS,
        &MAJOR_FAULT_DURATION,
        &LOOKED_UP,
        &ADDED,
        &FAULTS,
        &OPERATIONS,
    ],
};

//! What is attached.

use exporter_common::{ABSENT, memory::program};

use super::fields;
use crate::{
    config,
    hooks::{
        rows::{Hook, Program},
        rung::Missing,
    },
    kernel::btf::Btf,
    refusal::Refusal,
};

/// The programs that this config needs on this kernel, beginnings before ends: an end without one is not measured. And
/// what is missing. `on_v2`: cgroups are told apart by cgroup v2, and only that has memory.high.
pub(super) fn of(
    btf: &Btf,
    section: &config::Memory,
    task_over_high: u32,
    on_v2: bool,
) -> (Vec<Program>, Vec<Missing>) {
    let mut missing = Vec::new();
    let tracepoint = |name, number, loses| Program { name, number, hook: Hook::Tracepoint, loses };
    let entry = |name, number, function, loses| Program { name, number, hook: Hook::Entry(function), loses };
    let exit = |name, number, function, loses| Program { name, number, hook: Hook::Exit(function), loses };

    let memcg = Some("reclaim of cgroups at their limits");
    let node = Some("reclaim of nearby memory nodes");
    let compaction = Some("compaction");
    let mut programs = vec![
        tracepoint("mm_vmscan_direct_reclaim_begin", program::DIRECT_BEGIN, None),
        tracepoint("mm_vmscan_direct_reclaim_end", program::DIRECT_END, None),
        tracepoint("mm_vmscan_memcg_reclaim_begin", program::MEMCG_BEGIN, memcg),
        tracepoint("mm_vmscan_memcg_reclaim_end", program::MEMCG_END, memcg),
        tracepoint("mm_vmscan_node_reclaim_begin", program::NODE_BEGIN, node),
        tracepoint("mm_vmscan_node_reclaim_end", program::NODE_END, node),
        tracepoint("mm_compaction_begin", program::COMPACTION_BEGIN, compaction),
        tracepoint("mm_compaction_end", program::COMPACTION_END, compaction),
        tracepoint("mm_vmscan_throttled", program::THROTTLED, Some("throttling during reclaim")),
    ];
    let victim = btf.tracepoint("mark_victim");
    if victim.is_some_and(|arguments| arguments.first().is_some_and(|name| name != "task_struct*")) {
        let whose = Some("whose the victims of the OOM killer were");
        programs.push(entry("mark_oom_victim", program::VICTIM_TASK, "mark_oom_victim", whose));
    }
    programs.push(tracepoint("mark_victim", program::VICTIM, Some("OOM kills")));
    if on_v2 && task_over_high != ABSENT {
        // What was this function is the one with underscores where there is such.
        let function = ["__mem_cgroup_handle_over_high", "mem_cgroup_handle_over_high"]
            .into_iter()
            .find(|function| btf.function(function).is_some())
            .unwrap_or("mem_cgroup_handle_over_high");
        let high = Some("throttling above memory.high");
        programs.push(entry("over_high_begin", program::OVER_HIGH_BEGIN, function, high));
        programs.push(exit("over_high_end", program::OVER_HIGH_END, function, high));
    }
    if section.major_fault_latency {
        let file = Some("how long major page faults of files take");
        let swap = Some("how long major page faults of what is in swap take");
        programs.push(entry("file_fault_begin", program::FILE_FAULT_BEGIN, "filemap_fault", file));
        programs.push(exit("file_fault_end", program::FILE_FAULT_END, "filemap_fault", file));
        programs.push(entry("swap_fault_begin", program::SWAP_FAULT_BEGIN, "do_swap_page", swap));
        programs.push(exit("swap_fault_end", program::SWAP_FAULT_END, "do_swap_page", swap));
    }
    if section.page_cache {
        let (looked_up, added) = ("pages looked up in the page cache", "pages added to the page cache");
        programs.push(tracepoint("mm_filemap_get_pages", program::LOOK_UP, Some(looked_up)));
        match fields::folio(btf) {
            Err(error) if fields::tells_folios(btf) => {
                missing.push(Missing { loses: added, refusal: Refusal::of(&error.into()) });
            }
            _ => programs.push(tracepoint("mm_filemap_add_to_page_cache", program::ADD, Some(added))),
        }
    }
    (programs, missing)
}

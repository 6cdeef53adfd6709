//! Collector `lifecycle`.

mod metrics;
mod names;

pub use metrics::*;

use anyhow::Result;
use exporter_common::{
    ABSENT,
    lifecycle::{Class, ENDING, LifecycleFields, program, series},
};

use super::{
    Description,
    registry::Kernel,
    rows::{RowsCollector, rows_for_cgroups},
};
use crate::{
    catalogue::{Metric, keys},
    config::{self, By, Config, Detail, Limits},
    hooks::{
        rows::{Hook, Layout, Plan, Program},
        rung::Rung,
    },
    kernel::{
        btf::{Btf, BtfError},
        object::HASH_HEAD,
    },
    snapshot::Labels,
};

const OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lifecycle.o"));

/// What the kernel calls the functions of system calls before their names; see `SYSCALL_DEFINE` of the architecture.
macro_rules! system_call {
    ($name:literal) => {
        if cfg!(target_arch = "x86_64") {
            concat!("__x64_sys_", $name)
        } else if cfg!(target_arch = "aarch64") {
            concat!("__arm64_sys_", $name)
        } else if cfg!(target_arch = "s390x") {
            concat!("__s390x_sys_", $name)
        } else {
            concat!("__se_sys_", $name)
        }
    };
}

/// Names of what is counted.
pub struct Lifecycle;

impl RowsCollector for Lifecycle {
    const DESCRIPTION: &'static Description = &DESCRIPTION;
    const FAMILY: &'static str = "lifecycle";
    const RUNGS: &'static [Rung] = &[Rung::tp_btf(OBJECT)];
    const SERIES: &'static [Option<&'static Metric>] = &[
        None,
        Some(&PROCESS_CREATED),
        Some(&THREAD_CREATED),
        Some(&EXECS),
        Some(&EXEC_FAILURES),
        Some(&EXITS),
        Some(&FATAL_SIGNALS),
        Some(&THREAD_EXITS),
        Some(&EXEC_DELAY),
        Some(&LIFETIME),
    ];
    const NOTES: &'static [&'static str] = &["ended_twice"];
    type Section = config::Lifecycle;
    type Fields = LifecycleFields;

    fn section(config: &Config) -> &config::Lifecycle {
        &config.collectors.lifecycle
    }

    fn layout(section: &config::Lifecycle, limits: &Limits) -> Layout {
        let (counters, histograms) = rows_for_cgroups(limits);
        Layout {
            keep_cgroup: section.by != By::None,
            durations: section.detail == Detail::Histograms,
            fixed_counters: Vec::new(),
            fixed_histograms: Vec::new(),
            counters,
            histograms,
        }
    }

    fn maps(_: &config::Lifecycle) -> Vec<(&'static str, u32, usize)> {
        vec![("ENDING", ENDING, HASH_HEAD + size_of::<[u64; 2]>() + size_of::<u64>())]
    }

    fn plan(
        kernel: &Kernel,
        section: &config::Lifecycle,
        limits: &Limits,
    ) -> Result<(Plan<LifecycleFields>, Self)> {
        let tracepoint = |name, number| Program { name, number, hook: Hook::Tracepoint, loses: None };
        let call = |name, number, function, loses| Program {
            name,
            number,
            hook: Hook::Exit(function),
            loses: Some(loses),
        };
        let plan = Plan {
            family: Self::FAMILY,
            rungs: Self::RUNGS,
            fields: fields(&kernel.btf)?,
            programs: vec![
                tracepoint("sched_process_fork", program::FORK),
                tracepoint("sched_process_exec", program::EXEC),
                tracepoint("sched_process_exit", program::EXIT),
                call("execve_exit", program::EXECVE, system_call!("execve"), "failed execs"),
                call(
                    "execveat_exit",
                    program::EXECVEAT,
                    system_call!("execveat"),
                    "failed execs by execveat",
                ),
            ],
            missing: Vec::new(),
            layout: Self::layout(section, limits),
            maps: Self::maps(section),
        };
        Ok((plan, Self))
    }

    fn labels(&self, of: u32, attribute: u32) -> Labels {
        match of {
            series::EXEC_FAILED => Labels::new([(&keys::ERROR_TYPE, &*names::error(attribute))]),
            series::EXIT => Labels::new([(&keys::EXIT_CLASS, class(attribute))]),
            series::FATAL_SIGNAL => Labels::new([(&keys::SIGNAL, &*names::signal(attribute))]),
            _ => Labels::new([]),
        }
    }
}

fn class(number: u32) -> &'static str {
    match Class::ALL.get(number as usize) {
        Some(Class::Success) => "success",
        Some(Class::NotExecutable) => "not_executable",
        Some(Class::NotFound) => "not_found",
        Some(Class::ChildKilled) => "child_killed",
        Some(Class::Killed) => "killed",
        Some(Class::Failure) | None => "failure",
    }
}

fn fields(btf: &Btf) -> Result<LifecycleFields, BtfError> {
    // From Linux 6.16 on the tracepoint says itself whether the thread is the last one.
    let says = btf.tracepoint("sched_process_exit").is_some_and(|arguments| arguments.len() > 1);
    Ok(LifecycleFields {
        pid: btf.offset("task_struct", "pid")?,
        tgid: btf.offset("task_struct", "tgid")?,
        group_leader: btf.offset("task_struct", "group_leader")?,
        start_time: btf.offset("task_struct", "start_time")?,
        exit_code: btf.offset("task_struct", "exit_code")?,
        parent_exec_id: btf.offset("task_struct", "parent_exec_id")?,
        self_exec_id: btf.offset("task_struct", "self_exec_id")?,
        signal: btf.offset("task_struct", "signal")?,
        signal_flags: btf.offset("signal_struct", "flags")?,
        group_exit_code: btf.offset("signal_struct", "group_exit_code")?,
        live: if says { ABSENT } else { btf.offset("signal_struct", "live.counter")? },
    })
}

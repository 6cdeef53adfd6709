//! Collector `syscalls`.

mod errors;
mod metrics;

pub use metrics::*;

use anyhow::Result;
use exporter_common::{
    ABSENT,
    rows::RowKey,
    syscalls::{CLASS_BITS, PLACES, SyscallsFields, TABLE, about, place, program, series},
};

use super::{Description, registry::Kernel, rows::RowsCollector};
use crate::{
    catalogue::{Metric, keys},
    config::{self, By, Config, Detail, Limits},
    hooks::{
        per_task::{far_tasks, nearby_tasks},
        rows::{Hook, Layout, Plan, Program},
        rung::Rung,
    },
    kernel::{
        btf::{Btf, BtfError},
        syscalls::Syscall,
    },
    snapshot::Labels,
};

const WITH_TASK_STORAGE: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/syscalls-task-storage.o"));
const WITH_THREAD_HASH: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/syscalls-thread-hash.o"));

/// Rows for calls and errors where cgroups are not told apart: each call can fail in some classes.
const COUNTERS: u32 = 1024;

/// Names of system calls by their numbers.
pub struct Syscalls;

impl RowsCollector for Syscalls {
    const DESCRIPTION: &'static Description = &DESCRIPTION;
    const FAMILY: &'static str = "syscalls";
    const RUNGS: &'static [Rung] = &[
        Rung {
            name: "tp_btf+task_storage",
            needs: "BTF, task storage for programs on tracepoints (Linux 5.12)",
            task_storage: true,
            ..Rung::tp_btf(WITH_TASK_STORAGE)
        },
        Rung {
            name: "tp_btf+thread_hash",
            limit: Some(
                "of threads beyond 32,768 that are in system calls at once, calls have no durations, and are counted \
                 in kernel_exporter_failures_total{kind=\"task_entry_missing\"}",
            ),
            ..Rung::tp_btf(WITH_THREAD_HASH)
        },
    ];
    const SPARSE: bool = true;
    const SERIES: &'static [Option<&'static Metric>] =
        &[None, Some(&CALLS), Some(&DURATION), Some(&WAIT), Some(&ERRORS)];
    const NOTES: &'static [&'static str] = &["start_missed", "task_entry_missing"];
    const RESTLESS: Option<&'static str> = Some("sys_enter");
    type Section = config::Syscalls;
    type Fields = SyscallsFields;

    fn section(config: &Config) -> &config::Syscalls {
        &config.collectors.syscalls
    }

    fn layout(section: &config::Syscalls, limits: &Limits) -> Layout {
        let durations = section.detail == Detail::Histograms;
        let keep_cgroup = section.by != By::None;
        let fixed = |of_place: fn(Place) -> u32| {
            let key = |place: Place| RowKey { cgroup: 0, series: of_place(place), attribute: place.number };
            if keep_cgroup { Vec::new() } else { places(section).into_iter().map(key).collect() }
        };
        Layout {
            keep_cgroup,
            durations,
            fixed_counters: if durations { Vec::new() } else { fixed(|_| series::CALLS) },
            fixed_histograms: fixed(|place| if place.waits() { series::WAIT } else { series::DURATION }),
            counters: if keep_cgroup { limits.slots.saturating_mul(4) } else { COUNTERS },
            histograms: if keep_cgroup { limits.slots.saturating_mul(2) } else { 0 },
        }
    }

    fn maps(section: &config::Syscalls) -> Vec<(&'static str, u32, usize)> {
        vec![nearby_tasks(section.detail == Detail::Histograms)]
    }

    fn plan(
        kernel: &Kernel,
        section: &config::Syscalls,
        limits: &Limits,
    ) -> Result<(Plan<SyscallsFields>, Self)> {
        let tracepoint = |name, number| Program { name, number, hook: Hook::Tracepoint, loses: None };
        let durations = section.detail == Detail::Histograms;
        // Beginnings first: an end without one is not measured, and a beginning without an end is overwritten by the next.
        let mut programs = vec![tracepoint("sys_enter", program::ENTER)];
        if durations {
            programs.push(tracepoint("sys_exit", program::EXIT));
        }
        let plan = Plan {
            family: Self::FAMILY,
            rungs: Self::RUNGS,
            fields: fields(&kernel.btf, section)?,
            programs,
            missing: Vec::new(),
            layout: Self::layout(section, limits),
            maps: Self::maps(section).into_iter().chain([far_tasks(durations)]).collect(),
        };
        Ok((plan, Self))
    }

    fn labels(&self, of: u32, attribute: u32) -> Labels {
        match of {
            series::ERRORS => {
                let class = errors::name(attribute & ((1 << CLASS_BITS) - 1));
                Labels::new([(&keys::SYSCALL, name(attribute >> CLASS_BITS)), (&keys::ERROR_TYPE, class)])
            }
            _ => Labels::new([(&keys::SYSCALL, name(attribute))]),
        }
    }
}

/// Where calls are counted.
#[derive(Clone, Copy)]
struct Place {
    number: u32,
    /// `None` for calls whose names are not told.
    call: Option<Syscall>,
}

impl Place {
    fn waits(self) -> bool {
        self.call.is_some_and(Syscall::waits)
    }

    /// What programs are to know about it, when its row has this number.
    fn about(self, row: usize) -> u16 {
        let flags = [
            (self.waits(), about::WAITS),
            (self.call.is_some_and(Syscall::never_returns), about::NEVER_RETURNS),
            (self.call.is_some_and(Syscall::makes_task), about::MAKES_TASK),
        ];
        let flags = flags.iter().filter(|(is, _)| *is).fold(0, |all, (_, flag)| all | flag);
        (flags | (row as u32 + 1)) as u16
    }
}

/// The places whose calls are counted, in the order of their fixed rows.
fn places(section: &config::Syscalls) -> Vec<Place> {
    let of_call = |call: Syscall| Place { number: call.number, call: Some(call) };
    if !section.names.is_empty() {
        return section.names.iter().map(|name| of_call(name.0)).collect();
    }
    let without_name = [place::COMPAT, place::UNKNOWN].map(|number| Place { number, call: None });
    Syscall::all().map(of_call).chain(without_name).collect()
}

fn name(place: u32) -> &'static str {
    match place {
        place::COMPAT => "compat",
        _ => Syscall::all().find(|call| call.number == place).map_or("unknown", |call| call.name),
    }
}

fn fields(btf: &Btf, section: &config::Syscalls) -> Result<SyscallsFields, BtfError> {
    let mut about = [0; TABLE];
    for (row, place) in places(section).into_iter().enumerate() {
        about[place.number as usize] = place.about(row);
    }
    if section.names.is_empty() {
        // A number that no name is known of here.
        let unknown = about[place::UNKNOWN as usize];
        about[..PLACES].iter_mut().filter(|word| **word == 0).for_each(|word| *word = unknown);
    }
    let (number, compat_word, compat, native) = if cfg!(target_arch = "aarch64") {
        ("syscallno", "thread_info.flags", TIF_32BIT, None)
    } else {
        // The instruction `syscall` leaves in one register where the program goes on.
        ("orig_ax", "thread_info.status", TS_COMPAT, Some(("cx", "ip")))
    };
    let register = |name| btf.offset("pt_regs", name);
    let (regs_native_one, regs_native_other) = match native {
        Some((one, other)) => (register(one)?, register(other)?),
        None => (ABSENT, ABSENT),
    };
    Ok(SyscallsFields {
        regs_number: register(number)?,
        task_compat: btf.optional_offset("task_struct", compat_word).unwrap_or(ABSENT),
        compat,
        regs_native_one,
        regs_native_other,
        some_left_out: u32::from(!section.names.is_empty()),
        about,
        classes: errors::classes(),
    })
}

/// The current call came by the 32-bit entry (arch/x86/include/asm/thread_info.h), the same from 5.10 to 7.2.
const TS_COMPAT: u32 = 0x2;

/// The task is a 32-bit one (arch/arm64/include/asm/thread_info.h), the same from 5.10 to 7.2.
const TIF_32BIT: u32 = 1 << 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_is_counted_has_a_row_of_its_own() {
        let section = config::Syscalls::default();
        let all = places(&section);
        assert!(all.len() > 300 && all.len() < about::ROW as usize);
        let layout = Layout { fixed_counters: Vec::new(), ..Syscalls::layout(&section, &Limits::default()) };
        assert_eq!(layout.fixed_histograms.len(), all.len());
        for (row, place) in all.iter().enumerate() {
            assert_eq!(u32::from(place.about(row)) & about::ROW, row as u32 + 1);
            assert_eq!(layout.fixed_histograms[row].attribute, place.number);
        }
    }

    #[test]
    fn numbers_without_a_name_are_unknown() {
        assert_eq!((name(place::COMPAT), name(place::UNKNOWN), name(511)), ("compat", "unknown", "unknown"));
        assert_eq!(name(libc::SYS_getppid as u32), "getppid");
    }
}
